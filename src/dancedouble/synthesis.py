"""Poses in, finished frames out: the recurrent generator, the face, the plate. One pass; no picture is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dancedouble.allocation import keep_freed_memory
from dancedouble.conditioning import Conditioner, LimbConditioner, Shown, figure_conditioner, pose_in_window
from dancedouble.dataset import carry_to_grid, face_edges, picture_to_tensor, references_to_tensor
from dancedouble.deployment import PREVIOUS_CHANNELS
from dancedouble.engine import Engine, TorchEngine, beside_other_work
from dancedouble.errors import PersonFileError
from dancedouble.models.layers import Layers, composite
from dancedouble.overlap import in_a_thread, read_ahead
from dancedouble.person import Person
from dancedouble.pose.keypoints import Pose, PoseSequence
from dancedouble.recipe import FigureInput, LimbInput, WholeFrame, recipe_from_dict
from dancedouble.references import choose_references
from dancedouble.rendering.crop import CropWindow, plan_windows, whole_frame
from dancedouble.rendering.detail import Blend, Patch, restore_detail
from dancedouble.rendering.face_box import face_side
from dancedouble.training.step import carried

Picture = NDArray[np.uint8]
NEARLY_BARE = 0.06
"""Alpha up to which a pixel counts as background; as much below 1, it counts as covered."""
EVENING = np.array([1, 2, 2, 2, 1], np.float32) / 8
"""A mean over four pixels, about a pixel's centre."""
STEEPENING = 3
"""How much steeper an outline is made after it was evened; what is three pixels thin stays whole."""
HARDLY_SHADED = 0.02
"""Change of the plate's light that counts as none."""
WORTH_RESTORING = 1.2
"""Footage pixels per learned pixel from which fine detail is taken from the references."""


class Finished(NamedTuple):
    """One finished frame of the subject."""

    frame: Picture
    """(H, W, 3) RGB."""
    alpha: Picture
    """(H, W) 255 where the person covers the plate; all 255 from presets that paint the whole frame."""
    painted: NDArray[np.float32] | None = None
    """(h, w, 3) the person before they were laid over the plate, 0–255; None where nothing was."""
    place: tuple[slice, slice] = (slice(0), slice(0))
    """Rows and columns of the frame that ``painted`` is for."""

    def cut_out(self) -> Picture:
        """(H, W, 4) RGBA of the person alone, alpha not multiplied in: nothing of the plate is left in it."""
        picture = np.zeros((*self.alpha.shape, 4), np.uint8)
        if self.painted is not None:
            picture[(*self.place, slice(3))] = self.painted.round().clip(0, 255)
        picture[self.alpha == 0] = 0
        picture[..., 3] = self.alpha
        return picture


class Wish(NamedTuple):
    """One frame that is to be rendered."""

    window: CropWindow
    pose: Pose
    """In pixels of the window's crop."""
    chosen: NDArray[np.int64]
    """Reference pictures, best first; empty for recipes without any."""


class _Prepared(NamedTuple):
    """One frame's inputs, made ahead of the generator."""

    window: CropWindow
    label: Tensor
    references: Tensor
    plate: Tensor
    figure: Tensor | None
    """(1, 3, S, S) the stick figure's face; None without a face network, or where no face is seen."""
    face: Tensor | None
    """(1, 4) where that is in the crop."""
    carry: Tensor | None
    shown: Shown


class Synthesizer:
    """Renders one person with an engine that runs their networks; :meth:`frames` streams."""

    def __init__(self, person: Person, engine: Engine | torch.device) -> None:
        """A device in place of an engine is PyTorch on it."""
        self.person = person
        self.engine: Engine = TorchEngine(person, engine) if isinstance(engine, torch.device) else engine
        self.recipe = recipe_from_dict(person.recipe)
        self.conditioner: Conditioner
        if isinstance(self.recipe.conditioning, FigureInput):
            self.conditioner = figure_conditioner(self.recipe.conditioning, person.size, person.crop_size)
        else:
            if person.bank is None:
                raise PersonFileError("the person file holds no reference pictures; train it again")
            self.conditioner = LimbConditioner(person.bank, person.body_height, self.recipe.conditioning.plate)

    def frames(self, poses: PoseSequence) -> Iterator[Finished]:
        """Render every row of ``poses``, given in pixels of the subject's frame; rows without anybody are the plate.

        Lazily, in order. A frame more takes a few kilobytes: its pose, and which references it is shown.
        """
        return self.stream(self._wishes(poses))

    def stream(self, wishes: Iterable[Wish | None]) -> Iterator[Finished]:
        """Render frame after frame; None is a frame without anybody.

        What a frame needs is made in one thread and the finished frame is put together in another, while the generator
        paints the frames between: a wish is taken a few frames before its frame comes out.
        """
        keep_freed_memory()
        prepared = read_ahead(self._prepared(wishes))
        return in_a_thread(lambda both: self._finish(*both), self._painted(prepared))

    def _prepared(self, wishes: Iterable[Wish | None]) -> Iterator[_Prepared | None]:
        before: Wish | None = None
        for wish in wishes:
            yield None if wish is None else self._prepare(wish, before)
            before = wish

    def _painted(self, prepared: Iterable[_Prepared | None]) -> Iterator[tuple[Layers | None, _Prepared | None]]:
        previous: Layers | None = None
        with beside_other_work():
            for ready in prepared:
                painted = None
                if ready is None:
                    previous = None
                else:
                    painted, previous = self._paint(ready, previous)
                    # Apple's GPU is used from one thread alone: from two at once it takes the process down.
                    if self.engine.device.type == "mps":
                        at_hand = {name: layer.cpu() for name, layer in painted._asdict().items() if layer is not None}
                        painted = painted._replace(**at_hand)
                yield painted, ready

    def own_frame(self) -> dict[str, Tensor]:
        """What the generator is shown for a frame of the subject's own footage, at the size they were learned in.

        ``label``, ``references``, ``previous`` (nothing) and the ``plate`` (1, 3, H, W) behind them.
        """
        poses = self.person.poses
        index = int(np.flatnonzero(poses.present)[int(poses.present.sum()) // 2])
        window = replace(self._windows(poses)[index], size=self.person.crop_size)
        wish = Wish(window, pose_in_window(poses, index, window), self._choose(poses)[index])
        ready = self._prepare(wish, None)
        previous = torch.zeros(1, PREVIOUS_CHANNELS, *self.person.crop_size)
        return {"label": ready.label, "references": ready.references, "previous": previous, "plate": ready.plate}

    # -- before the generator ----------------------------------------------------------------------------------

    def _wishes(self, poses: PoseSequence) -> Iterator[Wish | None]:
        windows, chosen = self._windows(poses), self._choose(poses)
        for index, present in enumerate(poses.present):
            pose = pose_in_window(poses, index, windows[index])
            yield Wish(windows[index], pose, chosen[index]) if present else None

    def _windows(self, poses: PoseSequence) -> list[CropWindow]:
        size = self.person.size
        if isinstance(self.recipe.framing, WholeFrame):
            return whole_frame(size, self.person.crop_size, len(poses))
        return plan_windows(poses, self.person.scale)

    def _choose(self, poses: PoseSequence) -> NDArray[np.int64]:
        if not isinstance(self.recipe.conditioning, LimbInput) or self.person.bank is None:
            return np.zeros((len(poses), 0), np.int64)
        return choose_references(poses, self.person.bank.poses, self.recipe.conditioning.references)

    def _prepare(self, wish: Wish, before: Wish | None) -> _Prepared:
        window, pose, chosen = wish
        plate = window.cut(self.person.plate)
        shown = self.conditioner.show(pose, window.size, chosen, plate, None if before is None else before.pose)
        figure, face = None, None
        if self.engine.has_face:
            edges = face_edges(pose, window.size, face_side(self.person.crop_size))
            if edges[0] >= 0:
                face = torch.tensor([edges])
                figure = picture_to_tensor(self.conditioner.figure(pose, window.size, edges))[None]
        return _Prepared(
            window=window, label=torch.from_numpy(shown.label)[None],
            references=references_to_tensor(shown.references)[None],
            plate=picture_to_tensor(plate)[None], figure=figure, face=face,
            carry=carry_to_grid(shown.carry), shown=shown,
        )  # fmt: skip

    # -- the generator and after ---------------------------------------------------------------------------------

    @torch.inference_mode()
    def _paint(self, ready: _Prepared, previous: Layers | None) -> tuple[Layers, Layers]:
        """The painted layers of a frame, and what the next frame is to see of it."""
        grid = None if ready.carry is None else ready.carry.to(self.engine.device)
        seen = None if previous is None or not self.recipe.temporal else carried(previous, grid)
        painted = self.engine.paint(ready.label.to(self.engine.device), ready.references.to(self.engine.device), seen)
        plate = ready.plate.to(self.engine.device)
        if ready.face is not None and ready.figure is not None:
            top, left, bottom, right = ready.face[0].tolist()
            face = (..., slice(top, bottom), slice(left, right))
            here = {name: value[face] for name, value in painted._asdict().items() if value is not None}
            shown = composite(painted._replace(**here), plate[face])
            residual = self.engine.correct_face(ready.figure.to(self.engine.device), shown)
            rgb = painted.rgb.clone()
            rgb[face] = (rgb[face] + residual).clamp(-1, 1)
            painted = painted._replace(rgb=rgb)
        picture = composite(painted, plate)
        return painted, Layers(picture, painted.alpha)

    def _finish(self, painted: Layers | None, ready: _Prepared | None) -> Finished:
        """Lay the crop over the full-resolution plate; outside the person the plate's pixels stay untouched."""
        frame = self.person.plate.copy()
        if painted is None or ready is None:
            return Finished(frame, np.zeros(self.person.size, np.uint8))
        window = ready.window
        rows, columns, inner_rows, inner_columns = window.visible(self.person.size)
        if painted.alpha is None:
            rgb = self._full_size(painted, ready, (inner_rows, inner_columns))
            frame[rows, columns] = rgb.round().clip(0, 255)
            return Finished(frame, np.full(self.person.size, 255, np.uint8))
        alpha = np.zeros(self.person.size, np.uint8)
        if painted.shade is not None:
            _shade(frame[rows, columns], _enlarged(painted.shade, window.region)[inner_rows, inner_columns])
        in_cells = isinstance(self.conditioner, LimbConditioner)
        outline = _evened(painted.alpha) if in_cells else painted.alpha
        soft = _enlarged(outline, window.region)[inner_rows, inner_columns]
        # A still background, exactly: what is nearly bare is the plate, bit for bit, and a body lets nothing through.
        soft = np.clip((soft - NEARLY_BARE) / (1 - 2 * NEARLY_BARE), 0, 1)
        covered = cv2.boundingRect((soft > 0).view(np.uint8))
        if covered[2] == 0:
            return Finished(frame, alpha)
        left, top, width, height = covered
        soft = np.ascontiguousarray(soft[top : top + height, left : left + width])
        part = tuple(
            slice(inner.start + start, inner.start + start + length)
            for inner, start, length in ((inner_rows, top, height), (inner_columns, left, width))
        )
        here = (
            slice(rows.start + top, rows.start + top + height),
            slice(columns.start + left, columns.start + left + width),
        )
        rgb = self._full_size(painted, ready, (part[0], part[1]))
        plate = np.ascontiguousarray(frame[here])
        apart = cv2.multiply(cv2.subtract(rgb, plate, dtype=cv2.CV_32F), cv2.merge([soft] * 3))
        frame[here] = cv2.add(plate, apart, dtype=cv2.CV_8U)
        alpha[here] = (soft * 255).round()
        return Finished(frame, alpha, rgb, here)

    def _full_size(self, painted: Layers, ready: _Prepared, part: tuple[slice, slice]) -> NDArray[np.float32]:
        """A part of the painted crop at the size of its region in the frame, (H, W, 3) float RGB 0–255."""
        small = np.ascontiguousarray(painted.rgb[0].float().cpu().numpy().transpose(1, 2, 0))
        small = (small + 1) * np.float32(127.5)
        region, bank = ready.window.region, self.person.bank
        if not isinstance(self.conditioner, LimbConditioner) or bank is None or max(bank.ratio) < WORTH_RESTORING:
            large = cv2.resize(small, region[::-1], interpolation=cv2.INTER_CUBIC)[part]
            return np.ascontiguousarray(large, np.float32)
        origin = ready.shown.origin
        assert painted.shares is not None and painted.offsets is not None and origin is not None
        shares = painted.shares[0].float().cpu().numpy()
        if painted.alpha is not None:  # nobody sees the rest
            seen = cv2.dilate(painted.alpha[0, 0].float().cpu().numpy(), np.ones((5, 5), np.uint8)) > NEARLY_BARE
            shares = shares * seen
        blend = Blend(shares, painted.offsets[0].float().cpu().numpy())
        patches = [Patch(flow, bank.large[index]) for flow, index in zip(origin.flows, origin.bank, strict=True)]
        return restore_detail(small, blend, ready.shown.references, origin.sources, patches, bank.ratio, region, part)


def _evened(alpha: Tensor) -> Tensor:
    """Alpha (1, 1, h, w) with an even outline.

    It is painted in cells of 4 × 4 pixels and corrected in cells of 2 × 2, whose steps show when enlarged. A mean
    over four pixels knows nothing of such cells; what it softens is made as steep again.
    """
    mean = cv2.sepFilter2D(alpha[0, 0].float().cpu().numpy(), -1, EVENING, EVENING, borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(np.clip((mean - 0.5) * STEEPENING + 0.5, 0, 1))[None, None]


def _enlarged(values: Tensor, size: tuple[int, int]) -> NDArray[np.float32]:
    """(1, 1, h, w) → (height, width) of ``size``."""
    return np.asarray(cv2.resize(values[0, 0].float().cpu().numpy(), size[::-1]), np.float32)


def _shade(ground: Picture, shade: NDArray[np.float32]) -> None:
    """Change the light of (H, W, 3) by factors (H, W), in place; where they are hardly apart from 1, not at all."""
    change = shade - 1
    change = np.sign(change) * np.maximum(np.abs(change) - HARDLY_SHADED, 0)
    left, top, width, height = cv2.boundingRect((change != 0).view(np.uint8))
    if width:
        part = (slice(top, top + height), slice(left, left + width))
        factor = cv2.merge([np.ascontiguousarray(1 + change[part])] * 3)
        ground[part] = cv2.multiply(np.ascontiguousarray(ground[part]), factor, dtype=cv2.CV_8U)
