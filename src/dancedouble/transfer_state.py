"""What a transfer says before it starts, and what it keeps beside its output so that the same call goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import torch

from dancedouble.capture import DANCE_LOOKS, Capture, capture_poses, frame_range, is_video
from dancedouble.errors import InputError, OutputError
from dancedouble.files import identity, write_atomically
from dancedouble.media.video import probe
from dancedouble.perception import require_perceptual
from dancedouble.planning import DEFAULT_BUDGET, choose_size, plan_budget, short_of_learning
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.preparation import WAY
from dancedouble.progress import OnProgress, Progress
from dancedouble.results import Plan
from dancedouble.training.presets import own_height
from dancedouble.training.presets import preset as recipe_of
from dancedouble.workspace import pair_step


@contextmanager
def state_folder(folder: Path) -> Iterator[None]:
    """``folder`` exists inside the block; it goes again when nothing was put into it. Raises OutputError."""
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()


def announce_plan(
    source: Path, target: Path, budget: float | None, preset: str, size: int | None, part: tuple[int, int] | None,
    device: torch.device, on_progress: OnProgress,
) -> None:  # fmt: skip
    """Say how the budget will be spent, before anything is; ``part`` = (first, one past the last) frame of the source.

    Raises MediaError and InputError for what is not there, and for a size that the preset cannot have; WeightsError for
    what learning needs and cannot have.
    """
    require_perceptual(recipe_of(preset, size).perceptual)
    target_info = probe(target)
    if not is_video(source) and not source.exists():
        raise InputError(f"{source}: no such file; expected a video, poses (.npz) or a folder of OpenPose JSON")
    first, stop = frame_range(part, probe(source).frames, source) if is_video(source) else (0, 0)
    height = size or own_height(preset) or choose_size(budget or DEFAULT_BUDGET, target_info.size[0] * 0.8, device)
    looked_at = target_info.frames // pair_step(target_info.fps)
    plan = plan_budget(
        budget, preset=preset, size=height, source_frames=stop - first, target_frames=looked_at, spent=0, device=device
    )
    message = (
        f"plan for {_minutes(plan.poses + plan.training + plan.rendering)}: about {plan.poses:.0f} s to look at both"
        f" videos, {plan.training:.0f} s to learn the person at {plan.size} px, {plan.rendering:.0f} s to render"
    )
    announce([message, *short_of_learning(plan)], "plan", on_progress)


def announce(lines: list[str], stage: str, on_progress: OnProgress) -> None:
    """Say lines about the whole at once, before the work goes on."""
    for line in lines:
        on_progress(Progress(stage=stage, done=0, total=None, message=line))


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.3g} min" if seconds >= 120 else f"{seconds:.0f} s"


def cached_capture(
    source: Path, cache: Path, person: int | None, frames: tuple[int, int] | None, fps: Fraction | None,
    on_progress: OnProgress,
) -> Capture:  # fmt: skip
    """The source's poses, kept beside the transfer's other state so that a resume does not look again.

    ``fps`` is the rate of OpenPose's files. Raises what :func:`dancedouble.capture.capture_poses` raises.
    """
    # A rate nobody gave is not the same as 30: it is warned of.
    key = json.dumps([identity(source), person, frames, None if fps is None else str(fps), WAY])
    note = cache.with_suffix(".json")
    if cache.is_file() and note.is_file():
        kept = json.loads(note.read_text())
        if kept["key"] == key:
            video = probe(source) if is_video(source) else None
            return Capture(poses=PoseSequence.load(cache), gaps=kept["gaps"], video=video, warnings=kept["warnings"])
    capture = capture_poses(source, person=person, frames=frames, looks=DANCE_LOOKS, fps=fps, on_progress=on_progress)
    note.unlink(missing_ok=True)  # a kill must not leave it beside other poses
    capture.poses.save(cache)
    kept = {"key": key, "gaps": capture.gaps, "warnings": capture.warnings}
    write_atomically(note, json.dumps(kept).encode())
    return capture


def kept_plan(path: Path, request: dict[str, object], plan: Plan) -> Plan:
    """The plan of an earlier, killed run of the same request: its training goes on under the same schedule."""
    asked = json.loads(json.dumps(request))
    if path.is_file():
        kept = json.loads(path.read_text())
        if kept["request"] == asked:
            return Plan(**kept["plan"])
    write_atomically(path, json.dumps({"request": asked, "plan": vars(plan)}).encode())
    return plan
