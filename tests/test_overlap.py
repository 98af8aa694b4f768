from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from dancedouble.overlap import in_a_thread, read_ahead


def same(items: Iterable[int]) -> Iterator[int]:
    return in_a_thread(lambda item: item, items)


@pytest.mark.parametrize("stage", [read_ahead, same])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_stage_keeps_every_item_in_order(stage: Callable[[Iterable[int]], Iterator[int]], count: int) -> None:
    assert list(stage(iter(range(count)))) == list(range(count))


def test_a_stage_holds_few_items_of_a_long_stream() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    for number in in_a_thread(lambda item: item, read_ahead(items(), depth=3), depth=2):
        assert len(made) <= number + 3 + 2 + 2


def test_making_and_using_overlap() -> None:
    # Each side waits for the other to be at work: done one after the other, neither would ever go on.
    meeting = threading.Barrier(2, timeout=20)

    def items() -> Iterator[int]:
        yield 0
        meeting.wait()
        yield 1

    for number in read_ahead(items()):
        if number == 0:
            meeting.wait()


def test_two_threads_work_at_once_and_keep_the_order() -> None:
    meeting = threading.Barrier(2, timeout=20)

    def together(number: int) -> int:
        meeting.wait()
        return number

    assert list(in_a_thread(together, range(6), threads=2)) == list(range(6))


def test_an_error_comes_out_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    got: list[int] = []
    with pytest.raises(OSError, match="gone"):
        collect(read_ahead(items()), got)
    assert got == [1]

    got.clear()
    with pytest.raises(ZeroDivisionError):
        collect(in_a_thread(lambda number: 6 // number, [3, 2, 0, 1]), got)
    assert got == [2, 3]


def collect(numbers: Iterator[int], got: list[int]) -> None:
    for number in numbers:
        got.append(number)


def test_a_consumer_that_stops_closes_the_source_and_ends_the_threads() -> None:
    closed = []

    def items() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    before = threading.active_count()
    stream = in_a_thread(lambda item: item, read_ahead(items()))
    assert next(stream) == 0
    stream.close()  # type: ignore[attr-defined]
    assert closed == [True]
    assert threading.active_count() == before
