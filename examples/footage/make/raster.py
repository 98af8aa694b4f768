"""Triangles → fragments, vectorised over all triangles at once, and the test that keeps the nearest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import Bools, Floats, Ints

FAR = np.float32(1e9)


@dataclass(frozen=True)
class Fragments:
    """Pixels covered by triangles. ``face`` (n,) index, ``weights`` (n, 3) barycentric, ``pixel`` (n,) flat index,
    ``depth`` (n,) float32: one float type everywhere, so that equal depths compare equal."""

    face: Ints
    weights: Floats
    pixel: Ints
    depth: Floats

    def take(self, chosen: Ints | Bools) -> Fragments:
        """The chosen fragments."""
        return Fragments(self.face[chosen], self.weights[chosen], self.pixel[chosen], self.depth[chosen])

    def nearest(self, pixels: int) -> Bools:
        """Which fragments are in front at their pixel, of a picture of that many pixels."""
        front = depth_buffer(self, pixels)
        return np.asarray(self.depth <= front[self.pixel])


def depth_buffer(fragments: Fragments, pixels: int) -> Floats:
    """The smallest depth (pixels,) at each pixel; :data:`FAR` where there is nothing."""
    front = np.full(pixels, FAR, np.float32)
    np.minimum.at(front, fragments.pixel, fragments.depth)
    return front


def rasterize(screen: Floats, faces: Ints, width: int, height: int, *, both_sides: Bools | bool) -> Fragments:
    """Fragments of triangles with ``screen`` vertices (N, 3): x, y in pixels downwards, depth.

    Triangles whose back is to the viewer are dropped unless ``both_sides``. Pixel centres are at .5; depth and weights
    are linear on the screen, which is exact enough for triangles of a few pixels.
    """
    a, b, c = (screen[faces[:, i]].astype(np.float64) for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    visible = (area < -1e-4) | (both_sides & (area > 1e-4))
    low, high = np.minimum(np.minimum(a, b), c), np.maximum(np.maximum(a, b), c)
    x0 = np.clip(np.ceil(low[:, 0] - 0.5), 0, width).astype(np.int32)
    x1 = np.clip(np.floor(high[:, 0] - 0.5), -1, width - 1).astype(np.int32)
    y0 = np.clip(np.ceil(low[:, 1] - 0.5), 0, height).astype(np.int32)
    y1 = np.clip(np.floor(high[:, 1] - 0.5), -1, height - 1).astype(np.int32)
    columns, rows = np.maximum(x1 - x0 + 1, 0), np.maximum(y1 - y0 + 1, 0)
    kept = np.flatnonzero(visible & (columns * rows > 0))
    counts = (columns * rows)[kept]
    t = np.repeat(kept.astype(np.int32), counts)
    within = np.arange(len(t), dtype=np.int32) - np.repeat(np.cumsum(counts) - counts, counts).astype(np.int32)
    row = within // columns[t]
    px, py = x0[t] + within - row * columns[t], y0[t] + row
    at_x, at_y = px.astype(np.float32) + np.float32(0.5), py.astype(np.float32) + np.float32(0.5)

    def weight(p: Floats, q: Floats) -> Floats:
        safe = np.where(area == 0, 1, area)
        slope_x = ((p[:, 1] - q[:, 1]) / safe).astype(np.float32)
        slope_y = ((q[:, 0] - p[:, 0]) / safe).astype(np.float32)
        offset = ((p[:, 0] * q[:, 1] - q[:, 0] * p[:, 1]) / safe).astype(np.float32)
        return np.asarray(slope_x[t] * at_x + slope_y[t] * at_y + offset[t])

    w0, w1 = weight(b, c), weight(c, a)
    w2 = 1 - w0 - w1
    inside = np.flatnonzero((w0 >= 0) & (w1 >= 0) & (w2 >= 0))
    t, weights = t[inside], np.stack([w0[inside], w1[inside], w2[inside]], 1)
    corner = screen[:, 2].astype(np.float32)[faces[t]]
    depth = (weights * corner).sum(1)
    return Fragments(t, weights, py[inside].astype(np.int64) * width + px[inside], depth)
