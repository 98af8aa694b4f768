"""The paper's networks once more, in plain PyTorch layers straight from its table: what ours are compared with.

Each takes one tensor, as the paper feeds it: the label in [0, 1] and the picture in [-1, 1], joined.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RGB = 3


def norm(channels: int) -> nn.Module:
    return nn.InstanceNorm2d(channels)


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width)]
        other = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), norm(width)]
        self.block = nn.Sequential(*half, nn.ReLU(), *other)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)  # type: ignore[no-any-return]


def entrance(channels: int, width: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(channels, width, 7), norm(width), nn.ReLU()]


def halving(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, 2 * width, 3, 2, 1), norm(2 * width), nn.ReLU()]


def doubling(width: int) -> list[nn.Module]:
    return [nn.ConvTranspose2d(2 * width, width, 3, 2, 1, 1), norm(width), nn.ReLU()]


def exit_of(width: int) -> list[nn.Module]:
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, RGB, 7), nn.Tanh()]


def body(channels: int, width: int, downs: int, blocks: int) -> list[nn.Module]:
    widths = [width * 2**i for i in range(downs)]
    layers = entrance(channels, width)
    for each in widths:
        layers += halving(each)
    layers += [Residual(2 * widths[-1]) for _ in range(blocks)]
    for each in reversed(widths):
        layers += doubling(each)
    return layers


def global_type(channels: int, width: int, downs: int, blocks: int) -> nn.Module:
    """The global generator and, smaller, the face generator."""
    return nn.Sequential(*body(channels, width, downs, blocks), *exit_of(width))


class Local(nn.Module):
    """``width`` is the enhancer's, half of the global generator's."""

    def __init__(self, channels: int, width: int, downs: int, blocks: int, enhancing: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(*body(channels, 2 * width, downs, blocks))
        self.into = nn.Sequential(*entrance(channels, width), *halving(width))
        residuals = [Residual(2 * width) for _ in range(enhancing)]
        self.out = nn.Sequential(*residuals, *doubling(width), *exit_of(width))

    def forward(self, x: Tensor) -> Tensor:
        small = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return self.out(self.into(x) + self.inner(small))  # type: ignore[no-any-return]


def patches(channels: int, width: int, make_norm: type[nn.Module]) -> list[nn.Sequential]:
    def inner(before: int, after: int, stride: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(before, after, 4, stride, 2), make_norm(after), nn.LeakyReLU(0.2))

    return [
        nn.Sequential(nn.Conv2d(channels, width, 4, 2, 2), nn.LeakyReLU(0.2)),
        inner(width, 2 * width, 2), inner(2 * width, 4 * width, 2), inner(4 * width, 8 * width, 1),
        nn.Sequential(nn.Conv2d(8 * width, 1, 4, 1, 2)),
    ]  # fmt: skip


class Judge(nn.Module):
    """The last of its scales is the full-size one."""

    def __init__(self, channels: int, width: int, scales: int) -> None:
        super().__init__()
        self.scales = nn.ModuleList(nn.ModuleList(patches(channels, width, nn.InstanceNorm2d)) for _ in range(scales))

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        found = []
        for scale in reversed(self.scales):
            y, features = x, []
            for layer in scale:  # type: ignore[attr-defined]
                y = layer(y)
                features.append(y)
            found.append(features)
            x = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        return found


def face_judge(width: int) -> nn.Module:
    return nn.Sequential(*patches(2 * RGB, width, nn.BatchNorm2d))


class Nested(nn.Module):
    """One level of a U-Net around the next: down, inside, up, joined to its input."""

    def __init__(self, given: int, width: int, inside: Nested | None) -> None:
        super().__init__()
        down = [nn.LeakyReLU(0.2), nn.Conv2d(given, width, 4, 2, 1, bias=False)]
        if inside is not None:
            down += [nn.BatchNorm2d(width), inside]
        up = nn.ConvTranspose2d(width if inside is None else 2 * width, given, 4, 2, 1, bias=False)
        self.layers = nn.Sequential(*down, nn.ReLU(), up, nn.BatchNorm2d(given))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layers(x)], 1)


def unet(width: int) -> nn.Module:
    """The face generator of the other type."""
    widths = [width, 2 * width, 4 * width, 8 * width, 8 * width]
    inside: Nested | None = None
    for given, each in zip(widths[-2::-1], widths[:0:-1], strict=True):
        inside = Nested(given, each, inside)
    assert inside is not None
    enter = nn.Conv2d(2 * RGB, width, 4, 2, 1, bias=False)
    return nn.Sequential(enter, inside, nn.ReLU(), nn.ConvTranspose2d(2 * width, RGB, 4, 2, 1), nn.Tanh())
