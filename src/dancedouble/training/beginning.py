"""Starting from a person who was learned before: which stage of a recipe comes next, with which weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from dancedouble.errors import PersonFileError
from dancedouble.person import Person
from dancedouble.recipe import Recipe, Stage, recipe_from_dict
from dancedouble.training.runs import Weights


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """Where training starts; from nothing unless :func:`begin_with` or :func:`warm_start` says otherwise."""

    stage: int = 0
    """Index of the first stage to run, the face stage counting last."""
    of: Stage | None = None
    """The stage that the weights come from."""
    weights: Weights = field(default_factory=dict)
    identity: str = ""
    """Differs for different weights: part of what makes a checkpoint one of this very run."""


def begin_with(person: Person, recipe: Recipe) -> Beginning:
    """Go on from ``person``: with the stage after the one that trained them, or with the last one again.

    Raises PersonFileError when no stage of ``recipe`` has the generator that the person was learned with.
    """
    last = recipe_from_dict(person.recipe).final
    known = [index for index, stage in enumerate(recipe.stages) if stage.generator == last.generator]
    known = [index for index in known if recipe.stages[index].name == last.name] or known
    if not known:
        raise PersonFileError(
            f"the person was learned with preset {person.recipe.get('preset')}, and no stage of {recipe.preset} has its"
            " generator; choose the preset (and ablation) they were learned with, or one that builds on it, or, when"
            " another version of dancedouble learned them, learn them again"
        )
    count = len(recipe.stages) + (recipe.face is not None)
    weights, identity = _weights_of(person)
    return Beginning(stage=min(known[-1] + 1, count - 1), of=last, weights=weights, identity=identity)


def warm_start(person: Person, recipe: Recipe) -> Beginning:
    """Learn somebody else from the first stage on, with the generator of ``person`` in place of a fresh one.

    Raises PersonFileError when theirs is another kind of generator than the first stage's.
    """
    last, first = recipe_from_dict(person.recipe).final, recipe.stages[0]
    if last.generator != first.generator:
        raise PersonFileError(
            f"the person to start from was learned with preset {person.recipe.get('preset')}, whose generator is not"
            f" the one that {recipe.preset} begins with; choose a person who was learned with the same preset, by the"
            " same version of dancedouble"
        )
    weights, identity = _weights_of(person)
    return Beginning(of=last, weights={"painter": weights["painter"]}, identity=f"warm-{identity}")


def _weights_of(person: Person) -> tuple[Weights, str]:
    """By part, and a digest of them."""
    weights: Weights = {}
    digest = hashlib.sha256()
    for name, tensor in sorted(person.weights.items()):
        part, _, rest = name.partition(".")
        weights.setdefault(part, {})[rest] = tensor
        digest.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return weights, digest.hexdigest()
