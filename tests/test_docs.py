"""What the documentation says exists: links, commands, options, make targets, weights, layers."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from dancedouble.cli.commands import app
from dancedouble.weights import WEIGHTS
from test_layers import LAYERS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`(dancedouble(?: [^`]+)?)`(?!`)")


def options_of(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("-")} | {"--help", "-h"}


def shell_commands(page: Path) -> list[str]:
    """The lines of a page's shell blocks that call dancedouble, without their comments."""
    blocks = [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == "bash"]
    lines = [line.split(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("dancedouble ")]


def section(text: str, title: str) -> str:
    return re.split(r"^## ", text.split(f"\n## {title}\n")[1], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith(("http:", "https:", "#")):
            assert (page.parent / link.split("#")[0]).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_in_shell_blocks_can_be_given(page: Path) -> None:
    for line in shell_commands(page):
        name, *arguments = shlex.split(line)[1:]
        if "--help" not in arguments:
            COMMANDS[name].make_context(name, arguments)  # raises for an unknown option or a missing argument


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_named_in_the_text_exist(page: Path) -> None:
    for text in INLINE.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        words = text.replace("\\|", "|").split()[1:]
        if words:
            assert words[0] in COMMANDS, text
            assert {word for word in words[1:] if word.startswith("-")} <= options_of(COMMANDS[words[0]]), text


def test_the_readme_shows_real_commands() -> None:
    assert {shlex.split(line)[1] for line in shell_commands(ROOT / "README.md")} >= {
        "transfer",
        "train",
        "render",
        "pose",
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_no_other(name: str) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    shared = explained_options(section(page, "On every command"))
    assert {"--json", "--device"} <= shared
    assert explained_options(section(page, name)) | shared == options_of(COMMANDS[name]) - {"--help", "-h"}


def explained_options(text: str) -> set[str]:
    """Options named in the first column of a table."""
    cells = re.findall(r"^\| (`-.*?) \|", text, re.MULTILINE)
    return set(re.findall(r"`(--?[a-z-]+)", " ".join(cells)))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_make_targets_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z]+(?: [a-z]+)*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {word for words in named for word in words.split()} <= targets, named


def test_the_readme_lists_every_weight_and_its_licence() -> None:
    rows = section((ROOT / "README.md").read_text(encoding="utf-8"), "Licences").splitlines()
    for name, weight in WEIGHTS.items():
        row = next((row for row in rows if f"`{name}`" in row), "")
        licences = re.findall(r"[A-Z]+[a-z]*-\d(?:\.\d|-Clause)?", weight.licence)
        assert licences and all(licence in row for licence in licences), name


def test_the_architecture_page_shows_the_layers_as_they_are() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = next(block for kind, block in FENCE.findall(text) if kind == "layers")
    assert tuple(tuple(line.split()) for line in shown.splitlines()) == LAYERS
