"""The worst moments of a result, and why they are bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.evaluation.definitions import metric_of
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.pose_metrics import torso_length
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY

APART_SECONDS = 0.3
"""Two moments nearer than this are one; in a clip too short for that many moments, they may be nearer."""
SHAKY = 0.75
"""Mean confidence of the body points under this share of the clip's median is low."""
FAST = 1.75
"""Body points moving faster than so many times the clip's median are fast, if also faster than FAST_TORSOS."""
FAST_TORSOS = 2.0
"""Torso lengths per second."""
SELDOM = 1.5
"""A covered pose so many times as far from the footage as the clip's median is unlike most of what was filmed."""
OUTSIDE = 0.15
"""Share of the body points out of the frame that counts as being out of it."""
NO_REASON = "no single cause"
NOBODY = "nobody was found"


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A frame worth looking at."""

    frame: int
    """Row of the measured table."""
    seconds: float
    """Time from the first measured frame."""
    value: float
    """NaN where nobody was found."""
    reason: str
    """Plain words: nobody was found, pose not covered, unlike most of what was filmed, low pose confidence, fast
    motion, out of frame, or no single cause."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "frame": self.frame, "seconds": round(self.seconds, 3),
            "value": None if np.isnan(self.value) else round(self.value, 5), "reason": self.reason,
        }  # fmt: skip


def find_worst_moments(
    table: FrameTable,
    name: str,
    poses: PoseSequence,
    *,
    uncovered: Sequence[str | None] | None = None,
    distance: NDArray[np.float64] | None = None,
    lost: NDArray[np.bool_] | None = None,
    count: int = 10,
) -> tuple[Moment, ...]:
    """The ``count`` worst frames of column ``name``, worst first, ``APART_SECONDS`` apart if the clip is long enough.

    ``poses`` are the true or driving poses; ``uncovered`` says per frame what the footage never
    showed, ``distance`` how far each pose is from it (``CoverageReport.reasons``, ``.distance``). Where somebody
    should be and is ``lost`` (T,), there is no value, and nothing is worse.
    """
    values = table[name]
    badness = values if metric_of(name).better == "lower" else -values
    lost = np.zeros(len(values), np.bool_) if lost is None else lost
    badness = np.where(lost, np.inf, badness)
    apart = min(APART_SECONDS * float(poses.fps), len(values) / (2 * count))
    chosen: list[int] = []
    for frame in np.argsort(np.where(np.isnan(badness), -np.inf, badness), kind="stable")[::-1]:
        if len(chosen) == count or np.isnan(badness[frame]):
            break
        if all(abs(int(frame) - other) >= apart for other in chosen):
            chosen.append(int(frame))
    why = [NOBODY if gone else reason for gone, reason in
           zip(lost, explain_frames(poses, uncovered, distance), strict=True)]  # fmt: skip
    fps = float(poses.fps)
    return tuple(Moment(frame=i, seconds=i / fps, value=float(values[i]), reason=why[i]) for i in chosen)


def explain_frames(
    poses: PoseSequence,
    uncovered: Sequence[str | None] | None = None,
    distance: NDArray[np.float64] | None = None,
) -> list[str]:
    """For every frame what makes it hard, in plain words."""
    sure, speed, outside = _confidence(poses), body_speed(poses), _outside(poses)
    with np.errstate(invalid="ignore"):
        usual = float(np.nanmedian(sure)) if (~np.isnan(sure)).any() else 1.0
        fast = max(FAST_TORSOS, FAST * float(np.nanmedian(speed))) if (~np.isnan(speed)).any() else np.inf
    far = np.zeros(len(poses)) if distance is None else np.nan_to_num(distance)
    seldom = SELDOM * float(np.median(far[far > 0])) if (far > 0).any() else np.inf
    reasons = []
    for frame in range(len(poses)):
        found = []
        if uncovered is not None and uncovered[frame]:
            found.append(f"pose not covered: {uncovered[frame]}")
        elif far[frame] > seldom:
            found.append("unlike most of what was filmed")
        if outside[frame] > OUTSIDE:
            found.append("out of frame")
        if sure[frame] < SHAKY * usual:
            found.append("low pose confidence")
        if speed[frame] > fast:
            found.append("fast motion")
        reasons.append("; ".join(found) or NO_REASON)
    return reasons


def _confidence(poses: PoseSequence) -> NDArray[np.float64]:
    """(T,) mean score of the body points; NaN without the subject."""
    return np.where(poses.present, poses.score[:, BODY].mean(axis=1, dtype=np.float64), np.nan)


def body_speed(poses: PoseSequence) -> NDArray[np.float64]:
    """(T,) mean speed of the body points in torso lengths per second, the larger of before and after."""
    seen = poses.score[:, BODY] > 0
    step = np.linalg.norm(np.diff(poses.xy[:, BODY].astype(np.float64), axis=0), axis=2)
    both = seen[1:] & seen[:-1]
    count = both.sum(axis=1)
    mean = np.where(count > 0, (step * both).sum(axis=1) / np.maximum(count, 1), np.nan)
    mean *= float(poses.fps) / torso_length(poses)
    around = np.stack([np.concatenate([[np.nan], mean]), np.concatenate([mean, [np.nan]])])
    known = ~np.isnan(around)
    return np.where(known.any(axis=0), np.where(known, around, -np.inf).max(axis=0), np.nan)


def _outside(poses: PoseSequence) -> NDArray[np.float64]:
    """(T,) share of the body points that are undetected at, or detected beyond, the frame's edge."""
    height, width = poses.size
    xy = poses.xy[:, BODY]
    beyond = (xy[..., 0] < 0) | (xy[..., 1] < 0) | (xy[..., 0] > width - 1) | (xy[..., 1] > height - 1)
    edge = (xy[..., 0] <= 1) | (xy[..., 1] <= 1) | (xy[..., 0] >= width - 2) | (xy[..., 1] >= height - 2)
    lost = (poses.score[:, BODY] <= 0) & edge
    return np.where(poses.present, (beyond | lost).mean(axis=1), np.nan)
