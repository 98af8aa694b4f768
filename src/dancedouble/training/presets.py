"""Presets: complete recipes as functions. Change what you need with ``dataclasses.replace``."""

from __future__ import annotations

from collections.abc import Callable

from dancedouble.errors import InputError
from dancedouble.models.discriminator import DiscriminatorConfig
from dancedouble.models.face import FaceGlobalConfig
from dancedouble.models.generator import small_generator
from dancedouble.models.losses import LossWeights
from dancedouble.models.swift import SwiftConfig
from dancedouble.recipe import (
    SIDE_MULTIPLE,
    FaceStage,
    FigureInput,
    LimbInput,
    Recipe,
    ReconstructionWeights,
    Stage,
    TrackedCrop,
    WholeFrame,
)
from dancedouble.training.paper import edn, edn_face, edn_global, edn_local

DEFAULT_HEIGHT = 256


def swift(height: int = DEFAULT_HEIGHT) -> Recipe:
    """Minutes on a laptop: real pixels warped limb by limb, a small network that blends, corrects and masks them."""
    limbs = LimbInput(bank=96, plate=True)
    generator = SwiftConfig(maps=limbs.channels, references=limbs.references, polish=24, shade_gain=4.0)
    # Colour losses prefer the plate to a hand that may be elsewhere: perception leads, they only steady it.
    weights = ReconstructionWeights(colour=0.25, structure=0.6, perceptual=1.5, matting=0.05)
    return Recipe(
        preset="swift", framing=TrackedCrop(), conditioning=limbs, perceptual="lpips", start="crowd",
        stages=(
            Stage(
                name="reconstruct", height=height, generator=generator, share=0.78, learning_rate=1e-3,
                reconstruction=weights, batch=2,
            ),
            Stage(
                name="adversarial", height=height, generator=generator, share=0.14, learning_rate=5e-4,
                reconstruction=weights, batch=2,
                discriminator=DiscriminatorConfig(width=24, scales=2), adversarial=0.02,
                adversarial_weights=LossWeights(perceptual=0.0),
            ),
        ),
        face=FaceStage(
            name="face", generator=FaceGlobalConfig(width=16, downs=2, blocks=3), discriminator_width=24,
            learning_rate=5e-4, decay="cosine", batch=2, share=0.08,
        ),
    )  # fmt: skip


def figure(height: int = DEFAULT_HEIGHT) -> Recipe:
    """The paper's idea at the size of ``swift``: stick figure in, picture out, no real pixels carried over."""
    generator = small_generator()
    return Recipe(
        preset="figure", framing=TrackedCrop(), conditioning=FigureInput(), perceptual="lpips",
        stages=(
            Stage(name="reconstruct", height=height, generator=generator, share=0.7, learning_rate=1e-3),
            Stage(
                name="adversarial", height=height, generator=generator, share=0.3, learning_rate=3e-4,
                discriminator=DiscriminatorConfig(width=24, scales=2), adversarial=0.02,
                adversarial_weights=LossWeights(perceptual=0.0),
            ),
        ),
    )  # fmt: skip


def tiny(height: int = 64) -> Recipe:
    """Every part of ``swift`` at toy size: for tests and for trying the pipeline in seconds."""
    limbs = LimbInput(bank=6, plate=True)
    generator = SwiftConfig(maps=limbs.channels, references=limbs.references, width=8, reference_width=4, polish=4)
    return Recipe(
        preset="tiny", framing=TrackedCrop(), conditioning=limbs, perceptual=None,
        stages=(
            Stage(name="reconstruct", height=height, generator=generator, batch=2, share=0.6, epochs=2),
            Stage(
                name="adversarial", height=height, generator=generator, batch=2, share=0.2, epochs=1,
                learning_rate=5e-4, discriminator=DiscriminatorConfig(width=4, scales=1, layers=2),
                adversarial=0.02, adversarial_weights=LossWeights(perceptual=0.0),
                reconstruction=ReconstructionWeights(perceptual=0.0),
            ),
        ),
        face=FaceStage(
            name="face", generator=FaceGlobalConfig(width=4, downs=1, blocks=1), discriminator_width=4,
            decay="cosine", batch=2, share=0.2, epochs=1,
        ),
    )  # fmt: skip


PRESETS: dict[str, Callable[..., Recipe]] = {
    "swift": swift, "figure": figure, "tiny": tiny,
    "edn": edn, "edn-global": edn_global, "edn-local": edn_local, "edn-face": edn_face,
}  # fmt: skip


def preset(name: str, height: int | None = None) -> Recipe:
    """The recipe of a preset, at a picture height where one is given.

    Raises InputError for an unknown name, and for a height that whole frames of the paper's presets cannot have.
    """
    if name not in PRESETS:
        raise InputError(f"--preset {name}: no such preset; expected one of {', '.join(PRESETS)}")
    recipe = PRESETS[name]() if height is None else PRESETS[name](height)
    step = SIDE_MULTIPLE * 2 ** (len(recipe.stages) - 1)  # every stage doubles the picture of the one before
    if isinstance(recipe.framing, WholeFrame) and height is not None and height % step:
        near = max(height // step, 1) * step
        raise InputError(f"--size {height}: {name} takes multiples of {step}, such as {near} or {near + step}")
    return recipe


def own_height(name: str) -> int | None:
    """The picture height of a preset that has one of its own, whatever the budget: the paper's."""
    recipe = preset(name)
    return recipe.final.height if isinstance(recipe.framing, WholeFrame) else None
