"""The empty background of a fixed camera, lit as it is where the subject's shadow does not fall.

Every pixel is a median over frames in which the subject is elsewhere. Elsewhere means at some distance, where some
frame allows it: near the subject there is hair and blur that masks miss. A pixel that is only ever bare close to the
subject, as between the legs, is taken from the frames in which the subject is farthest from it; those that never are
bare are filled with pieces of the rest (:mod:`plate_filling`). Of frames that differ in light, the brighter ones count:
the subject's shadow is painted with the subject, and would otherwise lie on the floor twice. Where no sample is lit,
see :mod:`plate_shadows`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.plate_filling import fill_unseen
from dancedouble.plate_samples import DiverseSamples, Sample, higher_foot, with_limbs
from dancedouble.plate_shadows import lift_shadows
from dancedouble.steadying import Background

Picture = NDArray[np.uint8]
COVERED = 12
"""Mask value (0–255) above which a pixel may show the subject."""
MARGIN = 0.04
"""How far away is far enough, as a share of the subject's height."""
FAR = 255
NEVER_BARE = 100
"""Distance (FAR = far enough) up to which a pixel is not taken for bare in any frame: the mask's rim, hair and blur."""
FEWEST = 3
"""Where the subject is never far away: the so many samples with the farthest,"""
ALIKE = 0.25
"""and those at this share of the least of their distances or more."""
LIT, LIT_SHARE = 2, 0.08
"""The light of a pixel is that of its second brightest sample, and where there are many, of the third: what is brighter
may be something else that went by."""
SAME_LIGHT = 0.06
"""Samples within this share of the light count as lit,"""
NOISE = 5.0
"""or within so many grey levels."""
GRAIN = 0.012
"""Share of the subject's height over which light is averaged before it is compared."""
BEYOND_FEET = 0.08
"""How far behind the feet, as a share of the subject's height, the floor is looked at for their shadow."""
EVERY = 8
"""One pixel in so many, on each axis, tells how the light of a whole picture changed."""
STILL = 0.0005
"""Camera movement, as a share of the width, below which pictures are taken as they are."""


@dataclass(frozen=True, kw_only=True)
class Plate:
    """The background and how far it can be trusted."""

    picture: Picture
    """RGB uint8 (H, W, 3)."""
    unseen: float
    """Share of pixels that the subject always covers; they are filled with pieces of the rest."""
    drift: float
    """How far apart the camera's extreme positions are, as a share of the frame's width."""


@dataclass
class PlateBuilder:
    """Makes the plate of a stream. Feed every frame; it keeps those it needs."""

    _samples: DiverseSamples = field(default_factory=DiverseSamples)

    def add(
        self, frame: Picture, mask: Picture | None, height: float,
        pose: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    ) -> None:  # fmt: skip
        """Take the next frame.

        Args:
            frame: RGB uint8 (H, W, 3).
            mask: (H, W) 0–255, where the subject is; None where they are absent.
            height: of the subject in pixels.
            pose: of the subject, (137, 2) in pixels and (137,) confidence: limbs that the mask misses are covered too.
        """
        feet = None
        if mask is not None and pose is not None:
            mask, feet = with_limbs(mask, *pose, height), higher_foot(*pose)
        self._samples.add(Sample(picture=frame, mask=mask, height=height, feet=feet))

    def finish(self) -> Plate:
        """The plate of all that was added."""
        samples = self._samples.kept
        pictures, distances = np.stack([s.picture for s in samples]), np.stack([_distance(s) for s in samples])
        shifts = _camera_shifts(pictures, distances < FAR)
        drift = float(np.hypot(*np.ptp(shifts, axis=0))) / pictures.shape[2]
        if drift > STILL:
            pictures, distances = _aligned(pictures, shifts), _aligned(distances, shifts)
        height = max(s.height for s in samples)
        light = _light(pictures, distances, height)
        plate = np.concatenate(
            [
                _visible_median(pictures[:, rows], _hidden(distances[:, rows], light[:, rows]))
                for rows in _row_blocks(len(pictures[0]))
            ]
        )
        farthest = distances.max(axis=0)
        never: NDArray[np.bool_] = np.asarray(farthest < NEVER_BARE)
        if never.any():
            plate = fill_unseen(plate, never, farthest == FAR)
        feet = [sample.feet for sample in samples if sample.feet is not None]
        if feet:
            horizon = max(0, round(min(feet) - BEYOND_FEET * height))
            plate = lift_shadows(plate, pictures, distances > 0, light, horizon, height)
        return Plate(picture=plate, unseen=float(never.mean()), drift=drift)


def _distance(sample: Sample) -> NDArray[np.uint8]:
    """(H, W) distance from the subject up to ``MARGIN``, as 0 (covered) to FAR (so far away or more)."""
    if sample.mask is None:
        return np.full(sample.picture.shape[:2], FAR, np.uint8)
    reach = max(2, min(254, round(MARGIN * sample.height)))
    apart = cv2.distanceTransform((sample.mask <= COVERED).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.ceil(np.minimum(apart / reach, 1) * FAR), np.uint8)


def _light(pictures: Picture, distances: NDArray[np.uint8], height: float) -> Picture:
    """(N, H, W) how light the background is about each pixel in grey levels, less the changes of the whole picture."""
    side = max(3, round(GRAIN * height)) | 1
    light = np.empty(distances.shape, np.uint8)
    for one, picture, distance in zip(light, pictures, distances, strict=True):
        bare = (distance > 0).astype(np.float32)
        near = cv2.blur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) * bare, (side, side))
        one[:] = (near / np.maximum(cv2.blur(bare, (side, side)), 1e-2)).round()
    few = np.s_[:, ::EVERY, ::EVERY]
    usual = np.maximum(np.median(light[few], axis=0), 1)
    for one, some, distance in zip(light, light[few].copy(), distances[few], strict=True):
        away = distance == FAR
        if away.any():
            change = max(float(np.median(some[away] / usual[away])), 0.1)
            one[:] = np.minimum(one / np.float32(change), 255).round()
    return light


def _hidden(distances: NDArray[np.uint8], light: Picture) -> NDArray[np.bool_]:
    """(N, h, w) which samples of each pixel to leave out: those too near the subject, and those in shadow."""
    few = min(FEWEST, len(distances))
    farthest = np.partition(distances, len(distances) - few, axis=0)[len(distances) - few]
    hidden = (distances < ALIKE * farthest) | (distances == 0)
    grey = light.astype(np.int16)
    bare = np.sort(np.where(hidden, -1, grey), axis=0)[::-1]
    count = np.maximum((~hidden).sum(axis=0), 1)
    rank = np.minimum(np.maximum(LIT, np.ceil(LIT_SHARE * count).astype(np.intp)), count)
    lit = np.take_along_axis(bare, rank[None] - 1, axis=0)
    return np.asarray(hidden | (np.abs(grey - lit) > np.maximum(NOISE, SAME_LIGHT * lit)))


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


def _camera_shifts(pictures: Picture, covered: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(N, 2) how far in pixels (x, y) the background of each picture lies from where it is in the most central one."""
    background = Background(pictures[0], covered[0])
    found = [background.shift(picture, hidden) for picture, hidden in zip(pictures, covered, strict=True)]
    shifts = np.stack([np.zeros(2) if shift is None else shift for shift in found])
    central = int(np.abs(shifts - np.median(shifts, axis=0)).sum(axis=1).argmin())
    return np.asarray(shifts - shifts[central], np.float64)


def _aligned(stack: NDArray[np.uint8], shifts: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Every picture moved back onto the central one, so that a slow pan does not smear the plate; 0 from outside."""
    moved = []
    for picture, (x, y) in zip(stack, shifts, strict=True):
        matrix = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
        moved.append(cv2.warpAffine(picture, matrix, picture.shape[1::-1], flags=cv2.INTER_LINEAR))
    return np.stack(moved).astype(np.uint8, copy=False)
