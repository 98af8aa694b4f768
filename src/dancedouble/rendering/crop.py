"""The window of the frame in which a person is learned and rendered, and the map between the two pixel grids."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, LEFT_HAND, RIGHT_HAND

Image = NDArray[np.uint8]
MULTIPLE = 16
"""Window sides are multiples of this, so every generator fits."""
HELD = 99.5
"""Percent of the frames whose subject a window holds whole: an arm that is cut off is seen, a frame of noise is not."""


@dataclass(frozen=True)
class CropWindow:
    """A rectangle of the frame, resampled to a picture of ``size``. It may reach over the frame's edge."""

    left: int
    top: int
    region: tuple[int, int]
    """(height, width) in frame pixels."""
    size: tuple[int, int]
    """(height, width) of the crop in pixels."""

    @property
    def scale(self) -> NDArray[np.float32]:
        """Crop pixels per frame pixel, (x, y)."""
        return np.array([self.size[1] / self.region[1], self.size[0] / self.region[0]], np.float32)

    def to_crop(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Frame pixels (…, 2) → crop pixels."""
        return ((xy - np.array([self.left, self.top], np.float32)) * self.scale).astype(np.float32)

    def cut(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The crop of an HWC or HW uint8 picture; beyond its edge the nearest pixel is repeated."""
        rows, above, below = _within(self.top, self.region[0], frame.shape[0])
        columns, before, after = _within(self.left, self.region[1], frame.shape[1])
        part = frame[rows, columns]
        if above or below or before or after:
            part = np.asarray(cv2.copyMakeBorder(part, above, below, before, after, cv2.BORDER_REPLICATE), np.uint8)
        shrinking = self.size[0] < self.region[0]
        resized = cv2.resize(part, self.size[::-1], interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
        return np.asarray(resized, np.uint8)

    def visible(self, frame_size: tuple[int, int]) -> tuple[slice, slice, slice, slice]:
        """Row and column slices of the frame that the region covers, then the same inside the region."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom = max(top, min(self.top + self.region[0], frame_size[0]))
        right = max(left, min(self.left + self.region[1], frame_size[1]))
        return (
            slice(top, bottom), slice(left, right),
            slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left),
        )  # fmt: skip


def _within(start: int, length: int, whole: int) -> tuple[slice, int, int]:
    """A span as far as it lies within 0 to ``whole``, at least the nearest pixel, and how far it reaches beyond."""
    inside = slice(min(max(start, 0), whole - 1), max(min(start + length, whole), 1))
    return inside, min(max(-start, 0), length - 1), min(max(start + length - whole, 0), length - 1)


def whole_frame(frame_size: tuple[int, int], size: tuple[int, int], frames: int) -> list[CropWindow]:
    """The paper's framing: every window is the whole frame, squeezed to ``size`` (height, width)."""
    return [CropWindow(0, 0, frame_size, size)] * frames


def body_boxes(poses: PoseSequence) -> NDArray[np.float32]:
    """(T, 4) left, top, right, bottom around the detected body and hand points in px; NaN where nobody is seen.

    The box is widened by what keypoints do not reach: the top of the head, the tips of toes and fingers.
    """
    points = np.r_[BODY, LEFT_HAND, RIGHT_HAND]
    xy, seen = poses.xy[:, points], poses.score[:, points] > 0
    boxes = np.full((len(poses), 4), np.nan, np.float32)
    some = seen.any(axis=1)
    low = np.where(seen[..., None], xy, np.inf).min(axis=1)
    high = np.where(seen[..., None], xy, -np.inf).max(axis=1)
    boxes[some] = np.concatenate([low, high], axis=1)[some]
    height = boxes[:, 3] - boxes[:, 1]
    boxes += np.stack([-0.06 * height, -0.10 * height, 0.06 * height, 0.05 * height], axis=1)
    return boxes


def plan_windows(poses: PoseSequence, scale: float, *, steadiness: float = 0.25) -> list[CropWindow]:
    """One window per frame that follows the subject smoothly; all have the same size.

    ``scale`` is crop pixels per frame pixel. The size holds the subject in 99.5 % of the frames, rounded up to
    multiples of 16, but never more than the frame, and windows stay inside it: nobody sees what lies beyond.
    ``steadiness`` is the smoothing of the window's path in seconds: a window that follows every hop would make the
    plate swim in the crop.
    """
    boxes = body_boxes(poses)
    seen = np.flatnonzero(~np.isnan(boxes[:, 0]))
    if len(seen) == 0:
        side = MULTIPLE * 4
        return [CropWindow(0, 0, (round(side / scale), round(side / scale)), (side, side))] * len(poses)
    frame = np.array(poses.size[::-1])
    boxes[:, :2], boxes[:, 2:] = np.clip(boxes[:, :2], 0, frame), np.clip(boxes[:, 2:], 0, frame)
    frames = np.arange(len(poses))
    centres = np.stack([np.interp(frames, seen, (boxes[seen, i] + boxes[seen, i + 2]) / 2) for i in (0, 1)], axis=1)
    centres = gaussian_filter1d(centres, max(steadiness * float(poses.fps), 1e-3), axis=0, mode="nearest")
    reach = np.abs(boxes[seen].reshape(-1, 2, 2) - centres[seen, None]).max(axis=1)
    half = np.percentile(reach, HELD, axis=0)
    width, height = (_round_up(min(2 * half[axis], frame[axis]) * scale) for axis in (0, 1))
    region = (round(height / scale), round(width / scale))
    spare = frame - np.array([region[1], region[0]])
    corners = np.round(centres - np.array([region[1], region[0]]) / 2)
    corners = np.clip(corners, np.minimum(spare, 0), np.maximum(spare, 0)).astype(int)
    return [CropWindow(int(x), int(y), region, (height, width)) for x, y in corners]


def crop_scale(poses: PoseSequence, height: int) -> float:
    """Crop pixels per frame pixel so that the subject's box fills a crop ``height`` pixels high."""
    boxes = body_boxes(poses)
    tall = np.nanpercentile(boxes[:, 3] - boxes[:, 1], 95)
    return float(height / tall)


def _round_up(pixels: float) -> int:
    return max(MULTIPLE, int(np.ceil(pixels / MULTIPLE)) * MULTIPLE)
