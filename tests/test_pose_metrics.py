"""Pose distance, missed detections and the nearest-neighbour baseline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancedouble.evaluation.pose_metrics import nearest_frames
from dancedouble.pose.keypoints import empty_poses
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
