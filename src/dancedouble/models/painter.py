"""The one way every generator is called in training and in rendering, whatever it is shown."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from dancedouble.models.generator import GeneratorConfig, GlobalGenerator, LocalGenerator, LocalGeneratorConfig
from dancedouble.models.layers import Layers
from dancedouble.models.swift import SwiftConfig, SwiftGenerator

PainterConfig = SwiftConfig | GeneratorConfig | LocalGeneratorConfig


class Painter(nn.Module):
    """Paints a frame from its label, the subject's warped real frames, and the frame before.

    ``label`` (B, C, h, w), ``references`` (B, K, 4, H, W) with K = 0 for the paper's generators, ``previous`` the
    finished frame before this one and its alpha, None at the start of a clip.
    """

    def __init__(self, config: PainterConfig) -> None:
        super().__init__()
        self.config = config
        self.recomputes = False
        """Keep nothing of a frame for the backward pass but its input: less memory, a third more time. Not for networks
        with batch norm, whose running means would see each frame twice."""
        self.network: SwiftGenerator | GlobalGenerator | LocalGenerator
        match config:
            case SwiftConfig():
                self.network = SwiftGenerator(config)
            case GeneratorConfig():
                self.network = GlobalGenerator(config)
            case LocalGeneratorConfig():
                self.network = LocalGenerator(config)

    def forward(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        """The layers of one frame; see the class."""
        if self.recomputes and self.training:
            layers: Layers = checkpoint(self._paint, label, references, previous, use_reentrant=False)
            return layers
        return self._paint(label, references, previous)

    def _paint(self, label: Tensor, references: Tensor, previous: Layers | None) -> Layers:
        if isinstance(self.network, SwiftGenerator):
            before = None
            if previous is not None and previous.alpha is not None:
                before = torch.cat([previous.rgb, previous.alpha], 1)
            painted = self.network(label, references, before)
            shares = painted.blend[:, : references.shape[1]]
            return Layers(painted.rgb, painted.alpha, shares, painted.offsets, painted.shade)
        layers: Layers = self.network(label, None if previous is None else previous.rgb)
        return layers
