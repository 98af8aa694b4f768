"""The block bootstrap: exact cases, repeatability, intervals that hold the truth as often as they claim."""

from __future__ import annotations

import numpy as np
import pytest

from dancedouble.evaluation.bootstrap import block_bootstrap, block_length


def autoregression(rho: float, frames: int, random: np.random.Generator) -> np.ndarray:
    values = np.empty(frames)
    values[0] = random.normal() / np.sqrt(1 - rho**2)
    for index in range(1, frames):
        values[index] = rho * values[index - 1] + random.normal()
    return values


def coverage(rho: float, block: int | None) -> float:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        interval = block_bootstrap(autoregression(rho, 300, random), block=block, resamples=300)
        hits += interval.low <= 0 <= interval.high
    return hits / 200


def test_constant_values_have_no_spread() -> None:
    interval = block_bootstrap(np.full(50, 0.25))
    assert (interval.low, interval.mean, interval.high) == (0.25, 0.25, 0.25)


def test_undefined_frames_are_left_out_and_nothing_gives_nan() -> None:
    interval = block_bootstrap(np.array([1.0, np.nan, 3.0]))
    assert interval.mean == 2.0 and interval.frames == 2
    assert np.isnan(block_bootstrap(np.array([np.nan])).mean)


def test_same_seed_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=100)
    assert block_bootstrap(values, seed=3) == block_bootstrap(values, seed=3)
    assert block_bootstrap(values, seed=3) != block_bootstrap(values, seed=4)


def test_blocks_grow_with_correlation() -> None:
    random = np.random.default_rng(0)
    independent = block_length(random.normal(size=400))
    related = block_length(autoregression(0.9, 400, random))
    assert independent <= 4 < 15 <= related <= 100


def test_every_block_length_resamples_the_whole_clip() -> None:
    values = np.random.default_rng(0).normal(size=37)
    for block in (1, 5, 36, 37, 100):
        interval = block_bootstrap(values, block=block)
        assert interval.low <= values.mean() <= interval.high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    assert coverage(0.0, None) == pytest.approx(0.95, abs=0.05)
    assert coverage(0.8, None) > 0.85


def test_ignoring_time_would_be_far_too_sure() -> None:
    assert coverage(0.8, 1) < 0.65
