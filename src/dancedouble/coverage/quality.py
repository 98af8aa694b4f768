"""From difficulty to expected quality: rank correlation, and a calibrated, monotone curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import spearmanr

Series = NDArray[np.float64]
KNOTS = 16
TRUSTED = 0.5
"""Rank correlation from which a prediction is worth showing."""


def rank_correlation(predicted: Series, error: Series) -> float:
    """Spearman's ρ of two series over the frames where both are known, -1 to 1; NaN with fewer than 3 or no spread."""
    known = ~(np.isnan(predicted) | np.isnan(error))
    first, second = predicted[known], error[known]
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)


@dataclass(frozen=True)
class QualityCurve:
    """Expected error at a difficulty: never falling, straight between its knots, flat beyond them."""

    difficulty: tuple[float, ...]
    error: tuple[float, ...]

    def predict(self, difficulty: Series) -> Series:
        """Expected error of each frame, in the unit the curve was fitted to; NaN where the difficulty is."""
        expected = np.interp(difficulty, self.difficulty, self.error)
        return np.asarray(np.where(np.isnan(difficulty), np.nan, expected), np.float64)

    def to_dict(self) -> dict[str, Any]:
        """For JSON and for the header of a person file."""
        return {"difficulty": list(self.difficulty), "error": list(self.error)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> QualityCurve:
        """Undo :meth:`to_dict`. Raises KeyError for what is none."""
        return cls(tuple(content["difficulty"]), tuple(content["error"]))


def fit_quality_curve(difficulty: Series, error: Series) -> QualityCurve:
    """Isotonic regression of measured error (such as LPIPS per frame) on difficulty.

    Raises ValueError with fewer than 8 frames where both are known.
    """
    known = ~(np.isnan(difficulty) | np.isnan(error))
    if known.sum() < 8:
        raise ValueError(f"a curve needs at least 8 measured frames, got {int(known.sum())}")
    order = np.argsort(difficulty[known], kind="stable")
    places = difficulty[known][order]
    rising = isotonic_regression(error[known][order]).x
    bins = np.array_split(np.arange(len(places)), min(KNOTS, len(places) // 4))
    return QualityCurve(
        tuple(round(float(places[rows].mean()), 5) for rows in bins),
        tuple(round(float(rising[rows].mean()), 5) for rows in bins),
    )
