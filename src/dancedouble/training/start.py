"""What ``swift`` begins with: a generator that knows people in general, learned of a synthetic crowd, nobody real.

It comes with the package: ``examples/start/learn.py`` made it. What a person looks like is learned from their footage.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from dancedouble.errors import WeightsError
from dancedouble.files import atomic_path
from dancedouble.models.painter import Painter
from dancedouble.recipe import Recipe
from dancedouble.training.beginning import Beginning
from dancedouble.training.runs import copied

SHIPPED = Path(__file__).with_name("start.safetensors")


class Start(NamedTuple):
    """A generator to begin with."""

    weights: dict[str, torch.Tensor]
    """In single precision."""
    generator: str
    """Its configuration as JSON."""
    sha256: str
    """Of the file."""


def save_start(path: Path, painter: Painter) -> None:
    """Keep a painter's weights in half precision, statistics of batch norms in full, with its configuration."""
    weights = {
        name: (tensor.half() if "running" not in name and tensor.is_floating_point() else tensor).contiguous()
        for name, tensor in copied(painter).items()
    }
    with atomic_path(path) as temporary:
        save_file(weights, temporary, {"generator": json.dumps(asdict(painter.config))})


def first_beginning(recipe: Recipe) -> Beginning:
    """Where a recipe's training starts when nobody says otherwise: from nothing, or from what it names.

    Raises WeightsError when what comes with the package is of another generator than the recipe's.
    """
    if recipe.start is None:
        return Beginning()
    start, first = read_start(SHIPPED), recipe.stages[0]
    if start.generator != json.dumps(asdict(first.generator)):
        raise WeightsError(
            f"{SHIPPED}: was learned with another generator than the first stage of {recipe.preset}; expected the same"
            " (set the recipe's start to None to begin with nothing)"
        )
    return Beginning(of=first, weights={"painter": start.weights}, identity=f"start-{start.sha256}")


@cache
def read_start(path: Path) -> Start:
    """Read what :func:`save_start` wrote."""
    with safe_open(path, "pt") as file:
        generator = file.metadata()["generator"]
        read = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    weights = {name: value.float() if value.is_floating_point() else value for name, value in read.items()}
    return Start(weights, generator, hashlib.sha256(path.read_bytes()).hexdigest())
