"""OpenPose's files in and out."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancedouble.errors import InputError, OutputError, SubjectError
from dancedouble.pose.conversion import BODY_23_FROM_25, COCO_18
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.openpose_json import holds_openpose, read_crowd, read_openpose, write_openpose
from dancedouble.pose.skeleton import INDEX
from pose_fixtures import dance, film

SIZE, FPS = (720, 1280), Fraction(30)


def someone(frames: int = 12, x: float = 0, scale: float = 1.0) -> PoseSequence:
    poses = film(dance(frames, seed=1))
    return replace(poses, xy=poses.xy * np.float32(scale) + np.array([x, 0], np.float32))


def write_frame(folder: Path, number: int, *people: dict[str, Any], name: str = "clip_{:012d}_keypoints.json") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name.format(number)).write_text(json.dumps({"people": list(people)}))


def person(xy: np.ndarray, score: np.ndarray, **parts: list[float]) -> dict[str, Any]:
    return {"pose_keypoints_2d": np.c_[xy, score].ravel().tolist(), **parts}


def body(poses: PoseSequence, frame: int) -> dict[str, Any]:
    return person(poses.xy[frame, :25], poses.score[frame, :25])


def test_round_trip_is_exact_to_a_hundredth_of_a_pixel(tmp_path: Path) -> None:
    poses = someone(20)
    random = np.random.default_rng(0)
    score = random.uniform(1e-6, 1, poses.score.shape).astype(np.float32)
    score[random.random(score.shape) < 0.2] = 0
    score[5:8] = 0
    xy = poses.xy + random.uniform(-1, 1, poses.xy.shape).astype(np.float32)
    write_openpose(tmp_path / "json", replace(poses, xy=xy, score=score))
    assert len(list((tmp_path / "json").iterdir())) == 20
    back = read_openpose(tmp_path / "json", SIZE, FPS)
    assert (len(back), back.size, back.fps) == (20, SIZE, FPS)
    np.testing.assert_array_equal(back.score > 0, score > 0)
    np.testing.assert_allclose(back.score, score, rtol=1e-5)
    assert np.abs(back.xy - xy)[score > 0].max() < 0.005
    np.testing.assert_array_equal(back.present, score.any(axis=1))


def test_written_files_are_openposes(tmp_path: Path) -> None:
    poses = someone(2)
    write_openpose(tmp_path, replace(poses, score=np.where(np.arange(137) == 4, 0, poses.score)))
    data = json.loads((tmp_path / "frame_000000000001_keypoints.json").read_text())
    (entry,) = data["people"]
    lengths = [len(entry[f"{part}_keypoints_2d"]) for part in ("pose", "face", "hand_left", "hand_right")]
    assert lengths == [75, 210, 63, 63]
    assert entry["pose_keypoints_2d"][12:15] == [0, 0, 0]


def test_numbers_left_out_are_frames_without_the_subject(tmp_path: Path) -> None:
    poses = someone()
    for number in (1, 2, 3, 6, 7):
        write_frame(tmp_path, number, body(poses, number))
    write_frame(tmp_path, 4)
    read = read_openpose(tmp_path, SIZE, FPS)
    assert read.present.tolist() == [True, True, True, False, False, True, True]
    np.testing.assert_allclose(read.xy[5, :25], poses.xy[6, :25], atol=0.01)


def test_a_constant_step_is_a_lower_frame_rate(tmp_path: Path) -> None:
    poses = someone()
    for row, number in enumerate((20001, 20005, 20009, 20017)):
        write_frame(tmp_path, number, body(poses, row), name="{:06d}_keypoints.json")
    assert read_openpose(tmp_path, SIZE, FPS).present.tolist() == [True, True, True, False, True]


def test_coco_18_and_the_papers_23_points(tmp_path: Path) -> None:
    poses = someone()
    xy, score = poses.xy[3], poses.score[3]
    named = [INDEX[name] for name in COCO_18]
    write_frame(tmp_path / "coco", 0, person(xy[named], score[named]))
    write_frame(tmp_path / "paper", 0, person(xy[list(BODY_23_FROM_25)], score[list(BODY_23_FROM_25)]))
    coco, paper = (read_openpose(tmp_path / name, SIZE, FPS) for name in ("coco", "paper"))
    lacking = {INDEX["left_heel"], INDEX["right_heel"]}
    assert set(np.flatnonzero(paper.score[0, :25] == 0)) == lacking
    known = paper.score[0] > 0
    np.testing.assert_allclose(paper.xy[0, known], xy[known], atol=0.01)
    assert set(np.flatnonzero(coco.score[0, :25] == 0)) == set(range(19, 25))
    hips = (xy[INDEX["right_hip"]] + xy[INDEX["left_hip"]]) / 2
    np.testing.assert_allclose(coco.xy[0, INDEX["mid_hip"]], hips, atol=0.01)


def test_face_and_hands_may_be_missing(tmp_path: Path) -> None:
    poses = someone()
    write_frame(
        tmp_path, 0, {**body(poses, 0), "face_keypoints_2d": [], "hand_left_keypoints_2d": [1.0, 2.0, 0.5] * 21}
    )
    read = read_openpose(tmp_path, SIZE, FPS)
    assert read.score[0, 25:95].max() == 0
    assert read.score[0, 95:116].min() == 0.5


def test_the_largest_person_is_followed_through_any_order(tmp_path: Path) -> None:
    big, small = someone(12), someone(12, x=700, scale=0.5)
    for frame in range(12):
        people = [body(small, frame), body(big, frame)]
        if frame == 6:
            people = people[:1]
        write_frame(tmp_path, frame, *(people if frame % 2 else people[::-1]))
    first, second = (read_openpose(tmp_path, SIZE, FPS, person=number) for number in (1, 2))
    default = read_openpose(tmp_path, SIZE, FPS)
    assert default.present.tolist() == [frame != 6 for frame in range(12)]
    np.testing.assert_array_equal(default.xy, first.xy)
    np.testing.assert_allclose(second.xy[:, :25], small.xy[:, :25], atol=0.01)
    with pytest.raises(SubjectError, match="no person 3; the files show 2"):
        read_openpose(tmp_path, SIZE, FPS, person=3)


def test_a_folder_in_which_nobody_is_ever_seen_is_all_gaps(tmp_path: Path) -> None:
    for frame in range(3):
        write_frame(tmp_path, frame)
    read = read_openpose(tmp_path, SIZE, FPS)
    assert len(read) == 3 and not read.present.any()
    with pytest.raises(SubjectError):
        read_openpose(tmp_path, SIZE, FPS, person=1)


def write_text(folder: Path, text: str) -> None:
    (folder / "clip_000000000000_keypoints.json").write_text(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "not an OpenPose keypoint file"),
        ("[]", "not an OpenPose keypoint file"),
        ('{"version": 1.3}', "not an OpenPose keypoint file"),
        ('{"people": [3]}', "not an OpenPose keypoint file"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "flat list"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, NaN]}]}', "flat list"),
        (json.dumps({"people": [{"pose_keypoints_2d": [1, 2, 1] * 17}]}), "17 points, expected 25, 23 or 18"),
        (json.dumps({"people": [{"face_keypoints_2d": [1, 2, 1] * 68}]}), "68 points, expected 70"),
        (json.dumps({"people": [{"pose_keypoints_2d": [0.1, 0.2, 1] * 25}]}), "expected pixels"),
    ],
)
def test_what_is_not_openpose_is_told_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    write_text(tmp_path, text)
    with pytest.raises(InputError, match=message) as caught:
        read_openpose(tmp_path, SIZE, FPS)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_no_folder_no_files_and_two_clips_in_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read_openpose(tmp_path / "none", SIZE, FPS)
    with pytest.raises(InputError, match="holds no file named like"):
        read_openpose(tmp_path, SIZE, FPS)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        read_openpose(tmp_path / "file", SIZE, FPS)
    write_frame(tmp_path, 1)
    write_frame(tmp_path, 1, name="other_{}_keypoints.json")
    with pytest.raises(InputError, match="both frame 1"):
        read_openpose(tmp_path, SIZE, FPS)


def test_a_crowd_is_counted_whoever_is_the_subject(tmp_path: Path) -> None:
    xy, score = np.tile(np.float32([[20, 30]]), (25, 1)), np.ones(25, np.float32)
    write_frame(tmp_path, 4, person(xy, score), person(xy + np.float32([100, 0]), score))
    write_frame(tmp_path, 5, person(xy + np.float32([0, 170.5]), score))
    write_frame(tmp_path, 8, person(xy, 0 * score))
    crowd = read_crowd(tmp_path)
    assert (crowd.frames, crowd.most, crowd.reach) == (5, 2, (202, 121))
    assert len(read_openpose(tmp_path, SIZE, FPS)) == 5 and holds_openpose(tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "000001.png").touch()
    assert not holds_openpose(tmp_path / "pictures")


def test_a_stray_number_does_not_make_a_clip_of_days(tmp_path: Path) -> None:
    for number in (0, 1, 2, 20_260_101):
        write_frame(tmp_path, number)
    with pytest.raises(InputError, match="numbered 0 to 20260101"):
        read_openpose(tmp_path, SIZE, FPS)


def test_writing_replaces_such_a_folder_and_no_other(tmp_path: Path) -> None:
    write_openpose(tmp_path / "a", someone(9))
    write_openpose(tmp_path / "a", someone(4))
    assert len(list((tmp_path / "a").iterdir())) == 4
    (tmp_path / "a" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="other files"):
        write_openpose(tmp_path / "a", someone(4))
    assert (tmp_path / "a" / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
