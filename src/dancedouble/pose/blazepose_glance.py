"""One look of BlazePose's landmark network at a region of the frame, as it is or in a mirror."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose import blazepose_body as body
from dancedouble.pose.estimator import Array, Frame, Roi
from dancedouble.pose.litert import Network, sigmoid

MIN_PRESENCE = 0.5
"""The landmark network's own certainty that a person is there at all."""
SAME_BODY = 0.06
"""Mean distance of points, in sizes of the region, up to which two looks saw one body in one pose."""


class Glance(NamedTuple):
    """What the landmark network says of the crop of a region."""

    points: Array
    """(39, 2) pixels of the crop."""
    side: int
    """Of the crop, in pixels."""
    depth: Array
    """(39,) pixels of the frame."""
    visibility: Array
    """(39,) 0 to 1."""
    presence: float
    """0 to 1: whether a person is there at all."""
    segmentation: Array | None
    """(256, 256) logits over the crop; None where no mask is wanted."""
    matrix: NDArray[np.float64]
    """(2, 3) pixels of the crop to pixels of the frame."""


def glance(frame: Frame, roi: Roi, network: Network, *, mirrored: bool = False) -> Glance:
    """What the network says of a region; ``mirrored``, of its mirror image, brought back."""
    (raw, flag, mask, heat, _world), matrix = network.look(frame, roi, mirrored=mirrored)
    rows = raw.reshape(body.LANDMARKS, 5)
    points = body.refine_by_heat(rows[:, :2], heat, network.side)
    segmentation = mask[..., 0] if mask.size else None
    if mirrored:
        rows, points = rows[body.IN_A_MIRROR], points[body.IN_A_MIRROR]
        points[:, 0] = network.side - points[:, 0]  # its points run from edge to edge, not from pixel 0 to the last
        segmentation = None if segmentation is None else segmentation[:, ::-1]
    depth = rows[:, 2] * np.float32(roi.size / network.side)
    visibility = sigmoid(rows[:, 3:5].min(axis=1))  # seen, and inside the frame
    return Glance(points, network.side, depth, visibility, float(flag[0]), segmentation, matrix)


def mean_glance(seen: Glance, mirrored: Glance) -> Glance:
    """The mean of two glances at a region; the first alone where they disagree, as on which side is left."""
    apart = float(np.linalg.norm(seen.points - mirrored.points, axis=1)[:33].mean())
    if mirrored.presence < MIN_PRESENCE or apart > SAME_BODY * seen.side:
        return seen
    segmentation = seen.segmentation
    if segmentation is not None and mirrored.segmentation is not None:
        segmentation = _between(segmentation, mirrored.segmentation)
    return seen._replace(
        points=_between(seen.points, mirrored.points), depth=_between(seen.depth, mirrored.depth),
        visibility=_between(seen.visibility, mirrored.visibility), segmentation=segmentation,
    )  # fmt: skip


def _between(a: Array, b: Array) -> Array:
    return np.asarray((a + b) / 2, np.float32)
