"""Doing the next thing while the last one is used."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Generator[Item]) -> Iterator[Item]:
    """The same items, each made in another thread while the one before it is used: for decoding, which needs no Python.

    What ``items`` raises is raised here. At most one item is held.
    """
    nothing = object()
    try:
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(next, items, nothing)
            while (item := coming.result()) is not nothing:
                coming = thread.submit(next, items, nothing)
                yield item  # type: ignore[misc]
    finally:
        items.close()
