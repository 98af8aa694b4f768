"""The stage of a clip: its subject's far and close position and the heights there (equations 8 and 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancedouble.pose.standing import Series, Standing

FAR_SHARE = 0.7
"""The paper's a: the far position lies this share of (close - median) above the median."""
BAND = 0.05
"""Heights are the maximum over frames within this share of the depth range; also eps of equation 9."""
BAND_FRAMES = 5
"""A band holds at least this many frames: the nearest ones are taken where it holds fewer."""
FLAT = 0.03
"""A clip whose floor line moves less than this (of the body's height) has one depth."""
STEEPEST = 4.0
"""Most that standing height can grow per pixel of floor line: a camera at a quarter of the body's height."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Far and close position of a clip's subject and the standing height at both, in pixels."""

    far: float
    close: float
    middle: float
    """Median y of the floor line."""
    farthest: float
    nearest: float
    """Least and greatest y of the floor line."""
    height_far: float
    height_close: float
    center: float
    """Median x of the hips."""
    left: float
    right: float
    """Between these x the hips are nine tenths of the time."""

    @property
    def is_flat(self) -> bool:
        """Whether the clip shows one depth only."""
        return self.far == self.close

    def height_at(self, y: float) -> float:
        """Standing height where the floor line is at ``y``."""
        if self.is_flat:
            return self.height_far
        share = (y - self.far) / (self.close - self.far)
        return self.height_far + share * (self.height_close - self.height_far)


def measure_stage(standing: Standing, a: float = FAR_SHARE, *, flat: bool = False) -> Stage:
    """Close and far position (equation 9) and the standing heights there, of one clip.

    ``flat`` takes the clip as having one depth, as does a floor line that hardly moves.
    """
    floor, height = standing.floor[standing.measured], standing.height[standing.measured]
    tallest, middle, close = float(height.max()), float(np.median(floor)), float(floor.max())
    far = _far_position(floor, middle, close, a)
    if flat or close - far < FLAT * tallest:
        far = close = middle
        height_far = height_close = tallest
    else:
        height_close = _height_near(floor, height, close, close - far)
        height_far = _height_near(floor, height, far, close - far)
        # In perspective the closest is the tallest; where it is not, the person never stood upright there.
        if tallest > 1.1 * height_close or height_far > height_close:
            height_close = tallest
        height_far = max(height_far, height_close - STEEPEST * (close - far), 0.2 * height_close)
    left, center, right = np.quantile(standing.center[standing.measured], (0.05, 0.5, 0.95)).tolist()
    return Stage(
        far=far, close=close, middle=middle, farthest=float(floor.min()), nearest=float(floor.max()),
        height_far=height_far, height_close=height_close,
        center=center, left=left, right=right,
    )  # fmt: skip


def _far_position(floor: Series, middle: float, close: float, a: float) -> float:
    """Equation 9: the greatest y within eps of a (close - median) above the median.

    When nobody stood there: the farthest place short of it, as the authors' program has it.
    """
    back = middle - floor[floor < middle]
    reach = a * (close - middle)
    band = back[np.abs(back - reach) < BAND * (close - middle)]
    if len(band):
        return middle - float(band.min())
    short = back[back < reach]
    return middle - float(short.max()) if len(short) else middle


def _height_near(floor: Series, height: Series, place: float, span: float) -> float:
    """The greatest height in the band about a place, which is never empty."""
    distance = np.abs(floor - place)
    count = max(int((distance <= BAND * span).sum()), min(BAND_FRAMES, len(distance)))
    return float(height[np.argsort(distance, kind="stable")[:count]].max())
