"""Poses against poses: the nearest-neighbour baseline, mean pose distance and missed detections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import InputError
from dancedouble.evaluation.frame_table import FrameTable
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


def compare_poses(result: PoseSequence, truth: PoseSequence) -> FrameTable:
    """Poses found in a result against the poses it should show: the paper's tables 3 and 4, frame by frame.

    For each part P of ``body``, ``face``, ``hands`` and ``overall``:
    ``pose.distance_P``, mean ‖p - p'‖₂ over its points in pixels, only where all of them are seen in both
    poses, as in the paper (of those that are seen in the truth at all: some detectors know no small toes);
    ``pose.seen_distance_P``, the same over the points that are seen in both;
    ``pose.missed_P``, the number of points seen in the truth and not in the result. ``pose.torso_error``:
    ``seen_distance_body`` in torsos (neck to hips, median of the truth). Frames without the subject in the
    truth are NaN. Raises InputError when lengths or frame sizes differ.
    """
    if len(result) != len(truth) or result.size != truth.size:
        raise InputError(
            f"poses to compare cover {len(result)} frames of {result.size} and {len(truth)} of {truth.size} "
            "(height, width); expected the same frames at the same size"
        )
    apart = np.linalg.norm(result.xy.astype(np.float64) - truth.xy, axis=2)
    found, true = result.score > 0, truth.score > 0
    columns: dict[str, NDArray[np.float64]] = {}
    for part, wanted in PAPER_PARTS.items():
        points = wanted[true[:, wanted].any(axis=0)]
        both = (found & true)[:, points]
        count = both.sum(axis=1)
        mean = np.where(count > 0, (apart[:, points] * both).sum(axis=1) / np.maximum(count, 1), np.nan)
        columns[f"pose.distance_{part}"] = np.where((count > 0) & (count == len(points)), mean, np.nan)
        columns[f"pose.seen_distance_{part}"] = mean
        missed = (true & ~found)[:, points].sum(axis=1)
        columns[f"pose.missed_{part}"] = np.where(truth.present, missed, np.nan)
    columns["pose.torso_error"] = columns["pose.seen_distance_body"] / torso_length(truth)
    return FrameTable(columns)


def torso_length(poses: PoseSequence) -> float:
    """Median distance from neck to hips in pixels; NaN when they are never seen together."""
    ends = [INDEX["neck"], INDEX["mid_hip"]]
    seen = (poses.score[:, ends] > 0).all(axis=1)
    if not seen.any():
        return float("nan")
    return float(np.median(np.linalg.norm(poses.xy[seen, ends[0]] - poses.xy[seen, ends[1]], axis=1)))


def mask_iou(result: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Intersection over union of two person masks (H, W), 0 to 1; 1 when both are empty."""
    union = int(np.count_nonzero(result | truth))
    return int(np.count_nonzero(result & truth)) / union if union else 1.0
