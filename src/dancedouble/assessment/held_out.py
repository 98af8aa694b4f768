"""The held-out protocol from end to end: learn, render, measure, baselines in the same run, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dancedouble.assessment.contenders import (
    Contender,
    Lesson,
    ablations_of,
    nearest_frame,
    warp_only,
    warping_recipe,
)
from dancedouble.assessment.detection import watch
from dancedouble.assessment.doctor import Clip, draw_sheet
from dancedouble.assessment.keeping import keep_measured, kept_measured, measured_key
from dancedouble.assessment.measuring import Album, Measured, face_meter, measure_contender, open_album
from dancedouble.assessment.second_opinion import TRUTH, film_truth, judge_by_others
from dancedouble.assessment.trial import Dance, TrainingPart, Trial
from dancedouble.coverage.check import CoverageReport, check_coverage
from dancedouble.coverage.quality import fit_quality_curve, rank_correlation
from dancedouble.evaluation.html_pictures import Film, ReportPictures, Strip, thin_film
from dancedouble.evaluation.html_report import write_report
from dancedouble.evaluation.identity_metrics import face_model
from dancedouble.evaluation.moments import Moment, find_worst_moments
from dancedouble.evaluation.report import EvaluationReport, Method
from dancedouble.files import sha256
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.progress import OnProgress, Progress
from dancedouble.recipe import Recipe
from dancedouble.weights import WEIGHTS

JUDGED_BY = "body.lpips_alex"
"""The column that is headlined, and that worst moments are the worst of."""
STRIPS, FILMED = 4, 3
"""Moments shown as strips, spread evenly; and methods, beside the truth, that are shown moving."""
NETWORKS = ("pose_landmark_full", "hand_landmark_full", "face_landmark", "lpips_alexnet", "lpips_vgg16")
"""What looks at results and measures them, beside a heavy landmark network."""


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """A report as value and as files."""

    report: EvaluationReport
    numbers: Path
    page: Path


def run_trial(
    trial: Trial, recipe: Recipe, lesson: Lesson, folder: Path, *, detector: LandmarkModel, poses: Path | None = None,
    on_progress: OnProgress,
) -> Assessment:  # fmt: skip
    """Learn ``recipe`` and the baselines from what may be learned from, test all, write the report into ``folder``.

    Each method, and the truth, leaves a video in ``folder`` too. A killed run goes on from what was learned and
    measured. ``poses`` holds what another detector found in those videos: see :func:`judge_by_others`.
    """
    truth = None
    if detector != trial.looked_by:
        truth = watch(trial.pictures(), detector=detector, like=trial.truth_poses, on_progress=on_progress)
    face = face_meter()
    measured: dict[str, Measured] = {}
    methods: list[Method] = []
    makers = _makers(trial, recipe, lesson, on_progress)
    _announce(makers, lesson, on_progress)
    for make in makers.values():
        contender = make()
        key = measured_key(contender, trial, detector, lesson.seed)
        store = lesson.folder / f"{contender.name}.measured.npz"
        video = folder / f"{contender.name}.mp4"
        found = kept_measured(store, key, trial) if video.is_file() else None
        if found is None:
            store.unlink(missing_ok=True)  # a kill must not leave it beside another video
            found = measure_contender(
                contender, trial, video, truth=truth, face=face, detector=detector, on_progress=on_progress
            )  # fmt: skip
            keep_measured(store, key, found)
        measured[contender.title] = found
        methods.append(
            Method(
                name=contender.name, title=contender.title, table=found.table, curves=contender.curves,
                settings=contender.settings,
            )
        )  # fmt: skip
    film_truth(folder, trial, lesson.folder / f"{TRUTH}.json")
    looked = ""
    if poses is not None:
        methods, looked = judge_by_others(methods, poses, trial, folder), f"given: {poses.name}"
    cover = check_coverage(trial.driving, trial.learnable)
    report = make_report(trial, methods, cover, seed=lesson.seed, detector=detector, looked=looked)
    shown = {title: entry.album for title, entry in measured.items()}
    sheet = _sheet(trial, cover, trial.part(lesson.folder / "nearest"))
    numbers, page = write_report(folder, report, replace(_pictures(trial, report, shown), contact_sheet=sheet))
    return Assessment(report=report, numbers=numbers, page=page)


def _makers(
    trial: Trial, recipe: Recipe, lesson: Lesson, on_progress: OnProgress
) -> dict[str, Callable[[], Contender]]:
    """The methods in the order of the report; each is learned only when its turn comes."""

    def learned(name: str, title: str, what: Recipe) -> Callable[[], Contender]:
        return lambda: lesson.learn(name, title, trial.part, what, on_progress)

    warping = warping_recipe(recipe, recipe.final.height)
    return {
        recipe.preset: learned(recipe.preset, recipe.preset, recipe),
        "nearest": lambda: nearest_frame(trial.part(lesson.folder / "nearest")),
        "warp": lambda: warp_only(
            trial.part(lesson.folder / "warp"), warping, seed=lesson.seed, device=lesson.device
        ),
        **{name: learned(name, title, what) for name, (title, what) in ablations_of(recipe).items()},
    }  # fmt: skip


def _announce(makers: dict[str, Callable[[], Contender]], lesson: Lesson, on_progress: OnProgress) -> None:
    taught = len(makers) - 2
    seconds = lesson.limit.seconds or 0
    each = f"{lesson.limit.steps} steps" if lesson.limit.steps else f"{seconds:.0f} s"
    together = "" if lesson.limit.steps else f" ({taught * seconds / 60:.0f} min together)"
    message = (
        f"{taught} methods learn {each} each{together}, two need no learning; then all are rendered and measured, which"
        " takes some minutes more"
    )
    on_progress(Progress(stage="plan", done=0, total=None, message=message))


def make_report(
    dance: Dance, methods: list[Method], cover: CoverageReport, *, seed: int, detector: LandmarkModel, looked: str = "",
    judged_by: str = JUDGED_BY,
) -> EvaluationReport:  # fmt: skip
    """The report of measured methods: the first is the one that is judged; ``looked`` names another's detector.

    ``cover`` holds the dance against what could be learned from.
    """
    judged = methods[0].table[judged_by]
    networks = {*NETWORKS, f"pose_landmark_{detector}"}
    hashes = {name: WEIGHTS[name].sha256 for name in sorted(networks)}
    face = face_model()
    if face is not None:
        hashes[face.name] = sha256(face)
    return EvaluationReport(
        clip=dance.clip, synthetic=dance.synthetic, protocol=dance.protocol, fps=float(dance.driving.fps),
        first_frame=dance.first, methods=tuple(methods),
        moments=find_worst_moments(
            methods[0].table, judged_by, dance.driving, uncovered=cover.reasons, distance=cover.distance,
            lost=methods[0].lost & np.isnan(judged),
        ),
        moments_of=judged_by, seed=seed, uncovered=cover.reasons, coverage=cover.to_dict(),
        rank_correlation=rank_correlation(cover.difficulty, judged), quality_curve=_curve(cover, judged),
        files={**dance.files, **hashes}, settings={"pose detector of the results": looked or detector},
    )  # fmt: skip


def _curve(cover: CoverageReport, error: NDArray[np.float64]) -> dict[str, list[float]] | None:
    """Expected error by difficulty, where there is enough to fit one."""
    try:
        return fit_quality_curve(cover.difficulty, error).to_dict()
    except ValueError:
        return None


def _pictures(trial: Trial, report: EvaluationReport, albums: dict[str, Album]) -> ReportPictures:
    """Strips of all methods beside the truth, and the worst moments of the first method."""
    truth = open_album(trial.truth_poses)
    for _ in truth.keep(trial.truth()):
        pass
    first = next(iter(albums))
    filmed = {"truth": truth, **dict(list(albums.items())[:FILMED])}
    shown, fps = thin_film(len(trial.driving), report.fps)
    return ReportPictures(
        film=Film(labels=list(filmed), rows=[[album[i] for album in filmed.values()] for i in shown], fps=fps),
        strips=[
            Strip(
                caption=f"{(trial.first + frame) / report.fps:.1f} s",
                pictures=[("truth", truth[frame]), *((title, album[frame]) for title, album in albums.items())],
            )
            for frame in spread(trial.driving, STRIPS)
        ],
        moments={m.frame: moment_pictures(m, truth, first, albums[first]) for m in report.moments},
    )  # fmt: skip


def _sheet(trial: Trial, cover: CoverageReport, part: TrainingPart) -> NDArray[np.uint8] | None:
    """What lacks beside the nearest that could be learned from; None when nothing lacks."""
    usable = set(part.manifest.usable)

    def from_truth(numbers: Iterable[int]) -> dict[int, NDArray[np.uint8]]:
        wanted = set(numbers)
        return {i: frame for i, frame in enumerate(trial.truth()) if i in wanted}

    def from_part(numbers: Iterable[int]) -> dict[int, NDArray[np.uint8]]:
        return {i: part.frame(i) if i in usable else part.plate for i in numbers}

    asked = Clip(poses=trial.truth_poses, frames=None, pick=from_truth)
    return draw_sheet(cover, asked, Clip(poses=trial.learnable, frames=None, pick=from_part))


def moment_pictures(moment: Moment, truth: Album, title: str, album: Album) -> list[tuple[str, NDArray[np.uint8]]]:
    """A moment of a method beside the truth."""
    return [("truth", truth[moment.frame]), (title, album[moment.frame])]


def spread(poses: PoseSequence, count: int) -> list[int]:
    """Frames that show the subject, evenly spread, the clip's ends left out."""
    shown = np.flatnonzero(poses.present)
    places = (np.arange(count) + 0.5) / count * len(shown)
    return sorted({int(shown[int(place)]) for place in places}) if len(shown) else []
