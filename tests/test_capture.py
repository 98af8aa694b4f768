"""Poses of a dance: how often it is looked at, and what lies between two looks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancedouble import capture, transfer_state
from dancedouble.capture import DANCE_LOOKS, Capture, capture_poses
from dancedouble.errors import InputError, NoPersonError, PersonTooSmallError, SubjectError, WeightsError
from dancedouble.media.video import VideoWriter
from dancedouble.pose.estimator import FakePoseEstimator, Frame, PersonPose, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.openpose_json import write_openpose
from dancedouble.pose.skeleton import INDEX, LEFT_HAND, POINTS, RIGHT_HAND
from dancedouble.pose.smoothing import fill_hands, smooth, smooth_as_paper
from dancedouble.progress import ignore_progress

SIZE = (240, 320)


def walk(frames: int, fps: Fraction) -> PoseSequence:
    """Somebody upright who crosses the picture at one speed, a hand in the air."""
    xy, score = np.zeros((frames, POINTS, 2), np.float32), np.zeros((frames, POINTS), np.float32)
    rows = {"nose": (0, 150), "neck": (0, 120), "left_shoulder": (22, 120), "right_shoulder": (-22, 120)}
    rows |= {"mid_hip": (0, 75), "left_ankle": (15, 0), "right_ankle": (-15, 0)}
    for name, (across, up) in rows.items():
        xy[:, INDEX[name], 0] = np.linspace(60, 240, frames) + across
        xy[:, INDEX[name], 1] = 220 - up
        score[:, INDEX[name]] = 1
    xy[:, INDEX["left_wrist"]] = xy[:, INDEX["left_shoulder"]] + (10, -20)
    xy[:, LEFT_HAND] = xy[:, INDEX["left_wrist"], None] + np.stack([np.arange(21) / 4, -np.arange(21) / 2], -1)
    score[:, INDEX["left_wrist"]] = score[:, LEFT_HAND] = 1
    return PoseSequence(xy=xy.astype(np.float32), score=score, size=SIZE, fps=fps)


class Counting(FakePoseEstimator):
    """Counts how many poses, and how many of them with hands, it was asked to complete."""

    looks = hands = 0

    def complete(self, frame: Frame, pose: PersonPose, *, hands: bool = True) -> PersonPose:
        self.looks += 1
        self.hands += hands
        return super().complete(frame, pose, hands=hands)


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
    assert estimator.hands == (looks if looks == frames else (looks + 1) // 2)
    assert len(captured.poses) == frames and captured.gaps == 0
    middle = slice(10, frames - 10)  # at the end the last look is held
    for points in (INDEX["mid_hip"], LEFT_HAND):
        assert (captured.poses.score[middle, points] > 0).all()
        assert np.abs(captured.poses.xy - danced.xy)[middle, points].max() < 0.1
    assert not captured.poses.score[:, RIGHT_HAND].any()


def test_a_hand_between_two_looks_moves_with_its_wrist() -> None:
    danced = walk(7, Fraction(12))
    danced.xy[3, INDEX["left_wrist"]] += (0, -30)  # a jerk that only the body's look has seen
    searched = danced.score.copy()
    searched[1::2, LEFT_HAND] = searched[4, LEFT_HAND] = 0
    filled = fill_hands(replace(danced, score=searched), 2)
    held = filled.xy[:, LEFT_HAND] - filled.xy[:, INDEX["left_wrist"], None]
    np.testing.assert_allclose(held[[1, 3]], held[[0, 2]], atol=1e-4)
    assert (filled.score[[1, 3], LEFT_HAND] > 0).all(), "one neighbour is enough"
    assert not filled.score[4, LEFT_HAND].any(), "what was searched and not found stays so"
    np.testing.assert_array_equal(fill_hands(danced, 1).xy, danced.xy)


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
    nearly = np.abs(captured["local"].xy - smooth(captured["none"]).xy).max()
    assert nearly < 0.1, "a plain wall says nothing of how somebody moves"
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
        kept = transfer_state.cached_capture(source, tmp_path / "kept.npz", None, None, None, ignore_progress)
        assert looked == times and len(kept.poses) == 24


def test_a_kill_leaves_no_dance_under_the_name_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    danced = walk(24, Fraction(24))
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    danced.save(one)
    replace(danced, xy=danced.xy + np.float32(7)).save(other)

    def kept(source: Path) -> PoseSequence:
        return transfer_state.cached_capture(source, tmp_path / "kept.npz", None, None, None, ignore_progress).poses

    def killed(path: Path, data: bytes) -> None:
        raise KeyboardInterrupt

    kept(one)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(transfer_state, "write_atomically", killed)
        kept(other)
    np.testing.assert_array_equal(kept(one).xy, danced.xy)


def test_openpose_json_has_the_rate_that_is_said_and_a_warning_without_one(tmp_path: Path) -> None:
    folder = tmp_path / "json"
    write_openpose(folder, walk(24, Fraction(25)))
    for fps, rate in (
        (None, 30),
        (Fraction(25), 25),
        (Fraction(30), 30),
        (Fraction("29.970029970"), Fraction(30000, 1001)),
    ):
        kept = [
            transfer_state.cached_capture(folder, tmp_path / "kept.npz", None, (3, 20), fps, ignore_progress)
            for _ in range(2)  # looked at, and from what is kept
        ]
        for found in (*kept, capture_poses(folder, frames=(3, 20), fps=fps)):
            assert found.poses.fps == rate and len(found.poses) == 17
            assert [line for line in found.warnings if "json: OpenPose's files name no frame rate" in line] == (
                found.warnings if fps is None else []
            )
            assert len(found.warnings) == (fps is None)


@pytest.mark.parametrize("name", ["dance.npz", "dance.mp4"])
def test_what_knows_its_rate_is_not_given_another(name: str, tmp_path: Path) -> None:
    walk(24, Fraction(24)).save(tmp_path / "dance.npz")
    (tmp_path / "dance.mp4").touch()
    with pytest.raises(
        InputError, match=rf"{name}: .* frame rate, --fps is for a folder of OpenPose JSON; leave it out"
    ):
        capture_poses(tmp_path / name, fps=Fraction(25))


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(-25), Fraction(1, 2), Fraction(2500)])
def test_a_rate_that_no_video_has_is_refused(fps: Fraction, tmp_path: Path) -> None:
    write_openpose(tmp_path / "json", walk(24, Fraction(25)))
    with pytest.raises(InputError, match=r"json: --fps .* expected 1 to 240 frames a second"):
        capture_poses(tmp_path / "json", fps=fps)


def test_poses_that_are_damaged_are_told_in_one_line(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.npz", tmp_path / "dance.npz"
    walk(24, Fraction(24)).save(whole)
    data = whole.read_bytes()
    where = len(data) // 4
    damages = {
        "cut short": data[: len(data) // 2], "empty": b"", "no archive": b"poses",
        "bad deflate": data[:where] + bytes(1000) + data[where + 1000 :],
        "unknown compression": data.replace(b"\x08\0\0\0!\0", b"\x63\0\0\0!\0"),
    }  # fmt: skip
    for what, damaged in damages.items():
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"dance\.npz: not readable as poses") as caught:
            capture_poses(path)
        assert "\n" not in str(caught.value), what
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").replace(path)
    with pytest.raises(InputError, match=r"dance\.npz: not readable as poses"):
        capture_poses(path)


def test_footage_is_looked_at_with_the_heavy_network_where_it_can_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(name: str) -> Path:
        raise WeightsError(f"weights {name}: cannot be fetched")

    monkeypatch.setattr(capture, "weight_path", lambda name: tmp_path / name)
    assert capture.subject_model.__wrapped__() == "heavy"
    monkeypatch.setattr(capture, "weight_path", missing)
    monkeypatch.setattr(capture, "available", lambda name: False)
    assert capture.subject_model.__wrapped__() == "full"
    assert "cannot be fetched; the smaller network looks instead" in caplog.text, "and why is told"
    monkeypatch.setattr(capture, "available", lambda name: True)  # there, but not what it should be
    with pytest.raises(WeightsError):
        capture.subject_model.__wrapped__()


def test_a_person_is_counted_in_the_whole_video_whatever_part_is_danced(tmp_path: Path) -> None:
    """In the part that is asked for, who comes second in the whole is the more prominent one."""
    lead, other = walk(60, Fraction(30)), walk(60, Fraction(30))
    other = replace(other, xy=other.xy + np.float32((-40, 0)), score=other.score.copy())
    other.score[:36] = 0
    lead.score[50:] = 0
    with VideoWriter(tmp_path / "two.mp4", SIZE, Fraction(30)) as writer:
        for index in range(60):
            writer.write(stamp_frame(np.full((*SIZE, 3), 90, np.uint8), index))
    for number, who in ((1, lead), (2, other)):
        found = capture_poses(
            tmp_path / "two.mp4", person=number, frames=(42, 48), estimator=FakePoseEstimator(lead, other)
        )
        nose = INDEX["nose"]
        assert len(found.poses) == 6
        assert np.abs(found.poses.xy[:, nose] - who.xy[42:48, nose]).max() < 2
    with pytest.raises(NoPersonError, match="person 2 is not in frames 5 to 20"):
        capture_poses(tmp_path / "two.mp4", person=2, frames=(5, 20), estimator=FakePoseEstimator(lead, other))


def test_rivals_in_a_part_are_numbered_in_the_whole_video(tmp_path: Path) -> None:
    one, other = walk(60, Fraction(30)), walk(60, Fraction(30))
    other = replace(other, xy=other.xy + np.float32((-40, 0)), score=other.score.copy())
    other.score[:36] = 0
    with VideoWriter(tmp_path / "two.mp4", SIZE, Fraction(30)) as writer:
        for index in range(60):
            writer.write(stamp_frame(np.full((*SIZE, 3), 90, np.uint8), index))
    with pytest.raises(SubjectError, match=r"in frames 40 to 58; .* by the numbers of `dancedouble info two\.mp4`"):
        capture_poses(tmp_path / "two.mp4", frames=(40, 58), estimator=FakePoseEstimator(one, other))


def test_who_is_near_in_the_part_alone_is_large_enough(tmp_path: Path) -> None:
    lead, far = walk(60, Fraction(30)), walk(60, Fraction(30))
    scale = np.where(np.arange(60) < 36, 0.55, 1.0).astype(np.float32)[:, None, None]
    far = replace(far, xy=(far.xy - np.float32((200, 220))) * scale + np.float32((200, 220)))
    with VideoWriter(tmp_path / "two.mp4", SIZE, Fraction(30)) as writer:
        for index in range(60):
            writer.write(stamp_frame(np.full((*SIZE, 3), 90, np.uint8), index))
    estimator = FakePoseEstimator(lead, far)
    assert len(capture_poses(tmp_path / "two.mp4", person=2, frames=(40, 58), estimator=estimator).poses) == 18
    with pytest.raises(PersonTooSmallError):
        capture_poses(tmp_path / "two.mp4", person=2, frames=(0, 30), estimator=estimator)
