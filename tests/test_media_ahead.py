from __future__ import annotations

from collections.abc import Generator

import pytest

from dancedouble.errors import MediaError
from dancedouble.media.ahead import ahead


def test_items_come_in_order_and_one_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Generator[int]:
        for number in range(5):
            made.append(number)
            yield number

    ahead_of = ahead(items())
    assert next(ahead_of) == 0
    assert [0, *ahead_of] == list(range(5)) == made


def test_errors_come_through_and_an_early_end_closes_the_source() -> None:
    closed = []

    def items() -> Generator[int]:
        try:
            yield 1
            yield 2
            raise MediaError("damaged")
        finally:
            closed.append(True)

    with pytest.raises(MediaError, match="damaged"):
        list(ahead(items()))
    early = ahead(items())
    next(early)
    early.close()  # type: ignore[attr-defined]
    assert closed == [True, True]
