"""Where the camera looks: the background of one picture found again in others, and hand-held frames brought together.

Points are followed rather than whole pictures correlated: correlation also sees the outline of what is masked, which
does not move with the camera.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

WIDTH = 640
"""Pictures are compared at this width."""
LOOK = 21
"""Pixels at that width: side of the square that is looked for. A point as near as that to the subject follows them."""
FEWEST_POINTS = 6
"""So many points must be found again to tell a movement,"""
AGREED = 2.0
"""within so many pixels (at that width) of one movement,"""
SPREAD = 0.35
"""over so much of the picture's width: a passer-by is not the room."""
FARTHEST = 0.05
"""Share of the width by which frames are moved at most: a camera that pans shows another room."""


class Movement(NamedTuple):
    """How a background moved between two pictures."""

    vector: NDArray[np.float64]
    """(2,) pixels (x, y): of all of it, or where it did not move as one, of its median point."""
    as_one: bool
    """Near and far things move alike when a camera turns or shakes, and differently when it is carried along."""


class Background:
    """What is not the subject in one picture, RGB uint8 (H, W, 3); ``covered`` (H, W) says where they are."""

    def __init__(self, picture: Picture, covered: NDArray[np.bool_]) -> None:
        self._gray, clear = _shrunk(picture, covered)
        self._points = cv2.goodFeaturesToTrack(self._gray, 200, 0.01, 8, mask=clear)

    def shift(self, picture: Picture, covered: NDArray[np.bool_]) -> NDArray[np.float64] | None:
        """(2,) how far in pixels (x, y) the background lies in ``picture`` from where it is here; None when it did not
        move as one."""
        movement = self.movement(picture, covered)
        return movement.vector if movement is not None and movement.as_one else None

    def movement(self, picture: Picture, covered: NDArray[np.bool_]) -> Movement | None:
        """How the background moved between this picture and ``picture``; None when that cannot be told."""
        points = self._points
        if points is None or len(points) < FEWEST_POINTS:
            return None
        gray, clear = _shrunk(picture, covered)
        there, found = _follow(points, self._gray, gray)
        back, found_back = _follow(there, gray, self._gray)
        here, ends = points[:, 0], there[:, 0]
        columns, rows = np.clip(ends.T, 0, np.array([gray.shape[1] - 1, gray.shape[0] - 1])[:, None]).astype(int)
        again = found & found_back & (clear[rows, columns] > 0) & (np.linalg.norm(back[:, 0] - here, axis=1) < 1)
        if again.sum() < FEWEST_POINTS:
            return None
        moved = (ends - here)[again]
        median = np.median(moved, axis=0)
        agreed = np.linalg.norm(moved - median, axis=1) < AGREED
        as_one = agreed.sum() >= max(FEWEST_POINTS, len(moved) / 2)
        counted = agreed if as_one else np.ones(len(moved), bool)
        if np.ptp(here[again][counted, 0]) < SPREAD * gray.shape[1]:
            return None
        vector = moved[agreed].mean(axis=0) if as_one else median
        return Movement(np.asarray(vector * picture.shape[1] / gray.shape[1], np.float64), bool(as_one))


def _follow(points: NDArray[Any], one: Picture, other: Picture) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Points (N, 1, 2) of one gray picture in another, and (N,) which were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        one, other, points, np.zeros_like(points), winSize=(LOOK, LOOK), maxLevel=4
    )
    return np.asarray(there, np.float32), np.asarray(found[:, 0] > 0)


def _shrunk(picture: Picture, covered: NDArray[np.bool_]) -> tuple[Picture, Picture]:
    """The picture in gray at :data:`WIDTH` or below, and 1 where it is well away from what is covered."""
    scale = min(1.0, WIDTH / picture.shape[1])
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    gray = np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    bare = cv2.resize((~covered).astype(np.uint8), gray.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return gray, np.asarray(cv2.erode(bare, np.ones((LOOK, LOOK), np.uint8)), np.uint8)


@dataclass
class Steadier:
    """Moves the frames of a clip, given in order, back onto the first one.

    By whole pixels, so that nothing is resampled and the frames of a fixed camera stay as they are.
    """

    measured: list[NDArray[np.float64]] = field(default_factory=list)
    """(2,) how far each frame's background lies from the first one's, in pixels (x, y); as before where unclear."""
    _moves: list[tuple[int, int]] = field(default_factory=list)
    _first: Background | None = None

    def look(self, frame: Picture, covered: NDArray[np.bool_]) -> tuple[int, int]:
        """The next frame, and where the subject is (H, W): how far it is to be moved back, in whole pixels (x, y)."""
        if self._first is None:
            self._first = Background(frame, covered)
            found: Movement | None = Movement(np.zeros(2), True)
        else:
            found = self._first.movement(frame, covered)
        self.measured.append(self.measured[-1] if found is None else found.vector)
        if found is not None and found.as_one:
            x, y = np.rint(np.clip(found.vector, -FARTHEST * frame.shape[1], FARTHEST * frame.shape[1])).tolist()
            self._moves.append((int(x), int(y)))
        else:
            self._moves.append(self._moves[-1])
        return self._moves[-1]

    def moves(self) -> NDArray[np.float32]:
        """(T, 2) how far each frame so far is to be moved back."""
        return np.array(self._moves, np.float32)

    @property
    def drift(self) -> float:
        """How far apart in pixels the camera's extreme positions are."""
        return float(np.hypot(*np.ptp(np.stack(self.measured), axis=0)))


def moved_back(picture: Picture, move: tuple[int, int]) -> Picture:
    """``picture`` (H, W) or (H, W, 3) moved by -``move`` (x, y); its edge is repeated where nothing was seen."""
    if move == (0, 0):
        return picture
    rows = np.clip(np.arange(picture.shape[0]) + move[1], 0, picture.shape[0] - 1)
    columns = np.clip(np.arange(picture.shape[1]) + move[0], 0, picture.shape[1] - 1)
    return np.asarray(picture[rows][:, columns], np.uint8)


def unseen(size: tuple[int, int], move: tuple[int, int]) -> NDArray[np.bool_]:
    """(H, W) where :func:`moved_back` repeats an edge."""
    rows, columns = np.arange(size[0]) + move[1], np.arange(size[1]) + move[0]
    outside_rows, outside_columns = (rows < 0) | (rows >= size[0]), (columns < 0) | (columns >= size[1])
    return np.asarray(outside_rows[:, None] | outside_columns[None])
