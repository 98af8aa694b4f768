"""One process of several, for the test of training under torchrun: python ranked_training.py WORKSPACE OUT.pt BATCH"""

from __future__ import annotations

import sys

import numpy as np
import torch

from dancedouble.dataset import Batch
from dancedouble.recipe import Recipe
from dancedouble.training.execution import Execution, joined
from dancedouble.training.runs import FrameRun
from dancedouble.workspace import Workspace
from training_world import CPU, perceptual, sampler_of, toy_figure, toy_paper

STEPS = 4


def recipes() -> list[Recipe]:
    """One with an alpha over a plate, one as the paper's; batch norm, which mixes samples, is in neither."""
    return [toy_figure(), toy_paper("edn-local")]


def learn(workspace: Workspace, recipe: Recipe, count: int, execution: Execution) -> dict[str, torch.Tensor]:
    """Weights after a few steps of the last stage with ``count`` pairs a step in each process."""
    torch.manual_seed(0)
    stage = recipe.final
    sampler = sampler_of(workspace, recipe, stage.height)
    run = FrameRun(stage, recipe, perceptual().double(), execution)
    for step in range(STEPS):
        batch = sampler.batch(step, count, rank=execution.rank, ranks=execution.ranks)
        run.step(in_double(batch), 1e-3, np.random.default_rng(step))
    return {f"{part}.{name}": value for part, tensors in run.weights().items() for name, value in tensors.items()}


def in_double(batch: Batch) -> Batch:
    """Floating-point fields as float64."""
    fields = batch._asdict()
    return Batch(**{k: v.double() if v is not None and v.is_floating_point() else v for k, v in fields.items()})


if __name__ == "__main__":
    torch.set_num_threads(1)
    # In float64 rounding stays far below the optimiser's epsilon: weights whose gradient is nothing but rounding, such
    # as biases in front of an instance norm, would otherwise wander at the full learning rate.
    torch.set_default_dtype(torch.float64)
    with joined(CPU) as execution:
        weights = [learn(Workspace(sys.argv[1]), recipe, int(sys.argv[3]), execution) for recipe in recipes()]
        if execution.leads:
            torch.save(weights, sys.argv[2])
        execution.wait()
