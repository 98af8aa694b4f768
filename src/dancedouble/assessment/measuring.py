"""Render one method over a trial, watch it, measure it against the truth, and keep small pictures of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.assessment.contenders import Contender
from dancedouble.assessment.detection import Pictures, Watched, watch
from dancedouble.assessment.trial import Trial
from dancedouble.delivery import open_output
from dancedouble.evaluation.boxes import Box, steady_windows
from dancedouble.evaluation.frame_metrics import Meter, PictureMeter, compare_frames, load_lpips
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.identity_metrics import FaceMeter, find_embedder
from dancedouble.evaluation.pose_metrics import compare_poses, mask_iou
from dancedouble.evaluation.temporal_metrics import MotionMeter
from dancedouble.media.image import decode_image, encode_jpeg, read_image, resize, write_image
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.progress import OnProgress, Stage
from dancedouble.provenance.marking import synthetic_record

Picture = NDArray[np.uint8]
ALBUM_HEIGHT, ALBUM_MARGIN, ALBUM_QUALITY = 320, 0.2, 88
"""Pictures of the person are kept this tall, with so much room around the body."""

VGG_FRAMES = 16
"""Frames at most in which LPIPS (vgg) is measured: it costs many times what all else does without a GPU."""


@dataclass
class Album:
    """Small pictures of every frame, cut to the person: what a report shows."""

    windows: Sequence[Box | None]
    """Per frame where the person is in the truth; the whole frame for None."""
    pictures: list[bytes] = field(default_factory=list)

    def keep(self, frames: Iterable[Picture]) -> Iterator[Picture]:
        """Pass frames on, keeping a small picture of each."""
        for frame in frames:
            window = self.windows[len(self.pictures)] if len(self.pictures) < len(self.windows) else None
            cut = frame if window is None else np.ascontiguousarray(window.crop(frame))
            if cut.shape[0] > ALBUM_HEIGHT:
                cut = resize(cut, (ALBUM_HEIGHT, max(1, round(cut.shape[1] * ALBUM_HEIGHT / cut.shape[0]))))
            self.pictures.append(encode_jpeg(cut, ALBUM_QUALITY))
            yield frame

    def __getitem__(self, frame: int) -> Picture:
        return decode_image(self.pictures[frame])


def open_album(poses: PoseSequence) -> Album:
    """An empty album of the person whose poses these are."""
    return Album(steady_windows(poses, ALBUM_MARGIN))


def face_meter() -> FaceMeter | None:
    """For all methods of a trial: the true faces are looked at once. None where the network is not installed."""
    embedder = find_embedder()
    return None if embedder is None else FaceMeter(embed=embedder)


def picture_meters(frames: int, face: FaceMeter | None) -> list[Meter]:
    """Everything that is measured on pictures, faces only with their meter."""
    alex, vgg = {"lpips_alex": load_lpips("alex")}, {"lpips_vgg": load_lpips("vgg")}
    return [
        PictureMeter(perceptual=alex, sampled=vgg, every=max(1, -(-frames // VGG_FRAMES))), MotionMeter(),
        *([] if face is None else [face]),
    ]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One method's numbers and pictures."""

    table: FrameTable
    album: Album


def measure_contender(
    contender: Contender, trial: Trial, video: Path, *, truth: Watched | None, face: FaceMeter | None,
    detector: LandmarkModel, on_progress: OnProgress,
) -> Measured:  # fmt: skip
    """Render into ``video``, and measure the pictures before they are compressed: encoders do not always repeat
    themselves.

    ``truth`` are the poses to compare with where another detector looks than the one that found the trial's.
    """
    album = open_album(trial.truth_poses)
    size, fps, count = trial.driving.size, trial.driving.fps, len(trial.driving)
    stage = Stage(f"measuring {contender.title}", on_progress, total=count)
    record = _record(contender, trial)
    with TemporaryDirectory(prefix=f".{contender.name}-", dir=video.parent) as store:
        names = [Path(store) / f"{index:06d}.png" for index in range(count)]
        with open_output(video, size, fps, first=0, audio=None, record=record) as writer:

            def written() -> Iterator[Picture]:
                for name, frame in zip(names, stage.track(contender.render(trial.driving)), strict=True):
                    writer.write(frame)
                    write_image(name, frame)
                    yield frame

            table = compare_frames(
                album.keep(written()), trial.truth(), trial.truth_poses, meters=picture_meters(count, face),
                masks=trial.masks(),
            )  # fmt: skip
        pictures = Pictures(video, lambda: (read_image(name) for name in names), size, fps, count)
        seen = watch(pictures, detector=detector, like=trial.truth_poses, on_progress=on_progress)
    table = table.join(compare_poses(seen.poses, trial.truth_poses if truth is None else truth.poses))
    table = table.join(FrameTable({"person.mask_iou": _mask_iou(seen, trial)}))
    present = trial.truth_poses.present
    return Measured(
        table=FrameTable({name: np.where(present, column, np.nan) for name, column in table.columns.items()}),
        album=album,
    )


def _mask_iou(seen: Watched, trial: Trial) -> NDArray[np.float64]:
    """(T,) overlap with the true masks, 0 where nobody was found; NaN where there is no true mask."""
    nobody = np.zeros(trial.truth_poses.size, np.bool_)
    pairs = zip(seen.unpacked(), trial.masks(), strict=True)
    return np.array([np.nan if true is None else mask_iou(nobody if found is None else found, true)
                     for found, true in pairs], np.float64)  # fmt: skip


def _record(contender: Contender, trial: Trial) -> dict[str, Any]:
    if contender.record is not None:
        return synthetic_record(contender.record, f"poses of {trial.clip}")
    return {"synthetic": True, "method": contender.title, "source": f"poses of {trial.clip}"}
