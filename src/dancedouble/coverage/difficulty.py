"""How hard each moment of a dance will be to show, told from poses alone, before anyone learns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence

MARGIN = 0.10
"""Of the box in which pictures are judged, on every side, as a share of its longer side."""
HARDEST, APART = 3, 1.0
"""How many hardest moments are told, and how many seconds they are apart."""
FLOOR = 0.05
"""What a pose costs that was filmed just so, in coverage distance: pictures are never perfect."""


def frame_difficulty(poses: PoseSequence, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T,) (coverage distance + 0.05) × how tightly the person fills their box; NaN where either is unknown.

    ``distance`` (T,) is how far each pose is from everything filmed. Pictures are judged in a box around the person:
    with arms spread most of it is the empty room, which cannot go wrong; arms at the sides leave only the person.
    """
    return np.asarray((distance + FLOOR) * _tightness(poses), np.float64)


def hardest_moments(difficulty: NDArray[np.float64], fps: float) -> tuple[float, ...]:
    """Seconds of the most difficult frames, the most difficult first, ``APART`` seconds from each other."""
    chosen: list[float] = []
    for frame in np.argsort(-np.nan_to_num(difficulty, nan=-np.inf), kind="stable"):
        second = float(frame) / fps
        if len(chosen) == HARDEST or np.isnan(difficulty[frame]):
            break
        if all(abs(second - other) >= APART for other in chosen):
            chosen.append(second)
    return tuple(chosen)


def _tightness(poses: PoseSequence) -> NDArray[np.float64]:
    """(T,) square of the clip's usual body height over the area of each pose's box inside the frame."""
    seen = poses.score > 0
    known = seen.sum(axis=1) >= 4
    low = np.where(seen[..., None], poses.xy, np.inf).min(axis=1)
    high = np.where(seen[..., None], poses.xy, -np.inf).max(axis=1)
    low[~known], high[~known] = 0, 0
    margin = MARGIN * (high - low).max(axis=1, keepdims=True)
    height, width = poses.size
    sides = np.clip(high + margin, 0, [width, height]) - np.clip(low - margin, 0, [width, height])
    area = sides.prod(axis=1, dtype=np.float64)
    known &= area > 0
    if not known.any():
        return np.full(len(poses), np.nan)
    tall = float(np.median((high - low)[known, 1]))
    return np.where(known, tall**2 / np.where(known, area, 1), np.nan)
