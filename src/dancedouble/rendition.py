"""Captured poses → a rendered person: normalised, painted, laid out, written, with what there is to say about it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from dancedouble.assessment.doctor import examine_poses
from dancedouble.assessment.sidecar import write_sidecar
from dancedouble.capture import Capture
from dancedouble.delivery import Layout, figure_frames, laid_out_size, lay_out, open_output
from dancedouble.media.audio import AudioCut
from dancedouble.media.video import VideoWriter, read_frames
from dancedouble.pose.normalization import Retarget, normalize_poses
from dancedouble.progress import OnProgress, Stage
from dancedouble.provenance.marking import synthetic_record
from dancedouble.results import RenderResult
from dancedouble.synthesis import Synthesizer


def render_capture(
    renderer: Synthesizer, capture: Capture, source: Path, output: Path, *, first: int, sound: Path | None,
    layout: Layout, alpha: bool, retarget: Retarget, seconds: dict[str, float], on_progress: OnProgress,
) -> RenderResult:  # fmt: skip
    """Have the renderer's person dance what was captured of ``source``, whose frame ``first`` the capture begins with.

    It is to the sound of the file ``sound``, which begins as the source does; to the source's own for None. Writes the
    output, marked as synthetic, and a sidecar beside it. Raises OutputError, InputError, PersonFileError.
    """
    started, subject = time.monotonic(), renderer.person
    normalized = normalize_poses(capture.poses, subject.poses, retarget=retarget)
    video, fps = capture.video, capture.poses.fps
    stop = first + len(capture.poses)
    audio = _sound(capture, first, sound)
    source_size = None if video is None else video.size
    sources = read_frames(video.path, start=first, stop=stop) if video is not None and layout != "result" else None
    stage = Stage("render", on_progress, total=len(capture.poses))
    record = synthetic_record(subject, source.name)
    with open_output(
        output, laid_out_size(subject.size, source_size, layout), fps, first=first, audio=audio,
        record=record,
    ) as writer:  # fmt: skip
        drawn = figure_frames(normalized.poses) if layout == "strip" else None
        for finished in stage.track(renderer.frames(normalized.poses)):
            shown = None if sources is None else next(sources)
            writer.write(lay_out(finished, layout, shown, None if drawn is None else next(drawn), alpha=alpha))
    result = RenderResult(
        output=output, frames=len(capture.poses), fps=fps,
        seconds={**seconds, "rendering": time.monotonic() - started},
        warnings=[*capture.warnings, *normalized.warnings], gaps=capture.gaps,
    )  # fmt: skip
    left_alone = write_sidecar(
        output, result=result.to_dict(), record=record, coverage=examine_poses(capture.poses, subject.poses),
        first=first,
    )  # fmt: skip
    return replace(result, warnings=[*result.warnings, *left_alone])


def film_figures(path: Path, capture: Capture, on_progress: OnProgress) -> None:
    """A film of the stick figure, with the sound of the video it was captured from."""
    poses = capture.poses
    stage = Stage("figures", on_progress, total=len(poses))
    with VideoWriter(path, poses.size, poses.fps, audio=_sound(capture)) as writer:
        for frame in stage.track(figure_frames(poses)):
            writer.write(frame)


def _sound(capture: Capture, first: int = 0, given: Path | None = None) -> AudioCut | None:
    """The sound of the captured frames, out of the file ``given`` or of their own video; None where there is none."""
    video, fps = capture.video, capture.poses.fps
    path = given or (video.path if video is not None and video.has_audio else None)
    return None if path is None else AudioCut(path, first / fps, (first + len(capture.poses)) / fps)
