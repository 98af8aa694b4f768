"""The commands that judge: footage before anyone trains, results afterwards. ``commands`` adds them to the program."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from dancedouble.cli import describe
from dancedouble.cli.options import (
    BudgetOption,
    DebugOption,
    DeviceOption,
    FramesOption,
    JsonOption,
    PersonOption,
    PresetOption,
    QuietOption,
    RetargetOption,
    SeedOption,
    SizeOption,
    SourceArgument,
    StepsOption,
    TargetPersonOption,
    argument,
    given,
    option,
)
from dancedouble.cli.session import Session
from dancedouble.progress import OnProgress

if TYPE_CHECKING:
    from dancedouble.results import CheckResult, EvaluateResult


class Detector(StrEnum):
    """Which pose detector looks at the results."""

    FULL = "full"
    HEAVY = "heavy"


def check(
    source: SourceArgument,
    target: Annotated[Path, argument("TARGET", "Footage of who is to dance it: video, poses, workspace, person file.")],
    sheet: Annotated[
        Path | None,
        option("--sheet", metavar="FILE.png", meaning="Also write a picture: what lacks beside the nearest filmed."),
    ] = None,
    person: PersonOption = None,
    target_person: TargetPersonOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """What in a dance the target's footage never showed, and what to film: before anyone trains."""

    def work(on_progress: OnProgress) -> CheckResult:
        from dancedouble import pipeline

        return pipeline.check(
            source, target, **given(sheet=sheet, person=person, target_person=target_person), on_progress=on_progress
        )

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.check)


def evaluate(
    subject: Annotated[Path, argument("WORKSPACE|PERSON", "What to learn and test; or a person who has danced.")],
    output: Annotated[Path, option("--output", "-o", metavar="DIR", meaning="The folder to write the report into.")],
    budget: BudgetOption = None,
    preset: PresetOption = None,
    steps: StepsOption = None,
    size: SizeOption = None,
    seed: SeedOption = None,
    source: Annotated[
        Path | None, option("--source", metavar="SOURCE", meaning="The dance: with --truth, or with --result.")
    ] = None,
    truth: Annotated[
        Path | None,
        option("--truth", metavar="VIDEO", meaning="The person of WORKSPACE really dancing it: tested on this."),
    ] = None,
    result: Annotated[
        Path | None, option("--result", metavar="VIDEO", meaning="A finished transfer of PERSON to judge.")
    ] = None,
    result_poses: Annotated[
        Path | None,
        option(
            "--result-poses",
            metavar="POSES",
            meaning="What another detector found in it: OpenPose JSON, .npz; or a folder of these, by method.",
        ),
    ] = None,
    person: PersonOption = None,
    frames: FramesOption = None,
    retarget: RetargetOption = None,
    detector: Annotated[
        Detector | None,
        option("--detector", meaning="What finds the poses of results; by default what did in footage or dance."),
    ] = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """How good it is, measured on footage held out, beside the baselines: report.json and report.html.

    Each method that learns gets the whole --budget, or --steps. The same command goes on after a kill.
    """

    def work(on_progress: OnProgress) -> EvaluateResult:
        from dancedouble import pipeline

        return pipeline.evaluate(
            subject, output,
            **given(
                budget=budget, preset=preset, steps=steps, size=size, seed=seed, source=source, truth=truth,
                result=result, result_poses=result_poses, person=person, frames=frames, retarget=retarget,
                detector=detector, device=device,
            ),
            on_progress=on_progress,
        )  # fmt: skip

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.evaluate)
