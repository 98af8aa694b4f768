"""The face GAN: a residual on the face crop of a finished frame, and its discriminator (equations 2 and 5).

The main generator is frozen; the corrected face is ``G(x)_F + r`` with ``r = G_f(x_F, G(x)_F)``. Boxes are
(B, 4) whole pixels, top, left, bottom, right, with −1 for a sample that shows no face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dancedouble.models.blocks import RGB, head, label_range, start_weights
from dancedouble.models.discriminator import Features, PatchDiscriminator
from dancedouble.models.generator import trunk

FACE_SIDE = 128
"""Side of the face crop in the paper, in pixels."""


@dataclass(frozen=True, kw_only=True)
class FaceGlobalConfig:
    """Shape of a face generator of the global type (the paper's): a small global generator."""

    kind: Literal["global"] = "global"
    label_channels: int = 3
    width: int = 64
    downs: int = 3
    blocks: int = 5


@dataclass(frozen=True, kw_only=True)
class FaceUNetConfig:
    """Shape of a face generator of the U-Net type; crops must be multiples of 2^downs."""

    kind: Literal["unet"] = "unet"
    label_channels: int = 3
    width: int = 64
    downs: int = 5


FaceConfig = FaceGlobalConfig | FaceUNetConfig


def face_generator(config: FaceConfig) -> FaceGlobal | FaceUNet:
    """Build the face generator that the configuration describes."""
    return FaceGlobal(config) if isinstance(config, FaceGlobalConfig) else FaceUNet(config)


class FaceGlobal(nn.Module):
    """Encoder, residual blocks, decoder."""

    def __init__(self, config: FaceGlobalConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = trunk(config.label_channels + RGB, config.width, config.downs, config.blocks)
        self.head = nn.Sequential(*head(config.width, RGB))
        start_weights(self)

    def forward(self, label: Tensor, face: Tensor) -> Tensor:
        """Residual (B, 3, S, S) in [-1, 1] for label and face crops (B, ·, S, S) in [-1, 1]."""
        return torch.tanh(self.head(self.trunk(torch.cat([label_range(label), face], dim=1))))


class FaceUNet(nn.Module):
    """Strided 4×4 convolutions and back, every size joined to its mirror image; batch normalization."""

    def __init__(self, config: FaceUNetConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width * min(2**i, 8) for i in range(config.downs)]
        self.downs = nn.ModuleList([nn.Conv2d(config.label_channels + RGB, widths[0], 4, 2, 1, bias=False)])
        for i in range(1, config.downs):
            layers = [nn.LeakyReLU(0.2), nn.Conv2d(widths[i - 1], widths[i], 4, 2, 1, bias=False)]
            # The innermost map is a few pixels: nothing to take statistics of.
            norm = [nn.BatchNorm2d(widths[i])] if i < config.downs - 1 else []
            self.downs.append(nn.Sequential(*layers, *norm))
        self.ups = nn.ModuleList()
        for i in reversed(range(1, config.downs)):
            channels = widths[i] * (1 if i == config.downs - 1 else 2)
            convolution = nn.ConvTranspose2d(channels, widths[i - 1], 4, 2, 1, bias=False)
            self.ups.append(nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(widths[i - 1])))
        self.ups.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], RGB, 4, 2, 1)))
        start_weights(self)

    def forward(self, label: Tensor, face: Tensor) -> Tensor:
        """Residual (B, 3, S, S) in [-1, 1] for label and face crops (B, ·, S, S) in [-1, 1]."""
        x = torch.cat([label_range(label), face], dim=1)
        skips = []
        for layer in self.downs:
            x = layer(x)
            skips.append(x)
        skips.pop()
        for layer in self.ups[:-1]:
            x = torch.cat([skips.pop(), layer(x)], dim=1)
        return torch.tanh(self.ups[-1](x))


class FaceDiscriminator(nn.Module):
    """One 70×70 PatchGAN on (label, face), batch-normalized, giving its patch map alone."""

    def __init__(self, label_channels: int = 3, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.patches = PatchDiscriminator(label_channels + RGB, width, layers, nn.BatchNorm2d)
        start_weights(self)

    def forward(self, label: Tensor, face: Tensor) -> Features:
        """The patch map (B, 1, h, w) as the features of one scale, for crops (B, ·, S, S) in [-1, 1]."""
        return [[self.patches(torch.cat([label_range(label), face], dim=1))[-1]]]


def seen(boxes: Tensor) -> Tensor:
    """Which samples show a face: (B,) bool."""
    return boxes[:, 0] >= 0


def crop_faces(image: Tensor, boxes: Tensor) -> Tensor:
    """Cut the face of every sample that shows one: (B, C, H, W) and boxes (B, 4) to (seen, C, S, S).

    All boxes must be of one size. Without any face the result is (0, C, 0, 0).
    """
    crops = [
        picture[:, top:bottom, left:right]
        for picture, (top, left, bottom, right) in zip(image, boxes.tolist(), strict=True)
        if top >= 0
    ]
    return torch.stack(crops) if crops else image.new_zeros(0, image.shape[1], 0, 0)


def correct_faces(image: Tensor, residuals: Tensor, boxes: Tensor) -> Tensor:
    """Add the residuals (seen, 3, S, S) at the boxes, in the samples that show a face.

    Returns a new (B, 3, H, W), not clamped to [-1, 1]. Gradient reaches both arguments.
    """
    rows = iter(residuals)
    corrected = []
    for picture, (top, left, bottom, right) in zip(image, boxes.tolist(), strict=True):
        if top >= 0:
            height, width = picture.shape[-2:]
            padding = (left, width - right, top, height - bottom)
            picture = picture + nn.functional.pad(next(rows), padding)
        corrected.append(picture)
    return torch.stack(corrected)
