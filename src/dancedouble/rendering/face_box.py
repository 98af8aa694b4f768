"""Where the face is in the picture: the square that the face GAN works on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.skeleton import INDEX

PAPER_SIDE, PAPER_SHORT_SIDE = 128, 512
HALF_BOX, CANVAS_SHORT, CANVAS_LONG = 70, 1080, 1920
"""The paper first marks ±70 px about the nose on its 1080 × 1920 canvas."""


@dataclass(frozen=True)
class FaceBox:
    """A square of whole pixels, inside the picture: rows top to bottom - 1, columns left to right - 1."""

    top: int
    bottom: int
    left: int
    right: int


def face_side(size: tuple[int, int]) -> int:
    """The box side for pictures of ``size`` (height, width): 128 at the paper's 512 px; a multiple of 16."""
    return max(32, round(PAPER_SIDE * min(size) / PAPER_SHORT_SIDE / 16) * 16)


def face_center(xy: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """(x, y) of the nose, else between the ears, else of the one ear seen; None when none of them is."""
    nose, right, left = INDEX["nose"], INDEX["right_ear"], INDEX["left_ear"]
    for points in ([nose], [right, left], [right], [left]):
        if (score[points] > 0).all():
            center: NDArray[np.float32] = xy[points].mean(axis=0)
            return center
    return None


def face_box(
    xy: NDArray[np.float32], score: NDArray[np.float32], size: tuple[int, int], *, side: int | None = None
) -> FaceBox | None:
    """The paper's face box: ``side`` × ``side`` pixels about the nose, always whole and inside the picture.

    ``xy`` (137, 2) in pixels of the picture, ``size`` (height, width). ``side`` defaults to :func:`face_side`
    and never exceeds the picture. At the border the box moves inward, where the paper's shrinks: boxes of one
    size make a batch. None when neither nose nor ears are seen, or the face is outside the picture.
    """
    center = face_center(xy, score)
    height, width = size
    if center is None or not (0 <= center[0] < width and 0 <= center[1] < height):
        return None
    side = min(face_side(size) if side is None else side, height, width)
    canvas = (CANVAS_SHORT, CANVAS_LONG) if width >= height else (CANVAS_LONG, CANVAS_SHORT)
    top, bottom = _edge(float(center[1]), HALF_BOX * height / canvas[0], height, side)
    left, right = _edge(float(center[0]), HALF_BOX * width / canvas[1], width, side)
    return FaceBox(top, bottom, left, right)


def _edge(center: float, half: float, length: int, side: int) -> tuple[int, int]:
    """Both ends of the box along one axis: ±half, clipped, grown about its middle to ``side``."""
    low, high = int(max(center - half, 0)), int(min(center + half, length))
    high += math.floor((side - (high - low)) / 2)
    high = min(max(high, side), length)
    return high - side, high
