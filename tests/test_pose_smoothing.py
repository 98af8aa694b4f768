"""Smoothing: the paper's median rule, and gaps that stay gaps."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dancedouble.pose.keypoints import PoseSequence, empty_poses
from dancedouble.pose.smoothing import (
    fill_gaps,
    find_gaps,
    smooth,
    smooth_as_paper,
    smooth_gaussian,
    smooth_median,
    smooth_one,
)


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


def swing(frames: int, fps: int = 30, swings: float = 1.5) -> PoseSequence:
    """Every point goes 60 px to and fro, ``swings`` times a second."""
    poses = walk(frames, fps)
    poses.xy[..., 0] = 300 + 60 * np.sin(2 * np.pi * swings * np.arange(frames) / fps)[:, None]
    return poses


@pytest.mark.parametrize("chunk", [512, 9])
@pytest.mark.parametrize("fps", [16, 30, 60])
def test_parabolas_follow_a_swing_that_a_median_cuts_off(chunk: int, fps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dancedouble.pose.smoothing.CHUNK", chunk)
    true = swing(3 * fps, fps)
    noise = np.random.default_rng(0).normal(0, 2, true.xy.shape).astype(np.float32)
    inner = slice(fps // 2, -fps // 2)
    ours, medians = (
        np.abs(smoother(replace(true, xy=true.xy + noise)).xy[inner, :, 0] - true.xy[inner, :, 0])
        for smoother in (smooth, smooth_median)
    )
    assert ours.mean() < min(medians.mean(), np.abs(noise).mean())
    assert ours.max() < medians.max()


def test_parabolas_are_the_weighted_fit_of_loess() -> None:
    random = np.random.default_rng(1)
    poses = replace(walk(21), xy=random.normal(300, 0.01, (21, 137, 2)).astype(np.float32))  # nothing is an outlier
    there = random.random((21, 137)) > 0.3
    poses = replace(poses, score=(0.8 * there).astype(np.float32))
    smoothed = smooth(poses)
    for frame, point in ((10, 3), (10, 40), (0, 8), (20, 100), (4, 77)):
        away = (np.arange(21) - frame) / (30 / 6)
        weight = np.clip(1 - np.abs(away) ** 3, 0, None) ** 3
        seen = weight * there[:, point]
        if seen.sum() < weight.sum() / 2:
            assert smoothed.score[frame, point] == 0
            continue
        curve = np.polyfit(away, poses.xy[:, point, 1], 2, w=np.sqrt(seen))
        assert smoothed.xy[frame, point, 1] == pytest.approx(curve[2], abs=2e-3)
        assert smoothed.score[frame, point] == pytest.approx(0.8)


def test_parabolas_keep_a_steady_walk_forget_a_spike_and_bring_back_a_lost_point() -> None:
    poses = walk(30)
    xy = poses.xy.copy()
    xy[15, 4] = 400
    smoothed = smooth(without(replace(poses, xy=xy), slice(10, 12), 9))
    np.testing.assert_allclose(smoothed.xy[:, 5], poses.xy[:, 5], atol=1e-2)
    assert abs(smoothed.xy[12:19, 4] - poses.xy[12:19, 4]).max() < 0.5
    np.testing.assert_allclose(smoothed.xy[10:12, 9], poses.xy[10:12, 9], atol=0.5)
    flicker = without(without(walk(30), slice(0, 14), 7), slice(15, 30), 7)
    assert not smooth(flicker).score[:, 7].any()


def test_one_row_is_that_row_of_the_whole() -> None:
    noise = np.random.default_rng(2).normal(0, 3, (20, 137, 2)).astype(np.float32)
    poses = without(replace(walk(20), xy=walk(20).xy + noise), slice(12, 14))
    for frame in (0, 7, 11, 12, 14, 19):
        for name in ("xy", "score", "depth"):
            one, whole = getattr(smooth_one(poses, frame), name), getattr(smooth(poses), name)[[frame]]
            np.testing.assert_allclose(one * poses.present[frame], whole, atol=1e-3)


def test_looks_at_every_other_frame_become_poses_of_all() -> None:
    true = swing(61, 30)
    looks = replace(true[::2], fps=Fraction(15))
    filled = smooth(looks, 2)
    assert filled.fps == 30 and len(filled) == 61
    straight = (looks.xy[:-1, 0, 0] + looks.xy[1:, 0, 0]) / 2
    inner = slice(2, -2)
    assert np.abs(filled.xy[1::2, 0, 0] - true.xy[1::2, 0, 0])[inner].max() < 0.6 * (
        np.abs(straight - true.xy[1::2, 0, 0])[inner].max()
    )
    gone = smooth(without(looks, slice(10, 20)), 2)
    assert (gone.present == ((np.arange(61) <= 18) | (np.arange(61) >= 40))).all()


def test_the_last_look_is_held_to_the_end() -> None:
    filled = smooth(walk(4, 8), 3, 12)
    assert len(filled) == 12 and filled.fps == 24
    np.testing.assert_array_equal(filled.xy[9:], filled.xy[[9]].repeat(3, 0))
    assert (filled.score[9:] > 0).all()


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


@pytest.mark.parametrize("smoother", [smooth, smooth_median, lambda p: smooth_gaussian(p, 2.0)])
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
    slow, fast = (smooth_as_paper(replace(walk(31, fps), xy=spike)) for fps in (30, 60))
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
    assert (filled.present & ~poses.present).sum() == 3 and (~filled.present).sum() == 2 + 15 + 1
    assert find_gaps(filled) == [range(2), range(30, 45), range(59, 60)]
    np.testing.assert_allclose(filled.xy[10:13, 5, 0], [20, 21, 22])
    assert not filled.score[10:13, 8].any()  # not seen after the gap, so nobody knows
    assert (filled.score[10:13, 5] == np.float32(0.8)).all()
    np.testing.assert_array_equal(filled.score[14:30], poses.score[14:30])


def test_empty_poses_stay_empty() -> None:
    poses = empty_poses(10, (100, 100), Fraction(30))
    assert not smooth(poses).present.any() and len(smooth(poses)) == 10
    assert not smooth_as_paper(poses).present.any()
    assert (~fill_gaps(poses, 5).present).sum() == 10


def test_bad_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        smooth_median(walk(5), 4)
    with pytest.raises(ValueError, match="above 0"):
        smooth_gaussian(walk(5), 0)
