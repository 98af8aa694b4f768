"""How close a picture is to the truth: PSNR, SSIM and LPIPS on the frame, the body box and the face box.

Formula, crop, colour space and range of each number stand in docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from dancedouble.errors import InputError
from dancedouble.evaluation.boxes import Box, body_box, face_box, full_box
from dancedouble.evaluation.frame_table import FrameTable, table_from_rows
from dancedouble.models.perceptual import LPIPS
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import FACE
from dancedouble.weights import weight_path

Image = NDArray[np.uint8]
Mask = NDArray[np.bool_]
PerceptualDistance = Callable[[Tensor, Tensor], Tensor]
"""LPIPS: two (B, 3, H, W) RGB tensors in [-1, 1] to (B,) distances, e.g. :func:`load_lpips`."""

PSNR_OF_EQUALS = 100.0
"""Decibels written for pictures that are equal, where the formula gives infinity."""
SSIM_C1, SSIM_C2 = 0.01**2, 0.03**2
LPIPS_SMALLEST, LPIPS_LARGEST, SAMPLED_LARGEST = 64, 512, 256
"""LPIPS sees crops whose shorter side is at least the first and longer side at most the second, in pixels; networks
that are sampled the third: VGG's work would otherwise be most of an evaluation's."""


def psnr(result: Image, truth: Image, mask: Mask | None = None) -> float:
    """10 log10(255² / mean squared error) of two RGB pictures in dB, differenced as floats; at most 100.

    ``mask`` (H, W) restricts it to some pixels; NaN when it selects none.
    """
    _same_size(result, truth)
    error = np.square(result.astype(np.float64) - truth.astype(np.float64))
    if mask is not None:
        error = error[mask]
    if error.size == 0:
        return float("nan")
    mean = float(error.mean())
    return PSNR_OF_EQUALS if mean == 0 else min(PSNR_OF_EQUALS, float(10 * np.log10(255.0**2 / mean)))


def ssim(result: Image, truth: Image) -> float:
    """Structural similarity (Wang et al., 2004) of RGB pictures: Gaussian window 11, σ 1.5; 1 for equals."""
    _same_size(result, truth)
    x, y = (image.astype(np.float32) / np.float32(255) for image in (result, truth))
    mean_x, mean_y = _windowed(x), _windowed(y)
    products = mean_x * mean_y
    squares = mean_x**2 + mean_y**2
    covariance = _windowed(x * y) - products
    variances = _windowed(x * x + y * y) - squares
    similarity = (2 * products + SSIM_C1) * (2 * covariance + SSIM_C2)
    similarity /= (squares + SSIM_C1) * (variances + SSIM_C2)
    return float(similarity.mean(dtype=np.float64))


def _windowed(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean of each pixel's window. Two passes of one dimension: a window of two takes ten times as long."""
    return np.asarray(cv2.GaussianBlur(image, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT_101), np.float32)


def lpips(result: Image, truth: Image, distance: PerceptualDistance, largest: int = LPIPS_LARGEST) -> float:
    """LPIPS (Zhang et al., 2018) of two RGB pictures with the given network; 0 for equals.

    Both are brought to 64 pixels on the shorter and ``largest`` on the longer side when they lie outside of that: the
    networks see nothing in smaller pictures, and larger ones cost minutes without changing the ranking.
    """
    _same_size(result, truth)
    with torch.inference_mode():
        first, second = (_unit(_for_lpips(image, largest)) * 2 - 1 for image in (result, truth))
        value = distance(first, second)
    return float(value.reshape(-1)[0])


def load_lpips(backbone: Literal["alex", "vgg"]) -> PerceptualDistance:
    """LPIPS 0.1 on the CPU with its published weights. Raises WeightsError when they cannot be had."""
    name = {"alex": "lpips_alexnet", "vgg": "lpips_vgg16"}[backbone]
    return LPIPS(load_file(weight_path(name)), backbone)


def _for_lpips(image: Image, largest: int) -> Image:
    shorter, longer = sorted(image.shape[:2])
    scale = min(max(1.0, LPIPS_SMALLEST / shorter), largest / longer)
    if scale == 1.0:
        return image
    width, height = round(image.shape[1] * scale), round(image.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _unit(image: Image) -> Tensor:
    """(H, W, 3) uint8 → (1, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255


def _same_size(result: Image, truth: Image) -> None:
    if result.shape != truth.shape:
        raise InputError(
            f"frames to compare have sizes {result.shape[:2]} and {truth.shape[:2]} (height, width); "
            "expected one size: render the result at the size of the truth"
        )


@dataclass(frozen=True, kw_only=True)
class FramePair:
    """A result frame beside the true frame of the same moment, and where the person is in the true one."""

    index: int
    result: Image
    truth: Image
    body: Box | None
    face: Box | None
    face_points: NDArray[np.float32] | None
    """(70, 2) pixels, the true pose's face; None when not all of it is seen."""
    mask: Mask | None
    """(H, W) the person in the true frame; None when unknown."""

    def regions(self) -> Iterator[tuple[str, Box]]:
        """The named crops that exist in this frame."""
        yield "frame", full_box((self.truth.shape[0], self.truth.shape[1]))
        if self.body is not None:
            yield "body", self.body
        if self.face is not None:
            yield "face", self.face


class Meter(Protocol):
    """Measures one pair of frames after the other, in time order; may remember the previous pair."""

    def measure(self, pair: FramePair) -> dict[str, float]:
        """The numbers of this frame by ``region.metric``; what is not defined for it is left out."""
        ...


@dataclass(frozen=True, kw_only=True)
class PictureMeter:
    """SSIM, PSNR and each given LPIPS on the frame, the body box and the face box; PSNR in the mask."""

    perceptual: Mapping[str, PerceptualDistance]
    """Column name → network, e.g. ``{"lpips_alex": load_lpips("alex")}``; may be empty."""
    sampled: Mapping[str, PerceptualDistance] = field(default_factory=dict)
    """The same, for networks too slow for every frame: those of one frame in ``every``."""
    every: int = 1

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`Meter`."""
        values: dict[str, float] = {}
        sampled = self.sampled if pair.index % self.every == 0 else {}
        for region, box in pair.regions():
            result, truth = box.crop(pair.result), box.crop(pair.truth)
            values[f"{region}.ssim"] = ssim(result, truth)
            values[f"{region}.psnr"] = psnr(result, truth)
            for name, distance in self.perceptual.items():
                values[f"{region}.{name}"] = lpips(result, truth, distance)
            for name, distance in sampled.items():
                values[f"{region}.{name}"] = lpips(result, truth, distance, SAMPLED_LARGEST)
        if pair.mask is not None:
            values["person.psnr"] = psnr(pair.result, pair.truth, _dilated(pair.mask))
        return values


def _dilated(mask: Mask) -> Mask:
    """The person mask grown by 2 % of the frame height, so that halos count."""
    radius = max(1, round(0.02 * mask.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), np.bool_)


def compare_frames(
    results: Iterable[Image],
    truths: Iterable[Image],
    truth_poses: PoseSequence,
    *,
    meters: Sequence[Meter],
    masks: Iterable[Mask | None] | None = None,
) -> FrameTable:
    """Compare a result with the truth frame by frame, holding one pair in memory at a time.

    ``results`` and ``truths`` are RGB uint8 (H, W, 3), one per row of ``truth_poses``, whose crops are
    measured. Raises InputError when a stream is shorter or longer than the poses, or sizes differ.
    """
    pairs = zip_frames(results, truths, truth_poses, masks)
    return table_from_rows(
        {name: value for meter in meters for name, value in meter.measure(pair).items()} for pair in pairs
    )


def zip_frames(
    results: Iterable[Image],
    truths: Iterable[Image],
    poses: PoseSequence,
    masks: Iterable[Mask | None] | None = None,
) -> Iterator[FramePair]:
    """The aligned pairs of two streams, with crops from ``poses``. Errors: see :func:`compare_frames`."""
    result_stream, truth_stream = iter(results), iter(truths)
    mask_stream = iter(masks) if masks is not None else None
    for index in range(len(poses)):
        result, truth = next(result_stream, None), next(truth_stream, None)
        if result is None or truth is None:
            short = "result" if result is None else "truth"
            raise InputError(f"the {short} ends after {index} frames, expected {len(poses)}: compare the same frames")
        _same_size(result, truth)
        size = (truth.shape[0], truth.shape[1])
        xy, score = poses.xy[index], poses.score[index]
        yield FramePair(
            index=index, result=result, truth=truth,
            body=body_box(xy, score, size), face=face_box(xy, score, size),
            face_points=xy[FACE] if (score[FACE] > 0).all() else None,
            mask=next(mask_stream, None) if mask_stream is not None else None,
        )  # fmt: skip
    if next(result_stream, None) is not None or next(truth_stream, None) is not None:
        raise InputError(f"a video goes on after {len(poses)} frames, the length of the poses: compare the same frames")
