"""The commands around a person file: dancing live, for other programs, from other programs. ``commands`` adds them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dancedouble.cli import describe
from dancedouble.cli.options import (
    DebugOption,
    DeviceOption,
    ExportFormat,
    JsonOption,
    PersonFileArgument,
    QuietOption,
    RetargetOption,
    argument,
    given,
    option,
)
from dancedouble.cli.session import Session
from dancedouble.progress import OnProgress

if TYPE_CHECKING:
    from dancedouble.results import ExportResult, LiveResult, TrainResult


def live(
    person: PersonFileArgument,
    source: Annotated[
        str | None, argument("[SOURCE]", "Who dances: the number of a camera, 0 unless given, or a video.")
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "-o", metavar="OUT", meaning="A video (.mp4), or - for a stream; a window unless given."),
    ] = None,
    retarget: RetargetOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """A person file and a camera → the person dancing what you dance, a moment later."""
    if json and output == Path("-"):
        raise typer.BadParameter("the stream goes to standard output, so the result cannot", param_hint="--json")

    def work(on_progress: OnProgress) -> LiveResult:
        from dancedouble import pipeline

        where = 0 if source is None else int(source) if source.isdecimal() else Path(source)
        return pipeline.live(
            person, where, **given(output=output, retarget=retarget, device=device), on_progress=on_progress
        )

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.live)


def export(
    person: PersonFileArgument,
    output: Annotated[Path, option("--output", "-o", metavar="DIR", meaning="The folder to write.")],
    format: Annotated[ExportFormat | None, option("--format", meaning="What reads it: onnx unless given.")] = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """A person's networks for other programs, with a description and a frame to try them on."""

    def work(on_progress: OnProgress) -> ExportResult:
        from dancedouble import pipeline

        return pipeline.export(person, output, **given(format=format), on_progress=on_progress)

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.export)


def import_checkpoint(
    folder: Annotated[Path, argument("DIR", "A checkpoint folder of the paper's authors: latest_net_G.pth, ….")],
    output: Annotated[
        Path, option("--output", "-o", metavar="PERSON.safetensors", meaning="The person file to write.")
    ],
    workspace: Annotated[
        Path, option("--workspace", metavar="WORKSPACE", meaning="Footage of the same person, from `prepare`.")
    ],
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """A checkpoint of the paper's authors → a person file, to be rendered, or trained further with `train --start`."""

    def work(on_progress: OnProgress) -> TrainResult:
        from dancedouble import pipeline

        return pipeline.import_checkpoint(folder, output, workspace=workspace, on_progress=on_progress)

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.train)
