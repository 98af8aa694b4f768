"""Before anyone trains: does the footage show what the dance asks for, and what ails it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dancedouble import capture
from dancedouble.assessment.notes import read_note
from dancedouble.coverage.check import CoverageReport, Uncovered, check_coverage
from dancedouble.coverage.footage import FootageFault, inspect_footage
from dancedouble.coverage.quality import TRUSTED, QualityCurve
from dancedouble.coverage.sheet import choose_moments, draw_contact_sheet
from dancedouble.evaluation.report import EvaluationReport
from dancedouble.files import is_folder, write_atomically
from dancedouble.media.video import read_frames
from dancedouble.person import load_person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.progress import OnProgress
from dancedouble.rendering.stick_figure import draw_stick_figure
from dancedouble.workspace import MANIFEST, Workspace

Picture = NDArray[np.uint8]
QUALITY = "quality.json"
"""In a workspace: what an evaluation of its subject found, see :func:`keep_quality`."""
COUNTS_PER_SECOND = 2
"""Frames a second in which people are counted."""
BYSTANDER = 0.4
"""Somebody who is shown smaller than this share of the tallest person does not matter."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """Something that holds one person's poses, and perhaps pictures of them."""

    poses: PoseSequence
    frames: Callable[[], Iterator[Picture]] | None
    """A fresh stream of all frames, RGB uint8; None where only poses are known."""
    pick: Callable[[Iterable[int]], dict[int, Picture]]
    """Frames by number; drawn stick figures where only poses are known."""
    variable_rate: bool = False
    warnings: tuple[str, ...] = ()
    quality: QualityCurve | None = None


@dataclass(frozen=True, kw_only=True)
class Examination:
    """What the doctor found."""

    report: CoverageReport
    sheet: Picture | None
    """The dance's uncovered poses beside the nearest thing filmed; None when nothing lacks, or none was asked for."""
    warnings: tuple[str, ...]


def open_clip(path: Path, *, person: int | None, on_progress: OnProgress) -> Clip:
    """A video, poses (``.npz``, OpenPose JSON folder), a workspace or a person file. Raises the kinds of InputError."""
    if is_folder(path) and (path / MANIFEST).is_file():
        return _workspace_clip(Workspace(path))
    if path.suffix == ".safetensors":
        poses = load_person(path).poses
        return Clip(poses=poses, frames=None, pick=draw_poses(poses))
    found = capture.capture_poses(path, person=person, on_progress=on_progress)
    poses, video, warnings = found.poses, found.video, tuple(found.warnings)
    if video is None:
        return Clip(poses=poses, frames=None, pick=draw_poses(poses), warnings=warnings)
    return Clip(
        poses=poses, frames=lambda: read_frames(video.path), pick=lambda numbers: _from_stream(video.path, numbers),
        variable_rate=video.variable_rate, warnings=warnings,
    )  # fmt: skip


def examine(dance: Clip, footage: Clip, *, wants_sheet: bool) -> Examination:
    """Hold the dance against the footage, and look for the footage's own faults where there are pictures of it."""
    people: list[int] = []
    frames: Iterable[Picture] = ()
    if footage.frames is not None:
        people = [0] * len(footage.poses)
        frames = _counting(footage.frames(), people, round(float(footage.poses.fps) / COUNTS_PER_SECOND))
    faults = inspect_footage(frames, footage.poses, variable_rate=footage.variable_rate, people=people or None)
    report = check_coverage(dance.poses, footage.poses, faults=faults, curve=footage.quality)
    sheet = draw_sheet(report, dance, footage) if wants_sheet else None
    return Examination(report=report, sheet=sheet, warnings=(*dance.warnings, *footage.warnings))


def examine_poses(dance: PoseSequence, footage: PoseSequence) -> CoverageReport:
    """The quick look before a transfer: from poses alone, without pictures."""
    faults: tuple[FootageFault, ...] = inspect_footage((), footage)
    return check_coverage(dance, footage, faults=faults)


def keep_quality(workspace: Workspace, report: EvaluationReport) -> None:
    """Keep in the workspace how difficulty and LPIPS go together for its subject: :func:`examine` uses it.

    Only where they do go together, and for the test of the subject's own tail or truth. The last evaluation speaks:
    where it found nothing that predicts, what an earlier one left goes.
    """
    curve, rho = report.quality_curve, report.rank_correlation
    if curve is not None and rho is not None and rho >= TRUSTED:
        write_atomically(workspace.path / QUALITY, json.dumps(dict(curve)).encode())
    else:
        (workspace.path / QUALITY).unlink(missing_ok=True)


def draw_sheet(report: CoverageReport, dance: Clip, footage: Clip) -> Picture | None:
    """The dance's uncovered moments beside the nearest of the footage; None when nothing lacks."""
    moments: list[Uncovered] = choose_moments(report, float(dance.poses.fps))
    asked = dance.pick(moment.frame for moment in moments)
    filmed = footage.pick(moment.nearest for moment in moments if moment.nearest >= 0)
    return draw_contact_sheet(
        report, dance.poses, footage.poses, read_dance=asked.__getitem__, read_footage=filmed.__getitem__
    )


def _workspace_clip(workspace: Workspace) -> Clip:
    seen = set(workspace.manifest.usable)

    def frame(index: int) -> Picture:
        return workspace.frame(index) if index in seen else workspace.plate

    curve = read_note(workspace.path / QUALITY) or {}
    return Clip(
        poses=workspace.poses, frames=lambda: (frame(i) for i in range(workspace.manifest.frames)),
        pick=lambda numbers: {number: frame(number) for number in numbers}, warnings=workspace.manifest.warnings,
        quality=QualityCurve.from_dict(curve) if "difficulty" in curve else None,
    )  # fmt: skip


def draw_poses(poses: PoseSequence) -> Callable[[Iterable[int]], dict[int, Picture]]:
    """In place of frames, where only poses are known: stick figures by frame number."""
    return lambda numbers: {
        number: draw_stick_figure(poses.xy[number], poses.score[number], poses.size, canvas="black")
        for number in numbers
    }


def _from_stream(video: Path, numbers: Iterable[int]) -> dict[int, Picture]:
    """Some frames of a video, in one pass."""
    wanted = set(numbers)
    stop = max(wanted, default=-1) + 1
    return {i: frame for i, frame in enumerate(read_frames(video, stop=stop)) if i in wanted} if stop else {}


def _counting(frames: Iterator[Picture], people: list[int], step: int) -> Iterator[Picture]:
    """Pass frames on, counting the people in one of every ``step``, for it and those that follow it."""
    estimator, step = capture.dance_estimator(), max(1, step)
    for index, frame in enumerate(frames):
        if index % step == 0:
            heights = [box[3] - box[1] for box in (found.box for found in estimator.detect(frame))]
            tall = sum(height >= BYSTANDER * max(heights) for height in heights)
            people[index : index + step] = [tall] * len(people[index : index + step])
        yield frame
