"""The fast method's generator: it blends real pixels, corrects them, and says where the person is.

It is shown limb maps of the wanted pose, a few real pictures of the subject already warped to that pose,
and its own previous frame. Everything happens at a quarter of the resolution and below; pixels only come
back at the end, where every output pixel is a blend of the references' pixels, the previous frame's and the
network's own paint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FOLD = 4
"""Picture pixels per working pixel, on each axis."""
REFERENCE_CHANNELS = 4
"""RGB in [-1, 1] and mask in [0, 1]."""
MULTIPLE = 4 * FOLD
"""Picture sides must be multiples of this: two halvings below the working resolution."""


@dataclass(frozen=True, kw_only=True)
class SwiftConfig:
    """Shape of a swift generator."""

    maps: int
    """Channels of the limb maps."""
    references: int = 3
    """Reference pictures per frame."""
    width: int = 32
    """Channels at the working resolution; twice and three times as many below."""
    reference_width: int = 16
    """Channels each reference is encoded into."""


class SwiftLayers(NamedTuple):
    """The first two fields are a frame's ``Layers``; the rest is how they came about."""

    rgb: Tensor
    """(B, 3, H, W) in [-1, 1], RGB."""
    alpha: Tensor
    """(B, 1, H, W) in [0, 1], 1 where the painting covers the plate."""
    blend: Tensor
    """(B, K + 2, H, W) shares that sum to 1: each reference, the previous frame, own paint."""


def convolution(channels: int, width: int, stride: int = 1) -> nn.Sequential:
    """3×3 convolution, batch norm (folds into it for rendering), leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, stride, 1, bias=False),
        nn.BatchNorm2d(width),
        nn.LeakyReLU(0.1, inplace=True),
    )


class Residual(nn.Module):
    """Two 3×3 convolutions added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = nn.Conv2d(width, width, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, h, w) to the same shape."""
        change: Tensor = self.second(self.first(x))
        return x + change


class SwiftGenerator(nn.Module):
    """Limb maps + warped references + previous frame → layers. Fully convolutional."""

    def __init__(self, config: SwiftConfig) -> None:
        super().__init__()
        self.config = config
        w, folded = config.width, FOLD * FOLD
        self.encode_reference = convolution(REFERENCE_CHANNELS * folded, config.reference_width)
        self.encode_previous = convolution(REFERENCE_CHANNELS * folded, config.reference_width)
        joined = config.maps + (config.references + 1) * config.reference_width
        self.enter = nn.Sequential(convolution(joined, w), Residual(w))
        self.down_1 = nn.Sequential(convolution(w, 2 * w, 2), Residual(2 * w))
        self.down_2 = nn.Sequential(convolution(2 * w, 3 * w, 2), Residual(3 * w), Residual(3 * w))
        self.up_1 = nn.Sequential(convolution(5 * w, 2 * w), Residual(2 * w))
        self.up_0 = nn.Sequential(convolution(3 * w, w), Residual(w), Residual(w))
        self.leave = nn.Conv2d(w, (config.references + 2 + 3 + 1) * folded, 3, 1, 1)

    def forward(self, maps: Tensor, references: Tensor, previous: Tensor | None = None) -> SwiftLayers:
        """Paint one frame.

        Args:
            maps: (B, maps, H/4, W/4) limb maps of the wanted pose.
            references: (B, K, 4, H, W) real pictures warped to that pose: RGB in [-1, 1], mask in [0, 1].
            previous: (B, 4, H, W) the previous frame's rgb and alpha, carried along to this pose; None at
            the start
                of a clip. H and W are multiples of 16.
        """
        batch, count, _, height, width = references.shape
        if previous is None:
            previous = references.new_zeros(batch, REFERENCE_CHANNELS, height, width)
        seen = self.encode_reference(F.pixel_unshuffle(references.flatten(0, 1), FOLD))
        before = self.encode_previous(F.pixel_unshuffle(previous, FOLD))
        a = self.enter(torch.cat([maps, seen.unflatten(0, (batch, count)).flatten(1, 2), before], 1))
        b = self.down_1(a)
        c = self.down_2(b)
        b = self.up_1(torch.cat([F.interpolate(c, scale_factor=2.0, mode="nearest"), b], 1))
        a = self.up_0(torch.cat([F.interpolate(b, scale_factor=2.0, mode="nearest"), a], 1))
        shares, paint, alpha = torch.split(F.pixel_shuffle(self.leave(a), FOLD), [count + 2, 3, 1], 1)
        blend = shares.softmax(1)
        pictures = torch.cat([references[:, :, :3], previous[:, None, :3], torch.tanh(paint)[:, None]], 1)
        return SwiftLayers((pictures * blend[:, :, None]).sum(1), torch.sigmoid(alpha), blend)
