"""The held-out tail."""

from __future__ import annotations

from fractions import Fraction

import pytest

from dancedouble.errors import ClipTooShortError
from dancedouble.evaluation.protocol import check_parts, hold_out_tail


def test_the_tail_is_contiguous_and_a_gap_lies_before_it() -> None:
    split = hold_out_tail(1000, Fraction(30))
    assert split.test == range(800, 1000) and split.train == range(785)
    split = hold_out_tail(400, Fraction(24000, 1001))
    assert split.test.stop == 400 and split.test.start - split.train.stop == 12


def test_a_clip_too_short_is_refused() -> None:
    with pytest.raises(ClipTooShortError, match="45 frames"):
        hold_out_tail(45, Fraction(25))


def test_frames_without_the_person_do_not_count() -> None:
    with pytest.raises(ClipTooShortError, match="leaves 300 frames that show the person to learn from and 11 to test"):
        check_parts(300, 11, "frames that show the person")
