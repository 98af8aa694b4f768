"""The double while the dancer dances: windows and references chosen without knowing what comes, frame after frame."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dancedouble.conditioning import pose_in_window
from dancedouble.person import Person
from dancedouble.pose.estimator import Frame, PoseEstimator
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.live import LiveFit, follow_live
from dancedouble.pose.normalization import Retarget
from dancedouble.pose_features import group_distances, pose_features
from dancedouble.recipe import LimbInput, WholeFrame, recipe_from_dict
from dancedouble.references import slots_by_group, with_whole_ones
from dancedouble.rendering.body_parts import GROUPS
from dancedouble.rendering.crop import MULTIPLE, CropWindow, body_boxes
from dancedouble.synthesis import Finished, Synthesizer, Wish

SPARE = 1.1
"""How much larger the window is than the one that held the subject's footage: it cannot grow later."""
STEADINESS_SECONDS = 0.25
"""Time in which the window comes most of the way to where the double is."""
PATIENCE = 0.08
"""Pose distance, summed over frames, by which another picture must be better before it is changed to."""
OWN_POSES = 150
"""Of the subject's footage: what the lengths of a pose's bones are compared with."""


def dance_live(
    renderer: Synthesizer, frames: Iterable[Frame], size: tuple[int, int], fps: Fraction, estimator: PoseEstimator,
    *, retarget: Retarget,
) -> Iterator[Finished]:  # fmt: skip
    """The double in every frame of a dancer, a few frames behind; the empty plate while there is nobody to follow.

    ``frames`` are RGB of ``size`` (height, width), about ``fps`` a second.
    """
    return renderer.stream(_wishes(renderer.person, follow_live(frames, estimator), size, fps, retarget))


def _wishes(
    person: Person, seen: Iterable[tuple[Frame, object]], size: tuple[int, int], fps: Fraction, retarget: Retarget
) -> Iterator[Wish | None]:
    fit = LiveFit(person.poses, size, fps, retarget)
    window, chooser = LiveWindow(person, fps), LiveChooser(person)
    for _frame, pose in seen:
        row = fit.add(pose)  # type: ignore[arg-type]
        if row is None:
            yield None
            continue
        where = window.follow(row)
        yield Wish(where, pose_in_window(row, 0, where), chooser.choose(row))


class LiveWindow:
    """The part of the frame that is painted: one size, following the double."""

    def __init__(self, person: Person, fps: Fraction) -> None:
        self.frame = person.size
        self.whole = isinstance(recipe_from_dict(person.recipe).framing, WholeFrame)
        scale, learned = person.scale, person.crop_size
        sides = (min(SPARE * side, pixels * scale) for side, pixels in zip(learned, self.frame, strict=True))
        height, width = (max(MULTIPLE, math.ceil(side / MULTIPLE) * MULTIPLE) for side in sides)
        self.size = learned if self.whole else (height, width)
        self.region = self.frame if self.whole else (round(height / scale), round(width / scale))
        self.pace = 1 - math.exp(-1 / (STEADINESS_SECONDS * float(fps)))
        self._centre: NDArray[np.float32] | None = None

    def follow(self, pose: PoseSequence) -> CropWindow:
        """The window for a pose (one row), moved towards where it is."""
        if self.whole:
            return CropWindow(0, 0, self.frame, self.size)
        left, top, right, bottom = body_boxes(pose)[0]
        middle = np.array([left + right, top + bottom], np.float32) / 2
        region, frame = np.array(self.region[::-1]), np.array(self.frame[::-1])
        if np.isfinite(middle).all():
            here = middle if self._centre is None else self._centre + self.pace * (middle - self._centre)
            # However fast they move, they stay inside where they fit.
            slack = np.maximum(region - np.array([right - left, bottom - top]), 0) / 2
            self._centre = np.asarray(np.clip(here, middle - slack, middle + slack), np.float32)
        centre = frame / 2 if self._centre is None else self._centre
        spare = frame - region
        corner = np.clip(np.round(centre - region / 2), np.minimum(spare, 0), np.maximum(spare, 0)).astype(int)
        return CropWindow(int(corner[0]), int(corner[1]), self.region, self.size)


class LiveChooser:
    """References for one pose after the other, put together as ``references`` does it, without jumping to and fro."""

    def __init__(self, person: Person) -> None:
        conditioning = recipe_from_dict(person.recipe).conditioning
        self.count = conditioning.references if isinstance(conditioning, LimbInput) else 0
        if not self.count or person.bank is None:
            self.count = 0
            return
        self._bank = pose_features(person.bank.poses)
        self._own = person.poses[:: max(1, len(person.poses) // OWN_POSES)]
        self._by_group = [_Held(slots_by_group(self.count)) for _ in GROUPS]
        self._whole = _Held(1)

    def choose(self, pose: PoseSequence) -> NDArray[np.int64]:
        """(count, len(GROUPS)) indices into the bank, best first, for a pose (one row)."""
        if not self.count:
            return np.zeros(0, np.int64)
        own = self._own
        together = PoseSequence(
            xy=np.concatenate([own.xy, pose.xy]), score=np.concatenate([own.score, pose.score]),
            depth=np.concatenate([own.depth, pose.depth]), size=own.size, fps=own.fps,
        )  # fmt: skip
        distances = group_distances(pose_features(together)[[-1]], self._bank)[:, 0]
        chosen = [held.next(costs) for held, costs in zip(self._by_group, distances[:-1], strict=True)]
        whole = np.array(self._whole.next(distances[-1]), np.int64)
        return np.asarray(with_whole_ones(np.array(chosen, np.int64).T[None], whole, self.count)[0], np.int64)


class _Held:
    """The pictures held for one purpose.

    A picture is kept until what it has been worse by than the best one, since it was the best, adds up to
    :data:`PATIENCE`: a much better one is taken at once, a slightly better one only if it stays so.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._chosen: list[int] = []
        self._regret = np.zeros(slots)

    def next(self, distances: NDArray[np.float32]) -> list[int]:
        """The pictures for the next pose, at these distances (N,): different ones, as far as there are any."""
        chosen: list[int] = []
        for slot in range(min(self._slots, len(distances))):
            free = np.where(np.isin(np.arange(len(distances)), chosen), np.inf, distances)
            chosen.append(self._one(slot, free))
        self._chosen = chosen
        return [chosen[slot % len(chosen)] for slot in range(self._slots)]

    def _one(self, slot: int, distances: NDArray[np.float64]) -> int:
        best = int(distances.argmin())
        if slot >= len(self._chosen) or not np.isfinite(distances[self._chosen[slot]]):
            self._regret[slot] = 0
            return best
        kept = self._chosen[slot]
        self._regret[slot] = 0 if kept == best else self._regret[slot] + distances[kept] - distances[best]
        if self._regret[slot] <= PATIENCE:
            return kept
        self._regret[slot] = 0
        return best
