"""BlazePose on real frames: needs the weights, and the real clips where they are."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from dancedouble.errors import WeightsError
from dancedouble.media.video import probe, read_frames
from dancedouble.pose.blazepose import BlazePose
from dancedouble.pose.estimator import Frame, PersonPose
from dancedouble.pose.skeleton import BODY_LIMBS, FACE, INDEX, LEFT_HAND, RIGHT_HAND
from dancedouble.pose.tracking import list_people

FOOTAGE = Path(__file__).parents[1] / "examples" / "footage"
pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def blazepose() -> BlazePose:
    try:
        return BlazePose()
    except WeightsError as error:
        pytest.skip(str(error))


def frame_of(path: Path, index: int) -> Frame:
    return next(iter(read_frames(path, start=index, stop=index + 1)))


def pose_of(estimator: BlazePose, frame: Frame) -> PersonPose:
    """The surest person's pose, looked at twice as in a video."""
    first = estimator.landmarks(frame, estimator.detect(frame)[0].roi)
    assert first is not None
    second = estimator.landmarks(frame, first.roi)
    assert second is not None
    return estimator.complete(frame, second)


def test_an_empty_room_has_nobody(blazepose: BlazePose) -> None:
    wall = np.full((360, 640, 3), 180, np.uint8)
    wall[250:] = (90, 60, 40)
    assert blazepose.detect(wall) == []


def test_the_bundled_people_are_found(blazepose: BlazePose) -> None:
    videos = sorted(FOOTAGE.glob("*.mp4"))
    if not videos:
        pytest.skip("the bundled footage is not made yet")
    for video in videos:
        pose = pose_of(blazepose, frame_of(video, probe(video).frames // 2))
        assert (pose.score[[INDEX[name] for limb in BODY_LIMBS[:13] for name in limb]] > 0).mean() > 0.9, video.name


@pytest.mark.clips
def test_a_frontal_dancer_has_body_face_and_mask(blazepose: BlazePose, clips: Path) -> None:
    frame = frame_of(clips / "s_musev_queencard.mp4", 240)
    pose = pose_of(blazepose, frame)
    x = {name: float(pose.xy[INDEX[name], 0]) for name in INDEX}
    y = {name: float(pose.xy[INDEX[name], 1]) for name in INDEX}
    assert (pose.score[[INDEX[name] for limb in BODY_LIMBS for name in limb]] > 0.2).all()
    assert x["left_shoulder"] > x["right_shoulder"], "she faces us: her left is our right"
    assert y["nose"] < y["neck"] < y["mid_hip"] < y["left_knee"] < y["left_ankle"]
    np.testing.assert_allclose(pose.xy[INDEX["neck"]], pose.xy[[2, 5]].mean(axis=0), atol=1e-3)
    assert pose.score[FACE].min() > 0.5
    right_eye, left_eye = pose.xy[FACE][[68, 69]]
    assert right_eye[0] < left_eye[0]
    assert np.linalg.norm(right_eye - pose.xy[INDEX["right_eye"]]) < 25
    assert pose.depth[INDEX["nose"]] < pose.depth[INDEX["left_ear"]]
    assert pose.mask is not None and pose.mask.shape == frame.shape[:2]
    middle = tuple(pose.xy[INDEX["mid_hip"]].astype(int)[::-1])
    assert pose.mask[middle] > 0.9 and pose.mask[50, 50] < 0.1
    assert pose.mask.min() >= 0 and pose.mask.max() <= 1


@pytest.mark.clips
@pytest.mark.parametrize(("index", "turned_away"), [(40, False), (208, True), (232, True)])
def test_a_back_view_is_told_by_the_face(blazepose: BlazePose, clips: Path, index: int, turned_away: bool) -> None:
    pose = pose_of(blazepose, frame_of(clips / "t_sleap_dance_trim.mp4", index))
    face = [INDEX[name] for name in ("nose", "left_eye", "right_eye")]
    assert (pose.score[face].max() < 0.1) == turned_away
    assert (pose.score[FACE].max() == 0) == turned_away
    left, right = pose.xy[INDEX["left_shoulder"], 0], pose.xy[INDEX["right_shoulder"], 0]
    assert (left < right) == turned_away, "seen from behind, the left shoulder is on the left"


@pytest.mark.clips
def test_hands_lie_at_their_wrists(blazepose: BlazePose, clips: Path) -> None:
    found = 0
    for frame in islice(read_frames(clips / "s_steady_00002.mp4"), 0, 120, 30):
        pose = pose_of(blazepose, frame)
        wrists = ("left_wrist", "right_wrist")
        # One of the two may point towards the camera.
        forearm = max(np.linalg.norm(pose.xy[INDEX[name]] - pose.xy[INDEX[name] - 1]) for name in wrists)
        for name, part in zip(wrists, (LEFT_HAND, RIGHT_HAND), strict=True):
            if pose.score[part].max() > 0:
                found += 1
                assert np.linalg.norm(pose.xy[part][0] - pose.xy[INDEX[name]]) < 0.35 * forearm
                assert np.ptp(pose.xy[part], axis=0).max() < forearm
    assert found >= 5


@pytest.mark.clips
def test_points_outside_the_frame_are_undetected(blazepose: BlazePose, clips: Path) -> None:
    frame = frame_of(clips / "t_hybrik_taiji.mp4", 0)[:430]  # cut above the knees
    pose = pose_of(blazepose, frame)
    assert pose.score[INDEX["left_ankle"]] == pose.score[INDEX["right_ankle"]] == 0
    detected = pose.xy[pose.score > 0]
    assert (detected >= 0).all() and (detected < [frame.shape[1], frame.shape[0]]).all()


@pytest.mark.clips
def test_both_of_two_people_are_found(blazepose: BlazePose, clips: Path) -> None:
    path = clips / "h_two_people_steady_dy1.mp4"
    tracks = list_people(islice(read_frames(path), 30), blazepose, fps=probe(path).fps)
    assert len(tracks) == 2
    assert tracks[0].height > tracks[1].height
    assert all(track.presence > 0.7 for track in tracks)


@pytest.mark.clips
def test_the_same_frame_gives_the_same_pose(blazepose: BlazePose, clips: Path) -> None:
    frame = frame_of(clips / "t_animatex_mustard.mp4", 0)
    first, second = pose_of(blazepose, frame), pose_of(blazepose, frame)
    np.testing.assert_array_equal(first.xy, second.xy)
    np.testing.assert_array_equal(first.mask, second.mask)


def test_without_a_mask_the_points_are_the_same(blazepose: BlazePose) -> None:
    video = next(iter(sorted(FOOTAGE.glob("*.mp4"))), None)
    if video is None:
        pytest.skip("the bundled footage is not made yet")
    frame = frame_of(video, 10)
    with_mask, without = pose_of(blazepose, frame), pose_of(BlazePose(mask=False), frame)
    assert with_mask.mask is not None and without.mask is None
    for field in ("xy", "score", "depth"):
        np.testing.assert_array_equal(getattr(with_mask, field), getattr(without, field))


def test_looked_at_twice_a_mirrored_frame_gives_the_mirrored_pose(blazepose: BlazePose) -> None:
    frame = frame_of(FOOTAGE / "B_casual.mp4", 40)
    mirrored = np.ascontiguousarray(frame[:, ::-1])
    roi = blazepose.detect(frame)[0].roi
    sides = [INDEX[f"{side}_wrist"] for side in ("left", "right")]
    across = frame.shape[1]

    def apart(estimator: BlazePose) -> float:
        """Pixels between the wrists of the frame and those of its mirror image, brought back."""
        seen = estimator.landmarks(frame, roi)
        turned = estimator.landmarks(mirrored, replace(roi, x=across - roi.x, angle=-roi.angle))
        assert seen is not None and turned is not None
        back = turned.xy[sides[::-1]]
        back[:, 0] = across - back[:, 0]
        return float(np.abs(seen.xy[sides] - back).max())

    assert apart(BlazePose(twice=True)) < 0.5
    assert apart(blazepose) > 1
