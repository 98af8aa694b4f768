"""Learning somebody with the generator of somebody else to begin with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dancedouble import pipeline
from dancedouble.errors import InputError, PersonFileError
from dancedouble.person import Person, load_person, save_person
from dancedouble.training.beginning import begin_with, warm_start
from dancedouble.training.presets import preset
from dancedouble.workspace import Workspace
from untrained_person import untrained_person

SEED = 5


def apart(person: Person, other: Person) -> float:
    """Mean difference of the generators' convolution weights."""
    names = [name for name in person.weights if name.startswith("painter.") and name.endswith("0.weight")]
    return float(torch.cat([(person.weights[n] - other.weights[n]).abs().flatten() for n in names]).mean())


def test_learning_begins_with_the_other_s_generator_and_ends_with_a_person_of_its_own(
    workspace: Workspace, tmp_path: Path
) -> None:
    other = untrained_person("tiny", height=64)
    save_person(tmp_path / "other.safetensors", other)
    learned = {}
    for name, start in (("warm", tmp_path / "other.safetensors"), ("cold", None)):
        path = tmp_path / f"{name}.safetensors"
        result = pipeline.train(
            workspace.path, path, preset="tiny", size=64, steps=4, seed=SEED, warm_start=start, device="cpu"
        )
        assert result.steps == 4
        learned[name] = load_person(path)
    assert apart(learned["warm"], other) < 0.1 * apart(learned["cold"], other)
    assert apart(learned["warm"], other) > 0
    warm = learned["warm"]
    assert warm.trained["stages"] == learned["cold"].trained["stages"], "every stage is run"
    assert warm.source_sha256 == learned["cold"].source_sha256 and warm.consent != other.consent


def test_another_kind_of_generator_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(PersonFileError, match="figure"):
        warm_start(untrained_person("figure", height=64), preset("tiny", 64))
    save_person(tmp_path / "figure.safetensors", untrained_person("figure", height=64))
    with pytest.raises(PersonFileError, match="same preset"):
        pipeline.train(
            workspace.path, tmp_path / "p.safetensors", preset="tiny", steps=2, device="cpu",
            warm_start=tmp_path / "figure.safetensors",
        )  # fmt: skip


def test_going_on_and_beginning_warm_are_two_things(workspace: Workspace, tmp_path: Path) -> None:
    person = tmp_path / "doll.safetensors"
    save_person(person, untrained_person("tiny", height=64))
    with pytest.raises(InputError, match="one of them"):
        pipeline.train(workspace.path, tmp_path / "p.safetensors", start=person, warm_start=person)


def test_who_was_stopped_early_goes_on_with_the_stage_after_that() -> None:
    recipe, person = preset("swift", 64), untrained_person("tiny", height=64)
    for index in (0, 1):
        so_far = replace(recipe, stages=recipe.stages[: index + 1], face=None)
        assert begin_with(replace(person, recipe=so_far.to_dict()), recipe).stage == index + 1
