"""The target's own limb lengths on the dancer's angles.

A bone seen from the side shows its length, and foreshortened it shows less; so over a clip a high quantile of what
is shown estimates the length. Multiplying each projected bone by the ratio of two people's lengths keeps its
direction and its foreshortening, hence the pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import InputError
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, FACE, INDEX, LEFT_HAND, RIGHT_HAND, tree_from
from dancedouble.pose.stage import Stage, measure_stage
from dancedouble.pose.standing import TRUSTED, Anchor, Series, Standing, Top, measure_standing

QUANTILE = 0.8
"""A limb's length is this quantile of its projections."""
TRUNK_QUANTILE = 0.5
"""The trunk faces the camera most of the time, and a high quantile would measure lifted shoulders instead."""
MIN_FRAMES = 8
"""A bone seen in fewer frames is not measured and keeps the dancer's proportion."""
RATIO_LIMITS = (0.6, 1.6)
"""People differ less than this; a larger ratio is a measuring error."""
STANCE = (("knee", 0.5), ("ankle", 1.0), ("big_toe", 1.0), ("small_toe", 1.0), ("heel", 1.0))
"""How much of what hips are wider (or narrower) the leg takes back on its way down: broad hips stand no wider."""
SUPPORT = 0.03
"""The weight shifts to the lower ankle as the two differ by this (of the body's height)."""

PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "torso": (("mid_hip", "neck"),),
    "neck": (("neck", "nose"),),
    "shoulder": (("neck", "right_shoulder"), ("neck", "left_shoulder")),
    "upper_arm": (("right_shoulder", "right_elbow"), ("left_shoulder", "left_elbow")),
    "forearm": (("right_elbow", "right_wrist"), ("left_elbow", "left_wrist")),
    "hip": (("mid_hip", "right_hip"), ("mid_hip", "left_hip")),
    "thigh": (("right_hip", "right_knee"), ("left_hip", "left_knee")),
    "shin": (("right_knee", "right_ankle"), ("left_knee", "left_ankle")),
}
"""Body bones whose lengths are measured; both sides are one measurement."""
TRUNK = ("torso", "neck")
UPRIGHT = ("neck", "torso", "thigh", "shin")
"""Parts that make up the standing height."""
HAND = "hand"
"""Wrist to the root of the middle finger, of either hand."""
HEAD = "head"
"""Bridge of the nose to the chin: of all lengths of a head, the one that turning hardly changes."""
CARRIED = ((FACE, "nose", HEAD), (LEFT_HAND, "left_wrist", HAND), (RIGHT_HAND, "right_wrist", HAND))
"""Points that go with one joint of the body, and the length they grow by."""
BRIDGE, CHIN = FACE.start + 27, FACE.start + 8

_FOLLOWERS = (
    # A foot points at the camera as often as not, so its length cannot be measured; it goes with the leg.
    ("shin", "{}_ankle", ("{}_big_toe", "{}_small_toe", "{}_heel")),
    (HEAD, "nose", ("{}_eye",)),
    (HEAD, "{}_eye", ("{}_ear",)),
)
PART_OF_BONE = {bone: part for part, bones in PARTS.items() for bone in bones} | {
    (parent.format(side), child.format(side)): part
    for part, parent, children in _FOLLOWERS
    for child in children
    for side in ("right", "left")
}
"""Which measurement each bone follows."""
TREE = (*tree_from("mid_hip"), ("right_ankle", "right_small_toe"), ("left_ankle", "left_small_toe"))
"""Every body bone from the hips outward; the small toes are no limb of their own in the skeleton."""


@dataclass(frozen=True, kw_only=True)
class Proportions:
    """Lengths of a person's bones in standing heights, by part; a part that was not seen is absent."""

    lengths: dict[str, float]


def measure_proportions(poses: PoseSequence, anchor: Anchor = "ankle", top: Top = "nose") -> Proportions:
    """Measure bones against the standing height (``top`` to ``anchor``) at the depth of each frame.

    Raises InputError when no frame shows both ends of that height.
    """
    standing = measure_standing(poses, anchor, top)
    if standing is None:
        raise InputError(f"no frame shows {top} and {anchor}s together; expected the body in the picture")
    return proportions_on(poses, standing, measure_stage(standing, flat=anchor != "ankle"))


def proportions_on(poses: PoseSequence, standing: Standing, stage: Stage) -> Proportions:
    """:func:`measure_proportions` where standing heights are known already."""
    height = np.array([stage.height_at(y) for y in standing.floor])
    bones = {part: [(INDEX[a], INDEX[b]) for a, b in ends] for part, ends in PARTS.items()}
    bones[HAND] = [(hand.start, hand.start + 9) for hand in (LEFT_HAND, RIGHT_HAND)]
    bones[HEAD] = [(BRIDGE, CHIN)]
    lengths = {
        part: _length(poses, ends, height, TRUNK_QUANTILE if part in TRUNK else QUANTILE)
        for part, ends in bones.items()
    }
    return Proportions(lengths={part: length for part, length in lengths.items() if length is not None})


def retarget_limbs(poses: PoseSequence, source: Proportions, target: Proportions) -> PoseSequence:
    """Give each bone the target's length and keep its direction; the supporting foot stays where it is.

    ``poses`` already stand in the target's picture (see ``normalization.py``); ``source`` and ``target`` are in
    the same standing heights. Head and face grow about the nose, hands about the wrist, where those are seen.
    Depths are left alone.
    """
    ratio = {part: _ratio(part, source, target) for part in (*PARTS, HAND, HEAD)}
    xy = poses.xy.astype(np.float64)
    body = _grow_body(xy[:, BODY], poses.score[:, BODY] > 0, ratio)
    new = xy.copy()
    new[:, BODY] = body
    for group, joint, part in CARRIED:
        new[:, group] = _carry(poses, group, INDEX[joint], body, ratio[part])
    new += _hold_feet(poses, new)[:, None]
    return replace(poses, xy=new.astype(np.float32))


def evened(target: Proportions, source: Proportions) -> Proportions:
    """The target's lengths, all scaled so that neck, torso and legs add up to what the source's add up to.

    In standing heights that sum is the same for everyone who stood upright once. Where it differs, a leg was never
    shown straight or a measure is off by a few per cent, and the double would come out too tall or too short. Unchanged
    where a part was not measured.
    """
    if any(part not in measured.lengths for measured in (source, target) for part in UPRIGHT):
        return target
    wanted, found = (sum(measured.lengths[part] for part in UPRIGHT) for measured in (source, target))
    return Proportions(lengths={part: length * wanted / found for part, length in target.lengths.items()})


def _grow_body(xy: Series, seen: NDArray[np.bool_], ratio: Mapping[str, float]) -> Series:
    """(T, 25, 2) the body with its bones multiplied by their ratios, from the hips outward.

    A point that is not seen takes its parent's displacement, so that what hangs on it still follows.
    """
    shift = np.zeros_like(xy)
    for parent, child in TREE:
        a, b = INDEX[parent], INDEX[child]
        both = (seen[:, a] & seen[:, b])[:, None]
        growth = ratio[PART_OF_BONE[parent, child]]
        shift[:, b] = shift[:, a] + np.where(both, (growth - 1) * (xy[:, b] - xy[:, a]), 0)
    for side in ("right", "left"):
        wider = shift[:, INDEX[f"{side}_hip"]] - shift[:, INDEX["mid_hip"]]
        for joint, share in STANCE:
            shift[:, INDEX[f"{side}_{joint}"]] -= share * wider
    return xy + shift


def _carry(poses: PoseSequence, group: slice, joint: int, body: Series, growth: float) -> Series:
    """(T, n, 2) points that move with a joint of the body and grow about it, or about their middle where it is unseen.

    ``body`` (T, 25, 2) is where the joints have come to be; an unseen one went with what it hangs on.
    """
    points, pivot = poses.xy[:, group].astype(np.float64), poses.xy[:, joint].astype(np.float64)
    seen = poses.score[:, group, None] > 0
    middle = (points * seen).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    center = np.where(poses.score[:, joint, None] > 0, pivot, middle)
    return (points - center[:, None]) * growth + (center + body[:, joint] - pivot)[:, None]


def _hold_feet(poses: PoseSequence, new: Series) -> Series:
    """(T, 2) what brings the supporting ankle, or both by their share of the weight, back to its place."""
    ankles = [INDEX["right_ankle"], INDEX["left_ankle"]]
    old, seen = poses.xy[:, ankles].astype(np.float64), poses.score[:, ankles] > 0
    lean = (old[:, 1, 1] - old[:, 0, 1]) / (SUPPORT * _body_span(poses))
    left = 1 / (1 + np.exp(-np.clip(lean, -30, 30)))
    weight = np.stack([1 - left, left], axis=1) * seen
    total = weight.sum(axis=1, keepdims=True)
    share = weight / np.where(total > 0, total, 1)
    back: Series = (share[..., None] * (old - new[:, ankles])).sum(axis=1)
    return back


def _body_span(poses: PoseSequence) -> float:
    """The median diagonal of the body's box over the clip, in pixels: roughly the person's height."""
    xy, score = poses.part("body")
    boxes = [np.ptp(points[s > 0], axis=0) for points, s in zip(xy, score, strict=True) if (s > 0).any()]
    return max(float(np.median(np.hypot(*np.array(boxes).T))), 1.0) if boxes else 1.0


def _ratio(part: str, source: Proportions, target: Proportions) -> float:
    """Target over source length of a part; 1 where one of them was not measured."""
    if part not in source.lengths or part not in target.lengths:
        return 1.0
    return float(np.clip(target.lengths[part] / source.lengths[part], *RATIO_LIMITS))


def _length(poses: PoseSequence, bones: list[tuple[int, int]], height: Series, quantile: float) -> float | None:
    """The length of bones (pooled) in standing heights; None when they are hardly seen."""
    shown = []
    for a, b in bones:
        seen = (poses.score[:, a] >= TRUSTED) & (poses.score[:, b] >= TRUSTED)
        length = np.hypot(*(poses.xy[:, b] - poses.xy[:, a]).astype(np.float64).T)
        shown.append((length / height)[seen])
    pooled = np.concatenate(shown)
    if len(pooled) < MIN_FRAMES:
        return None
    length = float(np.quantile(pooled, quantile))
    return length if length > 0 else None
