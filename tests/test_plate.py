from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.plate import Plate, PlateBuilder
from dancedouble.plate_samples import SAMPLES, DiverseSamples, Sample
from dancedouble.pose.skeleton import POINTS, body

ROOM = np.random.default_rng(0).integers(30, 220, (9, 16, 3)).astype(np.uint8).repeat(10, 0).repeat(10, 1)
Walk = list[int]


def build(lefts: Walk, *, camera: Walk | None = None) -> Plate:
    """A 20 px wide person at x = ``lefts`` before a room that a camera pans by ``camera`` px."""
    builder = PlateBuilder()
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
    builder = PlateBuilder()
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
    builder = PlateBuilder()
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


def shaded(lefts: Walk, *, reach: int = 30) -> Plate:
    """The same walk; to the right of the person the room is half as light."""
    builder = PlateBuilder()
    for left in lefts:
        frame = ROOM.copy()
        frame[60:80, left + 20 : left + 20 + reach] //= 2
        mask = np.zeros(ROOM.shape[:2], np.uint8)
        mask[20:80, left : left + 20] = 255
        frame[mask > 0] = 255
        builder.add(frame, mask, 60.0)
    return builder.finish()


def test_the_room_is_lit_where_the_shadow_mostly_lies_but_not_always() -> None:
    """A median would keep the shadow of somebody who hardly moves."""
    standing, aside = [60] * 20, [5, 7, 9, 11]
    plate = shaded(standing + aside)
    assert difference(plate)[60:80, 85:110].mean() < 1, "lit in the few frames aside"
    assert difference(plate).mean() < 1


def test_one_bright_moment_is_not_taken_for_light() -> None:
    builder = PlateBuilder()
    for index, left in enumerate(range(5, 125, 4)):
        frame = ROOM.copy()
        if index == 7:
            frame[:15] = 255
        mask = np.zeros(ROOM.shape[:2], np.uint8)
        mask[20:80, left : left + 20] = 255
        frame[mask > 0] = 255
        builder.add(frame, mask, 60.0)
    assert difference(builder.finish()).max() == 0


def test_what_the_mask_misses_of_a_limb_does_not_stay_in_the_plate() -> None:
    """Shoes: the mask ends at the ankle, the pose does not."""
    xy, score = np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32)
    for name, point in (("left_knee", (70, 50)), ("left_ankle", (70, 76)), ("left_big_toe", (76, 79))):
        xy[body(name)], score[body(name)] = point, 1
    frame, mask = ROOM.copy(), np.zeros(ROOM.shape[:2], np.uint8)
    mask[20:74, 60:80] = 255
    frame[20:80, 60:80] = 255
    left: list[int] = []
    for pose in (None, (xy, score)):
        builder = PlateBuilder()
        for _ in range(4):
            builder.add(frame, mask, 60.0, pose)
        left.append(int((builder.finish().picture[76:79, 71:75] == 255).sum()))
    assert left[0] > 0 and left[1] == 0


def test_frames_are_kept_for_how_they_differ_however_long_the_stream() -> None:
    samples = DiverseSamples()
    for index in range(400):
        left = 60 if index != 333 else 120
        mask = np.zeros(ROOM.shape[:2], np.uint8)
        mask[20:80, left + index % 3 : left + 20] = 255
        samples.add(Sample(picture=ROOM, mask=mask, height=60.0))
    assert len(samples.kept) == SAMPLES
    assert sum(sample.mask is not None and sample.mask[50, 130] > 0 for sample in samples.kept) == 1
