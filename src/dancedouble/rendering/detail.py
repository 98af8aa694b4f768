"""Detail at full size: decisions are made small, pixels are taken large.

A generator that blends warped real pictures decides, at its own small size, which picture shows at each pixel. The
same decision holds for the pictures at the footage's own resolution: what the small picture has from a reference is
taken out of it, the rest is enlarged, and the same shares of the large pictures are added,
``large = up(small − Σ_k blend_k · reference_k) + Σ_k up(blend_k) · picture_k``.
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
EVERYTHING = (slice(None), slice(None))


class Blend(NamedTuple):
    """How a small picture was put together from K warped references."""

    shares: Array
    """(K, h, w) share of each reference, 0 to 1."""
    offsets: Array
    """(K, 2, h, w) x and y, in pixels, by which each reference was sampled beside each pixel."""


def restore_detail(
    small: Array, blend: Blend, flows: Sequence[Array], references: NDArray[np.uint8],
    pictures: Sequence[NDArray[np.uint8]], ratio: tuple[float, float], size: tuple[int, int],
    part: tuple[slice, slice] = EVERYTHING,
) -> Array:  # fmt: skip
    """The small picture at ``size`` (height, width), with the detail of full-size pictures.

    ``small`` (h, w, 3) float RGB 0–255; ``flows`` K of (h, w, 2), where each reference was sampled, x and y in pixels
    of its small picture; ``references`` (K, h, w, 3 or more) the references as shown; ``pictures`` K full-size ones
    (H', W', 3), which have ``ratio`` (x, y) pixels for each small one. Returns the ``part`` (rows, columns) of
    (height, width, 3) float, not clipped.
    """
    height, width = small.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    # Pixel centres lie at whole numbers, so the upper left corners of both grids are at -0.5.
    to_large = np.array([[ratio[0], 0, ratio[0] / 2 - 0.5], [0, ratio[1], ratio[1] / 2 - 0.5]], np.float32)
    rest, details = small, []
    for share, offset, flow, reference, picture in zip(
        blend.shares, blend.offsets, flows, references, pictures, strict=True
    ):
        if share.max() < NEGLIGIBLE:
            continue
        here = x + offset[0], y + offset[1]
        rest = cv2.subtract(rest, _weighted(_sample(reference, *here), share))
        there = _enlarge(cv2.transform(_sample(flow, *here), to_large), size, part)
        details.append(_weighted(_sample(picture, there), _enlarge(share, size, part)))
    result = _enlarge(rest, size, part)
    for detail in details:
        cv2.add(result, detail, dst=result)
    return result


def _sample(picture: NDArray[Any], *places: Array) -> NDArray[Any]:
    """A picture at places: (H, W, 2), or x and y apart."""
    x, y = (*places, None)[:2]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _weighted(picture: NDArray[np.uint8], share: Array) -> Array:
    """RGB of a picture (H, W, 3 or 4) times (H, W)."""
    rgb = picture if picture.shape[2] == 3 else cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.multiply(rgb, cv2.merge([share] * 3), dtype=cv2.CV_32F))


def _enlarge(values: Array, size: tuple[int, int], part: tuple[slice, slice]) -> Array:
    large = cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR)[part]
    return np.ascontiguousarray(large, np.float32)
