"""Filling what nobody ever saw of a plate."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.plate_filling import fill_smoothly, fill_unseen

SIZE = (180, 240)


def curtain() -> NDArray[np.uint8]:
    """Folds above, one every 24 pixels, and a floor below."""
    x = np.arange(SIZE[1])
    picture = np.full((*SIZE, 3), (90, 140, 60), np.uint8)
    picture[:120] = (128 + 60 * np.sin(2 * np.pi * x / 24))[None, :, None].round()
    return picture


def hole() -> NDArray[np.bool_]:
    covered = np.zeros(SIZE, bool)
    covered[30:150, 100:150] = True
    return covered


def error(picture: NDArray[np.uint8], where: NDArray[np.bool_]) -> float:
    """Mean difference from the truth, in grey levels."""
    return float(np.abs(picture.astype(float) - curtain())[where].mean())


def test_folds_and_edges_go_on_behind_the_subject() -> None:
    covered = hole()
    torn = np.where(covered[..., None], np.uint8(255), curtain())
    filled = fill_unseen(torn, covered, ~covered)
    smooth = fill_smoothly(torn.astype(np.float32), covered).round().astype(np.uint8)
    assert error(filled, covered) < 0.35 * error(smooth, covered)
    np.testing.assert_array_equal(filled[~covered], torn[~covered])


def test_pieces_are_taken_from_where_it_was_seen_well() -> None:
    covered, picture = hole(), np.full((*SIZE, 3), 100, np.uint8)
    picture[:, :60] = (255, 0, 0)
    filled = fill_unseen(picture, covered, ~covered & (np.arange(SIZE[1]) >= 60))
    np.testing.assert_array_equal(filled[covered], 100)


def test_the_light_of_a_piece_is_that_of_its_new_place() -> None:
    covered = hole()
    darker = np.linspace(1, 0.5, SIZE[1])[None, :, None]
    picture = np.full((*SIZE, 3), 200) * darker
    filled = fill_unseen(picture.round().astype(np.uint8), covered, ~covered)
    assert np.abs(filled - picture)[covered].max() < 8


@pytest.mark.parametrize("well", ["nowhere", "too-little"])
def test_with_nothing_to_take_it_is_filled_smoothly(well: str) -> None:
    covered, seen_well = hole(), np.zeros(SIZE, bool)
    if well == "too-little":
        seen_well[:8, :8] = True
    filled = fill_unseen(curtain(), covered, seen_well)
    smooth = fill_smoothly(curtain().astype(np.float32), covered)
    np.testing.assert_array_equal(filled[covered], smooth[covered].round().astype(np.uint8))


@pytest.mark.parametrize("size", [(33, 50), (7, 300), (64, 64), (5, 5)])
def test_any_size_and_a_hole_at_the_edge(size: tuple[int, int]) -> None:
    covered = np.zeros(size, bool)
    covered[: size[0] // 2, size[1] // 2 :] = True
    plate = np.full((*size, 3), 77, np.uint8)
    assert (fill_unseen(plate, covered, ~covered) == 77).all()
    everywhere = np.ones(size, bool)
    assert fill_unseen(plate, everywhere, ~everywhere).shape == plate.shape
