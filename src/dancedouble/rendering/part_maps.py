"""How each part of a body lies in one picture compared to another: an affine map, fitted to its keypoints."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import Pose
from dancedouble.pose.skeleton import POINTS, body
from dancedouble.rendering.body_parts import PARTS

Array = NDArray[np.float32]

_ENDS = np.zeros((2 * len(PARTS), POINTS), np.float32)
for _row, _points in enumerate(end for part in PARTS for end in part.axis):
    _ENDS[_row, list(_points)] = 1

_HANDS = [
    [[part.name for part in PARTS].index(f"{side}_{name}") for name in ("forearm", "palm", "fingers")]
    for side in ("right", "left")
]
_TO_KNUCKLES, _TO_TIPS = 0.4, 0.7
"""Where a hand that was not found is taken to be: straight beyond the wrist, in lengths of the forearm. It is there all
the same, and without a place of its own it would be taken for a piece of what is near: a hip, a thigh."""
_ARMS = np.array([[body(f"{side}_{point}") for point in ("elbow", "wrist")] for side in ("right", "left")])
_TORSO = [body(f"{side}_{point}") for side in ("right", "left") for point in ("shoulder", "hip")]
_SURE_IN_FRONT = 0.045
"""Body heights by which a forearm is nearer to the camera than the trunk when there is no doubt that it is in front."""
_STIFFNESS = 0.06
"""Points are believed against a similarity as if they were spread this far, in body heights: keeps the map of
a trunk seen from the side, or of a head, from being torn by a few pixels of noise."""
_LEAST = np.array([[0.5, -0.35], [-0.35, 0.6]], np.float32)
_MOST = np.array([[2.0, 0.35], [0.35, 1.7]], np.float32)
"""Bounds on a part's map, rows along and across it: stretch on the diagonal, shear beside it."""


def part_maps(source: Pose, target: Pose, body_height_px: float) -> tuple[Array, NDArray[np.bool_]]:
    """The affine maps of every part from the wanted picture to K reference pictures.

    Args:
        source: the K poses in the reference pictures.
        target: the wanted pose.
        body_height_px: standing height of the person in pixels.

    Returns:
        maps (K, P, 2, 3) with ``reference = map[:, :2] @ wanted + map[:, 2]``, and known (K, P): whether both
        poses show the part. With nothing in common, the first part's map is the identity and it alone is
        known.
    """
    target_axis, target_known = part_axes(target)
    source_axis, source_known = part_axes(source)
    known = target_known & source_known
    linear = _along_axis(source_axis, target_axis, np.float32(0.03 * body_height_px))
    image = source_axis.mean(2)
    middle = np.broadcast_to(target_axis.mean(1), image.shape).copy()
    stiffness = np.float32((_STIFFNESS * body_height_px) ** 2)
    for index, part in enumerate(PARTS):
        if not part.points:
            continue
        points = list(part.points)
        seen = (target.score[points] > 0) & (source.score[:, points] > 0)  # (K, n)
        wanted, wanted_middle = _about_their_mean(target.xy[points], seen)
        found, found_middle = _about_their_mean(source.xy[:, points], seen)
        # Ridge towards the similarity: minimises |A·wanted − found|² + stiffness·|A − similarity|².
        left = found.transpose(0, 2, 1) @ wanted + stiffness * _similarity(linear[:, index])
        fitted = left @ np.linalg.inv(wanted.transpose(0, 2, 1) @ wanted + stiffness * np.eye(2, dtype=np.float32))
        enough = known[:, index] & (seen.sum(1) > 1)
        linear[enough, index] = _tamed(fitted.astype(np.float32), source_axis[:, index], target_axis[index])[enough]
        middle[enough, index], image[enough, index] = wanted_middle[enough], found_middle[enough]
    maps = np.concatenate([linear, (image - (linear @ middle[..., None])[..., 0])[..., None]], axis=3)
    nothing = ~known.any(1)
    known[nothing, 0], maps[nothing, 0] = True, np.eye(2, 3)
    return maps.astype(np.float32), known


def _about_their_mean(points: Array, seen: NDArray[np.bool_]) -> tuple[Array, Array]:
    """(K, n, 2) seen points less their mean, 0 where not ``seen`` (K, n); and the mean (K, 2)."""
    there = seen[..., None]
    mean = np.where(there, points, 0).sum(1) / np.maximum(seen.sum(1, keepdims=True), 1)
    return np.where(there, points - mean[:, None], 0).astype(np.float32), mean.astype(np.float32)


def part_axes(pose: Pose) -> tuple[Array, NDArray[np.bool_]]:
    """(..., P, 2, 2) start and end of the axis of every part, and (..., P) whether both are known.

    A hand is known where its forearm is.
    """
    seen = pose.score > 0
    count = seen @ _ENDS.T  # (..., 2P)
    ends = _ENDS @ np.where(seen[..., None], pose.xy, 0) / np.maximum(count, 1)[..., None]
    shape = (*seen.shape[:-1], len(PARTS), 2)
    axes, known = ends.reshape(*shape, 2).astype(np.float32), np.asarray((count > 0).reshape(shape).all(-1), np.bool_)
    for forearm, palm, fingers in _HANDS:
        missing = known[..., forearm] & ~(known[..., palm] & known[..., fingers])
        elbow, wrist = axes[missing, forearm, 0], axes[missing, forearm, 1]
        knuckles, tips = (wrist + np.float32(share) * (wrist - elbow) for share in (_TO_KNUCKLES, _TO_TIPS))
        axes[missing, palm] = np.stack([wrist, knuckles], -2)
        axes[missing, fingers] = np.stack([knuckles, tips], -2)
        known[missing, palm] = known[missing, fingers] = True
    return axes, known


def arms_in_front(depth: Array, body_height_px: float) -> Array:
    """(..., 137) depths in pixels → (..., 2): how far the right and left forearm are before the trunk, 0 to 1.

    Where nothing is known of depth (all zeros) they are before it.
    """
    nearer = depth[..., _TORSO].mean(-1)[..., None] - depth[..., _ARMS].mean(-1)
    front = np.clip(0.5 + nearer / np.float32(2 * _SURE_IN_FRONT * body_height_px), 0, 1)
    return np.where((depth == 0).all(-1)[..., None], np.float32(1), front).astype(np.float32)


def _along_axis(source: Array, target: Array, softness: np.float32) -> Array:
    """(K, P, 2, 2) linear maps: turn with the axis, stretch along it, keep the width across it."""
    (source_frame, source_length), (target_frame, target_length) = _frames(source), _frames(target)
    stretch = np.ones((*source_length.shape, 1, 2), np.float32)
    stretch[..., 0, 0] = np.clip((source_length + softness) / (target_length + softness), 0.25, 4)
    return np.asarray((source_frame * stretch) @ target_frame.swapaxes(-1, -2), np.float32)


def _frames(axis: Array) -> tuple[Array, Array]:
    """(..., 2, 2) columns along and across each axis (..., 2, 2), and (...,) its length, at least 0.001."""
    bone = axis[..., 1, :] - axis[..., 0, :]
    length = np.maximum(np.sqrt((bone**2).sum(-1)), np.float32(1e-3))
    along = bone / length[..., None]
    across = np.stack([-along[..., 1], along[..., 0]], -1)
    return np.stack([along, across], -1), length


def _tamed(linear: Array, source_axis: Array, target_axis: Array) -> Array:
    """A part's 2 × 2 maps (..., 2, 2) held to what a turning body can do.

    Seen from the side, shoulders and hips come close together or change sides, and a map fitted to them would smear
    or mirror the part: a body's side is about 0.6 times as wide as its front, never of no width.
    """
    source, target = _frames(source_axis)[0], _frames(target_axis)[0]
    inner: Array = np.clip(source.swapaxes(-1, -2) @ linear @ target, _LEAST, _MOST)
    return np.asarray(source @ inner @ target.swapaxes(-1, -2), np.float32)


def _similarity(linear: Array) -> Array:
    """The rotations and even scalings nearest to 2 × 2 maps (..., 2, 2) that keep orientation."""
    a = (linear[..., 0, 0] + linear[..., 1, 1]) / 2
    b = (linear[..., 1, 0] - linear[..., 0, 1]) / 2
    return np.stack([np.stack([a, -b], -1), np.stack([b, a], -1)], -2)
