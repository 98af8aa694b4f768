"""Constant rates from time stamps: pure arithmetic, no files."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dancedouble.media.timeline import STANDARD_RATES, fit_timeline

MILLISECOND = Fraction(1, 1000)


@pytest.mark.parametrize("rate", STANDARD_RATES, ids=str)
@pytest.mark.parametrize("frames", [300, 5000])
def test_even_stamps_in_milliseconds_give_their_standard_rate_one_to_one(rate: Fraction, frames: int) -> None:
    ticks = np.array([round(1000 * k / rate) for k in range(frames)])
    timeline = fit_timeline(ticks, MILLISECOND, None, rate)
    assert timeline.fps == rate
    assert not timeline.variable_rate
    assert timeline.frame_count(rate) == frames
    assert [timeline.shown_tick(k, rate) for k in range(frames)] == ticks.tolist()


def test_a_stated_rate_that_lies_is_not_believed() -> None:
    ticks = np.arange(0, 1000) * 40
    assert fit_timeline(ticks, MILLISECOND, 40, Fraction(30)).fps == 25


def test_an_uncommon_even_rate_is_kept() -> None:
    ticks = np.arange(500) * 73
    timeline = fit_timeline(ticks, MILLISECOND, None, None)
    assert not timeline.variable_rate
    assert timeline.frame_count(timeline.fps) == 500
    assert abs(float(timeline.fps) - 1000 / 73) < 0.01


def test_dropped_frames_are_held_and_the_length_is_kept() -> None:
    ticks = np.delete(np.arange(90) * 512, [10, 11, 12, 40])
    timeline = fit_timeline(ticks, Fraction(1, 15360), 512, None)
    assert timeline.variable_rate
    assert timeline.fps == 30
    assert timeline.frame_count(timeline.fps) == 90
    shown = [timeline.shown_tick(k, timeline.fps) // 512 for k in range(90)]
    assert shown[8:15] == [8, 9, 9, 9, 9, 13, 14]
    assert shown[39:42] == [39, 39, 41]


def test_jitter_does_not_drop_or_repeat() -> None:
    random = np.random.default_rng(3)
    even = np.arange(600) * 3003
    ticks = even + random.integers(-900, 900, 600)  # ±10 ms at 29.97
    ticks[0] = 0
    timeline = fit_timeline(ticks, Fraction(1, 90000), None, Fraction(30000, 1001))
    assert timeline.fps == Fraction(30000, 1001)
    assert [timeline.shown_tick(k, timeline.fps) for k in range(600)] == sorted(ticks.tolist())


def test_time_counts_from_the_first_picture_and_the_last_one_stays_its_time() -> None:
    ticks = np.array([5000, 5033, 5067, 5100, 6100])
    timeline = fit_timeline(ticks, MILLISECOND, 300, Fraction(30))
    assert timeline.start_time == 5
    assert timeline.fps == 30
    assert timeline.frame_count(Fraction(30)) == 42  # 1.1 s to the last picture and 0.3 s of it
    assert timeline.shown_tick(32, Fraction(30)) == 5100
    assert timeline.shown_tick(33, Fraction(30)) == 6100


def test_resampling_to_another_rate_keeps_the_length() -> None:
    timeline = fit_timeline(np.arange(100) * 40, MILLISECOND, 40, Fraction(25))
    assert timeline.frame_count(Fraction(25)) == 100
    assert timeline.frame_count(Fraction(50)) == 200
    assert timeline.frame_count(Fraction(10)) == 40
    assert [timeline.shown_tick(k, Fraction(50)) // 40 for k in range(5)] == [0, 0, 1, 1, 2]


def test_one_picture_is_one_frame() -> None:
    timeline = fit_timeline(np.array([7]), MILLISECOND, None, Fraction(30))
    assert (timeline.fps, timeline.frame_count(timeline.fps)) == (30, 1)


def test_a_muxers_wild_last_duration_is_not_believed() -> None:
    timeline = fit_timeline(np.arange(30) * 40, MILLISECOND, 90_000, Fraction(25))
    assert timeline.frame_count(Fraction(25)) == 30
