"""From coverage distance to expected quality: rank correlation, and a calibrated, monotone curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.stats import spearmanr

Series = NDArray[np.float64]
KNOTS = 16


def rank_correlation(distance: Series, error: Series) -> float:
    """Spearman's ρ of two series over the frames where both are known, -1 to 1; NaN with fewer than 3 or no spread."""
    known = ~(np.isnan(distance) | np.isnan(error))
    first, second = distance[known], error[known]
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(spearmanr(first, second).statistic)


@dataclass(frozen=True)
class QualityCurve:
    """Expected error at a coverage distance: never falling, straight between its knots, flat beyond them."""

    distance: tuple[float, ...]
    error: tuple[float, ...]

    def predict(self, distance: Series) -> Series:
        """Expected error of each frame, in the unit the curve was fitted to."""
        return np.asarray(np.interp(distance, self.distance, self.error), np.float64)

    def to_dict(self) -> dict[str, Any]:
        """For JSON and for the header of a person file."""
        return {"distance": list(self.distance), "error": list(self.error)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> QualityCurve:
        """Undo :meth:`to_dict`."""
        return cls(tuple(content["distance"]), tuple(content["error"]))


def fit_quality_curve(distance: Series, error: Series) -> QualityCurve:
    """Isotonic regression of measured error (such as LPIPS per frame) on coverage distance.

    Raises ValueError with fewer than 8 frames where both are known.
    """
    known = ~(np.isnan(distance) | np.isnan(error))
    if known.sum() < 8:
        raise ValueError(f"a curve needs at least 8 measured frames, got {int(known.sum())}")
    order = np.argsort(distance[known], kind="stable")
    places = distance[known][order]
    rising = isotonic_regression(error[known][order]).x
    bins = np.array_split(np.arange(len(places)), min(KNOTS, len(places) // 4))
    return QualityCurve(
        tuple(round(float(places[rows].mean()), 5) for rows in bins),
        tuple(round(float(rising[rows].mean()), 5) for rows in bins),
    )
