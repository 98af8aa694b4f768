"""Facts for people and scripts: about this installation, a preset, a file, a workspace."""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dancedouble import __version__
from dancedouble.devices import available_devices
from dancedouble.media.video import probe, read_metadata
from dancedouble.models.counting import count_parameters
from dancedouble.models.discriminator import MultiScaleDiscriminator
from dancedouble.models.face import FaceDiscriminator, face_generator
from dancedouble.models.painter import Painter
from dancedouble.person import read_header
from dancedouble.recipe import LimbInput, Recipe
from dancedouble.weights import WEIGHTS, available
from dancedouble.workspace import Workspace

PACKAGES = ("torch", "numpy", "av", "opencv-python-headless", "ai-edge-litert", "safetensors", "openvino")


def describe_installation() -> dict[str, Any]:
    """Versions, devices, and every weight with its licence and whether it is here."""
    return {
        "dancedouble": __version__, "python": platform.python_version(), "packages": _versions(),
        "devices": available_devices(),
        "weights": {
            name: {"licence": weight.licence, "origin": weight.origin, "here": available(name)}
            for name, weight in WEIGHTS.items()
        },
    }  # fmt: skip


def describe_path(path: Path) -> dict[str, Any]:
    """What a person file, a workspace or a video holds."""
    if path.suffix == ".safetensors":
        header = read_header(path)
        recipe = header.pop("recipe")
        return {
            "kind": "person file",
            **header,
            "preset": recipe["preset"],
            "megabytes": round(path.stat().st_size / 1e6, 1),
        }
    if path.is_dir():
        values = Workspace(path).manifest.to_dict()
        return {"kind": "workspace", **values, "usable": len(values["usable"])}
    facts = asdict(probe(path))
    return {
        "kind": "video", **{name: str(v) if name in {"path", "fps", "duration", "start_time"} else v for name, v in facts.items()},
        "metadata": read_metadata(path),
    }  # fmt: skip


def describe_preset(recipe: Recipe) -> dict[str, Any]:
    """The networks of a preset: trainable parameters, and FLOPs per frame of those that render."""
    networks: dict[str, Any] = {}
    with torch.device("meta"):
        for stage in recipe.stages:
            networks[f"{stage.name}.generator"] = _facts(Painter(stage.generator))
            if stage.discriminator is not None:
                networks[f"{stage.name}.discriminator"] = _facts(MultiScaleDiscriminator(stage.discriminator))
        if recipe.face is not None:
            networks["face.generator"] = _facts(face_generator(recipe.face.generator))
            networks["face.discriminator"] = _facts(FaceDiscriminator(width=recipe.face.discriminator_width))
    references = recipe.conditioning.references if isinstance(recipe.conditioning, LimbInput) else 0
    return {"preset": recipe.preset, "networks": networks, "size": recipe.final.height, "references": references}


def _facts(network: nn.Module) -> dict[str, Any]:
    return {"parameters": count_parameters(network)}


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
