"""Poses against poses: the nearest-neighbour baseline, mean pose distance and missed detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, FACE, INDEX, LEFT_HAND, POINTS, RIGHT_HAND

_ALL = np.arange(POINTS)
_BODY_23 = np.setdiff1d(_ALL[BODY], [INDEX["left_heel"], INDEX["right_heel"]])
PAPER_PARTS = {
    "body": _BODY_23,
    "face": _ALL[FACE],
    "hands": np.concatenate([_ALL[LEFT_HAND], _ALL[RIGHT_HAND]]),
    "overall": np.concatenate([_BODY_23, _ALL[FACE], _ALL[LEFT_HAND], _ALL[RIGHT_HAND]]),
}
"""Point indices of the columns of the paper's tables 3 and 4: 23 + 70 + 2 × 21 = 135 points (no heels)."""


@dataclass(frozen=True, kw_only=True)
class NearestFrames:
    """For each query pose, the most alike training frame."""

    index: NDArray[np.intp]
    """(T,) row of the training poses; -1 where the query frame is empty or nothing is comparable."""
    distance: NDArray[np.float64]
    """(T,) mean distance of the points in pixels, NaN where ``index`` is -1."""


def nearest_frames(query: PoseSequence, train: PoseSequence) -> NearestFrames:
    """The nearest-neighbour baseline, equation 6: d(p, p') = (1/n) Σ_k ‖p_k - p'_k‖₂ over the n body points.

    Positions count, as in the paper: the retrieved frame is shown as it is, so ``query`` must already be in
    the target's frame (after global pose normalization, equations 7 to 9) and no translation is removed
    here. n is the number of the 23 body points seen in both poses; training frames with under half of the
    query's points are out.
    """
    index = np.full(len(query), -1, np.intp)
    distance = np.full(len(query), np.nan)
    known = train.score[:, _BODY_23] > 0
    places = train.xy[:, _BODY_23].astype(np.float64)
    for row in range(len(query)):
        seen = query.score[row, _BODY_23] > 0
        both = known & seen
        count = both.sum(axis=1)
        usable = (count > 0) & (count * 2 >= seen.sum())
        if not usable.any():
            continue
        apart = np.linalg.norm(places - query.xy[row, _BODY_23], axis=2)
        mean = np.where(usable, (apart * both).sum(axis=1) / np.maximum(count, 1), np.inf)
        index[row] = int(mean.argmin())
        distance[row] = mean[index[row]]
    return NearestFrames(index=index, distance=distance)
