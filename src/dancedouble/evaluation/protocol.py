"""Which frames are learned from and which are tested: the held-out tail."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from dancedouble.errors import ClipTooShortError

TEST_SHARE = 0.2
GAP_SECONDS = 0.5
"""Left out between the two parts: the last training frames would nearly show the first test frames."""
FEWEST_TEST, FEWEST_TRAIN = 12, 24
"""Frames below which a number would mean nothing."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Frame ranges of a clip."""

    train: range
    test: range


def hold_out_tail(frames: int, fps: Fraction) -> Split:
    """The last fifth is tested, half a second before it is unused, the rest is learned from.

    Raises ClipTooShortError when too little is left of either.
    """
    first = frames - round(TEST_SHARE * frames)
    split = Split(train=range(max(0, first - round(GAP_SECONDS * fps))), test=range(first, frames))
    check_parts(len(split.train), len(split.test), f"of {frames} frames")
    return split


def check_parts(learned: int, tested: int, what: str) -> None:
    """Raises ClipTooShortError when so many of ``what`` are too few to learn from, or to test on."""
    if tested < FEWEST_TEST or learned < FEWEST_TRAIN:
        raise ClipTooShortError(
            f"holding out the clip's end leaves {learned} {what} to learn from and {tested} to test on; expected at"
            f" least {FEWEST_TRAIN} and {FEWEST_TEST}: use a longer clip that shows the person to its end"
        )
