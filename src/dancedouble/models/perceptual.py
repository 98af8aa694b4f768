"""Frozen image features and the distances made of them: the paper's VGG loss, and LPIPS.

Networks are built from a dict of tensors, ``conv0.weight``, ``conv0.bias``, ``conv1.weight`` … (torchvision's
``features.N.*`` names are understood too) and, for LPIPS, ``lin0.weight`` …; where the tensors come from is
the caller's business. Weights are buffers: no optimiser sees them, no gradient reaches them, they are left
out of state dicts. Distances return one value per sample.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Tensors = Mapping[str, Tensor]


class FeatureExtractor(Protocol):
    """Turns (B, 3, H, W) RGB in [-1, 1] into feature maps, fine to coarse."""

    def __call__(self, image: Tensor) -> list[Tensor]:
        """Return the feature maps, each (B, C_i, H_i, W_i)."""
        ...


class Layer(NamedTuple):
    """One convolution with ReLU: what comes before it, how it moves, whether its output is a feature."""

    pool: tuple[int, int] | None
    """(window, stride) of a max pooling in front, or None."""
    stride: int
    padding: int
    tap: bool


class ConvolutionStack(nn.Module):
    """A frozen chain of convolutions with ReLU, run only as far as its last feature."""

    def __init__(self, tensors: Tensors, layers: Sequence[Layer]) -> None:
        super().__init__()
        last = max(i for i, layer in enumerate(layers) if layer.tap)
        self.layers = tuple(layers[: last + 1])
        names = convolution_names(tensors)
        if len(names) < len(self.layers):
            raise ValueError(f"expected {len(self.layers)} convolutions, the weights hold {len(names)}")
        for i, name in enumerate(names[: len(self.layers)]):
            for part in ("weight", "bias"):
                _freeze(self, f"conv{i}_{part}", tensors[f"{name}.{part}"])
        self.eval()

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to the tapped feature maps, after their ReLU."""
        features, x = [], image
        for i, layer in enumerate(self.layers):
            if layer.pool is not None:
                x = F.max_pool2d(x, *layer.pool)
            weight, bias = self.get_buffer(f"conv{i}_weight"), self.get_buffer(f"conv{i}_bias")
            x = F.relu(F.conv2d(x, weight, bias, layer.stride, layer.padding))
            if layer.tap:
                features.append(x)
        return features


def _vgg_layers(blocks: Sequence[int], taps: Literal["first", "last"]) -> list[Layer]:
    """3×3 convolutions in blocks with pooling between; the first or last one of every block is a feature."""
    starts = [0, *accumulate(blocks)]
    chosen = {start if taps == "first" else end - 1 for start, end in pairwise(starts)}
    return [Layer((2, 2) if i and i in starts else None, 1, 1, i in chosen) for i in range(starts[-1])]


class VGG16(ConvolutionStack):
    """VGG16's convolutions, features relu1_1 … relu5_1 (``first``) or relu1_2 … relu5_3 (``last``)."""

    def __init__(self, tensors: Tensors, taps: Literal["first", "last"] = "first") -> None:
        super().__init__(tensors, _vgg_layers((2, 2, 3, 3, 3), taps))


class VGG19(ConvolutionStack):
    """VGG19's convolutions, features relu1_1 … relu5_1: the paper's perceptual network."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__(tensors, _vgg_layers((2, 2, 4, 4, 4), "first"))


class AlexNet(ConvolutionStack):
    """AlexNet's five convolutions, all of them features; cheap enough to train with on a CPU."""

    def __init__(self, tensors: Tensors) -> None:
        pool = (3, 2)
        layers = [Layer(None, 4, 2, True), Layer(pool, 1, 2, True), Layer(pool, 1, 1, True)]
        super().__init__(tensors, [*layers, Layer(None, 1, 1, True), Layer(None, 1, 1, True)])


class FakeFeatureExtractor(nn.Module):
    """Fixed random convolutions, the same on every machine: stands in for real weights in tests."""

    def __init__(self, width: int = 8, levels: int = 5) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(0)
        for i in range(levels):
            channels = 3 if i == 0 else width
            weight = torch.randn(width, channels, 3, 3, generator=source) * (2 / (9 * channels)) ** 0.5
            _freeze(self, f"conv{i}_weight", weight)
        self.levels = levels
        self.eval()

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, 3, H, W) to ``levels`` maps, each half the size of the one before."""
        features, x = [], image
        for i in range(self.levels):
            x = F.relu(F.conv2d(x, self.get_buffer(f"conv{i}_weight"), stride=2 if i else 1, padding=1))
            features.append(x)
        return features


class VGGLoss(nn.Module):
    """The paper's perceptual distance, Σ w_i L1(features_i), w = 1/32, 1/16, 1/8, 1/4, 1.

    Pictures go in as they are, in [-1, 1]. Any extractor of five features will do; the paper's is `VGG19`.
    """

    WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)

    def __init__(self, extractor: FeatureExtractor) -> None:
        super().__init__()
        self.extractor = extractor

    def truth(self, image: Tensor) -> list[Tensor]:
        """Features of the truth, without gradient: once for all the pictures that meet the same truth."""
        with torch.no_grad():
            return self.extractor(image)

    def compare(self, image: Tensor, truth: Sequence[Tensor]) -> Tensor:
        """Distance (B,) of a picture from the features that `truth` returned."""
        layers = zip(self.WEIGHTS, self.extractor(image), truth, strict=True)
        return torch.stack([w * (a - b).abs().float().mean(dim=(1, 2, 3)) for w, a, b in layers]).sum(0)

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """Distance (B,) of two (B, 3, H, W) in [-1, 1]; gradient reaches the first only."""
        return self.compare(image, self.truth(truth))


class LPIPS(nn.Module):
    """Learned perceptual similarity (Zhang et al. 2018, version 0.1) on AlexNet or VGG16.

    ``tensors`` holds the convolutions and the heads ``lin0.weight`` … of one backbone. As a training loss it
    costs one forward of the truth without gradient, and one forward and backward of the picture.
    """

    def __init__(self, tensors: Tensors, backbone: Literal["alex", "vgg"] = "alex") -> None:
        super().__init__()
        self.extractor: ConvolutionStack = AlexNet(tensors) if backbone == "alex" else VGG16(tensors, "last")
        self.heads = sum(layer.tap for layer in self.extractor.layers)
        for i in range(self.heads):
            _freeze(self, f"head{i}", tensors[f"lin{i}.weight"].reshape(1, -1, 1, 1))
        # ImageNet mean and deviation for pictures in [-1, 1], as LPIPS rounds them.
        _freeze(self, "mean", torch.tensor([-0.030, -0.088, -0.188]).reshape(1, 3, 1, 1))
        _freeze(self, "deviation", torch.tensor([0.458, 0.448, 0.450]).reshape(1, 3, 1, 1))
        self.eval()

    def features(self, image: Tensor) -> list[Tensor]:
        """Features of unit length per pixel, with gradient."""
        normal = (image - self.get_buffer("mean")) / self.get_buffer("deviation")
        # vector_norm has gradient 0 where all features are 0; the square root of a sum would give NaN there.
        # Half-precision features are widened first: 1e-10 is nothing there.
        maps = [f.to(torch.promote_types(f.dtype, torch.float32)) for f in self.extractor(normal)]
        return [f / (torch.linalg.vector_norm(f, dim=1, keepdim=True) + 1e-10) for f in maps]

    def truth(self, image: Tensor) -> list[Tensor]:
        """Features of the truth, without gradient: once for all the pictures that meet the same truth."""
        with torch.no_grad():
            return self.features(image)

    def compare(self, image: Tensor, truth: Sequence[Tensor]) -> Tensor:
        """Distance (B,) of a picture from the features that `truth` returned."""
        distances = []
        for i, (a, b) in enumerate(zip(self.features(image), truth, strict=True)):
            distances.append((self.get_buffer(f"head{i}") * (a - b).square()).sum(1).mean(dim=(1, 2)))
        return torch.stack(distances).sum(0)

    def forward(self, image: Tensor, truth: Tensor) -> Tensor:
        """Distance (B,) of two (B, 3, H, W) in [-1, 1]; gradient reaches the first only."""
        return self.compare(image, self.truth(truth))


def convolution_names(tensors: Tensors) -> list[str]:
    """Names of the convolutions in network order: conv0, conv1 … or torchvision's features.0, features.2 …"""
    found = [re.fullmatch(r"((?:conv|features\.)(\d+))\.weight", name) for name in tensors]
    matches = sorted((match for match in found if match), key=lambda match: int(match[2]))
    return [match[1] for match in matches]


def _freeze(module: nn.Module, name: str, tensor: Tensor) -> None:
    module.register_buffer(name, tensor.detach().clone().float(), persistent=False)
