"""A body: the base mesh shaped by weighted targets, its skeleton, skin weights, and coordinates along the limbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .assets import BODY_VERTICES, load_base_mesh, load_joint_cubes, load_rig, load_skin_weights, load_target
from .geometry import Floats, Ints

SIDES = (("l", 1.0), ("r", -1.0))
"""Suffix of a bone's name and sign of x: the person's left, then right."""
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
LEFT_EYE = slice(14598, 14670)
RIGHT_EYE = slice(14670, 14742)
NOWHERE = -1.0
"""Limb coordinate of a point that is on no arm."""


@dataclass(frozen=True)
class Skeleton:
    """Bones in order, parents first. ``heads`` (B, 3): the joint each bone turns about, at rest."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: Floats

    def index(self, bone: str) -> int:
        """Index of a bone by name; ValueError when there is none."""
        return self.names.index(bone)

    def head(self, bone: str) -> Floats:
        """Rest position (3,) of a bone's joint."""
        return np.asarray(self.heads[self.index(bone)])

    @property
    def leg_length(self) -> float:
        """Hip to knee to ankle, in metres: the unit of all motion."""
        hip, knee, ankle = (self.head(bone) for bone in ("thigh_l", "calf_l", "foot_l"))
        return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


@dataclass(frozen=True)
class Body:
    """A shaped body at rest, standing on y = 0.

    ``vertices`` (N, 3) with helper shells; ``weights`` (N, B) sum to 1; ``arm`` (N,) runs 0 shoulder, 1 elbow, 2 wrist
    and is :data:`NOWHERE` off the arms; ``leg`` (N,) runs 0 hip, 1 knee, 2 ankle; ``blink`` (N, 3) closes the eyes.
    """

    vertices: Floats
    uv: Floats
    weights: Floats
    skeleton: Skeleton
    arm: Floats
    leg: Floats
    blink: Floats

    def share(self, *prefixes: str) -> Floats:
        """How much (N,) of each vertex follows the bones whose names start with one of the prefixes."""
        chosen = [i for i, name in enumerate(self.skeleton.names) if name.startswith(prefixes)]
        return np.asarray(self.weights[:, chosen].sum(1))

    @property
    def eyes(self) -> Floats:
        """Centres (2, 3) of the left and right eyeball at rest."""
        return np.stack([self.vertices[LEFT_EYE].mean(0), self.vertices[RIGHT_EYE].mean(0)])


def triangles(quads: Ints) -> Ints:
    """Split quads (M, 4) into triangles (2 M, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def build_body(shape: Mapping[str, float], height: float) -> Body:
    """The body of weighted shape targets (name → weight), scaled to stand ``height`` metres tall barefoot."""
    base = load_base_mesh()
    count = len(base.vertices)
    vertices = base.vertices.copy()
    for name, weight in shape.items():
        vertices += weight * load_target(name, count)
    lowest, highest = vertices[:BODY_VERTICES, 1].min(), vertices[:BODY_VERTICES, 1].max()
    scale = height / (highest - lowest)
    vertices = (vertices - [0, lowest, 0]) * scale
    skeleton, weights = _rig(vertices)
    ethnicity = "expression/units/caucasian"
    blink = sum(load_target(f"{ethnicity}/eye-{side}-closure", count) for side in ("left", "right")) * scale
    body = Body(vertices, base.uv, weights, skeleton, np.zeros(count), np.zeros(count), np.asarray(blink))
    return _with_limb_coordinates(body)


def _rig(vertices: Floats) -> tuple[Skeleton, Floats]:
    rig, cubes = load_rig(), load_joint_cubes()
    names = ["Root"]
    while len(names) < len(rig):
        names += [bone for bone in rig if bone not in names and rig[bone]["parent"] in names]
    heads = [np.zeros(3)] + [vertices[cubes[rig[bone]["head"]["cube_name"]]].mean(0) for bone in names[1:]]
    parents = (-1, *(names.index(rig[bone]["parent"]) for bone in names[1:]))
    weights = np.zeros((len(vertices), len(names)))
    for bone, pairs in load_skin_weights().items():
        for vertex, weight in pairs:
            weights[vertex, names.index(bone)] = weight
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-9)
    return Skeleton(tuple(names), parents, np.array(heads)), weights


def _with_limb_coordinates(body: Body) -> Body:
    arm = np.full(len(body.vertices), NOWHERE)
    leg = np.full(len(body.vertices), NOWHERE)
    for side, sign in SIDES:
        mine = body.vertices[:, 0] * sign > 0
        points = body.vertices[mine]
        for out, bones in ((arm, ("upperarm", "lowerarm", "hand")), (leg, ("thigh", "calf", "foot"))):
            out[mine] = _along(points, *(body.skeleton.head(f"{bone}_{side}") for bone in bones))
    on_arm = body.share("upperarm", "lowerarm", "hand", *FINGERS) > 0.3
    arm = np.where(on_arm, arm, NOWHERE)
    return Body(body.vertices, body.uv, body.weights, body.skeleton, arm, leg, body.blink)


def _along(points: Floats, a: Floats, b: Floats, c: Floats) -> Floats:
    """Coordinate of points along the bent limb a–b–c: 0 at a, 1 at b, 2 at c, linear beyond both ends."""
    first = (points - a) @ (b - a) / ((b - a) @ (b - a))
    second = (points - b) @ (c - b) / ((c - b) @ (c - b))
    return np.asarray(np.where(second > 0, 1 + second, np.minimum(first, 1)))


def forward_kinematics(skeleton: Skeleton, rotations: Floats, pelvis: Floats) -> Floats:
    """Joint positions (B, 3) from global bone rotations (B, 3, 3) and the pelvis' place (3,)."""
    joints = np.zeros((len(skeleton.names), 3))
    for i, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
        if name == "pelvis":
            joints[i] = pelvis
        elif parent >= 0:
            joints[i] = joints[parent] + rotations[parent] @ (skeleton.heads[i] - skeleton.heads[parent])
    return joints
