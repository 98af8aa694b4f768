"""The multi-scale patch discriminator of the full image: one 70×70 PatchGAN per scale, features kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dancedouble.models.blocks import RGB, InstanceNorm, halve, label_range, start_weights

Features = list[list[Tensor]]
"""Per scale, finest first: the output of every layer, the last one being the patch map (B, 1, h, w)."""


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """Shape of the multi-scale discriminator; the defaults are the paper's global stage."""

    label_channels: int = 3
    temporal: bool = True
    """Judge two consecutive frames together (the paper), or one frame alone (the frame-by-frame ablation)."""
    scales: int = 2
    """Full size, half, quarter …: 2 in the global stage, 3 after."""
    width: int = 64
    """Channels after the first layer."""
    layers: int = 3
    """Strided layers of a patch discriminator, the first one included."""

    @property
    def input_channels(self) -> int:
        """Labels and images of the frames judged together: 12 in the paper, 6 frame by frame."""
        return (self.label_channels + RGB) * (2 if self.temporal else 1)


def discriminator_input(labels: Sequence[Tensor], images: Sequence[Tensor]) -> Tensor:
    """Join labels, then images, of consecutive frames, (x_0, x_1, y_0, y_1), all (B, ·, H, W) in [-1, 1].

    One frame each for the frame-by-frame ablation, two for the temporal-smoothing GAN.
    """
    if len(labels) != len(images):
        raise ValueError(f"every image needs its label, got {len(labels)} labels and {len(images)} images")
    return torch.cat([*map(label_range, labels), *images], dim=1)


class PatchDiscriminator(nn.Module):
    """Says of every 70×70 patch whether it is real; ``norm`` makes the normalization of all but the ends from
    its channels: instance normalization unless given."""

    def __init__(
        self,
        input_channels: int,
        width: int,
        layers: int,
        norm: Callable[[int], nn.Module] | None = None,
    ) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(layers + 1)]
        strides = [2] * (layers - 1) + [1]
        stages = [nn.Sequential(nn.Conv2d(input_channels, width, 4, 2, padding=2), nn.LeakyReLU(0.2, True))]
        for before, after, stride in zip(widths, widths[1:], strides, strict=False):
            convolution = nn.Conv2d(before, after, 4, stride, padding=2)
            stages.append(
                nn.Sequential(convolution, InstanceNorm() if norm is None else norm(after), nn.LeakyReLU(0.2, True))
            )
        stages.append(nn.Sequential(nn.Conv2d(widths[-1], 1, 4, 1, padding=2)))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, C, H, W) to the outputs of all stages, the patch map last."""
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


class MultiScaleDiscriminator(nn.Module):
    """One patch discriminator per scale of the same input.

    ``scales[0]`` is the coarsest, so one of more scales is one of fewer with finer ones appended:
    the weights a stage has trained keep their names in the next (see `transplant_scales`).
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        self.scales = nn.ModuleList(
            PatchDiscriminator(config.input_channels, config.width, config.layers) for _ in range(config.scales)
        )
        start_weights(self)

    def forward(self, x: Tensor) -> Features:
        """(B, input_channels, H, W) to the features of every scale, full size first."""
        features: Features = []
        for scale in reversed(self.scales):
            if features:
                x = halve(x)
            features.append(scale(x))
        return features


def transplant_scales(trained: MultiScaleDiscriminator, grown: MultiScaleDiscriminator) -> list[str]:
    """Copy the trained scales into the coarsest ones of ``grown``; return the names of the tensors copied.

    When the picture doubles in size between stages, each trained scale goes on seeing pixels of the size it
    knows, and only the finest is new. More trained scales than there is room for: ValueError.
    """
    weights = trained.state_dict()
    extra = len(grown.scales) - len(trained.scales)
    if extra < 0:
        raise ValueError(f"cannot put {len(trained.scales)} scales into {len(grown.scales)}")
    grown.load_state_dict(grown.state_dict() | weights)
    return list(weights)
