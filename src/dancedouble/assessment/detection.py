"""Poses and masks found in pictures that are to be judged: every method's are looked at in the same way."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dancedouble import capture
from dancedouble.errors import InputError, NoPersonError, PersonTooSmallError
from dancedouble.media.video import probe, read_frames
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.estimator import PersonPose
from dancedouble.pose.keypoints import PoseSequence, empty_poses
from dancedouble.pose.pixel_motion import FlowMeter
from dancedouble.pose.tracking import watch_subject
from dancedouble.progress import OnProgress, ignore_progress

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Pictures(NamedTuple):
    """A clip that can be read more than once."""

    path: Path
    """Names it in errors."""
    read: Callable[[], Iterator[Picture]]
    size: tuple[int, int]
    fps: Fraction
    frames: int


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What was found in a clip."""

    poses: PoseSequence
    detector: LandmarkModel
    masks: tuple[bytes | None, ...]
    """Per frame the person mask, packed eight pixels to a byte and compressed; None where nobody was found."""

    def unpacked(self) -> Iterator[Mask | None]:
        """The masks, (H, W) bool, one at a time."""
        height, width = self.poses.size
        for packed in self.masks:
            if packed is None:
                yield None
            else:
                yield (
                    np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8), count=height * width)
                    .reshape(height, width)
                    .astype(np.bool_)
                )


def video_pictures(video: Path) -> Pictures:
    """The frames of a video. Raises MediaError."""
    info = probe(video)
    return Pictures(video, lambda: read_frames(video), info.size, info.fps, info.frames)


def watch(
    clip: Pictures, *, detector: LandmarkModel | None = None, like: PoseSequence | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Watched:  # fmt: skip
    """A person's poses, cleaned as always, and masks. A clip that shows nobody gives empty rows, no error.

    Of several, whoever is most often where ``like`` has somebody; without it the main person. Without a ``detector`` as
    footage that is learned is looked at. Raises WeightsError.
    """
    found: list[PersonPose | None] = []
    masks: list[bytes | None] = []
    detector = detector or capture.subject_model()
    estimator = capture.subject_estimator(detector)
    meter = FlowMeter()
    try:
        seen = watch_subject(clip.read, clip, estimator, person=1 if like is None else like, on_progress=on_progress)
        for _, pose in capture.compared(seen, meter):
            masks.append(None if pose is None or pose.mask is None else _packed(pose.mask))
            found.append(None if pose is None else replace(pose, mask=None))
    except (NoPersonError, PersonTooSmallError):
        return Watched(
            poses=empty_poses(clip.frames, clip.size, clip.fps), detector=detector, masks=(None,) * clip.frames
        )
    poses = capture.assemble(found, clip.size, clip.fps)
    if poses.present.any():
        poses, _, _ = capture.clean(poses, motion=meter.finish())
    return Watched(poses=poses, detector=detector, masks=tuple(masks))


def _packed(mask: NDArray[np.float32]) -> bytes:
    """A few kilobytes of a mask (H, W), 0 to 1."""
    return zlib.compress(np.packbits(mask > 0.5).tobytes(), 1)


def on_grid(given: PoseSequence, wanted: PoseSequence, path: Path) -> PoseSequence:
    """Somebody else's poses as of frames like ``wanted``; JSON files name neither size nor rate. Raises InputError."""
    known = given if path.suffix == ".npz" else replace(given, size=wanted.size)
    return same_grid(replace(known, fps=wanted.fps), wanted, path)


def same_grid(found: PoseSequence, wanted: PoseSequence, video: Path) -> PoseSequence:
    """Poses found in a compressed video, which has even sides, as of frames like ``wanted``. Raises InputError."""
    apart = max(abs(found.size[0] - wanted.size[0]), abs(found.size[1] - wanted.size[1]))
    if len(found) != len(wanted) or apart > 1:
        raise InputError(
            f"{video}: has {len(found)} frames of {found.size} (height, width), expected {len(wanted)} of"
            f" {wanted.size}; give the result alone, at its full size and length"
        )
    return replace(found, size=wanted.size)
