"""One subject's prepared footage on disk: a manifest, frames, masks, poses, the plate.

workspace/
  manifest.json          what this is, of whom, with whose consent; written last, so it says the rest is whole
  poses.npz              PoseSequence over all frames, smoothed
  plate.png              the empty background
  frames/000000.jpg      RGB frames of the subject, by frame index; hand-held ones moved onto the first
  masks/000000.png       soft mask of the subject, 0–255
  labels/000000.png      stick figures to learn from, where they came with the footage instead of being drawn
  faces.json             face boxes that came with them: frame index → top, left, bottom, right
  training/              checkpoints, caches, samples; may be deleted
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import OutputError, WorkspaceError
from dancedouble.files import atomic_folder, entries, write_atomically
from dancedouble.media.image import read_image
from dancedouble.pose.keypoints import PoseSequence

VERSION = 1
DANCE_RATE = 30
"""Frames a second of most dances. Footage may have 240: what moves between two of its frames is little to learn."""
MANIFEST = "manifest.json"
FACES = "faces.json"
OURS = {MANIFEST, "poses.npz", "plate.png", "frames", "masks", "labels", FACES, "quality.json", "training"}
"""What a workspace may hold; quality.json is what an evaluation leaves."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a workspace holds. ``usable`` lists the frames in which the subject is seen."""

    source_name: str
    source_sha256: str
    size: tuple[int, int]
    """(height, width) of the frames in pixels."""
    fps: Fraction
    frames: int
    usable: tuple[int, ...]
    person_height: float
    """Median height of the subject in pixels."""
    consent: str
    warnings: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    """What `prepare` was asked for, so the same request can be answered from here."""

    @property
    def identity(self) -> str:
        """Differs for other footage, and for the same footage with other poses or prepared in another way."""
        return hashlib.sha256(json.dumps([self.source_sha256, self.settings]).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"format": "dancedouble-workspace", "version": VERSION, **asdict(self), "fps": str(self.fps)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Manifest:
        """The inverse of :meth:`to_dict`. Raises KeyError, TypeError or ValueError on anything else."""
        known = {name: values[name] for name in cls.__dataclass_fields__}
        known["size"] = (int(values["size"][0]), int(values["size"][1]))
        known["fps"] = Fraction(values["fps"])
        known["usable"] = tuple(int(i) for i in values["usable"])
        known["warnings"] = tuple(values["warnings"])
        return cls(**known)


class Workspace:
    """Reads a finished workspace. Raises WorkspaceError when it is not one."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = _read_manifest(self.path)

    @cached_property
    def poses(self) -> PoseSequence:
        """The subject's poses, row i = frame i."""
        poses = PoseSequence.load(self._existing("poses.npz"))
        if len(poses) != self.manifest.frames:
            raise self._damaged(f"poses.npz has {len(poses)} rows for {self.manifest.frames} frames")
        return poses

    @cached_property
    def plate(self) -> NDArray[np.uint8]:
        """The empty background, RGB uint8 (H, W, 3)."""
        return read_image(self._existing("plate.png"))

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Frame ``index``, RGB uint8 (H, W, 3)."""
        return read_image(self._existing(frame_name(index)))

    def mask(self, index: int) -> NDArray[np.uint8]:
        """Soft mask of the subject in frame ``index``, uint8 (H, W), 255 = the subject."""
        return read_image(self._existing(mask_name(index)))[..., 0]

    def label(self, index: int) -> NDArray[np.uint8] | None:
        """The stick figure that came with frame ``index``, RGB uint8 (H, W, 3); None where figures are drawn."""
        path = self.path / label_name(index)
        return read_image(path) if path.is_file() else None

    @cached_property
    def faces(self) -> dict[int, tuple[int, int, int, int]]:
        """Face boxes that came with the footage: frame index → top, left, bottom, right in pixels; often empty."""
        path = self.path / FACES
        if not path.is_file():
            return {}
        found: dict[str, list[int]] = json.loads(path.read_text())
        return {int(index): (box[0], box[1], box[2], box[3]) for index, box in found.items()}

    @property
    def training(self) -> Path:
        """The folder of checkpoints and caches, made when first asked for."""
        folder = self.path / "training"
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder}: cannot be written ({error.strerror}); training keeps its state there"
            ) from error
        return folder

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise self._damaged(f"{name} is missing")
        return path

    def _damaged(self, what: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self.path}: damaged workspace, {what}; delete the folder and run `dancedouble prepare` again"
        )


def frame_name(index: int) -> str:
    """Path of a frame inside the workspace."""
    return f"frames/{index:06d}.jpg"


def mask_name(index: int) -> str:
    """Path of a mask inside the workspace."""
    return f"masks/{index:06d}.png"


def label_name(index: int) -> str:
    """Path of a stick figure inside the workspace."""
    return f"labels/{index:06d}.png"


@contextmanager
def new_workspace(folder: Path, *more: str) -> Iterator[Path]:
    """A folder beside ``folder`` to fill, with ``frames``, ``masks`` and ``more`` in it.

    It takes the place of ``folder`` when the block ends well and is removed when it does not; until then an older
    workspace stays whole. Raises OutputError when it cannot be written, or when ``folder`` holds something else.
    """
    _require_ours(folder)
    with atomic_folder(folder) as part:
        for name in ("frames", "masks", *more):
            (part / name).mkdir()
        yield part


def _require_ours(folder: Path) -> None:
    """Raise OutputError when replacing ``folder`` would lose something that is not of a workspace."""
    if not folder.exists():
        return
    held = {entry.name for entry in entries(folder)} if folder.is_dir() else {"a file"}
    if held and MANIFEST not in held:
        raise OutputError(f"{folder}: exists and is not a workspace; choose another name")
    if foreign := sorted(held - OURS):
        raise OutputError(
            f"{folder}: would be replaced, and holds {', '.join(foreign[:3])} beside the workspace; move what you want"
            " to keep, or choose another folder"
        )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest atomically: the last step of preparing."""
    write_atomically(folder / MANIFEST, json.dumps(manifest.to_dict(), indent=1).encode())


def usable_in(manifest: Manifest, frames: tuple[int, int] | None) -> list[int]:
    """The usable frames inside ``frames`` = (first, one past the last), all of them for None."""
    first, stop = frames or (0, manifest.frames)
    return [i for i in manifest.usable if first <= i < stop]


def pair_step(fps: Fraction) -> int:
    """Frames from one to the next that is looked at and learned with it: as far apart in time as a dance's."""
    return max(1, round(fps / DANCE_RATE))


def neighbours(indices: Iterable[int], step: int = 1) -> list[tuple[int, int]]:
    """Pairs (i, i + step) of frames with all between them there: the only pairs the temporal losses may see."""
    present = set(indices)
    return [(i, i + step) for i in sorted(present) if all(i + k in present for k in range(1, step + 1))]


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    if not path.is_file():
        what = "no such folder" if not folder.is_dir() else "not a finished workspace, manifest.json is missing"
        raise WorkspaceError(f"{folder}: {what}; make one with `dancedouble prepare VIDEO -o {folder}`")
    try:
        values = json.loads(path.read_text())
        if values["format"] != "dancedouble-workspace":
            raise ValueError(f"its format is {values['format']!r}")
        if values["version"] > VERSION:
            raise WorkspaceError(
                f"{folder}: written by a newer version (format {values['version']}, this program reads {VERSION});"
                " update dancedouble"
            )
        return Manifest.from_dict(values)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise WorkspaceError(
            f"{folder}: damaged workspace, manifest.json is not readable ({error});"
            " delete the folder and run `dancedouble prepare` again"
        ) from error
