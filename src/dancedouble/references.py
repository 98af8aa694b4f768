"""Which real pictures of the subject to warp: a small bank that covers their poses, and the best few for a
pose.

Poses are compared by what does not depend on who is posing: the direction and foreshortening of every limb,
each measured by the person's own longest limb, and which way trunk and head face. Pixel distances would
take a person with narrow shoulders for one who stands sideways.

No picture shows all of a new pose well. So references are put together: every group of body parts comes from the
picture that shows just that group best, and the last reference is the one picture that is nearest as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import body
from dancedouble.rendering.warping import GROUPS

Array = NDArray[np.float32]
Indices = NDArray[np.int64]

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
_SPREADS = (
    ("right_knee", "left_knee", 3.0), ("right_ankle", "left_ankle", 3.0),
    ("mid_hip", "right_wrist", 3.0), ("mid_hip", "left_wrist", 3.0),
)  # fmt: skip
"""Pairs of points whose distance tells which limbs overlap: legs that hide each other cannot be pulled
apart."""
STEADINESS = 0.08
"""What a change of picture costs, in pose distance."""
_LEG = (("right_hip", "right_knee"), ("right_knee", "right_ankle"))
_ARM = (("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"))
OWN, TURNED, ELSEWHERE = 4.0, 0.6, 0.25
"""For a group of body parts: how much its own features count, which way trunk and head face, and all others."""
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

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, rows: Sequence[int] | slice | Indices) -> PoseFeatures:
        return PoseFeatures(self.value[rows], self.known[rows], self.weight, self.emphasis)


def pose_features(poses: PoseSequence) -> PoseFeatures:
    """Proportion-free features of every pose.

    A bone gives its 2-D vector over its own full length in this sequence; a left-right pair gives the
    cosine and sine of the angle it faces (1, 0 = towards the camera) from its 2-D width and its depth.
    Without depth (all zeros) the sine is unknown. The nose gives how far the face is turned, in full ear
    distances.
    """
    values, known, weights, emphases = [], [], [], []

    def add(value: Array, seen: NDArray[np.bool_], weight: float, first: str, second: str) -> None:
        values.append(value)
        known.append(seen)
        weights.append(weight)
        emphases.append([weight * _emphasis(group, first, second) for group in GROUPS])

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
    return PoseFeatures(
        np.stack(values, 1).astype(np.float32),
        np.stack(known, 1).astype(np.float32),
        np.asarray(weights, np.float32),
        np.asarray(emphases, np.float32).T,
    )


def _emphasis(group: str, first: str, second: str) -> float:
    """How much a feature counts, times its weight, when a picture is wanted for a group of body parts."""
    faces = (first, second) in {pair[:2] for pair in _FACINGS}
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
    whole: Array = _distances(query, bank, query.weight[None])[0]
    return whole


def group_distances(query: PoseFeatures, bank: PoseFeatures) -> Array:
    """(len(GROUPS) + 1, T, N): :func:`pose_distances` as each group of body parts sees it, and last as a whole."""
    return _distances(query, bank, np.concatenate([query.emphasis, query.weight[None]]))


def _distances(query: PoseFeatures, bank: PoseFeatures, weights: Array) -> Array:
    """(W, T, N) for W weightings (W, F) of the features."""
    total = np.zeros((len(weights), len(query), len(bank)), np.float32)
    for f, weight in enumerate((weights / weights.sum(axis=1, keepdims=True)).T):
        both = query.known[:, f, None] * bank.known[None, :, f]
        difference = np.abs(query.value[:, f, None] - bank.value[None, :, f])
        total += weight[:, None, None] * (both * difference + (1 - both) * np.float32(0.25))
    return total


def choose_bank(
    poses: PoseSequence, frames: Sequence[int], count: int, *, sharpness: Sequence[float] | None = None
) -> list[int]:
    """The frames whose poses best stand for all of ``frames``.

    Greedy: each choice lowers most the mean distance of all frames to their nearest chosen one, with the
    worst covered frame counting extra, so that a pose seen once is kept too.

    Args:
        poses: the whole clip's poses.
        frames: indices of the frames that may be used.
        count: how many to choose; all of ``frames`` when there are not more.
        sharpness: one value per entry of ``frames``, larger is sharper; blurred frames are chosen last.

    Returns:
        Frame indices, ascending.
    """
    candidates = np.asarray(frames, np.int64)
    if len(candidates) <= count:
        return [int(i) for i in candidates]
    features = pose_features(poses)[candidates]
    distances = pose_distances(features, features)
    penalty = np.zeros(len(candidates), np.float32)
    if sharpness is not None:
        rank = np.argsort(np.argsort(np.asarray(sharpness))) / max(len(candidates) - 1, 1)
        penalty = (0.05 * (1 - rank)).astype(np.float32)
    nearest = np.full(len(candidates), distances.max() + 1e-3, np.float32)
    chosen: list[int] = []
    for _ in range(count):
        # Gain of each candidate: how much nearer everyone gets; squares favour those who are still far.
        gain = (nearest[:, None] ** 2 - np.minimum(nearest[:, None], distances) ** 2).mean(0)
        gain *= 1 - penalty
        gain[chosen] = -1
        best = int(gain.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, distances[:, best])
    return sorted(int(candidates[i]) for i in chosen)


def choose_references(
    query: PoseSequence,
    bank: PoseSequence,
    count: int,
    *,
    exclude: NDArray[np.bool_] | None = None,
    steadiness: float = STEADINESS,
) -> Indices:
    """What ``count`` references are put together from for every pose of a clip, without jumping to and fro.

    For each group of body parts, slot by slot, the cheapest path through the clip (dynamic programming) where every
    change of picture costs ``steadiness`` (in pose distance); a later slot never repeats what an earlier one shows at
    that moment. The last reference, where there is more than one, is a whole picture, chosen in the same way.

    Args:
        query: T poses. Proportions are measured on the query itself, so give the whole clip.
        bank: N poses of the bank's pictures.
        count: references per pose; indices repeat when the bank is smaller.
        exclude: (T, N) True where a picture must not be used for a pose.
        steadiness: cost of a change.

    Returns:
        int64 (T, count, len(GROUPS)) indices into the bank, best first.
    """
    distances = group_distances(pose_features(query), pose_features(bank))
    if exclude is not None:
        distances = np.where(exclude, distances + 10, distances)
    together = max(count - 1, 1)
    by_group = np.stack([steady_paths(costs, together, steadiness) for costs in distances[:-1]], axis=-1)
    if count == together:
        return by_group
    whole = steady_paths(distances[-1], 1, steadiness)[..., None]
    return np.concatenate([by_group, np.broadcast_to(whole, (len(query), 1, len(GROUPS)))], axis=1)


def steady_paths(distances: Array, count: int, steadiness: float) -> Indices:
    """(T, N) costs → (T, count): per slot the cheapest path with a fixed cost for each change of column."""
    frames, pictures = distances.shape
    if pictures == 0:
        raise ValueError("there are no reference pictures to choose from")
    taken = distances.astype(np.float32).copy()
    paths = np.zeros((frames, count), np.int64)
    for slot in range(count):
        if slot >= pictures:
            paths[:, slot] = paths[:, slot % pictures]
            continue
        paths[:, slot] = _cheapest_path(taken, steadiness)
        taken[np.arange(frames), paths[:, slot]] += 100
    return paths


def _cheapest_path(cost: Array, change: float) -> Indices:
    """Viterbi with one cost for every change of state."""
    frames, states = cost.shape
    came_from = np.zeros((frames, states), np.int64)
    stay = np.arange(states)
    total = cost[0].copy() if frames else np.zeros(states, np.float32)
    for t in range(1, frames):
        best = int(total.argmin())
        jump = total[best] + change
        came_from[t] = np.where(total <= jump, stay, best)
        total = np.minimum(total, jump) + cost[t]
    path = np.zeros(frames, np.int64)
    if frames:
        path[-1] = int(total.argmin())
    for t in range(frames - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path


@dataclass(frozen=True, kw_only=True)
class ReferenceChooser:
    """Chooses bank pictures for the subject's own frames (learning) and for a dance (rendering)."""

    footage: PoseSequence
    """Poses of the whole clip the bank is from."""
    bank: tuple[int, ...]
    """Frame indices of the bank's pictures in that clip."""
    count: int = 3
    """References per frame."""
    gap_seconds: float = 0.4
    """In learning, pictures nearer in time than this are not shown: they would give the answer away."""
    stray: float = 0.3
    """In learning, the share of frames that are shown worse references than the best, as new dances will
    be."""
    depth_of_stray: int = 12
    """How far down the ranking stray references are drawn."""

    @cached_property
    def _features(self) -> PoseFeatures:
        return pose_features(self.footage)

    def _allowed(self, frame: int) -> NDArray[np.bool_]:
        away = np.abs(np.asarray(self.bank) - frame)
        allowed: NDArray[np.bool_] = away > self.gap_seconds * float(self.footage.fps)
        return allowed if allowed.any() else np.asarray(away > 0)

    def for_training(self, frame: int, random: np.random.Generator | None = None) -> Indices:
        """(count, len(GROUPS)) indices into the bank for a frame of the footage; with ``random`` sometimes worse ones.

        Put together as :func:`choose_references` does it, for one frame.
        """
        allowed = np.flatnonzero(self._allowed(frame))
        if len(allowed) == 0:
            allowed = np.arange(len(self.bank))
        distances = group_distances(self._features[[frame]], self._features[list(self.bank)])[:, 0, allowed]
        ranked = allowed[np.argsort(distances, axis=1, kind="stable")]
        if random is not None and random.random() < self.stray:
            near = ranked[:, : max(self.depth_of_stray, self.count)]
            ranked = random.permuted(near, axis=1)
        together = max(self.count - 1, 1)
        chosen = [np.resize(row, together) for row in ranked[:-1]]
        by_group = np.stack(chosen, axis=-1)
        if self.count > together:
            by_group = np.concatenate([by_group, np.full((1, len(GROUPS)), ranked[-1, 0])])
        return by_group.astype(np.int64)
