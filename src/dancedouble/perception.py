"""The frozen network that compares pictures in training, loaded from the weights store."""

from __future__ import annotations

from typing import Literal

import torch
from safetensors.torch import load_file

from dancedouble.models.losses import Distance
from dancedouble.models.perceptual import LPIPS, VGG16, VGG19, VGGLoss
from dancedouble.weights import available, weight_path

Name = Literal["lpips", "vgg"] | None
JUDGES = {"lpips_alexnet": "LPIPS (AlexNet)", "vgg19": "VGG19", "lpips_vgg16": "VGG16"}
"""What each of the weights is called in reports."""


def _weight(name: Literal["lpips", "vgg"]) -> str:
    """Which weights are read."""
    if name == "lpips":
        return "lpips_alexnet"
    return "vgg19" if available("vgg19") else "lpips_vgg16"


def perceptual_name(name: Name) -> str:
    """What :func:`load_perceptual` would load, for reports."""
    return "none" if name is None else JUDGES[_weight(name)]


def named_stand_in(name: Name) -> list[str]:
    """A line where other weights than the paper's are what :func:`load_perceptual` would load."""
    if name != "vgg" or _weight(name) == "vgg19":
        return []
    judge = perceptual_name(name)
    return [
        f"the perceptual loss is on {judge}: the weights of VGG19, the paper's, are not here;"
        " `dancedouble info --weights FOLDER` fetches them"
    ]


def require_perceptual(name: Name) -> None:
    """Have the weights that :func:`load_perceptual` will read, fetched where need be. Raises WeightsError."""
    if name is not None:
        weight_path(_weight(name))


def load_perceptual(name: Name, device: torch.device) -> tuple[Distance | None, str]:
    """The distance on ``device``, and its name for reports.

    ``lpips`` is LPIPS on AlexNet; ``vgg`` the paper's loss on VGG19 when its weights are there, on VGG16 otherwise.
    Raises WeightsError when the weights cannot be had.
    """
    judge = perceptual_name(name)
    if name is None:
        return None, judge
    weight = _weight(name)
    path = weight_path(weight)
    if weight == "lpips_alexnet":
        return LPIPS(load_file(path)).to(device), judge
    if weight == "vgg19":
        # torchvision's own file, as PyTorch saves it.
        return VGGLoss(VGG19(torch.load(path, map_location="cpu", weights_only=True))).to(device), judge
    return VGGLoss(VGG16(load_file(path))).to(device), judge
