"""Steadiness: exact zeros, known motion, and results that flicker, jump or freeze."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from dancedouble.evaluation.frame_metrics import compare_frames
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.temporal_metrics import MotionMeter, optical_flow, visible_in_both, warp
from synthetic_dancer import Studio, arm_dance, make_poses

POSES = make_poses(arm_dance(16))
STUDIO = Studio()
TRUTH = STUDIO.draw_all(POSES)


def motion(results: list[np.ndarray], truths: list[np.ndarray] = TRUTH) -> FrameTable:
    return compare_frames(results, truths, POSES[: len(results)], meters=[MotionMeter()])


def textured(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (30, 40, 3)).astype(np.uint8)
    return cv2.resize(noise, (160, 120), interpolation=cv2.INTER_CUBIC)


def test_a_static_pair_has_no_error_at_all() -> None:
    measured = motion([TRUTH[0]] * 3, [TRUTH[0]] * 3)
    for name in measured.names:
        assert np.isnan(measured[name][0])
        assert measured[name][1:].max() == 0.0


def test_flow_of_a_known_shift_and_warping_back() -> None:
    image = textured()
    moved = np.roll(image, (2, 5), axis=(0, 1))
    flow = optical_flow(image, moved)[20:-20, 20:-20]
    assert np.median(flow[..., 0]) == pytest.approx(5, abs=0.2)
    assert np.median(flow[..., 1]) == pytest.approx(2, abs=0.2)
    flow = optical_flow(image, moved)
    error = np.abs(warp(moved.astype(np.float32), flow) - image)[20:-20, 20:-20]
    assert error.mean() < 0.1 * np.abs(moved.astype(float) - image)[20:-20, 20:-20].mean()


def test_occlusion_check_rejects_what_leaves_the_frame() -> None:
    flow = np.zeros((20, 20, 2), np.float32)
    flow[:, 15:, 0] = 10
    assert not visible_in_both(flow, -flow)[:, 15:].any()
    assert visible_in_both(flow, np.zeros_like(flow))[:, :15].all()


def test_moving_truth_is_nearly_free_of_error_and_flicker_is_not() -> None:
    perfect = motion(TRUTH)
    flickering = motion([cv2.convertScaleAbs(f, alpha=1, beta=12 * (i % 2)) for i, f in enumerate(TRUTH)])
    assert perfect.mean("body.warping_error") == perfect.mean("body.warping_error_truth")
    assert flickering.mean("body.warping_error") > 2 * perfect.mean("body.warping_error")
    assert flickering.mean("background.flicker") == pytest.approx(12, abs=0.2)
    assert perfect.mean("background.flicker") == 0.0


def test_temporal_difference_sees_frozen_and_late_results() -> None:
    perfect, frozen = motion(TRUTH), motion([TRUTH[0]] * len(TRUTH))
    late = motion([TRUTH[max(0, i - 1)] for i in range(len(TRUTH))])
    assert perfect.mean("body.temporal_difference") == 0.0
    assert late.mean("body.temporal_difference") > 0.005
    assert frozen.mean("body.temporal_difference") > 0.005


def test_untouched_plate_does_not_flicker_while_the_person_moves() -> None:
    masks = [np.abs(frame.astype(int) - STUDIO.wall).sum(axis=2) > 0 for frame in TRUTH]
    with_mask = compare_frames(TRUTH, TRUTH, POSES, meters=[MotionMeter()], masks=masks)
    assert np.nanmax(with_mask["background.flicker"]) == 0.0


def test_what_follows_a_frame_without_the_person_is_not_judged() -> None:
    poses = replace(POSES, score=POSES.score.copy())
    poses.score[2] = 0
    table = compare_frames(TRUTH, TRUTH, poses, meters=[MotionMeter()])
    assert np.isnan(table["frame.warping_error"][3]) and not np.isnan(table["frame.warping_error"][4])
