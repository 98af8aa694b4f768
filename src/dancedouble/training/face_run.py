"""The face GAN's stage of training in progress."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dancedouble.dataset import Batch
from dancedouble.devices import place
from dancedouble.models.face import FACE_SIDE, FaceDiscriminator, correct_faces, crop_faces, face_generator
from dancedouble.models.losses import (
    Distance,
    Terms,
    face_discriminator_objective,
    face_generator_objective,
    total,
)
from dancedouble.models.painter import Painter
from dancedouble.recipe import FaceStage, Recipe
from dancedouble.training.execution import Descent, Execution
from dancedouble.training.runs import Weights, copied, restore, states
from dancedouble.training.step import paint_pair

SWAY = 16
"""Pixels by which the place of a face that is compared enlarged varies."""


class FaceCrops(NamedTuple):
    """The faces of the samples that show one, (b, 3, S, S) each."""

    label: Tensor
    face: Tensor
    """As painted."""
    truth: Tensor
    alpha: Tensor
    """(b, 1, S, S): in rendering the correction is part of the painting, of which so much is seen."""


class FaceRun:
    """Training of the face GAN on a frozen painter (equation 5)."""

    def __init__(
        self, stage: FaceStage, recipe: Recipe, painter: Painter, perceptual: Distance | None, execution: Execution
    ) -> None:
        self.stage, self.temporal, self.execution = stage, recipe.temporal, execution
        self.painter, self.perceptual = painter.eval().requires_grad_(False), perceptual
        self.generator = place(face_generator(stage.generator), execution.device)
        if stage.starts_at_zero:
            self._start_at_zero()
        self.discriminator = place(FaceDiscriminator(width=stage.discriminator_width), execution.device)
        self._generate = execution.parallel(self.generator)
        self._judge = execution.parallel(self.discriminator)
        self.optimizers = {
            "generator": Descent(self.generator, stage.learning_rate, stage.betas, execution),
            "discriminator": Descent(self.discriminator, stage.learning_rate, stage.betas, execution),
        }

    def step(self, batch: Batch, rate: float, random: np.random.Generator) -> dict[str, float]:
        """One step on the faces of a batch; no terms when the batch shows none."""
        self.generator.train()
        corner = (float(random.random()), float(random.random()))
        crops = [self._crops(batch, picture.float(), alpha, frame)
                 for frame, (picture, alpha) in enumerate(self._paint(batch))]  # fmt: skip
        crops = [crop for crop in crops if len(crop.face)]
        # Every process must take the step, or none: one without a face would leave the others waiting for it.
        if self.execution.largest(0.0 if crops else 1.0)[0]:
            return {}
        with self.execution.autocast():
            corrected = [crop.face + crop.alpha * self._generate(crop.label, crop.face) for crop in crops]
            terms = self._generator_terms(crops, corrected, corner)
        self.optimizers["generator"].step(total(terms), rate)
        with self.execution.autocast():
            judged = face_discriminator_objective(
                [self._judge(crop.label, fixed.detach()) for crop, fixed in zip(crops, corrected, strict=True)],
                [self._judge(crop.label, crop.truth) for crop in crops],
            )
        self.optimizers["discriminator"].step(total(judged), rate)
        return {name: float(term.detach()) for name, term in (terms | judged).items()}

    def _generator_terms(self, crops: list[FaceCrops], corrected: list[Tensor], corner: tuple[float, float]) -> Terms:
        self.discriminator.requires_grad_(False)
        terms = face_generator_objective(
            [self.discriminator(crop.label, fixed) for crop, fixed in zip(crops, corrected, strict=True)],
            corrected, [crop.truth for crop in crops],
            perceptual=None if self.perceptual is None else seen_large(self.perceptual, corner),
            weights=self.stage.weights,
        )  # fmt: skip
        self.discriminator.requires_grad_(True)
        return terms

    def start_from(self, weights: Weights) -> None:
        """Go on with an earlier face GAN, where there is one."""
        for part, network in (("face", self.generator), ("face_discriminator", self.discriminator)):
            if part in weights:
                network.load_state_dict(weights[part])

    def pictures(self, batch: Batch) -> Tensor:
        """(B, 3, H, W) second frames with their faces corrected."""
        self.generator.eval()
        return self._correct(batch, *self._paint(batch)[1], 1)

    def weights(self) -> Weights:
        """See :class:`Run`."""
        return {"face": copied(self.generator), "face_discriminator": copied(self.discriminator)}

    def state(self) -> dict[str, Any]:
        """See :class:`Run`."""
        networks = {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}
        return {"networks": networks, "optimizers": states(self.optimizers)}

    def restore(self, state: dict[str, Any]) -> None:
        """See :class:`Run`."""
        self.generator.load_state_dict(state["networks"]["generator"])
        self.discriminator.load_state_dict(state["networks"]["discriminator"])
        restore(self.optimizers, state["optimizers"])

    def _paint(self, batch: Batch) -> list[tuple[Tensor, Tensor | None]]:
        """Both frames and their alpha, faces not yet corrected; the second sees the first corrected, as in rendering.

        Without gradient: the painter is frozen, and what a face does to the next frame is not in equation 5.
        """
        with torch.no_grad(), self.execution.autocast():
            layers, pictures = paint_pair(
                self.painter, batch, temporal=self.temporal,
                finish=lambda first, alpha: self._correct(batch, first, alpha, 0),
            )  # fmt: skip
            return [(picture, each.alpha) for picture, each in zip(pictures, layers, strict=True)]

    def _correct(self, batch: Batch, painted: Tensor, alpha: Tensor | None, frame: int) -> Tensor:
        """The finished frame, (B, 3, H, W) in [-1, 1], without gradient."""
        crop = self._crops(batch, painted, alpha, frame)
        if not len(crop.face):
            return painted
        with torch.no_grad(), self.execution.autocast():
            residual = crop.alpha * self.generator(crop.label, crop.face)
            return correct_faces(painted, residual, batch.face[:, frame]).clamp(-1, 1)

    def _crops(self, batch: Batch, painted: Tensor, alpha: Tensor | None, frame: int) -> FaceCrops:
        boxes = batch.face[:, frame]
        face = crop_faces(painted, boxes)
        return FaceCrops(
            label=crop_faces(batch.figure[:, frame], boxes), face=face, truth=crop_faces(batch.image[:, frame], boxes),
            alpha=torch.ones_like(face[:, :1]) if alpha is None else crop_faces(alpha, boxes),
        )  # fmt: skip

    def _start_at_zero(self) -> None:
        last = [m for m in self.generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][-1]
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)


def seen_large(distance: Distance, corner: tuple[float, float]) -> Distance:
    """A distance that looks at faces (B, 3, S, S) at the paper's size, ``corner`` (0 to 1) saying at what place.

    Smaller ones are enlarged for it, the place is to be drawn anew for each step. A perceptual network that is shown a
    face of 40 pixels as it is, always alike, is pleased best by a grid in step with its strides.
    """

    def enlarged(face: Tensor) -> Tensor:
        if face.shape[-1] >= FACE_SIDE:
            return face
        side = (FACE_SIDE + SWAY, FACE_SIDE + SWAY)
        top, left = (round(share * SWAY) for share in corner)
        large = F.interpolate(face, size=side, mode="bilinear", align_corners=False)
        return large[..., top : top + FACE_SIDE, left : left + FACE_SIDE]

    return lambda face, truth: distance(enlarged(face), enlarged(truth))
