"""A dressed body as one skinned mesh: skin, shirt, trousers, shoes, hair and eyes as layers.

Clothes are shells: MPFB2's ``helper-tights`` pushed outward and smoothed, wider than the garment; the exact edges
(hem, sleeve, collar, hairline) are cut per pixel in :mod:`materials`, so they are sharp at any resolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from .assets import BODY_VERTICES, load_base_mesh, load_texture, sample_texture
from .body import Body, triangles
from .geometry import BROAD, Bools, Floats, Ints, rotate_y, smooth_over_mesh, smoothstep, unit, vertex_normals
from .looks import Look


class Part(IntEnum):
    """What a triangle belongs to."""

    SKIN = 0
    TROUSERS = 1
    SHIRT = 2
    SHOES = 3
    SCALP = 4
    EYES = 5
    LOCKS = 6
    LASHES = 7


SURFACE = 7
"""Numbers each surface point carries: rest x, y, z; u, v; arm and leg coordinate."""


@dataclass(frozen=True)
class Levels:
    """Heights of the rest body that clothes are cut at, in metres, and two z."""

    neck: float
    waist: float
    hips: float
    hem: float
    neck_z: float
    thigh_z: float


@dataclass(frozen=True)
class Layer:
    """One part's mesh, over the body's full vertex list. ``points`` are where its materials are looked up."""

    part: Part
    vertices: Floats
    faces: Ints
    weights: Floats
    points: Floats


@dataclass(frozen=True)
class Figure:
    """A dressed person, ready to be posed. ``surface`` (N, 7) as :data:`SURFACE`; four bones move each vertex."""

    body: Body
    look: Look
    levels: Levels
    vertices: Floats
    normals: Floats
    faces: Ints
    parts: Ints
    surface: Floats
    bones: Ints
    bone_weights: Floats
    blink: Floats

    def pose(self, rotations: Floats, joints: Floats, blink: float = 0.0) -> tuple[Floats, Floats]:
        """Vertices and normals (N, 3) by linear blend skinning; ``blink`` 1 closes the eyes."""
        heads = self.body.skeleton.heads
        offset = joints - np.einsum("bij,bj->bi", rotations, heads)
        moves = np.concatenate([rotations, offset[:, :, None]], 2).astype(np.float32)
        blended = np.einsum("nk,nkij->nij", self.bone_weights, moves[self.bones])
        rest = self.vertices + np.float32(blink) * self.blink
        vertices = np.einsum("nij,nj->ni", blended[:, :, :3], rest) + blended[:, :, 3]
        return vertices, unit(np.einsum("nij,nj->ni", blended[:, :, :3], self.normals))


def dress(body: Body, look: Look) -> Figure:
    """Put a look on a body."""
    levels = _levels(body, look)
    tights = triangles(load_base_mesh().quads["helper-tights"])
    outward = vertex_normals(body.vertices, tights)
    layers = [
        _skin(body, look, levels),
        _trousers(body, look, levels, tights, outward),
        _shirt(body, look, levels, tights, outward),
        _shoes(body),
        _scalp(body, look),
        *_locks(body, look),
        *_eyes(body),
    ]
    return _merge(body, look, levels, layers)


def _levels(body: Body, look: Look) -> Levels:
    head = body.skeleton.head
    hips = head("thigh_l")[1]
    neck = head("neck_01")
    hem = hips - look.shirt.hem
    return Levels(neck[1], head("spine_01")[1], hips, hem, neck[2], head("thigh_l")[2])


def _arms(body: Body) -> Floats:
    return body.share("upperarm", "lowerarm", "hand", "thumb", "index", "middle", "ring", "pinky")


def _skin(body: Body, look: Look, levels: Levels) -> Layer:
    """The body without what lies deep under clothes."""
    faces = triangles(load_base_mesh().quads["body"])
    under_sleeve = (body.arm > -0.5) & (body.arm < look.shirt.sleeve - 0.15)
    y = body.vertices[:, 1]
    under_cloth = (_arms(body) < 0.3) & (y < levels.neck - 0.06) & (body.leg < look.trousers.length - 0.15)
    hidden = under_sleeve | under_cloth | (body.share("foot", "ball") > 0.5)
    return Layer(Part.SKIN, body.vertices, faces[~hidden[faces].all(1)], body.weights, body.vertices)


def _shell(body: Body, part: Part, faces: Ints, moved: Floats, passes: int, weight_passes: int) -> Layer:
    """A smoothed garment whose skin weights are smoothed too, so that it bends softer than the body."""
    vertices = smooth_over_mesh(moved, faces, passes)
    weights = smooth_over_mesh(body.weights, faces, weight_passes)
    weights = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return Layer(part, vertices, faces, weights, vertices)


def _shirt(body: Body, look: Look, levels: Levels, tights: Ints, outward: Floats) -> Layer:
    y = body.vertices[:, 1]
    covered = (_arms(body) < 0.9) | (body.arm < look.shirt.sleeve + 0.25)
    covered &= (y > levels.hem - 0.12) & (body.share("foot", "ball") < 0.1) & (body.share("head") < 0.6)
    on_arm = 0.012 + 0.014 * np.clip(body.arm, 0, 1.2)
    on_trunk = 0.014 + 0.014 * smoothstep(levels.waist + 0.15, levels.hem, y)
    room = np.where(body.arm > 0, on_arm, on_trunk)
    faces = tights[covered[tights].all(1)]
    return _shell(body, Part.SHIRT, faces, body.vertices + outward * room[:, None], look.shirt.looseness, 6)


def _trousers(body: Body, look: Look, levels: Levels, tights: Ints, outward: Floats) -> Layer:
    covered = (_arms(body) < 0.3) & (body.vertices[:, 1] < levels.waist + 0.1) & (body.share("foot", "ball") < 0.98)
    room = np.where(body.leg > 0, 0.008 + look.trousers.flare * np.clip(body.leg, 0, 2) / 2, 0.006)
    faces = tights[covered[tights].all(1)]
    return _shell(body, Part.TROUSERS, faces, body.vertices + outward * room[:, None], 3, 3)


def _shoes(body: Body) -> Layer:
    """Feet with the toes smoothed away, inflated, flat below."""
    faces = triangles(load_base_mesh().quads["body"])
    foot = (body.vertices[:, 1] < 0.17) & (np.arange(len(body.vertices)) < BODY_VERTICES) & (body.leg > 1.3)
    faces = faces[foot[faces].all(1)]
    last = smooth_over_mesh(body.vertices, faces, 45)
    height = smoothstep(0.10, 0.02, last[:, 1])
    shoe = last + vertex_normals(last, faces) * (0.012 + 0.014 * height)[:, None]
    flat = np.where(shoe[:, 1] < 0.022, np.minimum(shoe[:, 1], 0.004), shoe[:, 1])
    shoe[:, 1] = np.maximum(flat, -0.004)
    return Layer(Part.SHOES, shoe, faces, smooth_over_mesh(body.weights, faces, 4), shoe)


def hairline(look: Look, z: Floats) -> Floats:
    """Height above the eyes at which hair begins, by distance in front of the eyes (metres)."""
    depth = [-0.20, -0.15, -0.10, -0.075, -0.05, -0.02, 0.02]
    low = [-0.08, -0.075, -0.03, -0.012, 0.034, 0.054, 0.060]
    hat = [-0.05, -0.045, -0.01, 0.005, 0.024, 0.036, 0.038]
    return np.interp(z, depth, hat if look.hair.knitted else low)


def ears(points: Floats, uv: Floats) -> Bools:
    """Which points (N, 3) with texture coordinates (N, 2) are on an ear."""
    return np.asarray((sample_texture(load_texture("mpfb_ears"), uv) > 0.3) & (np.abs(points[:, 0]) > 0.055))


def _scalp(body: Body, look: Look) -> Layer:
    """Short hair, or what long hair falls over: the scalp raised by the hair's thickness, tapered at the hairline."""
    faces = triangles(load_base_mesh().quads["body"])
    outward = vertex_normals(body.vertices, faces)
    on_head = (body.share("head") > 0.5) & (np.arange(len(body.vertices)) < BODY_VERTICES)
    keep = on_head if look.hair.knitted else on_head & ~ears(body.vertices, body.uv)
    faces = faces[on_head[faces].all(1) & keep[faces].any(1)]
    from_eyes = body.vertices - body.eyes.mean(0)
    taper = np.clip((from_eyes[:, 1] - hairline(look, from_eyes[:, 2]) + 0.002) / 0.03, 0, 1)
    tufts = 1 if look.hair.knitted else 1 + 0.25 * BROAD[0](body.vertices, 9.0)
    raised = body.vertices + outward * (look.hair.thickness * tufts * taper + 0.0012)[:, None] * on_head[:, None]
    return Layer(Part.SCALP, smooth_over_mesh(raised, faces, 2), faces, body.weights, body.vertices)


def _locks(body: Body, look: Look) -> list[Layer]:
    """Long hair: the hair helper's sheets, several, turned and drawn in a little so that they have body; or a bun."""
    layers = []
    if look.hair.length:
        faces = triangles(load_base_mesh().quads["helper-hair"])
        long_enough = body.vertices[:, 1] > body.eyes[0, 1] - look.hair.length - 0.05
        faces = faces[long_enough[faces].any(1)]
        centre = body.skeleton.head("head") * [1, 0, 1]
        for degrees, inward in ((0, 1.0), (3.5, 0.98), (-3.5, 0.98), (7, 0.955), (-7, 0.955)):
            turned = (body.vertices - centre) @ rotate_y(np.radians(degrees)).T * [inward, 1, inward] + centre
            layers.append(Layer(Part.LOCKS, turned, faces, body.weights, body.vertices))
    if look.hair.knot:
        layers.append(_knot(body, look.hair.knot))
    return layers


def _knot(body: Body, radius: float) -> Layer:
    """A bun high on the back of the head: one eyeball's sphere, enlarged and moved there."""
    faces = triangles(load_base_mesh().quads["helper-l-eye"])
    used = np.unique(faces)
    centre = body.vertices[used].mean(0)
    size = np.linalg.norm(body.vertices[used] - centre, axis=1).max()
    place = body.eyes.mean(0) + np.array([0, 0.105, -0.145])
    ball = (body.vertices - centre) / size * radius + place
    weights = np.zeros_like(body.weights)
    weights[:, body.skeleton.index("head")] = 1
    return Layer(Part.LOCKS, ball, faces, weights, ball)


def _eyes(body: Body) -> list[Layer]:
    quads = load_base_mesh().quads
    names = [(Part.EYES, "helper-l-eye"), (Part.EYES, "helper-r-eye")]
    names += [(Part.LASHES, "helper-l-eyelashes-1"), (Part.LASHES, "helper-r-eyelashes-1")]
    return [Layer(part, body.vertices, triangles(quads[name]), body.weights, body.vertices) for part, name in names]


def _merge(body: Body, look: Look, levels: Levels, layers: list[Layer]) -> Figure:
    vertices, normals, faces, parts, surface, weights, blink = [], [], [], [], [], [], []
    count = 0
    for layer in layers:
        used, local = np.unique(layer.faces, return_inverse=True)
        local = local.reshape(-1, 3)
        shape = layer.vertices[used]
        vertices.append(shape)
        normals.append(vertex_normals(shape, local))
        faces.append(local + count)
        parts.append(np.full(len(local), layer.part))
        surface.append(np.column_stack([layer.points[used], body.uv[used], body.arm[used], body.leg[used]]))
        weights.append(layer.weights[used])
        closing = layer.part in (Part.SKIN, Part.LASHES)
        blink.append(body.blink[used] * closing)
        count += len(used)
    weight = np.concatenate(weights)
    bones = np.argsort(-weight, 1)[:, :4]
    strongest = np.take_along_axis(weight, bones, 1)
    strongest = strongest / np.maximum(strongest.sum(1, keepdims=True), 1e-9)
    return Figure(
        body, look, levels, _single(vertices), _single(normals), np.concatenate(faces).astype(np.int32),
        np.concatenate(parts), _single(surface), bones, strongest.astype(np.float32), _single(blink),
    )  # fmt: skip


def _single(arrays: list[Floats]) -> Floats:
    return np.concatenate(arrays).astype(np.float32)
