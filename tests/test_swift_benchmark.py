"""The benchmark of ``swift``: its table from finished cells, its rows, its rates."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancedouble.evaluation.frame_metrics import FramePair
from dancedouble.media.image import read_image, write_image
from dancedouble.models.painter import Painter
from dancedouble.recipe import recipe_from_dict
from dancedouble.rendering.crop import CropWindow
from dancedouble.training.presets import preset

FRAMES = 8


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module; its parts stand beside it."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return import_module("swift")


def module(name: str) -> Any:
    return sys.modules[name]


def cell(
    benchmark: Any, method: str, lpips: list[float], *, minutes: float = 5, seed: int = 0, synthetic: bool = True,
    **learned: Any,
) -> Any:  # fmt: skip
    columns: dict[str, list[float | None]] = {
        "body.lpips_alex": [*lpips], "body.ssim": [0.75] * len(lpips), "person.psnr": [21.5] * len(lpips),
        "body.warping_error": [None, *[0.002] * (len(lpips) - 1)],
        "body.warping_error_truth": [None, *[0.001] * (len(lpips) - 1)], "background.flicker": [0.0] * len(lpips),
    }  # fmt: skip
    return benchmark.Cell(
        clip="A-B", method=method, minutes=minutes, seed=seed, size=128, title=method, synthetic=synthetic,
        tests={"dance": {"protocol": "", "frames": len(lpips), "every": 1, "size": [200, 160], "columns": columns}},
        learned={"commit": "abc", "machine": {"cpu": "a slow one", "cores": 2, "torch": "2"}, **learned},
    )  # fmt: skip


def rows(text: str) -> dict[str, list[str]]:
    cells = [[part.strip() for part in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {each[0]: each for each in cells}


def test_shares_are_taken_on_the_frames_that_both_have(benchmark: Any) -> None:
    nearest = cell(benchmark, "nearest", [0.2] * 4 + [0.6] * 4, minutes=0)
    short = cell(benchmark, "edn-global", [0.3] * 4, steps=7)
    figure, swift = cell(benchmark, "figure", [0.8] * FRAMES), cell(benchmark, "swift", [0.2] * FRAMES, steps=200)
    text = benchmark.markdown([swift, figure, short, nearest], list(benchmark.methods()))
    found = rows(text)
    head = found["method"]
    assert list(found)[2:] == ["nearest", "figure", "edn-global", "swift"]
    assert found["swift"][head.index("body LPIPS")] == "0.2000"
    assert found["swift"][head.index("of nearest")] == "50 %" and found["swift"][head.index("of figure")] == "25 %"
    assert found["edn-global"][head.index("of nearest")] == "150 %"
    assert found["nearest"][head.index("min")] == "–" and found["swift"][head.index("steps")] == "200"
    assert found["swift"][head.index("face LPIPS")] == "–" and found["swift"][head.index("body SSIM")] == "0.750"
    assert "edn-global: the first 4 frames alone" in text and "(synthetic)" in text and "a slow one" in text


def test_seeds_are_averaged_and_budgets_are_not(benchmark: Any) -> None:
    cells = [cell(benchmark, "swift", [value] * 4, minutes=minutes, seed=seed)
             for minutes, seed, value in ((2, 0, 0.4), (5, 0, 0.1), (5, 1, 0.3))]  # fmt: skip
    text = benchmark.markdown(cells, list(benchmark.methods()))
    assert "| swift | 2 | – | – | 0.4000 |" in text and "| swift (2 seeds) | 5 | – | – | 0.2000 |" in text


def test_cells_are_found_again_and_a_broken_one_is_made_anew(benchmark: Any, tmp_path: Path) -> None:
    kept = cell(benchmark, "swift", [0.1, 0.2], steps=3)
    kept.write(tmp_path)
    path = benchmark.cell_path(tmp_path, 128, "A-B", "figure", 5, 0)
    path.write_text("{")
    assert benchmark.read_cells(tmp_path, 128) == [kept] and benchmark.read_cells(tmp_path, 256) == []
    assert kept.path(tmp_path).is_file() and not np.isnan(kept.table("dance").mean("body.warping_error"))


def test_real_people_are_on_no_strip(benchmark: Any, tmp_path: Path) -> None:
    real = cell(benchmark, "swift", [0.1], synthetic=False)
    with pytest.raises(SystemExit, match="real people are never shown"):
        benchmark.strip_sheet([real], ["swift"], tmp_path, tmp_path / "sheet.jpg")
    shown = cell(benchmark, "swift", [0.1])
    strip = np.full((40, 90, 3), 90, np.uint8)
    for path in (shown.path(tmp_path).with_suffix(".dance.jpg"), benchmark.truth_strip(shown, tmp_path, "dance")):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, strip)
    benchmark.strip_sheet([real, shown], ["swift"], tmp_path, tmp_path / "sheet.jpg")
    assert read_image(tmp_path / "sheet.jpg").shape == (80, 90, 3)


def test_every_ablation_lacks_something_and_can_be_built(benchmark: Any) -> None:
    recipes = {name: method.recipe(64) for name, method in benchmark.methods().items() if method.recipe}
    lacking = {name: recipe for name, recipe in recipes.items() if name.startswith("swift-")}
    assert {"swift-no-adversary", "swift-no-temporal", "swift-no-perceptual", "swift-no-references"} <= set(lacking)
    texts = {name: json.dumps(recipe.to_dict()) for name, recipe in {**lacking, "swift": preset("swift", 64)}.items()}
    assert len(set(texts.values())) == len(texts)
    for name, recipe in lacking.items():
        assert recipe_from_dict(recipe.to_dict()) == recipe, name
        assert Painter(recipe.final.generator) is not None
    assert recipes["swift-no-face"].face is None and not any(
        s.adversarial for s in recipes["swift-no-adversary"].stages
    )


def test_rates_come_from_the_log_of_the_stages(benchmark: Any, tmp_path: Path) -> None:
    recipe = preset("swift", 64)
    first, second = (stage.name for stage in recipe.stages)
    log = [(10, 5.0, first), (40, 20.0, second), (45, 24.0, second), (50, 30.0, "face"), (60, 31.0, "face")]
    lines = [json.dumps({"steps": s, "seconds": t, "stage": name, "losses": {}}) for s, t, name in log]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n")
    found = benchmark.speed(tmp_path / "log.jsonl", recipe)
    assert found["stage_steps"] == {first: 40, second: 10, "face": 10}
    batches = [stage.batch for stage in recipe.stages]
    assert found["frames_per_second"] == pytest.approx(2 * (40 * batches[0] + 10 * batches[1]) / 30, abs=0.01)


def test_a_whole_row_of_the_script_is_chosen_by_patterns(benchmark: Any) -> None:
    assert benchmark.matches("swift-no-face", ["figure", "swift-no-*"]) and not benchmark.matches("swift", ["swift-*"])
    assert benchmark.known_clips(Path("nowhere"), None) == []


def test_the_room_flickers_where_the_window_is_not(benchmark: Any) -> None:
    size = (60, 40)
    windows = [CropWindow(10, 20, (30, 20), (60, 40)), CropWindow(12, 20, (30, 20), (60, 40))]

    def flicker(*changed: tuple[int, int]) -> list[dict[str, float]]:
        pictures = np.zeros((2, 30, 20, 3), np.uint8)
        for row, column in changed:
            pictures[1, row, column] = 99
        nothing: dict[str, Any] = {"body": None, "face": None, "face_points": None, "mask": None}
        meter = benchmark.RoomMeter(windows, size)
        return [meter.measure(FramePair(index=i, result=p, truth=p, **nothing)) for i, p in enumerate(pictures)]

    assert flicker() == flicker((12, 6), (20, 15)) == [{}, {"room.flicker": 0.0}]
    assert flicker((2, 3))[1]["room.flicker"] > 0
