"""Shadows that never leave one place of the floor."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.plate_shadows import lift_shadows

Picture = NDArray[np.uint8]
HORIZON, HEIGHT = 40, 100.0


def floor() -> Picture:
    """A tiled floor with a dark mat on it, below a wall with a dark picture."""
    picture = np.full((120, 200, 3), (150, 120, 90), np.uint8)
    picture[HORIZON::16] = picture[HORIZON:, ::20] = (110, 90, 70)
    picture[90:105, 20:60] = (60, 30, 30)
    picture[:HORIZON] = 170
    picture[10:25, 90:120] = 40
    noise = np.random.default_rng(0).normal(0, 1.5, picture.shape)
    return (picture + noise).clip(0, 255).astype(np.uint8)


def shadowed(centres: list[tuple[int, int]], blur: float) -> tuple[Picture, Picture, NDArray[np.float32]]:
    """The floor in each sample's shadow, how light it is, and the factor (N, H, W) by which it is darker."""
    pictures, lights, factors = [], [], []
    for index, centre in enumerate(centres):
        shadow = np.zeros((120, 200), np.float32)
        cv2.ellipse(shadow, centre, (48, 24), 0, 0, 360, 1.0, cv2.FILLED)
        factor = 1 - 0.5 * cv2.GaussianBlur(shadow, (0, 0), blur)
        noise = np.random.default_rng(index + 1).normal(0, 1.5, (120, 200, 3))
        picture = (floor() * factor[..., None] + noise).clip(0, 255).astype(np.uint8)
        pictures.append(picture)
        lights.append(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        factors.append(factor)
    return np.stack(pictures), np.stack(lights), np.stack(factors)


@pytest.mark.parametrize(("blur", "left"), [(0.8, 0.1), (3.0, 0.4)])
def test_what_every_sample_shows_in_shadow_is_lit_as_the_floor_around_it(blur: float, left: float) -> None:
    centres = [(100 + dx, 75 + dy) for dx in (-22, -8, 8, 22) for dy in (-9, 0, 9)]
    pictures, light, factors = shadowed(centres, blur)
    plate = pictures.max(axis=0)
    always = factors.max(axis=0) < 0.7
    assert always.sum() > 300
    before = np.abs(plate.astype(int) - floor())[always].mean()
    lifted = lift_shadows(plate, pictures, np.ones(light.shape, bool), light, HORIZON, HEIGHT)
    assert np.abs(lifted.astype(int) - floor())[always].mean() < left * before
    lit = factors.max(axis=0) > 0.97
    assert np.abs(lifted.astype(int) - plate)[lit].mean() < 0.5, "tiles, mat and wall stay as they are"


def test_shadows_on_a_wall_and_floors_without_any_are_left_alone() -> None:
    pictures, light, _factors = shadowed([(100, 75)] * 6, 1.0)
    plate = pictures.max(axis=0)
    bare = np.ones(light.shape, bool)
    assert np.array_equal(lift_shadows(plate, pictures, bare, light, 115, HEIGHT), plate), "above the horizon"
    calm = np.stack([floor()] * 6)
    grey = np.stack([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in calm])
    assert np.array_equal(lift_shadows(floor(), calm, bare, grey, HORIZON, HEIGHT), floor())
