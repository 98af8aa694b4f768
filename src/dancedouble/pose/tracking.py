"""Following one person through a clip, frame by frame.

Two passes over the frames. The first looks at a few a second and says who is there (:mod:`dancedouble.pose.people`).
The second follows the chosen one from frame to frame with the landmark network alone, and holds on to the first pass's
track: where it loses the person, or slips onto somebody else, it starts again from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from dancedouble.overlap import in_a_thread, read_ahead
from dancedouble.pose.estimator import Frame, PersonPose, PoseEstimator, Roi, overlap
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.people import Sighting, Track, choose_subject, list_people, most_alike, sample_step
from dancedouble.pose.people_sheet import busiest_frame, people_sheet
from dancedouble.progress import OnProgress, Stage, ignore_progress

__all__ = [
    "Clip", "Seen", "Sighting", "Track", "busiest_frame", "choose_subject", "find_subject", "follow_subject",
    "list_people", "people_sheet", "sample_step", "watch_subject",
]  # fmt: skip

ON_TRACK = 0.3
"""Overlap of a pose with the track's box from which they are surely one person."""
NEAR = 0.15
"""Distance of their regions, in sizes of the region, that says the same when an arm has changed the box."""
STEADY = 0.3
"""Overlap of two poses one frame apart, needed where the first pass saw nobody."""
COAST_SAMPLES = 10
"""Samples (2 s) to go on following where the first pass saw nobody."""


Whom = int | PoseSequence | None
"""Who is followed: a number of :func:`list_people`; whoever is most often where poses are; the clear main subject."""


class Clip(Protocol):
    """What must be known of the frames; a ``VideoInfo`` is one."""

    @property
    def path(self) -> Path:
        """Named in errors."""
        ...

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        ...

    @property
    def frames(self) -> int:
        """How many there are."""
        ...


class Seen(NamedTuple):
    """One frame and the subject in it."""

    frame: Frame
    pose: PersonPose | None


@dataclass
class _Following:
    """Where the second pass stands."""

    pose: PersonPose | None = None
    coasted: int = 0
    """Frames since the track was last there."""


def watch_subject(
    frames_factory: Callable[[], Iterator[Frame]],
    info: Clip,
    estimator: PoseEstimator,
    *,
    person: Whom = None,
    on_progress: OnProgress = ignore_progress,
) -> Iterator[Seen]:
    """Every frame of a clip with the subject's pose in it, one at a time.

    Args:
        frames_factory: gives the clip's frames from the first, RGB; called twice, and read ahead in a thread.
        info: the clip.
        estimator: finds people and poses.
        person: who to follow.
        on_progress: hears of the stages ``people`` and ``poses``.

    Raises:
        NoPersonError, SubjectError, PersonTooSmallError: see :func:`choose_subject`; with the first frame asked for.
    """
    frames = read_ahead(frames_factory())
    subject, everyone = find_subject(frames, info, estimator, person=person, on_progress=on_progress)
    others = [track for track in everyone if track.number != subject.number]
    stage = Stage("poses", on_progress, total=info.frames, note=info.path.name)
    yield from stage.track(follow_subject(read_ahead(frames_factory()), estimator, subject, others=others))


def find_subject(
    frames: Iterable[Frame],
    info: Clip,
    estimator: PoseEstimator,
    *,
    person: Whom = None,
    part: tuple[int, int] | None = None,
    every: int = 1,
    on_progress: OnProgress = ignore_progress,
) -> tuple[Track, list[Track]]:
    """The first pass: the track to follow, and everyone's tracks. Raises as :func:`choose_subject` does.

    ``frames`` are one in ``every`` of the clip's, see :func:`list_people`. Of ``part`` = (first, one past the last)
    frame alone are the tracks then, counted from its first; people are counted in the whole clip.
    """
    stage = Stage("people", on_progress, total=info.frames, note=info.path.name)
    tracks = list_people(stage.track(frames, each=every), estimator, fps=info.fps, every=every)
    number = most_alike(tracks, person) if isinstance(person, PoseSequence) else person
    subject = choose_subject(tracks, person=number, path=info.path, part=part)
    if part is not None:
        tracks = [there for track in tracks if (there := track.within(*part)) is not None]
    return subject, tracks


def follow_subject(
    frames: Iterable[Frame], estimator: PoseEstimator, track: Track, *, others: Sequence[Track] = (), every: int = 1,
    hands_every: int = 1,
) -> Iterator[Seen]:  # fmt: skip
    """The second pass: each of ``frames`` with the pose of ``track``'s person in it.

    The place of the body is all that looking at the next frame needs: hands, face and mask are found beside that, in a
    thread, and come out one frame later.

    Args:
        frames: all frames of the clip from the first, RGB, or one in ``every``.
        estimator: its landmark network is run once or twice a frame.
        track: whom to follow.
        others: tracks of the other people, so as not to slip onto one of them.
        every: how many of the clip's frames lie between two of ``frames``.
        hands_every: hands are looked for in one of so many of ``frames`` only.
    """

    def bodies() -> Iterator[Seen]:
        state = _Following()
        for index, frame in zip(count(step=every), frames, strict=False):
            here = track.at(index)
            state.coasted = 0 if here else state.coasted + every
            state.pose = _follow(frame, estimator, state, here, [other.at(index) for other in others], track.step)
            yield Seen(frame, state.pose)

    def complete(numbered: tuple[int, Seen]) -> Seen:
        number, (frame, pose) = numbered
        return Seen(frame, pose and estimator.complete(frame, pose, hands=number % hands_every == 0))

    return in_a_thread(complete, enumerate(bodies()), depth=2)


def _follow(
    frame: Frame,
    estimator: PoseEstimator,
    state: _Following,
    here: Sighting | None,
    others: list[Sighting | None],
    step: int,
) -> PersonPose | None:
    """One frame: from the last pose when that holds, else from the track."""
    before = state.pose
    if before is not None and (here or state.coasted <= COAST_SAMPLES * step):
        pose = estimator.landmarks(frame, before.roi)
        if pose is not None and _is_subject(pose, here, others, before):
            return pose
    if here is None:
        return None
    pose = estimator.landmarks(frame, here.roi)
    return pose if pose is not None and _is_subject(pose, here, others, None) else None


def _is_subject(
    pose: PersonPose, here: Sighting | None, others: list[Sighting | None], before: PersonPose | None
) -> bool:
    """Whether a pose is the subject's and not somebody else's, nor something in an empty room."""
    if here is None:
        apart, shared = 1.0, overlap(pose.box, before.box) if before else 0.0
        held = shared >= STEADY
    else:
        apart, shared = _apart(pose.roi, here.roi), overlap(pose.box, here.box)
        held = shared >= ON_TRACK or apart <= NEAR
    return held and not any(
        other is not None and overlap(pose.box, other.box) > shared and _apart(pose.roi, other.roi) < apart
        for other in others
    )


def _apart(a: Roi, b: Roi) -> float:
    return float(np.hypot(a.x - b.x, a.y - b.y)) / max(a.size, b.size)
