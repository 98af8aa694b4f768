"""A prepared workspace of a drawn doll, made once per run of the tests, and toy recipes to train on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dancedouble import pipeline, preparation
from dancedouble.models.generator import GeneratorConfig
from dancedouble.models.perceptual import FakeFeatureExtractor, VGGLoss
from dancedouble.progress import OnProgress, ignore_progress
from dancedouble.recipe import Recipe
from dancedouble.subject import open_subject
from dancedouble.training.beginning import Beginning
from dancedouble.training.execution import Execution
from dancedouble.training.paper import narrowed
from dancedouble.training.presets import figure, preset
from dancedouble.training.trainer import Limit, Trainer
from dancedouble.workspace import Workspace
from small_world import TwoClipEstimator, make_world

CPU = Execution(device=torch.device("cpu"))
CONSENT = "a doll, drawn for this test"


def make_workspace(folder: Path) -> Workspace:
    """Prepare the target clip of a small world."""
    world = make_world(folder)
    estimator = TwoClipEstimator(world.source_poses, world.target_poses)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "subject_estimator", lambda model: estimator)
        patch.setattr(pipeline, "subject_model", lambda: "heavy")
        pipeline.prepare(world.target, folder / "workspace", consent=CONSENT)
    return Workspace(folder / "workspace")


def toy_figure() -> Recipe:
    """The figure preset at toy size: instance norm only, so the samples of a batch do not see each other."""
    recipe = figure(64)
    generator = GeneratorConfig(width=4, downs=2, blocks=1, alpha=True)
    stages = tuple(
        replace(s, generator=generator, discriminator=s.discriminator and replace(s.discriminator, width=4))
        for s in recipe.stages
    )
    return replace(recipe, stages=stages, perceptual="vgg")


def toy_paper(name: str, side: int = 64) -> Recipe:
    """A paper preset at toy size."""
    return narrowed(preset(name), width=4, side=side)


def perceptual() -> VGGLoss:
    """A stand-in for VGG."""
    return VGGLoss(FakeFeatureExtractor(width=4))


def trainer(
    workspace: Workspace, recipe: Recipe, *, steps: int | None = None, seconds: float | None = None,
    frames: list[int] | None = None, seed: int = 0, on_progress: OnProgress = ignore_progress,
    beginning: Beginning | None = None, execution: Execution = CPU, tensorboard: bool = False,
) -> Trainer:  # fmt: skip
    """A trainer on the whole workspace, or on some of its frames."""
    return Trainer(
        workspace, recipe, frames or list(workspace.manifest.usable), limit=Limit(seconds=seconds, steps=steps),
        seed=seed, execution=execution, perceptual=None if recipe.perceptual is None else perceptual(),
        beginning=beginning, tensorboard=tensorboard, on_progress=on_progress,
    )  # fmt: skip


def sampler_of(workspace: Workspace, recipe: Recipe, height: int | None = None):  # type: ignore[no-untyped-def]
    """The sampler of a recipe's first stage, or at another height."""
    height = height or recipe.stages[0].height
    return open_subject(workspace, recipe, height, list(workspace.manifest.usable), seed=0).sampler
