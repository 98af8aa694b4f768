"""The empty background of a fixed camera: each pixel's median over the frames in which the subject is elsewhere.

Elsewhere means well away, where some frame allows it: near the subject there is hair, shadow and blur that masks
miss. A pixel that is only ever bare close to the subject, as between the legs, is taken from the few frames in which
the subject is farthest from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.steadying import Background

Picture = NDArray[np.uint8]
SAMPLES = 32
"""Frames kept to take medians of: more do not change the plate, and memory stays bounded."""
COVERED = 12
"""Mask value (0–255) above which a pixel may show the subject."""
MARGIN = 0.04
"""How far away is far enough, as a share of the subject's height."""
FAR = 255
FEWEST = 3
"""Samples of a pixel that are used where the subject is never far away."""
PAINT_WIDTH = 320
"""What nobody ever saw is painted in at about this width."""
STILL = 0.0005
"""Camera movement, as a share of the width, below which pictures are taken as they are."""


@dataclass(frozen=True, kw_only=True)
class Plate:
    """The background and how far it can be trusted."""

    picture: Picture
    """RGB uint8 (H, W, 3)."""
    unseen: float
    """Share of pixels that the subject always covers; they are painted in from around them."""
    drift: float
    """How far apart the camera's extreme positions are, as a share of the frame's width."""


@dataclass
class PlateBuilder:
    """Collects evenly spread frames of a stream and makes the plate. Feed every frame; it keeps what it needs."""

    frames: int
    """How many frames the stream has."""
    _pictures: list[Picture] = field(default_factory=list)
    _distances: list[NDArray[np.uint8]] = field(default_factory=list)
    _count: int = 0

    def add(self, frame: Picture, mask: Picture | None, height: float) -> None:
        """Take the next frame, its mask (None where the subject is absent), the subject's height in pixels."""
        index, self._count = self._count, self._count + 1
        if len(self._pictures) * self.frames > index * min(SAMPLES, self.frames):
            return
        self._pictures.append(frame.copy())
        self._distances.append(_distance(frame, mask, reach=max(2, min(254, round(MARGIN * height)))))

    def finish(self) -> Plate:
        """The plate of all that was added."""
        pictures, distances = np.stack(self._pictures), np.stack(self._distances)
        shifts = _camera_shifts(pictures, distances < FAR)
        drift = float(np.hypot(*np.ptp(shifts, axis=0))) / pictures.shape[2]
        if drift > STILL:
            pictures, distances = _aligned(pictures, shifts), _aligned(distances, shifts)
        plate = np.concatenate(
            [_visible_median(pictures[:, rows], _hidden(distances[:, rows])) for rows in _row_blocks(len(pictures[0]))]
        )
        never: NDArray[np.bool_] = np.asarray((distances == 0).all(axis=0))
        if never.any():
            plate = _paint_in(plate, never)
        return Plate(picture=plate, unseen=float(never.mean()), drift=drift)


def _distance(frame: Picture, mask: Picture | None, reach: int) -> NDArray[np.uint8]:
    """(H, W) distance from the subject in pixels up to ``reach``, as 0 (covered) to FAR (``reach`` or more away)."""
    if mask is None:
        return np.full(frame.shape[:2], FAR, np.uint8)
    apart = cv2.distanceTransform((mask <= COVERED).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.ceil(np.minimum(apart / reach, 1) * FAR), np.uint8)


def _hidden(distances: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(N, h, w) which samples of each pixel to leave out: all but those far away, or but the farthest few."""
    few = min(FEWEST, len(distances))
    farthest = np.partition(distances, len(distances) - few, axis=0)[len(distances) - few]
    return np.asarray((distances < farthest) | (distances == 0))


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
    factor = max(1, max(plate.shape[:2]) // PAINT_WIDTH)
    small_size = (plate.shape[1] // factor, plate.shape[0] // factor)
    weight = cv2.resize((~hole).astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(plate * (~hole)[..., None].astype(np.float32), small_size, interpolation=cv2.INTER_AREA)
    small = small / np.maximum(weight, 1e-3)[..., None]
    small_hole = (weight < 0.05).astype(np.uint8)
    filled = cv2.inpaint(small.clip(0, 255).astype(np.uint8), small_hole, 5, cv2.INPAINT_TELEA)
    grown = cv2.resize(filled, plate.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.where(hole[..., None], grown, plate).astype(np.uint8)


def _camera_shifts(pictures: Picture, covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, 2) how far in pixels (x, y) the background of each picture lies from where it is in the middle one."""
    middle = len(pictures) // 2
    background = Background(pictures[middle], covered[middle])
    shifts = [background.shift(picture, hidden) for picture, hidden in zip(pictures, covered, strict=True)]
    return np.stack([np.zeros(2) if shift is None else shift for shift in shifts])


def _aligned(stack: NDArray[np.uint8], shifts: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Every picture moved back onto the middle one, so that a slow pan does not smear the plate; 0 from outside."""
    moved = []
    for picture, (x, y) in zip(stack, shifts, strict=True):
        matrix = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
        moved.append(cv2.warpAffine(picture, matrix, picture.shape[1::-1], flags=cv2.INTER_LINEAR))
    return np.stack(moved).astype(np.uint8)
