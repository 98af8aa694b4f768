"""The one value type for poses: a subject's keypoints over time; and what is known of single ones, for arithmetic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import InputError
from dancedouble.files import NPZ_ERRORS, atomic_path
from dancedouble.pose.skeleton import PART_SLICES, POINTS

Array = NDArray[np.float32]
FORMAT = "dancedouble-poses"
VERSION = 1


class Pose(NamedTuple):
    """Keypoints of one pose (... = ()), or of several at once, in pixels of a picture of their own."""

    xy: Array
    """(..., 137, 2)"""
    score: Array
    """(..., 137) confidence; 0 = undetected."""
    depth: Array
    """(..., 137) less is nearer; all zeros where nothing is known."""


@dataclass(frozen=True, kw_only=True)
class PoseSequence:
    """One subject's pose in every frame of a clip, at a constant frame rate.

    A point is detected when its score is above 0; an undetected point has score 0 and its xy means nothing.
    A frame without the subject is a row of zero scores, never a missing row: row i is frame i.
    """

    xy: Array
    """(T, 137, 2) x and y in pixels of the displayed frame; (0, 0) is the upper left corner of the frame."""
    score: Array
    """(T, 137) confidence, 0 (undetected) to 1."""
    size: tuple[int, int]
    """(height, width) of the frames, in pixels."""
    fps: Fraction
    """Frames per second: row i is at i / fps seconds."""
    depth: Array = field(default_factory=lambda: np.zeros((0, POINTS), np.float32))
    """(T, 137) distance from the camera relative to the hips in pixels, smaller is nearer; 0 rows when unknown."""

    def __post_init__(self) -> None:
        for name in ("xy", "score", "depth"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float32))
        frames = len(self.score)
        if self.xy.shape != (frames, POINTS, 2) or self.score.shape != (frames, POINTS):
            raise ValueError(
                f"poses need xy (T, {POINTS}, 2) and score (T, {POINTS}), got {self.xy.shape} and {self.score.shape}"
            )
        if self.depth.shape not in {(frames, POINTS), (0, POINTS)}:
            raise ValueError(f"depth must be (T, {POINTS}) or (0, {POINTS}), got {self.depth.shape}")
        if len(self.depth) == 0 and frames:
            object.__setattr__(self, "depth", np.zeros((frames, POINTS), np.float32))
        if self.fps <= 0:
            raise ValueError(f"fps must be above 0, got {self.fps}")

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, frames: slice) -> PoseSequence:
        """The same subject over a range of frames."""
        return replace(self, xy=self.xy[frames], score=self.score[frames], depth=self.depth[frames])

    def at(self, frames: int | Sequence[int] | NDArray[np.int64]) -> Pose:
        """The pose in one frame, or those in several."""
        return Pose(self.xy[frames], self.score[frames], self.depth[frames])

    @property
    def present(self) -> NDArray[np.bool_]:
        """(T,) whether the subject is in the frame at all."""
        return np.asarray((self.score > 0).any(axis=1))

    def part(self, name: str) -> tuple[Array, Array]:
        """xy (T, n, 2) and score (T, n) of ``body``, ``face``, ``left_hand`` or ``right_hand``."""
        points = PART_SLICES[name]
        return self.xy[:, points], self.score[:, points]

    def save(self, path: str | Path) -> None:
        """Write an ``.npz`` (arrays plus a JSON header), atomically. Raises OutputError when it cannot be written."""
        path = Path(path)
        header = {
            "format": FORMAT, "version": VERSION, "skeleton": "BODY_25+FACE_70+HAND_21x2",
            "size": list(self.size), "fps": str(self.fps),
        }  # fmt: skip
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file, xy=self.xy, score=self.score, depth=self.depth, header=np.array(json.dumps(header))
            )

    @classmethod
    def load(cls, path: str | Path) -> PoseSequence:
        """Read an ``.npz`` written by :meth:`save`. Raises InputError when it is not one."""
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected poses written by `dancedouble pose`")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                header: dict[str, Any] = json.loads(str(arrays["header"]))
                if header.get("format") != FORMAT:
                    raise ValueError(f"its format is {header.get('format')!r}")
                if header["version"] > VERSION:
                    raise ValueError(f"it has version {header['version']}, this program reads up to {VERSION}")
                return cls(
                    xy=arrays["xy"], score=arrays["score"], depth=arrays["depth"],
                    size=(int(header["size"][0]), int(header["size"][1])), fps=Fraction(header["fps"]),
                )  # fmt: skip
        except NPZ_ERRORS as error:
            reason = str(error) or type(error).__name__
            raise InputError(
                f"{path}: not readable as poses ({reason}); write it again with `dancedouble pose`"
            ) from error


def empty_poses(frames: int, size: tuple[int, int], fps: Fraction) -> PoseSequence:
    """``frames`` frames in which nobody is seen."""
    return PoseSequence(
        xy=np.zeros((frames, POINTS, 2), np.float32),
        score=np.zeros((frames, POINTS), np.float32),
        size=size,
        fps=fps,
    )
