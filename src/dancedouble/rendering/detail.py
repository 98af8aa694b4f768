"""Detail at full size: decisions are made small, pixels are taken large.

A generator that blends warped real pictures decides, at its own small size, which picture shows at each pixel. The
same decision holds for the pictures at the footage's own resolution, and brings their detail back:
``large = up(small) + Σ_k up(blend_k) · (picture_k − up(reference_k))``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
NEGLIGIBLE = 0.02
"""A reference whose share never exceeds this brings no detail that anybody sees."""


class Blend(NamedTuple):
    """How a small picture was put together from K warped references."""

    shares: Array
    """(K, h, w) share of each reference, 0 to 1."""
    offsets: Array
    """(K, h, w, 2) x and y, in pixels, by which each reference was sampled beside each pixel."""


def restore_detail(
    small: Array, blend: Blend, flows: Array, references: NDArray[np.uint8], pictures: Sequence[NDArray[np.uint8]],
    ratio: tuple[float, float], size: tuple[int, int],
) -> Array:  # fmt: skip
    """The small picture at ``size`` (height, width), with the detail of full-size pictures.

    ``small`` (h, w, 3) float RGB 0–255; ``flows`` (K, h, w, 2) where each reference was sampled, x and y in pixels of
    its small picture; ``references`` (K, h, w, 3 or more) the references as shown; ``pictures`` K full-size ones
    (H', W', 3), which have ``ratio`` (x, y) pixels for each small one. Returns (height, width, 3) float, not clipped.
    """
    result = _up(small, size)
    height, width = small.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    scale = np.array(ratio, np.float32)
    for share, offset, flow, reference, picture in zip(
        blend.shares, blend.offsets, flows, references, pictures, strict=True
    ):
        if share.max() < NEGLIGIBLE:
            continue
        here = x + offset[..., 0], y + offset[..., 1]
        seen = _sample(np.ascontiguousarray(reference[..., :3]), *here)
        # Pixel centres lie at whole numbers, so the upper left corners of both grids are at -0.5.
        there = _up(np.asarray((_sample(flow, *here) + 0.5) * scale - 0.5, np.float32), size)
        large = _sample(picture, there[..., 0], there[..., 1])
        result += _up(share, size)[..., None] * (large.astype(np.float32) - _up(seen.astype(np.float32), size))
    return result


def _sample(picture: NDArray[Any], x: Array, y: Array) -> NDArray[Any]:
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _up(values: Array, size: tuple[int, int]) -> Array:
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
