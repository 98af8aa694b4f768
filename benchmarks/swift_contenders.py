"""The methods that ``benchmarks/swift.py`` compares: untrained, trained, and ``swift`` lacking parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dancedouble.assessment.contenders import Contender, nearest_frame, warp_only
from dancedouble.assessment.trial import TrainingPart
from dancedouble.evaluation.pose_metrics import nearest_frames
from dancedouble.models.generator import small_generator
from dancedouble.models.swift import SwiftConfig
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import body
from dancedouble.recipe import NO_RECONSTRUCTION, FigureInput, LimbInput, Recipe, ReconstructionWeights, Stage
from dancedouble.training.paper import ablate
from dancedouble.training.presets import preset

Change = Callable[[Recipe], Recipe]
CPU = torch.device("cpu")
FEW = 32
"""Test frames rendered by the paper's generator: each takes it seconds."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One row of the table."""

    name: str
    title: str
    recipe: Callable[[int], Recipe] | None = None
    """Picture height → what is learned; None where nothing is."""
    make: Callable[[TrainingPart, int, int], Contender] | None = None
    """Of what learns nothing: footage, picture height, seed → the contender."""
    frames: int | None = None
    """Only so many test frames are rendered; None for all."""
    warm: bool = False
    """Learned from the generator of a bundled person, another one, on: see ``swift.started``."""


# -- swift lacking parts ----------------------------------------------------------------------------------------


def each_stage(recipe: Recipe, change: Callable[[Stage], Stage]) -> Recipe:
    """A recipe with every stage of its main generator changed."""
    return replace(recipe, stages=tuple(change(stage) for stage in recipe.stages))


def without_adversary(recipe: Recipe) -> Recipe:
    """Stages that only add a discriminator leave their time to the others."""
    plain = tuple(stage for stage in recipe.stages if stage.discriminator is None)
    if plain:
        return replace(recipe, stages=plain)
    return each_stage(recipe, lambda stage: replace(stage, discriminator=None, adversarial=0.0))


def without_term(name: str) -> Change:
    """The direct comparison with the real frame lacking one term."""
    return lambda recipe: each_stage(
        recipe, lambda stage: replace(stage, reconstruction=replace(stage.reconstruction, **{name: 0.0}))
    )


def without_references(recipe: Recipe) -> Recipe:
    """Stick figures in, and the stick-figure generator, with the losses, stages and face GAN of ``recipe``."""
    changed = replace(recipe, conditioning=FigureInput())
    return each_stage(changed, lambda stage: replace(stage, generator=small_generator()))


def shown(recipe: Recipe, **change: Any) -> Recipe:
    """The limb input changed, and every generator made to fit it; a recipe without one stays as it is."""
    if not isinstance(recipe.conditioning, LimbInput):
        return recipe
    limbs = replace(recipe.conditioning, **change)
    fitting = {"maps": limbs.channels, "references": limbs.references}
    changed = replace(recipe, conditioning=limbs)
    return each_stage(changed, lambda stage: replace(stage, generator=replace(stage.generator, **fitting)))


def without_polish(recipe: Recipe) -> Recipe:
    """Nothing looks at the blended picture again."""
    return each_stage(
        recipe,
        lambda stage: replace(stage, generator=replace(stage.generator, polish=0))
        if isinstance(stage.generator, SwiftConfig) else stage,
    )  # fmt: skip


WITHOUT: dict[str, tuple[str, Change]] = {
    "no-adversary": ("the adversarial stage", without_adversary),
    "no-temporal": (
        "the previous frame, in generator and discriminator", lambda r: replace(ablate(r, "fbf"), face=r.face)
    ),
    "no-face": ("the face GAN", lambda r: replace(r, face=None)),
    "no-references": ("warped references and limb maps: stick figures, same losses", without_references),
    "one-reference": ("the second of its references", lambda r: shown(r, references=1)),
    "no-polish": ("the correction of the blended picture", without_polish),
    "no-plate": ("the sight of the plate", lambda r: shown(r, plate=False)),
    "no-perceptual": ("the perceptual loss", lambda r: ablate(r, "no-perceptual")),
    "no-structure": ("the structure loss", without_term("structure")),
    "no-colour": ("the colour loss", without_term("colour")),
    "no-matting": ("the mask loss", without_term("matting")),
    "no-ema": ("the running mean of the weights", lambda r: each_stage(r, lambda s: replace(s, ema=None))),
}  # fmt: skip
"""Name → (what is removed, how)."""


def begun_with_nothing(height: int) -> Recipe:
    """``swift`` without its start, which knows its parts: what parts are taken from."""
    return replace(preset("swift", height), start=None)


def ablations() -> dict[str, Method]:
    """``swift`` begun with nothing, and lacking one part more each: a change that changes nothing is no row."""

    def recipe_of(change: Change) -> Callable[[int], Recipe]:
        return lambda height: change(begun_with_nothing(height))

    none = Method(name="swift-no-start", title="swift begun with nothing", recipe=begun_with_nothing)
    lacking = {
        f"swift-{name}": Method(name=f"swift-{name}", title=f"the same without {what}", recipe=recipe_of(change))
        for name, (what, change) in WITHOUT.items()
        if change(preset("swift")) != preset("swift")
    }
    return {none.name: none, **lacking}


def paper_style(height: int) -> Recipe:
    """Stick figures at the size of ``swift``, in the same crops, with the paper's objective alone.

    Adversary, feature matching and VGG's perception (section 3 of the paper), and the mask over the plate, which the
    paper has not: nothing that is measured is taught.
    """
    recipe, paper = preset("figure", height), preset("edn-global").final
    mask = replace(NO_RECONSTRUCTION, matting=recipe.final.reconstruction.matting)
    stage = replace(
        recipe.final, share=1.0, learning_rate=5e-4, reconstruction=mask, adversarial=paper.adversarial,
        adversarial_weights=paper.adversarial_weights,
    )  # fmt: skip
    return replace(recipe, perceptual="vgg", stages=(stage,))


def regressed(height: int) -> Recipe:
    """Stick figures at the size of ``swift``, in the same crops, taught by pixels alone: L1, SSIM and the mask."""
    recipe = preset("figure", height)
    pixels = replace(recipe.stages[0], share=1.0, reconstruction=ReconstructionWeights(perceptual=0.0))
    return replace(recipe, perceptual=None, stages=(pixels,))


# -- what needs no learning -------------------------------------------------------------------------------------


def nearest_moved(part: TrainingPart) -> Contender:
    """The nearest training frame by the pose about the hips, moved as a whole so that the hips meet.

    Kinder than equation 6 where the person stands elsewhere: what a crop that follows the hips would compare.
    """
    usable = np.array(part.manifest.usable)
    poses = part.poses
    known = replace(poses, xy=poses.xy[usable], score=poses.score[usable], depth=poses.depth[usable])

    def render(query: PoseSequence) -> Iterator[NDArray[np.uint8]]:
        for row, found in enumerate(nearest_frames(about_hips(query), about_hips(known)).index):
            if found < 0:
                yield part.plate
                continue
            x, y = hips(query)[row] - hips(known)[found]
            frame = part.frame(int(usable[found]))
            move = np.array([[1, 0, x], [0, 1, y]], np.float32)
            moved = cv2.warpAffine(frame, move, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
            yield np.asarray(moved, np.uint8)

    return Contender(name="nearest-moved", title="nearest training frame, moved into place", render=render)


def hips(poses: PoseSequence) -> NDArray[np.float32]:
    """(T, 2) px, the middle of the hips."""
    return poses.xy[:, body("mid_hip")]


def about_hips(poses: PoseSequence) -> PoseSequence:
    """The same poses with the hips at (0, 0)."""
    return replace(poses, xy=poses.xy - hips(poses)[:, None])


def methods() -> dict[str, Method]:
    """All rows in the table's order."""
    rows = [
        Method(name="nearest", title="nearest training frame", make=lambda part, height, seed: nearest_frame(part)),
        Method(
            name="nearest-moved", title="nearest training frame, moved into place",
            make=lambda part, height, seed: nearest_moved(part),
        ),
        Method(
            name="warp", title="warp only",
            make=lambda part, height, seed: warp_only(part, preset("swift", height), seed=seed, device=CPU),
        ),
        Method(name="figure", title="stick figures", recipe=lambda height: preset("figure", height)),
        Method(name="figure-regression", title="stick figures, L1 + SSIM + mask", recipe=regressed),
        Method(name="figure-paper", title="stick figures, the paper's objective", recipe=paper_style),
        Method(name="edn-global", title="edn-global", recipe=lambda height: preset("edn-global", height), frames=FEW),
        Method(name="swift", title="swift", recipe=lambda height: preset("swift", height)),
        Method(
            name="warm-swift", title="swift, begun with somebody else", warm=True,
            recipe=lambda height: preset("swift", height),
        ),
    ]  # fmt: skip
    return {**{method.name: method for method in rows}, **ablations()}
