"""Poses of a dance: how often it is looked at, and what lies between two looks."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancedouble import transfer_state
from dancedouble.capture import DANCE_LOOKS, Capture, capture_poses
from dancedouble.media.video import VideoWriter
from dancedouble.pose.estimator import FakePoseEstimator, Frame, PersonPose, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, POINTS
from dancedouble.pose.smoothing import smooth, smooth_as_paper
from dancedouble.progress import ignore_progress

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
    middle = slice(10, frames - 10)  # at the end the last look is held
    apart = np.abs(captured.poses.xy - danced.xy)[middle, INDEX["mid_hip"]]
    assert apart.max() < 0.1


def test_the_smoothing_that_was_asked_for_is_what_poses_get(tmp_path: Path) -> None:
    danced = walk(24, Fraction(24))
    danced.xy[::5, INDEX["nose"], 1] += 12
    with VideoWriter(tmp_path / "dance.mp4", SIZE, Fraction(24)) as writer:
        for index in range(24):
            writer.write(stamp_frame(np.full((*SIZE, 3), 90, np.uint8), index))
    captured = {
        kind: capture_poses(tmp_path / "dance.mp4", smoothing=kind, estimator=FakePoseEstimator(danced)).poses
        for kind in ("none", "paper", "local")
    }
    np.testing.assert_allclose(captured["none"].xy, danced.xy, atol=1e-4)
    np.testing.assert_array_equal(captured["paper"].xy, smooth_as_paper(captured["none"]).xy)
    np.testing.assert_array_equal(captured["local"].xy, smooth(captured["none"]).xy)
    with pytest.raises(ValueError, match="every frame"):
        capture_poses(tmp_path / "dance.mp4", smoothing="paper", looks=10, estimator=FakePoseEstimator(danced))


def test_kept_poses_are_used_again_until_poses_are_made_in_another_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, looked = tmp_path / "dance.npz", 0
    walk(24, Fraction(24)).save(source)

    def look(*given: Any, **options: Any) -> Capture:
        nonlocal looked
        looked += 1
        return capture_poses(source)

    monkeypatch.setattr(transfer_state, "capture_poses", look)
    for way, times in ((1, 1), (1, 1), (2, 2), (2, 2)):
        monkeypatch.setattr(transfer_state, "WAY", way)
        kept = transfer_state.cached_capture(source, tmp_path / "kept.npz", None, None, ignore_progress)
        assert looked == times and len(kept.poses) == 24
