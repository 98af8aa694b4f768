"""Who is in a clip: people found on a few frames a second, linked over time, and the choice of one of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from dancedouble.errors import NoPersonError, PersonTooSmallError, SubjectError
from dancedouble.overlap import in_a_thread
from dancedouble.pose.estimator import Array, Box, Detection, Frame, PoseEstimator, Roi, bounds, overlap
from dancedouble.pose.keypoints import PoseSequence

SAMPLES_PER_SECOND = 5
CLOSE_SAMPLES = 5
"""While one person alone is there, one sample in so many (one a second) is searched closely for somebody else."""
LONGEST_GAP = 15
"""Samples (3 s) for which somebody may be unseen and still be the same person."""
SPEED = 1.0
"""Body heights a second that somebody may move, on top of :data:`STEP`, to be linked."""
STEP = 0.35
"""Body heights between two sightings that say nothing, whatever the time: sway, crouching, a raised arm."""
BRIEFEST = SAMPLES_PER_SECOND
"""Sightings (1 s) below which somebody is not listed: a passer-by, or a second pose drawn across the others. In a clip
of a few seconds it is a quarter of all samples."""
MIN_SCORE = 0.6
"""Mean score below which a track is a coat on a chair rather than a person."""
MIN_HEIGHT = 96
"""Pixels from nose to feet below which a person can be neither followed nor learned well."""
MIN_VISIBLE = 0.4
"""Share of the body that must be inside the frame in the median sighting."""
RIVAL = 0.9
"""A second person this prominent, against the first, leaves no clear subject."""
GHOST_OVERLAP = 0.3
THUMBNAIL = 192
"""Height of thumbnails in pixels."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A person in one of the sampled frames."""

    frame: int
    box: Box
    roi: Roi
    score: float
    visible: float


@dataclass(frozen=True, kw_only=True)
class Track:
    """One person over a clip."""

    number: int
    """1 for the most prominent person; what ``--person`` takes."""
    sightings: tuple[Sighting, ...]
    samples: int
    """How many frames of the clip were looked at."""
    step: int
    """Frames between two samples."""
    thumbnail: Frame
    """(192, w, 3) RGB: the person at their best."""

    @property
    def presence(self) -> float:
        """Share of the clip in which the person was found."""
        return len(self.sightings) / self.samples

    @property
    def height(self) -> float:
        """Median height in pixels, nose to feet."""
        return float(np.median([sighting.box[3] - sighting.box[1] for sighting in self.sightings]))

    @property
    def prominence(self) -> float:
        """How large and how steadily there: pixels of height averaged over the whole clip."""
        return self.height * self.presence

    def within(self, start: int, stop: int) -> Track | None:
        """The same person in frames ``start`` to ``stop``, counted from 0; None where they are not there."""
        there = [sighting for sighting in self.sightings if start - self.step < sighting.frame < stop + self.step]
        moved = tuple(replace(sighting, frame=sighting.frame - start) for sighting in there)
        return replace(self, sightings=moved) if moved else None

    def at(self, frame: int) -> Sighting | None:
        """Where the person is in any frame: between two samples interpolated, None where they were not found."""
        frames = [sighting.frame for sighting in self.sightings]
        after = bisect_left(frames, frame)
        before = max(0, after - 1)
        after = min(after, len(frames) - 1)
        first, last = self.sightings[before], self.sightings[after]
        if frame <= first.frame or frame >= last.frame:  # on a sample, or beyond the ends
            nearest = first if abs(frame - first.frame) <= abs(frame - last.frame) else last
            return nearest if abs(frame - nearest.frame) < self.step else None
        if last.frame - first.frame > 2 * self.step:
            nearest = first if frame - first.frame < last.frame - frame else last
            return nearest if abs(frame - nearest.frame) < self.step else None
        return _between(first, last, (frame - first.frame) / (last.frame - first.frame), frame)


def _between(first: Sighting, last: Sighting, share: float, frame: int) -> Sighting:
    def mix(a: float, b: float) -> float:
        return a + (b - a) * share

    turn = (last.roi.angle - first.roi.angle + np.pi) % (2 * np.pi) - np.pi
    roi = Roi(
        x=mix(first.roi.x, last.roi.x),
        y=mix(first.roi.y, last.roi.y),
        size=mix(first.roi.size, last.roi.size),
        angle=float(first.roi.angle + turn * share),
    )
    left, top, right, bottom = (mix(a, b) for a, b in zip(first.box, last.box, strict=True))
    return Sighting(
        frame=frame,
        box=(left, top, right, bottom),
        roi=roi,
        score=min(first.score, last.score),
        visible=min(first.visible, last.visible),
    )


@dataclass
class _Open:
    """A track being built."""

    sightings: list[Sighting] = field(default_factory=list)
    look: Array = field(default_factory=lambda: np.zeros(0, np.float32))
    """Running mean of the colour histogram of the clothes."""
    best: float = -1.0
    thumbnail: Frame = field(default_factory=lambda: np.zeros((THUMBNAIL, 1, 3), np.uint8))

    def add(self, frame: Frame, index: int, detection: Detection, look: Array) -> None:
        self.look = look if not len(self.look) else 0.8 * self.look + 0.2 * look
        self.sightings.append(
            Sighting(
                frame=index, box=detection.box, roi=detection.roi, score=detection.score, visible=detection.visible
            )
        )
        if detection.score * detection.visible > self.best:
            self.best = detection.score * detection.visible
            self.thumbnail = _thumbnail(frame, detection.box)


def sample_step(fps: Fraction) -> int:
    """How many frames lie between two that :func:`list_people` looks at."""
    return max(1, round(fps / SAMPLES_PER_SECOND))


def list_people(frames: Iterable[Frame], estimator: PoseEstimator, *, fps: Fraction, every: int = 1) -> list[Track]:
    """Everyone who appears in a clip, the largest and steadiest first; empty when nobody does.

    Args:
        frames: every frame of the clip in order, RGB; about five a second are looked at, none is kept.
        estimator: finds the people.
        fps: the clip's rate.
        every: ``frames`` are only one in so many of the clip's; a divisor of :func:`sample_step`.
    """
    step = sample_step(fps)
    people: list[_Open] = []
    samples = 0
    for index, frame, found in _search(frames, estimator, step, every):
        samples += 1
        _link(people, frame, index, step, found)
    tracks = [
        Track(number=0, sightings=tuple(person.sightings), samples=samples, step=step, thumbnail=person.thumbnail)
        for person in people
        if len(person.sightings) >= max(min(2, samples), min(BRIEFEST, samples // 4))
        and np.mean([sighting.score for sighting in person.sightings]) >= MIN_SCORE
    ]
    tracks.sort(key=lambda track: -track.prominence)
    kept: list[Track] = []
    for track in tracks:
        if not _is_ghost(track, kept):
            kept.append(replace(track, number=len(kept) + 1))
    return kept


def _search(
    frames: Iterable[Frame], estimator: PoseEstimator, step: int, every: int
) -> Iterator[tuple[int, Frame, list[Detection]]]:
    """Each sample, by its place in the clip, and who is in it. Two are searched at once, each in a thread."""
    alone = False

    def samples() -> Iterator[tuple[int, Frame, bool]]:
        sampled = ((number * every, frame) for number, frame in enumerate(frames) if number * every % step == 0)
        for sample, (index, frame) in enumerate(sampled):
            yield index, frame, not alone or sample % CLOSE_SAMPLES == 0

    def search(index: int, frame: Frame, closely: bool) -> tuple[int, Frame, list[Detection]]:
        found = estimator.detect(frame, closely=closely)
        if not closely and len(found) != 1:
            found = estimator.detect(frame)
        return index, frame, found

    for index, frame, found in in_a_thread(lambda sample: search(*sample), samples(), threads=2):
        alone = len(found) == 1
        yield index, frame, found


def _is_ghost(track: Track, people: Sequence[Track]) -> bool:
    """Whether a track is only a second, wrong pose drawn across people who are known already."""
    covered = [any(_covers(person, sighting) for person in people) for sighting in track.sightings]
    return 2 * sum(covered) >= len(covered)


def _covers(person: Track, sighting: Sighting) -> bool:
    """Whether ``person`` was where the sighting is, then or within the longest gap about it."""
    if not person.sightings[0].frame <= sighting.frame <= person.sightings[-1].frame:
        return False
    nearest = min(person.sightings, key=lambda other: abs(other.frame - sighting.frame))
    near = abs(nearest.frame - sighting.frame) <= LONGEST_GAP * person.step
    return near and overlap(nearest.box, sighting.box) > GHOST_OVERLAP


def _link(people: list[_Open], frame: Frame, index: int, step: int, found: list[Detection]) -> None:
    """Give each detection to the person it continues, at least total cost, or open a new one."""
    looks = [clothes_histogram(frame, detection.box) for detection in found]
    recent = [person for person in people if index - person.sightings[-1].frame <= LONGEST_GAP * step]
    cost = np.full((len(found), len(recent)), np.inf)
    for row, (detection, look) in enumerate(zip(found, looks, strict=True)):
        for column, person in enumerate(recent):
            cost[row, column] = _cost(person, detection, look, (index - person.sightings[-1].frame) / step)
    taken: set[int] = set()
    if cost.size:
        pairs = np.stack(linear_sum_assignment(np.where(np.isfinite(cost), cost, 1e6)), axis=1)
        for given, column in pairs.tolist():
            if np.isfinite(cost[given, column]):
                recent[column].add(frame, index, found[given], looks[given])
                taken.add(given)
    for row, detection in enumerate(found):
        if row not in taken:
            people.append(_Open())
            people[-1].add(frame, index, detection, looks[row])


def _cost(person: _Open, detection: Detection, look: Array, samples: float) -> float:
    """How unlike the person's last sighting a detection is; infinite when it cannot be them."""
    last = person.sightings[-1].roi
    moved = float(np.hypot(last.x - detection.roi.x, last.y - detection.roi.y)) / last.size
    grown = abs(float(np.log(max(detection.roi.size, 1.0) / max(last.size, 1.0))))
    unlike = 1 - float(np.sqrt(person.look * look).sum())
    if moved > STEP + SPEED * (samples - 1) / SAMPLES_PER_SECOND or grown > 0.7 or (samples > 3 and unlike > 0.4):
        return float("inf")
    return moved + 0.5 * grown + unlike


def clothes_histogram(frame: Frame, box: Box) -> Array:
    """(64,) share of 4 × 4 × 4 colours in the middle of a person's box, shoulders to knees: tells people apart."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    rows = slice(max(0, int(top + 0.15 * height)), max(1, int(top + 0.75 * height)))
    columns = slice(max(0, int(left + 0.25 * width)), max(1, int(right - 0.25 * width)))
    pixels = frame[rows, columns]
    if not pixels.size:
        return np.full(64, 1 / 64, np.float32)
    small = cv2.resize(pixels, (24, 48), interpolation=cv2.INTER_AREA).reshape(-1, 3) >> 6
    counts = np.bincount(small @ np.array([16, 4, 1]), minlength=64)
    return np.asarray(counts / counts.sum(), np.float32)


def _thumbnail(frame: Frame, box: Box) -> Frame:
    height, width = frame.shape[:2]
    left, top, right, bottom = box
    margin = 0.12 * (bottom - top)
    crop = frame[
        int(max(0, top - margin)) : int(min(height, bottom + margin)) + 1,
        int(max(0, left - margin)) : int(min(width, right + margin)) + 1,
    ]
    wide = max(1, round(crop.shape[1] * THUMBNAIL / crop.shape[0]))
    return np.asarray(cv2.resize(crop, (wide, THUMBNAIL), interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def asking_for(option: str) -> Iterator[None]:
    """Within, who looks at a clip with several people is asked for ``option``, not for ``--person``."""
    try:
        yield
    except SubjectError as error:
        raise SubjectError(str(error).replace("--person", option)) from error


def most_alike(tracks: Sequence[Track], poses: PoseSequence) -> int | None:
    """The number of whoever is most often where the poses are, by the overlap of boxes; None of nobody."""

    def shared(track: Track) -> float:
        return sum(
            overlap(sighting.box, bounds(poses.xy[sighting.frame], poses.score[sighting.frame]))
            for sighting in track.sightings if sighting.frame < len(poses) and poses.present[sighting.frame]
        )  # fmt: skip

    return max(tracks, key=shared).number if tracks else None


def choose_subject(
    tracks: Sequence[Track], *, person: int | None, path: Path, part: tuple[int, int] | None = None
) -> Track:
    """The track to follow: the ``person`` asked for, else the clearly most prominent one.

    Of ``part`` alone, (first, one past the last) frame, where that is given: the number is one of the whole clip, what
    must be large enough is who is seen in the part.

    Raises:
        NoPersonError: nobody was found, or the person is not in the part, or mostly out of the frame.
        SubjectError: person ``person`` does not exist, or two are equally prominent at the same time.
        PersonTooSmallError: under 96 pixels tall.
    """
    if not tracks:
        raise NoPersonError(
            f"{path}: nobody was found in it; expected a person, whole body in view, at least {MIN_HEIGHT} pixels tall"
        )
    if person is not None and not 1 <= person <= len(tracks):
        there = "1 is the only person" if len(tracks) == 1 else f"people 1 to {len(tracks)} are"
        raise SubjectError(f"{path}: there is no person {person}, {there} in it; choose one with --person N")
    if person is None and len(tracks) > 1 and _rivals(tracks[0], tracks[1]):
        first, second = (f"{track.height:.0f} px tall, {track.presence:.0%} of the time" for track in tracks[:2])
        raise SubjectError(
            f"{path}: {len(tracks)} people and no clear subject (person 1: {first}; person 2: {second}); "
            f"choose one with --person N, by the numbers of `dancedouble info {path} --picture who.png`"
        )
    track = tracks[(person or 1) - 1]
    if part is not None:
        shown = track.within(*part)
        if shown is None:
            raise NoPersonError(
                f"{path}: person {track.number} is not in frames {part[0]} to {part[1]}; choose another with"
                " --person N, or other --frames"
            )
        track = shown
    if np.median([sighting.visible for sighting in track.sightings]) < MIN_VISIBLE:
        raise NoPersonError(
            f"{path}: the person is mostly out of the frame; expected the whole body in view; film from further away"
        )
    if track.height < MIN_HEIGHT:
        raise PersonTooSmallError(
            f"{path}: the person is {track.height:.0f} pixels tall, expected at least {MIN_HEIGHT}; "
            "film closer or at a higher resolution"
        )
    return track


def _rivals(first: Track, second: Track) -> bool:
    together = {sighting.frame for sighting in first.sightings} & {sighting.frame for sighting in second.sightings}
    return second.prominence >= RIVAL * first.prominence and 2 * len(together) >= len(second.sightings)
