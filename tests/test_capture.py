"""Poses of a dance: how often it is looked at, and what lies between two looks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dancedouble.capture import DANCE_LOOKS, capture_poses, spread
from dancedouble.media.video import VideoWriter
from dancedouble.pose.estimator import FakePoseEstimator, Frame, PersonPose, Roi, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, POINTS

SIZE = (240, 320)


def walk(frames: int, fps: Fraction) -> PoseSequence:
    """Somebody upright who crosses the picture at one speed."""
    xy, score = np.zeros((frames, POINTS, 2), np.float32), np.zeros((frames, POINTS), np.float32)
    rows = {"nose": (0, 150), "neck": (0, 120), "left_shoulder": (22, 120), "right_shoulder": (-22, 120)}
    rows |= {"mid_hip": (0, 75), "left_ankle": (15, 0), "right_ankle": (-15, 0)}
    for name, (across, up) in rows.items():
        xy[:, INDEX[name], 0] = np.linspace(60, 240, frames) + across
        xy[:, INDEX[name], 1] = 220 - up
        score[:, INDEX[name]] = 1
    return PoseSequence(xy=xy, score=score, size=SIZE, fps=fps)


class Counting(FakePoseEstimator):
    """Counts how many poses it was asked to complete."""

    looks = 0

    def complete(self, frame: Frame, pose: PersonPose) -> PersonPose:
        self.looks += 1
        return super().complete(frame, pose)


@pytest.mark.parametrize(("fps", "frames", "looks"), [(30, 60, 30), (24, 49, 25), (60, 61, 13), (15, 30, 30)])
def test_a_dance_is_looked_at_a_dozen_times_a_second_and_moves_on_between(
    fps: int, frames: int, looks: int, tmp_path: Path
) -> None:
    danced = walk(frames, Fraction(fps))
    with VideoWriter(tmp_path / "dance.mp4", SIZE, Fraction(fps)) as writer:
        for index in range(frames):
            writer.write(stamp_frame(np.full((*SIZE, 3), 90, np.uint8), index))
    estimator = Counting(danced)
    captured = capture_poses(tmp_path / "dance.mp4", looks=DANCE_LOOKS, estimator=estimator)
    assert estimator.looks == looks
    assert len(captured.poses) == frames and captured.gaps == 0
    middle = slice(10, frames - 10)  # near the ends the median leans inwards
    apart = np.abs(captured.poses.xy - danced.xy)[middle, INDEX["mid_hip"]]
    assert apart.max() < 0.1


def test_between_two_looks_nobody_is_made_up_where_one_of_them_saw_nobody() -> None:
    pose = PersonPose(
        xy=np.zeros((POINTS, 2), np.float32), score=np.ones(POINTS, np.float32), depth=np.zeros(POINTS, np.float32),
        mask=None, box=(0, 0, 1, 1), roi=Roi(x=0, y=0, size=1),
    )  # fmt: skip
    assert list(spread([pose, None, pose], 2, 6)) == [pose, None, None, None, pose, pose]
    assert list(spread([pose, pose], 3, 4)) == [pose, None, None, pose]
