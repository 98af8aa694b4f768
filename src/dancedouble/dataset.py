"""The subject's footage as a generator learns from it: batches of pairs of neighbouring frames."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dancedouble.conditioning import Conditioner, FigureConditioner, Shown, pose_in_window
from dancedouble.files import atomic_path, reserve, write_atomically
from dancedouble.pose.keypoints import Pose
from dancedouble.progress import OnProgress, Stage, ignore_progress
from dancedouble.references import ReferenceChooser
from dancedouble.rendering.crop import CropWindow
from dancedouble.rendering.face_box import face_box, face_side
from dancedouble.workspace import Workspace

Picture = NDArray[np.uint8]


class Batch(NamedTuple):
    """B pairs of neighbouring frames, S = 2; pictures are float32 in [-1, 1], RGB."""

    label: Tensor
    """(B, S, C, h, w) what the pose is drawn as."""
    references: Tensor
    """(B, S, K, 4, H, W) warped real frames: RGB in [-1, 1], mask in [0, 1]; K may be 0."""
    image: Tensor
    """(B, S, 3, H, W) the real frames."""
    mask: Tensor
    """(B, S, 1, H, W) soft mask of the subject in [0, 1]."""
    plate: Tensor
    """(B, S, 3, H, W) the empty background behind them."""
    figure: Tensor
    """(B, S, 3, H, W) the stick figures that discriminators judge the frames with."""
    carry: Tensor | None
    """(B, H, W, 2) where to sample the first output for the second frame, in grid_sample's [-1, 1]."""
    face: Tensor
    """(B, S, 4) face box: top, left, bottom, right in crop pixels; -1 where no face is seen."""

    def to(self, device: torch.device) -> Batch:
        """The same batch on ``device``."""
        return self._replace(**{k: v.to(device) for k, v in self._asdict().items() if v is not None})


@dataclass(frozen=True, kw_only=True)
class Footage:
    """Frames of one workspace as crops of one size, kept in a memory-mapped cache."""

    workspace: Workspace
    windows: Sequence[CropWindow]
    """One per frame of the workspace."""
    frames: NDArray[np.int64]
    """(N,) indices of the usable frames, ascending."""
    crops: Picture
    """(N, H, W, 4) RGB and mask."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the crops."""
        return self.crops.shape[1], self.crops.shape[2]

    def pose(self, frame: int) -> Pose:
        """Keypoints of a frame in its crop's pixels."""
        return pose_in_window(self.workspace.poses, frame, self.windows[frame])

    def crop(self, frame: int) -> Picture:
        """(H, W, 4) RGB and mask of a frame."""
        return np.asarray(self.crops[np.searchsorted(self.frames, frame)])


def open_footage(
    workspace: Workspace, windows: Sequence[CropWindow], frames: Sequence[int], cache: Path,
    on_progress: OnProgress = ignore_progress,
) -> Footage:  # fmt: skip
    """Cut the crops of ``frames``, or map them from ``cache`` when it already holds just these."""
    indices = np.asarray(frames, np.int64)
    size = windows[0].size
    shape = (len(indices), *size, 4)
    note = cache.with_suffix(".json")
    corners = np.array([(i, windows[i].left, windows[i].top, *windows[i].region) for i in indices], np.int64)
    key = json.dumps([workspace.manifest.identity, corners.tolist()])
    if not (note.is_file() and cache.is_file() and note.read_text() == key):
        note.unlink(missing_ok=True)  # a kill must not leave it beside other crops
        with atomic_path(cache) as temporary:
            crops = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
            reserve(temporary)
            stage = Stage("crops", on_progress, total=len(indices))
            try:
                for row, frame in enumerate(stage.track(indices)):
                    crops[row, ..., :3] = windows[frame].cut(workspace.frame(int(frame)))
                    crops[row, ..., 3] = windows[frame].cut(workspace.mask(int(frame)))
                crops.flush()
            finally:
                del crops  # Windows removes no file that is mapped
        write_atomically(note, key.encode())
    return Footage(workspace=workspace, windows=windows, frames=indices, crops=np.load(cache, mmap_mode="r"))


class PairSampler:
    """Draws batches of pairs of neighbouring frames: by the seed and the step alone, so that a resume repeats it."""

    def __init__(
        self, footage: Footage, pairs: Sequence[tuple[int, int]], conditioner: Conditioner,
        chooser: ReferenceChooser | None, *, seed: int,
    ) -> None:  # fmt: skip
        self.footage, self.pairs, self.conditioner, self.chooser = footage, pairs, conditioner, chooser
        self.seed = seed
        self._plate = footage.workspace.plate
        self._orders: dict[int, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.pairs)

    def batch(self, step: int, count: int, *, rank: int = 0, ranks: int = 1) -> Batch:
        """The batch of step ``step``: ``count`` pairs. Every pair comes once in an epoch, each epoch in a new order.

        Of ``ranks`` processes, each draws its own part of one batch of ``ranks × count`` pairs.
        """
        first = (step * ranks + rank) * count
        return collate([self._draw(position) for position in range(first, first + count)])

    def _draw(self, position: int) -> Batch:
        """The pair at a position of the endless sequence of epochs."""
        epoch, place = divmod(position, len(self.pairs))
        if epoch not in self._orders:
            self._orders = {epoch: np.random.default_rng([self.seed, epoch]).permutation(len(self.pairs))}
        first, second = self.pairs[self._orders[epoch][place]]
        return self.pair(first, second, np.random.default_rng([self.seed, position, 1]))

    def pair(self, first: int, second: int, random: np.random.Generator | None = None) -> Batch:
        """One pair as a batch of one; without ``random`` with the references that rendering would choose."""
        frames = (first, second)
        chosen = self._choose(first, random)
        plates = [self.footage.windows[frame].cut(self._plate) for frame in frames]
        crops = [self.footage.crop(frame) for frame in frames]
        poses = [self.footage.pose(frame) for frame in frames]
        shown = [
            self._show(frame, pose, chosen, plate, before)
            for frame, pose, plate, before in zip(frames, poses, plates, (None, poses[0]), strict=True)
        ]
        side = face_side(self.footage.size)
        return Batch(
            label=torch.from_numpy(np.stack([s.label for s in shown]))[None],
            references=torch.stack([references_to_tensor(s.references) for s in shown])[None],
            image=torch.stack([picture_to_tensor(crop[..., :3]) for crop in crops])[None],
            mask=torch.stack([torch.from_numpy(crop[..., 3:].transpose(2, 0, 1).copy()) for crop in crops])[None] / 255,
            plate=torch.stack([picture_to_tensor(plate) for plate in plates])[None],
            figure=torch.stack([self._figure(frame, pose) for frame, pose in zip(frames, poses, strict=True)])[None],
            carry=carry_to_grid(shown[1].carry),
            face=torch.tensor([[self._face(frame, pose, side) for frame, pose in zip(frames, poses, strict=True)]]),
        )

    def _show(self, frame: int, pose: Pose, chosen: NDArray[np.int64], plate: Picture, before: Pose | None) -> Shown:
        given = self._given(frame)
        if given is not None and isinstance(self.conditioner, FigureConditioner):
            return Shown(picture_to_tensor(given).numpy(), np.zeros((0, *self.footage.size, 4), np.uint8))
        return self.conditioner.show(pose, self.footage.size, chosen, plate, before)

    def _figure(self, frame: int, pose: Pose) -> Tensor:
        given = self._given(frame)
        return picture_to_tensor(self.conditioner.figure(pose, self.footage.size) if given is None else given)

    def _given(self, frame: int) -> Picture | None:
        """The figure that came with the footage, cut as the frame is."""
        label = self.footage.workspace.label(frame)
        return None if label is None else self.footage.windows[frame].cut(label)

    def _face(self, frame: int, pose: Pose, side: int) -> tuple[int, int, int, int]:
        """The face box that came with the footage, its middle kept at another size; otherwise the pose's."""
        box = self.footage.workspace.faces.get(frame)
        size = self.footage.size
        if box is None or side > min(size):
            return face_edges(pose, size, side)
        corners = np.array([[box[1], box[0]], [box[3], box[2]]], np.float32)
        x, y = self.footage.windows[frame].to_crop(corners).mean(axis=0)
        top, left = (int(np.clip(round(c - side / 2), 0, n - side)) for c, n in ((y, size[0]), (x, size[1])))
        return top, left, top + side, left + side

    def _choose(self, frame: int, random: np.random.Generator | None) -> NDArray[np.int64]:
        if self.chooser is None:
            return np.zeros(0, np.int64)
        return self.chooser.for_training(frame, random)


def collate(samples: Sequence[Batch]) -> Batch:
    """Batches joined along B."""
    kept = [name for name, value in samples[0]._asdict().items() if value is not None]
    return samples[0]._replace(**{name: torch.cat([getattr(sample, name) for sample in samples]) for name in kept})


def picture_to_tensor(picture: Picture) -> Tensor:
    """RGB uint8 (H, W, 3) → float32 (3, H, W) in [-1, 1]."""
    return torch.from_numpy(picture.transpose(2, 0, 1).astype(np.float32)).div_(127.5).sub_(1)


def tensor_to_picture(tensor: Tensor) -> Picture:
    """Float (3, H, W) in [-1, 1] → RGB uint8 (H, W, 3), rounded."""
    scaled = tensor.detach().float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(scaled.permute(1, 2, 0).cpu().numpy())


def references_to_tensor(references: Picture) -> Tensor:
    """(K, H, W, 4) uint8 → (K, 4, H, W) float32, RGB in [-1, 1], mask in [0, 1]."""
    tensor = torch.from_numpy(references).permute(0, 3, 1, 2).contiguous().float().div_(255)
    tensor[:, :3].mul_(2).sub_(1)
    return tensor


def carry_to_grid(flow: NDArray[np.float32] | None) -> Tensor | None:
    """(H, W, 2) pixel positions (x, y) → (1, H, W, 2) grid_sample coordinates (align_corners False)."""
    if flow is None:
        return None
    height, width = flow.shape[:2]
    grid = (flow + 0.5) * np.array([2 / width, 2 / height], np.float32) - 1
    return torch.from_numpy(grid.astype(np.float32))[None]


def face_edges(pose: Pose, size: tuple[int, int], side: int) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of the ``side`` × ``side`` face crop; all -1 when no face is seen."""
    box = face_box(pose.xy, pose.score, size, side=side)
    return (-1, -1, -1, -1) if box is None else (box.top, box.left, box.bottom, box.right)
