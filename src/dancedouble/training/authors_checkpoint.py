"""A checkpoint folder in the layout of the paper's authors → a person file.

The files hold plain state dicts whose tensors come in the order of the modules they belong to. Names differ from ours,
so tensors are matched by their order and checked by their shape.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from dancedouble.errors import InputError
from dancedouble.models.discriminator import DiscriminatorConfig, MultiScaleDiscriminator
from dancedouble.models.face import FaceConfig, FaceDiscriminator, FaceGlobalConfig, FaceUNetConfig, face_generator
from dancedouble.models.generator import GeneratorConfig, LocalGeneratorConfig
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.recipe import Recipe
from dancedouble.rendering.crop import body_boxes
from dancedouble.subject import whole_frame_size
from dancedouble.training.paper import edn_face, edn_global, edn_local
from dancedouble.training.runs import Weights
from dancedouble.workspace import Workspace

Named = list[tuple[str, Tensor]]
RGB = 3


def import_person(folder: Path, workspace: Workspace) -> Person:
    """The person of ``latest_net_G.pth`` and, where they are there, ``_D``, ``_Gface``, ``_Dface``.

    ``workspace`` is footage of the same person at the same place: it gives the poses that a dance is fitted to, and
    the consent on record. Raises InputError, naming the first tensor that does not fit.
    """
    generator = _read(folder / "latest_net_G.pth")
    if generator is None:
        raise InputError(f"{folder}: latest_net_G.pth is missing; expected a folder with the authors' checkpoints")
    config = _generator_config(generator)
    weights: Weights = {"painter": _fit(Painter(config), generator, folder / "latest_net_G.pth")}
    recipe = edn_global() if isinstance(config, GeneratorConfig) else edn_local()
    stages = [replace(stage, generator=_base(config)) for stage in recipe.stages]
    stages[-1] = replace(stages[-1], generator=config)
    if (judge := _read(folder / "latest_net_D.pth")) is not None:
        shape = _discriminator_config(judge)
        stages[-1] = replace(stages[-1], discriminator=shape)
        weights["discriminator"] = _fit(MultiScaleDiscriminator(shape), judge, folder / "latest_net_D.pth")
    recipe = replace(recipe, stages=tuple(stages), temporal=_base(config).temporal)
    if (face := _read(folder / "latest_net_Gface.pth")) is not None:
        recipe, found = _take_face(recipe, face, folder)
        weights |= found
    return _person(recipe, weights, workspace, folder)


def _take_face(recipe: Recipe, tensors: Named, folder: Path) -> tuple[Recipe, Weights]:
    shape, stage = _face_config(tensors), edn_face().face
    assert stage is not None
    weights: Weights = {"face": _fit(face_generator(shape), tensors, folder / "latest_net_Gface.pth")}
    if (judge := _read(folder / "latest_net_Dface.pth")) is not None:
        stage = replace(stage, discriminator_width=judge[0][1].shape[0])
        network = FaceDiscriminator(width=stage.discriminator_width)
        weights["face_discriminator"] = _fit(network, judge, folder / "latest_net_Dface.pth")
    return replace(recipe, preset="edn-face", face=replace(stage, generator=shape)), weights


def _person(recipe: Recipe, weights: Weights, workspace: Workspace, folder: Path) -> Person:
    manifest = workspace.manifest
    size = whole_frame_size(manifest.size, recipe, recipe.final.height)
    boxes = body_boxes(workspace.poses)
    scale = size[0] / manifest.size[0]
    return Person(
        recipe=recipe.to_dict(),
        weights={f"{part}.{name}": value for part, tensors in weights.items() for name, value in tensors.items()},
        plate=workspace.plate, poses=workspace.poses, bank=None, scale=scale, crop_size=size,
        body_height=float(np.nanmedian(boxes[:, 3] - boxes[:, 1])) * scale, consent=manifest.consent,
        source_sha256=manifest.source_sha256, trained={"imported": folder.name, "steps": 0, "losses": {}},
    )  # fmt: skip


def _read(path: Path) -> Named | None:
    """The tensors of a state dict in order, counters left out; None when there is no such file."""
    if not path.is_file():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise _not_plain(path, "it holds other things") from None
    except Exception as error:  # a file of another kind makes the unpickler raise nearly anything
        raise _not_plain(path, f"{type(error).__name__} while reading it") from None
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise _not_plain(path, "it holds other things")
    tensors = [(name, tensor) for name, tensor in found.items() if tensor.ndim > 0]
    if not tensors:
        raise InputError(f"{path}: holds no tensors; expected a state dict")
    return tensors


def _not_plain(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: not a plain state dict ({reason}); expected names and tensors, nothing else")


def _fit(network: nn.Module, tensors: Named, path: Path) -> dict[str, Tensor]:
    """The network's state dict with these tensors, in order. Raises InputError at the first that does not fit."""
    ours = network.state_dict()
    slots = [(name, tensor) for name, tensor in ours.items() if tensor.ndim > 0]
    for number, (slot, given) in enumerate(zip_longest(slots, tensors), start=1):
        if slot is None or given is None or slot[1].shape != given[1].shape:
            expected = "nothing more" if slot is None else f"{_shape(slot[1])} for {slot[0]}"
            found = "missing" if given is None else f"{given[0]}, {_shape(given[1])}"
            raise InputError(
                f"{path}: tensor {number} is {found}; expected {expected}: another network, or other options"
            )
        ours[slot[0]] = given[1].to(slot[1].dtype)
    return ours


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))


def _kernels(tensors: Named) -> list[Tensor]:
    return [tensor for _, tensor in tensors if tensor.ndim == 4]


def _base(config: GeneratorConfig | LocalGeneratorConfig) -> GeneratorConfig:
    return config if isinstance(config, GeneratorConfig) else config.base


def _generator_config(tensors: Named) -> GeneratorConfig | LocalGeneratorConfig:
    """The shape of a generator, told by its kernels: how often they double, how many keep their width."""
    kernels = _kernels(tensors)
    if not kernels:
        return GeneratorConfig()
    width, channels = kernels[0].shape[:2]
    downs, blocks = _trunk_shape(kernels)
    base = GeneratorConfig(temporal=channels > RGB, width=width, downs=downs, blocks=blocks)
    after = len(kernels) - (1 + 2 * downs + 2 * blocks)
    # Behind the trunk: one kernel is a global generator's head; an enhancer has two to enter and two to leave.
    return base if after <= 1 else LocalGeneratorConfig(base=base, blocks=max(0, (after - 4) // 2))


def _trunk_shape(kernels: list[Tensor]) -> tuple[int, int]:
    """How many kernels double the channels after the first, and how many pairs keep them after that."""
    shapes = [kernel.shape[:2] for kernel in kernels[1:]]
    downs = next((i for i, (out, given) in enumerate(shapes) if out != 2 * given), len(shapes))
    equal = next((i for i, (out, given) in enumerate(shapes[downs:]) if out != given), len(shapes) - downs)
    return downs, equal // 2


def _discriminator_config(tensors: Named) -> DiscriminatorConfig:
    kernels, default = _kernels(tensors), DiscriminatorConfig()
    if not kernels:
        return default
    width, channels = kernels[0].shape[:2]
    temporal = channels > 2 * RGB
    return replace(default, temporal=temporal, width=width, scales=max(1, len(kernels) // (default.layers + 2)))


def _face_config(tensors: Named) -> FaceConfig:
    kernels = _kernels(tensors)
    if not kernels or kernels[0].shape[-1] == 4:
        return FaceUNetConfig(width=kernels[0].shape[0] if kernels else FaceUNetConfig().width)
    downs, blocks = _trunk_shape(kernels)
    return FaceGlobalConfig(width=kernels[0].shape[0], downs=downs, blocks=blocks)
