"""From the time stamps a file holds to a constant frame rate. Pure arithmetic: no decoding here.

Containers state a frame rate and a frame count, and both may be wrong. Only the time stamps say when a
picture was on screen, so the rate frames are delivered at is found from them, and output frame ``i`` is the
last picture that came on screen by ``i / fps``, with half a frame of tolerance for jitter:

    shown(i) = max {k : t_k - t_0 <= i / fps + tolerance}

A clip of constant rate is thereby delivered one to one. Gaps hold the picture before them; crowded stamps
drop. Asked for another rate, the tolerance is half a frame of the faster of the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_WHOLE_RATES = (5, 6, 8, 10, 12, 15, 16, 18, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240)
_NTSC_RATES = (24, 30, 48, 60, 120, 240)
STANDARD_RATES = tuple(sorted([Fraction(r) for r in _WHOLE_RATES] + [Fraction(r * 1000, 1001) for r in _NTSC_RATES]))
FASTEST_RATE = Fraction(240)


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """When each picture of a file comes on screen, and the constant rate that fits.

    ``ticks``: (N,) display time stamps, ascending and without repeats, in units of ``time_base`` seconds.
    ``end``: the tick at which the last picture leaves the screen.
    """

    ticks: NDArray[np.int64]
    time_base: Fraction
    end: int
    fps: Fraction
    variable_rate: bool

    @property
    def start_time(self) -> Fraction:
        """Seconds on the container's clock at which the first picture is shown."""
        return int(self.ticks[0]) * self.time_base

    def frame_count(self, fps: Fraction) -> int:
        """How many frames the clip makes at the constant rate ``fps``; at least 1."""
        span = (self.end - int(self.ticks[0])) * self.time_base
        return max(1, _round_half_up(span * fps))

    def latest_tick(self, index: int, fps: Fraction) -> int:
        """The last tick at which a picture may appear and still be output frame ``index``."""
        seconds = index / fps + Fraction(1, 2) / max(fps, self.fps)
        return int(self.ticks[0]) + math.floor(seconds / self.time_base)

    def shown_tick(self, index: int, fps: Fraction) -> int:
        """The time stamp of the picture that is output frame ``index``."""
        place = int(np.searchsorted(self.ticks, self.latest_tick(index, fps), side="right")) - 1
        return int(self.ticks[max(place, 0)])


def fit_timeline(
    ticks: NDArray[np.int64], time_base: Fraction, last_duration: int | None, stated_rate: Fraction | None
) -> Timeline:
    """The timeline of display time stamps ``ticks`` (any order, repeats allowed, at least one).

    ``last_duration``: ticks the last picture stays, when the container says so. ``stated_rate``: the rate
    the container states, used only to choose between rates the time stamps fit equally well, and for a clip
    of a single picture.
    """
    ticks = np.unique(ticks)
    fps, variable = _constant_rate(ticks, time_base, stated_rate)
    period = max(1, _round_half_up(1 / fps / time_base))
    # Muxers guess the last duration. On an even clip it is one frame; else up to 20 frames are believed.
    stay = last_duration if variable and last_duration and last_duration <= 20 * period else period
    end = int(ticks[-1]) + max(stay, period)
    return Timeline(ticks=ticks, time_base=time_base, end=end, fps=fps, variable_rate=variable)


def _constant_rate(ticks: NDArray[np.int64], time_base: Fraction, stated: Fraction | None) -> tuple[Fraction, bool]:
    """(rate, whether the stamps depart from it): the mean interval when they are even, else the median."""
    if stated is not None and not 0 < stated <= FASTEST_RATE:
        stated = None
    if len(ticks) < 2:
        return stated or Fraction(25), False
    intervals = np.diff(ticks)
    median = Fraction(float(np.median(intervals))) * time_base
    span = int(ticks[-1] - ticks[0]) * time_base
    rate = _simplest_rate(len(intervals), span, time_base, stated)
    if _is_even(ticks, rate, time_base):
        return rate, False
    if stated is not None and abs(stated * median - 1) <= Fraction(3, 100) and stated in STANDARD_RATES:
        return stated, True
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard * median - 1))
    if abs(nearest * median - 1) <= Fraction(5, 100):
        # Jitter hides the difference between 30 and 30000/1001: take the whole rate.
        return Fraction(round(nearest)), True
    return min(FASTEST_RATE, max(Fraction(1), (1 / median).limit_denominator(100))), True


def _simplest_rate(intervals: int, span: Fraction, time_base: Fraction, stated: Fraction | None) -> Fraction:
    """The rate of ``intervals`` even steps over ``span`` seconds, standard or simple where the stamps allow
    it."""
    exact = intervals / span
    tolerance = max(2 * time_base, span / intervals / 4)

    def drift(rate: Fraction) -> Fraction:
        return abs(intervals / rate - span)

    fitting = [rate for rate in STANDARD_RATES if drift(rate) <= tolerance]
    if fitting:
        least = min(map(drift, fitting))
        close = [rate for rate in fitting if drift(rate) <= least + time_base]
        return stated if stated in close else min(close, key=drift)
    for denominator in (1, 1001, 65535):
        rate = exact.limit_denominator(denominator)
        if rate > 0 and drift(rate) <= tolerance:
            return min(rate, FASTEST_RATE)
    return min(exact.limit_denominator(1_000_000), FASTEST_RATE)


def _is_even(ticks: NDArray[np.int64], rate: Fraction, time_base: Fraction) -> bool:
    """Whether stamp k is the picture of frame k: within 0.4 of a frame of ``k / rate``, for every k."""
    period = float(1 / rate / time_base)
    offset = (ticks - ticks[0]) / period - np.arange(len(ticks))
    return bool(np.abs(offset).max() <= 0.4)


def _round_half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))
