"""The pieces the paper's networks are built from: stem, strided convolutions, residual blocks, pooling.

All generators use instance normalization without learned scale and ReLU; weights start from N(0, 0.02).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

RGB = 3


def label_range(label: Tensor) -> Tensor:
    """Take a label from this project's [-1, 1] to the paper's [0, 1] (white paper = 1, not mean-normalised).

    The one place where the two ranges meet: generators and `discriminator_input` call it.
    """
    return (label + 1) / 2


def halve(image: Tensor) -> Tensor:
    """Average (B, C, H, W) down to half the size: what the coarser scales of either network see."""
    return F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)


class InstanceNorm(nn.Module):
    """Each channel of each sample to mean 0 and variance 1, nothing learned.

    Not PyTorch's own: on CPUs and for one sample, its gradient is wrong when the layers around it are channels last
    (seen in 2.13, forward right, gradient off by its own size). Group norm with a group per channel is the same
    function, and it keeps the layout.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return F.group_norm(x, x.shape[1])


def stem(channels: int, width: int) -> list[nn.Module]:
    """Full-size 7×7 convolution into ``width`` channels."""
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), InstanceNorm(), nn.ReLU(True)]


def down(channels: int, width: int) -> list[nn.Module]:
    """3×3 convolution that halves the size."""
    return [nn.Conv2d(channels, width, 3, stride=2, padding=1), InstanceNorm(), nn.ReLU(True)]


def up(channels: int, width: int) -> list[nn.Module]:
    """3×3 transposed convolution that doubles the size."""
    convolution = nn.ConvTranspose2d(channels, width, 3, stride=2, padding=1, output_padding=1)
    return [convolution, InstanceNorm(), nn.ReLU(True)]


def head(width: int, channels: int) -> list[nn.Module]:
    """Full-size 7×7 convolution out of ``width`` channels, before its activation."""
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, channels, 7)]


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions at one size, added to their input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            InstanceNorm(),
            nn.ReLU(True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            InstanceNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, width, H, W) to the same shape."""
        change: Tensor = self.layers(x)
        return x + change


def start_weights(network: nn.Module) -> None:
    """Draw convolution weights from N(0, 0.02) and batch-norm scales from N(1, 0.02), in place."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
