"""A stage of training in progress: its networks, its optimisers, its running mean; one call per step."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from dancedouble.dataset import Batch
from dancedouble.devices import place
from dancedouble.models.discriminator import MultiScaleDiscriminator
from dancedouble.models.face import FaceDiscriminator, correct_faces, crop_faces, face_generator
from dancedouble.models.losses import (
    Distance,
    Terms,
    face_discriminator_objective,
    face_generator_objective,
    total,
)
from dancedouble.models.painter import Painter
from dancedouble.recipe import FaceStage, Recipe, Stage
from dancedouble.training.step import FRAMES, FrameStep, paint_pair

WARM_UP = 50
"""Steps over which the cosine schedule's learning rate rises."""
EMA_RAMP = 20
"""The running mean starts short and reaches its full memory over a few times this many steps."""


class Run(Protocol):
    """What the trainer asks of a stage."""

    def step(self, batch: Batch, rate: float, random: np.random.Generator) -> dict[str, float]:
        """Learn from one batch at a learning rate; return the loss terms by name."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything the next step depends on."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        ...

    def pictures(self, batch: Batch) -> Tensor:
        """(B, 3, H, W) what rendering would show for each pair's second frame."""
        ...


def learning_rate(stage: Stage | FaceStage, step: int, progress: float) -> float:
    """The rate at a step, ``progress`` in [0, 1] through the stage. ``paper``: half constant, then linearly to 0."""
    if stage.decay == "paper":
        return stage.learning_rate * min(1.0, 2 * (1 - progress))
    warm = min(1.0, (step + 1) / WARM_UP)
    return stage.learning_rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


class FrameRun:
    """Training of the main generator, with a discriminator where the stage has one."""

    def __init__(self, stage: Stage, recipe: Recipe, perceptual: Distance | None, device: torch.device) -> None:
        self.stage = stage
        self.painter = place(Painter(stage.generator), device)
        self.mean = place(Painter(stage.generator), device)
        self.mean.requires_grad_(False)
        self.mean.load_state_dict(self.painter.state_dict())
        self.discriminator: MultiScaleDiscriminator | None = None
        if stage.discriminator is not None and stage.adversarial:
            self.discriminator = place(MultiScaleDiscriminator(stage.discriminator), device)
        self._learn = FrameStep(stage, self.painter, self.discriminator, perceptual, temporal=recipe.temporal)
        self.optimizers = {"painter": Adam(self.painter.parameters(), stage.learning_rate, stage.betas)}
        if self.discriminator is not None:
            self.optimizers["discriminator"] = Adam(self.discriminator.parameters(), stage.learning_rate, stage.betas)
        self.steps = 0

    def step(self, batch: Batch, rate: float, random: np.random.Generator) -> dict[str, float]:
        """One generator step, then one discriminator step on the same, detached pictures."""
        self.painter.train()
        corner = (float(random.random()), float(random.random()))
        terms, pictures = self._learn.generator_terms(batch, corner)
        _descend(self.optimizers["painter"], total(terms), rate)
        if self.discriminator is not None:
            judged = self._learn.discriminator_terms(batch, pictures)
            _descend(self.optimizers["discriminator"], total(judged), rate)
            terms |= {f"discriminator_{name}": term for name, term in judged.items()}
        self._follow()
        return {name: float(term.detach()) for name, term in terms.items()}

    def start_from(self, painter: Painter) -> None:
        """Begin with another painter's weights, all of them."""
        self.painter.load_state_dict(painter.state_dict())
        self.mean.load_state_dict(painter.state_dict())

    def kept(self) -> Painter:
        """The painter worth keeping: the running mean of the weights, or the last weights."""
        kept = self.mean if self.stage.ema is not None else self.painter
        kept.eval()
        return kept

    def pictures(self, batch: Batch) -> Tensor:
        """(B, 3, H, W) second frames, painted by the painter worth keeping."""
        with torch.no_grad():
            return paint_pair(self.kept(), batch, temporal=self._learn.temporal)[1][1]

    def state(self) -> dict[str, Any]:
        """See :class:`Run`."""
        networks = {"painter": self.painter.state_dict(), "mean": self.mean.state_dict()}
        if self.discriminator is not None:
            networks["discriminator"] = self.discriminator.state_dict()
        return {"steps": self.steps, "networks": networks, "optimizers": _states(self.optimizers)}

    def restore(self, state: dict[str, Any]) -> None:
        """See :class:`Run`."""
        self.steps = state["steps"]
        self.painter.load_state_dict(state["networks"]["painter"])
        self.mean.load_state_dict(state["networks"]["mean"])
        if self.discriminator is not None:
            self.discriminator.load_state_dict(state["networks"]["discriminator"])
        _restore(self.optimizers, state["optimizers"])

    def _follow(self) -> None:
        self.steps += 1
        if self.stage.ema is None:
            return
        keep = min(self.stage.ema, self.steps / (self.steps + EMA_RAMP))
        with torch.no_grad():
            for mean, now in zip(self.mean.state_dict().values(), self.painter.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)


class FaceRun:
    """Training of the face GAN on a frozen painter (equation 5)."""

    def __init__(
        self,
        stage: FaceStage,
        recipe: Recipe,
        painter: Painter,
        perceptual: Distance | None,
        device: torch.device,
    ) -> None:
        self.stage, self.temporal = stage, recipe.temporal
        self.painter, self.perceptual = painter.eval().requires_grad_(False), perceptual
        self.generator = face_generator(stage.generator).to(device)
        # A residual of nothing at the start: the face GAN can only improve on the frame it is given.
        self._start_at_zero()
        self.discriminator = FaceDiscriminator(width=stage.discriminator_width).to(device)
        self.optimizers = {
            "generator": Adam(self.generator.parameters(), stage.learning_rate, stage.betas),
            "discriminator": Adam(self.discriminator.parameters(), stage.learning_rate, stage.betas),
        }

    def step(self, batch: Batch, rate: float, random: np.random.Generator) -> dict[str, float]:
        """One step on the faces of a batch; no terms when the batch shows none."""
        self.generator.train()
        with torch.no_grad():
            _, painted = paint_pair(self.painter, batch, temporal=self.temporal)
        crops = [self._crops(batch, painted[frame], frame) for frame in range(FRAMES)]
        crops = [crop for crop in crops if len(crop[0])]
        if not crops:
            return {}
        corrected = [face + self.generator(label, face) for label, face, _ in crops]
        terms: Terms = face_generator_objective(
            [self.discriminator(label, fixed) for (label, _, _), fixed in zip(crops, corrected, strict=True)],
            corrected, [truth for _, _, truth in crops], perceptual=self.perceptual, weights=self.stage.weights,
        )  # fmt: skip
        _descend(self.optimizers["generator"], total(terms), rate)
        judged = face_discriminator_objective(
            [self.discriminator(label, fixed.detach()) for (label, _, _), fixed in zip(crops, corrected, strict=True)],
            [self.discriminator(label, truth) for label, _, truth in crops],
        )
        _descend(self.optimizers["discriminator"], total(judged), rate)
        return {name: float(term.detach()) for name, term in (terms | judged).items()}

    def pictures(self, batch: Batch) -> Tensor:
        """(B, 3, H, W) second frames with their faces corrected."""
        self.generator.eval()
        with torch.no_grad():
            painted = paint_pair(self.painter, batch, temporal=self.temporal)[1][1]
            label, face, _ = self._crops(batch, painted, 1)
            if not len(label):
                return painted
            return correct_faces(painted, self.generator(label, face), batch.face[:, 1])

    def state(self) -> dict[str, Any]:
        """See :class:`Run`."""
        networks = {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
        }
        return {"networks": networks, "optimizers": _states(self.optimizers)}

    def restore(self, state: dict[str, Any]) -> None:
        """See :class:`Run`."""
        self.generator.load_state_dict(state["networks"]["generator"])
        self.discriminator.load_state_dict(state["networks"]["discriminator"])
        _restore(self.optimizers, state["optimizers"])

    def _crops(self, batch: Batch, painted: Tensor, frame: int) -> tuple[Tensor, Tensor, Tensor]:
        """Label, painted face and true face of the samples that show one, (b, 3, S, S) each."""
        boxes = batch.face[:, frame]
        return (
            crop_faces(batch.figure[:, frame], boxes), crop_faces(painted, boxes),
            crop_faces(batch.image[:, frame], boxes),
        )  # fmt: skip

    def _start_at_zero(self) -> None:
        last = [m for m in self.generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)][-1]
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)


def owned_once(optimizers: Iterable[torch.optim.Optimizer]) -> bool:
    """Whether no parameter is listed twice, in one optimiser or across them."""
    parameters = [id(p) for o in optimizers for group in o.param_groups for p in group["params"]]
    return len(parameters) == len(set(parameters))


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()


def _states(optimizers: dict[str, Adam]) -> dict[Literal["painter"] | str, Any]:
    return {name: optimizer.state_dict() for name, optimizer in optimizers.items()}


def _restore(optimizers: dict[str, Adam], states: dict[str, Any]) -> None:
    for name, optimizer in optimizers.items():
        optimizer.load_state_dict(states[name])
