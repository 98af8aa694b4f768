"""A stand-in for ``dancedouble.pipeline``: same verbs, no work. Also run as a program, to be interrupted:

python tests/fake_pipeline.py SCENARIO ARGUMENTS...      the command line on this pipeline
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

from dancedouble.errors import Cancelled
from dancedouble.progress import OnProgress, Progress, ignore_progress
from dancedouble.results import (
    CheckResult,
    EvaluateResult,
    ExportResult,
    InfoResult,
    LiveResult,
    PersonListing,
    Plan,
    PoseResult,
    PrepareResult,
    RenderResult,
    TrainResult,
    TransferResult,
)

PLAN = Plan(poses=9.0, training=120.0, rendering=6.0, size=256, preset="swift")

WEIGHT = {"licence": "Apache-2.0", "origin": "MediaPipe", "here": True}


class FakePipeline(ModuleType):
    """Records each call as (verb, positional, named); ``before`` may raise, report or wait in its place."""

    def __init__(self, before: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        super().__init__("dancedouble.pipeline")
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.before = before

    def record(self, verb: str, positional: tuple[Any, ...], named: dict[str, Any]) -> None:
        self.calls.append((verb, positional, {name: named[name] for name in named if name != "on_progress"}))
        if self.before is not None:
            self.before(verb, named)

    def transfer(self, source: Path, target: Path, output: Path, **named: Any) -> TransferResult:
        self.record("transfer", (source, target, output), named)
        output = Path(output)
        state = output.with_suffix(".dancedouble")
        return TransferResult(
            output=output,
            frames=200,
            fps=Fraction(25),
            seconds={"poses": 9.04, "training": 120.0},
            warnings=["the camera moves"],
            gaps=3,
            person=state / "person.safetensors",
            workspace=state,
            steps=812,
            stopped=False,
            plan=PLAN,
        )

    def render(self, person: Path, source: Path, output: Path, **named: Any) -> RenderResult:
        self.record("render", (person, source, output), named)
        fps = Fraction(30000, 1001)
        return RenderResult(output=output, frames=200, fps=fps, seconds={"rendering": 4.0}, warnings=[], gaps=0)

    def prepare(self, video: Path, workspace: Path, **named: Any) -> PrepareResult:
        self.record("prepare", (video, workspace), named)
        return prepared(workspace)

    def prepare_dataset(self, folder: Path, workspace: Path, **named: Any) -> PrepareResult:
        self.record("prepare_dataset", (folder, workspace), named)
        return prepared(workspace)

    def import_checkpoint(self, folder: Path, person: Path, **named: Any) -> TrainResult:
        self.record("import_checkpoint", (folder, person), named)
        return TrainResult(person=person, steps=0, seconds={"reading": 0.4}, stopped=False, losses={})

    def train(self, workspace: Path, person: Path, **named: Any) -> TrainResult:
        self.record("train", (workspace, person), named)
        return TrainResult(person=person, steps=500, seconds={"training": 61.0}, stopped=True, losses={})

    def live(self, person: Path, source: Path | int, **named: Any) -> LiveResult:
        self.record("live", (person, source), named)
        return LiveResult(output=named.get("output"), frames=200, missed=24, fps=17.6, seconds={"live": 11.3})

    def export(self, person: Path, folder: Path, **named: Any) -> ExportResult:
        self.record("export", (person, folder), named)
        return ExportResult(output=folder, files=["networks.json", "painter.onnx"], networks=["painter"])

    def pose(self, video: Path, output: Path, **named: Any) -> PoseResult:
        self.record("pose", (video, output), named)
        return PoseResult(output=output, frames=200, gaps=0, people=2, seconds={"poses": 8.0}, warnings=[])

    def compare(self, result: Path, truth: Path, **named: Any) -> dict[str, Any]:
        self.record("compare", (result, truth), named)
        means = {"body.ssim": 0.9, "body.lpips_alex": 0.08}
        return {"frames": 200, "transfer": means, "nearest_frame": {"body.ssim": 0.8, "body.lpips_alex": 0.2}}

    def check(self, source: Path, target: Path, **named: Any) -> CheckResult:
        self.record("check", (source, target), named)
        span = {"start": 2.0, "end": 3.5, "part": "left arm", "reason": "above the head", "frame": 60, "nearest": 12}
        findings = {
            "covered": 0.72, "uncovered": [span], "footage": [], "summary": "72 % of this dance is covered.",
            "lacking": [{"part": "left arm", "reason": "above the head", "share": 0.28}], "hardest": [2.5],
            "expected_lpips": None,
        }  # fmt: skip
        return CheckResult(findings=findings, sheet=named.get("sheet"), warnings=[])

    def evaluate(self, subject: Path, output: Path, **named: Any) -> EvaluateResult:
        self.record("evaluate", (subject, output), named)
        metrics = {"body.lpips_alex": {"mean": 0.1, "low": 0.09, "high": 0.12}, "body.ssim": {"mean": None}}
        content = {
            "headline": "swift: LPIPS (alex), body 0.100.", "worst": {"of": "body.lpips_alex", "moments": []},
            "methods": [{"title": "swift", "metrics": metrics}, {"title": "no numbers", "metrics": {}}],
        }  # fmt: skip
        return EvaluateResult(content=content, report=output / "report.json", page=output / "report.html")

    def people(self, video: Path, **named: Any) -> list[PersonListing]:
        self.record("people", (video,), named)
        return [PersonListing(number=1, share=0.98, height=410.0), PersonListing(number=2, share=0.4, height=200.0)]

    def info(
        self, path: Path | None = None, preset: str | None = None, weights: Path | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> InfoResult:  # fmt: skip
        self.record("info", (), {"path": path, "preset": preset, "weights": weights})
        return InfoResult({"version": "0.1.0", "weights": {"pose_detection": WEIGHT}})


def prepared(workspace: Path) -> PrepareResult:
    return PrepareResult(
        workspace=workspace, frames=300, usable=290, gaps=10, person_height=412.6, warnings=[], seconds={"poses": 12.0}
    )


def learn_until_stopped(verb: str, named: Mapping[str, Any]) -> None:
    """Learning as the pipeline does it: a cancel ends it, then the picture is made, which takes a while too."""
    on_progress = named["on_progress"]
    step = 0
    try:
        while True:
            step += 1
            on_progress(Progress(stage="training", done=step, total=10_000, unit="steps", seconds=step * 0.02))
            print("learning", file=sys.stderr, flush=True) if step == 1 else time.sleep(0.02)
    except Cancelled:
        if verb != "transfer":
            raise
    for frame in range(1, 6):
        on_progress(Progress(stage="rendering", done=frame, total=5))
        time.sleep(0.02)


def hang(verb: str, named: Mapping[str, Any]) -> None:
    """Work that never reports again."""
    print("learning", file=sys.stderr, flush=True)
    time.sleep(60)


SCENARIOS = {"learn": learn_until_stopped, "hang": hang}

if __name__ == "__main__":
    sys.modules["dancedouble.pipeline"] = FakePipeline(SCENARIOS[sys.argv[1]])
    from dancedouble.cli import main

    sys.exit(main(sys.argv[2:]))
