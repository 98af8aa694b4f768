"""What of a pose is compared, and how far two poses are apart.

Poses are compared by what does not depend on who is posing: the direction and foreshortening of every limb,
each measured by the person's own longest limb, and which way trunk and head face. Pixel distances would
take a person with narrow shoulders for one who stands sideways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dancedouble.occlusion import hidden_by_arms
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import LEFT_HAND, RIGHT_HAND, body
from dancedouble.rendering.body_parts import GROUPS

Array = NDArray[np.float32]

_BONES = (
    ("right_shoulder", "right_elbow", 1.0), ("right_elbow", "right_wrist", 1.0),
    ("left_shoulder", "left_elbow", 1.0), ("left_elbow", "left_wrist", 1.0),
    ("right_hip", "right_knee", 1.0), ("right_knee", "right_ankle", 1.0),
    ("left_hip", "left_knee", 1.0), ("left_knee", "left_ankle", 1.0),
    ("neck", "mid_hip", 2.0), ("neck", "nose", 1.0),
)  # fmt: skip
"""Bones whose direction is compared, with their weight."""
_FACINGS = (
    ("right_shoulder", "left_shoulder", 2.5), ("right_hip", "left_hip", 1.5), ("right_ear", "left_ear", 1.0),
)  # fmt: skip
"""Pairs of points that tell which way trunk and head face, with their weight."""
_FACING_PAIRS = {(first, second) for first, second, _weight in _FACINGS}
_SPREADS = (
    ("right_knee", "left_knee", 3.0), ("right_ankle", "left_ankle", 3.0),
    ("mid_hip", "right_wrist", 3.0), ("mid_hip", "left_wrist", 3.0),
)  # fmt: skip
"""Pairs of points whose distance tells which limbs overlap: legs that hide each other cannot be pulled
apart."""
_LEG = (("right_hip", "right_knee"), ("right_knee", "right_ankle"))
_ARM = (("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"))
_KNUCKLE = 9
_HAND_BONES = ((0, 9), (5, 17), (9, 12))
"""Inside a hand's 21 points: wrist to middle knuckle, across the knuckles, middle finger."""
HAND_SHOWN, HAND = 1.0, 0.3
"""Weight of whether a hand is found, and of how it is held, when a picture is wanted for its arm: an arm whose hand is
out of sight has none to give."""
OWN, TURNED, ELSEWHERE = 4.0, 0.6, 0.25
"""For a group of body parts: how much its own features count, which way trunk and head face, and all others."""
HIDDEN = 0.2
"""For a group of body parts: cost of a picture in which an arm hides all of it, and of the wanted pose nothing. Less
than a turned trunk costs: a hand on the shirt is a smaller fault than its back."""
ROWS = 128
"""Poses that are compared at a time: the memory that takes does not grow with a clip's length."""
_LONGEST = 90
"""Percentile of a bone's length over time that counts as its full length: above it is mostly noise."""


@dataclass(frozen=True)
class PoseFeatures:
    """What is compared of T poses."""

    value: Array
    """(T, F) features, each about -1 to 1."""
    known: Array
    """(T, F) 1 where a feature could be measured, 0 where not."""
    weight: Array
    """(F,) importance."""
    emphasis: Array
    """(len(GROUPS), F) importance when a picture is wanted for one group of body parts."""
    hidden: Mapping[str, Array]
    """By group: (T, places) how far an arm hides each of its places, 0 to 1."""

    def __len__(self) -> int:
        return len(self.value)

    @property
    def bones_found(self) -> Array:
        """(T,) share of the bones of trunk and limbs that each pose has, 0 to 1."""
        return np.asarray(self.known[:, : 2 * len(_BONES)].mean(1), np.float32)

    def __getitem__(self, rows: Sequence[int] | slice | NDArray[np.int64]) -> PoseFeatures:
        hidden = {group: places[rows] for group, places in self.hidden.items()}
        return PoseFeatures(self.value[rows], self.known[rows], self.weight, self.emphasis, hidden)


def pose_features(poses: PoseSequence) -> PoseFeatures:
    """Proportion-free features of every pose.

    A bone gives its 2-D vector over its own full length in this sequence; a left-right pair gives the
    cosine and sine of the angle it faces (1, 0 = towards the camera) from its 2-D width and its depth.
    Without depth (all zeros) the sine is unknown. The nose gives how far the face is turned, in full ear
    distances. A hand gives whether it was found, and how palm and middle finger point.
    """
    values, known, weights, emphases = [], [], [], []

    def keep(value: Array, seen: NDArray[np.bool_], weight: float, emphasis: list[float]) -> None:
        values.append(value)
        known.append(seen)
        weights.append(weight)
        emphases.append(emphasis)

    def add(value: Array, seen: NDArray[np.bool_], weight: float, first: str, second: str) -> None:
        keep(value, seen, weight, [weight * _emphasis(group, first, second) for group in GROUPS])

    def add_for_arm(value: Array, seen: NDArray[np.bool_], weight: float, side: str) -> None:
        keep(value, seen, 0.0, [OWN * weight * (group == f"{side}_arm") for group in GROUPS])

    for first, second, weight in _BONES:
        vector, seen = _vector(poses, first, second)
        scaled = vector / _full_length(vector, seen)
        for axis in (0, 1):
            add(np.clip(scaled[:, axis], -1.5, 1.5), seen, weight, first, second)
    has_depth = bool((poses.depth != 0).any())
    for first, second, weight in _FACINGS:
        vector, seen = _vector(poses, first, second)
        width = np.clip(vector[:, 0] / _full_length(vector, seen), -1, 1)
        turn = poses.depth[:, body(second)] - poses.depth[:, body(first)]
        angle = np.arctan2(turn, vector[:, 0])
        add((width + np.cos(angle)) / 2 if has_depth else width, seen, weight, first, second)
        add(np.sin(angle), seen & has_depth, weight, first, second)
    ears, both = _vector(poses, "right_ear", "left_ear")
    middle = (poses.xy[:, body("right_ear")] + poses.xy[:, body("left_ear")]) / 2
    nose = (poses.xy[:, body("nose")] - middle) / _full_length(ears, both)
    seen = both & (poses.score[:, body("nose")] > 0)
    for axis in (0, 1):
        add(np.clip(nose[:, axis], -1.5, 1.5), seen, 1.0, "nose", "nose")
    reach = {limb: sum(_full_length(*_vector(poses, *bone)) for bone in limb) for limb in (_LEG, _ARM)}
    for first, second, weight in _SPREADS:
        vector, seen = _vector(poses, first, second)
        scaled = vector / reach[_ARM if "wrist" in second else _LEG]
        for axis in (0, 1):
            add(np.clip(scaled[:, axis], -1.5, 1.5), seen, weight, first, second)
    for side, hand in (("right", RIGHT_HAND.start), ("left", LEFT_HAND.start)):
        shown = poses.score[:, hand + _KNUCKLE] > 0
        everywhere = np.ones(len(poses), np.bool_)
        add_for_arm(shown.astype(np.float32), everywhere, HAND_SHOWN, side)
        for start, end in _HAND_BONES:
            bone = poses.xy[:, hand + end] - poses.xy[:, hand + start]
            scaled = bone / _full_length(bone, shown)
            for axis in (0, 1):
                add_for_arm(np.clip(scaled[:, axis], -1.5, 1.5), shown, HAND, side)
    return PoseFeatures(
        np.stack(values, 1).astype(np.float32),
        np.stack(known, 1).astype(np.float32),
        np.asarray(weights, np.float32),
        np.asarray(emphases, np.float32).T,
        hidden_by_arms(poses, _full_length(*_vector(poses, "neck", "mid_hip"))),
    )


def _emphasis(group: str, first: str, second: str) -> float:
    """How much a feature counts, times its weight, when a picture is wanted for a group of body parts."""
    faces = (first, second) in _FACING_PAIRS
    side, _, limb = group.partition("_")
    points = {"arm": ("elbow", "wrist"), "leg": ("knee", "ankle")}.get(limb, ())
    if group == "trunk":
        own = faces or (first, second) == ("neck", "mid_hip")
    elif group == "head":
        own = faces or second == "nose"
    else:
        own = any(f"{side}_{point}" in (first, second) for point in points)
    return OWN if own else TURNED if faces else ELSEWHERE


def _vector(poses: PoseSequence, first: str, second: str) -> tuple[Array, NDArray[np.bool_]]:
    a, b = body(first), body(second)
    return poses.xy[:, b] - poses.xy[:, a], (poses.score[:, a] > 0) & (poses.score[:, b] > 0)


def _full_length(vector: Array, seen: NDArray[np.bool_]) -> float:
    lengths = np.hypot(vector[seen, 0], vector[seen, 1])
    return max(float(np.percentile(lengths, _LONGEST)), 1e-3) if len(lengths) else 1.0


def pose_distances(query: PoseFeatures, bank: PoseFeatures) -> Array:
    """(T, N) distance of every query pose to every bank pose: weighted mean of absolute differences.

    A feature one of the two lacks counts as half of a typical difference, so that poses are not close for
    being half unknown.
    """
    found = np.empty((len(query), len(bank)), np.float32)
    for rows in _blocks(query):
        found[rows] = _distances(query[rows], bank, query.weight[None])[0]
    return found


def nearest_distances(query: PoseFeatures, bank: PoseFeatures) -> Array:
    """(T,) the least of :func:`pose_distances` of every query pose; all of them are never held at once."""
    found = np.empty(len(query), np.float32)
    for rows in _blocks(query):
        found[rows] = _distances(query[rows], bank, query.weight[None])[0].min(axis=1)
    return found


def group_distances(query: PoseFeatures, bank: PoseFeatures) -> Array:
    """(len(GROUPS) + 1, T, N): :func:`pose_distances` as each group of body parts sees it, and last as a whole.

    Groups keep away from pictures in which an arm hides them that does not in the query.
    """
    weights = np.concatenate([query.emphasis, query.weight[None]])
    found = np.empty((len(weights), len(query), len(bank)), np.float32)
    for rows in _blocks(query):
        some = query[rows]
        found[:, rows] = _distances(some, bank, weights)
        for group, places in bank.hidden.items():
            beyond = np.maximum(places[None] - some.hidden[group][:, None], 0)
            found[GROUPS.index(group), rows] += np.float32(HIDDEN) * beyond.mean(-1)
    return found


def _blocks(query: PoseFeatures) -> Iterator[slice]:
    for start in range(0, len(query), ROWS):
        yield slice(start, start + ROWS)


def _distances(query: PoseFeatures, bank: PoseFeatures, weights: Array) -> Array:
    """(W, T, N) for W weightings (W, F) of the features, of as few poses as fit into the processor's cache."""
    total = np.zeros((len(weights), len(query), len(bank)), np.float32)
    for f, weight in enumerate((weights / weights.sum(axis=1, keepdims=True)).T):
        both = query.known[:, f, None] * bank.known[None, :, f]
        difference = np.abs(query.value[:, f, None] - bank.value[None, :, f])
        total += weight[:, None, None] * (both * difference + (1 - both) * np.float32(0.25))
    return total
