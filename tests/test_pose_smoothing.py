"""Smoothing: the paper's median rule, and gaps that stay gaps."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dancedouble.pose.keypoints import PoseSequence, empty_poses
from dancedouble.pose.smoothing import fill_gaps, find_gaps, smooth, smooth_gaussian, smooth_median


def walk(frames: int, fps: int = 30) -> PoseSequence:
    """Every point moves 1 px right per frame; point k is at y = k."""
    poses = empty_poses(frames, (480, 640), Fraction(fps))
    xy = poses.xy.copy()
    xy[..., 0] = np.arange(frames)[:, None] + 10
    xy[..., 1] = np.arange(137)
    return replace(poses, xy=xy, score=np.full_like(poses.score, 0.8), depth=xy[..., 0])


def without(poses: PoseSequence, frames: slice, points: slice | int = slice(None)) -> PoseSequence:
    score, xy = poses.score.copy(), poses.xy.copy()
    score[frames, points] = 0
    xy[frames, points] = -999
    return replace(poses, score=score, xy=xy)


def reference_median(poses: PoseSequence, window: int) -> tuple[np.ndarray, np.ndarray]:
    """The rule of the paper's program, said plainly, with windows cut at gaps and ends."""
    xy, score = poses.xy.copy(), np.zeros_like(poses.score)
    half, present = window // 2, poses.present
    for t in np.flatnonzero(present):
        first = last = t
        while first > max(t - half, 0) and present[first - 1]:
            first -= 1
        while last < min(t + half, len(poses) - 1) and present[last + 1]:
            last += 1
        for k in range(137):
            c = poses.score[first : last + 1, k]
            if np.median(c) > 0:
                seen = np.flatnonzero(c > 0) + first
                xy[t, k] = np.median(poses.xy[seen, k], axis=0)
                score[t, k] = np.median(poses.score[seen, k])
    return xy, score


@pytest.mark.parametrize("chunk", [512, 9])
def test_median_is_the_papers_rule(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dancedouble.pose.smoothing.CHUNK", chunk)
    random = np.random.default_rng(0)
    poses = walk(40)
    score = random.uniform(0.1, 1, poses.score.shape).astype(np.float32) * (random.random(poses.score.shape) > 0.45)
    score[17:20] = 0
    poses = replace(poses, score=score, xy=poses.xy + random.normal(0, 5, poses.xy.shape).astype(np.float32))
    smoothed = smooth_median(poses, 7)
    xy, expected = reference_median(poses, 7)
    np.testing.assert_allclose(smoothed.score, expected, atol=1e-6)
    np.testing.assert_allclose(smoothed.xy[expected > 0], xy[expected > 0], atol=1e-3)


def test_median_removes_a_spike_and_keeps_a_steady_walk() -> None:
    poses = walk(30)
    xy = poses.xy.copy()
    xy[15, 4] = 400
    smoothed = smooth_median(replace(poses, xy=xy))
    np.testing.assert_allclose(smoothed.xy[3:-3, 5], poses.xy[3:-3, 5])
    assert abs(smoothed.xy[15, 4] - poses.xy[15, 4]).max() <= 1


def test_median_brings_back_a_point_missed_in_two_frames_and_drops_a_flicker() -> None:
    poses = without(walk(30), slice(10, 12), 4)
    poses = without(poses, slice(0, 20), 7)
    poses = without(poses, slice(21, 30), 7)
    smoothed = smooth_median(poses)
    assert (smoothed.score[:, 4] > 0).all()
    assert smoothed.xy[10:12, 4, 0] == pytest.approx([20, 21], abs=2)
    assert not smoothed.score[:, 7].any()


@pytest.mark.parametrize("smoother", [lambda p: smooth_median(p), lambda p: smooth_gaussian(p, 2.0)])
def test_nothing_is_smeared_across_an_absence(smoother) -> None:  # type: ignore[no-untyped-def]
    poses = walk(40)
    xy = poses.xy.copy()
    xy[20:] += 300
    poses = without(replace(poses, xy=xy), slice(18, 20))
    smoothed = smoother(poses)
    assert (smoothed.present == poses.present).all()
    assert smoothed.xy[:18, :, 0].max() < 40
    assert smoothed.xy[20:, :, 0].min() > 300


def test_gaussian_smooths_noise_and_fills_a_lost_frame() -> None:
    noise = np.random.default_rng(0).normal(0, 2, (120, 137, 2)).astype(np.float32)
    clean = walk(120, fps=120)
    noisy = without(replace(clean, xy=clean.xy + noise), slice(50, 51), 3)
    smoothed = smooth_gaussian(noisy, 3.0)
    inner = slice(10, -10)
    assert np.abs(smoothed.xy[inner] - clean.xy[inner]).mean() < 0.5 * np.abs(noise[inner]).mean()
    assert smoothed.score[50, 3] == pytest.approx(0.8, abs=1e-3)
    assert abs(smoothed.xy[50, 3, 0] - 60) < 3


def test_frame_rate_picks_the_filter() -> None:
    spike = walk(31).xy.copy()
    spike[15, 0, 1] = 100
    slow, fast = (smooth(replace(walk(31, fps), xy=spike)) for fps in (30, 60))
    assert slow.xy[15, 0, 1] == 0  # a median forgets it
    assert 10 < fast.xy[15, 0, 1] < 60  # a Gaussian spreads it


def test_depth_is_smoothed_alike() -> None:
    poses = walk(20)
    depth = poses.depth.copy()
    depth[10] = 500
    assert smooth_median(replace(poses, depth=depth)).depth[10].max() < 30


def test_short_gaps_are_filled_and_counted_and_long_ones_left() -> None:
    poses = walk(60)
    for frames in (slice(0, 2), slice(10, 13), slice(30, 45), slice(59, 60)):
        poses = without(poses, frames)
    poses = without(poses, slice(13, 14), 8)
    filled = fill_gaps(poses, longest=5)
    assert (filled.filled, filled.left) == (3, 2 + 15 + 1)
    assert find_gaps(filled.poses) == [range(2), range(30, 45), range(59, 60)]
    np.testing.assert_allclose(filled.poses.xy[10:13, 5, 0], [20, 21, 22])
    assert not filled.poses.score[10:13, 8].any()  # not seen after the gap, so nobody knows
    assert (filled.poses.score[10:13, 5] == np.float32(0.8)).all()
    np.testing.assert_array_equal(filled.poses.score[14:30], poses.score[14:30])


def test_empty_poses_stay_empty() -> None:
    poses = empty_poses(10, (100, 100), Fraction(30))
    assert not smooth(poses).present.any()
    assert fill_gaps(poses, 5).left == 10


def test_bad_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        smooth_median(walk(5), 4)
    with pytest.raises(ValueError, match="above 0"):
        smooth_gaussian(walk(5), 0)
