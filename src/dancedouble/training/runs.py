"""A stage of training in progress: its networks, its optimisers, its running mean; one call per step."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dancedouble.dataset import Batch
from dancedouble.devices import place
from dancedouble.models.discriminator import MultiScaleDiscriminator, transplant_scales
from dancedouble.models.generator import GlobalGenerator, LocalGenerator, transplant_trunk
from dancedouble.models.losses import (
    Distance,
    total,
)
from dancedouble.models.painter import Painter
from dancedouble.models.swift import SwiftConfig
from dancedouble.recipe import FaceStage, Recipe, Stage
from dancedouble.training.execution import Descent, Execution
from dancedouble.training.step import FrameStep, paint_pair

WARM_UP = 50
"""Steps over which the cosine schedule's learning rate rises."""
EMA_RAMP = 20
"""The running mean starts short and reaches its full memory over a few times this many steps."""
Weights = dict[str, dict[str, Tensor]]
"""What stages leave to one another and to the person file: tensors by name, by part (``painter``, ``face`` …)."""


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

    def weights(self) -> Weights:
        """What the stage has come to."""
        ...


def learning_rate(stage: Stage | FaceStage, step: int, progress: float) -> float:
    """The rate at a step, ``progress`` in [0, 1] through the stage. ``paper``: half constant, then linearly to 0."""
    if stage.decay == "paper":
        return stage.learning_rate * min(1.0, 2 * (1 - progress))
    warm = min(1.0, (step + 1) / WARM_UP)
    return stage.learning_rate * warm * max(0.01, 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


class FrameRun:
    """Training of the main generator, with a discriminator where the stage has one."""

    def __init__(self, stage: Stage, recipe: Recipe, perceptual: Distance | None, execution: Execution) -> None:
        self.stage, self.execution = stage, execution
        self.painter = place(Painter(stage.generator), execution.device)
        self.mean: Painter | None = None
        if stage.ema is not None:
            self.mean = place(Painter(stage.generator), execution.device).requires_grad_(False)
            self.mean.load_state_dict(self.painter.state_dict())
        self.discriminator: MultiScaleDiscriminator | None = None
        if stage.discriminator is not None and stage.adversarial:
            self.discriminator = place(MultiScaleDiscriminator(stage.discriminator), execution.device)
        if execution.save_memory:
            # Batch norms would take every frame twice into their statistics.
            self.painter.recomputes = not isinstance(stage.generator, SwiftConfig)
            perceptual = perceptual and recomputed(perceptual)
        self._learn = FrameStep(
            stage, execution.parallel(self.painter), self.discriminator,
            None if self.discriminator is None else execution.parallel(self.discriminator),
            perceptual, temporal=recipe.temporal,
        )  # fmt: skip
        self.optimizers = {"painter": Descent(self.painter, stage.learning_rate, stage.betas, execution)}
        if self.discriminator is not None:
            self.optimizers["discriminator"] = Descent(self.discriminator, stage.learning_rate, stage.betas, execution)
        self.steps = 0

    def step(self, batch: Batch, rate: float, random: np.random.Generator) -> dict[str, float]:
        """One generator step, then one discriminator step on the same, detached pictures."""
        self.painter.train()
        corner = (float(random.random()), float(random.random()))
        with self.execution.autocast():
            terms, pictures = self._learn.generator_terms(batch, corner)
        self.optimizers["painter"].step(total(terms), rate)
        if self.discriminator is not None:
            with self.execution.autocast():
                judged = self._learn.discriminator_terms(batch, pictures)
            self.optimizers["discriminator"].step(total(judged), rate)
            terms |= {f"discriminator_{name}": term for name, term in judged.items()}
        self._follow()
        return {name: float(term.detach()) for name, term in terms.items()}

    def start_from(self, painter: Painter, discriminator: MultiScaleDiscriminator | None) -> None:
        """Begin with an earlier stage's weights: all of them, or, grown by an enhancer, those of its trunk.

        A discriminator that judges the same way gives its scales to the coarsest ones of this. Raises ValueError
        when the painters are not related.
        """
        new, old = self.painter.network, painter.network
        if isinstance(new, LocalGenerator) and isinstance(old, GlobalGenerator):
            transplant_trunk(old, new)
        elif self.painter.config == painter.config:
            self.painter.load_state_dict(painter.state_dict())
        else:
            raise ValueError(f"a stage of {self.painter.config} cannot start from {painter.config}")
        if self.mean is not None:
            self.mean.load_state_dict(self.painter.state_dict())
        if discriminator is not None and self.discriminator is not None and _akin(discriminator, self.discriminator):
            transplant_scales(discriminator, self.discriminator)

    def kept(self) -> Painter:
        """The painter worth keeping: the running mean of the weights, or the last weights."""
        kept = self.painter if self.mean is None else self.mean
        return kept.eval()

    def weights(self) -> Weights:
        """See :class:`Run`."""
        left = {"painter": copied(self.kept())}
        if self.discriminator is not None:
            left["discriminator"] = copied(self.discriminator)
        return left

    def pictures(self, batch: Batch) -> Tensor:
        """(B, 3, H, W) second frames, painted by the painter worth keeping."""
        with torch.no_grad(), self.execution.autocast():
            return paint_pair(self.kept(), batch, temporal=self._learn.temporal)[1][1]

    def state(self) -> dict[str, Any]:
        """See :class:`Run`."""
        networks = {name: network.state_dict() for name, network in self._networks().items()}
        return {"steps": self.steps, "networks": networks, "optimizers": states(self.optimizers)}

    def restore(self, state: dict[str, Any]) -> None:
        """See :class:`Run`."""
        self.steps = state["steps"]
        for name, network in self._networks().items():
            network.load_state_dict(state["networks"][name])
        restore(self.optimizers, state["optimizers"])

    def _networks(self) -> dict[str, nn.Module]:
        networks = {"painter": self.painter, "mean": self.mean, "discriminator": self.discriminator}
        return {name: network for name, network in networks.items() if network is not None}

    def _follow(self) -> None:
        self.steps += 1
        if self.stage.ema is None or self.mean is None:
            return
        keep = min(self.stage.ema, self.steps / (self.steps + EMA_RAMP))
        with torch.no_grad():
            for mean, now in zip(self.mean.state_dict().values(), self.painter.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, 1 - keep)
                else:
                    mean.copy_(now)


def copied(network: nn.Module) -> dict[str, Tensor]:
    """A network's tensors on the CPU, safe from further training."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def recomputed(distance: Distance) -> Distance:
    """The same distance, its features computed again in the backward pass instead of being kept."""

    def measured(image: Tensor, truth: Tensor) -> Tensor:
        found: Tensor = checkpoint(distance, image, truth, use_reentrant=False)
        return found

    return measured


def states(optimizers: dict[str, Descent]) -> dict[str, Any]:
    """All optimisers' states by name."""
    return {name: optimizer.state() for name, optimizer in optimizers.items()}


def restore(optimizers: dict[str, Descent], saved: dict[str, Any]) -> None:
    """Take up saved states by name."""
    for name, optimizer in optimizers.items():
        optimizer.restore(saved[name])


def _akin(trained: MultiScaleDiscriminator, grown: MultiScaleDiscriminator) -> bool:
    """Whether two discriminators differ in their number of scales alone, and the second has no fewer."""
    alike = replace(trained.config, scales=grown.config.scales) == grown.config
    return alike and grown.config.scales >= trained.config.scales
