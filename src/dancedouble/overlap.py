"""Work on one item while the one before is still being used: the stages of a stream, each in a thread of its own.

Both functions keep the order and hold a few items at most, so memory does not grow with the stream. An error in a
stage comes out where its item would have; a consumer that stops early leaves no thread behind.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(items: Iterable[Item], depth: int = 2) -> Generator[Item]:
    """The same items, up to ``depth`` of them made in a thread before they are asked for."""
    source = iter(items)
    end = object()
    pending: deque[Future[Item | object]] = deque()
    thread = ThreadPoolExecutor(1)
    try:
        pending.extend(thread.submit(next, source, end) for _ in range(depth))
        while (item := pending.popleft().result()) is not end:
            pending.append(thread.submit(next, source, end))
            yield item  # type: ignore[misc]
    finally:
        thread.shutdown(cancel_futures=True)
        if close := getattr(source, "close", None):
            close()


def in_a_thread(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int = 1, threads: int = 1
) -> Iterator[Result]:
    """``map``, with ``function`` running in ``threads`` up to ``depth`` items behind the making of the items."""
    source = iter(items)
    pending: deque[Future[Result]] = deque()
    thread = ThreadPoolExecutor(threads)
    try:
        for item in source:
            pending.append(thread.submit(function, item))
            if len(pending) > depth:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        thread.shutdown(cancel_futures=True)
        if close := getattr(source, "close", None):
            close()
