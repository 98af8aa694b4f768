"""The verbs, and the public API: typed in, typed out, progress through a callback, nothing printed.

Raise :class:`dancedouble.errors.Cancelled` from ``on_progress`` to stop. What was done is kept, and the same call
goes on; while a person is being learned, a stop leaves a usable person file.
"""

from __future__ import annotations

import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from dancedouble.assessment.contenders import Lesson
from dancedouble.assessment.doctor import examine, examine_poses, keep_quality, open_clip
from dancedouble.assessment.finished import assess_result
from dancedouble.assessment.held_out import run_trial
from dancedouble.assessment.trial import hold_out, pair_up
from dancedouble.capture import DANCE_LOOKS, Smoothing, capture_poses, dance_estimator, subject_model
from dancedouble.delivery import Layout, check_request
from dancedouble.description import describe_installation, describe_path, describe_preset
from dancedouble.devices import choose_device
from dancedouble.engine import open_engine
from dancedouble.errors import ConsentError, InputError
from dancedouble.evaluation.paired import measure_pair
from dancedouble.exporting import MODELS, Format, export_person
from dancedouble.files import identity, make_folder, sha256
from dancedouble.media.image import check_picture_output, write_image
from dancedouble.media.video import check_output, check_video_output, probe, read_frames
from dancedouble.overlap import read_ahead
from dancedouble.perception import load_perceptual, named_stand_in
from dancedouble.performance import check_live_output, open_dancer, perform
from dancedouble.person import load_person, save_person
from dancedouble.planning import DEFAULT_BUDGET, choose_size, plan_budget, short_of_learning
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.normalization import Retarget, normalize_poses
from dancedouble.pose.openpose_json import check_openpose, shows_several, write_openpose
from dancedouble.pose.people import asking_for
from dancedouble.pose.tracking import busiest_frame, list_people, people_sheet, sample_step
from dancedouble.preparation import Request, finished_workspace, prepare_workspace
from dancedouble.progress import OnProgress, Stage, ignore_progress
from dancedouble.recipe import recipe_from_dict
from dancedouble.rendition import film_figures, render_capture
from dancedouble.results import (
    CheckResult,
    EvaluateResult,
    ExportResult,
    InfoResult,
    LiveResult,
    PersonListing,
    PoseResult,
    PrepareResult,
    RenderResult,
    TrainResult,
    TransferResult,
)
from dancedouble.synthesis import Synthesizer
from dancedouble.training.authors_checkpoint import import_person
from dancedouble.training.authors_dataset import prepare_dataset as prepare_authors_dataset
from dancedouble.training.beginning import begin_with
from dancedouble.training.beginning import warm_start as begin_warm
from dancedouble.training.execution import Precision, execution_on, joined
from dancedouble.training.paper import Ablation, ablate
from dancedouble.training.presets import own_height
from dancedouble.training.presets import preset as recipe_of
from dancedouble.training.trainer import Limit, Trainer
from dancedouble.transfer_state import announce, announce_plan, cached_capture, kept_plan, state_folder
from dancedouble.weights import gather
from dancedouble.workspace import Workspace, usable_in

AnyPath = str | Path
Frames = tuple[int, int]
DEFAULT_RETARGET: Retarget = "limbs"


def prepare(
    video: AnyPath, workspace: AnyPath, *, consent: str | None = None, person: int | None = None,
    poses: AnyPath | None = None, on_progress: OnProgress = ignore_progress,
) -> PrepareResult:  # fmt: skip
    """Look at footage of the subject: poses, masks, the empty background, checks. A finished one is not made again.

    Raises ConsentError without the subject's consent on record, and the kinds of InputError and OutputError.
    """
    video, folder, started = Path(video), Path(workspace), time.monotonic()
    probe(video)  # says what is wrong with it before it is hashed
    given = None if poses is None else Path(poses)
    if given is not None and not given.exists():
        raise InputError(f"{given}: no such file; expected poses (.npz) or a folder of OpenPose JSON")
    request = Request(
        source_sha256=sha256(video), person=person,
        poses_sha256=None if given is None else identity(given), detector=subject_model(),
    )  # fmt: skip
    ready = finished_workspace(folder, request, consent)
    if ready is None:
        ready = prepare_workspace(
            video, folder, consent=_require_consent(consent, video), person=person,
            given=None if given is None else _poses_of(given, person), request=request, estimator=None,
            on_progress=on_progress,
        )  # fmt: skip
    manifest = ready.manifest
    return PrepareResult(
        workspace=folder, frames=manifest.frames, usable=len(manifest.usable),
        gaps=manifest.frames - int(ready.poses.present.sum()), person_height=manifest.person_height,
        warnings=list(manifest.warnings), seconds={"poses": time.monotonic() - started},
    )  # fmt: skip


def prepare_dataset(
    folder: AnyPath, workspace: AnyPath, *, consent: str | None = None, person: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> PrepareResult:  # fmt: skip
    """A dataset in the layout of the paper's authors as a workspace: its stick figures and face boxes are kept.

    Raises ConsentError without the subject's consent on record, and the kinds of InputError and OutputError.
    """
    folder, started = Path(folder), time.monotonic()
    consent = _require_consent(consent, folder)
    ready = prepare_authors_dataset(
        folder, Path(workspace), consent=consent, person=person, detector=subject_model(), on_progress=on_progress
    )
    manifest = ready.manifest
    return PrepareResult(
        workspace=ready.path, frames=manifest.frames, usable=len(manifest.usable),
        gaps=manifest.frames - int(ready.poses.present.sum()), person_height=manifest.person_height,
        warnings=list(manifest.warnings), seconds={"poses": time.monotonic() - started},
    )  # fmt: skip


def import_checkpoint(
    folder: AnyPath, person: AnyPath, *, workspace: AnyPath, on_progress: OnProgress = ignore_progress
) -> TrainResult:
    """A checkpoint folder in the layout of the paper's authors as a person file, ready to render or to train on.

    ``workspace`` is footage of the same person at the same place. Raises InputError, naming the first tensor that does
    not fit, WorkspaceError, OutputError.
    """
    output, started = Path(person), time.monotonic()
    check_output(output, [])
    stage = Stage("import", on_progress, total=1)
    save_person(output, import_person(Path(folder), Workspace(workspace)))
    stage.report(1, output.name)
    return TrainResult(
        person=output, steps=0, seconds={"reading": time.monotonic() - started}, stopped=False, losses={}
    )


def train(
    workspace: AnyPath, person: AnyPath, *, preset: str = "swift", budget: float | None = None,
    steps: int | None = None, frames: Frames | None = None, size: int | None = None, seed: int = 0,
    ablation: Ablation | None = None, start: AnyPath | None = None, warm_start: AnyPath | None = None,
    precision: Precision = "auto", save_memory: bool = False, tensorboard: bool = False, device: str = "auto",
    on_progress: OnProgress = ignore_progress,
) -> TrainResult:  # fmt: skip
    """Learn the subject of a workspace into a person file, for ``budget`` seconds, ``steps``, or the preset's epochs.

    ``start`` is a person file to go on from: the stage after the one it was learned with. ``warm_start`` is somebody
    else's, whose generator is begun with instead of what the preset says. Under ``torchrun`` all processes share the
    work. A killed run goes on from its last checkpoint when the call is repeated; a cancel ends it
    early with a usable person file. Raises WorkspaceError, InputError, OutputError, WeightsError, PersonFileError,
    MissingExtraError.
    """
    opened, output, where = Workspace(workspace), Path(person), choose_device(device)
    if start is not None and warm_start is not None:
        raise InputError("--start goes on with a person, --warm-start begins another one: give one of them")
    check_output(output, [Path(path) for path in (start, warm_start) if path is not None])
    if own_height(preset) is None:
        budget = budget if budget or steps else DEFAULT_BUDGET
        size = size or choose_size(budget or DEFAULT_BUDGET, opened.manifest.person_height, where)
    recipe = recipe_of(preset, size)
    if ablation is not None:
        recipe = ablate(recipe, ablation)
    beginning = None if start is None else begin_with(load_person(start), recipe)
    if warm_start is not None:
        beginning = begin_warm(load_person(warm_start), recipe)
    stand_in = named_stand_in(recipe.perceptual)
    with joined(execution_on(where, precision=precision, save_memory=save_memory)) as execution:
        if execution.leads:
            announce(stand_in, "train", on_progress)
        perceptual, judge = load_perceptual(recipe.perceptual, execution.device)
        outcome = Trainer(
            opened, recipe, usable_in(opened.manifest, frames), seed=seed, execution=execution, perceptual=perceptual,
            limit=Limit(seconds=None if steps else budget, steps=steps), beginning=beginning,
            tensorboard=tensorboard, notes={"perceptual": judge}, on_progress=on_progress,
        ).run()  # fmt: skip
        if execution.leads:
            save_person(output, outcome.person)
        execution.wait()
    return TrainResult(
        person=output, steps=outcome.steps, seconds={"training": outcome.seconds}, stopped=outcome.stopped,
        losses=outcome.losses, warnings=stand_in,
    )  # fmt: skip


def render(
    person: AnyPath, source: AnyPath, output: AnyPath, *, frames: Frames | None = None, layout: Layout = "result",
    alpha: bool = False, retarget: Retarget = DEFAULT_RETARGET, person_number: int | None = None,
    sound: AnyPath | None = None, fps: Fraction | None = None, device: str = "auto",
    on_progress: OnProgress = ignore_progress,
) -> RenderResult:  # fmt: skip
    """Have a learned person dance: ``output`` is an ``.mp4`` with the dance's sound, or a folder of PNG frames.

    ``alpha`` leaves the room out: ``output`` is then a ``.mov`` with the dance's sound, or a folder of RGBA frames.
    ``source`` is a video or poses (``.npz``, OpenPose JSON folder); ``frames`` = (first, one past the last) of it.
    ``sound`` is a file that is heard from the dance's beginning on, in place of a video's own sound. ``fps`` is the
    rate of OpenPose JSON, which names none: 30 unless given. Raises PersonFileError, InputError, OutputError.
    """
    source, output, started = Path(source), Path(output), time.monotonic()
    heard = None if sound is None else Path(sound)
    check_request(output, layout, source=source, sound=heard, fps=fps, inputs=[Path(person)], alpha=alpha)
    subject = load_person(person)
    if alpha and not recipe_from_dict(subject.recipe).paints_alpha:
        raise InputError(f"{person}: preset {subject.recipe['preset']} paints whole frames; leave --alpha out")
    renderer = Synthesizer(subject, open_engine(subject, device, exact=False))
    capture = capture_poses(
        source, person=person_number, frames=frames, looks=DANCE_LOOKS, fps=fps, on_progress=on_progress
    )
    looked = time.monotonic() - started
    return render_capture(
        renderer, capture, source, output, first=frames[0] if frames else 0, sound=heard, layout=layout, alpha=alpha,
        retarget=retarget, seconds={"poses": looked}, on_progress=on_progress,
    )  # fmt: skip


def transfer(
    source: AnyPath, target: AnyPath, output: AnyPath, *, budget: float | None = None, preset: str = "swift",
    layout: Layout = "result", size: int | None = None, person: int | None = None, target_person: int | None = None,
    retarget: Retarget = DEFAULT_RETARGET, frames: Frames | None = None, sound: AnyPath | None = None,
    fps: Fraction | None = None, consent: str | None = None, seed: int = 0, warm_start: AnyPath | None = None,
    device: str = "auto", on_progress: OnProgress = ignore_progress,
) -> TransferResult:  # fmt: skip
    """The whole job within ``budget`` seconds: look at both videos, learn the target, render the dance.

    Without a budget, ten minutes, or as long as a long dance needs for four minutes of learning beside the rest.
    ``sound`` and ``fps`` are as for :func:`render`; another one of these makes the video anew, not the person.

    State is kept in ``<output without .mp4>.dancedouble/`` beside the output: the same call goes on after a kill,
    and the person file there renders other dances. Raises what :func:`prepare`, :func:`train`, :func:`render` raise.
    """
    source, target, output = Path(source), Path(target), Path(output)
    where = choose_device(device)
    heard = None if sound is None else Path(sound)
    check_request(output, layout, source=source, sound=heard, fps=fps, inputs=[target])
    state = output.with_suffix(".dancedouble")
    if target.suffix == ".safetensors":
        raise InputError(
            f"{target}: is a person who was learned already; they dance with"
            f" `dancedouble render {target} {source} -o {output}`"
        )
    probe(target)  # says what is wrong with it before anything is asked
    if not (state / "workspace").is_dir():
        _require_consent(consent, target)
    announce_plan(source, target, budget, preset, size, frames, where, on_progress)
    started = time.monotonic()
    with state_folder(state), asking_for("--target-person"):
        prepared = prepare(target, state / "workspace", consent=consent, person=target_person, on_progress=on_progress)
    announce(prepared.warnings, "check", on_progress)
    danced = state / "source-poses.npz"
    capture = cached_capture(source, danced, person, frames, fps, on_progress)
    footage = Workspace(prepared.workspace)
    lacking = _checked(capture.poses, footage.poses, target, on_progress)
    spent = time.monotonic() - started
    height = size or own_height(preset) or choose_size(budget or DEFAULT_BUDGET, prepared.person_height, where)
    request: dict[str, object] = {
        "budget": budget, "preset": preset, "size": height, "seed": seed, "dance": identity(danced),
        "footage": footage.manifest.identity,
    }  # fmt: skip
    plan = kept_plan(
        state / "plan.json", request,
        plan_budget(
            budget, preset=preset, size=height, source_frames=len(capture.poses), target_frames=prepared.frames,
            spent=spent, device=where,
        ),
    )  # fmt: skip
    short = short_of_learning(plan)
    announce(short, "plan", on_progress)
    learned = train(
        prepared.workspace, state / "person.safetensors", preset=preset, budget=plan.training, size=height, seed=seed,
        warm_start=warm_start, device=device, on_progress=on_progress,
    )  # fmt: skip
    subject = load_person(learned.person)
    rendered = render_capture(
        Synthesizer(subject, open_engine(subject, device, exact=False)), capture, source, output,
        first=frames[0] if frames else 0, sound=heard, layout=layout, alpha=False, retarget=retarget,
        seconds={"poses": spent, **learned.seconds}, on_progress=on_progress,
    )  # fmt: skip
    return TransferResult(
        **{**vars(rendered), "warnings": [*prepared.warnings, *lacking, *short, *learned.warnings, *rendered.warnings]},
        person=learned.person, workspace=prepared.workspace, steps=learned.steps, stopped=learned.stopped, plan=plan,
    )  # fmt: skip


def pose(
    video: AnyPath, output: AnyPath, *, openpose: AnyPath | None = None, figures: AnyPath | None = None,
    smoothing: Smoothing = "local", person: int | None = None, fps: Fraction | None = None,
    on_progress: OnProgress = ignore_progress,
) -> PoseResult:  # fmt: skip
    """One person's poses of a video as ``.npz``; also as OpenPose JSON files, and as a film of the stick figure.

    A folder of OpenPose JSON, at ``fps`` frames a second, will do for ``video``: the ``.npz`` then knows its rate.
    What is learned or rendered from the ``.npz`` is smoothed as it is: ``paper`` is the paper's median and Gaussian.
    Raises InputError and its kinds, OutputError.
    """
    video, output, started = Path(video), Path(output), time.monotonic()
    check_output(output, [video])
    if figures is not None:
        check_video_output(Path(figures), [video, output])
    if openpose is not None:
        check_openpose(Path(openpose))
    capture = capture_poses(video, person=person, smoothing=smoothing, fps=fps, on_progress=on_progress)
    capture.poses.save(output)
    if openpose is not None:
        write_openpose(openpose, capture.poses)
    if figures is not None:
        film_figures(Path(figures), capture, on_progress)
    return PoseResult(
        output=output, frames=len(capture.poses), gaps=capture.gaps, people=capture.people,
        seconds={"poses": time.monotonic() - started}, warnings=capture.warnings,
    )  # fmt: skip


def live(
    person: AnyPath, source: AnyPath | int = 0, *, output: AnyPath | None = None,
    retarget: Retarget = DEFAULT_RETARGET, device: str = "auto", on_progress: OnProgress = ignore_progress,
) -> LiveResult:  # fmt: skip
    """A learned person dances what somebody dances now: ``source`` is the number of a camera, or a video.

    ``output`` is an ``.mp4``, ``-`` for JPEG pictures in a row on standard output, None for a window. Goes on until the
    video ends, the window is closed or ``on_progress`` cancels, which keeps what was written. Raises PersonFileError,
    InputError, OutputError.
    """
    target = None if output is None else Path(output)
    where = source if isinstance(source, int) else Path(source)
    check_live_output(target, [Path(person), *([where] if isinstance(where, Path) else [])])
    subject = load_person(person)
    renderer = Synthesizer(subject, open_engine(subject, device, exact=False))
    with open_dancer(where) as dancer:
        return perform(renderer, dancer, dance_estimator(), target, retarget=retarget, on_progress=on_progress)


def export(
    person: AnyPath, folder: AnyPath, *, format: Format = "onnx", on_progress: OnProgress = ignore_progress
) -> ExportResult:
    """A person's networks as ONNX or OpenVINO files in ``folder``, described there, with a frame to try them on.

    Raises PersonFileError, OutputError, MissingExtraError without the packages that write the format.
    """
    output = Path(folder)
    subject = load_person(person)
    stage = Stage("export", on_progress, total=1)
    files = export_person(subject, format, output)
    stage.report(1)
    return ExportResult(
        output=output, files=[file.name for file in files],
        networks=[file.stem for file in files if file.suffix in MODELS],
    )  # fmt: skip


def compare(
    result: AnyPath, truth: AnyPath, *, source: AnyPath, workspace: AnyPath, retarget: Retarget = DEFAULT_RETARGET,
    every: int = 1, on_progress: OnProgress = ignore_progress,
) -> dict[str, Any]:  # fmt: skip
    """A transfer against footage of the target really performing the dance, beside the nearest training frame.

    Needs paired footage, frame for frame: body-box SSIM and LPIPS (AlexNet). Raises InputError, WeightsError.
    """
    opened = Workspace(workspace)
    seen = capture_poses(Path(truth), on_progress=on_progress)
    dance = normalize_poses(capture_poses(Path(source), on_progress=on_progress).poses, opened.poses, retarget=retarget)
    return measure_pair(Path(result), Path(truth), seen.poses, dance=dance.poses, workspace=opened, every=every)


def check(
    source: AnyPath, target: AnyPath, *, sheet: AnyPath | None = None, person: int | None = None,
    target_person: int | None = None, on_progress: OnProgress = ignore_progress,
) -> CheckResult:  # fmt: skip
    """What in a dance the target's footage never showed, and what ails the footage: before anyone trains.

    Both may be videos, poses, workspaces or person files. ``sheet`` is a picture to write: uncovered moments of the
    dance, each beside the nearest thing the target did. Raises InputError and its kinds, OutputError.
    """
    picture = None if sheet is None else Path(sheet)
    if picture is not None:
        check_picture_output(picture, [Path(source), Path(target)])
    dance = open_clip(Path(source), person=person, on_progress=on_progress)
    with asking_for("--target-person"):
        footage = open_clip(Path(target), person=target_person, on_progress=on_progress)
    found = examine(dance, footage, wants_sheet=picture is not None)
    if picture is not None and found.sheet is not None:
        write_image(picture, found.sheet)
    return CheckResult(
        findings=found.report.to_dict(), sheet=None if found.sheet is None else picture, warnings=[*found.warnings]
    )


def evaluate(
    subject: AnyPath, output: AnyPath, *, preset: str = "swift", budget: float | None = None, steps: int | None = None,
    size: int | None = None, seed: int = 0, source: AnyPath | None = None, truth: AnyPath | None = None,
    result: AnyPath | None = None, result_poses: AnyPath | None = None, person: int | None = None,
    frames: Frames | None = None, retarget: Retarget = DEFAULT_RETARGET, detector: LandmarkModel | None = None,
    device: str = "auto", on_progress: OnProgress = ignore_progress,
) -> EvaluateResult:  # fmt: skip
    """How good it is, measured: ``report.json`` and ``report.html`` in the folder ``output``.

    ``subject`` is a workspace: its last fifth is held out, ``preset`` and the paper's ablations learn the rest, each
    for ``budget`` seconds or ``steps``, and are compared on the tail beside baselines. With ``truth``, footage in which
    the subject performs the dance ``source``, all of it is learned and that is the test. Each method leaves a video;
    ``result_poses`` is a folder of what another detector found in them, and in ``truth.mp4``. Or ``subject`` is a
    person file, and ``result`` a finished transfer of (the ``frames`` of) ``source``, judged by our detector or by
    the ``result_poses`` that another one found in it. Of several dancers in ``source``, ``person`` is the one, and they
    are looked at as rendering does. Without a ``detector``, results are looked at as the footage was,
    finished transfers as the dance was. Raises InputError, WorkspaceError,
    PersonFileError, ClipTooShortError, WeightsError, OutputError.
    """
    subject, folder, where = Path(subject), Path(output), choose_device(device)
    if subject.is_file():
        if source is None or result is None:
            raise InputError(f"{subject}: of a person file a finished transfer is judged; give its source and result")
        if truth is not None or budget is not None or steps is not None or size is not None:
            raise InputError(f"{subject}: --truth, --budget, --steps and --size are for a workspace, to learn from")
        learned = load_person(subject)
        make_folder(folder)
        dance = capture_poses(
            Path(source), person=person, frames=frames, looks=DANCE_LOOKS, on_progress=on_progress
        ).poses  # fmt: skip
        asked = normalize_poses(dance, learned.poses, retarget=retarget).poses
        found = assess_result(
            learned, asked, Path(result), folder, first=frames[0] if frames else 0, name=Path(source).name,
            detector=detector or "full", poses=None if result_poses is None else Path(result_poses),
            on_progress=on_progress,
        )  # fmt: skip
        return EvaluateResult(content=found.report.to_dict(), report=found.numbers, page=found.page)
    if result is not None or frames is not None:
        raise InputError(f"{subject}: --result and --frames are for a person file, whose finished transfer is judged")
    if source is not None and truth is None:
        raise InputError(f"{subject}: --source needs --truth, in which the workspace's subject performs that dance")
    if person is not None and source is None:
        raise InputError(f"{subject}: --person is a dancer of --source, which is not given")
    workspace, budget = Workspace(subject), budget or DEFAULT_BUDGET
    height = size or own_height(preset) or choose_size(budget, workspace.manifest.person_height, where)
    recipe = recipe_of(preset, height)
    make_folder(folder)
    given = None if source is None else Path(source)
    trial = (
        hold_out(workspace) if truth is None
        else pair_up(workspace, given, Path(truth), on_progress, person=person, retarget=retarget)
    )  # fmt: skip
    limit = Limit(seconds=None if steps else budget, steps=steps)
    lesson = Lesson(limit=limit, seed=seed, device=where, folder=folder / "learned")
    found = run_trial(
        trial,
        recipe,
        lesson,
        folder,
        detector=detector or trial.looked_by or subject_model(),
        poses=None if result_poses is None else Path(result_poses),
        on_progress=on_progress,
    )
    keep_quality(workspace, found.report)
    return EvaluateResult(content=found.report.to_dict(), report=found.numbers, page=found.page)


def people(
    video: AnyPath, *, picture: AnyPath | None = None, on_progress: OnProgress = ignore_progress
) -> list[PersonListing]:
    """Who is in a video, most prominent first, as ``--person N`` counts them; ``picture`` shows who is who."""
    info_ = probe(Path(video))
    if picture is not None:
        check_picture_output(Path(picture), [info_.path])
    step = sample_step(info_.fps)
    stage = Stage("people", on_progress, total=info_.frames, note=info_.path.name)
    frames = stage.track(read_ahead(read_frames(info_.path, every=step)), each=step)
    tracks = list_people(frames, dance_estimator(), fps=info_.fps, every=step)
    if picture is not None:
        shown = busiest_frame(tracks)
        frame = next(read_frames(info_.path, start=shown, stop=shown + 1))
        write_image(Path(picture), people_sheet(frame, tracks))
    return [PersonListing(number=t.number, share=t.presence, height=t.height) for t in tracks]


def info(
    path: AnyPath | None = None, *, preset: str | None = None, weights: AnyPath | None = None,
    on_progress: OnProgress = ignore_progress,
) -> InfoResult:  # fmt: skip
    """Facts: about this installation, about a preset's networks, or about what a file or folder holds.

    ``weights`` is a folder to put every weight into, for machines without a network. Raises InputError, WorkspaceError
    or PersonFileError for what is none of these; WeightsError, OutputError.
    """
    if weights is not None:
        gather(Path(weights), on_progress)
    if preset is not None:
        return InfoResult(describe_preset(recipe_of(preset)))
    return InfoResult(describe_installation() if path is None else describe_path(Path(path)))


# -- parts of the verbs ---------------------------------------------------------------------------------------


def _require_consent(consent: str | None, video: Path) -> str:
    if consent and consent.strip():
        return consent.strip()
    raise ConsentError(
        f"{video}: learning a person needs their consent; say who they are and how they agreed,"
        ' with --consent "who, how"'
    )


def _poses_of(given: Path, person: int | None) -> PoseSequence:
    """Poses that came with footage, of number ``person`` there; a folder that shows one person alone shows the subject,
    whatever their number in the footage."""
    alone = person is not None and given.is_dir() and not shows_several(given)
    return capture_poses(given, person=None if alone else person).poses


def _checked(dance: PoseSequence, footage: PoseSequence, target: Path, on_progress: OnProgress) -> list[str]:
    """Say what the footage lacks for this dance, before anything is learned; also as a warning where it does."""
    report = examine_poses(dance, footage)
    announce([report.summary], "check", on_progress)
    return [f"{target.name}: {report.summary}"] * bool(report.uncovered or report.footage)
