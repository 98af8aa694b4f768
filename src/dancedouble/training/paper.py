"""The paper's presets, *Everybody Dance Now* (Chan et al., 2019), its ablations, and toy-width versions of them.

Whole frames, squeezed figures, no plate; batch 1, Adam at 2e-4, 5 / 30 / 5 epochs of the global, local and face
stages. docs/paper.md says where sources disagree and what is built.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

from dancedouble.errors import InputError
from dancedouble.models.discriminator import DiscriminatorConfig
from dancedouble.models.face import FaceGlobalConfig
from dancedouble.models.generator import GeneratorConfig, LocalGeneratorConfig
from dancedouble.models.losses import LossWeights
from dancedouble.recipe import NO_RECONSTRUCTION, FaceStage, FigureInput, Recipe, Stage, WholeFrame

LOCAL_SIDE = 512
"""Short side of the picture in the local and face stages, in pixels; half of it in the global stage."""
Ablation = Literal["fbf", "fbf+ts", "fbf+ts+fg", "no-perceptual", "no-feature-matching"]


def _stage(
    name: str,
    height: int,
    generator: GeneratorConfig | LocalGeneratorConfig,
    scales: int,
    epochs: int,
    perceptual: float,
) -> Stage:
    return Stage(
        name=name, height=height, generator=generator, discriminator=DiscriminatorConfig(scales=scales),
        reconstruction=NO_RECONSTRUCTION, adversarial=1.0,
        adversarial_weights=LossWeights(feature_matching=10.0, perceptual=perceptual), learning_rate=2e-4,
        betas=(0.5, 0.999), decay="paper", ema=None, batch=1, epochs=epochs, share=epochs,
    )  # fmt: skip


def edn_global(height: int = LOCAL_SIDE // 2) -> Recipe:
    """The global stage alone: 512 × 256."""
    return Recipe(
        preset="edn-global", framing=WholeFrame(), conditioning=FigureInput(style="paper"), perceptual="vgg",
        stages=(_stage("global", height, GeneratorConfig(), scales=2, epochs=5, perceptual=5.0),),
    )  # fmt: skip


def edn_local(height: int = LOCAL_SIDE) -> Recipe:
    """The global stage, then the enhancer around it: 1024 × 512."""
    first = edn_global(height // 2)
    local = _stage("local", height, LocalGeneratorConfig(), scales=3, epochs=30, perceptual=10.0)
    return replace(first, preset="edn-local", stages=(*first.stages, local))


def edn_face(height: int = LOCAL_SIDE) -> Recipe:
    """The face GAN at 128 × 128 on a frozen main generator, which is trained first unless there is one."""
    face = FaceStage(name="face", generator=FaceGlobalConfig(), starts_at_zero=False, share=5.0)
    return replace(edn_local(height), preset="edn-face", face=face)


def edn(height: int = LOCAL_SIDE) -> Recipe:
    """All three stages in order."""
    return replace(edn_face(height), preset="edn")


def ablate(recipe: Recipe, ablation: Ablation) -> Recipe:
    """A recipe without one of its parts.

    ``fbf``: frame by frame, no face GAN (3-channel generator input, 6-channel discriminator); ``fbf+ts``: with temporal
    smoothing; ``fbf+ts+fg``: with the face GAN too, which the recipe must have; ``no-perceptual`` and
    ``no-feature-matching``: without that term, everywhere. Raises InputError.
    """
    match ablation:
        case "fbf":
            return replace(recipe, temporal=False, face=None, stages=tuple(_frame_by_frame(s) for s in recipe.stages))
        case "fbf+ts":
            return replace(recipe, face=None)
        case "fbf+ts+fg":
            if recipe.face is None:
                raise InputError(f"--ablation {ablation}: preset {recipe.preset} has no face GAN; take edn")
            return recipe
        case "no-perceptual":
            return _reweighted(recipe, perceptual=0.0)
        case "no-feature-matching":
            return _reweighted(recipe, feature_matching=0.0)
        case _:
            raise InputError(
                f"--ablation {ablation}: no such ablation; expected one of {', '.join(get_args(Ablation))}"
            )


def _frame_by_frame(stage: Stage) -> Stage:
    generator, discriminator = stage.generator, stage.discriminator
    match generator:
        case GeneratorConfig():
            generator = replace(generator, temporal=False)
        case LocalGeneratorConfig(base=base):
            generator = replace(generator, base=replace(base, temporal=False))
    if discriminator is not None:
        discriminator = replace(discriminator, temporal=False)
    return replace(stage, generator=generator, discriminator=discriminator)


def _reweighted(recipe: Recipe, **weights: float) -> Recipe:
    stages = tuple(replace(s, adversarial_weights=replace(s.adversarial_weights, **weights)) for s in recipe.stages)
    if "perceptual" in weights:
        stages = tuple(replace(s, reconstruction=replace(s.reconstruction, perceptual=0.0)) for s in stages)
    face = recipe.face and replace(recipe.face, weights=replace(recipe.face.weights, **weights))
    return replace(recipe, stages=stages, face=face)


def narrowed(recipe: Recipe, *, width: int = 8, blocks: int = 1, downs: int = 2, side: int = 128) -> Recipe:
    """A paper preset at toy width and size, with the same stages, losses and schedule: minutes on a CPU.

    ``side`` is the short side of the last stage in pixels, ``downs`` and ``blocks`` those of the global generator.
    """
    base = GeneratorConfig(width=width, downs=downs, blocks=blocks, temporal=recipe.temporal)
    local = LocalGeneratorConfig(base=base, blocks=1)
    shrink = side / recipe.final.height
    stages = tuple(
        replace(
            stage, height=round(stage.height * shrink),
            generator=local if isinstance(stage.generator, LocalGeneratorConfig) else base,
            discriminator=stage.discriminator and replace(stage.discriminator, width=width),
        )
        for stage in recipe.stages
    )  # fmt: skip
    face = recipe.face and replace(
        recipe.face, generator=FaceGlobalConfig(width=width, downs=2, blocks=1), discriminator_width=width
    )
    return replace(recipe, stages=stages, face=face)
