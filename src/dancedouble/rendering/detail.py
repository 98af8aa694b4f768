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
NEGLIGIBLE = 1 / 256
"""A share below this changes no pixel value that anybody sees."""
Part = tuple[slice, slice]
"""Rows and columns of a picture."""
EVERYTHING = (slice(None), slice(None))


class Blend(NamedTuple):
    """How a small picture was put together from K warped references."""

    shares: Array
    """(K, h, w) share of each reference, 0 to 1."""
    offsets: Array
    """(K, 2, h, w) x and y, in pixels, by which each reference was sampled beside each pixel."""


class Patch(NamedTuple):
    """A picture at full size that references were put together from."""

    flow: Array
    """(h, w, 2) where it was sampled, x and y in pixels of its small version."""
    picture: NDArray[np.uint8]
    """(H', W', 3) RGB."""


def restore_detail(
    small: Array, blend: Blend, references: NDArray[np.uint8], sources: NDArray[np.uint8], patches: Sequence[Patch],
    ratio: tuple[float, float], size: tuple[int, int], part: Part = EVERYTHING,
) -> Array:  # fmt: skip
    """The small picture at ``size`` (height, width), with the detail of full-size pictures.

    ``small`` (h, w, 3) float RGB 0–255; ``references`` (K, h, w, 3 or more) as shown; ``sources`` (K, h, w) which of
    the N ``patches`` each of their pixels is from; patches have ``ratio`` (x, y) pixels for each small one. Returns the
    ``part`` (rows, columns) of (height, width, 3) float, not clipped.
    """
    height, width = small.shape[:2]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    # Pixel centres lie at whole numbers, so the upper left corners of both grids are at -0.5.
    to_large = np.array([[ratio[0], 0, ratio[0] / 2 - 0.5], [0, ratio[1], ratio[1] / 2 - 0.5]], np.float32)
    rows, columns = (slice(*span.indices(length)) for span, length in zip(part, size, strict=True))
    window = _Window(size, (height, width), rows, columns)
    rest = small.copy()
    result = np.zeros((rows.stop - rows.start, columns.stop - columns.start, 3), np.float32)
    for share, offset, reference, source in zip(blend.shares, blend.offsets, references, sources, strict=True):
        blended = _around(share >= NEGLIGIBLE)
        here = x[blended[1]] + offset[0][blended], y[blended[0]] + offset[1][blended]
        if not here[0].size:
            continue
        taken = rest[blended]
        cv2.subtract(taken, _weighted(_sample(reference, *here), share[blended]), dst=taken)
        margin = int(np.abs(offset).max()) + 2
        for index, patch in enumerate(patches):
            of_this = (source == index).view(np.uint8)
            near = _around(of_this, margin, blended)
            if not of_this[near].size:
                continue
            there = x[near[1]] + offset[0][near], y[near[0]] + offset[1][near]
            # Between two patches the reference was a mixture of both, and so is what replaces it.
            weight = share[near] * _sample(of_this.astype(np.float32), *there)
            shown = window.around(weight >= NEGLIGIBLE, near)
            if shown is None:
                continue
            place = cv2.transform(_sample(patch.flow, *there), to_large)
            place, weight = shown.enlarge(place, near), shown.enlarge(weight, near)
            target = result[shown.place(window)]
            cv2.add(target, _weighted(_sample(patch.picture, place), weight), dst=target)
    cv2.add(result, window.enlarge(rest), dst=result)
    return result


class _Window(NamedTuple):
    """A part of the enlarged picture."""

    size: tuple[int, int]
    """(height, width) of the whole of it."""
    small: tuple[int, int]
    """(height, width) before it is enlarged."""
    rows: slice
    columns: slice

    def around(self, mask: NDArray[np.bool_], near: Part = EVERYTHING) -> _Window | None:
        """The smallest window within this one that shows all of a small mask; None where it shows nothing of it.

        The mask, as all small values below, may be that of a part of the small picture.
        """
        left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
        top, left = top + (near[0].start or 0), left + (near[1].start or 0)
        spans = []
        for start, length, whole, small, now in zip(
            (top, left), (height, width), self.size, self.small, (self.rows, self.columns), strict=True
        ):
            ratio = whole / small
            # One small pixel more on each side: enlarging spreads a pixel that far.
            low, high = int((start - 1) * ratio), int(np.ceil((start + length + 1) * ratio))
            spans.append(slice(max(low, now.start), min(high, now.stop)))
        if not width or any(span.start >= span.stop for span in spans):
            return None
        return self._replace(rows=spans[0], columns=spans[1])

    def place(self, outer: _Window) -> Part:
        """Where this window lies in the pixels of an outer one."""
        return (
            slice(self.rows.start - outer.rows.start, self.rows.stop - outer.rows.start),
            slice(self.columns.start - outer.columns.start, self.columns.stop - outer.columns.start),
        )

    def enlarge(self, values: Array, near: Part = EVERYTHING) -> Array:
        """This part of small values (h, w) or (h, w, C), enlarged bilinearly as a whole picture would be."""
        top, left = self.rows.start, self.columns.start
        scale = [small / large for small, large in zip(self.small, self.size, strict=True)]
        # Destination pixel i of the window has its centre at (i + start + 0.5) · scale − 0.5 in small pixels.
        back = np.array(
            [
                [scale[1], 0, (left + 0.5) * scale[1] - 0.5 - (near[1].start or 0)],
                [0, scale[0], (top + 0.5) * scale[0] - 0.5 - (near[0].start or 0)],
            ]
        )
        shape = (self.columns.stop - left, self.rows.stop - top)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(values, back, shape, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32)


def _around(mask: NDArray[Any], margin: int = 0, within: Part = EVERYTHING) -> Part:
    """The rows and columns of a mask (h, w) and ``margin`` more on each side, as far as they are ``within`` others."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return slice(0, 0), slice(0, 0)
    spans = []
    for start, length, whole, limit in zip((top, left), (height, width), mask.shape, within, strict=True):
        first, last, _ = limit.indices(whole)
        spans.append(slice(max(start - margin, first), min(start + length + margin, last)))
    return spans[0], spans[1]


def _sample(picture: NDArray[Any], *places: Array) -> NDArray[Any]:
    """A picture at places: (H, W, 2), or x and y apart."""
    x, y = (*places, None)[:2]
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _weighted(picture: NDArray[np.uint8], share: Array) -> Array:
    """RGB of a picture (H, W, 3 or 4) times (H, W)."""
    rgb = picture if picture.shape[2] == 3 else cv2.cvtColor(picture, cv2.COLOR_RGBA2RGB)
    return np.asarray(cv2.multiply(rgb, cv2.merge([share] * 3), dtype=cv2.CV_32F))
