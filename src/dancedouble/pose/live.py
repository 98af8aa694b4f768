"""Following and fitting a dancer while they dance: only what has been seen is known.

The whole clip's statistics, which a finished video is fitted by, are replaced by those of the first seconds; they are
taken again every second until :data:`MEASURED_SECONDS` have been seen, and stay from then on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import ceil

import numpy as np

from dancedouble.errors import InputError
from dancedouble.overlap import in_a_thread
from dancedouble.pose.estimator import Detection, Frame, PersonPose, PoseEstimator, no_pose
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.measurements import measure_clip
from dancedouble.pose.normalization import DanceFit, Retarget, fit_dance
from dancedouble.pose.smoothing import reach_of, smooth_one
from dancedouble.pose.tracking import Seen

FRAMES_BETWEEN_LOOKS = 5
"""While nobody is there, the detector looks at every fifth frame: it takes three frames' time."""
LAG = 2
"""Frames by which poses are held back, so that what smooths them knows what comes after."""
FIRST_SECONDS = 1.5
"""Of a dancer, before their double appears."""
MEASURED_SECONDS = 20
EASE_SECONDS = 1.0
"""A new fit takes over gradually."""
TAIL_SECONDS = 1.0
"""Of the latest poses: what the floor under the feet is read from."""


def follow_live(frames: Iterable[Frame], estimator: PoseEstimator) -> Iterator[Seen]:
    """Each frame with the pose of one person: the largest when somebody is first seen, and whenever they were lost."""

    def bodies() -> Iterator[Seen]:
        pose: PersonPose | None = None
        missed = FRAMES_BETWEEN_LOOKS
        for frame in frames:
            pose = None if pose is None else estimator.landmarks(frame, pose.roi)
            if pose is None and missed >= FRAMES_BETWEEN_LOOKS:
                missed = 0
                people = estimator.detect(frame)
                pose = estimator.landmarks(frame, max(people, key=_height).roi) if people else None
            missed += pose is None
            yield Seen(frame, pose)

    def complete(seen: Seen) -> Seen:
        return seen if seen.pose is None else Seen(seen.frame, estimator.complete(seen.frame, seen.pose))

    return in_a_thread(complete, bodies())


def _height(person: Detection) -> float:
    return person.box[3] - person.box[1]


class LiveFit:
    """Poses of a dancer as they come → poses of the double, :data:`LAG` frames later.

    ``target`` are the subject's poses in their footage; ``size`` (height, width) and ``fps`` those of the live frames.
    """

    def __init__(self, target: PoseSequence, size: tuple[int, int], fps: Fraction, retarget: Retarget) -> None:
        self.target, self.retarget = measure_clip(target), retarget
        self.size, self.fps = size, fps
        self._recent: deque[PersonPose | None] = deque(maxlen=ceil(reach_of(float(fps))) + 1 + LAG)
        self._tail: deque[PoseSequence] = deque(maxlen=max(2, round(TAIL_SECONDS * fps)))
        self._history: list[PoseSequence] = []
        self._fits: list[DanceFit] = []
        """The latest, and before it the one it takes over from."""
        self._age = 0
        """Frames since the latest fit."""

    def add(self, pose: PersonPose | None) -> PoseSequence | None:
        """One frame's pose in; a sequence of one row out, in pixels of the target's frame.

        None while the dancer is away or not yet measured.
        """
        self._recent.append(pose)
        if len(self._recent) <= LAG:
            return None
        row = smooth_one(_sequence(self._recent, self.size, self.fps), len(self._recent) - 1 - LAG)
        if not row.present[0]:
            self._tail.clear()
            return None
        self._tail.append(row)
        if len(self._history) < MEASURED_SECONDS * self.fps:
            self._history.append(row)
            self._measure()
        self._age += 1
        return self._apply() if self._fits else None

    def _measure(self) -> None:
        """Fit again where it is time: at first, and then every second."""
        seen = len(self._history)
        wait = round(FIRST_SECONDS * self.fps)
        if seen < wait or (seen - wait) % max(round(self.fps), 1):
            return
        try:
            fit = fit_dance(_joined(self._history), self.target, retarget=self.retarget)
        except InputError:  # not enough of the body was seen together yet
            return
        self._fits = [*self._fits[-1:], fit]
        self._age = 0

    def _apply(self) -> PoseSequence:
        tail = _joined(self._tail)
        rows = [fit.apply(tail)[-1:] for fit in self._fits]
        share = min(self._age / float(EASE_SECONDS * self.fps), 1.0)
        if len(rows) == 1 or share >= 1:
            self._fits = self._fits[-1:]
            return rows[-1]
        before, now = rows
        xy = before.xy + np.float32(share) * (now.xy - before.xy)
        return PoseSequence(xy=xy, score=now.score, depth=now.depth, size=now.size, fps=now.fps)


def _sequence(poses: Iterable[PersonPose | None], size: tuple[int, int], fps: Fraction) -> PoseSequence:
    nobody = no_pose()
    rows = [nobody if pose is None else (pose.xy, pose.score, pose.depth) for pose in poses]
    xy, score, depth = (np.stack(column) for column in zip(*rows, strict=True))
    return PoseSequence(xy=xy, score=score, depth=depth, size=size, fps=fps)


def _joined(parts: Iterable[PoseSequence]) -> PoseSequence:
    parts = list(parts)
    xy, score, depth = (np.concatenate([getattr(part, name) for part in parts]) for name in ("xy", "score", "depth"))
    return PoseSequence(xy=xy, score=score, depth=depth, size=parts[0].size, fps=parts[0].fps)
