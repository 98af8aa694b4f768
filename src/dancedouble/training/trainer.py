"""The training loop: stages one after the other, within a budget, resumable after any kill."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dancedouble.checkpoint import load_checkpoint, save_checkpoint
from dancedouble.dataset import Batch, PairSampler
from dancedouble.devices import place
from dancedouble.errors import Cancelled, InputError
from dancedouble.models.discriminator import MultiScaleDiscriminator
from dancedouble.models.losses import Distance
from dancedouble.models.painter import Painter
from dancedouble.overlap import read_ahead
from dancedouble.person import Person
from dancedouble.progress import OnProgress, Progress, ignore_progress
from dancedouble.recipe import FaceStage, Recipe, Stage, WholeFrame
from dancedouble.subject import Subject, open_subject
from dancedouble.training.beginning import Beginning
from dancedouble.training.execution import Execution
from dancedouble.training.face_run import FaceRun
from dancedouble.training.journal import Journal
from dancedouble.training.runs import FrameRun, Run, Weights, learning_rate
from dancedouble.training.start import first_beginning
from dancedouble.workspace import Workspace

CHECKPOINT_EVERY = 45.0
"""Seconds between checkpoints: what a kill can cost. Large networks are saved less often, see ``SAVING_SHARE``."""
SAVING_SHARE = 0.05
"""Largest share of the time that goes into checkpoints."""
SAMPLE_EVERY = 20.0
"""Seconds between sample pictures."""
LOG_EVERY = 2.0
"""Seconds between lines of the log."""
RENDERING_PARTS = ("painter", "face")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How long to train: seconds of work, or steps, or (neither) the recipe's epochs. Stages share it by weight."""

    seconds: float | None = None
    steps: int | None = None


@dataclass(kw_only=True)
class Outcome:
    """What training came to."""

    person: Person
    steps: int
    seconds: float
    stopped: bool
    losses: dict[str, float]


@dataclass
class _State:
    """Where training is; goes into the checkpoint whole."""

    stage: int = 0
    step: int = 0
    """Steps done in this stage."""
    steps: int = 0
    """Steps done in all."""
    seconds: float = 0.0
    """Spent in this stage."""
    total_seconds: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    done: Weights = field(default_factory=dict)
    """What finished stages left, by part: ``painter``, ``discriminator``, ``face``, ``face_discriminator``."""


class Trainer:
    """Learns one subject. ``run`` does the whole of it, from the last checkpoint where there is one."""

    def __init__(
        self, workspace: Workspace, recipe: Recipe, frames: list[int], *, limit: Limit, seed: int,
        execution: Execution, perceptual: Distance | None, beginning: Beginning | None = None,
        tensorboard: bool = False, notes: dict[str, Any] | None = None, on_progress: OnProgress = ignore_progress,
    ) -> None:  # fmt: skip
        self.workspace, self.recipe, self.frames = workspace, recipe, frames
        self.limit, self.seed, self.execution = limit, seed, execution
        self.perceptual, self.on_progress, self.notes = perceptual, on_progress, notes or {}
        self.stages: list[Stage | FaceStage] = [*recipe.stages, *([recipe.face] if recipe.face else [])]
        self.beginning = beginning or first_beginning(recipe)
        self.state = _State()
        self._cancelled: Cancelled | None = None
        self.journal = Journal(workspace.training, tensorboard=tensorboard, kept=execution.leads)
        self._saved = self._sampled = self._logged = time.monotonic()
        self._saving = 0.0
        self._subjects: dict[int, Subject] = {}

    @property
    def checkpoint(self) -> Path:
        """One file per request (recipe, beginning, footage and range, seed, limit): no other takes up its state."""
        key = json.dumps(
            [
                self.recipe.to_dict(), self.frames, self.seed, self.limit.seconds, self.limit.steps,
                self.beginning.identity, self.execution.ranks, self.workspace.manifest.identity,
            ]
        )  # fmt: skip
        return self.workspace.training / f"{self.recipe.preset}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.pt"

    def run(self) -> Outcome:
        """Train through all stages, or as far as a cancel lets it: the person is usable either way."""
        saved = self._resume()
        stopped, weights = False, self.state.done
        while self.state.stage < len(self.stages) and not stopped:
            try:
                stopped, weights = self._run_stage(saved)
                saved = None
            except torch.OutOfMemoryError as error:
                if self.execution.save_memory or self.execution.ranks > 1:
                    cure = "give a smaller --size" if self.execution.save_memory else "repeat with --save-memory"
                    raise InputError(
                        f"{self.execution.device} has too little memory to learn {self.recipe.preset} at"
                        f" {self.recipe.final.height} px; {cure}, or --device cpu"
                    ) from error
                self.execution = replace(self.execution, save_memory=True)
                saved = self._resume()
        self._log()
        self.journal.close()
        return Outcome(
            person=self._person(weights), steps=self.state.steps, seconds=self.state.total_seconds, stopped=stopped,
            losses=self.state.losses,
        )  # fmt: skip

    def _resume(self) -> dict[str, Any] | None:
        """Go back to the last checkpoint, or to the start; the state of the stage that was under way, if any."""
        saved = load_checkpoint(self.checkpoint)
        self.execution.wait()
        self.state = _State(stage=self.beginning.stage, done=self.beginning.weights)
        if saved is None:
            return None
        self.state = _State(**saved["state"])
        run: dict[str, Any] | None = saved["run"]
        return run

    def _run_stage(self, saved: dict[str, Any] | None) -> tuple[bool, Weights]:
        """Run the present stage to its end: whether it was cancelled, and all the weights there are then."""
        stage = self.stages[self.state.stage]
        run = self._make_run(stage)
        if saved is not None:
            run.restore(saved)
        sampler = self._subject(stage).sampler
        target = self._steps(stage, sampler)
        stopped = False
        try:
            with closing(_drawn_ahead(sampler, stage.batch, self.state.step, self.execution)) as batches:
                while not self._over(stage, target):
                    self._step(stage, run, batches, target)
                    self._now_and_then(run, sampler)
        except Cancelled:
            if self.state.steps <= 1:  # one step makes nobody
                raise
            stopped = True
        weights = {**self.state.done, **run.weights()}
        if stopped:
            self._save(run)
            return True, weights
        self.state.done = weights
        self.journal.show(run, sampler, self.execution.device, self.state.steps, stage.name)
        self.state.stage, self.state.step, self.state.seconds = self.state.stage + 1, 0, 0.0
        self._save(None)
        return False, weights

    def _step(self, stage: Stage | FaceStage, run: Run, batches: Iterator[Batch], target: int | None) -> None:
        """Learn from the next batch; waiting for it is time of the budget too."""
        began, batch = time.monotonic(), next(batches)
        random = np.random.default_rng([self.seed, self.state.stage, self.state.step])
        rate = learning_rate(stage, self.state.step, self._progress(stage, target))
        losses = run.step(batch.to(self.execution.device), rate, random)
        self.state.losses = losses or self.state.losses
        self.state.step += 1
        self.state.steps += 1
        self._report(stage, target)
        # All processes count the same time and stop at the same step.
        spent, stop = self.execution.largest(time.monotonic() - began, float(self._cancelled is not None))
        self.state.seconds += spent
        self.state.total_seconds += spent
        if stop:
            raise self._cancelled or Cancelled("another process was stopped")

    def _report(self, stage: Stage | FaceStage, target: int | None, preview: Path | None = None) -> None:
        if not self.execution.leads:
            return
        ours = self.stages[self.beginning.stage :]
        before = sum(s.share for s in self.stages[self.beginning.stage : self.state.stage])
        share = min((before + stage.share * self._progress(stage, target)) / sum(s.share for s in ours), 1.0)
        loss = sum(self.state.losses.values())
        total = self.limit.seconds or 100.0
        progress = Progress(
            stage="train", done=share * total, total=total,
            unit="seconds" if self.limit.seconds else "percent", seconds=self.state.total_seconds,
            message=f"{stage.name}, step {self.state.step}, loss {loss:.3f}", preview=preview,
        )  # fmt: skip
        try:
            self.on_progress(progress)
        except Cancelled as error:
            self._cancelled = error

    def _now_and_then(self, run: Run, sampler: PairSampler) -> None:
        now = time.monotonic()
        if now - self._sampled > SAMPLE_EVERY:
            self._show(run, sampler)
        if now - self._logged > LOG_EVERY:
            self._log()
        if now - self._saved > max(CHECKPOINT_EVERY, self._saving / SAVING_SHARE):
            self._save(run)

    # -- how long ------------------------------------------------------------------------------------------------

    def _share(self, stage: Stage | FaceStage) -> float:
        return stage.share / sum(s.share for s in self.stages[self.beginning.stage :])

    def _steps(self, stage: Stage | FaceStage, sampler: PairSampler) -> int | None:
        """Steps of a stage; None when seconds decide."""
        if self.limit.steps is not None:
            return max(1, round(self.limit.steps * self._share(stage)))
        if self.limit.seconds is not None:
            return None
        return max(1, stage.epochs * len(sampler) // (stage.batch * self.execution.ranks))

    def _progress(self, stage: Stage | FaceStage, target: int | None) -> float:
        if target is not None:
            return self.state.step / target
        assert self.limit.seconds is not None
        return min(1.0, self.state.seconds / (self.limit.seconds * self._share(stage)))

    def _over(self, stage: Stage | FaceStage, target: int | None) -> bool:
        return self._progress(stage, target) >= 1.0

    # -- state ---------------------------------------------------------------------------------------------------

    def _make_run(self, stage: Stage | FaceStage) -> FrameRun | FaceRun:
        torch.manual_seed(self.seed + self.state.stage)
        before = self._stage_before()
        painter = None if before is None else place(Painter(before.generator), self.execution.device)
        if before is not None and painter is not None:
            painter.load_state_dict(self.state.done["painter"])
        if isinstance(stage, FaceStage):
            assert painter is not None
            run = FaceRun(stage, self.recipe, painter, self.perceptual, self.execution)
            run.start_from(self.state.done)
            return run
        start = FrameRun(stage, self.recipe, self.perceptual, self.execution)
        if before is not None and painter is not None:
            discriminator = None
            if before.discriminator is not None and before.adversarial and "discriminator" in self.state.done:
                discriminator = MultiScaleDiscriminator(before.discriminator)
                discriminator.load_state_dict(self.state.done["discriminator"])
            start.start_from(painter, discriminator)
        return start

    def _stage_before(self) -> Stage | None:
        """The stage whose painter the present one takes up; None when it starts from nothing."""
        if "painter" not in self.state.done:
            return None
        if self.state.stage == self.beginning.stage and self.beginning.of is not None:
            return self.beginning.of
        trained = [stage for stage in self.stages[: self.state.stage] if isinstance(stage, Stage)]
        return trained[-1]

    def _save(self, run: Run | None) -> None:
        began = time.monotonic()
        if self.execution.leads:
            state = {"state": dict(vars(self.state)), "run": None if run is None else run.state()}
            save_checkpoint(self.checkpoint, state)
        self._saved = time.monotonic()
        self._saving = self._saved - began
        self._log()

    def _subject(self, stage: Stage | FaceStage) -> Subject:
        height = stage.height if isinstance(stage, Stage) else self.recipe.final.height
        if height not in self._subjects:
            # Before the first step a stop ends all; later ones end the learning, with a usable person.
            told = ignore_progress if self.state.steps or not self.execution.leads else self.on_progress
            with self.execution.leader_first():
                self._subjects[height] = open_subject(
                    self.workspace, self.recipe, height, self.frames, seed=self.seed, on_progress=told
                )
        return self._subjects[height]

    # -- results -------------------------------------------------------------------------------------------------

    def _person(self, weights: Weights) -> Person:
        """The person as far as they were learned: the recipe ends with the last stage that was begun."""
        reached = [s for s in self.stages[: self.state.stage + 1] if isinstance(s, Stage)]
        recipe = replace(self.recipe, stages=tuple(reached), face=self.recipe.face if "face" in weights else None)
        subject, manifest = self._subject(recipe.final), self.workspace.manifest
        # The paper's discriminators are kept, as its authors keep them: a later stage grows out of them.
        kept = weights if isinstance(recipe.framing, WholeFrame) else RENDERING_PARTS
        parts = {part: tensors for part, tensors in weights.items() if part in kept}
        trained = {
            "steps": self.state.steps, "seconds": round(self.state.total_seconds, 2), "seed": self.seed,
            "frames": [self.frames[0], self.frames[-1] + 1], "losses": self.state.losses,
            "stages": [stage.name for stage in self.stages[: self.state.stage + 1]], **self.notes,
        }  # fmt: skip
        return Person(
            recipe=recipe.to_dict(),
            weights={f"{part}.{name}": value for part, tensors in parts.items() for name, value in tensors.items()},
            plate=self.workspace.plate, poses=self.workspace.poses, bank=subject.bank, scale=subject.scale,
            crop_size=subject.footage.size, body_height=subject.body_height, consent=manifest.consent,
            source_sha256=manifest.source_sha256, trained=trained,
        )  # fmt: skip

    def _show(self, run: Run, sampler: PairSampler) -> None:
        stage = self.stages[self.state.stage]
        sheet = self.journal.show(run, sampler, self.execution.device, self.state.steps, stage.name)
        if sheet is not None:
            self._report(stage, self._steps(stage, sampler), sheet)
        self._sampled = time.monotonic()

    def _log(self) -> None:
        stage = self.stages[min(self.state.stage, len(self.stages) - 1)]
        self.journal.write(self.state.steps, self.state.total_seconds, stage.name, self.state.losses)
        self._logged = time.monotonic()


def _drawn_ahead(sampler: PairSampler, size: int, start: int, execution: Execution) -> Generator[Batch]:
    """Batches from step ``start`` on, the next one drawn in a thread while the present one is learned from."""

    def draw(step: int) -> Batch:
        return sampler.batch(step, size, rank=execution.rank, ranks=execution.ranks)

    return read_ahead(map(draw, count(start)), depth=1)
