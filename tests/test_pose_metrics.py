"""Pose distance, missed detections and the nearest-neighbour baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancedouble.errors import InputError
from dancedouble.evaluation.pose_metrics import compare_poses, mask_iou, nearest_frames
from dancedouble.pose.keypoints import empty_poses
from dancedouble.pose.skeleton import INDEX
from synthetic_dancer import arm_dance, make_poses

POSES = make_poses(arm_dance(40))


def test_nearest_of_itself_is_itself() -> None:
    nearest = nearest_frames(POSES, POSES)
    assert nearest.index.tolist() == list(range(40))
    assert nearest.distance.max() == 0


def test_distance_is_the_mean_over_points_and_knows_where_the_person_stands() -> None:
    moved = replace(POSES, xy=POSES.xy + np.float32([3, 4]))
    assert nearest_frames(moved[5:6], POSES[5:6]).distance[0] == pytest.approx(5.0, abs=1e-4)


def test_undetected_points_are_left_out_and_half_poses_are_no_candidates() -> None:
    score = POSES.score.copy()
    score[7, 5:20] = 0
    train = replace(POSES, score=score)
    assert nearest_frames(POSES[7:8], train).index[0] != 7
    score = POSES.score.copy()
    score[7, 4] = 0
    assert nearest_frames(POSES[7:8], replace(POSES, score=score)).index[0] == 7


def test_empty_frames_have_no_nearest() -> None:
    nearest = nearest_frames(empty_poses(2, POSES.size, POSES.fps), POSES)
    assert nearest.index.tolist() == [-1, -1] and np.isnan(nearest.distance).all()


def test_a_known_shift_is_the_distance_of_every_part() -> None:
    moved = replace(POSES, xy=POSES.xy + np.float32([6, 8]))
    measured = compare_poses(moved, POSES)
    for part in ("body", "face", "hands", "overall"):
        assert measured.mean(f"pose.distance_{part}") == pytest.approx(10.0, abs=1e-3)
        assert measured.mean(f"pose.missed_{part}") == 0
    torso = np.linalg.norm(POSES.xy[0, 1] - POSES.xy[0, 8])
    assert measured.mean("pose.torso_error") == pytest.approx(10 / torso, rel=1e-3)


def test_a_missed_joint_is_counted_and_takes_its_pose_out_of_the_papers_distance() -> None:
    score = POSES.score.copy()
    score[3, [4, 100, 101]] = 0
    xy = POSES.xy.copy()
    xy[3, 4] = 9999
    measured = compare_poses(replace(POSES, xy=xy, score=score), POSES)
    assert measured["pose.missed_body"][3] == 1 and measured["pose.missed_hands"][3] == 2
    assert measured["pose.missed_overall"].sum() == 3
    assert np.isnan(measured["pose.distance_body"][3]) and measured["pose.seen_distance_body"][3] == 0
    assert measured["pose.distance_face"][3] == 0


def test_points_the_truth_does_not_show_are_not_missed() -> None:
    score = POSES.score.copy()
    score[:, 25:95] = 0
    behind = replace(POSES, score=score)
    assert compare_poses(behind, behind).mean("pose.missed_face") == 0
    assert np.isnan(compare_poses(behind, behind).mean("pose.distance_face"))


def test_points_that_a_detector_never_finds_do_not_take_the_papers_distance_away() -> None:
    """No small toes, as with ours: one that is found at times still counts."""
    score = POSES.score.copy()
    toes = [INDEX["left_small_toe"], INDEX["right_small_toe"]]
    score[:, toes] = 0
    blind = replace(POSES, score=score)
    assert compare_poses(blind, blind).mean("pose.distance_body") == 0.0
    assert compare_poses(blind, blind).mean("pose.distance_overall") == 0.0
    seen_once = score.copy()
    seen_once[3, toes] = 0.9
    found = compare_poses(blind, replace(POSES, score=seen_once))["pose.distance_body"]
    assert np.isnan(found).all(), "missed in the result"


def test_heels_do_not_count() -> None:
    xy = POSES.xy.copy()
    xy[:, [21, 24]] += 50
    assert compare_poses(replace(POSES, xy=xy), POSES).mean("pose.distance_body") == 0


def test_shifted_by_one_frame_is_worse_and_frozen_worse_still() -> None:
    late = replace(POSES, xy=np.concatenate([POSES.xy[:1], POSES.xy[:-1]]))
    frozen = replace(POSES, xy=np.repeat(POSES.xy[:1], len(POSES), axis=0))
    by_one = compare_poses(late, POSES).mean("pose.distance_overall")
    assert 0.5 < by_one < 0.5 * compare_poses(frozen, POSES).mean("pose.distance_overall")


def test_different_clips_are_refused() -> None:
    with pytest.raises(InputError, match="39 frames"):
        compare_poses(POSES[:39], POSES)


def test_mask_iou() -> None:
    left, right, none = np.zeros((4, 6), bool), np.zeros((4, 6), bool), np.zeros((4, 6), bool)
    left[:, :4], right[:, 2:] = True, True
    assert mask_iou(left, right) == pytest.approx(8 / 24)
    assert mask_iou(left, left) == 1 and mask_iou(left, none) == 0 and mask_iou(none, none) == 1
