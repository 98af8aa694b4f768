"""The commands: each parses, calls its one verb of :mod:`dancedouble.pipeline`, and says what came of it.

The library is imported inside the commands, so that ``--help`` and mistakes in a command answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dancedouble.cli import assess, describe, persons
from dancedouble.cli.demo import Demo, run_demo
from dancedouble.cli.options import (
    Ablation,
    BudgetOption,
    ConsentOption,
    DebugOption,
    DeviceOption,
    FramesOption,
    JsonOption,
    LayoutOption,
    PersonFileArgument,
    PersonOption,
    Precision,
    PresetOption,
    QuietOption,
    RateOption,
    RetargetOption,
    SeedOption,
    SizeOption,
    Smoothing,
    SoundOption,
    SourceArgument,
    StepsOption,
    TargetArgument,
    TargetPersonOption,
    VideoArgument,
    WarmStartOption,
    argument,
    given,
    option,
)
from dancedouble.cli.session import Session
from dancedouble.progress import OnProgress

if TYPE_CHECKING:
    from dancedouble.results import (
        InfoResult,
        PoseResult,
        PrepareResult,
        RenderResult,
        TrainResult,
        TransferResult,
    )

app = typer.Typer(
    name="dancedouble",
    help="Film yourself for half a minute, pick a dance video, and watch yourself dance it.",
    epilog="Only learn people who agreed. Every video of a person says that it is synthetic.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

WHOLE, STAGES, ABOUT = "The whole job", "Stage by stage", "Looking around"


def show_version(wanted: bool) -> None:
    if wanted:
        from dancedouble import __version__

        typer.echo(f"dancedouble {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", "-V", is_eager=True, callback=show_version, help="Print the version.")
    ] = False,
) -> None:
    """Film yourself for half a minute, pick a dance video, and watch yourself dance it."""


@app.command(rich_help_panel=WHOLE)
def transfer(
    source: SourceArgument,
    target: TargetArgument,
    output: Annotated[Path, option("--output", "-o", metavar="OUT.mp4", meaning="The video to write.")],
    budget: BudgetOption = None,
    preset: PresetOption = None,
    layout: LayoutOption = None,
    size: SizeOption = None,
    person: PersonOption = None,
    target_person: TargetPersonOption = None,
    retarget: RetargetOption = None,
    frames: FramesOption = None,
    sound: SoundOption = None,
    fps: RateOption = None,
    consent: ConsentOption = None,
    seed: SeedOption = None,
    warm_start: WarmStartOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Dance video and casual video in, the second person dancing out: prepare, train, render.

    Stopped or killed, the same command goes on. Ctrl-C while it learns: the video is made with what it has.
    """

    def work(on_progress: OnProgress, consent: str | None) -> TransferResult:
        from dancedouble import pipeline

        return pipeline.transfer(
            source, target, output,
            **given(
                budget=budget, preset=preset, layout=layout, size=size, person=person,
                target_person=target_person, retarget=retarget, frames=frames, sound=sound, fps=fps,
                consent=consent, seed=seed, warm_start=warm_start, device=device,
            ),
            on_progress=on_progress,
        )  # fmt: skip

    Session(json=json, quiet=quiet, debug=debug).run_with_consent(work, consent, describe.transfer)


@app.command(rich_help_panel=WHOLE)
def demo(
    output: Annotated[
        Path | None,
        option("--output", "-o", metavar="DIR", meaning="The folder to write; demo unless given."),
    ] = None,
    budget: BudgetOption = None,
    seed: SeedOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """The whole job on the bundled clips of two synthetic people, with side-by-side, pose film, report."""

    def work(on_progress: OnProgress) -> Demo:
        return run_demo(output or Path("demo"), on_progress, **given(budget=budget, seed=seed, device=device))

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.demo)


@app.command(rich_help_panel=STAGES)
def prepare(
    video: Annotated[Path | None, argument("[VIDEO]", "A video: anything FFmpeg reads.")] = None,
    *,
    output: Annotated[Path, option("--output", "-o", metavar="WORKSPACE", meaning="The folder to prepare.")],
    consent: ConsentOption = None,
    person: PersonOption = None,
    poses: Annotated[
        Path | None,
        option("--poses", metavar="POSES", meaning="Poses to use: .npz, or OpenPose JSON folder."),
    ] = None,
    edn_dataset: Annotated[
        Path | None,
        option("--edn-dataset", metavar="DIR", meaning="In place of VIDEO: train_img, train_label of the paper."),
    ] = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """Footage of the person who is to dance → a workspace: poses, masks, empty background, checks."""
    if (video is None) == (edn_dataset is None):
        raise typer.BadParameter("name a VIDEO, or a folder with --edn-dataset", param_hint="VIDEO")
    if edn_dataset is not None and poses is not None:
        raise typer.BadParameter("a dataset has its own figures", param_hint="--edn-dataset")

    def work(on_progress: OnProgress, consent: str | None) -> PrepareResult:
        from dancedouble import pipeline

        if video is None:
            return pipeline.prepare_dataset(
                edn_dataset or Path(), output, **given(consent=consent, person=person), on_progress=on_progress
            )
        return pipeline.prepare(
            video, output, **given(consent=consent, person=person, poses=poses), on_progress=on_progress
        )

    Session(json=json, quiet=quiet, debug=debug).run_with_consent(work, consent, describe.prepare)


@app.command(rich_help_panel=STAGES)
def train(
    workspace: Annotated[Path, argument("WORKSPACE", "What `prepare` made.")],
    output: Annotated[
        Path, option("--output", "-o", metavar="PERSON.safetensors", meaning="The person file to write.")
    ],
    budget: BudgetOption = None,
    preset: PresetOption = None,
    steps: StepsOption = None,
    start: Annotated[
        Path | None, option("--start", metavar="PERSON", meaning="Go on from this person: the stage after theirs.")
    ] = None,
    warm_start: WarmStartOption = None,
    ablation: Annotated[Ablation | None, option("--ablation", meaning="Leave a part of the method out.")] = None,
    frames: FramesOption = None,
    size: SizeOption = None,
    seed: SeedOption = None,
    precision: Annotated[
        Precision | None, option("--precision", meaning="Number format; auto is mixed on CUDA, full elsewhere.")
    ] = None,
    save_memory: Annotated[
        bool | None, typer.Option("--save-memory", help="Less memory for more time: gradient checkpointing.")
    ] = None,
    tensorboard: Annotated[
        bool | None, typer.Option("--tensorboard", help="Also write curves and samples for TensorBoard.")
    ] = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """A workspace → a person file, to be rendered with any dance. Ctrl-C leaves one that works.

    On several GPUs: torchrun --nproc-per-node 2 -m dancedouble train …
    """

    def work(on_progress: OnProgress) -> TrainResult:
        from dancedouble import pipeline

        return pipeline.train(
            workspace, output,
            **given(
                budget=budget, preset=preset, steps=steps, start=start, warm_start=warm_start, ablation=ablation,
                frames=frames, size=size, seed=seed, precision=precision, save_memory=save_memory,
                tensorboard=tensorboard, device=device,
            ),
            on_progress=on_progress,
        )  # fmt: skip

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.train)


@app.command(rich_help_panel=STAGES)
def render(
    person: PersonFileArgument,
    source: SourceArgument,
    output: Annotated[
        Path,
        option("--output", "-o", metavar="OUT", meaning="A video (.mp4), or a folder of lossless PNG frames."),
    ],
    frames: FramesOption = None,
    layout: LayoutOption = None,
    alpha: Annotated[
        bool | None, typer.Option("--alpha", help="The person alone, with transparency: OUT is a .mov, or a folder.")
    ] = None,
    retarget: RetargetOption = None,
    person_number: Annotated[
        int | None, option("--person", metavar="N", min=1, meaning="Which dancer in SOURCE.")
    ] = None,
    sound: SoundOption = None,
    fps: RateOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """A person file and a dance → the person dancing it, with the dance's sound."""

    def work(on_progress: OnProgress) -> RenderResult:
        from dancedouble import pipeline

        return pipeline.render(
            person, source, output,
            **given(
                frames=frames, layout=layout, alpha=alpha, retarget=retarget, person_number=person_number,
                sound=sound, fps=fps, device=device,
            ),
            on_progress=on_progress,
        )  # fmt: skip

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.render)


@app.command(rich_help_panel=STAGES)
def pose(
    video: VideoArgument,
    output: Annotated[Path, option("--output", "-o", metavar="POSES.npz", meaning="The poses to write.")],
    openpose: Annotated[
        Path | None,
        option("--openpose", metavar="DIR", meaning="Also write OpenPose JSON, a file per frame."),
    ] = None,
    figures: Annotated[
        Path | None, option("--figures", metavar="OUT.mp4", meaning="Also write a film of the stick figure.")
    ] = None,
    smoothing: Annotated[
        Smoothing | None,
        option("--smoothing", meaning="Local parabolas, the paper's way, or none."),
    ] = None,
    person: PersonOption = None,
    fps: RateOption = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """A video → one person's poses: body, face and hands in OpenPose's layout."""

    def work(on_progress: OnProgress) -> PoseResult:
        from dancedouble import pipeline

        return pipeline.pose(
            video, output, **given(openpose=openpose, figures=figures, smoothing=smoothing, person=person, fps=fps),
            on_progress=on_progress,
        )  # fmt: skip

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.pose)


for around in (persons.live, persons.export, persons.import_checkpoint):
    app.command(rich_help_panel=STAGES)(around)
app.command(rich_help_panel=ABOUT)(assess.check)
app.command(rich_help_panel=ABOUT)(assess.evaluate)


@app.command(rich_help_panel=ABOUT)
def info(
    path: Annotated[Path | None, argument("[PATH]", "A person file, a workspace, poses or a video.")] = None,
    preset: PresetOption = None,
    picture: Annotated[
        Path | None,
        option("--picture", metavar="FILE", meaning="Also write a picture of who is who in a video."),
    ] = None,
    weights: Annotated[
        Path | None,
        option("--weights", metavar="FOLDER", meaning="Put every weight there, for machines without a network."),
    ] = None,
    device: DeviceOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> None:
    """What is here: versions, devices, weights and licences; or who and what a file holds."""
    if path is not None and preset is not None:
        raise typer.BadParameter("ask about PATH or about a preset, not both", param_hint="--preset")
    if picture is not None and path is None:
        raise typer.BadParameter("a picture of whom? Name the video too", param_hint="--picture")

    def work(on_progress: OnProgress) -> InfoResult:
        from dancedouble import pipeline
        from dancedouble.results import InfoResult

        content = pipeline.info(**given(path=path, preset=preset, weights=weights), on_progress=on_progress).to_dict()
        if path is not None and (picture is not None or describe.is_video(path)):
            listing = pipeline.people(path, **given(picture=picture), on_progress=on_progress)
            content["people"] = [person.to_dict() for person in listing]
            content |= given(picture=picture)
        return InfoResult(content)

    Session(json=json, quiet=quiet, debug=debug).run(work, describe.info)
