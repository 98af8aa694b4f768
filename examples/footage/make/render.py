"""One frame: shadow map, fragments, materials, light, film."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .figure import Figure, Part
from .geometry import BROAD, Floats, Ints, unit
from .materials import albedo, keep
from .raster import Fragments, depth_buffer, rasterize
from .room import LAMP, Backdrop, Camera, RoomName, build_backdrop

LAMP_COLOUR = np.array([1.05, 1.0, 0.93], dtype=np.float32)
SKY_COLOUR = np.array([0.95, 1.0, 1.06], dtype=np.float32)
FILL = unit(np.array([0.8, 0.2, 0.5]))
GRAIN = 1.2
"""Standard deviation of the sensor's noise in 8-bit levels."""
CONTACTS = ("foot_l", "foot_r", "ball_l", "ball_r")


@dataclass(frozen=True)
class ShadowMap:
    """Depth (side, side) of the nearest cloth or skin as the lamp sees it, over ``extent`` metres around a centre."""

    depth: Floats
    side: int
    extent: float
    centre: Floats

    def place(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """Column, row and depth of world points (n, 3)."""
        seen = points @ LAMP_FRAME.T
        half = self.side / 2
        column = (seen[:, 0] - self.centre[0]) / self.extent * half + half
        row = half - (seen[:, 1] - self.centre[1]) / self.extent * half
        return column, row, -seen[:, 2]

    def lit(self, points: Floats, bias: float, radius: int) -> Floats:
        """How much (n,) of 9 samples around each point the lamp reaches."""
        column, row, depth = self.place(points)
        total = np.zeros(len(points), np.float32)
        for dy in (-radius, 0, radius):
            for dx in (-radius, 0, radius):
                u = np.clip((column + dx).astype(np.int32), 0, self.side - 1)
                v = np.clip((row + dy).astype(np.int32), 0, self.side - 1)
                total += depth - bias <= self.depth[v, u]
        return total / 9


_across = unit(np.cross([0, 1, 0], LAMP))
LAMP_FRAME = np.stack([_across, np.cross(LAMP, _across), LAMP]).astype(np.float32)


def cast_shadow(vertices: Floats, faces: Ints, side: int = 640, extent: float = 1.5) -> ShadowMap:
    """The shadow map of a mesh standing about the stage's centre."""
    shadow = ShadowMap(np.zeros((side, side)), side, extent, LAMP_FRAME @ np.array([0, 0.9, 0], dtype=np.float32))
    fragments = rasterize(np.stack(shadow.place(vertices), 1), faces, side, side, both_sides=True)
    return ShadowMap(depth_buffer(fragments, side * side).reshape(side, side), side, extent, shadow.centre)


class Studio:
    """A camera in a room: films a figure, frame by frame, always the same picture for the same pose and frame number.

    ``scale`` is the supersampling: the picture is made ``scale`` times as fine and reduced.
    """

    def __init__(self, room: RoomName, camera: Camera, *, scale: int = 2, seed: int = 0) -> None:
        self.camera = camera
        self._scale = scale
        self._seed = seed
        self._backdrop = build_backdrop(room, camera, scale)
        self._coarse = build_backdrop(room, camera, 1)

    def film(
        self, figure: Figure, rotations: Floats, joints: Floats, *, blink: float, frame: int
    ) -> tuple[NDArray[np.uint8], Floats]:
        """The picture (H, W, 3) RGB and the person's mask (H, W) in 0–1."""
        vertices, normals = figure.pose(rotations, joints, blink)
        shadow = cast_shadow(vertices, figure.faces[figure.parts != Part.LASHES])
        height, width = (side * self._scale for side in self.camera.size)
        fragments, surface = self._visible(figure, vertices, width, height)
        picture = self._room(shadow, figure, joints)
        person = shade(figure, fragments, surface, vertices, normals, shadow, self.camera.place)
        picture.reshape(-1, 3)[fragments.pixel] = person
        mask = np.zeros(height * width, np.float32)
        mask[fragments.pixel] = 1
        small = (self.camera.size[1], self.camera.size[0])
        light = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        cover = cv2.resize(mask.reshape(height, width), small, interpolation=cv2.INTER_AREA)
        return self._expose(light, frame), cover

    def _visible(self, figure: Figure, vertices: Floats, width: int, height: int) -> tuple[Fragments, Floats]:
        """The fragments one sees, with the numbers of their surface points (n, 7)."""
        screen = self.camera.project(vertices) * [self._scale, self._scale, 1]
        locks = figure.parts == Part.LOCKS
        found = rasterize(screen.astype(np.float32), figure.faces, width, height, both_sides=locks)
        surface = np.einsum("nk,nkc->nc", found.weights, figure.surface[figure.faces[found.face]])
        kept = np.flatnonzero(keep(figure, figure.parts[found.face], surface))
        found, surface = found.take(kept), surface[kept]
        lift = np.zeros(len(Part), np.float32)  # outer clothes win where shells touch
        lift[Part.SHOES], lift[Part.SHIRT], lift[Part.LOCKS] = 0.004, 0.010, 0.014
        depth = found.depth - lift[figure.parts[found.face]]
        raised = Fragments(found.face, found.weights, found.pixel, depth)
        front = np.flatnonzero(raised.nearest(width * height))
        return found.take(front), surface[front]

    def _room(self, shadow: ShadowMap, figure: Figure, joints: Floats) -> Floats:
        """The room (H·scale, W·scale, 3) with the person's shadow and the dark under their feet."""
        height, width = self.camera.size
        points = self._coarse.points.reshape(-1, 3)
        lit = cv2.GaussianBlur(shadow.lit(points, 0.01, 3).reshape(height, width), (0, 0), 1.2 * width / 384)
        open_sky = self._contact(points, figure, joints).reshape(height, width)
        fine = (width * self._scale, height * self._scale)
        light = self._backdrop.direct * cv2.resize(lit, fine) + self._backdrop.ambient * cv2.resize(open_sky, fine)
        return np.asarray(self._backdrop.colour * light[..., None])

    def _contact(self, points: Floats, figure: Figure, joints: Floats) -> Floats:
        floor = self._coarse.floor.ravel()
        open_sky = np.ones(len(points), np.float32)
        for bone in CONTACTS:
            x, y, z = joints[figure.body.skeleton.index(bone)].astype(np.float32)
            near = ((points[:, 0] - x) ** 2 + (points[:, 2] - z) ** 2) / 0.012 + max(y - 0.06, 0) * 8
            open_sky *= 1 - 0.45 * np.exp(-near) * floor
        return open_sky

    def _expose(self, light: Floats, frame: int) -> NDArray[np.uint8]:
        """Film curve, gamma, and the sensor's noise; the exposure never changes."""
        light = np.clip(light * 1.05, 0, None)
        light = light / (1 + 0.18 * light) * 1.12
        levels = 255 * np.clip(light, 0, 1) ** (1 / 2.2)
        noise = np.random.default_rng((self._seed, frame)).standard_normal(levels.shape, dtype=np.float32)
        return np.clip(levels + GRAIN * noise + 0.5, 0, 255).astype(np.uint8)


def shade(
    figure: Figure, fragments: Fragments, surface: Floats, vertices: Floats, normals: Floats, shadow: ShadowMap,
    eye: Floats,
) -> Floats:  # fmt: skip
    """Linear light (n, 3) from fragments: lamp with shadow, fill, sky, a little gloss and rim."""
    parts = figure.parts[fragments.face]
    corners = figure.faces[fragments.face]
    normal = unit(np.einsum("nk,nkc->nc", fragments.weights, normals[corners]))
    points = np.einsum("nk,nkc->nc", fragments.weights, vertices[corners])
    view = unit(eye.astype(np.float32) - points)
    normal = _bumped(parts, surface, normal)
    away = (parts == Part.LOCKS) & ((normal * view).sum(1) < 0)
    normal = np.where(away[:, None], -normal, normal)
    skin, hair, eyes = parts == Part.SKIN, np.isin(parts, (Part.SCALP, Part.LOCKS)), parts == Part.EYES
    soft = np.where(skin, np.float32(0.25), np.float32(0.1))
    facing = np.clip((normal @ LAMP.astype(np.float32) + soft) / (1 + soft), 0, 1)
    direct = facing * shadow.lit(points + np.float32(0.01) * normal, 0.014, 1)
    around = 0.34 + 0.16 * normal[:, 1] + 0.22 * np.clip(normal @ FILL.astype(np.float32), 0, 1)
    colour = albedo(figure, parts, surface) * (direct[:, None] * LAMP_COLOUR + around[:, None] * SKY_COLOUR)
    halfway = np.clip((normal * unit(view + LAMP.astype(np.float32))).sum(1), 0, 1)
    gloss = np.select([skin, hair & (not figure.look.hair.knitted), eyes], [0.05, 0.05, 0.5], 0.015)
    polished = np.where(hair | eyes, np.float32(40), np.float32(18))
    shine = halfway**polished * gloss * (direct > 0)
    rim = 0.06 * (1 - np.clip((normal * view).sum(1), 0, 1)) ** 3
    return np.asarray(colour + (shine + rim)[:, None], dtype=np.float32)


def _bumped(parts: Ints, surface: Floats, normal: Floats) -> Floats:
    """Normals (n, 3) tilted by folds of cloth and unevenness of hair."""
    depth = np.zeros(len(Part), np.float32)
    depth[[Part.TROUSERS, Part.SHIRT]] = 0.13
    depth[[Part.SCALP, Part.LOCKS]] = 0.06
    rough = np.flatnonzero(depth[parts] > 0)
    points = surface[rough, :3] * np.array([1, 0.6, 1], dtype=np.float32)
    tilt = np.stack([field.quick(points, 3.2) for field in BROAD], 1)
    bumped = normal.copy()
    bumped[rough] = unit(normal[rough] + depth[parts[rough]][:, None] * tilt)
    return bumped


__all__ = ["Backdrop", "ShadowMap", "Studio", "cast_shadow", "shade"]
