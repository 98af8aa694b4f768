"""Rendering a stream: overlapped stages change nothing, each frame sees the one before, what is bare is the plate."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dancedouble import synthesis
from dancedouble.dataset import picture_to_tensor
from dancedouble.engine import TorchEngine
from dancedouble.models.layers import Layers, composite
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.recipe import recipe_from_dict
from dancedouble.rendering.crop import plan_windows
from dancedouble.rendering.limb_maps import CHANNELS
from dancedouble.synthesis import Synthesizer, _evened
from dancedouble.training.step import carried
from pose_fixtures import Body, dance, film
from untrained_person import CAMERA, FPS, doll_poses, untrained_person

CPU = torch.device("cpu")


def dance_with_a_gap() -> PoseSequence:
    poses = doll_poses(14, seed=6)
    poses.score[5:7] = 0
    return poses


def rendered(name: str) -> list[synthesis.Finished]:
    return list(Synthesizer(untrained_person(name), CPU).frames(dance_with_a_gap()))


class Witness(TorchEngine):
    """Remembers what each frame was painted beside, and what was painted; it leaves faces as they are."""

    def __init__(self, person: Person) -> None:
        super().__init__(person, CPU)
        self.has_face = False
        self.seen: list[Layers | None] = []
        self.painted: list[Layers] = []

    def paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        self.seen.append(previous)
        self.painted.append(super().paint(label, references, previous))
        return self.painted[-1]


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


@pytest.mark.parametrize("name", ["tiny", "figure"])
def test_each_frame_is_painted_seeing_the_finished_one_before(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it lies over the plate, and not across a gap; with real pixels it is carried along limb by limb."""
    given: list[tuple[Layers, Tensor | None]] = []

    def witnessed(previous: Layers, grid: Tensor | None) -> Layers:
        given.append((previous, grid))
        return carried(previous, grid)

    monkeypatch.setattr(synthesis, "carried", witnessed)
    person, poses = untrained_person(name), dance_with_a_gap()
    engine = Witness(person)
    assert len(list(Synthesizer(person, engine).frames(poses))) == 14
    assert len(engine.seen) == 12, "of the 14, nobody is in two"
    assert [number for number, seen in enumerate(engine.seen) if seen is None] == [0, 5], "first, and after the gap"
    windows, shown = plan_windows(poses, person.scale), np.flatnonzero(poses.present)
    for number, (previous, grid) in zip([*range(4), *range(5, 11)], given, strict=True):
        plate = picture_to_tensor(windows[shown[number]].cut(person.plate))[None]
        torch.testing.assert_close(previous.rgb, composite(engine.painted[number], plate))
        torch.testing.assert_close(previous.alpha, engine.painted[number].alpha)
        assert (grid is not None) == (name == "tiny")


def test_a_shadow_darkens_the_window_and_nothing_beyond_it() -> None:
    person = untrained_person()
    dark = {**person.weights, "painter.network.shadow.bias": torch.full((1,), -3.0)}
    poses = film(dance(3, float(FPS), seed=6), Body(), replace(CAMERA, distance=8.0))  # far away: a small window
    frames = Synthesizer(replace(person, weights=dark), CPU).frames(poses)
    for window, finished in zip(plan_windows(poses, person.scale), frames, strict=True):
        rows, columns = window.visible(person.size)[:2]
        inside = np.zeros(person.size, bool)
        inside[rows, columns] = True
        assert 0.1 < inside.mean() < 0.9
        bare = inside & (finished.alpha == 0)
        assert (finished.frame[bare] <= person.plate[bare]).all()
        assert finished.frame[bare].mean() < 0.8 * person.plate[bare].mean()
        np.testing.assert_array_equal(finished.frame[~inside], person.plate[~inside])


def test_the_person_has_the_detail_of_the_large_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    bank = untrained_person("tiny").bank
    assert bank is not None and max(bank.ratio) > synthesis.WORTH_RESTORING
    detailed = rendered("tiny")
    monkeypatch.setattr(synthesis, "WORTH_RESTORING", np.inf)
    for number, (fine, plain) in enumerate(zip(detailed, rendered("tiny"), strict=True)):
        np.testing.assert_array_equal(fine.alpha, plain.alpha)
        apart = np.abs(fine.frame.astype(int) - plain.frame)
        assert not apart[fine.alpha == 0].any()
        assert number in (5, 6) or apart[fine.alpha == 255].max() > 5


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
