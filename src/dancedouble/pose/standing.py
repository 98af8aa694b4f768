"""Where a person stands in each frame of a clip and how tall they are there.

A standing person is a segment from the *top* (nose) down to the *anchor* (ankles). With a fixed camera the
anchor's place in the picture is the depth: the lower on the screen, the closer. But feet leave the floor,
and a jump is not a walk into the distance. So depth is read from the *floor line*, the running lower
envelope of the ankles, and what the ankles do above it is motion of the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, grey_closing, median_filter

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX

Anchor = Literal["ankle", "knee", "hip"]
Top = Literal["nose", "neck"]
Series = NDArray[np.float64]

ANCHORS: tuple[Anchor, ...] = ("ankle", "knee", "hip")
TOPS: tuple[Top, ...] = ("nose", "neck")

TRUSTED = 0.3
"""Points below this score are drawn but not measured: detectors guess what they cannot see."""
FLIGHT_SECONDS = 0.9
"""The longest absence from the floor that counts as a jump or a lifted leg: a leap of a metre lasts 0.9 s."""
JITTER_SECONDS = 0.2
"""Window of the median that takes detection errors out of the ankles before the envelope would keep them."""
SETTLE_SECONDS = 0.1
"""Standard deviation of the smoothing of the floor line, which sets size and place of the whole figure."""
STEP = 0.06
"""Two ankles on the floor differ in y by up to twice this (of the body's height): one foot is nearer."""
AIRBORNE = 0.04
"""Ankles this far above the floor line (of the body's height) are off the ground."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Per frame of a clip, in pixels. Series are interpolated over frames that could not be measured."""

    floor: Series
    """(T,) y of the floor line beneath the person."""
    height: Series
    """(T,) distance from top to anchor, in the pose of the moment."""
    center: Series
    """(T,) x of the hips, else of the neck."""
    measured: NDArray[np.bool_]
    """(T,) top and anchor are seen and the feet are on the ground: the frames to take statistics from."""


def seen_share(poses: PoseSequence, point: Anchor | Top) -> float:
    """Share (0–1) of the frames with the subject in which a point, or either of a pair, is trusted."""
    present = poses.present
    return float(np.isfinite(_place(poses, point)[present, 1]).mean()) if present.any() else 0.0


def measure_standing(poses: PoseSequence, anchor: Anchor = "ankle", top: Top = "nose") -> Standing | None:
    """Measure a clip; None when no frame shows both top and anchor."""
    foot, head = _place(poses, anchor), _place(poses, top)
    height = np.hypot(*(head - foot).T)
    if np.isnan(height).all():
        return None
    tall = float(np.nanquantile(height, 0.9))
    low = _support(poses, anchor, tall)
    floor = find_floor(low, float(poses.fps))
    seen = np.isfinite(height)
    grounded = seen & (floor - low <= AIRBORNE * tall)
    hip, neck = _place(poses, "hip")[:, 0], _place(poses, "neck")[:, 0]
    center = np.where(np.isnan(hip), neck, hip)
    return Standing(
        floor=floor,
        height=median_filter(_bridge(height), size=min(5, len(height)), mode="nearest"),
        center=_bridge(np.where(np.isnan(center), foot[:, 0], center)),
        measured=grounded if grounded.any() else seen,
    )


def find_floor(low: Series, fps: float) -> Series:
    """(T,) y of the floor line under feet whose support is at ``low`` (T,), NaN where unseen.

    A closing, not a running maximum: it fills dips shorter than a jump and leaves a steady walk away from the
    camera as it is, where a maximum would lag behind and read the walk as a jump.
    """
    window = min(_odd(JITTER_SECONDS * fps), len(low))
    steady = median_filter(_bridge(low), size=window, mode="nearest")
    closed = grey_closing(steady, size=(_odd(FLIGHT_SECONDS * fps),), mode="nearest")
    floor: Series = gaussian_filter1d(closed, SETTLE_SECONDS * fps, mode="nearest")
    return floor


def _support(poses: PoseSequence, anchor: Anchor, tall: float) -> Series:
    """(T,) y of what the person stands on: the mean ankle, but the lower one when the other is lifted.

    Two feet on the floor differ a little in y because one is nearer, and the paper's mean is right. Twice as far
    apart the higher one is in the air and does not count; in between it counts in part.
    """
    right, left = (_single(poses, f"{side}_{anchor}")[:, 1] for side in ("right", "left"))
    half = np.abs(right - left) / 2
    lifted = np.clip((half - STEP * tall) / (STEP * tall), 0, 1)
    both = (right + left) / 2 + lifted * half
    return np.where(np.isfinite(both), both, np.where(np.isnan(right), left, right))


def _place(poses: PoseSequence, point: Anchor | Top) -> Series:
    """(T, 2) a point, the mean of a pair, or the one of the pair that is trusted; NaN where there is none.

    For the nose the ears stand in, as in the paper: it is hidden when the person turns away.
    """
    if point == "neck":
        return _single(poses, "neck")
    right, left = (_single(poses, f"{side}_{'ear' if point == 'nose' else point}") for side in ("right", "left"))
    mean = (right + left) / 2
    pair = np.where(np.isfinite(mean), mean, np.where(np.isnan(right), left, right))
    if point == "nose":
        nose = _single(poses, "nose")
        return np.where(np.isfinite(nose), nose, pair)
    return pair


def _single(poses: PoseSequence, name: str) -> Series:
    """(T, 2) one body point; NaN where it is not trusted or outside the picture, where detectors guess."""
    xy = poses.xy[:, INDEX[name]].astype(np.float64)
    height, width = poses.size
    inside = (xy >= 0).all(axis=1) & (xy[:, 0] <= width) & (xy[:, 1] <= height)
    return np.where(((poses.score[:, INDEX[name]] >= TRUSTED) & inside)[:, None], xy, np.nan)


def _bridge(series: Series) -> Series:
    """Interpolate over NaN; the ends repeat the nearest value."""
    known = np.flatnonzero(np.isfinite(series))
    return np.interp(np.arange(len(series)), known, series[known])


def _odd(frames: float) -> int:
    return 2 * int(frames / 2) + 1
