"""The subject's shadow where it never left the floor: beneath their feet no frame shows the light it hides.

But frames do show where the floor goes on. The edge of a shadow moves with the subject; in some frame both sides of it
lie in shadow, and what is between them there is the floor's own. So the floor about such a place is put together from
the least of its gradients over time, and from the lit floor around: Weiss, "Deriving intrinsic images from image
sequences", ICCV 2001, who takes their median, which keeps what a soft shadow mostly leaves.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import splu

Picture = NDArray[np.uint8]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float32]
IN_SHADOW = 0.8
"""Light, as a share of the plate's, below which a sample is in shadow there."""
ABOUT = 0.02
"""Smallest shadow that counts, as a share of the subject's height, and how far around one is looked at."""
LEAST = 0.2
"""Of the gradients of all samples the one at this rank, as a share of their number: the least may be noise."""
LIFTED = 0.1
"""Logarithm of the gain in light from which a place was in shadow."""
DARK = 6.0
"""Grey levels added before logarithms: below, differences are noise."""


def lift_shadows(
    plate: Picture, pictures: Picture, bare: Bools, light: Picture, horizon: int, height: float
) -> Picture:
    """The plate without the shadows that none of its samples is free of.

    Args:
        plate: RGB uint8 (H, W, 3), as light as any sample.
        pictures: (N, H, W, 3) the samples.
        bare: (N, H, W) where they show the background.
        light: (N, H, W) how light it is there in grey levels, less the changes of the whole picture.
        horizon: first row of the floor that the subject stands on.
        height: of the subject in pixels.
    """
    side = max(3, round(ABOUT * height)) | 1
    place = _shaded(plate, bare, light, horizon, side)
    left, top, width, tall = cv2.boundingRect(place.view(np.uint8))
    if not width:
        return plate
    rows, columns = slice(top - 1, top + tall + 1), slice(left - 1, left + width + 1)
    here, part, samples, seen = (
        place[rows, columns],
        plate[rows, columns],
        pictures[:, rows, columns],
        bare[:, rows, columns],
    )
    known = _log(part)
    lit = _integrate(known, here, _steps(known, samples, seen, 1), _steps(known, samples, seen, 0))
    lifted = here & (lit.mean(-1) - known.mean(-1) > LIFTED)
    grown = cv2.dilate(lifted.astype(np.float32), np.ones((5, 5), np.uint8))
    share = cv2.GaussianBlur(grown, (0, 0), 1.0)[..., None]
    mended = plate.copy()
    mended[rows, columns] = np.clip(part + share * (np.exp(lit) - DARK - part), 0, 255).round()
    return mended


def _shaded(plate: Picture, bare: Bools, light: Picture, horizon: int, side: int) -> Bools:
    """(H, W) the floor that some sample shows in shadow, with what lies enclosed; never the picture's rim."""
    own = cv2.blur(cv2.cvtColor(plate, cv2.COLOR_RGB2GRAY).astype(np.float32), (side, side))
    square = np.ones((side, side), np.uint8)
    shaded = np.zeros(plate.shape[:2], np.uint8)
    for seen, grey in zip(bare, light, strict=True):
        dark = (seen & (grey < IN_SHADOW * own)).view(np.uint8)
        shaded |= cv2.morphologyEx(dark, cv2.MORPH_OPEN, square)
    shaded[:horizon] = 0
    closed = cv2.morphologyEx(shaded, cv2.MORPH_CLOSE, np.ones((2 * side + 1,) * 2, np.uint8))
    outlines, _ = cv2.findContours(closed, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    whole = cv2.dilate(cv2.drawContours(closed, outlines, -1, 1, cv2.FILLED), square) > 0
    return np.pad(whole[1:-1, 1:-1], 1)


def _steps(known: Floats, pictures: Picture, bare: Bools, axis: int) -> Floats:
    """Differences of neighbours along rows (1) or columns (0): the samples' least, the plate's where they have none."""
    steps = np.diff(known, axis=axis)
    for row in range(len(steps)):
        block = np.s_[row : row + 2 - axis]
        logs, seen = _log(pictures[:, block]), bare[:, block]
        change = np.diff(logs, axis=axis + 1)[:, 0]
        both = seen[:, 0, 1:] & seen[:, 0, :-1] if axis else seen[:, 0] & seen[:, 1]
        size = np.where(both, np.abs(change).sum(-1), np.inf)
        count = both.sum(0)
        rank = (LEAST * np.maximum(count - 1, 0)).astype(np.intp)
        pick = np.take_along_axis(np.argsort(size, axis=0), rank[None], axis=0)[..., None]
        steps[row] = np.where((count > 0)[:, None], np.take_along_axis(change, pick, axis=0)[0], steps[row])
    return steps


def _integrate(known: Floats, here: Bools, across: Floats, down: Floats) -> Floats:
    """The picture that is ``known`` outside of ``here`` and has the given steps within: Poisson's equation."""
    number = np.where(here, np.cumsum(here.ravel()).reshape(here.shape) - 1, -1)
    total = int(here.sum())
    right = np.zeros((total, known.shape[2]))
    entries: list[tuple[NDArray[np.intp], NDArray[np.intp], float]] = []
    pairs = ((np.s_[:, :-1], np.s_[:, 1:], across), (np.s_[:-1], np.s_[1:], down))
    for first, second, steps in pairs:
        for one, other, sign in ((first, second, -1.0), (second, first, 1.0)):
            inside = here[one]
            mine, theirs = number[one][inside], number[other][inside]
            np.add.at(right, mine, sign * steps[inside])
            outside = theirs < 0
            np.add.at(right, mine[outside], known[other][inside][outside])
            entries += [(mine, mine, 1.0), (mine[~outside], theirs[~outside], -1.0)]
    values = np.concatenate([np.full(len(i), value) for i, _, value in entries])
    places = (np.concatenate([i for i, _, _ in entries]), np.concatenate([j for _, j, _ in entries]))
    matrix = coo_matrix((values, places), shape=(total, total)).tocsc()
    whole = known.copy()
    whole[here] = splu(matrix).solve(right)
    return whole


def _log(picture: Picture) -> Floats:
    return np.asarray(np.log(picture.astype(np.float32) + np.float32(DARK)), np.float32)
