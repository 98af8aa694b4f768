"""The crops that metrics are taken on: always from the true pose, so that all methods share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.skeleton import BODY, FACE, INDEX

BODY_MARGIN = 0.10
"""Margin of the body box on each side, as a share of the longer side of the tight box around the pose."""
FACE_MARGIN = 0.25
"""Margin of the face box on each side, as a share of the side of the tight square around the face."""
SMALLEST_SIDE = 16
"""A box is grown to at least this many pixels a side, so that an 11 × 11 SSIM window always fits."""

HEAD = np.array([INDEX[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")])


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels: columns ``left`` to ``right`` - 1, rows ``top`` to ``bottom`` - 1."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.bottom - self.top, self.right - self.left

    def crop(self, image: NDArray[Any]) -> NDArray[Any]:
        """The part of an (H, W, …) image inside the box, as a view."""
        return image[self.top : self.bottom, self.left : self.right]


def full_box(size: tuple[int, int]) -> Box:
    """The whole frame of ``size`` (height, width)."""
    return Box(0, 0, size[1], size[0])


def body_box(
    xy: NDArray[np.float32], score: NDArray[np.float32], size: tuple[int, int], margin: float = BODY_MARGIN
) -> Box | None:
    """The paper's body crop: the box around all detected points of one pose, plus a margin, inside the frame.

    ``xy`` (137, 2) px, ``score`` (137,), ``size`` (height, width). None with fewer than 4 body points.
    """
    if np.count_nonzero(score[BODY] > 0) < 4:
        return None
    points = xy[score > 0]
    low, high = points.min(axis=0), points.max(axis=0)
    grow = margin * float((high - low).max())
    return _inside(low - grow, high + grow, size)


def face_box(
    xy: NDArray[np.float32], score: NDArray[np.float32], size: tuple[int, int], margin: float = FACE_MARGIN
) -> Box | None:
    """The paper's face crop: a square around the detected face points plus a margin, inside the frame.

    The 70 face points when at least half of them are seen, otherwise the nose, eyes and ears (at least 3).
    None when the face is not seen, as from behind.
    """
    face = score[FACE] > 0
    if np.count_nonzero(face) >= len(face) // 2:
        points = xy[FACE][face]
    else:
        points = xy[HEAD][score[HEAD] > 0]
        if len(points) < 3 or score[INDEX["nose"]] <= 0:
            return None
    low, high = points.min(axis=0), points.max(axis=0)
    half = (0.5 + margin) * float((high - low).max())
    centre = (low + high) / 2
    return _inside(centre - half, centre + half, size)


def _inside(low: NDArray[np.float32], high: NDArray[np.float32], size: tuple[int, int]) -> Box | None:
    """Whole pixels of the box from ``low`` to ``high`` (x, y) inside the frame; None if hardly any are."""
    height, width = size
    left, right = _span(float(low[0]), float(high[0]), width)
    top, bottom = _span(float(low[1]), float(high[1]), height)
    if right - left < min(SMALLEST_SIDE, width) or bottom - top < min(SMALLEST_SIDE, height):
        return None
    return Box(left, top, right, bottom)


def _span(low: float, high: float, length: int) -> tuple[int, int]:
    """The pixels from ``low`` to ``high``, at least ``SMALLEST_SIDE`` of them, cut at 0 and ``length``."""
    lacking = max(0.0, SMALLEST_SIDE - (high - low)) / 2
    return max(0, int(np.floor(low - lacking))), min(length, int(np.ceil(high + lacking)))
