"""What swift begins with: the generator that comes with the package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dancedouble.errors import WeightsError
from dancedouble.models.painter import Painter
from dancedouble.training import start
from dancedouble.training.presets import preset, tiny
from dancedouble.training.start import first_beginning, save_start
from training_world import make_workspace, trainer


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Painter:
    """A generator of the toy size in the place of the shipped one."""
    torch.manual_seed(3)
    painter = Painter(tiny(64).stages[0].generator)
    save_start(tmp_path / "start.safetensors", painter)
    monkeypatch.setattr(start, "SHIPPED", tmp_path / "start.safetensors")
    return painter


def test_swift_comes_with_its_start_and_the_paper_s_presets_begin_with_nothing() -> None:
    recipe = preset("swift")
    begun = first_beginning(recipe)
    Painter(recipe.stages[0].generator).load_state_dict(begun.weights["painter"])
    assert start.SHIPPED.stat().st_size < 5e6
    for name in ("edn", "edn-global", "figure"):
        assert not first_beginning(preset(name)).weights


def test_learning_begins_with_the_shipped_generator_and_keeps_to_it_at_first(shipped: Painter, tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    apart = []
    for recipe in (replace(tiny(64), start="crowd"), tiny(64)):
        learned = trainer(workspace, recipe, steps=5).run().person.weights
        known = shipped.state_dict()
        names = [name for name in known if name.endswith("0.weight")]
        apart.append(sum(float((learned[f"painter.{name}"] - known[name]).abs().mean()) for name in names))
    assert apart[0] < 0.1 * apart[1]


def test_weights_are_kept_in_half_precision_and_tell_runs_apart(shipped: Painter) -> None:
    begun = first_beginning(replace(tiny(64), start="crowd"))
    for name, value in shipped.state_dict().items():
        assert begun.weights["painter"][name].dtype == value.dtype
        torch.testing.assert_close(begun.weights["painter"][name], value, rtol=1e-3, atol=1e-5)
    assert begun.identity and begun.identity != first_beginning(tiny(64)).identity


def test_another_generator_is_refused(shipped: Painter) -> None:
    recipe = replace(preset("figure", 64), start="crowd")
    with pytest.raises(WeightsError, match=r"start\.safetensors.*figure"):
        first_beginning(recipe)
