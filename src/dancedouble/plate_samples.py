"""The few frames of a stream that show most of the background: those between which the subject moves most.

What is hidden in one pose is bare in another, so frames are kept for how their masks differ, not for when they were
taken. A subject who stands still for a minute and steps aside once is kept standing once and aside once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.skeleton import BODY_LIMBS, body

Picture = NDArray[np.uint8]
SAMPLES = 32
"""Frames kept: more do not change the plate, and memory stays bounded."""
COMPARED = 48
"""Masks are compared at this height and width."""
BONE = 0.06
"""Thickness of a limb as a share of the subject's height: masks miss shoes, hands and thin arms, poses do not."""
BEYOND = 0.25
"""A foot goes on beyond the points found of it by this share of its length."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One frame that may show the background."""

    picture: Picture
    """RGB uint8 (H, W, 3)."""
    mask: Picture | None
    """(H, W) 0–255 where the subject is; None where they are absent."""
    height: float
    """Of the subject in pixels."""
    feet: float | None = None
    """Row of the higher one of their feet; None where it is not known."""


@dataclass
class DiverseSamples:
    """Keeps at most ``SAMPLES`` of the frames it is given: of the two most alike, the one with another like it goes."""

    kept: list[Sample] = field(default_factory=list)
    _masks: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, sample: Sample) -> None:
        """Take the next frame; its picture may be overwritten afterwards."""
        mask = _small(sample)
        if len(self.kept) == SAMPLES:
            spared = _most_alike([*self._masks, mask])
            if spared == SAMPLES:
                return
            del self.kept[spared], self._masks[spared]
        self.kept.append(replace(sample, picture=sample.picture.copy()))
        self._masks.append(mask)


def with_limbs(mask: Picture, xy: NDArray[np.float32], score: NDArray[np.float32], height: float) -> Picture:
    """A mask (H, W) with the limbs of a pose (137, 2), (137,) drawn into it; ``height`` of the subject in pixels."""
    drawn = mask.copy()
    thickness = max(1, round(BONE * height))
    for start, end in BODY_LIMBS:
        if score[body(start)] <= 0 or score[body(end)] <= 0:
            continue
        a, b = xy[body(start)], xy[body(end)]
        if end.endswith(("toe", "heel")):
            b = b + BEYOND * (b - a)
        (x1, y1), (x2, y2) = np.rint([a, b]).astype(int).tolist()
        cv2.line(drawn, (x1, y1), (x2, y2), 255, thickness)
    return drawn


def higher_foot(xy: NDArray[np.float32], score: NDArray[np.float32]) -> float | None:
    """Row of the higher ankle of a pose (137, 2), (137,); None when not both are seen."""
    ankles = [body("left_ankle"), body("right_ankle")]
    return float(xy[ankles, 1].min()) if (score[ankles] > 0).all() else None


def _small(sample: Sample) -> NDArray[np.float32]:
    """(COMPARED²,) the mask, shrunk: 0 to 1."""
    if sample.mask is None:
        return np.zeros(COMPARED**2, np.float32)
    small = cv2.resize(sample.mask, (COMPARED, COMPARED), interpolation=cv2.INTER_AREA)
    return np.asarray(small.ravel() / np.float32(255), np.float32)


def _most_alike(masks: list[NDArray[np.float32]]) -> int:
    """Index of the mask that can be spared: of the nearest pair the one that is nearer to a third."""
    stacked = np.stack(masks)
    squares = (stacked**2).sum(1)
    apart = squares[:, None] + squares - 2 * stacked @ stacked.T
    np.fill_diagonal(apart, np.inf)
    one, other = np.unravel_index(int(apart.argmin()), apart.shape)
    apart[one, other] = apart[other, one] = np.inf
    return int(one if apart[one].min() < apart[other].min() else other)
