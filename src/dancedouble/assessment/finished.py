"""A finished transfer, for which there is no truth: pose, steadiness, coverage, identity."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dancedouble.assessment.detection import Watched, on_grid, same_grid, video_pictures, watch
from dancedouble.assessment.doctor import Clip, draw_poses, draw_sheet
from dancedouble.assessment.held_out import Assessment, make_report, spread
from dancedouble.assessment.measuring import Album, open_album
from dancedouble.assessment.trial import Dance, is_synthetic
from dancedouble.capture import capture_poses
from dancedouble.conditioning import ReferenceBank
from dancedouble.coverage.check import check_coverage
from dancedouble.evaluation.frame_metrics import Meter, compare_frames
from dancedouble.evaluation.html_pictures import Film, ReportPictures, Strip, thin_film
from dancedouble.evaluation.html_report import write_report
from dancedouble.evaluation.identity_metrics import FaceEmbedder, IdentityMeter, find_embedder
from dancedouble.evaluation.pose_metrics import compare_poses
from dancedouble.evaluation.report import Method
from dancedouble.evaluation.temporal_metrics import FlickerMeter
from dancedouble.files import sha256
from dancedouble.media.video import read_frames
from dancedouble.person import Person
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import FACE
from dancedouble.progress import OnProgress
from dancedouble.rendering.stick_figure import draw_stick_figure

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
JUDGED_BY = "pose.torso_error"
STRIPS = 6


def assess_result(
    person: Person, dance: PoseSequence, result: Path, folder: Path, *, first: int, name: str, detector: LandmarkModel,
    poses: Path | None, on_progress: OnProgress,
) -> Assessment:  # fmt: skip
    """Judge ``result``, the subject dancing ``dance`` (poses in the subject's frame), and write the report.

    ``poses`` are those somebody else's detector found in the result (``.npz``, OpenPose JSON folder), to judge by in
    place of ours. Raises InputError when the result is not of that length and size.
    """
    seen = watch(video_pictures(result), detector=detector, like=dance, on_progress=on_progress)
    found = same_grid(seen.poses, dance, result)
    if poses is not None:
        found = on_grid(capture_poses(poses).poses, dance, poses)
    album = open_album(dance)
    table = compare_frames(
        album.keep(read_frames(result)), read_frames(result), found, meters=_meters(person), masks=_masks(seen)
    ).join(compare_poses(found, dance))
    settings: dict[str, str | float | int] = {"preset": str(person.recipe["preset"])}
    method = Method(name="result", title=result.name, table=table, settings=settings)
    subject = Dance(
        driving=dance, learnable=person.learned_poses, first=first, clip=f"{result.name}, dancing {name}",
        protocol="A finished transfer: there is no truth to compare pictures with. Its poses are compared with those it"
        " was to show, and its background with itself a frame before.",
        synthetic=is_synthetic(person.consent), files={result.name: sha256(result), "footage": person.source_sha256},
    )  # fmt: skip
    looked = detector if poses is None else f"given: {poses.name}"
    cover = check_coverage(dance, subject.learnable)
    report = make_report(subject, [method], cover, seed=0, detector=detector, looked=looked, judged_by=JUDGED_BY)
    moments = {m.frame: [("asked for", _figure(dance, m.frame, album)), ("result", album[m.frame])]
               for m in report.moments}  # fmt: skip
    strips = [
        Strip(
            caption=f"{(first + frame) / report.fps:.1f} s",
            pictures=[("asked for", _figure(dance, frame, album)), ("result", album[frame])],
        )
        for frame in spread(dance, STRIPS)
    ]
    shown, fps = thin_film(len(dance), report.fps)
    film = Film(labels=("asked for", "result"), fps=fps,
                rows=[[_figure(dance, frame, album), album[frame]] for frame in shown])  # fmt: skip
    asked, filmed = (Clip(poses=p, frames=None, pick=draw_poses(p)) for p in (dance, subject.learnable))
    sheet = draw_sheet(cover, asked, filmed)
    numbers, page = write_report(
        folder, report, ReportPictures(film=film, strips=strips, moments=moments, contact_sheet=sheet)
    )
    return Assessment(report=report, numbers=numbers, page=page)


def _meters(person: Person) -> list[Meter]:
    embedder = find_embedder()
    known = None if embedder is None or person.bank is None else _known_face(person.bank, embedder)
    meters: list[Meter] = [FlickerMeter()]
    return meters if known is None or embedder is None else [*meters, IdentityMeter(embed=embedder, known=known)]


def _known_face(bank: ReferenceBank, embed: FaceEmbedder) -> NDArray[np.float64] | None:
    """Mean descriptor of the faces in the person file's pictures; None when none shows a whole face."""
    grow = np.array(bank.ratio, np.float32)
    seen = [i for i in range(len(bank)) if (bank.poses.score[i, FACE] > 0).all()]
    return np.mean([embed(bank.large[i], bank.poses.xy[i, FACE] * grow) for i in seen], axis=0) if seen else None


def _masks(seen: Watched) -> Iterator[Mask | None]:
    return seen.unpacked()


def _figure(poses: PoseSequence, frame: int, album: Album) -> Picture:
    """The pose that was asked for, cut as the album's pictures are."""
    drawn = draw_stick_figure(poses.xy[frame], poses.score[frame], poses.size, canvas="black")
    own = Album([album.windows[frame]])
    list(islice(own.keep([drawn]), 1))
    return own[0]
