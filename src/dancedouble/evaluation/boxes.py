"""The crops that metrics are taken on: always from the true pose, so that all methods share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, FACE, INDEX

BODY_MARGIN = 0.10
"""Margin of the body box on each side, as a share of the longer side of the tight box around the pose."""
FACE_MARGIN = 0.25
"""Margin of the face box on each side, as a share of the side of the tight square around the face."""
SMALLEST_SIDE = 16
"""A box is grown to at least this many pixels a side, so that an 11 × 11 SSIM window always fits."""
WINDOW_PERCENTILE, WINDOW_SECONDS = 95, 0.4
"""Windows of pictures hold so many percent of the body boxes, and follow their centres smoothed over so long."""

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


def steady_windows(poses: PoseSequence, margin: float) -> list[Box | None]:
    """One window per frame, all of one size, that follow the person without shaking: for pictures, not for numbers.

    As large as the body boxes with ``margin`` mostly are; None where nobody is seen.
    """
    boxes = [body_box(xy, score, poses.size, margin) for xy, score in zip(poses.xy, poses.score, strict=True)]
    seen = [index for index, box in enumerate(boxes) if box is not None]
    if not seen:
        return boxes
    corners = np.array([[box.left, box.top, box.right, box.bottom] for box in boxes if box is not None], np.float64)
    sides = np.percentile(corners[:, 2:] - corners[:, :2], WINDOW_PERCENTILE, axis=0)
    middles = (corners[:, 2:] + corners[:, :2]) / 2
    frames = np.arange(len(boxes))
    path = np.stack([np.interp(frames, seen, middle) for middle in middles.T], axis=1)
    path = gaussian_filter1d(path, WINDOW_SECONDS * float(poses.fps), axis=0, mode="nearest")
    height, width = poses.size
    wide, tall = min(width, int(np.ceil(sides[0]))), min(height, int(np.ceil(sides[1])))
    left = np.clip(np.round(path[:, 0] - wide / 2), 0, width - wide).astype(int)
    top = np.clip(np.round(path[:, 1] - tall / 2), 0, height - tall).astype(int)
    windows: list[Box | None] = [None] * len(boxes)
    for index in seen:
        x, y = int(left[index]), int(top[index])
        windows[index] = Box(x, y, x + wide, y + tall)
    return windows


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
