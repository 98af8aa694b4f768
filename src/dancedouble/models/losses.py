"""The objectives: least-squares GAN, feature matching, perceptual, and plain losses on pictures. All pure.

The loss of a batch is the mean of its samples' losses: a batch split over processes gives the same gradient.
Every objective returns its terms by name, weighted as they enter the sum: `total` adds them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dancedouble.models.discriminator import Features

Distance = Callable[[Tensor, Tensor], Tensor]
"""A perceptual distance of a picture from the truth, both (B, 3, H, W) in [-1, 1], per sample: (B,)."""
Terms = dict[str, Tensor]
"""Scalar loss terms by name, weighted."""


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The λ of equation 3. A weight of 0 leaves its term out: it is not computed and not listed."""

    feature_matching: float = 10.0
    perceptual: float = 5.0
    """Per frame: 5 in the global and face stages, 10 in the local stage."""


def total(terms: Mapping[str, Tensor]) -> Tensor:
    """The loss to differentiate: the sum of the weighted terms."""
    return torch.stack(list(terms.values())).sum()


# -- adversarial ------------------------------------------------------------


def least_squares(features: Features, truth: float) -> Tensor:
    """Σ over scales (not mean) of the patch map's mean squared distance from ``truth``: 1 real, 0 fake."""
    return _sum(F.mse_loss(maps[-1], torch.full_like(maps[-1], truth)) for maps in features)


def feature_matching(fake: Features, real: Features) -> Tensor:
    """L1 between the discriminator's features of fake and real: summed over layers, averaged over scales.

    Per scale ``4 / layers · Σ_layers L1``, as the authors weigh it (4 layers before the map: factor 1). The
    patch map itself is left out, and the real features get no gradient.
    """
    scales = []
    for fake_maps, real_maps in zip(fake, real, strict=True):
        layers = len(fake_maps) - 1
        pairs = zip(fake_maps[:-1], real_maps[:-1], strict=True)
        scales.append(4 / layers * _sum(F.l1_loss(f, r.detach()) for f, r in pairs))
    return torch.stack(scales).mean()


def generator_objective(
    fake: Features,
    real: Features,
    images: Sequence[Tensor],
    truths: Sequence[Tensor],
    *,
    perceptual: Distance | None,
    weights: LossWeights,
) -> Terms:
    """The generator's side of equation 3, over one frame (frame by frame) or two consecutive ones.

    ``fake`` and ``real`` are the discriminator's features of `discriminator_input`; ``images`` and ``truths``
    the frames themselves, (B, 3, H, W) in [-1, 1]. Terms: ``adversarial``, ``feature_matching``, and, given a
    distance, ``perceptual`` (summed over the frames).
    """
    terms = {"adversarial": least_squares(fake, 1.0)}
    if weights.feature_matching:
        terms["feature_matching"] = weights.feature_matching * feature_matching(fake, real)
    if weights.perceptual and perceptual is not None:
        terms["perceptual"] = weights.perceptual * _over_frames(perceptual, images, truths)
    return terms


def discriminator_objective(fake: Features, real: Features) -> Terms:
    """The discriminator's side: ½ Σ (D(real) − 1)² + ½ Σ D(fake)². Pass features of *detached* fakes.

    Terms: ``real``, ``fake``.
    """
    return {"real": 0.5 * least_squares(real, 1.0), "fake": 0.5 * least_squares(fake, 0.0)}


def face_generator_objective(
    fakes: Sequence[Features],
    faces: Sequence[Tensor],
    truths: Sequence[Tensor],
    *,
    perceptual: Distance | None,
    weights: LossWeights,
) -> Terms:
    """Equation 5 on the face crops alone, one entry per frame; no full-image loss and no feature matching.

    ``faces`` are the corrected crops ``G(x)_F + r``, ``truths`` the real ones, (B, 3, 128, 128) in [-1, 1].
    Terms: ``face_adversarial`` (½ per frame), ``face_perceptual`` (summed over frames).
    """
    terms = {"face_adversarial": 0.5 * _sum(least_squares(fake, 1.0) for fake in fakes)}
    if weights.perceptual and perceptual is not None:
        terms["face_perceptual"] = weights.perceptual * _over_frames(perceptual, faces, truths)
    return terms


def face_discriminator_objective(fakes: Sequence[Features], reals: Sequence[Features]) -> Terms:
    """The face discriminator's side of equation 2, one entry per frame, *detached* fakes.

    Terms: ``face_real``, ``face_fake``, each ½ · ½ Σ over frames.
    """
    return {
        "face_real": 0.25 * _sum(least_squares(real, 1.0) for real in reals),
        "face_fake": 0.25 * _sum(least_squares(fake, 0.0) for fake in fakes),
    }


# -- on pictures ------------------------------------------------------------


def masked_l1(image: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """Mean absolute difference of two (B, C, H, W), weighted by a (B, 1, H, W) mask ≥ 0.

    Each sample is averaged over its own mask, then the samples are; one with an empty mask counts 0.
    """
    return _weighted_mean((image - truth).abs(), mask)


def ssim_loss(image: Tensor, truth: Tensor, mask: Tensor | None = None) -> Tensor:
    """1 − SSIM of two (B, C, H, W) in [-1, 1], H and W at least 11; mask as in `masked_l1`.

    Gaussian window of 11 px, σ 1.5, K = (0.01, 0.03), per channel, windows wholly inside the picture only.
    """
    # In half precision the variances below would be rounding noise.
    with torch.autocast(image.device.type, enabled=False):
        similarity = _ssim_map(image.float(), truth.float())
    edge = SSIM_WINDOW // 2
    return _weighted_mean(1 - similarity, None if mask is None else mask[..., edge:-edge, edge:-edge])


SSIM_WINDOW = 11


def _ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """(B, C, H − 10, W − 10) structural similarity of two pictures of range 2."""
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    stacked = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    mean_a, mean_b, square_a, square_b, product = _gaussian(stacked).chunk(5, dim=1)
    variances = (square_a - mean_a**2) + (square_b - mean_b**2)
    covariance = product - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance * (2 * covariance + c2) / (variances + c2)


def _gaussian(x: Tensor) -> Tensor:
    """Blur every channel with the SSIM window, one axis at a time."""
    offset = torch.arange(SSIM_WINDOW, dtype=x.dtype, device=x.device) - SSIM_WINDOW // 2
    kernel = torch.exp(-(offset**2) / (2 * 1.5**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, SSIM_WINDOW)
    x = F.conv2d(x, kernel, groups=x.shape[1])
    return F.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])


def _weighted_mean(values: Tensor, mask: Tensor | None) -> Tensor:
    """Mean of (B, C, H, W): over each sample's mask, then over samples."""
    if mask is None:
        return values.mean()
    weight = mask.sum(dim=(1, 2, 3)) * values.shape[1]
    return ((values * mask).sum(dim=(1, 2, 3)) / weight.clamp_min(1e-8)).mean()


def _over_frames(distance: Distance, images: Sequence[Tensor], truths: Sequence[Tensor]) -> Tensor:
    return _sum(distance(image, truth).mean() for image, truth in zip(images, truths, strict=True))


def _sum(values: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(values)).sum()
