"""Poses of a dance: how often it is looked at, and what lies between two looks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from dancedouble.capture import DANCE_LOOKS, capture_poses
from dancedouble.media.video import VideoWriter
from dancedouble.pose.estimator import FakePoseEstimator, Frame, PersonPose, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, POINTS
from dancedouble.pose.smoothing import fill_between

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


def test_points_go_along_curves_between_looks_and_only_where_both_looks_have_them() -> None:
    times = np.arange(13) / 12
    danced = walk(13, Fraction(24))
    hip, hand = INDEX["mid_hip"], INDEX["left_ankle"]
    danced.xy[:, hip, 0] = 100 + 60 * np.sin(2 * np.pi * times)
    looked = danced[::2]
    looked.score[3, hand] = 0
    filled = fill_between(replace(looked, fps=Fraction(12)), 2, 13)
    assert filled.fps == 24 and len(filled) == 13
    np.testing.assert_array_equal(filled.xy[::2], looked.xy)
    straight = (looked.xy[:-1, hip, 0] + looked.xy[1:, hip, 0]) / 2
    true = danced.xy[1::2, hip, 0]
    inner = slice(1, -1)
    assert np.abs(filled.xy[1::2, hip, 0] - true)[inner].max() < 0.4 * np.abs(straight - true)[inner].max()
    assert (filled.score[5:8, hand] == 0).all() and (filled.score[[4, 8], hand] > 0).all()
    np.testing.assert_allclose(filled.xy[3, hand], (looked.xy[1, hand] + looked.xy[2, hand]) / 2, atol=0.01)


def test_the_last_look_is_held_to_the_end() -> None:
    filled = fill_between(walk(2, Fraction(8)), 3, 6)
    assert len(filled) == 6
    np.testing.assert_array_equal(filled.xy[4:], filled.xy[[3, 3]])
