"""Limb-coordinate maps."""

from __future__ import annotations

import numpy as np
import pytest

from dancedouble.pose.skeleton import INDEX, POINTS
from dancedouble.rendering.limb_maps import CHANNELS, LIMBS, limb_maps

NAMES = [limb.name for limb in LIMBS]


def forearm(start: tuple[float, float], end: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    xy, score = np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32)
    xy[INDEX["right_elbow"]], xy[INDEX["right_wrist"]] = start, end
    score[[INDEX["right_elbow"], INDEX["right_wrist"]]] = 1
    return xy, score


def test_nobody_is_drawn_as_nothing() -> None:
    maps = limb_maps(np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32), (32, 24), 20)
    assert maps.shape == (CHANNELS, 32, 24) and maps.dtype == np.float32
    assert not maps.any()


def test_a_limb_says_how_far_along_and_across_it_each_pixel_is() -> None:
    xy, score = forearm((10.5, 20.5), (30.5, 20.5))
    maps = limb_maps(xy, score, (40, 40), 60)
    weight, along, across = maps[3 * NAMES.index("right_forearm") :][:3]
    assert weight[20, 20] == pytest.approx(1) and weight[20, 10] == pytest.approx(1)
    assert weight[26, 20] == pytest.approx(np.exp(-36 / (2 * 3**2)), rel=1e-4)
    assert along[20, 10] == pytest.approx(0, abs=1e-6) and along[20, 25] == pytest.approx(0.75)
    assert across[20, 20] == pytest.approx(0, abs=1e-6)
    assert across[22, 20] == pytest.approx(-across[18, 20]) and abs(across[22, 20]) > 0.2


def test_limbs_with_an_undetected_end_stay_empty() -> None:
    xy, score = forearm((10, 20), (30, 20))
    maps = limb_maps(xy, score, (40, 40), 60)
    drawn = {NAMES[i] for i in range(len(LIMBS)) if maps[3 * i].any()}
    assert drawn == {"right_forearm"}
    assert not maps[3 * len(LIMBS) :].any()


def test_moving_the_pose_moves_the_maps() -> None:
    random = np.random.default_rng(0)
    xy = random.uniform(8, 24, (POINTS, 2)).astype(np.float32)
    score = np.ones(POINTS, np.float32)
    near, far = limb_maps(xy, score, (48, 48), 30), limb_maps(xy + np.array([5, 3]), score, (48, 48), 30)
    np.testing.assert_allclose(near[:, :40, :40], far[:, 3:43, 5:45], atol=1e-4)


def test_fingers_and_face_are_drawn_where_their_points_are() -> None:
    xy, score = np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32)
    xy[25:], score[25:] = (12.5, 7.5), 1
    small = limb_maps(xy, score, (32, 32), 60)[3 * len(LIMBS) :]
    assert len(small) == 15
    for channel in small:
        assert np.unravel_index(channel.argmax(), channel.shape) == (7, 12)
    xy[25:] = (-40, 300)
    assert not limb_maps(xy, score, (32, 32), 60)[3 * len(LIMBS) :].any()


def test_anything_but_one_pose_is_refused() -> None:
    with pytest.raises(ValueError, match="137"):
        limb_maps(np.zeros((25, 2), np.float32), np.zeros(25, np.float32), (32, 32), 60)
