"""What a training run is: networks, losses and stages as plain frozen values that travel inside person files.

A preset (``training.presets``) is a function that returns a complete recipe.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from dancedouble.errors import PersonFileError
from dancedouble.models.discriminator import DiscriminatorConfig
from dancedouble.models.face import FaceGlobalConfig, FaceUNetConfig
from dancedouble.models.generator import GeneratorConfig, LocalGeneratorConfig
from dancedouble.models.losses import LossWeights
from dancedouble.models.swift import SwiftConfig
from dancedouble.rendering.limb_maps import CHANNELS

SIDE_MULTIPLE = 32
"""Sides of whole frames, in pixels, are multiples of this in every stage."""


@dataclass(frozen=True, kw_only=True)
class WholeFrame:
    """The paper's framing: the whole frame, resized to the frame's aspect in multiples of 32 (16:9 to 2:1)."""

    kind: Literal["whole-frame"] = "whole-frame"


@dataclass(frozen=True, kw_only=True)
class TrackedCrop:
    """A window that follows the subject; outside it the output is the untouched plate."""

    kind: Literal["tracked-crop"] = "tracked-crop"


@dataclass(frozen=True, kw_only=True)
class FigureInput:
    """The generator is shown a stick figure."""

    kind: Literal["figure"] = "figure"
    style: Literal["smooth", "paper"] = "smooth"
    """``paper``: drawn at 1080p and squeezed with the frame, pixel for pixel the paper's; ``smooth``: at any size."""


@dataclass(frozen=True, kw_only=True)
class LimbInput:
    """The generator is shown limb-coordinate maps and real frames of the subject, warped limb by limb."""

    kind: Literal["limbs"] = "limbs"
    references: int = 2
    """Warped pictures per frame."""
    bank: int = 48
    """Pictures to choose them from."""
    plate: bool = False
    """Shown beside the maps too: what light a shadow falls on, and what a person's edge is seen against."""

    @property
    def channels(self) -> int:
        """Of what the generator is shown at a quarter of the size."""
        return CHANNELS + 3 * self.plate


@dataclass(frozen=True, kw_only=True)
class ReconstructionWeights:
    """Weights of the direct comparison with the real frame; 0 leaves a term out."""

    colour: float = 1.0
    structure: float = 0.3
    perceptual: float = 0.5
    matting: float = 0.1


NO_RECONSTRUCTION = ReconstructionWeights(colour=0.0, structure=0.0, perceptual=0.0, matting=0.0)
"""The paper's: equation 3 compares pictures only through features."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One run of training of the main generator."""

    name: str
    height: int
    """Height of the picture the networks see, in pixels; the width follows the footage. Of whole frames, this is the
    shorter side."""
    generator: SwiftConfig | GeneratorConfig | LocalGeneratorConfig
    discriminator: DiscriminatorConfig | None = None
    reconstruction: ReconstructionWeights = field(default_factory=ReconstructionWeights)
    adversarial: float = 0.0
    """Weight of the whole adversarial objective (equation 3)."""
    adversarial_weights: LossWeights = field(default_factory=LossWeights)
    learning_rate: float = 2e-3
    betas: tuple[float, float] = (0.9, 0.99)
    decay: Literal["cosine", "paper"] = "cosine"
    """``paper``: constant for the first half, then linear to zero; ``cosine``: over the whole stage, with a warm-up."""
    ema: float | None = 0.995
    """Decay of the running mean of the weights that is kept instead of the last ones; None keeps the last."""
    batch: int = 4
    epochs: int = 100
    """Passes over the footage when no budget is set."""
    share: float = 1.0
    """Part of the training budget this stage takes, relative to the other stages'."""


@dataclass(frozen=True, kw_only=True)
class FaceStage:
    """The face GAN: a residual on the face crop, the main generator frozen (equations 2 and 5)."""

    name: str
    generator: FaceGlobalConfig | FaceUNetConfig
    discriminator_width: int = 64
    starts_at_zero: bool = True
    """Begin with a residual of nothing, so that the face can only get better; the paper draws all weights."""
    weights: LossWeights = field(default_factory=lambda: LossWeights(feature_matching=0.0))
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay: Literal["cosine", "paper"] = "paper"
    batch: int = 1
    epochs: int = 5
    share: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A complete training run, and all that rendering has to know of it."""

    preset: str
    framing: WholeFrame | TrackedCrop
    conditioning: FigureInput | LimbInput
    perceptual: Literal["lpips", "vgg"] | None
    """Which frozen network compares pictures."""
    temporal: bool = True
    """Each frame sees the one before and is judged with it; False is the frame-by-frame ablation."""
    stages: tuple[Stage, ...]
    face: FaceStage | None = None
    start: Literal["crowd"] | None = None
    """What the first stage begins with: fresh weights, or the generator that learned a crowd of synthetic people."""

    @property
    def final(self) -> Stage:
        """The stage whose generator renders."""
        return self.stages[-1]

    @property
    def paints_alpha(self) -> bool:
        """Whether the person is painted alone, to be laid over a plate; the paper's presets paint whole frames."""
        generator = self.final.generator
        return generator.alpha if isinstance(generator, GeneratorConfig) else isinstance(generator, SwiftConfig)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; the inverse of :func:`recipe_from_dict`."""
        return asdict(self)


_ADAPTER = TypeAdapter(Recipe)


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """Read a recipe back, checked field by field. Raises PersonFileError when it is not one this version knows."""
    try:
        return _ADAPTER.validate_python(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PersonFileError(
            f"recipe not understood at {where}: {first['msg']}; update dancedouble or train again"
        ) from error
