"""Rendering a stream: overlapped stages change nothing, and what is not the person is the plate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dancedouble import synthesis
from dancedouble.models.painter import Painter
from dancedouble.recipe import recipe_from_dict
from dancedouble.rendering.limb_maps import CHANNELS
from dancedouble.synthesis import Synthesizer, _evened
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
    for number, (frame, alpha, *_) in enumerate(rendered("tiny")):
        np.testing.assert_array_equal(frame[alpha == 0], plate[alpha == 0])
        assert (number in (5, 6)) == (not alpha.any())
        assert (alpha == 0).mean() > 0.1


def test_the_generator_is_shown_the_room_behind_the_person() -> None:
    person = untrained_person("tiny")
    shown = Synthesizer(person, CPU).own_frame()
    room = shown["label"][:, CHANNELS:]
    assert room.shape[1] == 3 and shown["label"].shape[1] == person.recipe["stages"][-1]["generator"]["maps"]
    torch.testing.assert_close(room, F.avg_pool2d(shown["plate"], 4), atol=0.01, rtol=0)


def test_persons_who_were_learned_without_the_room_still_render() -> None:
    """Recipes of before say nothing of the plate, nor of the gain of shades, nor of polish."""
    torch.manual_seed(0)
    person = untrained_person("tiny")
    recipe = copy.deepcopy(person.recipe)
    del recipe["conditioning"]["plate"]
    for stage in recipe["stages"]:
        stage["generator"]["maps"] = CHANNELS
        del stage["generator"]["shade_gain"], stage["generator"]["polish"]
    painter = Painter(recipe_from_dict(recipe).final.generator)
    weights = {name: value for name, value in person.weights.items() if name.startswith("face.")}
    weights |= {f"painter.{name}": value for name, value in painter.state_dict().items()}
    frames = list(Synthesizer(replace(person, recipe=recipe, weights=weights), CPU).frames(doll_poses(3, seed=6)))
    assert len(frames) == 3 and all(frame.alpha.any() for frame in frames)


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


def test_an_outline_painted_in_cells_is_evened_and_what_is_thin_stays() -> None:
    alpha = np.zeros((1, 1, 40, 40), np.float32)
    for row in range(40):
        alpha[0, 0, row, 20 + (row % 4 < 2) :] = 1  # a step of a pixel twice in every cell
    steps = _evened(torch.from_numpy(alpha))[0, 0, 6:-6].numpy().sum(1)
    assert np.ptp(steps) < 0.01 and np.ptp(alpha.sum(-1)) == 1
    thin = torch.zeros(1, 1, 40, 40)
    thin[..., 18:21] = 1
    np.testing.assert_allclose(_evened(thin)[0, 0, :, 19], 1)
    for level in (0.0, 1.0):
        np.testing.assert_allclose(_evened(torch.full((1, 1, 8, 8), level)), level, atol=1e-6)
