"""Small geometry: rotations, vertex normals, mesh smoothing, and noise that is the same on every run."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

Floats = NDArray[Any]
"""An array of floats; single precision where pictures are made, double elsewhere."""
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]


def unit(vectors: ArrayLike) -> Floats:
    """Vectors (..., 3) scaled to length 1; zero stays zero."""
    array = np.asarray(vectors)
    return np.asarray(array / np.maximum(np.linalg.norm(array, axis=-1, keepdims=True), 1e-9))


def smoothstep(low: float, high: float, x: ArrayLike) -> Floats:
    """0 below ``low``, 1 above ``high``, cubic between; ``low > high`` falls instead of rising."""
    t = np.clip((np.asarray(x) - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def rotate_x(radians: float) -> Floats:
    """Rotation about x: tips +y towards +z."""
    c, s = np.cos(radians), np.sin(radians)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def rotate_y(radians: float) -> Floats:
    """Rotation about y: turns +z towards +x, a person to their own left."""
    c, s = np.cos(radians), np.sin(radians)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def rotate_z(radians: float) -> Floats:
    """Rotation about z: turns +x towards +y."""
    c, s = np.cos(radians), np.sin(radians)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def euler(pitch: float, yaw: float, roll: float) -> Floats:
    """Rotation by roll (z), then pitch (x), then yaw (y), in degrees. Positive pitch bends forward."""
    return rotate_y(np.radians(yaw)) @ rotate_x(np.radians(pitch)) @ rotate_z(np.radians(roll))


def axis_angle(axis: ArrayLike, radians: float) -> Floats:
    """Rotation by an angle about an axis (Rodrigues)."""
    x, y, z = unit(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(radians) * k + (1 - np.cos(radians)) * k @ k)


def swing(start: ArrayLike, end: ArrayLike) -> Floats:
    """The shortest rotation that takes one direction to another."""
    a, b = unit(start), unit(end)
    axis = np.cross(a, b)
    sine = float(np.linalg.norm(axis))
    return np.eye(3) if sine < 1e-8 else axis_angle(axis, float(np.arctan2(sine, a @ b)))


def rotation_angle(rotations: Floats) -> Floats:
    """Angle in degrees of rotation matrices (..., 3, 3)."""
    trace = np.trace(rotations, axis1=-2, axis2=-1)
    return np.asarray(np.degrees(np.arccos(np.clip((trace - 1) / 2, -1, 1))))


def vertex_normals(vertices: Floats, faces: Ints) -> Floats:
    """Area-weighted unit normals (N, 3) of a triangle mesh."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    total = np.zeros_like(vertices)
    for i in range(3):
        np.add.at(total, faces[:, i], normal)
    return unit(total)


def smooth_over_mesh(values: Floats, faces: Ints, passes: int, strength: float = 0.5) -> Floats:
    """Laplacian smoothing of per-vertex values (N, C): each pass moves them towards their neighbours' mean."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    count = len(values)
    adjacency = sp.csr_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    adjacency.data[:] = 1
    degree = np.asarray(adjacency.sum(1)).reshape(-1, 1)
    for _ in range(passes):
        mean = np.where(degree > 0, adjacency @ values / np.maximum(degree, 1), values)
        values = values + strength * (mean - values)
    return values


class Noise:
    """Smooth periodic noise over space, mean 0, standard deviation 1, fixed by its seed."""

    def __init__(self, seed: int, *, grain: float, cells: int = 48) -> None:
        field = gaussian_filter(np.random.default_rng(seed).standard_normal((cells,) * 3), grain, mode="wrap")
        self._field = (field / field.std()).astype(np.float32)
        self._dense: Floats | None = None

    def __call__(self, points: Floats, scale: float | ArrayLike) -> Floats:
        """Values (N,) at points (N, 3); ``scale`` is periods per metre, alike or one for each axis."""
        cells = self._field.shape[0]
        where = (points * np.asarray(scale, dtype=np.float32)) % 1 * cells
        return np.asarray(map_coordinates(self._field, where.T, order=1, mode="grid-wrap"))

    def quick(self, points: Floats, scale: float | ArrayLike) -> Floats:
        """The same without interpolation between cells a hundredth of a period apart: good for millimetres."""
        if self._dense is None:
            self._dense = zoom(self._field, 2, order=1, mode="grid-wrap", grid_mode=True).ravel()
        cells = 2 * self._field.shape[0]
        cell = (points * (np.asarray(scale, dtype=np.float32) * np.float32(cells))).astype(np.int32) % cells
        return np.asarray(self._dense[(cell[:, 0] * cells + cell[:, 1]) * cells + cell[:, 2]])


BROAD = (Noise(1, grain=1.6), Noise(2, grain=1.6), Noise(3, grain=1.6))
"""Three independent broad noises: folds of cloth, stains of a wall."""
FINE = Noise(4, grain=1.0)
"""Fine noise: hair strands, wood grain."""
