"""Poses in, finished frames out: the recurrent generator, the face, the plate. One pass, constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dancedouble.conditioning import Conditioner, LimbConditioner, Pose, Shown, figure_conditioner, pose_in_window
from dancedouble.dataset import carry_to_grid, face_edges, picture_to_tensor, references_to_tensor
from dancedouble.devices import place
from dancedouble.errors import PersonFileError
from dancedouble.models.face import FaceGlobal, FaceUNet, crop_faces, face_generator
from dancedouble.models.layers import Layers, composite
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.recipe import FigureInput, LimbInput, WholeFrame, recipe_from_dict
from dancedouble.references import choose_references
from dancedouble.rendering.crop import CropWindow, plan_windows, whole_frame
from dancedouble.rendering.detail import Blend, restore_detail
from dancedouble.rendering.face_box import face_side
from dancedouble.training.step import carried

Picture = NDArray[np.uint8]
NEARLY_BARE = 0.06
"""Alpha up to which a pixel counts as background; as much below 1, it counts as covered."""
WORTH_RESTORING = 1.2
"""Footage pixels per learned pixel from which fine detail is taken from the references."""


class Finished(NamedTuple):
    """One finished frame of the subject."""

    frame: Picture
    """(H, W, 3) RGB."""
    alpha: Picture
    """(H, W) 255 where the person covers the plate; all 255 from presets that paint the whole frame."""


class _Prepared(NamedTuple):
    """One frame's inputs, made ahead of the generator."""

    window: CropWindow
    pose: Pose
    label: Tensor
    references: Tensor
    plate: Tensor
    figure: Tensor | None
    face: Tensor | None
    carry: Tensor | None
    shown: Shown
    chosen: NDArray[np.int64]


class Synthesizer:
    """Renders one person. Loading it builds the networks; :meth:`frames` streams."""

    def __init__(self, person: Person, device: torch.device) -> None:
        self.person, self.device = person, device
        self.recipe = recipe_from_dict(person.recipe)
        self.painter = Painter(self.recipe.final.generator)
        self.face: FaceGlobal | FaceUNet | None = None
        self._load("painter", self.painter)
        if self.recipe.face is not None and any(name.startswith("face.") for name in person.weights):
            self.face = face_generator(self.recipe.face.generator)
            self._load("face", self.face)
        self.conditioner: Conditioner
        if isinstance(self.recipe.conditioning, FigureInput):
            self.conditioner = figure_conditioner(self.recipe.conditioning, person.size)
        else:
            if person.bank is None:
                raise PersonFileError("the person file holds no reference pictures; train it again")
            self.conditioner = LimbConditioner(person.bank, person.body_height)

    def frames(self, poses: PoseSequence) -> Iterator[Finished]:
        """Render every row of ``poses``, given in pixels of the subject's frame; rows without anybody are the plate.

        Lazily, in order; memory does not grow with length.
        """
        windows = self._windows(poses)
        chosen = self._choose(poses)
        present = poses.present
        previous: Layers | None = None
        before: int | None = None
        with ThreadPoolExecutor(1) as thread, torch.inference_mode():

            def prepare(index: int, before: int | None) -> _Prepared:
                return self._prepare(poses, windows, chosen, index, before)

            ahead = None
            for index in range(len(poses)):
                if not present[index]:
                    previous, before, ahead = None, None, None
                    yield Finished(self.person.plate.copy(), np.zeros(self.person.size, np.uint8))
                    continue
                ready = ahead.result() if ahead is not None else prepare(index, before)
                before = index
                follows = index + 1 < len(poses) and present[index + 1]
                ahead = thread.submit(prepare, index + 1, index) if follows else None
                painted, previous = self._paint(ready, previous)
                yield self._finish(painted, ready)

    # -- before the generator ----------------------------------------------------------------------------------

    def _windows(self, poses: PoseSequence) -> list[CropWindow]:
        size = self.person.size
        if isinstance(self.recipe.framing, WholeFrame):
            return whole_frame(size, self.person.crop_size, len(poses))
        return plan_windows(poses, self.person.scale)

    def _choose(self, poses: PoseSequence) -> NDArray[np.int64]:
        if not isinstance(self.recipe.conditioning, LimbInput) or self.person.bank is None:
            return np.zeros((len(poses), 0), np.int64)
        return choose_references(poses, self.person.bank.poses, self.recipe.conditioning.references)

    def _prepare(
        self, poses: PoseSequence, windows: list[CropWindow], chosen: NDArray[np.int64], index: int, before: int | None
    ) -> _Prepared:
        window = windows[index]
        pose = pose_in_window(poses, index, window)
        shown: Shown = self.conditioner.show(pose, window.size, chosen[index])
        carry = None
        if before is not None:
            carry = carry_to_grid(
                self.conditioner.carry(pose_in_window(poses, before, windows[before]), pose, window.size)
            )
        figure, face = None, None
        if self.face is not None:
            figure = picture_to_tensor(self.conditioner.figure(pose, window.size))[None]
            face = torch.tensor([face_edges(pose, window.size, face_side(self.person.crop_size))])
        return _Prepared(
            window=window, pose=pose, label=torch.from_numpy(shown.label)[None],
            references=references_to_tensor(shown.references)[None],
            plate=picture_to_tensor(window.cut(self.person.plate))[None], figure=figure, face=face, carry=carry,
            shown=shown, chosen=chosen[index],
        )  # fmt: skip

    # -- the generator and after ---------------------------------------------------------------------------------

    def _paint(self, ready: _Prepared, previous: Layers | None) -> tuple[Layers, Layers]:
        """The painted layers of a frame, and what the next frame is to see of it."""
        grid = None if ready.carry is None else ready.carry.to(self.device)
        seen = None if previous is None or not self.recipe.temporal else carried(previous, grid)
        painted = self.painter(ready.label.to(self.device), ready.references.to(self.device), seen)
        plate = ready.plate.to(self.device)
        picture = composite(painted, plate)
        if self.face is not None and ready.face is not None and ready.figure is not None and int(ready.face[0, 0]) >= 0:
            top, left, bottom, right = ready.face[0].tolist()
            residual = self.face(crop_faces(ready.figure.to(self.device), ready.face), crop_faces(picture, ready.face))
            rgb = painted.rgb.clone()
            rgb[:, :, top:bottom, left:right] += residual
            painted = painted._replace(rgb=rgb.clamp(-1, 1))
            picture = composite(painted, plate)
        return painted, Layers(picture, painted.alpha)

    def _finish(self, painted: Layers, ready: _Prepared) -> Finished:
        """Lay the crop over the full-resolution plate; outside the person the plate's pixels stay untouched."""
        window = ready.window
        rows, columns, inner_rows, inner_columns = window.visible(self.person.size)
        size = window.region[::-1]
        rgb = self._full_size(painted, ready)[inner_rows, inner_columns]
        frame = self.person.plate.copy()
        alpha = np.full(self.person.size, 255, np.uint8)
        if painted.alpha is None:
            frame[rows, columns] = rgb.round().clip(0, 255)
            return Finished(frame, alpha)
        soft = cv2.resize(painted.alpha[0, 0].float().cpu().numpy(), size, interpolation=cv2.INTER_LINEAR)
        soft = soft[inner_rows, inner_columns, None]
        # A still background, exactly: what is nearly bare is the plate, bit for bit, and a body lets nothing through.
        soft = np.clip((soft - NEARLY_BARE) / (1 - 2 * NEARLY_BARE), 0, 1)
        frame[rows, columns] = (rgb * soft + frame[rows, columns] * (1 - soft)).round().clip(0, 255)
        alpha[:] = 0
        alpha[rows, columns] = (soft[..., 0] * 255).round()
        return Finished(frame, alpha)

    def _full_size(self, painted: Layers, ready: _Prepared) -> NDArray[np.float32]:
        """The painted crop at the size of its region in the frame, (H, W, 3) float RGB 0–255."""
        small = (painted.rgb[0].float().cpu().numpy().transpose(1, 2, 0) + 1) * np.float32(127.5)
        region, bank = ready.window.region, self.person.bank
        if not isinstance(self.conditioner, LimbConditioner) or bank is None or max(bank.ratio) < WORTH_RESTORING:
            return np.asarray(cv2.resize(small, region[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
        assert painted.shares is not None and painted.offsets is not None
        blend = Blend(
            painted.shares[0].float().cpu().numpy(), painted.offsets[0].float().cpu().numpy().transpose(0, 2, 3, 1)
        )
        flows = self.conditioner.flows(ready.pose, ready.window.size, ready.chosen)
        pictures = [bank.large[index] for index in ready.chosen]
        return restore_detail(small, blend, flows, ready.shown.references, pictures, bank.ratio, region)

    def _load(self, part: str, network: torch.nn.Module) -> None:
        prefix = f"{part}."
        tensors = {k.removeprefix(prefix): v for k, v in self.person.weights.items() if k.startswith(prefix)}
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise PersonFileError(
                f"the person file's {part} does not fit its recipe ({reason}); train it again"
            ) from error
        place(network, self.device).eval().requires_grad_(False)
