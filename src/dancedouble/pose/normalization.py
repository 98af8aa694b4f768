"""Global pose normalization: the dancer's poses at the target's place, size and depth (paper, appendix 8.5).

Three readings go beyond the paper; all are the identity when source and target are the same clip. Depth is read
from the floor line under the feet, not from the ankles of the moment, so a jump stays a jump (see
``standing.py``). Standing heights follow from all frames, not from those near two places (see ``stage.py``).
And x: the paper leaves it alone, as its clips share one camera. Here it is kept relative to the middle of the
picture, and shifted by the least that puts the dancer's usual place where the target has been seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import InputError
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.measurements import Measurements, measure_clip, pair_name
from dancedouble.pose.retargeting import Proportions, evened, retarget_limbs
from dancedouble.pose.skeleton import INDEX
from dancedouble.pose.stage import FAR_SHARE, Stage
from dancedouble.pose.standing import ANCHORS, TOPS, Anchor, Series, Top, measure_standing

SEEN_SHARE = 0.25
"""Size and place are measured by points that at least this share of each clip shows."""
REACH = 0.05
"""How far beyond the places where the target was seen the double may stand, in standing heights."""
SCALE_MARGIN = 0.2
"""How far the scale may go beyond its values at the far and close position."""

Retarget = Literal["global", "limbs"]


@dataclass(frozen=True, kw_only=True)
class PoseTransform:
    """Source to target: x' = (x - source_x) scale + target_x, y' = (y - floor) scale + translation."""

    anchor: Anchor
    top: Top
    """Height was measured between these points."""
    target_size: tuple[int, int]
    """(height, width) of the target's frames."""
    source_far: float
    source_close: float
    target_far: float
    target_close: float
    """y of the floor line at the far and close position; equal in a clip of one depth."""
    scale_far: float
    scale_close: float
    source_x: float
    target_x: float
    """Where the dancer usually stands, in both pictures."""
    target_limits: tuple[float, float]
    """Least and greatest y of the floor line in the target's picture; beyond them it is held."""
    warnings: tuple[str, ...] = ()

    def translation(self, floor: Series) -> Series:
        """Equation 7: y in the target's picture of each floor line (T,), held within the limits."""
        return np.clip(self._place(floor), *self.target_limits)

    def scale(self, floor: Series) -> Series:
        """Equation 8: the factor for both x and y at each floor line (T,), held where the place is."""
        if self.source_close == self.source_far:
            return np.full_like(floor, self.scale_far)
        slope = self._slope()
        if slope != 0:
            floor = self.source_far + (self.translation(floor) - self.target_far) / slope
        share = (floor - self.source_far) / (self.source_close - self.source_far)
        low, high = sorted((self.scale_far, self.scale_close))
        scale = self.scale_far + share * (self.scale_close - self.scale_far)
        return np.clip(scale, (1 - SCALE_MARGIN) * low, (1 + SCALE_MARGIN) * high)

    def is_held(self, floor: Series) -> NDArray[np.bool_]:
        """(T,) where the limits change the place."""
        held: NDArray[np.bool_] = self._place(floor) != self.translation(floor)
        return held

    def _slope(self) -> float:
        """Target pixels per source pixel of the floor line; a source of one depth keeps its small sway."""
        if self.source_close == self.source_far:
            return self.scale_far
        return (self.target_close - self.target_far) / (self.source_close - self.source_far)

    def _place(self, floor: Series) -> Series:
        return self.target_far + (floor - self.source_far) * self._slope()


@dataclass(frozen=True, kw_only=True)
class NormalizedPoses:
    """A dance as the target would stand and move in the target's picture."""

    poses: PoseSequence
    transform: PoseTransform
    warnings: tuple[str, ...]
    """One line each, for the user."""


@dataclass(frozen=True, kw_only=True)
class DanceFit:
    """How a dancer's poses become the target's."""

    transform: PoseTransform
    dancer: Proportions | None = None
    """What limbs are fitted by, where they are."""
    double: Proportions | None = None

    def apply(self, poses: PoseSequence) -> PoseSequence:
        """Poses of the dancer as the target would stand and move in the target's picture."""
        moved = apply_pose_transform(poses, self.transform)
        if self.dancer is None or self.double is None:
            return moved
        return retarget_limbs(moved, self.dancer, self.double)


def normalize_poses(
    source: PoseSequence, target: PoseSequence | Measurements, *, retarget: Retarget = "limbs"
) -> NormalizedPoses:
    """Bring a dance into the target's picture.

    ``global`` moves and scales the whole figure (the paper); ``limbs`` also gives every limb the target's length.
    The target may be given by its :class:`Measurements`, once measured. Raises NoPersonError for a clip without a
    person, InputError when the clips have no common points to measure by.
    """
    fit = fit_dance(source, target, retarget=retarget)
    return NormalizedPoses(poses=fit.apply(source), transform=fit.transform, warnings=fit.transform.warnings)


def fit_dance(source: PoseSequence, target: PoseSequence | Measurements, *, retarget: Retarget = "limbs") -> DanceFit:
    """What :func:`normalize_poses` does to a dance, to be done to other poses of the same dancer. Raises as it does."""
    dancer = measure_clip(source)
    subject = target if isinstance(target, Measurements) else measure_clip(target)
    transform = fit_pose_transform(source, subject, small_range=True, dancer=dancer)
    if retarget == "global":
        return DanceFit(transform=transform)
    pair = pair_name(transform.anchor, transform.top)
    built = dancer.proportions[pair]
    return DanceFit(transform=transform, dancer=built, double=evened(subject.proportions[pair], built))


def fit_pose_transform(
    source: PoseSequence,
    target: PoseSequence | Measurements,
    *,
    a: float = FAR_SHARE,
    small_range: bool = False,
    dancer: Measurements | None = None,
) -> PoseTransform:
    """Find the transform that puts the source's subject where the target's stood.

    ``a`` places the far position between median and close (equation 9). ``small_range`` never stretches motion
    in depth: when the source moves less than the target did, the target's range shrinks to the source's, about
    the place where the target mostly stood. ``dancer`` is what was measured of the source already. Raises
    NoPersonError for a clip without a person, and InputError when the two clips have no common points to measure by.
    """
    dancer = dancer or measure_clip(source, a=a)
    subject = target if isinstance(target, Measurements) else measure_clip(target, a=a)
    anchor, top, warnings = _choose_points(dancer, subject)
    here, there = (clip.stages[pair_name(anchor, top)] for clip in (dancer, subject))
    far, close = _target_range(here, there, small_range)
    reach = REACH * there.height_close
    transform = PoseTransform(
        anchor=anchor,
        top=top,
        target_size=subject.size,
        source_far=here.far,
        source_close=here.close,
        target_far=far,
        target_close=close,
        scale_far=there.height_at(far) / here.height_far,
        scale_close=there.height_at(close) / here.height_close,
        source_x=here.center,
        target_x=_usual_x(dancer, subject, here, there, reach),
        target_limits=(there.farthest - reach, there.nearest + reach),
    )
    return replace(transform, warnings=(*warnings, *_warn_of_fit(source, transform)))


def apply_pose_transform(poses: PoseSequence, transform: PoseTransform) -> PoseSequence:
    """Move poses into the target's picture, at their own frame rate. Depths are scaled alike."""
    floor = _floor(poses, transform)
    scale, place = transform.scale(floor)[:, None], transform.translation(floor)[:, None]
    x = (poses.xy[..., 0] - transform.source_x) * scale + transform.target_x
    y = (poses.xy[..., 1] - floor[:, None]) * scale + place
    return replace(
        poses,
        xy=np.stack([x, y], axis=-1).astype(np.float32),
        depth=(poses.depth * scale).astype(np.float32),
        size=transform.target_size,
    )


def _floor(poses: PoseSequence, transform: PoseTransform) -> Series:
    """(T,) the floor line; a constant where height is measured from joints that bend with every step."""
    if transform.anchor == "ankle":
        standing = measure_standing(poses, transform.anchor, transform.top)
        if standing is not None:
            return standing.floor
    return np.full(len(poses), transform.source_far)


def _target_range(source: Stage, target: Stage, small_range: bool) -> tuple[float, float]:
    """Far and close position in the target's picture."""
    if source.is_flat:
        return target.middle, target.middle
    span = (source.close - source.far) * target.height_at(target.middle) / source.height_at(source.middle)
    if not small_range or span >= target.close - target.far:
        return target.far, target.close
    middle = min(max(target.middle, target.far + span / 2), target.close - span / 2)
    return middle - span / 2, middle + span / 2


def _usual_x(source: Measurements, target: Measurements, here: Stage, there: Stage, reach: float) -> float:
    """Where the dancer's usual place comes to be in the target's picture."""
    scale = there.height_at(there.middle) / here.height_at(here.middle)
    kept = target.size[1] / 2 + (here.center - source.size[1] / 2) * scale
    return min(max(kept, there.left - reach), there.right + reach)


def _choose_points(source: Measurements, target: Measurements) -> tuple[Anchor, Top, list[str]]:
    """The lowest and the highest point that both clips show often enough, with what that costs."""
    clips = {"source": source, "target": target}
    hidden = {
        point: [name for name, clip in clips.items() if clip.seen[point] < SEEN_SHARE] for point in (*ANCHORS, *TOPS)
    }
    for anchor in ANCHORS:
        for top in TOPS:
            shown = all(pair_name(anchor, top) in clip.stages for clip in clips.values())
            if shown and not hidden[anchor] and not hidden[top]:
                passed = (*ANCHORS[: ANCHORS.index(anchor)], *TOPS[: TOPS.index(top)])
                return anchor, top, [_warn_of_hidden(point, hidden[point]) for point in passed if hidden[point]]
    raise InputError(
        "source and target show no common part of the body often enough to compare their sizes; "
        "expected clips that show the person from the head to at least the hips"
    )


def _warn_of_hidden(point: str, clips: list[str]) -> str:
    return f"{' and '.join(clips)}: the {point} is hardly ever seen; size and place follow other joints"


def _warn_of_fit(source: PoseSequence, transform: PoseTransform) -> list[str]:
    warnings = []
    present = source.present
    frames = int(present.sum())
    held = int((transform.is_held(_floor(source, transform)) & present).sum())
    if held:
        warnings.append(
            f"source: in {held} of {frames} frames the dancer is nearer to or farther from the camera than the "
            "target was ever seen; the double keeps to the nearest place seen"
        )
    hip = INDEX["mid_hip"]
    x = apply_pose_transform(source, transform).xy[:, hip, 0]
    outside = int((((x < 0) | (x > transform.target_size[1])) & (source.score[:, hip] > 0)).sum())
    if outside:
        warnings.append(f"source: in {outside} of {frames} frames the dance leaves the target's picture sideways")
    return warnings
