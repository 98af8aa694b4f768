"""What nobody ever saw of a plate, filled with pieces of what was seen elsewhere in it.

After Wexler, Shechtman and Irani (2007): every patch that reaches into the hole looks for the one most like it among
those that were seen well, and each pixel becomes the mean of what the patches over it propose; again and again, from
coarse to fine. Folds of a curtain and edges of a wall go on behind the subject. It is found small and then done at full
size, with the very same pieces, whose light is brought to that of what is around the hole.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Colours = NDArray[np.float32]
Mask = NDArray[np.bool_]
SIDE = 7
"""Of a patch, in cells."""
REACH = SIDE // 2
SIZES = ((64, 8), (128, 4), (192, 2))
"""Longer side of the picture in cells, and how often patches are looked for at that size."""
FARTHER = 6.0
"""Grey levels, of every pixel of a patch, that a place as far away as the picture is long counts."""
MIDDLE = 2.0
"""Standard deviation in cells, from a patch's middle, of how much its proposals count."""
TYPICAL = 0.75
"""The quantile of all patches' misfits at which a proposal counts 0.6 times as much as a perfect one."""
AT_ONCE = 512
"""Patches compared at a time: bounds the memory."""


class _Found(NamedTuple):
    """For the patches about each cell: from where they are best replaced."""

    offsets: NDArray[np.int64]
    """(h, w, 2) x and y, in cells."""
    trust: Colours
    """(h, w) 0 to 1; 0 where the patch does not reach into the hole."""


def fill_unseen(plate: Picture, hole: Mask, seen_well: Mask) -> Picture:
    """The plate (H, W, 3) RGB with its ``hole`` (H, W) filled from where it was ``seen_well`` (H, W).

    Smoothly from around the hole where nothing of a patch's size was.
    """
    whole = fill_smoothly(plate.astype(np.float32), hole)
    for size, rounds in SIZES:
        fold = max(1, round(max(hole.shape) / size))
        cells = _shrunk(whole, fold)
        unseen, sure = _shrunk(hole.astype(np.float32), fold) > 0, _shrunk(seen_well.astype(np.float32), fold) > 0.5
        patches = np.argwhere(_inside(sure & ~unseen))
        if not len(patches):
            return _laid(plate, whole, hole)
        offered = _described(cells, patches)
        for _ in range(rounds):
            found = _search(cells, unseen, patches, offered)
            cells = _voted(cells, unseen, found, 1)
        large = cv2.resize(cells, None, fx=fold, fy=fold, interpolation=cv2.INTER_LINEAR)
        whole = np.where(hole[..., None], large[: len(whole), : len(whole[0])], whole)
    rim = cv2.dilate(hole.view(np.uint8), np.ones((2 * fold + 1, 2 * fold + 1), np.uint8)) > 0
    filled = _voted(whole, rim, found, fold)
    return _laid(plate, filled + fill_smoothly(plate - filled, hole), hole)


def fill_smoothly(picture: Colours, hole: Mask) -> Colours:
    """The picture (H, W, 3) with its hole (H, W) filled with the colours around it.

    Pull and push: means over ever larger squares of what was seen, where the smaller square holds nothing.
    """
    known = (~hole).astype(np.float32)[..., None]
    levels = [np.concatenate([picture * known, known], axis=2)]
    while min(levels[-1].shape[:2]) > 1:
        levels.append(cv2.pyrDown(levels[-1]))
    filled = levels[-1][..., :3] / np.maximum(levels[-1][..., 3:], 1e-6)
    for level in reversed(levels[:-1]):
        seen = np.clip(level[..., 3:], 0, 1)
        rough = cv2.resize(filled, level.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        filled = level[..., :3] + (1 - seen) * rough
    return np.asarray(filled, np.float32)


def _search(cells: Colours, hole: Mask, known: NDArray[np.int64], offered: Colours) -> _Found:
    """For every patch that reaches into the hole the nearest of those ``known``: rows and columns (N, 2), described."""
    height, width = hole.shape
    wanted = np.argwhere(_grown(hole))
    asked = _described(cells, wanted)
    half = np.square(offered).sum(axis=1) / 2
    nearest, misfit = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.float32)
    for start in range(0, len(wanted), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        likeness = asked[some] @ offered.T - half
        nearest[some] = likeness.argmax(axis=1)
        misfit[some] = np.square(asked[some]).sum(axis=1) - 2 * likeness.max(axis=1)
    rows, columns = wanted.T
    offsets, trust = np.zeros((height, width, 2), np.int64), np.zeros((height, width), np.float32)
    offsets[rows, columns] = (known[nearest] - wanted)[:, ::-1]
    trust[rows, columns] = np.exp(-misfit.clip(0) / (2 * max(float(np.quantile(misfit, TYPICAL)), 1e-3)))
    return _Found(offsets, trust)


def _described(cells: Colours, places: NDArray[np.int64]) -> Colours:
    """The patches about (N, 2) rows and columns, as vectors whose distance tells how well one replaces the other."""
    padded = np.pad(cells, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="reflect")
    patches = np.lib.stride_tricks.sliding_window_view(padded, (SIDE, SIDE), axis=(0, 1))
    far = FARTHER * SIDE * np.sqrt(3) / max(cells.shape[:2])
    colours = patches[places[:, 0], places[:, 1]].reshape(len(places), -1)
    return np.concatenate([colours, far * places], axis=1, dtype=np.float32)


def _voted(picture: Colours, where: Mask, found: _Found, fold: int) -> Colours:
    """The picture, ``fold`` pixels for each cell, with what the patches propose for the pixels ``where``."""
    (height, width), (rows, columns) = picture.shape[:2], found.trust.shape
    y, x = np.nonzero(where)
    total, weight = np.zeros((len(y), 3), np.float32), np.full(len(y), 1e-9, np.float32)
    for down in range(-REACH, REACH + 1):
        for right in range(-REACH, REACH + 1):
            patch = (y // fold + down).clip(0, rows - 1), (x // fold + right).clip(0, columns - 1)
            share = found.trust[patch] * np.float32(np.exp(-(down**2 + right**2) / (2 * MIDDLE**2)))
            offset = fold * found.offsets[patch]
            place = (y + offset[:, 1]).clip(0, height - 1), (x + offset[:, 0]).clip(0, width - 1)
            total += share[:, None] * picture[place]
            weight += share
    result = picture.copy()
    result[y, x] = total / weight[:, None]
    return result


def _grown(mask: Mask) -> Mask:
    """Patches, by their middles, that hold something of the mask."""
    return np.asarray(cv2.dilate(mask.view(np.uint8), np.ones((SIDE, SIDE), np.uint8)) > 0)


def _inside(mask: Mask) -> Mask:
    """Patches, by their middles, that lie inside the mask and the picture."""
    square = np.ones((SIDE, SIDE), np.uint8)
    return np.asarray(cv2.erode(mask.view(np.uint8), square, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0)


def _shrunk(picture: Colours, fold: int) -> Colours:
    """Means of squares of ``fold`` pixels; the last ones reach beyond the edge, where it goes on as it is there."""
    height, width = picture.shape[:2]
    below, beside = -height % fold, -width % fold
    padded = cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE)
    shape = ((width + beside) // fold, (height + below) // fold)
    return np.asarray(cv2.resize(padded, shape, interpolation=cv2.INTER_AREA), np.float32)


def _laid(plate: Picture, filled: Colours, hole: Mask) -> Picture:
    return np.where(hole[..., None], filled.round().clip(0, 255), plate).astype(np.uint8)
