"""The coarse grid that flows are computed on: body parts are much larger than its cells."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.rendering.body_parts import GROUPS

Array = NDArray[np.float32]
GRID = 4
"""Pixels of a cell, on each axis."""
Place = tuple[slice, slice]
"""Rows and columns of a part of a picture."""


def coarse_grid(size_hw: tuple[int, int]) -> tuple[Array, Array, Callable[[Array], Array]]:
    """x and y (N,) of the coarse grid's cells, and what makes (N,) or (N, C) of them a picture (H, W) or (H, W, C)."""
    if size_hw[0] % GRID or size_hw[1] % GRID:
        raise ValueError(f"the picture size must be in multiples of {GRID}, got {size_hw}")
    rows, columns = size_hw[0] // GRID + 2, size_hw[1] // GRID + 2  # with a rim: cells beyond the edge
    grid = np.mgrid[0:rows, 0:columns].astype(np.float32).reshape(2, -1)
    y, x = grid * GRID - np.float32((GRID + 1) / 2)

    def refine(coarse: Array) -> Array:
        fine = cv2.resize(coarse.reshape(rows, columns, -1), (columns * GRID, rows * GRID))
        return np.asarray(fine[GRID:-GRID, GRID:-GRID], np.float32)

    return x, y, refine


class Cells:
    """The cells of the grid about a place in the picture, with their rim."""

    def __init__(self, size_hw: tuple[int, int], place: Place) -> None:
        self.shape = (size_hw[0] // GRID + 2, size_hw[1] // GRID + 2)
        self.rows, self.columns = (slice(span.start // GRID, span.stop // GRID + 2) for span in place)

    def cut(self, values: Array) -> Array:
        """(…, N) of the whole grid → (…, n)."""
        part = values.reshape(*values.shape[:-1], *self.shape)[..., self.rows, self.columns]
        return part.reshape(*values.shape[:-1], -1)

    def refine(self, values: Array) -> Array:
        """(n,) → the pixels of the place (h, w)."""
        rows, columns = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        fine = cv2.resize(values.reshape(rows, columns), (columns * GRID, rows * GRID))
        return np.asarray(fine[GRID:-GRID, GRID:-GRID], np.float32)


def group_places(nearest: NDArray[np.uint8], wanted: NDArray[np.bool_]) -> list[Place]:
    """For each choice of groups the rows and columns, in whole cells of the grid, that hold all of their pixels."""
    boxes = [cv2.boundingRect((nearest == group).view(np.uint8)) for group in range(len(GROUPS))]
    corners = np.array([(top, left, top + height, left + width) for left, top, width, height in boxes])
    corners[:, :2] = corners[:, :2] // GRID * GRID
    corners[:, 2:] = -(-corners[:, 2:] // GRID) * GRID
    there = np.array([width > 0 for _, _, width, _ in boxes])
    places = []
    for groups in wanted:
        some = corners[groups & there]
        top, left = some[:, :2].min(0) if len(some) else (0, 0)
        bottom, right = some[:, 2:].max(0) if len(some) else (0, 0)
        places.append((slice(int(top), int(bottom)), slice(int(left), int(right))))
    return places
