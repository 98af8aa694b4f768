"""What the arms hide of the rest of the body: a picture is no good for a shirt that has a hand in front of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, body

Array = NDArray[np.float32]
Mean = Mapping[str, float]
"""Names of points and their shares in a mean."""

_ARM_WIDTH = 0.1
"""Standard deviation of how far beside an arm something is hidden, in lengths of the trunk."""
_SURE_IN_FRONT = 0.15
"""Lengths of the trunk by which an arm is nearer to the camera when there is no doubt that it is in front."""
_HAND = 0.4
"""How far a hand reaches beyond the wrist, in lengths of the forearm."""
_PLACES: dict[str, tuple[Mean, ...]] = {
    "trunk": tuple(
        {
            "right_shoulder": (1 - across) * (1 - down), "left_shoulder": across * (1 - down),
            "right_hip": (1 - across) * down, "left_hip": across * down,
        }
        for down in (0.2, 0.5, 0.8) for across in (0.1, 0.9)
    ),
    "head": ({"nose": 1.0}, {"right_ear": 0.5, "left_ear": 0.5}),
    "right_leg": ({"right_hip": 0.7, "right_knee": 0.3}, {"right_hip": 0.2, "right_knee": 0.8}),
    "left_leg": ({"left_hip": 0.7, "left_knee": 0.3}, {"left_hip": 0.2, "left_knee": 0.8}),
    "right_arm": ({"right_shoulder": 0.5, "right_elbow": 0.5}, {"right_elbow": 0.5, "right_wrist": 0.5}),
    "left_arm": ({"left_shoulder": 0.5, "left_elbow": 0.5}, {"left_elbow": 0.5, "left_wrist": 0.5}),
}  # fmt: skip
"""Places on groups of body parts (``body_parts.GROUPS``) that an arm, or the other arm, may hide."""
_BONES: tuple[tuple[Mean, Mean], ...] = tuple(
    bone
    for side in ("right", "left")
    for bone in (
        # Of the upper arm the lower half: the rest always lies on the shoulder.
        ({f"{side}_shoulder": 0.5, f"{side}_elbow": 0.5}, {f"{side}_elbow": 1.0}),
        ({f"{side}_elbow": 1.0}, {f"{side}_elbow": -_HAND, f"{side}_wrist": 1 + _HAND}),
    )
)
"""What hides: the ends of the bones of the arms, right and left."""
_MAY_HIDE = np.array(
    [
        [group != f"{side}_arm" for side in ("right", "left") for _ in range(len(_BONES) // 2)]
        for group, places in _PLACES.items()
        for _ in places
    ]
)
"""(places, bones): an arm does not hide itself."""


def hidden_by_arms(poses: PoseSequence, trunk: float) -> dict[str, Array]:
    """For each group of body parts that has such places: (T, places), how far an arm hides each, 0 to 1.

    ``trunk`` is its length in pixels. An arm hides what it is near in the picture, unless its depth says that it is
    behind; poses without depths (all zeros) have their arms in front. What was not detected is not hidden.
    """
    points = np.concatenate([poses.xy[:, BODY], poses.depth[:, BODY, None]], -1)
    found = poses.score[:, BODY] > 0
    place, placed = _means(points, found, [place for places in _PLACES.values() for place in places])
    (start, start_found), (end, end_found) = (_means(points, found, ends) for ends in zip(*_BONES, strict=True))
    bone = (end - start)[:, None]
    to_place = place[:, :, None] - start[:, None]
    length = np.maximum((bone[..., :2] ** 2).sum(-1), 1e-6)
    along = np.clip((to_place[..., :2] * bone[..., :2]).sum(-1) / length, 0, 1)
    apart = to_place - along[..., None] * bone
    hides = np.exp(-0.5 * (apart[..., :2] ** 2).sum(-1) / (_ARM_WIDTH * trunk) ** 2)
    hides *= placed[:, :, None] & (start_found & end_found)[:, None] & _MAY_HIDE
    if poses.depth.any():
        hides *= np.clip(0.5 + apart[..., 2] / (2 * _SURE_IN_FRONT * trunk), 0, 1)
    hidden = hides.max(-1).astype(np.float32)
    ends = np.cumsum([len(places) for places in _PLACES.values()])
    return dict(zip(_PLACES, np.split(hidden, ends[:-1], axis=1), strict=True))


def _means(points: Array, found: NDArray[np.bool_], means: Sequence[Mean]) -> tuple[Array, NDArray[np.bool_]]:
    """(T, N, 3) means of the body's points (T, 25, 3), and (T, N) whether all of a mean's points were found."""
    shares = np.zeros((len(means), points.shape[1]), np.float32)
    for row, mean in zip(shares, means, strict=True):
        for name, share in mean.items():
            row[body(name)] = share
    missing = (shares != 0).astype(np.float32) @ (~found).T.astype(np.float32)
    return np.asarray(shares @ points, np.float32), missing.T == 0
