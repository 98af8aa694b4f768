from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dancedouble.pose.keypoints import empty_poses
from dancedouble.rendering.crop import CropWindow, body_boxes, crop_scale, plan_windows, whole_frame
from pose_fixtures import Camera, dance, film


def test_a_cut_shows_the_region_and_repeats_the_edge() -> None:
    frame = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    inside = CropWindow(2, 1, (4, 4), (4, 4)).cut(frame)
    np.testing.assert_array_equal(inside, frame[1:5, 2:6])
    over = CropWindow(-2, -1, (4, 4), (4, 4)).cut(frame)
    np.testing.assert_array_equal(over[1:, 2:], frame[:3, :2])
    np.testing.assert_array_equal(over[0], over[1])
    outside = CropWindow(100, 100, (4, 4), (4, 4)).cut(frame)
    np.testing.assert_array_equal(outside, np.broadcast_to(frame[-1, -1], (4, 4, 3)))


def test_points_land_on_the_pixels_they_were_on() -> None:
    frame = np.zeros((100, 100), np.uint8)
    frame[40:44, 60:64] = 255
    window = CropWindow(40, 20, (60, 40), (30, 20))
    spot = np.argwhere(window.cut(frame) > 200).mean(axis=0)[::-1] + 0.5
    np.testing.assert_allclose(window.to_crop(np.array([62, 42], np.float32)), spot, atol=0.5)


def test_visible_slices_paste_a_crop_back_where_it_was_cut() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (50, 60), np.uint8)
    window = CropWindow(-5, 30, (40, 32), (40, 32))
    rows, columns, inner_rows, inner_columns = window.visible((50, 60))
    np.testing.assert_array_equal(window.cut(frame)[inner_rows, inner_columns], frame[rows, columns])


def test_windows_share_a_size_in_sixteens_and_hold_the_subject() -> None:
    poses = film(dance(60, wander=0.5), camera=Camera(size=(360, 480), focal=500))
    windows = plan_windows(poses, crop_scale(poses, 256))
    assert len({window.size for window in windows}) == 1
    assert windows[0].size[0] % 16 == windows[0].size[1] % 16 == 0
    assert abs(windows[0].size[0] - 256) <= 48
    boxes = np.clip(body_boxes(poses), 0, [480, 360, 480, 360])
    held = [
        w.left <= b[0] and w.top <= b[1] and b[2] <= w.left + w.region[1] and b[3] <= w.top + w.region[0]
        for w, b in zip(windows, boxes, strict=True)
    ]
    assert np.mean(held) > 0.9


def test_windows_stay_inside_the_frame() -> None:
    poses = film(dance(60, wander=1.5), camera=Camera(size=(300, 200), focal=900))
    for window in plan_windows(poses, 0.5):
        assert window.region[0] <= 300 + 32 and window.region[1] <= 200 + 32
        assert window.left >= min(0, 200 - window.region[1]) and window.top >= min(0, 300 - window.region[0])
        assert window.left + window.region[1] <= max(200, window.region[1])


def test_windows_move_smoothly_through_frames_without_the_subject() -> None:
    poses = film(dance(60), camera=Camera(size=(360, 480), focal=500))
    poses.score[20:30] = 0
    windows = plan_windows(poses, 1.0)
    steps = np.abs(np.diff([(w.left, w.top) for w in windows], axis=0)).max()
    assert steps < 15


def test_nobody_and_whole_frames_have_windows_too() -> None:
    assert len(plan_windows(empty_poses(5, (100, 100), Fraction(30)), 1.0)) == 5
    windows = whole_frame((720, 1280), (256, 512), 3)
    assert len(windows) == 3
    assert windows[0].scale == pytest.approx([0.4, 0.3556], abs=1e-3)
