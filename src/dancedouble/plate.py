"""The empty background of a fixed camera: each pixel's median over the frames in which the subject is elsewhere.

Elsewhere means well away, where some frame allows it: near the subject there is hair, shadow and blur that masks
miss. A pixel that is only ever bare close to the subject, as between the legs, is taken from there all the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
SAMPLES = 32
"""Frames kept to take medians of: more do not change the plate, and memory stays bounded."""
COVERED = 12
"""Mask value (0–255) above which a pixel may show the subject."""
MARGIN = 0.03
"""How near counts as near, as a share of the subject's height."""
DRIFT_WIDTH = 320


@dataclass(frozen=True, kw_only=True)
class Plate:
    """The background and how far it can be trusted."""

    picture: Picture
    """RGB uint8 (H, W, 3)."""
    unseen: float
    """Share of pixels that the subject always covers; they are painted in from around them."""
    drift: float
    """Largest measured camera movement, as a share of the frame's width."""


@dataclass
class PlateBuilder:
    """Collects evenly spread frames of a stream and makes the plate. Feed every frame; it keeps what it needs."""

    frames: int
    """How many frames the stream has."""
    _pictures: list[Picture] = field(default_factory=list)
    _covered: list[NDArray[np.bool_]] = field(default_factory=list)
    _near: list[NDArray[np.bool_]] = field(default_factory=list)
    _count: int = 0

    def add(self, frame: Picture, mask: Picture | None, height: float) -> None:
        """Take the next frame, its mask (None where the subject is absent), the subject's height in pixels."""
        index, self._count = self._count, self._count + 1
        if len(self._pictures) * self.frames > index * min(SAMPLES, self.frames):
            return
        covered = np.zeros(frame.shape[:2], np.bool_) if mask is None else mask > COVERED
        reach = 2 * max(1, round(MARGIN * height)) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        self._pictures.append(frame.copy())
        self._covered.append(covered)
        self._near.append(cv2.dilate(covered.astype(np.uint8), kernel) > 0)

    def finish(self) -> Plate:
        """The plate of all that was added."""
        pictures, covered, near = np.stack(self._pictures), np.stack(self._covered), np.stack(self._near)
        hidden = np.where(near.all(axis=0), covered, near)
        plate = np.concatenate(
            [_visible_median(pictures[:, rows], hidden[:, rows]) for rows in _row_blocks(len(pictures[0]))]
        )
        never: NDArray[np.bool_] = np.asarray(covered.all(axis=0))
        if never.any():
            plate = _paint_in(plate, never)
        return Plate(picture=plate, unseen=float(never.mean()), drift=_drift(pictures, near))


def _visible_median(pictures: Picture, covered: NDArray[np.bool_]) -> Picture:
    """Median over N pictures (N, h, W, 3) of the samples not ``covered`` (N, h, W); 0 where there are none."""
    hidden = 256  # sorts behind every real value
    values = np.where(covered[..., None], hidden, pictures.astype(np.int16))
    values.sort(axis=0)
    middle = np.maximum((~covered).sum(axis=0) - 1, 0) // 2
    median = np.take_along_axis(values, middle[None, ..., None], axis=0)[0]
    return np.where(median == hidden, 0, median).astype(np.uint8)


def _row_blocks(rows: int, block: int = 32) -> list[slice]:
    return [slice(start, start + block) for start in range(0, rows, block)]


def _paint_in(plate: Picture, hole: NDArray[np.bool_]) -> Picture:
    """Fill pixels nobody ever saw from their surroundings, at low resolution: smooth, plausible, cheap."""
    factor = max(1, max(plate.shape[:2]) // DRIFT_WIDTH)
    small_size = (plate.shape[1] // factor, plate.shape[0] // factor)
    weight = cv2.resize((~hole).astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(plate * (~hole)[..., None].astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(weight, 1e-3)[..., None]
    small_hole = (weight < 0.05).astype(np.uint8)
    filled = cv2.inpaint(small.clip(0, 255).astype(np.uint8), small_hole, 5, cv2.INPAINT_TELEA)
    grown = cv2.resize(filled, plate.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(hole[..., None], grown, plate).astype(np.uint8)


def _drift(pictures: Picture, covered: NDArray[np.bool_]) -> float:
    """Largest shift of the background between the first picture and the others, as a share of the width."""
    scale = DRIFT_WIDTH / pictures.shape[2]
    size = (DRIFT_WIDTH, max(16, round(pictures.shape[1] * scale)))
    window = cv2.createHanningWindow(size, cv2.CV_32F)

    def background(index: int) -> NDArray[np.float32]:
        gray = cv2.resize(cv2.cvtColor(pictures[index], cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        hidden = cv2.resize((covered[index] | covered[0]).astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        values = np.asarray(gray, np.float32)
        values[hidden > 0] = values[hidden == 0].mean() if (hidden == 0).any() else 0
        return values

    largest = 0.0
    for index in range(1, len(pictures), max(1, len(pictures) // 12)):
        (x, y), response = cv2.phaseCorrelate(background(0), background(index), window)
        # A weak peak is no measurement: flat walls, or a subject who fills the frame.
        if response > 0.15:
            largest = max(largest, float(np.hypot(x, y)) / DRIFT_WIDTH)
    return largest
