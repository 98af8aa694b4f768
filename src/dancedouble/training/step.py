"""One training step on two neighbouring frames: paint both, judge them together, learn. Pure given the networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dancedouble.dataset import Batch
from dancedouble.models.discriminator import Features, MultiScaleDiscriminator, discriminator_input
from dancedouble.models.layers import Layers, composite
from dancedouble.models.losses import (
    Distance,
    Terms,
    discriminator_objective,
    generator_objective,
    masked_l1,
    ssim_loss,
)
from dancedouble.recipe import NO_RECONSTRUCTION, ReconstructionWeights, Stage

FRAMES = 2
PERSON_WEIGHT = 2.0
"""How much more an error on the person counts than one beside them."""
PERCEPTUAL_CROP = (192, 128)
"""(height, width) of the part that structure and perception are compared on: half the cost of the whole. Its random
place also keeps the network's strides from lining up with the generator's, which leaves a grid in the picture."""
MOSTLY_MIDDLE = 0.8
MISSED = 0.2
"""Mean difference from the plate, of a range of 2, above which a mask that says background is not believed."""


def paint_pair(
    generator: nn.Module,
    batch: Batch,
    *,
    temporal: bool,
    finish: Callable[[Tensor, Tensor | None], Tensor] | None = None,
) -> tuple[list[Layers], list[Tensor]]:
    """Both frames of each pair: I_0 = G(x_0, nothing), I_1 = G(x_1, I_0) (equation 1), gradient through I_0.

    Returns the layers and the pictures (B, 3, H, W). ``finish`` is what is done to I_0, of an alpha, before I_1 sees
    it; the pictures returned are those before. Not ``temporal``: both are painted from nothing. Otherwise batch norms
    remember the statistics of I_1 alone: rendered frames, but for the first, follow another one.
    """
    layers: list[Layers] = []
    pictures: list[Tensor] = []
    previous: Layers | None = None
    for frame in range(FRAMES):
        with unremembered(generator) if temporal and previous is None else nullcontext():
            painted = generator(batch.label[:, frame], batch.references[:, frame], previous)
        picture = composite(painted, batch.plate[:, frame])
        layers.append(painted)
        pictures.append(picture)
        if temporal and frame + 1 < FRAMES:
            seen = picture if finish is None else finish(picture, painted.alpha)
            previous = carried(Layers(seen, painted.alpha), batch.carry)
    return layers, pictures


@contextmanager
def unremembered(network: nn.Module) -> Iterator[None]:
    """Within, the running statistics of the network's batch norms stay as they are."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def carried(previous: Layers, grid: Tensor | None) -> Layers:
    """The previous output as the next frame is shown it: moved along with the limbs, or as it is without a grid."""
    if grid is None or previous.alpha is None:
        return previous
    both = torch.cat([previous.rgb, previous.alpha], dim=1)
    moved = F.grid_sample(both, grid.to(both), padding_mode="border", align_corners=False)
    return Layers(moved[:, :3], moved[:, 3:])


def reconstruction_objective(
    layers: list[Layers], pictures: list[Tensor], batch: Batch, weights: ReconstructionWeights,
    perceptual: Distance | None, corner: tuple[float, float],
) -> Terms:  # fmt: skip
    """How far the two frames are from the real ones: colour, structure, perception, and the mask. By name."""
    if weights == NO_RECONSTRUCTION:
        return {}
    image = torch.cat(pictures)
    truth = batch.image.transpose(0, 1).flatten(0, 1)
    mask = batch.mask.transpose(0, 1).flatten(0, 1)
    near = F.max_pool2d(mask, 9, stride=1, padding=4)
    terms: Terms = {}
    if weights.colour:
        terms["colour"] = weights.colour * masked_l1(image, truth, 1 + PERSON_WEIGHT * near)
    rows, columns = random_crop(image, corner)
    part, true_part = image[..., rows, columns], truth[..., rows, columns]
    if weights.structure:
        terms["structure"] = weights.structure * ssim_loss(part, true_part, 0.2 + near[..., rows, columns])
    if weights.perceptual and perceptual is not None:
        terms["reconstruction_perceptual"] = weights.perceptual * perceptual(part, true_part).mean()
    alphas = [painted.alpha for painted in layers if painted.alpha is not None]
    if weights.matting and alphas:
        plate = batch.plate.transpose(0, 1).flatten(0, 1)
        terms["matting"] = weights.matting * matting_loss(torch.cat(alphas), mask, (truth - plate).abs())
    return terms


def matting_loss(alpha: Tensor, mask: Tensor, apart: Tensor) -> Tensor:
    """Cross entropy of alpha (B, 1, H, W) and the detector's mask, where the mask can be believed.

    It is not believed where it says background but the frame differs from the plate (``apart``, (B, 3, H, W), range 2):
    there are hands, hair and shadows that it missed, and alpha is left to the picture losses.
    """
    believed = (mask >= 0.5) | (apart.mean(1, keepdim=True) <= MISSED)
    with torch.autocast(alpha.device.type, enabled=False):  # half precision knows no 1 - 1e-4
        entropy = F.binary_cross_entropy(alpha.to(mask.dtype).clamp(1e-4, 1 - 1e-4), mask, reduction="none")
    return (entropy * believed).mean()


def random_crop(image: Tensor, corner: tuple[float, float]) -> tuple[slice, slice]:
    """A part of the picture, at a place given as two fractions in [0, 1]; across, mostly about the middle."""
    height, width = image.shape[-2:]
    rows, columns = min(PERCEPTUAL_CROP[0], height), min(PERCEPTUAL_CROP[1], width)
    aside = MOSTLY_MIDDLE * (corner[1] - 0.5) + 0.5
    top, left = round(corner[0] * (height - rows)), round(aside * (width - columns))
    return slice(top, top + rows), slice(left, left + columns)


class FrameStep:
    """The step of the main network: reconstruction, and, where the stage has a discriminator, equation 3.

    ``judge`` is the discriminator as its own step calls it: with several processes it averages their gradients, which
    the generator's step must not set off.
    """

    def __init__(
        self, stage: Stage, generator: nn.Module, discriminator: MultiScaleDiscriminator | None,
        judge: nn.Module | None, perceptual: Distance | None, *, temporal: bool,
    ) -> None:  # fmt: skip
        self.stage, self.generator, self.discriminator, self.judge = stage, generator, discriminator, judge
        self.perceptual, self.temporal = perceptual, temporal

    def generator_terms(self, batch: Batch, corner: tuple[float, float]) -> tuple[Terms, list[Tensor]]:
        """Loss terms of the generator on this batch, and the pictures it painted."""
        layers, pictures = paint_pair(self.generator, batch, temporal=self.temporal)
        terms = reconstruction_objective(layers, pictures, batch, self.stage.reconstruction, self.perceptual, corner)
        if self.discriminator is not None and self.stage.adversarial:
            self.discriminator.requires_grad_(False)
            fake = self._features(self.discriminator, batch, pictures)
            with torch.no_grad():
                real = self._features(self.discriminator, batch, list(batch.image.unbind(1)))
            objective = generator_objective(
                fake, real, pictures, list(batch.image.unbind(1)),
                perceptual=self.perceptual, weights=self.stage.adversarial_weights,
            )  # fmt: skip
            terms |= {name: self.stage.adversarial * term for name, term in objective.items()}
            self.discriminator.requires_grad_(True)
        return terms, pictures

    def discriminator_terms(self, batch: Batch, pictures: list[Tensor]) -> Terms:
        """Loss terms of the discriminator; the fakes are detached."""
        assert self.judge is not None
        fakes = [picture.detach() for picture in pictures]
        fake = self._features(self.judge, batch, fakes)
        return discriminator_objective(fake, self._features(self.judge, batch, list(batch.image.unbind(1))))

    def _features(self, judge: nn.Module, batch: Batch, pictures: list[Tensor]) -> Features:
        """Features of the pair (x_0, x_1, y_0, y_1), or of each frame alone when the recipe is not temporal."""
        figures = list(batch.figure.unbind(1))
        if self.temporal:
            judged = discriminator_input(figures, pictures)
        else:
            judged = discriminator_input([torch.cat(figures)], [torch.cat(pictures)])
        features: Features = judge(judged)
        return features
