"""The camera, and four rooms: a floor and a wall with things on it, lit by one soft lamp."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .geometry import BROAD, FINE, Floats, rotate_x, unit
from .looks import Colour

RoomName = Literal["studio", "living room", "loft", "gym"]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera on a tripod, at x = 0, tipped to look at ``aim`` metres above the stage's centre.

    ``size`` (height, width) and ``focal`` in output pixels; ``height`` and ``distance`` in metres.
    """

    size: tuple[int, int]
    focal: float
    height: float
    distance: float
    aim: float

    @property
    def place(self) -> Floats:
        """Where the camera stands (3,)."""
        return np.array([0.0, self.height, self.distance])

    @property
    def rotation(self) -> Floats:
        """World directions → camera directions (3, 3): x right, y up, z backward."""
        return rotate_x(-float(np.arctan2(self.aim - self.height, self.distance)))

    def project(self, points: Floats) -> Floats:
        """Points (..., 3) in metres → (..., 3): x, y in output pixels from the top left corner, depth in metres."""
        seen = (points - self.place) @ self.rotation.T
        depth = -seen[..., 2]
        x = self.size[1] / 2 + self.focal * seen[..., 0] / depth
        y = self.size[0] / 2 - self.focal * seen[..., 1] / depth
        return np.stack([x, y, depth], -1)

    def rays(self, scale: int) -> Floats:
        """World directions (H·scale, W·scale, 3) through the pixels of a picture ``scale`` times as fine."""
        height, width = self.size[0] * scale, self.size[1] * scale
        x, y = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
        focal = self.focal * scale
        return np.asarray(np.stack([x / focal, -y / focal, -np.ones_like(x)], -1) @ self.rotation)


@dataclass(frozen=True)
class Backdrop:
    """The empty room as the camera sees it, (H, W) arrays: points in metres, where the floor is, colour, light."""

    points: Floats
    floor: Floats
    colour: Floats
    direct: Floats
    ambient: Floats


LAMP = unit(np.array([-0.45, 0.95, 0.75]))
"""Direction to the lamp."""
WALL_Z = -1.6


def build_backdrop(name: RoomName, camera: Camera, scale: int) -> Backdrop:
    """The room through a camera, ``scale`` times as fine as its picture."""
    rays = camera.rays(scale)
    to_floor = np.where(rays[..., 1] < -1e-6, -camera.height / np.minimum(rays[..., 1], -1e-6), 1e9)
    to_wall = (WALL_Z - camera.distance) / rays[..., 2]
    on_floor = to_floor < to_wall
    points = camera.place + rays * np.minimum(to_floor, to_wall)[..., None]
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    floor, wall = ROOMS[name](points)
    falloff = np.exp(-0.6 * ((x / 3.2) ** 2 + (z / 4.0) ** 2 + ((y - 1.2) / 3) ** 2))
    facing = np.where(on_floor, LAMP[1], LAMP[2])
    corner = np.where(on_floor, np.clip(0.55 + 0.45 * (z - WALL_Z) / 0.8, 0, 1), np.clip(0.6 + 0.4 * y / 0.35, 0, 1))
    colour = np.where(on_floor[..., None], floor, wall)
    ambient = (0.42 + 0.25 * falloff) * corner
    layers = (points, on_floor, colour, facing * falloff, ambient)
    return Backdrop(*(np.asarray(layer, dtype=np.float32) for layer in layers))


def _noise(points: Floats, scale: float | Colour, *, fine: bool = False) -> Floats:
    field = FINE if fine else BROAD[0]
    return field(points.reshape(-1, 3), scale).reshape(points.shape[:-1])


def _rectangle(points: Floats, x: float, y: float, half_width: float, half_height: float) -> Floats:
    return (np.abs(points[..., 0] - x) < half_width) & (np.abs(points[..., 1] - y) < half_height)


def _studio(points: Floats) -> tuple[Floats, Floats]:
    """Gray walls with a red panel, concrete floor."""
    broad = _noise(points, 0.35)[..., None]
    wall = np.array([0.42, 0.46, 0.50]) * (1 + 0.03 * broad)
    wall[_rectangle(points, -1.05, 1.2, 0.24, 0.7)] = (0.50, 0.22, 0.16)
    return np.array([0.30, 0.29, 0.28]) * (1 + 0.04 * broad), wall


def _living_room(points: Floats) -> tuple[Floats, Floats]:
    """Warm wall with a door and a picture, a wooden floor."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    grain = _noise(points, (0.6, 4.0, 4.0), fine=True)
    wall = np.array([0.62, 0.56, 0.46]) * (1 + 0.02 * _noise(points, 0.35))[..., None]
    wall[_rectangle(points, 0.92, 1.55, 0.29, 0.25)] = (0.05, 0.05, 0.05)
    inside = _rectangle(points, 0.92, 1.55, 0.25, 0.21)
    picture = np.stack([0.25 + 0.3 * (y - 1.3), 0.4 + 0.1 * np.sin(9 * x), 0.55 - 0.3 * (y - 1.3)], -1)
    wall[inside] = picture[inside]
    wall[y < 0.10] = (0.75, 0.74, 0.72)
    door = _rectangle(points, -1.05, 1.0, 0.36, 1.05)
    wall[door] = (np.array([0.45, 0.33, 0.22]) * (1 + 0.06 * grain)[..., None])[door]
    wall[np.hypot(x + 0.76, y - 1.0) < 0.03] = (0.6, 0.55, 0.3)
    return _planks(z, grain, (0.36, 0.22, 0.12)), wall


def _planks(along: Floats, grain: Floats, colour: Colour) -> Floats:
    """Boards of 14 cm across ``along``, each of its own shade."""
    board = np.floor((along + 5) / 0.14)
    floor = np.array(colour) * (0.8 + 0.35 * (board * 12.9898 % 1) + 0.10 * grain)[..., None]
    floor[(along + 5) / 0.14 % 1 < 0.04] *= 0.55
    return floor


def _loft(points: Floats) -> tuple[Floats, Floats]:
    """A whitewashed brick wall with a window's bright square, dark boards."""
    x, y = points[..., 0], points[..., 1]
    course = np.floor(y / 0.085)
    brick_x = (x + 5) / 0.24 + 0.5 * (course % 2)
    shade = (np.floor(brick_x) * 7.31 + course * 3.77) % 1
    wall = np.array([0.50, 0.40, 0.36]) * (0.82 + 0.3 * shade + 0.03 * _noise(points, 2.0))[..., None]
    wall[(y / 0.085 % 1 < 0.12) | (brick_x % 1 < 0.05)] = (0.52, 0.50, 0.47)
    wall[_rectangle(points, -0.98, 1.55, 0.34, 0.44)] = (0.10, 0.10, 0.11)
    panes = _rectangle(points, -0.98, 1.55, 0.31, 0.41) & (np.abs(x + 0.98) > 0.02) & (np.abs(y - 1.55) > 0.02)
    wall[panes] = (0.62, 0.78, 0.95)
    grain = _noise(points, (4.0, 4.0, 0.6), fine=True)
    return _planks(x, grain, (0.16, 0.11, 0.08)), wall


def _gym(points: Floats) -> tuple[Floats, Floats]:
    """Pale green wall with a dark dado and a clock, a blue mat."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    broad = _noise(points, 0.35)[..., None]
    wall = np.array([0.45, 0.58, 0.47]) * (1 + 0.02 * broad)
    wall[y < 0.75] = (0.16, 0.27, 0.22)
    wall[np.abs(y - 0.75) < 0.015] = (0.70, 0.70, 0.66)
    clock = np.hypot(x - 0.85, y - 1.75)
    wall[clock < 0.17] = (0.05, 0.05, 0.06)
    wall[clock < 0.15] = (0.80, 0.80, 0.78)
    hand = ((np.abs(x - 0.85) < 0.008) & (y > 1.75)) | ((np.abs(y - 1.75) < 0.008) & (x > 0.85))
    wall[hand & (clock < 0.12)] = (0.05, 0.05, 0.06)
    floor = np.array([0.12, 0.22, 0.40]) * (1 + 0.05 * broad)
    floor[(np.abs((z + 5) % 1 - 0.5) < 0.006) | (np.abs((x + 5.5) % 1 - 0.5) < 0.006)] *= 0.6
    return floor, wall


ROOMS: dict[RoomName, Callable[[Floats], tuple[Floats, Floats]]] = {
    "studio": _studio,
    "living room": _living_room,
    "loft": _loft,
    "gym": _gym,
}
"""Room → the colours of its floor and wall at world points (..., 3)."""
