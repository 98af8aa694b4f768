"""The arithmetic around BlazePose's two body networks: pure functions from their tensors to people and points.

The steps and their numbers are those of MediaPipe's published graphs (Apache-2.0).
"""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.estimator import Array, Box, Roi, no_pose, overlap
from dancedouble.pose.litert import sigmoid
from dancedouble.pose.skeleton import INDEX

DETECTOR_SIDE = 224
DETECTOR_STRIDES = (8, 16, 32, 32, 32)
SAME_PERSON_OVERLAP = 0.3
WIDE = 1.2
"""Longer over shorter side of a frame from which the detector looks at its parts too."""
LANDMARKS = 39
"""33 points of the body, then the two that give the next region of interest, then four unused ones."""
CENTRE, TOP = 33, 34
"""Middle of the hips, and the point whose distance and direction from it give the region's size and turn."""
REFINE_WINDOW = 7
MIN_HEAT = 0.5
ROI_MARGIN = 1.25
MIN_FACING = -0.3
"""See :func:`facing`; below this no face can be seen."""

MIN_VISIBILITY = 0.1
"""Below this a point counts as undetected."""

BLAZEPOSE_TO_BODY = {
    "nose": 0, "left_eye": 2, "right_eye": 5, "left_ear": 7, "right_ear": 8,
    "left_shoulder": 11, "right_shoulder": 12, "left_elbow": 13, "right_elbow": 14,
    "left_wrist": 15, "right_wrist": 16, "left_hip": 23, "right_hip": 24,
    "left_knee": 25, "right_knee": 26, "left_ankle": 27, "right_ankle": 28,
    "left_heel": 29, "right_heel": 30, "left_big_toe": 31, "right_big_toe": 32,
}  # fmt: skip
"""Points of the canonical body that BlazePose has. Neck and mid hip are midpoints; it has no small toes."""

IN_A_MIRROR = np.arange(LANDMARKS)
"""Which landmark each one is on a mirrored body: left and right are exchanged, from the eyes to the toes."""
for _left, _right in ((1, 4), (2, 5), (3, 6), *((left, left + 1) for left in range(7, 33, 2))):
    IN_A_MIRROR[[_left, _right]] = _right, _left

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = 0, 2, 5, 7, 8


def anchors() -> Array:
    """(2254, 2) centres of the detector's anchors, as fractions of its input."""
    rows: list[Array] = []
    for stride, layers in groupby(DETECTOR_STRIDES):
        cells = DETECTOR_SIDE // stride
        centres = (np.arange(cells) + 0.5) / cells
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
        rows.append(np.repeat(grid, 2 * len(list(layers)), axis=0))
    return np.concatenate(rows).astype(np.float32)


def detector_views(size: tuple[int, int]) -> list[Roi]:
    """The squares of a frame of ``size`` (height, width) that the detector looks at.

    The whole frame, letterboxed; and, when it is clearly not square, three overlapping squares of its shorter side: in
    them people are larger and further apart, and the detector tells two who stand together from one.
    """
    height, width = size
    views = [Roi(x=width / 2, y=height / 2, size=float(max(size)))]
    if max(size) > WIDE * min(size):
        side = min(size)
        for share in (0.0, 0.5, 1.0):
            left, top = (width - side) * share, (height - side) * share
            views.append(Roi(x=left + side / 2, y=top + side / 2, size=float(side)))
    return views


def decode_detections(raw: Array, centres: Array) -> tuple[Array, Array]:
    """Detector rows (n, 12) and their anchors (n, 2) → boxes (n, 4), key points (n, 4, 2), in pixels of its input."""
    middle = raw[:, :2] + centres * DETECTOR_SIDE
    half = raw[:, 2:4] / 2
    boxes = np.concatenate([middle - half, middle + half], axis=1)
    points = raw[:, 4:].reshape(-1, 4, 2) + centres[:, None] * DETECTOR_SIDE
    return boxes, points


def merge_detections(boxes: Array, points: Array, scores: Array) -> list[tuple[float, Array]]:
    """Weighted non-maximum suppression: (best score, key points (4, 2)) of each person, surest first.

    The boxes that overlap the best one are not thrown away: their points are averaged, weighted by their scores.
    """
    order = list(np.argsort(-scores, kind="stable"))
    people: list[tuple[float, Array]] = []
    while order:
        best = order[0]
        group = [row for row in order if overlap(_box(boxes[best]), _box(boxes[row])) > SAME_PERSON_OVERLAP]
        group = group or [best]
        merged = np.average(points[group], axis=0, weights=scores[group]).astype(np.float32)
        people.append((float(scores[best]), merged))
        order = [row for row in order if row not in group]
    return people


def _box(row: Array) -> Box:
    left, top, right, bottom = (float(value) for value in row)
    return (left, top, right, bottom)


def roi_between(centre: Array, top: Array) -> Roi:
    """The upright-for-the-person square around ``centre`` that reaches beyond ``top``; points (2,) of the frame."""
    right, down = (float(value) for value in top - centre)
    size = 2 * ROI_MARGIN * float(np.hypot(right, down))
    return Roi(x=float(centre[0]), y=float(centre[1]), size=size, angle=float(np.arctan2(right, -down)))


def refine_by_heat(points: Array, heat: Array, side: int) -> Array:
    """Landmarks moved to the centre of mass of their heat map near them, where the map is sure.

    Args:
        points: (n, 2) landmarks, in pixels of the network's input.
        heat: (cells, cells, n) logits over a coarser grid of the same input.
        side: side of the input in pixels.
    """
    cells, count = heat.shape[0], len(points)
    reach = np.arange(REFINE_WINDOW) - REFINE_WINDOW // 2
    cell = np.floor(points * (cells / side)).astype(np.intp)
    columns, rows = cell[:, 0, None] + reach, cell[:, 1, None] + reach
    inside = ((rows >= 0) & (rows < cells))[:, :, None] & ((columns >= 0) & (columns < cells))[:, None, :]
    window = heat[
        rows.clip(0, cells - 1)[:, :, None],
        columns.clip(0, cells - 1)[:, None, :],
        np.arange(count)[:, None, None],
    ]
    weight = np.where(inside, sigmoid(window), 0)
    total = weight.sum(axis=(1, 2))
    moved = np.stack([(weight.sum(axis=1) * columns).sum(axis=1), (weight.sum(axis=2) * rows).sum(axis=1)], axis=1)
    sure = (weight.max(axis=(1, 2)) >= MIN_HEAT) & ((cell >= 0) & (cell < cells)).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = moved / total[:, None] * (side / cells)
    return np.where(sure[:, None], moved, points).astype(np.float32)


def canonical_body(xy: Array, visibility: Array, depth: Array) -> tuple[Array, Array, Array]:
    """BlazePose's landmarks as the canonical pose: xy (137, 2), score (137,), depth (137,), hands and face empty.

    Args:
        xy: (33 or more, 2) pixels of the frame.
        visibility: (33 or more,) 0 to 1.
        depth: (33 or more,) pixels, smaller is nearer.
    """
    pose_xy, pose_score, pose_depth = no_pose()
    visibility = hide_far_side_of_head(xy, visibility, depth)
    for name, source in BLAZEPOSE_TO_BODY.items():
        target = INDEX[name]
        pose_xy[target], pose_score[target], pose_depth[target] = (
            xy[source],
            visibility[source],
            depth[source],
        )
    for middle, left, right in (
        ("neck", "left_shoulder", "right_shoulder"),
        ("mid_hip", "left_hip", "right_hip"),
    ):
        target, pair = INDEX[middle], [INDEX[left], INDEX[right]]
        pose_xy[target], pose_depth[target] = pose_xy[pair].mean(axis=0), pose_depth[pair].mean()
        pose_score[target] = pose_score[pair].min()
    pose_score[pose_score < MIN_VISIBILITY] = 0
    return pose_xy, pose_score, pose_depth


def facing(xy: Array, depth: Array) -> float:
    """Cosine between where the head looks and the way to the camera: 1 face on, 0 profile, -1 the back of the head."""
    head = np.column_stack([xy[:11], depth[:11]])
    forward = head[NOSE] - (head[LEFT_EAR] + head[RIGHT_EAR]) / 2
    return _towards_camera(forward)


def _towards_camera(direction: NDArray[np.floating]) -> float:
    return float(-direction[2] / max(float(np.linalg.norm(direction)), 1e-6))


def hide_far_side_of_head(xy: Array, visibility: Array, depth: Array) -> Array:
    """Lower the visibility of eyes, nose and ears on the side of the head that is turned away.

    BlazePose calls a face visible on the back of a head too; its depth knows better.
    """
    head = np.column_stack([xy[:11], depth[:11]])
    middle = (head[LEFT_EAR] + head[RIGHT_EAR]) / 2
    seen = visibility.copy()
    for point in (NOSE, LEFT_EYE, RIGHT_EYE):
        seen[point] *= _ramp(_towards_camera(head[point] - middle), -0.45, -0.05)
    for point in (LEFT_EAR, RIGHT_EAR):
        seen[point] *= _ramp(_towards_camera(head[point] - middle), -0.95, -0.6)
    return seen


def _ramp(value: float, zero: float, one: float) -> float:
    return float(np.clip((value - zero) / (one - zero), 0, 1))
