"""What ``import dancedouble`` gives: these names, quickly, and the version that is installed."""

from __future__ import annotations

import importlib.metadata
import inspect
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dancedouble
from dancedouble.cli import main
from fake_pipeline import FakePipeline
from test_docs import COMMANDS

ROOT = Path(__file__).parents[1]
VERBS = ("check", "evaluate", "export", "info", "live", "people", "prepare", "render", "train", "transfer")


def test_the_public_names() -> None:
    assert dancedouble.__all__ == sorted(dancedouble.__all__)
    assert set(VERBS) <= set(dancedouble.__all__)
    for name in dancedouble.__all__:
        assert getattr(dancedouble, name) is not None
    assert set(dir(dancedouble)) >= set(dancedouble.__all__)


@pytest.mark.parametrize("verb", [*VERBS, "pose"])
def test_verbs_are_typed_documented_and_take_options_by_name(verb: str) -> None:
    function = getattr(dancedouble.pipeline, verb)
    signature = inspect.signature(function)
    assert function.__doc__
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty, parameter
    if verb not in {"info", "people"}:
        assert "on_progress" in signature.parameters


def test_verbs_up_here_are_those_of_the_pipeline() -> None:
    assert all(getattr(dancedouble, verb) is getattr(dancedouble.pipeline, verb) for verb in VERBS)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="waltz"):
        dancedouble.waltz  # noqa: B018


def test_the_version_is_told_alike_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert dancedouble.__version__ == project["version"] == importlib.metadata.version("dancedouble")


def test_importing_it_loads_nothing_heavy_and_prints_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); import dancedouble; after = set(sys.modules) - before;"
        "heavy = {name.split('.')[0] for name in after} - set(sys.stdlib_module_names) - {'dancedouble'};"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_type_checkers_are_told_that_it_is_typed() -> None:
    assert (ROOT / "src" / "dancedouble" / "py.typed").is_file()


def test_the_example_script_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakePipeline()
    monkeypatch.setitem(sys.modules, "dancedouble.pipeline", fake)
    out = tmp_path / "out.mp4"
    monkeypatch.setattr(sys, "argv", ["transfer.py", "dance.mp4", "me.mp4", str(out), "me", "30"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "examples" / "transfer.py"), run_name="__main__")
    assert ended.value.code == 0
    assert fake.calls[0][2] == {"budget": 30.0, "layout": "side-by-side", "consent": "me"}
    assert str(out) in capsys.readouterr().out


EVERY_OPTION = (
    "transfer a b -o c --budget 1m --preset p --layout strip --size 9 --person 1 --target-person 1 --retarget limbs"
    " --frames 0:9 --sound s --fps 25 --consent me --seed 1 --warm-start d --device cpu",
    "prepare a -o b --consent me --person 1 --poses p --device cpu",
    "prepare --edn-dataset a -o b --consent me --person 1 --device cpu",
    "train a -o b --budget 1m --preset p --steps 9 --start c --warm-start d --ablation fbf --frames 0:9 --size 9"
    " --seed 1 --precision full --save-memory --tensorboard --device cpu",
    "render a b -o c --frames 0:9 --layout strip --alpha --retarget limbs --person 1 --sound s --fps 25 --device cpu",
    "pose a -o b --openpose c --figures d --smoothing paper --person 1 --fps 25 --device cpu",
    "live a b -o c --retarget limbs --device cpu",
    "export a -o b --format onnx --device cpu",
    "import-checkpoint a -o b --workspace c --device cpu",
    "check a b --sheet c --person 1 --target-person 1 --device cpu",
    "evaluate a -o b --budget 1m --preset p --steps 9 --size 9 --seed 1 --source a --truth b --result c"
    " --result-poses d --person 1 --frames 0:9 --retarget limbs --detector heavy --device cpu",
    "info a --picture b --device cpu",
    "info --preset p",
    "info --weights a",
    "demo -o {folder} --budget 1m --seed 1 --device cpu",
)
OF_ALL = {"--help", "--json", "--quiet", "--debug"}
"""How a command talks: nothing that a verb is told."""


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_of_a_command_is_forgotten_above(name: str) -> None:
    spelt = {each: max(parameter.opts, key=len) for parameter in COMMANDS[name].params for each in parameter.opts}
    words = [word for command in EVERY_OPTION if command.split()[0] == name for word in command.split()]
    named = {spelt[word] for word in words if word.startswith("-")}
    assert named == {option for option in spelt.values() if option.startswith("--")} - OF_ALL


@pytest.mark.parametrize("command", EVERY_OPTION, ids=lambda command: command.split()[0])
def test_the_command_line_calls_the_verbs_as_they_are(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = dancedouble.pipeline
    fake = FakePipeline()
    monkeypatch.setitem(sys.modules, "dancedouble.pipeline", fake)
    monkeypatch.setattr(dancedouble, "pipeline", fake)
    monkeypatch.setattr("dancedouble.cli.demo.find_clip", Path)
    assert main([*command.format(folder=tmp_path).split(), "--json"]) == 0
    for verb, positional, named in fake.calls:
        inspect.signature(getattr(real, verb)).bind(*positional, **named)
