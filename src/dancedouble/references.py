"""Which real pictures of the subject to warp: a small bank that covers their poses, and the best few for a
pose.

No picture shows all of a new pose well. So references are put together: every group of body parts comes from the
picture that shows just that group best, and the last reference is the one picture that is nearest as a whole, but for
head and trunk, which are the same in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose_features import PoseFeatures, group_distances, pose_distances, pose_features
from dancedouble.rendering.body_parts import GROUPS

Array = NDArray[np.float32]
Indices = NDArray[np.int64]
SHARED = [GROUPS.index("head"), GROUPS.index("trunk")]
"""Groups that all references have from one picture: a blend of two heads is nobody's face, one of two trunks tears the
print on a shirt."""
MOST_CANDIDATES = 2000
"""Longer footage is thinned evenly before a bank is chosen: every frame is compared with every other."""
STEADINESS = 0.08
"""What a change of picture costs, in pose distance."""


def choose_bank(
    poses: PoseSequence, frames: Sequence[int], count: int, *, sharpness: Sequence[float] | None = None
) -> list[int]:
    """The frames whose poses best stand for all of ``frames``.

    Greedy: each choice lowers most the mean distance of all frames to their nearest chosen one, with the
    worst covered frame counting extra, so that a pose seen once is kept too.

    Args:
        poses: the whole clip's poses.
        frames: indices of the frames that may be used; of very many an even selection.
        count: how many to choose; all of ``frames`` when there are not more.
        sharpness: one value per entry of ``frames``, larger is sharper; of equals, blurred frames are chosen last, and
            those in which a limb was not found.

    Returns:
        Frame indices, ascending.
    """
    candidates = np.asarray(frames, np.int64)
    if len(candidates) <= count:
        return [int(i) for i in candidates]
    thinned = slice(None, None, -(-len(candidates) // MOST_CANDIDATES))
    candidates = candidates[thinned]
    features = pose_features(poses)[candidates]
    distances = pose_distances(features, features)
    # A limb that was not found is in the picture all the same, and would be shown as a piece of what is near.
    penalty = 1 - features.bones_found
    if sharpness is not None:
        rank = np.argsort(np.argsort(np.asarray(sharpness)[thinned])) / max(len(candidates) - 1, 1)
        penalty += (0.05 * (1 - rank)).astype(np.float32)
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
    that moment. The last reference, where there is more than one, is a whole picture, chosen in the same way. All have
    head and trunk of the first.

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
    slots = slots_by_group(count)
    by_group = np.stack([steady_paths(costs, slots, steadiness) for costs in distances[:-1]], axis=-1)
    return with_whole_ones(by_group, steady_paths(distances[-1], 1, steadiness)[:, 0], count)


def slots_by_group(count: int) -> int:
    """How many of ``count`` references are put together group by group: all but the last one of several."""
    return max(count - 1, 1)


def with_whole_ones(by_group: Indices, whole: Indices, count: int) -> Indices:
    """(T, slots, len(GROUPS)) put-together references and the whole pictures (T,) → (T, count, len(GROUPS)).

    All have head and trunk of the first.
    """
    if count == by_group.shape[1]:
        return by_group
    last = np.broadcast_to(whole[:, None, None], (len(whole), 1, by_group.shape[2]))
    chosen = np.concatenate([by_group, last], axis=1)
    chosen[..., SHARED] = by_group[:, :1, SHARED]
    return chosen


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
    came_from = np.zeros((frames, states), np.int16)
    stay = np.arange(states, dtype=np.int16)
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
    count: int = 2
    """References per frame."""
    gap_seconds: float = 0.15
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
        by_group = np.stack([np.resize(row, slots_by_group(self.count)) for row in ranked[:-1]], axis=-1)
        return np.asarray(with_whole_ones(by_group[None], ranked[-1, :1], self.count)[0], np.int64)
