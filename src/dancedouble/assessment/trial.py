"""What is learned from and what is tested on: the held-out tail of a clip, or footage of the same dance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dancedouble.assessment.detection import Pictures, Watched, video_pictures, watch
from dancedouble.capture import DANCE_LOOKS, capture_poses
from dancedouble.errors import InputError
from dancedouble.evaluation.protocol import check_parts, hold_out_tail
from dancedouble.files import sha256
from dancedouble.media.video import read_frames
from dancedouble.plate import PlateBuilder
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.normalization import Retarget, normalize_poses
from dancedouble.progress import OnProgress
from dancedouble.workspace import Manifest, Workspace

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
FIGURES_GIVEN = (
    " What takes stick figures learned from those that came with the footage; the tail's are drawn from our poses."
)
SURE = 127
"""Mask value, 0 to 255, above which a pixel is the person's."""


class TrainingPart(Workspace):
    """The first ``stop`` frames of a workspace as one of its own, its plate made from them alone.

    What training leaves behind goes into ``folder``, not into the workspace.
    """

    def __init__(self, whole: Workspace, stop: int, folder: Path) -> None:
        self.path, self.folder = whole.path, folder
        self._whole = stop == whole.manifest.frames
        usable = tuple(i for i in whole.manifest.usable if i < stop)
        self.manifest = replace(whole.manifest, frames=stop, usable=usable)
        self.poses = whole.poses[:stop]

    @cached_property
    def plate(self) -> Picture:
        """The empty background, as far as these frames show it; the workspace's own where nothing is held out."""
        if self._whole:
            return super().plate
        builder = PlateBuilder()
        for index in self.manifest.usable:
            pose = self.poses.xy[index], self.poses.score[index]
            builder.add(self.frame(index), self.mask(index), self.manifest.person_height, pose)
        return builder.finish().picture

    def frame(self, index: int) -> Picture:
        """Frame ``index``; IndexError for one that is held out."""
        if index >= self.manifest.frames:
            raise IndexError(f"frame {index} is held out; the training part ends at {self.manifest.frames}")
        return super().frame(index)

    @property
    def training(self) -> Path:
        """Where training keeps its state."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder


@dataclass(frozen=True, kw_only=True)
class Dance:
    """What is rendered, and what a report says about it."""

    driving: PoseSequence
    """T poses in pixels of the subject's frame, that every method is to render."""
    learnable: PoseSequence
    """The poses that may be learned from."""
    first: int
    """Number of the first frame, among those that are kept of its clip."""
    clip: str
    protocol: str
    synthetic: bool
    files: Mapping[str, str]
    """Name → SHA-256 of the footage."""


@dataclass(frozen=True, kw_only=True)
class Trial(Dance):
    """One test: T frames of truth, and what may be learned from."""

    part: Callable[[Path], TrainingPart]
    """Folder for training state → what may be learned from; a folder each, so that runs do not mix."""
    truth_poses: PoseSequence
    """T poses seen in the truth; empty in frames that are not compared: nobody is there, or too little of them."""
    looked_by: LandmarkModel | None
    """What found them; None where that is not known, or was somebody else's detector."""
    truth: Callable[[], Iterator[Picture]]
    """A fresh stream of the T true frames, RGB uint8."""
    masks: Callable[[], Iterator[Mask | None]]
    """A fresh stream of the person masks of the true frames."""

    def pictures(self) -> Pictures:
        """The true frames as a clip."""
        return Pictures(Path(self.clip), self.truth, self.driving.size, self.driving.fps, len(self.driving))


def hold_out(workspace: Workspace) -> Trial:
    """Test on the last fifth of a workspace, from its own poses. Raises ClipTooShortError.

    A bridged gap has poses, and is danced, but no picture to compare with.
    """
    manifest = workspace.manifest
    split = hold_out_tail(manifest.frames, manifest.fps)
    seen = set(manifest.usable)
    learned, tested = (sum(i in seen for i in part) for part in (split.train, split.test))
    check_parts(learned, tested, "frames that show the person")
    tail = workspace.poses[split.test.start : split.test.stop]
    compared = np.array([i in seen for i in split.test])
    truth_poses = replace(tail, score=np.where(compared[:, None], tail.score, np.float32(0)))

    def truth() -> Iterator[Picture]:
        return (workspace.frame(i) if i in seen else workspace.plate for i in split.test)

    def masks() -> Iterator[Mask | None]:
        return (workspace.mask(i) > SURE if i in seen else None for i in split.test)

    count, fps = len(split.train), float(manifest.fps)
    return Trial(
        part=lambda folder: TrainingPart(workspace, split.train.stop, folder),
        driving=tail, learnable=workspace.poses[: split.train.stop], truth_poses=truth_poses, truth=truth, masks=masks,
        looked_by=looked_by(manifest),
        first=split.test.start, clip=manifest.source_name,
        protocol=f"Learned from the first {count} frames ({count / fps:.1f} s), background included; the next"
        f" {split.test.start - count} are used by nobody; the last {len(split.test)} ({len(split.test) / fps:.1f} s)"
        " are rendered from their own poses and compared with themselves. Another person's dance is harder."
        + (FIGURES_GIVEN if (workspace.path / "labels").is_dir() else ""),
        synthetic=is_synthetic(manifest.consent), files={manifest.source_name: manifest.source_sha256},
    )  # fmt: skip


def pair_up(
    workspace: Workspace, source: Path | None, truth: Path, on_progress: OnProgress, *,
    person: int | None = None, retarget: Retarget = "limbs", seen: Watched | None = None,
    dance: PoseSequence | None = None,
) -> Trial:  # fmt: skip
    """Learn from all of a workspace; test on ``truth``, in which its subject performs the dance of ``source``.

    Of several dancers in ``source``, ``person`` is the one, fitted by ``retarget``; without ``source`` the truth's own
    poses are rendered. What was ``seen`` in the truth, and the poses of the ``dance``, need not be found again where
    they are known. Raises InputError when lengths or sizes differ.
    """
    manifest = workspace.manifest
    seen = seen or watch(video_pictures(truth), on_progress=on_progress)
    if seen.poses.size != manifest.size:
        raise InputError(
            f"{truth}: its frames are {seen.poses.size} (height, width) and those of the workspace {manifest.size};"
            " expected the same camera"
        )
    driving, driven = seen.poses, "the truth's own poses"
    if source is not None:
        dance = dance or capture_poses(source, person=person, looks=DANCE_LOOKS, on_progress=on_progress).poses
        if len(dance) != len(seen.poses):
            raise InputError(
                f"{truth}: has {len(seen.poses)} frames and {source} {len(dance)}; expected one dance, frame for frame"
            )
        driving = normalize_poses(dance, workspace.poses, retarget=retarget).poses
        driven = f"the dance of {source.name}"
    hashes = {path.name: sha256(path) for path in (truth, source) if path is not None and path.is_file()}
    return Trial(
        part=lambda folder: TrainingPart(workspace, manifest.frames, folder),
        driving=driving, learnable=workspace.poses, truth_poses=seen.poses, looked_by=seen.detector,
        truth=lambda: read_frames(truth, stop=len(seen.poses), fps=seen.poses.fps),
        masks=lambda: iter(seen.unpacked()), first=0, clip=f"{manifest.source_name}, dancing {truth.name}",
        protocol=f"Learned from all of {manifest.source_name}; rendered from {driven}; compared with {truth.name}, in"
        f" which the same person really performs it ({len(seen.poses)} frames).",
        synthetic=is_synthetic(manifest.consent), files={manifest.source_name: manifest.source_sha256, **hashes},
    )  # fmt: skip


def looked_by(manifest: Manifest) -> LandmarkModel | None:
    """What found a workspace's poses, where that was ours."""
    settings = manifest.settings
    return settings.get("detector") if settings.get("poses_sha256") is None else None


def is_synthetic(consent: str) -> bool:
    """Whether the consent on record begins with saying that the subject is a synthetic figure, not somebody."""
    return consent.lower().lstrip().removeprefix("a ").startswith("synthetic")
