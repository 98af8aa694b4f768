"""Rendering a stream: overlapped stages change nothing, and what is not the person is the plate."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from dancedouble import synthesis
from dancedouble.synthesis import Synthesizer
from untrained_person import doll_poses, untrained_person

CPU = torch.device("cpu")


def rendered(name: str) -> list[synthesis.Finished]:
    poses = doll_poses(14, seed=6)
    poses.score[5:7] = 0
    return list(Synthesizer(untrained_person(name), CPU).frames(poses))


@pytest.mark.parametrize("name", ["tiny", "figure"])
def test_stages_that_overlap_give_what_they_give_one_after_the_other(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    overlapped = rendered(name)

    def one_by_one(items: Iterable[Any], depth: int = 0) -> Iterator[Any]:
        return iter(items)

    def mapped(function: Callable[[Any], Any], items: Iterable[Any], depth: int = 0) -> Iterator[Any]:
        return map(function, items)

    monkeypatch.setattr(synthesis, "read_ahead", one_by_one)
    monkeypatch.setattr(synthesis, "in_a_thread", mapped)
    for together, alone in zip(overlapped, rendered(name), strict=True):
        np.testing.assert_array_equal(together.frame, alone.frame)
        np.testing.assert_array_equal(together.alpha, alone.alpha)


def test_what_is_not_covered_is_the_plate_bit_for_bit() -> None:
    plate = untrained_person("tiny").plate
    for number, (frame, alpha) in enumerate(rendered("tiny")):
        np.testing.assert_array_equal(frame[alpha == 0], plate[alpha == 0])
        assert (number in (5, 6)) == (not alpha.any())
        assert (alpha == 0).mean() > 0.1


def test_a_stream_is_taken_as_it_is_asked_for() -> None:
    taken = []
    renderer = Synthesizer(untrained_person(), CPU)
    poses = doll_poses(60, seed=6)

    def wishes() -> Iterator[synthesis.Wish | None]:
        for wish in renderer._wishes(poses):
            taken.append(wish)
            yield wish

    frames = renderer.stream(wishes())
    for number, _frame in zip(range(10), frames, strict=False):
        assert len(taken) <= number + 6
    frames.close()  # type: ignore[attr-defined]
    assert len(taken) < 20
