from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.steadying import Background, Steadier, moved_back, unseen

SIZE = (180, 320)
ROOM: NDArray[np.uint8] = (
    np.random.default_rng(0).integers(40, 220, (12, 20, 3)).astype(np.uint8).repeat(20, 0).repeat(20, 1)
)
"""A tiled wall, larger than the picture."""


def view(x: int, y: int, person: int = 150) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """What a camera that has moved by (-x, -y) sees, with somebody at column ``person``, and where they are."""
    frame = ROOM[30 - y : 30 - y + SIZE[0], 40 - x : 40 - x + SIZE[1]].copy()
    covered = np.zeros(SIZE, bool)
    covered[40:170, person : person + 30] = True
    frame[covered] = 255
    return frame, covered


def test_a_fixed_camera_is_left_as_it_is() -> None:
    steadier = Steadier()
    for person in range(100, 200, 7):
        frame, covered = view(0, 0, person)
        assert steadier.look(frame, covered) == (0, 0)
        assert moved_back(frame, (0, 0)) is frame
    assert steadier.drift < 0.2


def test_a_hand_held_clip_is_brought_together_by_whole_pixels() -> None:
    steadier = Steadier()
    first = view(0, 0)[0]
    for x, y in ((0, 0), (3, -2), (7, 1), (-5, 4), (12, -9)):
        frame, covered = view(x, y, 150 + x)
        assert steadier.look(frame, covered) == (x, y)
        known = ~(unseen(SIZE, (x, y)) | (moved_back(covered * np.uint8(255), (x, y)) > 0) | view(0, 0, 150)[1])
        np.testing.assert_array_equal(moved_back(frame, (x, y))[known], first[known])
    assert steadier.drift == pytest.approx(np.hypot(17, 13), abs=0.5)


def test_a_pan_is_not_followed_without_end() -> None:
    steadier = Steadier()
    moves = [steadier.look(*view(x, 0)) for x in range(0, 40, 4)]
    assert moves[3] == (12, 0) and moves[-1] == (16, 0), "5 % of the width at most"
    assert steadier.drift == pytest.approx(36, abs=1), "and what was measured is what is warned of"


def test_a_camera_that_is_carried_along_is_measured_and_not_evened_out() -> None:
    steadier = Steadier()
    for x in range(0, 24, 4):
        frame, covered = view(x, 0)
        frame[:60], frame[60:120] = view(0, 0)[0][:60], view(x // 2, 0)[0][60:120]  # far, nearer, near
        move = steadier.look(frame, covered)
    assert move[0] <= 2, "no more than while it could still be taken for one movement"
    assert steadier.drift == pytest.approx(10, abs=4), "the median point's"


def test_somebody_else_who_walks_by_is_not_the_room() -> None:
    plain = np.full((*SIZE, 3), 170, np.uint8)
    nobody = np.zeros(SIZE, bool)
    walker = ROOM[:120, :60]

    def passing(left: int) -> NDArray[np.uint8]:
        frame = plain.copy()
        frame[40:160, left : left + 60] = walker
        return frame

    assert Background(passing(100), nobody).shift(passing(108), nobody) is None
    steadier = Steadier()
    assert [steadier.look(passing(left), nobody) for left in (100, 104, 108)] == [(0, 0)] * 3


def test_a_plain_wall_tells_nothing() -> None:
    plain, nobody = np.full((*SIZE, 3), 170, np.uint8), np.zeros(SIZE, bool)
    assert Background(plain, nobody).shift(plain, nobody) is None
