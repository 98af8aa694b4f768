"""The body in pieces that move as one: what can be carried from one picture to another."""

from __future__ import annotations

from typing import NamedTuple

from dancedouble.pose.skeleton import LEFT_HAND, RIGHT_HAND, body

GROUPS = ("trunk", "head", "right_arm", "left_arm", "right_leg", "left_leg")
"""Pieces of the body that may come from different pictures."""


class Part(NamedTuple):
    """A rigid or bending piece of the body."""

    name: str
    axis: tuple[tuple[int, ...], tuple[int, ...]]
    """The segment it lies along: means of two sets of points."""
    points: tuple[int, ...]
    """Points its map is fitted to; () = it only follows its axis, like a piece of a limb."""
    reach: float
    """How far from the axis it still has a say: standard deviation in body heights."""

    @property
    def group(self) -> str:
        """Which of :data:`GROUPS` it belongs to."""
        if self.name in ("chest", "pelvis"):
            return "trunk"
        side, _, piece = self.name.partition("_")
        return side if not piece else f"{side}_{'leg' if piece in ('thigh', 'shin', 'foot') else 'arm'}"


def _limb(name: str, start: str, end: str, reach: float) -> Part:
    return Part(name, ((body(start),), (body(end),)), (), reach)


_SHOULDERS = (body("right_shoulder"), body("left_shoulder"))
_HIPS = (body("right_hip"), body("left_hip"))
_SKULL = tuple(body(name) for name in ("nose", "right_eye", "left_eye", "right_ear", "left_ear"))
_KNUCKLES = (5, 9, 13, 17)
_TIPS = (8, 12, 16, 20)

PARTS: tuple[Part, ...] = (
    Part("chest", (_SHOULDERS, (*_SHOULDERS, *_HIPS)), (*_SHOULDERS, body("mid_hip")), 0.09),
    Part("pelvis", ((*_SHOULDERS, *_HIPS), _HIPS), (*_HIPS, body("neck")), 0.09),
    Part("head", ((body("neck"),), _SKULL), _SKULL, 0.06),
    *(
        part
        for side, hand in (("right", RIGHT_HAND.start), ("left", LEFT_HAND.start))
        for part in (
            _limb(f"{side}_upper_arm", f"{side}_shoulder", f"{side}_elbow", 0.03),
            _limb(f"{side}_forearm", f"{side}_elbow", f"{side}_wrist", 0.03),
            Part(f"{side}_palm", ((body(f"{side}_wrist"),), tuple(hand + k for k in _KNUCKLES)), (), 0.025),
            Part(
                f"{side}_fingers",
                (tuple(hand + k for k in _KNUCKLES), tuple(hand + k for k in _TIPS)),
                (),
                0.02,
            ),
            _limb(f"{side}_thigh", f"{side}_hip", f"{side}_knee", 0.035),
            _limb(f"{side}_shin", f"{side}_knee", f"{side}_ankle", 0.03),
            _limb(f"{side}_foot", f"{side}_heel", f"{side}_big_toe", 0.025),
        )
    ),
)
