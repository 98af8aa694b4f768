"""The training loop: stages one after the other, within a budget, resumable after any kill."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dancedouble.checkpoint import load_checkpoint, save_checkpoint
from dancedouble.dataset import Batch, PairSampler, tensor_to_picture
from dancedouble.devices import place
from dancedouble.errors import Cancelled
from dancedouble.media.image import write_image
from dancedouble.models.losses import Distance
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.progress import OnProgress, Progress
from dancedouble.recipe import FaceStage, Recipe, Stage
from dancedouble.subject import Subject, open_subject
from dancedouble.training.runs import FaceRun, FrameRun, Run, learning_rate
from dancedouble.workspace import Workspace

CHECKPOINT_EVERY = 45.0
"""Seconds between checkpoints: what a kill can cost."""
SAMPLE_EVERY = 20.0
"""Seconds between sample pictures."""
SAMPLES = 4


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
    done: dict[str, Any] = field(default_factory=dict)
    """Weights that finished stages left: ``painter`` and ``face``."""


class Trainer:
    """Learns one subject. ``run`` does the whole of it, from the last checkpoint where there is one."""

    def __init__(
        self, workspace: Workspace, recipe: Recipe, frames: list[int], *, limit: Limit, seed: int,
        device: torch.device, perceptual: Distance | None, on_progress: OnProgress,
    ) -> None:  # fmt: skip
        self.workspace, self.recipe, self.frames = workspace, recipe, frames
        self.limit, self.seed, self.device = limit, seed, device
        self.perceptual, self.on_progress = perceptual, on_progress
        self.stages: list[Stage | FaceStage] = [*recipe.stages, *([recipe.face] if recipe.face else [])]
        self.state = _State()
        self._saved = self._sampled = time.monotonic()
        self._subjects: dict[int, Subject] = {}

    @property
    def checkpoint(self) -> Path:
        """One file per recipe, footage range, seed and limit: another request never takes up this one's state."""
        key = json.dumps([self.recipe.to_dict(), self.frames, self.seed, self.limit.seconds, self.limit.steps])
        return self.workspace.training / f"{self.recipe.preset}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.pt"

    def run(self) -> Outcome:
        """Train through all stages, or as far as a cancel lets it: the person is usable either way."""
        saved = load_checkpoint(self.checkpoint)
        if saved is not None:
            self.state = _State(**saved["state"])
        stopped = False
        while self.state.stage < len(self.stages) and not stopped:
            stopped = self._run_stage(saved["run"] if saved else None)
            saved = None
        self._write_log()
        return Outcome(
            person=self._person(), steps=self.state.steps, seconds=self.state.total_seconds, stopped=stopped,
            losses=self.state.losses,
        )  # fmt: skip

    def _run_stage(self, saved: dict[str, Any] | None) -> bool:
        """Run the present stage to its end; True when it was cancelled."""
        stage = self.stages[self.state.stage]
        run = self._make_run(stage)
        if saved is not None:
            run.restore(saved)
        sampler = self._subject(stage).sampler
        target = self._steps(stage, sampler)
        stopped = False
        try:
            with _prefetched(sampler, stage.batch, self.state.step) as batches:
                while not self._over(stage, target):
                    self._step(stage, run, next(batches), target)
                    self._now_and_then(run, sampler)
        except Cancelled:
            stopped = True
        self._keep(run)
        if stopped:
            self._save(run)
            return True
        self.state.stage, self.state.step, self.state.seconds = self.state.stage + 1, 0, 0.0
        self._save(None)
        return False

    def _step(self, stage: Stage | FaceStage, run: Run, batch: Batch, target: int | None) -> None:
        began = time.monotonic()
        progress = self._progress(stage, target)
        random = np.random.default_rng([self.seed, self.state.stage, self.state.step])
        rate = learning_rate(stage, self.state.step, progress)
        losses = run.step(batch.to(self.device), rate, random)
        self.state.losses = losses or self.state.losses
        self.state.step += 1
        self.state.steps += 1
        spent = time.monotonic() - began
        self.state.seconds += spent
        self.state.total_seconds += spent
        self._report(stage, target)

    def _report(self, stage: Stage | FaceStage, target: int | None, preview: Path | None = None) -> None:
        overall = sum(s.share for s in self.stages[: self.state.stage]) + stage.share * self._progress(stage, target)
        share = min(overall / sum(s.share for s in self.stages), 1.0)
        loss = sum(self.state.losses.values())
        total = self.limit.seconds or 100.0
        self.on_progress(
            Progress(
                stage="train", done=share * total, total=total,
                unit="seconds" if self.limit.seconds else "percent", seconds=self.state.total_seconds,
                message=f"{stage.name}, step {self.state.step}, loss {loss:.3f}", preview=preview,
            )
        )  # fmt: skip

    def _now_and_then(self, run: Run, sampler: PairSampler) -> None:
        if time.monotonic() - self._sampled > SAMPLE_EVERY:
            stage = self.stages[self.state.stage]
            self._report(stage, self._steps(stage, sampler), self._write_samples(run, sampler))
            self._sampled = time.monotonic()
        if time.monotonic() - self._saved > CHECKPOINT_EVERY:
            self._save(run)

    # -- how long ------------------------------------------------------------------------------------------------

    def _share(self, stage: Stage | FaceStage) -> float:
        return stage.share / sum(s.share for s in self.stages)

    def _steps(self, stage: Stage | FaceStage, sampler: PairSampler) -> int | None:
        """Steps of a stage; None when seconds decide."""
        if self.limit.steps is not None:
            return max(1, round(self.limit.steps * self._share(stage)))
        if self.limit.seconds is not None:
            return None
        return max(1, stage.epochs * len(sampler) // stage.batch)

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
        if isinstance(stage, FaceStage):
            return FaceRun(stage, self.recipe, self._finished_painter(), self.perceptual, self.device)
        run = FrameRun(stage, self.recipe, self.perceptual, self.device)
        if "painter" in self.state.done:
            run.start_from(self._finished_painter())
        return run

    def _finished_painter(self) -> Painter:
        trained = [stage for stage in self.stages[: self.state.stage] if isinstance(stage, Stage)]
        painter = Painter((trained[-1] if trained else self.recipe.final).generator)
        painter.load_state_dict(self.state.done["painter"])
        return place(painter, self.device)

    def _keep(self, run: Run) -> None:
        """Put a stage's result where the person file and the next stage take it from."""
        if isinstance(run, FrameRun):
            self.state.done["painter"] = _copied(run.kept().state_dict())
        elif isinstance(run, FaceRun):
            self.state.done["face"] = _copied(run.generator.state_dict())

    def _save(self, run: Run | None) -> None:
        state = dict(vars(self.state))
        save_checkpoint(self.checkpoint, {"state": state, "run": None if run is None else run.state()})
        self._saved = time.monotonic()
        self._write_log()

    def _subject(self, stage: Stage | FaceStage) -> Subject:
        height = stage.height if isinstance(stage, Stage) else self.recipe.final.height
        if height not in self._subjects:
            self._subjects[height] = open_subject(self.workspace, self.recipe, height, self.frames, seed=self.seed)
        return self._subjects[height]

    # -- results -------------------------------------------------------------------------------------------------

    def _person(self) -> Person:
        subject, manifest = self._subject(self.recipe.final), self.workspace.manifest
        weights = {
            f"{part}.{name}": tensor for part, tensors in self.state.done.items() for name, tensor in tensors.items()
        }
        trained = {
            "steps": self.state.steps, "seconds": round(self.state.total_seconds, 2), "seed": self.seed,
            "frames": [self.frames[0], self.frames[-1] + 1], "losses": self.state.losses,
            "stages": [stage.name for stage in self.stages[: self.state.stage + 1]],
        }  # fmt: skip
        return Person(
            recipe=self.recipe.to_dict(), weights=weights, plate=self.workspace.plate, poses=self.workspace.poses,
            bank=subject.bank, scale=subject.scale, crop_size=subject.footage.size, body_height=subject.body_height,
            consent=manifest.consent, source_sha256=manifest.source_sha256, trained=trained,
        )  # fmt: skip

    def _write_samples(self, run: Run, sampler: PairSampler) -> Path:
        """A sheet of real frames above painted ones, for people to watch it learn."""
        rows = np.linspace(0, len(sampler) - 1, SAMPLES).astype(int)
        columns = []
        for first, second in (sampler.pairs[i] for i in rows):
            batch = sampler.pair(first, second)
            painted = tensor_to_picture(run.pictures(batch.to(self.device))[0])
            columns.append(np.concatenate([tensor_to_picture(batch.image[0, 1]), painted]))
        path = self.workspace.training / "samples.png"
        write_image(path, np.concatenate(columns, axis=1))
        return path

    def _write_log(self) -> None:
        """Append where training is to ``training/log.jsonl``: for curves."""
        row = {
            "steps": self.state.steps, "seconds": round(self.state.total_seconds, 3), "stage": self.state.stage,
            "losses": self.state.losses,
        }  # fmt: skip
        with (self.workspace.training / "log.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")


@contextmanager
def _prefetched(sampler: PairSampler, count: int, start: int) -> Iterator[Iterator[Batch]]:
    """Batches from step ``start`` on, the next one drawn in a thread while the present one is learned from."""
    with ThreadPoolExecutor(1) as thread:
        waiting: list[Future[Batch]] = [thread.submit(sampler.batch, start, count)]

        def batches() -> Iterator[Batch]:
            step = start
            while True:
                step += 1
                waiting.append(thread.submit(sampler.batch, step, count))
                yield waiting.pop(0).result()

        yield batches()


def _copied(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
