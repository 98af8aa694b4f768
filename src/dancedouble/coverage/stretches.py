"""Stretches of time: runs of frames, and words for them that do not change faster than anybody can see."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

SHORTEST_SECONDS, BRIDGE_SECONDS = 0.15, 0.3
"""Shorter lacks are noise and are dropped; shorter gaps between two lacks of one part are bridged."""
WORD_SECONDS = 0.2
"""The word for a moment is the commonest within so many seconds of it."""


def runs(values: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, end) of every run of True, end exclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def steady(words: list[str | None], fps: float) -> list[str | None]:
    """Bridge short gaps, drop short stretches, and settle each stretch's words by majority."""
    lacking = np.array([word is not None for word in words], np.bool_)
    for start, end in runs(~lacking):
        if start > 0 and end < len(words) and (end - start) <= BRIDGE_SECONDS * fps:
            lacking[start:end] = True
    for start, end in runs(lacking):
        if end - start < SHORTEST_SECONDS * fps:
            lacking[start:end] = False
    reach = max(1, round(WORD_SECONDS * fps))
    settled: list[str | None] = [None] * len(words)
    for start, end in runs(lacking):
        for frame in range(start, end):
            near = [word for word in words[max(start, frame - reach) : min(end, frame + reach + 1)] if word]
            near = near or [word for word in words[start:end] if word]
            settled[frame] = max(dict.fromkeys(near), key=near.count)
        _absorb(settled, start, end, SHORTEST_SECONDS * fps)
    return settled


def _absorb(words: list[str | None], start: int, end: int, shortest: float) -> None:
    """In one stretch of lacks, words that last shorter than ``shortest`` frames give way to those beside them."""
    while True:
        cuts = [start, *(i for i in range(start + 1, end) if words[i] != words[i - 1]), end]
        pieces = sorted((last - first, first, last) for first, last in pairwise(cuts))
        length, first, last = pieces[0]
        if len(pieces) == 1 or length >= shortest:
            return
        before = first - cuts[cuts.index(first) - 1] if first > start else -1
        after = cuts[cuts.index(last) + 1] - last if last < end else -1
        words[first:last] = [words[first - 1] if before >= after else words[last]] * length
