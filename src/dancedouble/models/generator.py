"""The paper's generators, recurrent over frames: global (512×256), local (1024×512), a small one.

Each paints a frame from its stick figure and the finished frame before it (equation 1): ``label`` (B, L, H, W) and
``previous`` (B, 3, H, W), both in [-1, 1]; ``previous`` is None at the start of a clip, the paper's zero image (mid
grey). Any size whose sides are multiples of the configuration's `multiple` will do, portrait too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from dancedouble.models.blocks import (
    RGB,
    ResidualBlock,
    down,
    halve,
    head,
    label_range,
    start_weights,
    stem,
    up,
)
from dancedouble.models.layers import Layers


@dataclass(frozen=True, kw_only=True)
class GeneratorConfig:
    """Shape of a global generator; the defaults are the paper's."""

    label_channels: int = 3
    temporal: bool = True
    """See the previous output (the paper), or the label alone (the frame-by-frame ablation)."""
    width: int = 64
    """Channels at full size; they double with every halving."""
    downs: int = 4
    blocks: int = 9
    """Residual blocks at the smallest size."""
    alpha: bool = False
    """Paint a mask too, to lie over a plate; the paper paints the whole frame."""

    @property
    def input_channels(self) -> int:
        """Label and previous output: 6 in the paper, 3 frame by frame."""
        return self.label_channels + (RGB if self.temporal else 0)

    @property
    def output_channels(self) -> int:
        """RGB, and the mask where there is one."""
        return RGB + (1 if self.alpha else 0)

    @property
    def multiple(self) -> int:
        """Both sides of the picture must be multiples of this, and at least twice it."""
        return int(2**self.downs)


@dataclass(frozen=True, kw_only=True)
class LocalGeneratorConfig:
    """Shape of a local generator: an enhancer around a global generator that works at half the size."""

    base: GeneratorConfig = field(default_factory=GeneratorConfig)
    """The global generator; label, temporal and alpha are its own, the enhancer is half as wide."""
    blocks: int = 3
    """Residual blocks of the enhancer, at half size."""

    @property
    def multiple(self) -> int:
        """Both sides of the picture must be multiples of this, and at least twice it."""
        return 2 * self.base.multiple


def small_generator(label_channels: int = 3, *, temporal: bool = True) -> GeneratorConfig:
    """A global generator of 0.8 M parameters and 2.3 GFLOP per 256×192 frame, with alpha, for CPUs."""
    return GeneratorConfig(label_channels=label_channels, temporal=temporal, width=16, downs=3, blocks=2, alpha=True)


def trunk(input_channels: int, width: int, downs: int, blocks: int) -> nn.Sequential:
    """Stem, ``downs`` halvings, residual blocks, as many doublings: to ``width`` channels at full size."""
    widths = [width * 2**i for i in range(downs + 1)]
    layers = stem(input_channels, width)
    for i in range(downs):
        layers += down(widths[i], widths[i + 1])
    layers += [ResidualBlock(widths[-1]) for _ in range(blocks)]
    for i in reversed(range(downs)):
        layers += up(widths[i + 1], widths[i])
    return nn.Sequential(*layers)


class GlobalGenerator(nn.Module):
    """Encoder, residual blocks, decoder."""

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = trunk(config.input_channels, config.width, config.downs, config.blocks)
        self.head = nn.Sequential(*head(config.width, config.output_channels))
        start_weights(self)

    def forward(self, label: Tensor, previous: Tensor | None) -> Layers:
        """Paint one frame; see the module. A frame-by-frame generator does not look at ``previous``."""
        check_sides(label, self.config.multiple)
        return paint(self.head(self.trunk(join(label, previous, self.config))))


class LocalGenerator(nn.Module):
    """A headless global generator on the half-size picture, its features summed into those of an enhancer."""

    def __init__(self, config: LocalGeneratorConfig) -> None:
        super().__init__()
        self.config = config
        base = config.base
        half = base.width // 2
        self.trunk = trunk(base.input_channels, base.width, base.downs, base.blocks)
        self.enhancer_in = nn.Sequential(*stem(base.input_channels, half), *down(half, base.width))
        blocks = [ResidualBlock(base.width) for _ in range(config.blocks)]
        self.enhancer_out = nn.Sequential(*blocks, *up(base.width, half))
        self.head = nn.Sequential(*head(half, base.output_channels))
        start_weights(self)

    def forward(self, label: Tensor, previous: Tensor | None) -> Layers:
        """Paint one frame; see the module. A frame-by-frame generator does not look at ``previous``."""
        check_sides(label, self.config.multiple)
        x = join(label, previous, self.config.base)
        return paint(self.head(self.enhancer_out(self.enhancer_in(x) + self.trunk(halve(x)))))


def check_sides(label: Tensor, multiple: int) -> None:
    """ValueError unless both sides of the picture are multiples of ``multiple``, and at least twice it."""
    height, width = label.shape[-2:]
    if height % multiple or width % multiple or min(height, width) < 2 * multiple:
        raise ValueError(f"expected sides that are multiples of {multiple}, from {2 * multiple}, got {height}×{width}")


def join(label: Tensor, previous: Tensor | None, config: GeneratorConfig) -> Tensor:
    """The network's input: the label in the paper's range, then, if temporal, the previous output."""
    label = label_range(label)
    if not config.temporal:
        return label
    if previous is None:
        previous = label.new_zeros(label.shape[0], RGB, *label.shape[-2:])
    return torch.cat([label, previous], dim=1)


def paint(painted: Tensor) -> Layers:
    """Activate what a head puts out: 3 channels are RGB, a fourth is alpha."""
    alpha = torch.sigmoid(painted[:, RGB:]) if painted.shape[1] > RGB else None
    return Layers(torch.tanh(painted[:, :RGB]), alpha)


def transplant_trunk(trained: GlobalGenerator, grown: LocalGenerator) -> list[str]:
    """Start the local stage from the global one: copy all but the head; return the names of what was copied.

    54 of the global generator's 56 tensors in the paper's configuration. ValueError when the shapes differ.
    """
    if grown.config.base != trained.config:
        raise ValueError(f"the local generator is built on {grown.config.base}, not on {trained.config}")
    grown.trunk.load_state_dict(trained.trunk.state_dict())
    return [f"trunk.{name}" for name in trained.trunk.state_dict()]
