"""All that pose normalization needs to know of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from dancedouble.errors import NoPersonError
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.retargeting import Proportions, proportions_on
from dancedouble.pose.stage import FAR_SHARE, Stage, measure_stage
from dancedouble.pose.standing import ANCHORS, TOPS, Anchor, Top, measure_standing, seen_share


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Where the subject of a clip stands, how tall they are there, and how they are built."""

    size: tuple[int, int]
    """(height, width) of the frames."""
    seen: dict[str, float]
    """Share of the frames with the subject that show each anchor and top."""
    stages: dict[str, Stage]
    """By ``anchor-top``, for every such pair that some frame shows together."""
    proportions: dict[str, Proportions]
    """By ``anchor-top``, in the standing heights of that pair."""


def measure_clip(poses: PoseSequence, *, a: float = FAR_SHARE) -> Measurements:
    """Measure a subject's clip. Raises NoPersonError when the subject is in no frame."""
    if not poses.present.any():
        raise NoPersonError(f"nobody is seen in {len(poses)} frames of poses; expected one person")
    stages, proportions = {}, {}
    for anchor, top in product(ANCHORS, TOPS):
        standing = measure_standing(poses, anchor, top)
        if standing is not None:
            pair = pair_name(anchor, top)
            stages[pair] = measure_stage(standing, a, flat=anchor != "ankle")
            proportions[pair] = proportions_on(poses, standing, stages[pair])
    seen: dict[str, float] = {point: seen_share(poses, point) for point in (*ANCHORS, *TOPS)}
    return Measurements(size=poses.size, seen=seen, stages=stages, proportions=proportions)


def pair_name(anchor: Anchor, top: Top) -> str:
    """The key of a pair of points, such as ``ankle-nose``."""
    return f"{anchor}-{top}"
