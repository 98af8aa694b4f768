from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.plate import Plate, PlateBuilder

ROOM = np.random.default_rng(0).integers(30, 220, (9, 16, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
Walk = list[int]


def build(lefts: Walk, *, camera: Walk | None = None) -> Plate:
    """A 20 px wide person at x = ``lefts`` before a room that a camera pans by ``camera`` px."""
    builder = PlateBuilder(len(lefts))
    for index, left in enumerate(lefts):
        frame = np.roll(ROOM, 0 if camera is None else camera[index], axis=1)
        mask = np.zeros(ROOM.shape[:2], np.uint8)
        mask[20:80, left : left + 20] = 255
        frame[mask > 0] = 255
        builder.add(frame, mask, 60.0)
    return builder.finish()


def difference(plate: Plate) -> NDArray[np.float64]:
    error: NDArray[np.float64] = np.abs(plate.picture.astype(np.float64) - ROOM).mean(axis=2)
    return error


def test_the_room_behind_a_walking_person_is_found_exactly() -> None:
    plate = build(list(range(5, 125, 4)))
    assert difference(plate).max() == 0
    assert plate.unseen == 0


def test_what_is_always_hidden_is_painted_in_and_counted() -> None:
    plate = build([60] * 10)
    hidden = np.zeros(ROOM.shape[:2], bool)
    hidden[20:80, 60:80] = True
    assert plate.unseen == pytest.approx(hidden.mean())
    assert difference(plate)[~hidden].max() == 0
    assert plate.picture[hidden].max() < 255, "the person must not stay in the plate"


def test_absent_subjects_leave_the_whole_frame_to_see() -> None:
    builder = PlateBuilder(3)
    for _ in range(3):
        builder.add(ROOM, None, 0.0)
    assert difference(builder.finish()).max() == 0


def test_a_moving_camera_is_measured_and_a_still_one_is_not() -> None:
    lefts = list(range(5, 125, 4))
    assert build(lefts).drift < 0.005
    assert build(lefts, camera=[index // 2 for index in range(len(lefts))]).drift > 0.04


def test_a_moving_camera_is_measured_before_a_plain_wall_too() -> None:
    """The outline of the person's mask, the strongest edge there is, does not move with the camera."""
    wall = np.full((240, 400, 3), 190, np.uint8)
    wall[180:] = 110
    wall[40:90, 60:110], wall[60:180, 250:300], wall[20:50, 330:380] = 90, 60, 140
    builder = PlateBuilder(30)
    mask = np.zeros((240, 320), np.uint8)
    mask[60:220, 140:180] = 255
    for index in range(30):
        frame = wall[:, index : index + 320].copy()
        frame[mask > 0] = 255
        builder.add(frame, mask, 160.0)
    plate = builder.finish()
    assert plate.drift == pytest.approx(29 / 320, rel=0.1)
    beside = plate.picture[:, 190:290].astype(int) - wall[:, 15 + 190 : 15 + 290]
    assert np.abs(beside).mean() < 3, "the frames are brought together before the median is taken"
