"""The frozen network that compares pictures in training, loaded from the weights store."""

from __future__ import annotations

from typing import Literal

import torch
from safetensors.torch import load_file

from dancedouble.models.losses import Distance
from dancedouble.models.perceptual import LPIPS, VGG16, VGG19, VGGLoss
from dancedouble.weights import available, weight_path


def perceptual_name(name: Literal["lpips", "vgg"] | None) -> str:
    """What :func:`load_perceptual` would load, for reports."""
    if name is None:
        return "none"
    if name == "lpips":
        return "LPIPS (AlexNet)"
    return "VGG19" if available("vgg19") else "VGG16"


def require_perceptual(name: Literal["lpips", "vgg"] | None) -> None:
    """Have the weights that :func:`load_perceptual` will read, fetched where need be. Raises WeightsError."""
    if name is not None:
        weight_path(
            {"LPIPS (AlexNet)": "lpips_alexnet", "VGG19": "vgg19", "VGG16": "lpips_vgg16"}[perceptual_name(name)]
        )


def load_perceptual(name: Literal["lpips", "vgg"] | None, device: torch.device) -> tuple[Distance | None, str]:
    """The distance on ``device``, and its name for reports.

    ``lpips`` is LPIPS on AlexNet; ``vgg`` the paper's loss on VGG19 when its weights are there, on VGG16 otherwise.
    Raises WeightsError when the weights cannot be had.
    """
    judge = perceptual_name(name)
    if name is None:
        return None, judge
    if name == "lpips":
        return LPIPS(load_file(weight_path("lpips_alexnet"))).to(device), judge
    if judge == "VGG19":
        # torchvision's own file, as PyTorch saves it.
        tensors = torch.load(weight_path("vgg19"), map_location="cpu", weights_only=True)
        return VGGLoss(VGG19(tensors)).to(device), judge
    return VGGLoss(VGG16(load_file(weight_path("lpips_vgg16")))).to(device), judge
