"""Two short clips of two dolls with sound, and an estimator that knows their poses: the pipeline in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.estimator import FakePoseEstimator, PersonPose, Roi, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY_LIMBS, INDEX
from media_samples import clicks, write_video
from pose_fixtures import Body, Camera, dance, film

SIZE = (192, 160)
FPS = Fraction(15)
OFFSET = 1000
"""Stamps of the target's frames start here, so that one estimator tells the clips apart."""


@dataclass(frozen=True)
class World:
    """The clips of a test."""

    source: Path
    target: Path
    source_poses: PoseSequence
    target_poses: PoseSequence


class TwoClipEstimator:
    """A :class:`FakePoseEstimator` per clip, told apart by the number in the frame."""

    def __init__(self, source: PoseSequence, target: PoseSequence) -> None:
        self.source = FakePoseEstimator(source)
        self.target = FakePoseEstimator(shifted(target))

    def detect(self, frame: NDArray[np.uint8], *, closely: bool = True) -> list:  # type: ignore[type-arg]
        return self.source.detect(frame) + self.target.detect(frame)

    def landmarks(self, frame: NDArray[np.uint8], roi: Roi) -> PersonPose | None:
        return self.source.landmarks(frame, roi) or self.target.landmarks(frame, roi)

    def complete(self, frame: NDArray[np.uint8], pose: PersonPose, *, hands: bool = True) -> PersonPose:
        return pose


def shifted(poses: PoseSequence) -> PoseSequence:
    """The same poses behind ``OFFSET`` empty rows, where the target's stamps are."""

    def pad(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([np.zeros((OFFSET, *rows.shape[1:]), np.float32), rows])

    return PoseSequence(
        xy=pad(poses.xy), score=pad(poses.score), depth=pad(poses.depth), size=poses.size, fps=poses.fps
    )


def make_world(folder: Path, *, source_frames: int = 20, target_frames: int = 36) -> World:
    """Write ``dance.mp4`` (with clicks) and ``me.mp4`` into ``folder``."""
    camera = Camera(size=SIZE, fps=FPS, focal=330.0)
    source = film(dance(source_frames, float(FPS), seed=1), Body(), camera)
    target = film(dance(target_frames, float(FPS), seed=2), Body(torso=0.46, shin=0.38, thigh=0.38), camera)
    paths = (folder / "dance.mp4", folder / "me.mp4")
    pictures = [draw_clip(source, (200, 60, 60), 0), draw_clip(target, (60, 120, 220), OFFSET)]
    write_video(paths[0], pictures[0], rate=FPS, sound=clicks(source_frames / float(FPS), 0.5))
    write_video(paths[1], pictures[1], rate=FPS)
    return World(*paths, source, target)


def draw_clip(poses: PoseSequence, colour: tuple[int, int, int], first_stamp: int) -> list[NDArray[np.uint8]]:
    """A doll of thick limbs before a wall and a floor."""
    height, width = poses.size
    room = np.full((height, width, 3), (190, 180, 160), np.uint8)
    room[int(0.8 * height) :] = (120, 90, 60)
    room[20:60, 10:40] = (90, 140, 90)
    frames = []
    for index, (xy, score) in enumerate(zip(poses.xy, poses.score, strict=True)):
        frame = room.copy()
        for number, (a, b) in enumerate(BODY_LIMBS):
            if score[INDEX[a]] > 0 and score[INDEX[b]] > 0:
                shade = tuple(int(c * (0.6 + 0.4 * (number % 3) / 2)) for c in colour)
                ends = [tuple(int(v) for v in xy[INDEX[name]]) for name in (a, b)]
                cv2.line(frame, ends[0], ends[1], shade, 9)
        frames.append(stamp_frame(frame, first_stamp + index))
    return frames
