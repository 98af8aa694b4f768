"""One subject's poses out of whatever the user gave: a video, an ``.npz``, a folder of OpenPose JSON."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from dancedouble.errors import InputError, NoPersonError, SubjectError, WeightsError
from dancedouble.files import is_folder
from dancedouble.media.video import VideoInfo, probe, read_frames
from dancedouble.overlap import read_ahead
from dancedouble.pose.blazepose import BlazePose, LandmarkModel
from dancedouble.pose.estimator import PersonPose, PoseEstimator, no_pose
from dancedouble.pose.keypoints import PoseSequence, empty_poses
from dancedouble.pose.openpose_json import reach_of, read_openpose
from dancedouble.pose.pixel_motion import FlowMeter, Motion, follow_pixels
from dancedouble.pose.smoothing import fill_gaps, fill_hands, find_gaps, smooth, smooth_as_paper
from dancedouble.pose.tracking import Seen, Track, find_subject, follow_subject, sample_step
from dancedouble.progress import OnProgress, Stage, ignore_progress
from dancedouble.weights import available, weight_path

log = logging.getLogger(__name__)

LONGEST_BRIDGED = 0.4
"""Seconds: shorter gaps are interpolated, longer ones stay empty."""
DEFAULT_FPS = Fraction(30)
"""Rate of poses that come without one."""
RATE_UNKNOWN = (
    f"OpenPose's files name no frame rate; taken to be {float(DEFAULT_FPS):.0f} frames a second; --fps RATE of render,"
    " transfer and pose says another"
)
SLOWEST_FPS, FASTEST_FPS = 1, 240
"""Between these is what may be the rate of poses."""
DANCE_LOOKS = 11.5
"""How often a second a dance is looked at, at least: every other frame of a phone's video."""
HANDS_EVERY = 2
"""Where not every frame is looked at, hands are looked for in one of so many looks: they are half of the work."""
Smoothing = Literal["local", "paper", "none"]
"""How poses are smoothed over time: by local parabolas and the picture's motion, by the paper's median and Gaussian, or
not."""


class Followed(NamedTuple):
    """A video in which somebody is followed."""

    people: int
    """How many people it shows."""
    frames: Iterator[Seen]


@dataclass(frozen=True, kw_only=True)
class Capture:
    """A clip's poses, cleaned, with what was noticed on the way."""

    poses: PoseSequence
    gaps: int
    """Frames that stay without the subject."""
    video: VideoInfo | None
    """The video they are from; None when poses were given."""
    warnings: list[str] = field(default_factory=list)
    people: int = 1
    """How many people the video shows."""


def dance_estimator() -> PoseEstimator:
    """What looks at dances: fast, and without masks."""
    return BlazePose(mask=False)


def subject_estimator(model: LandmarkModel) -> PoseEstimator:
    """What looks at footage that is learned, and at results that are judged: with masks.

    Footage is looked at once, and what is learned is no better than its poses: the heavy network, which takes three to
    five times as long as the full one, sees everybody twice. Which is to be had: :func:`subject_model`.
    """
    return BlazePose(model=model, twice=model == "heavy")


@cache
def subject_model() -> LandmarkModel:
    """``heavy``; ``full`` where the heavy network's weights are not here and cannot be fetched."""
    try:
        weight_path("pose_landmark_heavy")
    except WeightsError as error:
        if available("pose_landmark_heavy"):
            raise
        log.warning("%s; the smaller network looks instead", error)
        return "full"
    return "heavy"


def follow(
    info: VideoInfo, estimator: PoseEstimator, *, person: int | None, start: int = 0, stop: int | None = None,
    every: int = 1, hands_every: int = 1, on_progress: OnProgress = ignore_progress,
) -> Followed:  # fmt: skip
    """Frames ``start`` to ``stop`` of a video, one in ``every``, with the chosen subject's pose in each, streamed.

    One in ``hands_every`` of those is searched for hands. Who is there is looked for at once; a ``person`` is counted
    in the whole video, whatever part is wanted. Raises as :func:`dancedouble.pose.people.choose_subject` does.
    """
    stop = info.frames if stop is None else min(stop, info.frames)
    subject, everyone = _find_subject(info, estimator, person, (start, stop), on_progress)
    others = [track for track in everyone if track.number != subject.number]
    stage = Stage("poses", on_progress, total=stop - start, note=info.path.name)
    frames = read_ahead(read_frames(info.path, start=start, stop=stop, every=every))
    seen = follow_subject(frames, estimator, subject, others=others, every=every, hands_every=hands_every)
    return Followed(len(everyone), stage.track(seen, each=every))


def _find_subject(
    info: VideoInfo, estimator: PoseEstimator, person: int | None, part: tuple[int, int], on_progress: OnProgress
) -> tuple[Track, list[Track]]:
    """Whom to follow in a part of a video, and everyone there. Without a ``person`` only the part is looked at."""
    first, stop = part
    step, whole = sample_step(info.fps), stop - first == info.frames
    if whole or person is not None:
        return find_subject(
            read_ahead(read_frames(info.path, every=step)), info, estimator, person=person,
            part=None if whole else part, every=step, on_progress=on_progress,
        )  # fmt: skip
    frames = read_ahead(read_frames(info.path, start=first, stop=stop, every=step))
    try:
        return find_subject(frames, replace(info, frames=stop - first), estimator, every=step, on_progress=on_progress)
    except SubjectError as error:  # it tells the numbers of the part
        raise SubjectError(
            f"{info.path}: several people and no clear subject in frames {first} to {stop}; choose one with --person N,"
            f" by the numbers of `dancedouble info {info.path.name}`"
        ) from error


def compared(frames: Iterable[Seen], meter: FlowMeter) -> Iterator[Seen]:
    """The same frames, each compared with the one before by ``meter``."""
    for seen in frames:
        meter.look(*seen)
        yield seen


def assemble(poses: Iterable[PersonPose | None], size: tuple[int, int], fps: Fraction) -> PoseSequence:
    """Rows of one subject, empty where they are absent. Only keypoints are kept, so a long clip fits in memory."""
    nobody = no_pose()
    rows = [nobody if pose is None else (pose.xy, pose.score, pose.depth) for pose in poses]
    if not rows:
        return empty_poses(0, size, fps)
    xy, score, depth = (np.stack(column) for column in zip(*rows, strict=True))
    return PoseSequence(xy=xy, score=score, depth=depth, size=size, fps=fps)


def clean(
    looks: PoseSequence, smoothing: Smoothing = "local", *, every: int = 1, count: int | None = None,
    motion: Motion | None = None,
) -> tuple[PoseSequence, int, list[str]]:  # fmt: skip
    """Bridge short gaps, smooth; also how many frames stay empty, and a line about them.

    Looks at every ``every``-th frame of a clip of ``count`` become poses of all its frames: by local parabolas alone.
    Where every frame was looked at, and the picture's ``motion`` from one to the next is known, these move along.
    """
    if motion is not None and (every != 1 or smoothing != "local"):
        raise ValueError(f"motion goes with a look at every frame and smoothing 'local', not {every} and {smoothing!r}")
    poses = fill_gaps(looks, round(LONGEST_BRIDGED * float(looks.fps)))
    if smoothing == "local":
        poses = smooth(poses, every, count)
        poses = poses if motion is None else follow_pixels(poses, motion)
    elif every != 1:
        raise ValueError(f"smoothing {smoothing!r} needs a look at every frame, not at one in {every}")
    elif smoothing == "paper":
        poses = smooth_as_paper(poses)
    gaps = find_gaps(poses)
    if not gaps:
        return poses, 0, []
    empty = sum(len(gap) for gap in gaps)
    spans = f"{len(gaps)} {'span' if len(gaps) == 1 else 'spans'}"
    return poses, empty, [f"{empty} of {len(poses)} frames ({spans}) do not show the person"]


def capture_poses(
    source: Path, *, person: int | None = None, frames: tuple[int, int] | None = None, looks: float | None = None,
    fps: Fraction | None = None, smoothing: Smoothing = "local", estimator: PoseEstimator | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Capture:  # fmt: skip
    """Poses of ``source``, or of its frames ``frames`` = (first, one past the last).

    A video need not be looked at in every frame: ``looks`` is how often a second at least; at hands half as often then.
    ``fps`` is the rate of OpenPose's files, which name none. Raises InputError (or one of its kinds) when it is not
    usable or shows nobody, and as :func:`check_rate` does.
    """
    check_rate(source, fps)
    if source.suffix == ".npz":
        # Poses of ours are clean already; smoothing them again would make them another dance.
        loaded = PoseSequence.load(source)
        first, stop = frame_range(frames, len(loaded), source)
        poses = loaded[first:stop]
        _require_somebody(poses, source)
        return Capture(poses=poses, gaps=int((~poses.present).sum()), video=None)
    info: VideoInfo | None = None
    people, every, count = 1, 1, None
    meter: FlowMeter | None = None
    motion: Motion | None = None
    if is_folder(source):
        poses = read_json_folder(source, person, fps)
        first, stop = frame_range(frames, len(poses), source)
        poses = poses[first:stop]
    else:
        info = probe(source)
        start, stop = frame_range(frames, info.frames, source)
        finder = estimator or dance_estimator()
        every, count = 1 if looks is None else max(1, int(info.fps / looks)), stop - start
        hands_every = 1 if every == 1 else HANDS_EVERY
        people, seen = follow(
            info, finder, person=person, start=start, stop=stop, every=every, hands_every=hands_every,
            on_progress=on_progress,
        )  # fmt: skip
        if every == 1 and smoothing == "local":
            meter = FlowMeter()
            seen = compared(seen, meter)
        looked = assemble((pose for _, pose in seen), info.size, info.fps / every)
        motion = None if meter is None else meter.finish()
        poses = fill_hands(looked, hands_every)
    _require_somebody(poses, source)
    cleaned, gaps, warnings = clean(poses, smoothing, every=every, count=count, motion=motion)
    about_rate = clip_notes(info) if info is not None else [RATE_UNKNOWN] * (fps is None)
    noticed = [*about_rate, *warnings]
    named = [f"{source.name}: {line}" for line in noticed]
    return Capture(poses=cleaned, gaps=gaps, video=info, warnings=named, people=people)


def clip_notes(info: VideoInfo) -> list[str]:
    """Lines about a video file that a user may want to know, without its name."""
    if not info.variable_rate:
        return []
    return [f"its frame rate varies; read as {float(info.fps):.4g} frames a second"]


def _require_somebody(poses: PoseSequence, source: Path) -> None:
    if not poses.present.any():
        raise NoPersonError(f"{source}: nobody was found in it; expected a person who dances, seen from head to feet")


def read_json_folder(folder: Path, person: int | None, fps: Fraction | None = None) -> PoseSequence:
    """OpenPose's JSON files, which name neither frame size nor rate: the size is what the points reach.

    At ``fps`` frames a second, as a fraction that videos can have; at :data:`DEFAULT_FPS` for None.
    """
    rate = DEFAULT_FPS if fps is None else Fraction(fps).limit_denominator(1001)
    poses = read_openpose(folder, (1, 1), rate, person=person)
    return replace(poses, size=reach_of(poses.xy, poses.score))


def check_rate(source: Path, fps: Fraction | None) -> None:
    """Raise InputError for a rate, in frames a second, that is none, or of a source that knows its own."""
    if fps is None:
        return
    if not SLOWEST_FPS <= fps <= FASTEST_FPS:
        raise InputError(
            f"{source}: --fps {float(fps):.4g} is no rate of a video; expected {SLOWEST_FPS} to {FASTEST_FPS} frames a"
            " second"
        )
    if source.is_file():
        known = "a video knows its" if is_video(source) else "poses in an .npz know their"
        raise InputError(f"{source}: {known} frame rate, --fps is for a folder of OpenPose JSON; leave it out")


def is_video(path: Path) -> bool:
    """Whether a source is to be read as a video: neither poses of ours nor a folder of OpenPose's."""
    return path.suffix != ".npz" and not is_folder(path)


def frame_range(frames: tuple[int, int] | None, count: int, source: Path) -> tuple[int, int]:
    """``frames`` checked against a clip of ``count``; the whole clip for None. Raises InputError."""
    first, stop = frames or (0, count)
    if not 0 <= first < stop or first >= count:
        raise InputError(f"{source}: --frames {first}:{stop} is outside it; expected a range within 0:{count}")
    return first, min(stop, count)
