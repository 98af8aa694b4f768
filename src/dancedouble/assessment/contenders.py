"""The methods of an evaluation: what is judged, and the baselines it has to beat, each learned and rendered alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dancedouble.assessment.notes import read_note
from dancedouble.assessment.trial import TrainingPart
from dancedouble.errors import Cancelled
from dancedouble.evaluation.pose_metrics import nearest_frames
from dancedouble.evaluation.report import package_versions
from dancedouble.files import write_atomically
from dancedouble.models.painter import Painter
from dancedouble.perception import load_perceptual, perceptual_name
from dancedouble.person import Person, load_person, save_person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.progress import OnProgress, Progress
from dancedouble.recipe import FaceStage, LimbInput, Recipe, WholeFrame
from dancedouble.subject import open_subject
from dancedouble.synthesis import Synthesizer
from dancedouble.training.beginning import Beginning
from dancedouble.training.execution import execution_on, joined
from dancedouble.training.paper import Ablation, ablate, edn_face
from dancedouble.training.presets import figure, swift
from dancedouble.training.start import first_beginning
from dancedouble.training.trainer import Limit, Trainer

Picture = NDArray[np.uint8]
Curves = dict[str, list[tuple[float, float]]]
CURVE_POINTS = 120
"""Points of a training curve: means over as many stretches of steps."""
ABLATIONS: dict[Ablation, tuple[str, str]] = {
    "fbf": ("fbf", "FBF"),
    "fbf+ts": ("fbf-ts", "FBF + TS"),
    "fbf+ts+fg": ("fbf-ts-fg", "FBF + TS + FG"),
}


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way of making the pictures, ready to make them."""

    name: str
    title: str
    render: Callable[[PoseSequence], Iterator[Picture]]
    """Poses in pixels of the subject's frame → one RGB uint8 frame each."""
    settings: dict[str, str | float | int] = field(default_factory=dict)
    curves: Curves = field(default_factory=dict)
    record: Person | None = None
    """Whom the pictures are of, for the mark they carry."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """How every trained method of one evaluation learns."""

    limit: Limit
    seed: int
    device: torch.device
    folder: Path
    """Gets a folder of training state and a person file for each method."""

    def learn(
        self, name: str, title: str, part: Callable[[Path], TrainingPart], recipe: Recipe, on_progress: OnProgress,
        beginning: Beginning | None = None,
    ) -> Contender:  # fmt: skip
        """Learn the part's subject, or take up what an earlier call of the same evaluation learned."""
        own = part(self.folder / name)
        person, note = self.folder / f"{name}.safetensors", self.folder / f"{name}.json"
        key = self._key(own, recipe, beginning)
        kept = (read_note(note) if person.is_file() else None) or {}
        if kept.get("key") != key:
            learned, curves, steps = self._train(own, recipe, title, on_progress, beginning)
            note.unlink(missing_ok=True)  # a kill must not leave it beside another person
            save_person(person, learned)
            kept = {"key": key, "steps": steps, "curves": curves}
            write_atomically(note, json.dumps(kept).encode())
        loaded = load_person(person)
        settings: dict[str, str | float | int] = {
            "preset": recipe.preset, "height": recipe.final.height, "steps": kept["steps"],
            "begun with": "a person" if beginning is not None else recipe.start or "nothing",
            "taught by": str(loaded.trained.get("perceptual", "none")),
            "parameters": sum(weight.numel() for weight in loaded.weights.values()),
            "weights sha256": weights_sha256(loaded),
        }  # fmt: skip
        if self.limit.seconds is not None:
            settings["seconds of learning"] = round(self.limit.seconds, 1)
        curves_ = {stage: [(x, y) for x, y in points] for stage, points in kept["curves"].items()}
        return rendered_by(name, title, loaded, self.device, settings=settings, curves=curves_)

    def _key(self, part: TrainingPart, recipe: Recipe, beginning: Beginning | None) -> str:
        """Changes when anything does that decides what is learned."""
        decisive: list[Any] = [
            recipe.to_dict(), part.manifest.source_sha256, part.manifest.settings, part.manifest.frames,
            self.limit.seconds, self.limit.steps, self.seed, str(self.device), perceptual_name(recipe.perceptual),
            (beginning or first_beginning(recipe)).identity, package_versions(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()

    def _train(
        self, part: TrainingPart, recipe: Recipe, title: str, on_progress: OnProgress, beginning: Beginning | None
    ) -> tuple[Person, Curves, int]:
        points: dict[str, dict[int, float]] = {}

        def listen(progress: Progress) -> None:
            state = trainer.state
            stage = trainer.stages[min(state.stage, len(trainer.stages) - 1)]
            points.setdefault(stage.name, {})[state.steps] = sum(state.losses.values())
            on_progress(replace(progress, message=f"{title}: {progress.message}"))

        with joined(execution_on(self.device)) as execution:
            perceptual, judge = load_perceptual(recipe.perceptual, execution.device)
            trainer = Trainer(
                part, recipe, list(part.manifest.usable), limit=self.limit, seed=self.seed, execution=execution,
                perceptual=perceptual, beginning=beginning, notes={"perceptual": judge}, on_progress=listen,
            )  # fmt: skip
            outcome = trainer.run()
        if outcome.stopped:
            raise Cancelled(f"stopped while {title} was learning; the same command goes on from there")
        return outcome.person, {f"loss, {stage}": _thinned(curve) for stage, curve in points.items()}, outcome.steps


def rendered_by(
    name: str, title: str, person: Person, device: torch.device, *,
    settings: dict[str, str | float | int] | None = None, curves: Curves | None = None,
) -> Contender:  # fmt: skip
    """A person as a contender."""

    def render(poses: PoseSequence) -> Iterator[Picture]:
        return (finished.frame for finished in Synthesizer(person, device).frames(poses))

    return Contender(
        name=name, title=title, render=render, settings=settings or {}, curves=curves or {}, record=person
    )  # fmt: skip


def nearest_frame(part: TrainingPart) -> Contender:
    """The paper's equation 6: the training frame whose pose is nearest, shown as it is."""
    usable = np.array(part.manifest.usable)
    poses = part.poses
    known = replace(poses, xy=poses.xy[usable], score=poses.score[usable], depth=poses.depth[usable])

    def render(query: PoseSequence) -> Iterator[Picture]:
        for row in nearest_frames(query, known).index:
            yield part.plate if row < 0 else part.frame(int(usable[row]))

    return Contender(name="nearest", title="nearest training frame", render=render)


def warp_only(part: TrainingPart, recipe: Recipe, *, seed: int, device: torch.device) -> Contender:
    """References warped limb by limb, blended by their masks: the fast generator before its first step."""
    frames = list(part.manifest.usable)
    recipe = replace(recipe, stages=recipe.stages[:1], face=None)
    subject = open_subject(part, recipe, recipe.final.height, frames, seed=seed)
    torch.manual_seed(seed)
    painter = Painter(recipe.final.generator)
    person = Person(
        recipe=recipe.to_dict(), weights={f"painter.{name}": value for name, value in painter.state_dict().items()},
        plate=part.plate, poses=part.poses, bank=subject.bank, scale=subject.scale, crop_size=subject.footage.size,
        body_height=subject.body_height, consent=part.manifest.consent, source_sha256=part.manifest.source_sha256,
    )  # fmt: skip
    settings: dict[str, str | float | int] = {"preset": recipe.preset, "height": recipe.final.height, "steps": 0}
    return rendered_by("warp", "warp only", person, device, settings=settings)


def warping_recipe(recipe: Recipe, height: int) -> Recipe:
    """The recipe whose references are warped when nothing is learned: the given one where it warps, else ``swift``."""
    return recipe if isinstance(recipe.conditioning, LimbInput) else swift(height)


def paper_recipe(recipe: Recipe) -> Recipe:
    """What the paper's ablations are made of: stick figures in, at the size and with the face stage of ``recipe``."""
    if isinstance(recipe.framing, WholeFrame):
        return recipe if recipe.face else replace(recipe, face=edn_face().face)
    face: FaceStage | None = recipe.face or swift().face
    return replace(figure(recipe.final.height), perceptual=recipe.perceptual, face=face)


def ablations_of(recipe: Recipe) -> dict[str, tuple[str, Recipe]]:
    """Name → (title, recipe) of FBF, FBF + TS, FBF + TS + FG."""
    base = paper_recipe(recipe)
    return {name: (title, ablate(base, choice)) for choice, (name, title) in ABLATIONS.items()}


def weights_sha256(person: Person) -> str:
    """SHA-256 of the names and values of a person's weights."""
    found = hashlib.sha256()
    for name, weight in sorted(person.weights.items()):
        found.update(name.encode() + weight.contiguous().numpy().tobytes())
    return found.hexdigest()


def _thinned(curve: dict[int, float]) -> list[tuple[float, float]]:
    """At most ``CURVE_POINTS`` points: means over stretches of steps."""
    steps = np.array(sorted(curve), np.float64)
    values = np.array([curve[int(step)] for step in steps])
    parts = np.array_split(np.arange(len(steps)), min(CURVE_POINTS, len(steps)))
    return [(round(float(steps[p].mean()), 1), round(float(values[p].mean()), 5)) for p in parts if len(p)]
