"""What a pose estimator is: a small protocol, the values it speaks, and a fake that ships for tests.

Frames are RGB uint8 (H, W, 3); points are (x, y) and boxes (left, top, right, bottom), in pixels of the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, LEFT_HAND, POINTS, RIGHT_HAND

Array = NDArray[np.float32]
Frame = NDArray[np.uint8]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Roi:
    """A region of interest: a square of the frame, turned, that a landmark network looks at."""

    x: float
    y: float
    """Its centre, in pixels of the frame."""
    size: float
    """Its side in pixels."""
    angle: float = 0.0
    """Radians, clockwise on the screen; 0 is upright."""

    def shifted(self, right: float, down: float) -> Roi:
        """Moved along its own axes by fractions of its size."""
        cos, sin = np.cos(self.angle) * self.size, np.sin(self.angle) * self.size
        return Roi(
            x=float(self.x + right * cos - down * sin), y=float(self.y + right * sin + down * cos),
            size=self.size, angle=self.angle,
        )  # fmt: skip

    def scaled(self, factor: float) -> Roi:
        """Grown about its centre."""
        return Roi(x=self.x, y=self.y, size=self.size * factor, angle=self.angle)

    @property
    def box(self) -> Box:
        """The upright square of the same centre and side."""
        half = self.size / 2
        return (self.x - half, self.y - half, self.x + half, self.y + half)


@dataclass(frozen=True, kw_only=True)
class Detection:
    """One person found in a frame."""

    box: Box
    """Bounds of the body inside the frame."""
    score: float
    """How sure it is a person, 0 to 1."""
    roi: Roi
    """Where :meth:`PoseEstimator.landmarks` should look."""
    visible: float = 1.0
    """Share of the body's points that are in the frame, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class PersonPose:
    """One person in one frame."""

    xy: Array
    """(137, 2) pixels; means nothing where the score is 0."""
    score: Array
    """(137,) 0 (undetected) to 1."""
    depth: Array
    """(137,) distance from the camera relative to the hips, in pixels; smaller is nearer."""
    mask: Array | None
    """(H, W) 0 to 1: how much of each pixel is this person. None from an estimator that does not segment."""
    box: Box
    """Bounds of the body's detected points."""
    roi: Roi
    """Where to look for the same person in the next frame."""


class PoseEstimator(Protocol):
    """Finds people and their poses. An estimator may keep no memory of earlier frames: following is tracking's job."""

    def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
        """Everyone in the frame, surest first; empty when nobody is there.

        Not ``closely``, which is faster, two who stand together may be taken for one.
        """
        ...

    def landmarks(self, frame: Frame, roi: Roi) -> PersonPose | None:
        """The pose of the person in ``roi``, at least their body; None when no person is there (any more)."""
        ...

    def complete(self, frame: Frame, pose: PersonPose, *, hands: bool = True) -> PersonPose:
        """What :meth:`landmarks` found in the same frame, with all that following does not need: hands, face, mask.

        Without ``hands``, which are most of the work, they stay undetected. May run in another thread while
        :meth:`landmarks` looks at the next frame.
        """
        ...


def bounds(xy: Array, score: Array) -> Box:
    """The box around the points with a score above 0; a box of zeros when there is none."""
    points = xy[score > 0]
    if not len(points):
        return (0.0, 0.0, 0.0, 0.0)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return (float(left), float(top), float(right), float(bottom))


def overlap(a: Box, b: Box) -> float:
    """Intersection over union of two boxes, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return width * height / (both - width * height)


class FakePoseEstimator:
    """Plays back known poses, for tests: the same answer for the same frame, without weights.

    It tells frames apart by what is drawn in them, see :func:`stamp_frame`, so that it works like a real estimator on
    any frame in any order. Everyone in ``people`` (poses of one clip, of equal length) is found where they are present.
    """

    def __init__(self, *people: PoseSequence) -> None:
        if not people or any(len(poses) != len(people[0]) for poses in people):
            raise ValueError("the fake needs one or more pose sequences of equal length")
        self.people = people

    def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
        """Everyone present in the stamped frame."""
        found = [self._pose(frame, poses) for poses in self.people]
        return [Detection(box=pose.box, score=0.9, roi=pose.roi) for pose in found if pose]

    def landmarks(self, frame: Frame, roi: Roi) -> PersonPose | None:
        """The person whose region is nearest to ``roi``, unless it is more than half a region away."""
        found = [pose for pose in (self._pose(frame, poses) for poses in self.people) if pose]
        found.sort(key=lambda pose: np.hypot(pose.roi.x - roi.x, pose.roi.y - roi.y))
        if not found or np.hypot(found[0].roi.x - roi.x, found[0].roi.y - roi.y) > roi.size / 2:
            return None
        return found[0]

    def complete(self, frame: Frame, pose: PersonPose, *, hands: bool = True) -> PersonPose:
        """The pose as it is: it has all its points, but for ``hands`` that are not wanted."""
        if hands:
            return pose
        score = pose.score.copy()
        score[LEFT_HAND] = score[RIGHT_HAND] = 0
        return replace(pose, score=score)

    def _pose(self, frame: Frame, poses: PoseSequence) -> PersonPose | None:
        index = read_stamp(frame)
        if not 0 <= index < len(poses) or not poses.present[index]:
            return None
        xy, score = poses.xy[index], poses.score[index]
        box = bounds(xy[BODY], score[BODY])
        size = max(box[2] - box[0], box[3] - box[1], 1.0)
        mask = np.zeros(frame.shape[:2], np.float32)
        hull = cv2.convexHull(xy[score > 0].round().astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 1.0)
        roi = Roi(x=(box[0] + box[2]) / 2, y=(box[1] + box[3]) / 2, size=size * 1.25)
        return PersonPose(xy=xy, score=score, depth=poses.depth[index], mask=mask, box=box, roi=roi)


STAMP_BITS = 16
STAMP_CELL = 4


def stamp_frame(frame: Frame, index: int) -> Frame:
    """A copy of the frame with its number drawn into the upper left corner as 16 black and white cells of 4 pixels.

    The cells survive video compression. The frame must be at least 64 pixels wide.
    """
    stamped = frame.copy()
    for bit in range(STAMP_BITS):
        left = bit * STAMP_CELL
        stamped[:STAMP_CELL, left : left + STAMP_CELL] = 255 * (index >> bit & 1)
    return stamped


def read_stamp(frame: Frame) -> int:
    """The number that :func:`stamp_frame` drew."""
    cells = frame[:STAMP_CELL, : STAMP_BITS * STAMP_CELL].reshape(STAMP_CELL, STAMP_BITS, STAMP_CELL, -1)
    bits: Sequence[bool] = (cells.mean(axis=(0, 2, 3)) > 127).tolist()
    return sum(int(value) << bit for bit, value in enumerate(bits))


def no_pose() -> tuple[Array, Array, Array]:
    """xy (137, 2), score (137,) and depth (137,) of nobody, to be filled in."""
    return np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32), np.zeros(POINTS, np.float32)
