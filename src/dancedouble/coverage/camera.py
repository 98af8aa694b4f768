"""What the pixels of a clip tell about its camera: does it move, does the light change, is the person sharp."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""

WIDTH = 480
"""Pictures are shrunk to this width before the background is tracked."""
FEWEST_POINTS = 12
"""With fewer points to hold on to, motion cannot be told."""


def box_around(xy: NDArray[np.float32], score: NDArray[np.float32], size: tuple[int, int]) -> Box | None:
    """The person's box inside the frame with a margin of 12 %; None when nobody is there."""
    points = xy[score > 0]
    if len(points) < 4:
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.12 * float((high - low).max())
    left, top = np.maximum(low - margin, 0)
    right, bottom = np.minimum(high + margin, [size[1], size[0]])
    return (int(left), int(top), int(right), int(bottom)) if right - left >= 8 and bottom - top >= 8 else None


@dataclass
class CameraWatch:
    """Follows the background from the first frame it is shown."""

    drift: float | None = None
    """How far the background has moved at most, as a share of the picture's diagonal; None when it cannot be told."""
    brightness: float = 1.0
    """Brightness of the last frame's background over that of the same pixels in the first frame."""
    _first: Image | None = field(default=None, init=False)
    _background: NDArray[np.bool_] | None = field(default=None, init=False)
    _points: NDArray[np.float32] | None = field(default=None, init=False)
    _moves: list[float] = field(default_factory=list, init=False)

    def look(self, frame: Image, person: Box | None) -> None:
        """Take in one frame, RGB uint8; ``person`` is where not to look."""
        scale = min(1.0, WIDTH / frame.shape[1])
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        background = np.ones(grey.shape, np.bool_)
        if person is not None:
            left, top, right, bottom = (int(value * scale) for value in person)
            background[top:bottom, left:right] = False
        if self._first is None or self._background is None:
            self._first, self._background = grey, background
            self._points = cv2.goodFeaturesToTrack(grey, 200, 0.02, 8, mask=background.astype(np.uint8))
            return
        both = background & self._background
        if both.any():
            self.brightness = float(grey[both].mean()) / max(1.0, float(self._first[both].mean()))
        move = self._movement(grey, background)
        if move is not None:
            self._moves.append(move)
            # The second largest, so that one failed match does not accuse the tripod.
            self.drift = sorted(self._moves)[max(0, len(self._moves) - 2)]

    def _movement(self, grey: Image, background: NDArray[np.bool_]) -> float | None:
        """Median movement of the background's points since the first frame, as a share of the diagonal."""
        if self._points is None or self._first is None:
            return None
        there, found, _ = cv2.calcOpticalFlowPyrLK(self._first, grey, self._points, None, maxLevel=4)
        back, found_back, _ = cv2.calcOpticalFlowPyrLK(grey, self._first, there, None, maxLevel=4)
        start, end = self._points.reshape(-1, 2), there.reshape(-1, 2)
        good = (found.ravel() > 0) & (found_back.ravel() > 0)
        good &= np.linalg.norm(back.reshape(-1, 2) - start, axis=1) < 1.0
        columns = np.clip(end[:, 0].astype(int), 0, grey.shape[1] - 1)
        rows = np.clip(end[:, 1].astype(int), 0, grey.shape[0] - 1)
        good &= background[rows, columns]
        if good.sum() < FEWEST_POINTS:
            return None
        moved = np.linalg.norm(end[good] - start[good], axis=1)
        return float(np.median(moved) / np.hypot(*grey.shape))


def blur_of(frame: Image, box: Box) -> float:
    """How blurred the picture in ``box`` is, 0 (sharp) to 1, by what a further blur changes (Crete et al., 2007).

    Where a 9-pixel blur leaves the differences of neighbours as they were, the picture had no detail to
    lose. The worse of the two directions counts; boxes above 256 pixels a side are shrunk first.
    """
    left, top, right, bottom = box
    grey = cv2.cvtColor(np.ascontiguousarray(frame[top:bottom, left:right]), cv2.COLOR_RGB2GRAY)
    grey = grey.astype(np.float32)
    scale = min(1.0, 256 / max(grey.shape))
    if scale < 1:
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    worst = 0.0
    for axis, kernel in ((0, (1, 9)), (1, (9, 1))):
        sharp = np.abs(np.diff(grey, axis=axis))
        soft = np.abs(np.diff(cv2.blur(grey, kernel), axis=axis))
        total = float(sharp.sum())
        if total > 0:
            worst = max(worst, 1 - float(np.maximum(0, sharp - soft).sum()) / total)
    return worst
