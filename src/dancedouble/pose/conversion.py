"""Other keypoint layouts to and from the canonical one, by table.

Points are arrays whose last axes are (n, 2) x and y in pixels and (n,) score; leading axes are free (people, frames).
A canonical pose has 137 points, see ``skeleton.py``; a point that the other layout lacks gets score 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.skeleton import BODY_25, FACE, INDEX, LEFT_HAND, POINTS, RIGHT_HAND

Array = NDArray[np.float32]

BODY_23_FROM_25 = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 12, 13, 14, 19, 20, 0, 15, 17, 16, 18)
"""The paper's 23 body points as indices of BODY_25: all but the heels, neck first."""

COCO_18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose's COCO layout."""

COCO_WHOLEBODY_BODY = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""Points 0–22 of COCO-WholeBody; then 68 of the face (23–90), left hand (91–111) and right hand (112–132)."""
COCO_WHOLEBODY_POINTS = 133
PUPILS = {68: slice(36, 42), 69: slice(42, 48)}
"""The two face points that OpenPose has and COCO lacks: right and left pupil, inside the six points of an eye."""

MIDPOINTS = {"neck": ("right_shoulder", "left_shoulder"), "mid_hip": ("right_hip", "left_hip")}
"""Points of BODY_25 that other layouts lack, midway between two that they have."""


def body_from_named(xy: Array, score: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """BODY_25 from body points given by name: xy (..., 25, 2), score (..., 25). Midpoints that are not named are
    computed, at the lower score of their two ends."""
    body_xy = np.zeros((*score.shape[:-1], len(BODY_25), 2), np.float32)
    body_score = np.zeros((*score.shape[:-1], len(BODY_25)), np.float32)
    indices = [INDEX[name] for name in names]
    body_xy[..., indices, :], body_score[..., indices] = xy, score
    for point, (right, left) in MIDPOINTS.items():
        if point not in names:
            ends = [INDEX[right], INDEX[left]]
            body_xy[..., INDEX[point], :] = body_xy[..., ends, :].mean(axis=-2)
            body_score[..., INDEX[point]] = body_score[..., ends].min(axis=-1)
    return body_xy, body_score


def body_from_coco_18(xy: Array, score: Array) -> tuple[Array, Array]:
    """OpenPose's COCO (..., 18, 2) to BODY_25; feet get score 0."""
    return body_from_named(xy, score, COCO_18)


def body_from_23(xy: Array, score: Array) -> tuple[Array, Array]:
    """The paper's (..., 23, 2) to BODY_25; heels get score 0."""
    return body_from_named(xy, score, tuple(BODY_25[index] for index in BODY_23_FROM_25))


def from_coco_wholebody(xy: Array, score: Array) -> tuple[Array, Array]:
    """COCO-WholeBody (..., 133, 2) and (..., 133) to the canonical (..., 137, 2) and (..., 137)."""
    _check(xy, score, COCO_WHOLEBODY_POINTS)
    named = len(COCO_WHOLEBODY_BODY)
    new_xy = np.zeros((*score.shape[:-1], POINTS, 2), np.float32)
    new_score = np.zeros((*score.shape[:-1], POINTS), np.float32)
    body_xy, body_score = body_from_named(xy[..., :named, :], score[..., :named], COCO_WHOLEBODY_BODY)
    new_xy[..., : len(BODY_25), :], new_score[..., : len(BODY_25)] = body_xy, body_score
    face_xy, face_score = xy[..., 23:91, :], score[..., 23:91]
    new_xy[..., FACE.start : FACE.start + 68, :] = face_xy
    new_score[..., FACE.start : FACE.start + 68] = face_score
    for pupil, eye in PUPILS.items():
        new_xy[..., FACE.start + pupil, :] = face_xy[..., eye, :].mean(axis=-2)
        new_score[..., FACE.start + pupil] = face_score[..., eye].min(axis=-1)
    for hand, points in ((LEFT_HAND, slice(91, 112)), (RIGHT_HAND, slice(112, 133))):
        new_xy[..., hand, :], new_score[..., hand] = xy[..., points, :], score[..., points]
    return new_xy, new_score


def to_coco_wholebody(xy: Array, score: Array) -> tuple[Array, Array]:
    """The canonical (..., 137, 2) and (..., 137) to COCO-WholeBody, which has no neck, mid hip and pupils."""
    _check(xy, score, POINTS)
    points = [
        *(INDEX[name] for name in COCO_WHOLEBODY_BODY),
        *range(FACE.start, FACE.start + 68),
        *range(LEFT_HAND.start, LEFT_HAND.stop),
        *range(RIGHT_HAND.start, RIGHT_HAND.stop),
    ]
    return xy[..., points, :].astype(np.float32), score[..., points].astype(np.float32)


def _check(xy: Array, score: Array, points: int) -> None:
    if score.shape[-1:] != (points,) or xy.shape != (*score.shape, 2):
        raise ValueError(f"expected xy (..., {points}, 2) and score (..., {points}), got {xy.shape} and {score.shape}")
