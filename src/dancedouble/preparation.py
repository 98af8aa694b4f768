"""Footage of a subject → a finished workspace."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dancedouble.capture import assemble, clean, clip_notes, follow, subject_estimator
from dancedouble.errors import ClipTooShortError, InputError, NoPersonError, PersonTooSmallError
from dancedouble.media.image import write_image
from dancedouble.media.video import VideoInfo, probe
from dancedouble.plate import COVERED, Plate, PlateBuilder
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.estimator import PersonPose, PoseEstimator
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.pixel_motion import FlowMeter, Motion
from dancedouble.pose.tracking import Seen
from dancedouble.progress import OnProgress
from dancedouble.rendering.crop import body_boxes
from dancedouble.steadying import Steadier, moved_back, unseen
from dancedouble.workspace import (
    MANIFEST,
    Manifest,
    Workspace,
    frame_name,
    mask_name,
    new_workspace,
    pair_step,
    write_manifest,
)

SMALLEST_PERSON = 96
"""Pixels: a smaller subject has no face or hands to learn."""
SHORTEST = 2.0
"""Seconds of the subject below which there is too little to learn."""
MOVING_CAMERA = 0.02
"""Share of the frame's width: more movement than this smears the plate."""
WHOLE_BODY = 0.5
"""Share of the body's main joints that a usable frame shows."""
AGREEING = 0.8
"""Share of the mask that the pose's box holds in a usable frame: 0.87 and more for good poses, 0.4 to 0.7 where the
points have collapsed onto a part of somebody close to the camera."""
WAY = 8
"""How workspaces and kept poses are made; one more whenever frames, masks, poses or plate come out otherwise."""
SECOND_BEST = (
    "poses are from the smaller network, so expect a little less: the weights pose_landmark_heavy cannot be had here"
)
"""Said of footage that was looked at without the best there is."""
JOINTS = tuple(range(15))
"""The body without face details and feet."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a workspace is asked for: the same request is answered by what is there, if it was made in the same way."""

    source_sha256: str
    person: int | None
    poses_sha256: str | None
    detector: LandmarkModel
    """What looks at the footage."""
    way: int = WAY

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return dict(vars(self))


def prepare_workspace(
    video: Path, folder: Path, *, consent: str, person: int | None, given: PoseSequence | None, request: Request,
    estimator: PoseEstimator | None, on_progress: OnProgress,
) -> Workspace:  # fmt: skip
    """Make the workspace ``folder``, whole or not at all.

    Of footage that is faster than what is learned from, every second, third, … frame becomes one of the workspace's.
    ``given`` are poses of all its frames. Raises the kinds of InputError that say why footage cannot be learned from,
    and OutputError.
    """
    info = probe(video)
    if given is not None and len(given) != info.frames:
        raise InputError(
            f"{video}: has {info.frames} frames, but the poses given for it have {len(given)}; expected the same"
        )
    with new_workspace(folder) as part:
        looking = estimator or subject_estimator(request.detector)
        every = pair_step(info.fps)
        seen = _look(info, part, looking, person, every, None if given is not None else FlowMeter(), on_progress)
        poses = seen.poses if given is None else _take(given, seen.poses, every)
        moves = seen.steadier.moves()
        poses = replace(poses, xy=poses.xy - moves[:, None])
        if not poses.present.any():
            raise NoPersonError(f"{video}: nobody was found in it; expected one person, seen from head to feet")
        usable = [i for i in _usable(poses) if seen.agreement[i] >= AGREEING]
        height = person_height(poses)
        _check(video, usable, height, poses.fps)
        # Poses of the user's were smoothed, or not, as they wished.
        motion = seen.motion and seen.motion.steadied(moves)
        cleaned, _, warnings = clean(poses, "local" if given is None else "none", motion=motion)
        plate = seen.builder.finish()
        drift = max(plate.drift, seen.steadier.drift / info.size[1])
        noticed = [*clip_notes(info), *warnings, *_notes(plate, drift, seen.people)]
        if request.detector == "full" and given is None:
            noticed.append(SECOND_BEST)
        write_image(part / "plate.png", plate.picture)
        cleaned.save(part / "poses.npz")
        manifest = Manifest(
            source_name=video.name, source_sha256=request.source_sha256, size=info.size, fps=poses.fps,
            frames=len(cleaned), usable=tuple(usable), person_height=height, consent=consent,
            warnings=tuple(f"{video.name}: {line}" for line in noticed), settings=request.to_dict(),
        )  # fmt: skip
        write_manifest(part, manifest)
    return Workspace(folder)


class _Looked(NamedTuple):
    """What came of looking at footage once."""

    poses: PoseSequence
    motion: Motion | None
    builder: PlateBuilder
    steadier: Steadier
    people: int
    agreement: NDArray[np.float64]
    """(T,) how far pose and mask of each frame agree, 0 to 1; 0 where the subject is absent."""


def _look(
    info: VideoInfo, folder: Path, estimator: PoseEstimator, person: int | None, every: int, meter: FlowMeter | None,
    on_progress: OnProgress,
) -> _Looked:  # fmt: skip
    """Write steadied frames, one in ``every``, and masks into ``folder``, and tell what was seen on the way.

    Motion is measured by ``meter``, where there is one.
    """
    builder, steadier, agreement = PlateBuilder(), Steadier(), np.zeros(-(-info.frames // every))

    def keep(index: int, seen: Seen) -> None:
        if meter is not None:
            meter.look(*seen)
        mask = np.zeros(info.size, np.uint8) if seen.pose is None else _mask_bytes(seen.pose)
        move = steadier.look(seen.frame, mask > COVERED)
        frame, mask = moved_back(seen.frame, move), moved_back(mask, move)
        mask[unseen(info.size, move)] = 0
        if seen.pose is not None:
            agreement[index] = _agreement(seen.pose)
            write_image(folder / frame_name(index), frame)
            write_image(folder / mask_name(index), mask)
        pose = None if seen.pose is None else (seen.pose.xy - np.array(move, np.float32), seen.pose.score)
        builder.add(frame, np.where(unseen(info.size, move), np.uint8(255), mask), _height(seen.pose), pose)

    followed = follow(info, estimator, person=person, every=every, on_progress=on_progress)
    found: list[PersonPose | None] = []
    with ThreadPoolExecutor(1) as thread:
        kept: Future[None] | None = None
        for index, seen in enumerate(followed.frames):
            if kept is not None:
                kept.result()
            kept = thread.submit(keep, index, seen)
            # Without its mask: those of a whole clip would not fit in memory.
            found.append(None if seen.pose is None else replace(seen.pose, mask=None))
        if kept is not None:
            kept.result()
    poses = assemble(found, info.size, info.fps / every)
    motion = None if meter is None else meter.finish()
    return _Looked(poses, motion, builder, steadier, followed.people, agreement)


def finished_workspace(folder: Path, request: Request, consent: str | None) -> Workspace | None:
    """The workspace in ``folder`` when it answers this very request, otherwise None. Consent given anew is recorded."""
    if not (folder / MANIFEST).is_file():
        return None
    workspace = Workspace(folder)
    if workspace.manifest.settings != request.to_dict():
        return None
    if consent and consent.strip() not in ("", workspace.manifest.consent):
        write_manifest(folder, replace(workspace.manifest, consent=consent.strip()))
        return Workspace(folder)
    return workspace


def _agreement(pose: PersonPose) -> float:
    """The share of the mask that lies in the box around the pose; 1 for an empty mask."""
    if pose.mask is None:
        return 1.0
    left, top, right, bottom = pose.box
    margin = 0.12 * (bottom - top)  # the top of the head, hair, hands, loose clothes
    sure = pose.mask > 0.5
    rows = slice(max(0, int(top - margin)), max(0, int(bottom + margin)))
    columns = slice(max(0, int(left - margin)), max(0, int(right + margin)))
    return float(sure[rows, columns].sum() / max(sure.sum(), 1)) if sure.any() else 1.0


def _mask_bytes(pose: PersonPose) -> NDArray[np.uint8]:
    if pose.mask is None:
        raise ValueError("learning a person needs an estimator that gives masks")
    return (pose.mask * 255).round().astype(np.uint8)


def _take(given: PoseSequence, found: PoseSequence, every: int) -> PoseSequence:
    """The user's own poses, one in ``every``; a frame needs a mask, so one that was not found stays empty."""
    taken = given[::every]
    return replace(taken, score=taken.score * found.present[:, None], size=found.size, fps=found.fps)


def _height(pose: PersonPose | None) -> float:
    return 0.0 if pose is None else pose.box[3] - pose.box[1]


def _usable(poses: PoseSequence) -> list[int]:
    """Frames that show most of the body."""
    return [int(i) for i in np.flatnonzero((poses.score[:, JOINTS] > 0).mean(axis=1) >= WHOLE_BODY)]


def person_height(poses: PoseSequence) -> float:
    """Median height in pixels of the box around the body, over the frames that show it."""
    boxes = body_boxes(poses)
    return float(np.nanmedian(boxes[:, 3] - boxes[:, 1]))


def _check(video: Path, usable: list[int], height: float, fps: Fraction) -> None:
    seconds = len(usable) / float(fps)
    if height < SMALLEST_PERSON:
        raise PersonTooSmallError(
            f"{video}: the person is {height:.0f} px tall, expected at least {SMALLEST_PERSON} px;"
            " film closer, or in a higher resolution"
        )
    if seconds < SHORTEST:
        raise ClipTooShortError(
            f"{video}: {seconds:.1f} s show most of the person's body, expected at least {SHORTEST:.0f} s;"
            " film about half a minute, from head to feet"
        )


def _notes(plate: Plate, drift: float, people: int) -> list[str]:
    """Lines about footage that can be learned from, but not well."""
    notes = []
    if people > 1:
        notes.append(f"{people} people are in it; one is learned, and the others may show in the background")
    if drift > MOVING_CAMERA:
        notes.append(
            f"the camera moves by {drift:.1%} of the picture's width; expected a fixed one, so put it on a"
            " stand: what cannot be evened out smears the background"
        )
    if plate.unseen > 0.02:
        notes.append(
            f"{plate.unseen:.0%} of the background is always hidden by the person and was made up;"
            " step aside for a moment while filming to show it"
        )
    return notes
