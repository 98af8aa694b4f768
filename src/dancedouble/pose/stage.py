"""The stage of a clip: its subject's far and close position and the standing heights there (equations 8 and 9).

The paper takes the greatest height seen near either position, which is too little where nobody happened to stand
upright: casual clips and dances lean and bend, and the double came out up to 6 % short. Under a fixed camera standing
height grows linearly with the floor line, h = s (y - horizon), with s the body's height over the camera's. So every
frame has a say: of all such lines the one is taken that lies closest above nearly all heights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancedouble.pose.standing import Series, Standing

FAR_SHARE = 0.7
"""The paper's a: the far position lies this share of (close - median) above the median."""
EPS = 0.05
"""eps of equation 9: the far position is looked for within this share of (close - median)."""
UPRIGHT_QUANTILE = 0.98
"""The line of standing heights has this share of the frames below it: who is taller yet is a measuring error."""
SLOPES = np.geomspace(0.25, 8, 81)
"""Standing height gained per pixel of floor line, all that are tried: cameras at 4 to 1/8 of the body's height."""
USUAL_SLOPE, DOUBT = 1.3, 5e-4
"""A camera at three quarters of the body's height is assumed where the clip does not tell: this costs a slope twice as
steep about as much as two frames in a hundred that are 2 % taller than its line says."""
MIN_SHARE = 0.2
"""Nobody is smaller at the far position than this share of the greatest height seen."""
FLAT = 0.03
"""A clip whose floor line moves less than this (of the body's height) has one depth."""


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
    middle, close = float(np.median(floor)), float(floor.max())
    far = _far_position(floor, middle, close, a)
    if flat or close - far < FLAT * height.max():
        far = close = middle
    if flat:
        height_far = height_close = float(height.max())
    else:
        height_far, height_close = _upright_at((far, close), floor, height)
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
    band = back[np.abs(back - reach) < EPS * (close - middle)]
    if len(band):
        return middle - float(band.min())
    short = back[back < reach]
    return middle - float(short.max()) if len(short) else middle


def _upright_at(places: tuple[float, float], floor: Series, height: Series) -> tuple[float, float]:
    """Standing heights at two places: the upper envelope of all heights, by quantile regression on the floor line."""
    above = height - SLOPES[:, None] * floor
    offset = np.quantile(above, UPRIGHT_QUANTILE, axis=1)
    error = (above - offset[:, None]) / height.max()
    loss = np.maximum(UPRIGHT_QUANTILE * error, (UPRIGHT_QUANTILE - 1) * error).mean(axis=1)
    best = int((loss + DOUBT * np.abs(np.log(SLOPES / USUAL_SLOPE))).argmin())
    least = MIN_SHARE * float(height.max())
    far, close = (max(float(offset[best] + SLOPES[best] * y), least) for y in places)
    return far, close
