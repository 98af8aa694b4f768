"""The layers of the package: imports point down only, in the order of docs/architecture.md."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
PACKAGE = SRC / "dancedouble"

LAYERS = (
    ("errors", "progress", "files", "overlap", "allocation"),
    ("weights", "media", "pose"),
    ("devices", "rendering", "models", "perception"),
    (
        "steadying", "plate_samples", "plate_filling", "plate_shadows", "plate", "capture", "recipe", "conditioning",
        "workspace", "person", "checkpoint",
    ),
    ("preparation", "occlusion", "pose_features", "references", "dataset", "subject"),
    ("provenance", "coverage", "evaluation", "training"),
    ("deployment", "openvino_runtime", "engine", "synthesis", "exporting", "live_dance", "delivery", "live_view"),
    ("assessment", "results", "planning", "description", "rendition", "performance", "transfer_state", "pipeline"),
    ("cli", "__main__"),
)  # fmt: skip
"""Units from the lowest layer to the highest; in a layer, a unit may import those that stand before it."""

RANK = {unit: rank for rank, unit in enumerate(unit for layer in LAYERS for unit in layer)}
LAYER = {unit: rank for rank, layer in enumerate(LAYERS) for unit in layer}
ENTRANCE = "__init__"
"""The package's own face: loads the pipeline when a verb is used."""


def modules(package: Path) -> dict[str, Path]:
    """Dotted name → file of every module below ``package``."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path], *, type_checking: bool = False) -> Iterator[str]:
    """The modules of the package that ``path`` imports, also in functions; typing-only ones on request."""
    root = next(iter(known)).split(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in typing_only and not type_checking:
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; the layers are told by full names"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in known else str(node.module) for name in names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == root)


def unit(module: str) -> str:
    """``dancedouble.pose.tracking`` → ``pose``; the package itself is its entrance."""
    return [*module.split("."), ENTRANCE][1]


def upward(package: Path) -> list[str]:
    """Every import that does not point down."""
    known = modules(package)
    found = []
    for module, path in known.items():
        here = unit(module)
        for other in imports(path, known, type_checking=True):
            there = unit(other)
            if {here, there} <= set(RANK) and here != there and RANK[there] >= RANK[here]:
                found.append(f"{module} imports {other}")
    return found


def cycle(package: Path) -> list[str] | None:
    """Modules that import each other in a ring when they are loaded, or None."""
    known = modules(package)
    graph = {
        module: {other for other in imports(path, known) if other in known and other != module}
        for module, path in known.items()
        if unit(module) != ENTRANCE
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def test_every_unit_has_its_layer() -> None:
    units = {unit(module) for module in modules(PACKAGE)} - {ENTRANCE}
    missing = units - set(RANK)
    assert not missing, "place these in LAYERS, and in docs/architecture.md"


def test_imports_point_down() -> None:
    assert not upward(PACKAGE)


def test_no_import_cycles() -> None:
    assert cycle(PACKAGE) is None


@pytest.mark.parametrize("name", ["media", "pose"])
def test_media_and_pose_never_import_torch(name: str) -> None:
    for path in (PACKAGE / name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            assert "torch" not in [found.split(".")[0] for found in names], f"{path}:{node.lineno}"


def test_importing_media_and_pose_loads_no_torch() -> None:
    names = [name for name in modules(PACKAGE) if unit(name) in {"media", "pose"}]
    code = "\n".join(["import sys", *(f"import {name}" for name in names), "print('torch' in sys.modules)"])
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr


def test_models_touch_no_files_and_no_command_line() -> None:
    for path in (PACKAGE / "models").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert ".cuda(" not in text and "argparse" not in text and "pathlib" not in text, path


def test_command_line_knows_only_the_pipeline() -> None:
    known = modules(PACKAGE)
    allowed = {"pipeline", "results", "errors", "progress", "cli", ENTRANCE}
    for module, path in known.items():
        if unit(module) == "cli":
            others = {unit(other) for other in imports(path, known, type_checking=True)}
            assert others <= allowed, f"{module} imports {others - allowed}"


def make_package(folder: Path, files: dict[str, str]) -> Path:
    package = folder / "dancedouble"
    for name, text in {"__init__.py": "", **files}.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return package


def test_an_upward_import_is_seen(tmp_path: Path) -> None:
    package = make_package(tmp_path, {"errors.py": "", "media.py": "def f():\n    from dancedouble import workspace\n"})
    (package / "workspace.py").write_text("from dancedouble.errors import x\n")
    assert upward(package) == ["dancedouble.media imports dancedouble.workspace"]


def test_a_cycle_is_seen(tmp_path: Path) -> None:
    package = make_package(
        tmp_path,
        {
            "pose/__init__.py": "",
            "pose/a.py": "from dancedouble.pose import b",
            "pose/b.py": "import dancedouble.pose.a",
        },
    )
    assert set(cycle(package) or ()) == {"dancedouble.pose.a", "dancedouble.pose.b"}
