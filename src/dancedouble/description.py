"""Facts for people and scripts: about this installation, a preset, a file, a workspace."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from dancedouble import __version__
from dancedouble.conditioning import MAP_STRIDE
from dancedouble.devices import available_devices
from dancedouble.engine import automatic_engine
from dancedouble.files import is_folder
from dancedouble.media.video import probe, read_metadata
from dancedouble.models.counting import count_flops, count_parameters
from dancedouble.models.discriminator import MultiScaleDiscriminator
from dancedouble.models.face import FaceDiscriminator, face_generator
from dancedouble.models.painter import Painter
from dancedouble.person import read_header
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.openpose_json import holds_openpose, read_crowd
from dancedouble.recipe import LimbInput, Recipe, WholeFrame
from dancedouble.rendering.face_box import face_side
from dancedouble.weights import WEIGHTS, available, cache_folder
from dancedouble.workspace import MANIFEST, Workspace

PACKAGES = (
    "torch", "numpy", "av", "opencv-python-headless", "ai-edge-litert", "safetensors", "openvino", "onnx", "onnxscript",
)  # fmt: skip


def describe_installation() -> dict[str, Any]:
    """Versions, devices, and every weight with its licence and whether it is here."""
    return {
        "dancedouble": __version__, "python": platform.python_version(), "packages": _versions(),
        "devices": available_devices(), "renders_with": automatic_engine(),
        "weights_kept_in": str(cache_folder()),
        "weights": {
            name: {"licence": weight.licence, "origin": weight.origin, "here": available(name)}
            for name, weight in WEIGHTS.items()
        },
    }  # fmt: skip


def describe_path(path: Path) -> dict[str, Any]:
    """What a person file, a workspace, poses (``.npz``, OpenPose JSON folder) or a video holds.

    Raises PersonFileError, WorkspaceError, InputError for what is damaged, or none of these.
    """
    if path.suffix == ".safetensors":
        header = read_header(path)
        recipe = header.pop("recipe")
        return {
            "kind": "person file",
            **header,
            "preset": recipe["preset"],
            "megabytes": round(path.stat().st_size / 1e6, 1),
        }
    if is_folder(path) and not (path / MANIFEST).is_file() and holds_openpose(path):
        crowd = read_crowd(path)
        return {
            "kind": "OpenPose JSON", "frames": crowd.frames, "people_at_most": crowd.most,
            "size_reached": list(crowd.reach) if crowd.most else None, "fps": None,
        }  # fmt: skip
    if is_folder(path):
        values = Workspace(path).manifest.to_dict()
        return {"kind": "workspace", **values, "usable": len(values["usable"])}
    if path.suffix == ".npz":
        poses = PoseSequence.load(path)
        shown = int(poses.present.sum())
        return {
            "kind": "poses", "size": list(poses.size), "fps": str(poses.fps), "frames": len(poses),
            "duration": str(len(poses) / poses.fps), "gaps": len(poses) - shown,
        }  # fmt: skip
    facts = {name: str(v) if isinstance(v, Path | Fraction) else v for name, v in asdict(probe(path)).items()}
    return {"kind": "video", **facts, "metadata": read_metadata(path)}


def describe_preset(recipe: Recipe) -> dict[str, Any]:
    """The networks of a preset: trainable parameters, FLOPs for one frame of ``size`` (height, width)."""
    networks: dict[str, Any] = {}
    sizes = [_nominal_size(recipe, stage.height) for stage in recipe.stages]
    with torch.device("meta"):
        for stage, size in zip(recipe.stages, sizes, strict=True):
            label, references = _label_shape(recipe, size), _reference_shape(recipe, size)
            painter = Painter(stage.generator)
            networks[f"{stage.name}.generator"] = _facts(painter, partial(painter, previous=None), label, references)
            if stage.discriminator is not None:
                judge = MultiScaleDiscriminator(stage.discriminator)
                shape = (1, stage.discriminator.input_channels, *size)
                networks[f"{stage.name}.discriminator"] = _facts(judge, judge, shape)
        if recipe.face is not None:
            side = face_side(sizes[-1])
            crops = ((1, 3, side, side), (1, 3, side, side))
            face, judge_face = (
                face_generator(recipe.face.generator),
                FaceDiscriminator(width=recipe.face.discriminator_width),
            )
            networks["face.generator"] = _facts(face, face, *crops)
            networks["face.discriminator"] = _facts(judge_face, judge_face, *crops)
    return {"preset": recipe.preset, "networks": networks, "size": list(sizes[-1])}


def _facts(network: nn.Module, call: Callable[..., Any], *shapes: tuple[int, ...]) -> dict[str, int]:
    return {"parameters": count_parameters(network), "flops_per_frame": count_flops(call, *shapes)}


def _nominal_size(recipe: Recipe, height: int) -> tuple[int, int]:
    """The size numbers are given for: the paper's 2 : 1 for whole frames, 4 : 3 upright for a person's crop."""
    return (height, 2 * height) if isinstance(recipe.framing, WholeFrame) else (height, height * 3 // 4)


def _label_shape(recipe: Recipe, size: tuple[int, int]) -> tuple[int, ...]:
    if isinstance(recipe.conditioning, LimbInput):
        return (1, recipe.conditioning.channels, size[0] // MAP_STRIDE, size[1] // MAP_STRIDE)
    return (1, 3, *size)


def _reference_shape(recipe: Recipe, size: tuple[int, int]) -> tuple[int, ...]:
    count = recipe.conditioning.references if isinstance(recipe.conditioning, LimbInput) else 0
    return (1, count, 4, *size)


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found
