"""Confidence intervals for numbers measured on video, whose neighbouring frames are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with its confidence interval. NaN throughout when there was nothing to average."""

    mean: float
    low: float
    high: float
    frames: int
    """Frames the mean is taken over: those where the number is defined."""


def block_bootstrap(
    values: NDArray[np.float64], *, block: int | None = None, seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """The mean over time with its 95 % interval by the circular block bootstrap (Politis & Romano, 1992).

    ``values`` (T,) in time order; NaN marks frames where the number is not defined, and they are left out.
    Runs of ``block`` frames are drawn together, so that the interval knows how alike neighbours are;
    without ``block`` its length is :func:`block_length`. The same seed gives the same interval.
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    count = len(values)
    if count == 0:
        return Interval(mean=float("nan"), low=float("nan"), high=float("nan"), frames=0)
    block = min(count, block or block_length(values))
    random = np.random.default_rng(seed)
    starts = random.integers(0, count, size=(resamples, -(-count // block)))
    ends = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[:block]]))])
    whole = (ends[starts + block] - ends[starts]).sum(axis=1)
    surplus = starts.shape[1] * block - count
    whole -= ends[starts[:, -1] + block] - ends[starts[:, -1] + block - surplus]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(whole / count, [tail, 1 - tail])
    mean = float(values.mean())
    return Interval(mean=mean, low=min(float(low), mean), high=max(float(high), mean), frames=count)


def block_length(values: NDArray[np.float64]) -> int:
    """Frames a block should have: the best length for a first-order autoregression (Politis & White, 2004).

    b = (6 ρ² / (1 - ρ²)²)^⅓ T^⅓ with ρ the correlation of neighbours, at least 1 and at most a quarter of
    the clip.
    """
    count = len(values)
    if count < 8 or np.ptp(values) == 0:
        return 1
    centred = values - values.mean()
    rho = float(np.clip((centred[1:] * centred[:-1]).sum() / (centred**2).sum(), 0.0, 0.99))
    best = (6 * rho**2 / (1 - rho**2) ** 2 * count) ** (1 / 3)
    return int(np.clip(round(best), 1, max(1, count // 4)))
