"""A pose as a choreographer would say it: which way it faces, where the arms are, how low it is, how near.

Everything is in the person's own proportions, so that two people can be compared: a bone is given as a part
of its own full length, heights as parts of the leg. Foreshortening shows as a bone shorter than 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, median_filter

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import FACE, INDEX

Series = NDArray[np.float64]

PARTS = {
    "left arm": (("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist")),
    "right arm": (("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist")),
    "left leg": (("left_hip", "left_knee"), ("left_knee", "left_ankle")),
    "right leg": (("right_hip", "right_knee"), ("right_knee", "right_ankle")),
    "trunk": (("mid_hip", "neck"),),
}
"""Body part → its bones, from the trunk outward."""
BONES = tuple(bone for bones in PARTS.values() for bone in bones)
FACINGS = ("front", "left", "back", "right")
"""Names of the quarters that yaw 0, 90, 180, 270 degrees is in the middle of."""

SURE = 0.3
"""Points with a lower score say nothing about the stance."""
FULL_LENGTH = 90
"""Percentile of a bone's length over the clip that counts as its full length; what is above is mostly noise."""
STEADY_SECONDS = 0.15
"""Standard deviation of the smoothing of yaw over time: depth is the shakiest thing a detector says."""


@dataclass(frozen=True, kw_only=True)
class Stances:
    """What is compared of T frames. NaN where it cannot be told."""

    bones: NDArray[np.float32]
    """(T, B, 2) bones of ``BONES`` in x right, y down, as parts of their full length at this distance."""
    yaw: Series
    """(T,) degrees in [0, 360): 0 faces the camera, 90 shows the left side (looks to the left of the picture)."""
    crouch: Series
    """(T,) 0 with the hips at standing height to 1 with the hips at the ankles."""
    tilt: Series
    """(T,) degrees of the trunk from upright in the picture: 0 upright, 90 level, 180 head down."""
    nearness: Series
    """(T,) size of the person in the picture relative to their median in this clip."""
    height: float
    """Median length in pixels of the whole standing person, ankle to nose."""

    def __len__(self) -> int:
        return len(self.yaw)

    @property
    def facing(self) -> NDArray[np.intp]:
        """(T,) index into ``FACINGS``, -1 where unknown."""
        quarter = np.floor(((np.nan_to_num(self.yaw) + 45) % 360) / 90).astype(np.intp)
        return np.where(np.isnan(self.yaw), -1, quarter)


def describe_poses(poses: PoseSequence) -> Stances:
    """The stance of every frame."""
    vectors, lengths = _bone_vectors(poses)
    with np.errstate(invalid="ignore"):
        known = [column[~np.isnan(column)] for column in lengths.T]
        full = np.array([np.percentile(column, FULL_LENGTH) if len(column) else np.nan for column in known])
        size = _size_over_time(lengths / full, poses)
        bones = np.clip(vectors / (full * size[:, None])[..., None], -1.5, 1.5)
    median = float(np.nanmedian(size)) if (~np.isnan(size)).any() else 1.0
    leg = sum(float(np.nan_to_num(full[BONES.index(bone)])) for bone in PARTS["left leg"])
    trunk = vectors[:, BONES.index(("mid_hip", "neck"))]
    return Stances(
        bones=bones.astype(np.float32),
        yaw=facing_yaw(poses),
        crouch=_crouch(poses, leg * size),
        tilt=np.degrees(np.abs(np.arctan2(trunk[:, 0], -trunk[:, 1]))),
        nearness=size / median,
        height=_standing_height(poses, leg, float(np.nan_to_num(full[-1]))) * median,
    )


def _bone_vectors(poses: PoseSequence) -> tuple[Series, Series]:
    """(T, B, 2) vectors in pixels and (T, B) lengths; NaN where an end is not surely seen."""
    starts = [INDEX[start] for start, _ in BONES]
    ends = [INDEX[end] for _, end in BONES]
    vectors = poses.xy[:, ends].astype(np.float64) - poses.xy[:, starts]
    vectors[(poses.score[:, starts] < SURE) | (poses.score[:, ends] < SURE)] = np.nan
    return vectors, np.linalg.norm(vectors, axis=2)


def _size_over_time(parts: Series, poses: PoseSequence) -> Series:
    """(T,) how large the person is drawn, 1 = as at the full lengths. ``parts`` (T, B) bones over full lengths.

    A turned bone looks shorter, never longer, so the longest few bones tell the distance; its changes are
    slow.
    """
    size = np.full(len(parts), np.nan)
    known = (~np.isnan(parts)).sum(axis=1) >= 4
    size[known] = np.nanpercentile(parts[known], 85, axis=1)
    if not known.any():
        return size
    frames = np.arange(len(size))
    filled = np.interp(frames, frames[known], size[known])
    window = max(1, round(float(poses.fps)) | 1)
    steady = np.asarray(median_filter(filled, size=window, mode="nearest"), np.float64)
    return np.where(known, np.clip(steady, 0.2, 5.0), np.nan)


def _crouch(poses: PoseSequence, leg: Series) -> Series:
    """(T,) 1 - height of the hips above the lower ankle over the leg's length; NaN when unseen."""
    hip, ankles = INDEX["mid_hip"], [INDEX["left_ankle"], INDEX["right_ankle"]]
    y = np.where(poses.score[:, ankles] >= SURE, poses.xy[:, ankles, 1], -np.inf).max(axis=1)
    seen = np.isfinite(y) & (poses.score[:, hip] >= SURE) & (leg > 0)
    above = np.divide(y - poses.xy[:, hip, 1], leg, out=np.full(len(y), np.nan), where=seen)
    return np.asarray(np.clip(1 - above, 0.0, 1.0), np.float64)


def _standing_height(poses: PoseSequence, leg: float, trunk: float) -> float:
    """Leg, trunk and neck-to-nose, in pixels at the full lengths."""
    neck, nose = INDEX["neck"], INDEX["nose"]
    seen = (poses.score[:, [neck, nose]] >= SURE).all(axis=1)
    head = np.linalg.norm(poses.xy[seen, nose] - poses.xy[seen, neck], axis=1)
    return leg + trunk + (float(np.percentile(head, FULL_LENGTH)) if len(head) else 0.0)


def facing_yaw(poses: PoseSequence) -> Series:
    """(T,) degrees in [0, 360) the trunk is turned: 0 front, 90 left side to the camera, 180 back; NaN unknown.

    From the left-right lines of shoulders and hips, their depth included. Without depth the line's
    shortness in the picture tells how far it is turned, and the nose's place which way; a face that is seen
    rules the back out, and a near-profile line from behind or in front is settled by it.
    """
    across, deep, seen = np.zeros(len(poses)), np.zeros(len(poses)), np.zeros(len(poses), bool)
    for right, left in (("right_shoulder", "left_shoulder"), ("right_hip", "left_hip")):
        ends = [INDEX[right], INDEX[left]]
        both = (poses.score[:, ends] >= SURE).all(axis=1)
        across += np.where(both, poses.xy[:, ends[1], 0] - poses.xy[:, ends[0], 0], 0)
        deep += np.where(both, poses.depth[:, ends[1]] - poses.depth[:, ends[0]], 0)
        seen |= both
    if not seen.any():
        return np.full(len(poses), np.nan)
    width = max(float(np.percentile(np.hypot(across, deep)[seen], FULL_LENGTH)), 1e-6)
    if not (poses.depth != 0).any():
        deep = _depth_from_nose(poses, across, width)
    # Seen nearly from the side the sign of `across` is noise; the face knows front from back.
    faces = (poses.score[:, FACE] > 0).mean(axis=1) > 0.5
    if faces.any():
        narrow = np.abs(across) < 0.35 * width
        across = np.where(narrow & faces, np.abs(across), across)
    window = STEADY_SECONDS * float(poses.fps)
    real = gaussian_filter1d(np.where(seen, across, 0) / width, window)
    imaginary = gaussian_filter1d(np.where(seen, -deep, 0) / width, window)
    return np.where(seen, np.degrees(np.arctan2(imaginary, real)) % 360, np.nan)


def _depth_from_nose(poses: PoseSequence, across: Series, width: float) -> Series:
    """Depth of the left-right line when the detector gives none: what its width lacks, signed by the nose."""
    lacking = np.sqrt(np.maximum(0, width**2 - across**2))
    nose, neck = poses.xy[:, INDEX["nose"], 0], poses.xy[:, INDEX["neck"], 0]
    return np.asarray(np.sign(nose - neck) * np.where(lacking > 0.5 * width, lacking, 0), np.float64)
