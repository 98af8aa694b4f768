"""Learning: resumable bit for bit, each network by its own optimiser, each stage from the one before."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dancedouble.checkpoint import save_checkpoint
from dancedouble.dataset import Batch, open_footage
from dancedouble.devices import choose_device
from dancedouble.errors import Cancelled, InputError, MissingExtraError, OutputError
from dancedouble.media.image import read_image
from dancedouble.models.losses import total
from dancedouble.models.painter import Painter
from dancedouble.progress import Progress
from dancedouble.recipe import Recipe, ReconstructionWeights, Stage
from dancedouble.subject import fill_bank, open_subject, plan_subject_windows
from dancedouble.synthesis import Synthesizer
from dancedouble.training import journal
from dancedouble.training import trainer as trainer_module
from dancedouble.training.beginning import Beginning
from dancedouble.training.execution import Descent
from dancedouble.training.face_run import FaceRun, seen_large
from dancedouble.training.paper import ablate
from dancedouble.training.presets import tiny
from dancedouble.training.runs import FrameRun, learning_rate
from dancedouble.training.step import paint_pair, reconstruction_objective
from dancedouble.workspace import Workspace
from training_world import CPU, perceptual, sampler_of, toy_figure, toy_paper, trainer

pytestmark = pytest.mark.usefixtures("one_thread")

STEPS = 9


class Killed(BaseException):
    """What a power cut is to the program."""


class Clock:
    """In place of the module ``time``: a quarter of a second goes by whenever it is asked."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.25
        return self.now


@pytest.fixture
def fresh(workspace: Workspace) -> Workspace:
    """The same workspace with no checkpoint in it."""
    for path in workspace.training.glob("*.pt"):
        path.unlink()
    return workspace


def weights_of(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def run_of(stage: Stage, recipe: Recipe) -> FrameRun:
    torch.manual_seed(0)
    return FrameRun(stage, recipe, perceptual(), CPU)


def face_run(workspace: Workspace) -> tuple[FaceRun, Batch]:
    recipe = toy_paper("edn", 128)
    assert recipe.face is not None
    stage = FrameRun(recipe.final, recipe, None, CPU)
    run = FaceRun(recipe.face, recipe, stage.painter, perceptual(), CPU)
    return run, sampler_of(workspace, recipe, recipe.final.height).batch(0, 2)


# -- resuming -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recipe", [tiny(64), toy_paper("edn")], ids=["tiny", "edn"])
def test_a_killed_run_goes_on_bit_for_bit(fresh: Workspace, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trainer(fresh, recipe, steps=STEPS).run()
    for path in fresh.training.glob("*.pt"):
        path.unlink()
    monkeypatch.setattr(trainer_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(trainer_module, "SAVING_SHARE", 1e9)
    deaths, steps = 0, 0

    def die_often(progress: Progress) -> None:
        nonlocal steps
        steps += 1
        if steps % 4 == 0:
            raise Killed

    while True:
        try:
            pieces = trainer(fresh, recipe, steps=STEPS, on_progress=die_often).run()
            break
        except Killed:
            deaths += 1
    assert deaths >= 2
    assert pieces.steps == whole.steps
    assert same(pieces.person.weights, whole.person.weights)
    assert pieces.losses == whole.losses


def test_a_run_goes_on_in_another_precision() -> None:
    kept = {}
    for half in (None, torch.bfloat16, torch.float16):
        layer = torch.nn.Linear(3, 1)
        descent = Descent(layer, 1e-3, (0.5, 0.9), replace(CPU, half=half))
        descent.step(layer(torch.ones(1, 3)).sum(), 1e-3)
        kept[half] = descent.state()
    for half in kept:
        for state in kept.values():
            descent = Descent(torch.nn.Linear(3, 1), 1e-3, (0.5, 0.9), replace(CPU, half=half))
            descent.restore(state)
            assert descent.state()["adam"]["state"][0]["step"] == 1


def test_equal_runs_give_equal_weights_and_another_seed_others(fresh: Workspace) -> None:
    runs = []
    for seed in (3, 3, 4):
        for path in fresh.training.glob("*.pt"):
            path.unlink()
        runs.append(trainer(fresh, tiny(64), steps=4, seed=seed).run().person.weights)
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


def test_a_finished_run_is_answered_from_its_checkpoint(fresh: Workspace) -> None:
    first = trainer(fresh, tiny(64), steps=4).run()

    def never(progress: Progress) -> None:
        raise AssertionError("it trains again")

    again = trainer(fresh, tiny(64), steps=4, on_progress=never).run()
    assert same(again.person.weights, first.person.weights) and again.steps == first.steps


@pytest.mark.parametrize("stop_after", [2, 6, 11])
def test_a_cancel_leaves_a_person_that_renders_and_a_run_that_goes_on(fresh: Workspace, stop_after: int) -> None:
    """Also in the middle of the paper's first stage, when the later networks do not exist yet."""
    recipe = replace(toy_paper("edn"), perceptual=None)
    recipe = replace(recipe, stages=tuple(replace(s, share=1.0) for s in recipe.stages))
    recipe = replace(recipe, face=recipe.face and replace(recipe.face, share=1.0))
    steps = 0

    def stop(progress: Progress) -> None:
        nonlocal steps
        steps += 1
        if steps == stop_after:
            raise Cancelled("enough")

    half = trainer(fresh, recipe, steps=12, on_progress=stop).run()
    assert half.stopped and half.steps == stop_after
    poses = fresh.poses[:3]
    for frame in Synthesizer(half.person, choose_device("cpu")).frames(poses):
        assert frame.frame.shape == (*fresh.manifest.size, 3)
    on = trainer(fresh, recipe, steps=12).run()
    assert not on.stopped and on.steps == 12
    for path in fresh.training.glob("*.pt"):
        path.unlink()
    assert same(on.person.weights, trainer(fresh, recipe, steps=12).run().person.weights)


@pytest.mark.slow
def test_a_process_that_is_killed_goes_on_bit_for_bit(fresh: Workspace, tmp_path: Path) -> None:
    script = Path(__file__).with_name("train_until_killed.py")

    def start(folder: Path, output: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, str(script), str(folder), str(output)], env=environment)

    def clear() -> None:
        for path in fresh.training.glob("*.pt"):
            path.unlink()

    def checkpoints() -> list[Path]:
        return [path for path in fresh.training.glob("*.pt") if not path.name.startswith(".")]

    assert start(fresh.path, tmp_path / "whole.pt").wait(timeout=120) == 0
    clear()
    process = start(fresh.path, tmp_path / "pieces.pt")
    deadline = time.monotonic() + 90
    while not checkpoints() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "killed before it was done"
    assert not (tmp_path / "pieces.pt").exists()
    assert start(fresh.path, tmp_path / "pieces.pt").wait(timeout=120) == 0
    whole, pieces = (torch.load(tmp_path / name, weights_only=True) for name in ("whole.pt", "pieces.pt"))
    assert whole["first"] == 1 < pieces["first"], "it goes on, it does not begin anew"
    assert same(whole["weights"], pieces["weights"])


@pytest.mark.parametrize("killed_at", [None, ("reconstruct", 8), ("adversarial", 3)], ids=["never", "first", "second"])
def test_stages_share_the_seconds_and_a_kill_adds_none(
    fresh: Workspace, monkeypatch: pytest.MonkeyPatch, killed_at: tuple[str, int] | None
) -> None:
    """Every step takes a quarter of a second; the stages' shares of 4.9 s are 2.94, 0.98 and 0.98."""
    monkeypatch.setattr(trainer_module, "time", Clock())
    monkeypatch.setattr(trainer_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(trainer_module, "SAVING_SHARE", 1e9)
    reached: dict[str, int] = {}

    def count(progress: Progress) -> None:
        if progress.stage == "train":
            stage, step, _ = progress.message.split(", ")
            reached[stage] = int(step.removeprefix("step "))

    def die(progress: Progress) -> None:
        count(progress)
        if killed_at in reached.items():
            raise Killed

    if killed_at is not None:
        with pytest.raises(Killed):
            trainer(fresh, tiny(64), seconds=4.9, on_progress=die).run()
    outcome = trainer(fresh, tiny(64), seconds=4.9, on_progress=count).run()
    assert reached == {"reconstruct": 12, "adversarial": 4, "face": 4}
    assert (outcome.steps, outcome.seconds) == (20, pytest.approx(5.0))


def test_a_checkpoint_is_of_one_very_run(workspace: Workspace) -> None:
    frames = list(workspace.manifest.usable)
    other = Workspace(workspace.path)
    other.manifest = replace(other.manifest, source_sha256="of other footage")
    runs = [
        trainer(workspace, tiny(64), steps=4),
        trainer(workspace, tiny(64), steps=5),
        trainer(workspace, tiny(64), seconds=4),
        trainer(workspace, tiny(64), seconds=5),
        trainer(workspace, tiny(64), steps=4, seed=1),
        trainer(workspace, tiny(64), steps=4, frames=frames[:-1]),
        trainer(workspace, tiny(64), steps=4, frames=frames[:5] + frames[6:]),
        trainer(workspace, tiny(96), steps=4),
        trainer(workspace, tiny(64), steps=4, beginning=Beginning(identity="another")),
        trainer(workspace, tiny(64), steps=4, execution=replace(CPU, ranks=2)),
        trainer(other, tiny(64), steps=4),
    ]
    assert len({run.checkpoint for run in runs}) == len(runs)
    assert trainer(workspace, tiny(64), steps=4).checkpoint == runs[0].checkpoint


# -- who learns what --------------------------------------------------------------------------------------------


def test_one_optimiser_owns_each_parameter_once_at_every_stage(workspace: Workspace) -> None:
    for recipe in (tiny(64), toy_paper("edn")):
        for stage in recipe.stages:
            run = run_of(stage, recipe)
            networks = [n for n in (run.painter, run.discriminator) if n is not None]
            owned = [p for o in run.optimizers.values() for g in o.adam.param_groups for p in g["params"]]
            assert len(owned) == len(set(map(id, owned)))
            assert {id(p) for p in owned} == {id(p) for network in networks for p in network.parameters()}
    run, _ = face_run(workspace)
    owned = [p for o in run.optimizers.values() for g in o.adam.param_groups for p in g["params"]]
    assert len(owned) == len(set(map(id, owned)))
    assert {id(p) for p in owned} == {id(p) for n in (run.generator, run.discriminator) for p in n.parameters()}


@pytest.mark.parametrize("recipe", [tiny(64), toy_paper("edn-local")], ids=["tiny", "edn-local"])
def test_a_generator_step_changes_no_discriminator_weight_and_the_reverse(workspace: Workspace, recipe: Recipe) -> None:
    run = run_of(recipe.final, recipe)
    assert run.discriminator is not None
    batch = sampler_of(workspace, recipe, recipe.final.height).batch(0, 2)
    painter, discriminator = weights_of(run.painter), weights_of(run.discriminator)
    run.painter.train()
    terms, pictures = run._learn.generator_terms(batch, (0.5, 0.5))
    run.optimizers["painter"].step(total(terms), 1e-3)
    assert same(weights_of(run.discriminator), discriminator)
    assert all(parameter.grad is None for parameter in run.discriminator.parameters())
    learned = weights_of(run.painter)
    assert not same(learned, painter)
    run.optimizers["discriminator"].step(total(run._learn.discriminator_terms(batch, pictures)), 1e-3)
    assert same(weights_of(run.painter), learned)
    assert not same(weights_of(run.discriminator), discriminator)


def test_the_face_stage_changes_the_face_networks_alone(workspace: Workspace) -> None:
    run, batch = face_run(workspace)
    assert (batch.face[:, :, 0] >= 0).all(), "the doll shows its face"
    painter, generator = weights_of(run.painter), weights_of(run.generator)
    losses = run.step(batch, 1e-3, np.random.default_rng(0))
    assert set(losses) == {"face_adversarial", "face_perceptual", "face_real", "face_fake"}
    assert same(weights_of(run.painter), painter)
    assert not same(weights_of(run.generator), generator)
    faceless = batch._replace(face=torch.full_like(batch.face, -1))
    before = weights_of(run.generator)
    assert run.step(faceless, 1e-3, np.random.default_rng(0)) == {}
    assert same(weights_of(run.generator), before)


def test_small_faces_are_compared_large_and_from_place_to_place() -> None:
    shown: list[torch.Tensor] = []

    def distance(face: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        shown.append(face)
        assert face.shape == truth.shape
        return (face - truth).abs().mean()

    face = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    for corner in ((0.0, 0.0), (1.0, 0.3)):
        seen_large(distance, corner)(face, face)
    assert all(picture.shape == (1, 3, 128, 128) for picture in shown)
    assert (shown[0] - shown[1]).abs().mean() > 0.01
    torch.testing.assert_close(shown[0][..., 16:, 5:], shown[1][..., :-16, :-5])
    large = torch.rand(1, 3, 128, 128)
    seen_large(distance, (1.0, 1.0))(large, large)
    assert shown[-1] is large  # the paper's own faces as they are


def test_in_the_face_stage_too_each_step_changes_its_own_network_alone(workspace: Workspace) -> None:
    run, batch = face_run(workspace)
    networks = {"generator": run.generator, "discriminator": run.discriminator}
    changed: list[tuple[str, list[str]]] = []

    def watch(name: str, step: Callable[[Tensor, float], None]) -> Callable[[Tensor, float], None]:
        def watched(loss: Tensor, rate: float) -> None:
            before = {each: weights_of(network) for each, network in networks.items()}
            step(loss, rate)
            changed.append((name, [n for n, network in networks.items() if not same(before[n], weights_of(network))]))

        return watched

    for name, optimizer in run.optimizers.items():
        optimizer.step = watch(name, optimizer.step)  # type: ignore[method-assign]
    run.step(batch, 1e-3, np.random.default_rng(0))
    assert changed == [("generator", ["generator"]), ("discriminator", ["discriminator"])]


def test_the_face_stage_shows_the_second_frame_the_corrected_first(workspace: Workspace) -> None:
    """As rendering does. Each sample is corrected in its own box, and not where no face is seen."""
    run, batch = face_run(workspace)
    batch = batch._replace(face=batch.face.clone())
    batch.face[1, 0] = -1
    shown: list[Tensor | None] = []
    forward = run.painter.network.forward

    def remember(label: Tensor, previous: Tensor | None):  # type: ignore[no-untyped-def]
        shown.append(previous)
        return forward(label, previous)

    run.painter.network.forward = remember  # type: ignore[method-assign, assignment]
    painted = [picture for picture, _ in run._paint(batch)]
    assert shown[0] is None and shown[1] is not None
    top, left, bottom, right = batch.face[0, 0].tolist()
    inside = torch.zeros(batch.image.shape[-2:], dtype=torch.bool)
    inside[top:bottom, left:right] = True
    difference = (shown[1] - painted[0]).abs().sum(1)
    assert difference[0][inside].mean() > 0.01 and difference[0][~inside].max() == 0
    assert difference[1].max() == 0
    assert shown[1].abs().max() <= 1
    assert not any(frame.requires_grad for frame in painted)


def test_gradient_flows_through_the_first_frame_into_the_second(workspace: Workspace) -> None:
    """Equation 1: the second frame's loss teaches the first one too."""
    recipe = toy_paper("edn-global")
    batch = sampler_of(workspace, recipe).batch(0, 1)
    run = run_of(recipe.final, recipe)
    first: list[Tensor] = []
    forward = run.painter.network.forward

    def remember(label: Tensor, previous: Tensor | None):  # type: ignore[no-untyped-def]
        layers = forward(label, previous)
        layers.rgb.retain_grad()
        first.append(layers.rgb)
        return layers

    run.painter.network.forward = remember  # type: ignore[method-assign, assignment]
    _, pictures = run._learn.generator_terms(batch, (0, 0))
    pictures[1].square().mean().backward()
    assert first[0].grad is not None and first[0].grad.abs().max() > 0


# -- losses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["figure", "edn-local", "edn-local frame by frame"])
def test_batch_loss_is_the_mean_of_the_sample_losses(workspace: Workspace, name: str) -> None:
    recipe = toy_figure() if name == "figure" else toy_paper("edn-local")
    if name.endswith("frame"):
        recipe = ablate(recipe, "fbf")
    run = run_of(recipe.final, recipe)
    sampler = sampler_of(workspace, recipe, recipe.final.height)
    whole = sampler.batch(0, 4)
    samples = [Batch(*(None if v is None else v[i : i + 1] for v in whole)) for i in range(4)]

    def losses(batch: Batch) -> dict[str, float]:
        with torch.no_grad():
            terms, pictures = run._learn.generator_terms(batch, (0.3, 0.6))
            judged = run._learn.discriminator_terms(batch, pictures)
        return {name: float(value) for name, value in (terms | judged).items()}

    together, alone = losses(whole), [losses(sample) for sample in samples]
    assert {"adversarial", "feature_matching", "real", "fake"} <= set(together)
    for term, value in together.items():
        assert value == pytest.approx(np.mean([each[term] for each in alone]), rel=1e-4), term


def test_the_papers_stages_have_its_terms_alone(workspace: Workspace) -> None:
    recipe = toy_paper("edn-global")
    run = run_of(recipe.final, recipe)
    losses = run.step(sampler_of(workspace, recipe).batch(0, 1), 1e-4, np.random.default_rng(0))
    assert set(losses) == {
        "adversarial", "feature_matching", "perceptual", "discriminator_real", "discriminator_fake",
    }  # fmt: skip


def test_both_perceptual_terms_are_counted(workspace: Workspace) -> None:
    recipe = toy_paper("edn-global")
    stage = replace(recipe.final, reconstruction=ReconstructionWeights())
    losses = run_of(stage, recipe).step(sampler_of(workspace, recipe).batch(0, 1), 1e-4, np.random.default_rng(0))
    assert {"reconstruction_perceptual", "perceptual", "colour", "structure"} <= set(losses)


def test_the_papers_rate_is_constant_for_half_and_then_falls_to_nothing() -> None:
    stage = toy_paper("edn-global").final
    rates = [learning_rate(stage, 0, progress) for progress in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([2e-4, 2e-4, 2e-4, 1e-4, 0.0])


# -- what is learned from ---------------------------------------------------------------------------------------


def test_nobody_reaches_beyond_the_edge_of_a_reference(workspace: Workspace) -> None:
    footage = open_subject(workspace, tiny(), 64, list(workspace.manifest.usable), seed=0).footage
    filled = footage.crops.copy()
    filled[..., 3] = 255
    alpha = fill_bank(replace(footage, crops=filled), 4)[0].pictures[..., 3]
    assert alpha[:, 1:-1, 1:-1].min() == 255
    assert alpha[:, [0, -1]].max() == alpha[:, :, [0, -1]].max() == 0


def test_kept_crops_are_of_the_frames_that_are_asked_for(workspace: Workspace, tmp_path: Path) -> None:
    """Also where as many are asked for, from the same first to the same last."""
    usable = list(workspace.manifest.usable)
    windows = plan_subject_windows(workspace, tiny(), 64, usable)
    for left_out in usable[1:3]:
        frames = [frame for frame in usable[:6] if frame != left_out]
        kept = np.array(open_footage(workspace, windows, frames, tmp_path / "crops.npy").crops)
        for crop, frame in zip(kept, frames, strict=True):
            np.testing.assert_array_equal(crop[..., :3], windows[frame].cut(workspace.frame(frame)))
            np.testing.assert_array_equal(crop[..., 3], windows[frame].cut(workspace.mask(frame)))


def test_pairs_are_adjacent_in_time_and_each_comes_once_an_epoch(workspace: Workspace) -> None:
    recipe = toy_figure()
    frames = [i for i in workspace.manifest.usable if i not in (5, 6, 20)]
    sampler = open_subject(workspace, recipe, 64, frames, seed=1).sampler
    assert all(second == first + 1 for first, second in sampler.pairs)
    assert {4, 5, 6, 19, 20}.isdisjoint(first for first, _ in sampler.pairs)
    drawn: list[tuple[int, int]] = []
    sampler.pair = lambda first, second, random=None: drawn.append((first, second)) or _blank()  # type: ignore
    for step in range(2 * len(sampler)):
        sampler.batch(step, 1)
    halves = drawn[: len(sampler)], drawn[len(sampler) :]
    assert sorted(halves[0]) == sorted(halves[1]) == sorted(sampler.pairs)
    assert halves[0] != halves[1]


def _blank() -> Batch:
    return Batch(*[torch.zeros(1)] * 6, carry=None, face=torch.zeros(1, 2, 4))


@pytest.mark.parametrize("name", ["tiny", "figure"])
def test_a_tiny_model_overfits_four_pairs(workspace: Workspace, name: str) -> None:
    recipe = tiny(64) if name == "tiny" else toy_figure()
    stage = replace(recipe.stages[0], batch=4, ema=None)
    sampler = sampler_of(workspace, recipe)
    sampler.pairs = [sampler.pairs[i] for i in (0, 8, 16, 24)]
    batch = sampler.batch(0, 4)
    run = run_of(stage, recipe)

    def colour() -> float:
        run.painter.eval()
        with torch.no_grad():
            _, pictures = run._learn.generator_terms(batch, (0.5, 0.5))
            person = ((pictures[1] - batch.image[:, 1]).abs() * batch.mask[:, 1]).sum() / batch.mask[:, 1].sum() / 3
        return float(person)

    first = run.step(batch, 1e-9, np.random.default_rng(0))
    before = colour()
    rate = 1e-2 if name == "figure" else 4e-3
    for step in range(160):
        last = run.step(batch, rate * min(1.0, 2 - step / 80), np.random.default_rng(step))
    assert sum(last.values()) < 0.6 * sum(first.values())
    assert colour() < 0.6 * before


@pytest.mark.parametrize("temporal", [True, False])
def test_batch_norms_remember_the_frames_that_follow_another(workspace: Workspace, temporal: bool) -> None:
    recipe = tiny(64)
    painter = Painter(recipe.final.generator).train()
    batch = sampler_of(workspace, recipe).batch(0, 2)
    paint_pair(painter, batch, temporal=temporal)
    norms = [module for module in painter.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert {int(norm.num_batches_tracked) for norm in norms} == {1 if temporal else 2}  # type: ignore[arg-type]
    assert all(norm.track_running_stats for norm in norms)


# -- machinery --------------------------------------------------------------------------------------------------


def test_a_checkpoint_that_does_not_fit_on_the_disk_is_told(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"state\.pt: cannot be written"):
            save_checkpoint(tmp_path / "state.pt", {"weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


def test_gradient_checkpointing_learns_the_same(workspace: Workspace) -> None:
    recipe = toy_paper("edn-local")
    batch = sampler_of(workspace, recipe, recipe.final.height).batch(0, 1)
    results = []
    for save_memory in (False, True):
        torch.manual_seed(0)
        run = FrameRun(recipe.final, recipe, perceptual(), replace(CPU, save_memory=save_memory))
        run.step(batch, 1e-3, np.random.default_rng(0))
        results.append(weights_of(run.painter))
    assert same(*results)


def test_out_of_memory_turns_gradient_checkpointing_on_once(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    step, tried = FrameRun.step, []

    def too_much(self: FrameRun, *arguments: object) -> dict[str, float]:
        tried.append(self.execution.save_memory)
        if not self.execution.save_memory:
            raise torch.OutOfMemoryError("2 GiB")
        return step(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FrameRun, "step", too_much)
    outcome = trainer(fresh, toy_paper("edn-global"), steps=3).run()
    assert tried == [False, True, True, True] and outcome.steps == 3


def test_memory_that_never_suffices_is_told(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def too_much(self: FrameRun, *arguments: object) -> dict[str, float]:
        raise torch.OutOfMemoryError("2 GiB")

    monkeypatch.setattr(FrameRun, "step", too_much)
    with pytest.raises(InputError, match=r"too little memory .* smaller --size"):
        trainer(fresh, toy_paper("edn-global"), steps=3).run()


def test_mixed_precision_learns_much_the_same(workspace: Workspace) -> None:
    recipe = toy_paper("edn-global")
    batch = sampler_of(workspace, recipe).batch(0, 1)
    losses = []
    for half in (None, torch.bfloat16):
        torch.manual_seed(0)
        run = FrameRun(recipe.final, recipe, perceptual(), replace(CPU, half=half))
        losses.append([sum(run.step(batch, 1e-4, np.random.default_rng(0)).values()) for _ in range(3)])
        assert all(p.dtype == torch.float32 for p in run.painter.parameters())
    assert losses[0] != losses[1]
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.05)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="room on the disk cannot be claimed here")
def test_crops_that_the_disk_has_no_room_for_are_refused_before_they_are_cut(
    fresh: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing into a mapped file on a full disk would end the process."""
    asked: list[int] = []

    def refuse(number: int) -> None:
        def claim(file: int, offset: int, length: int) -> None:
            asked.append(length)
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "posix_fallocate", claim)

    before = set(fresh.training.iterdir())
    refuse(errno.ENOSPC)
    with pytest.raises(
        OutputError, match=r"/training: the disk is full, [\d.]+ MB are needed and [\d,.]+ MB are free;"
    ):
        sampler_of(fresh, toy_figure(), 48)
    assert asked[0] > len(fresh.manifest.usable) * 48 * 4, "less than one column of every crop"
    assert set(fresh.training.iterdir()) == before
    refuse(errno.EOPNOTSUPP)
    assert len(sampler_of(fresh, toy_figure(), 48)), "not every file system can claim room"


def test_a_log_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(OutputError, match=r"log\.jsonl: cannot be written \(Is a directory\)"):
        journal.Journal(tmp_path, tensorboard=False, kept=True).write(1, 0.5, "first", {"l1": 0.25})


def test_the_log_has_every_term_and_the_samples_a_row_of_each(fresh: Workspace) -> None:
    (fresh.training / "log.jsonl").unlink(missing_ok=True)
    recipe = toy_paper("edn-global")
    outcome = trainer(fresh, recipe, steps=3).run()
    last = json.loads((fresh.training / "log.jsonl").read_text().splitlines()[-1])
    assert last["steps"] == 3 and last["losses"] == outcome.losses and last["stage"] == "global"
    height, width, _ = read_image(fresh.training / "samples.png").shape
    size = outcome.person.crop_size
    assert (height, width) == (2 * size[0], 4 * size[1])


def test_tensorboard_gets_curves_and_samples_or_names_its_package(
    fresh: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"dancedouble\[tensorboard\]"):
        trainer(fresh, tiny(64), steps=2, tensorboard=True)


def test_the_board_gets_every_term_and_a_sheet_of_samples(fresh: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package: what is handed to it."""
    board = Board()
    monkeypatch.setattr(journal, "_open_board", lambda folder: board)
    outcome = trainer(fresh, toy_paper("edn-global"), steps=3, tensorboard=True).run()
    assert board.scalars.keys() == {f"global/{name}" for name in outcome.losses} and board.closed
    assert {name: points[-1] for name, points in board.scalars.items()} == {
        f"global/{name}": (3, value) for name, value in outcome.losses.items()
    }
    assert [sheet.shape for sheet in board.sheets] == [read_image(fresh.training / "samples.png").shape]


class Board:
    """Takes down what a SummaryWriter is given."""

    def __init__(self) -> None:
        self.scalars: dict[str, list[tuple[int, float]]] = {}
        self.sheets: list[np.ndarray] = []  # type: ignore[type-arg]
        self.closed = False

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars.setdefault(name, []).append((step, value))

    def add_image(self, name: str, picture: np.ndarray, step: int, dataformats: str) -> None:  # type: ignore[type-arg]
        assert dataformats == "HWC" and picture.dtype == np.uint8
        self.sheets.append(picture)

    def close(self) -> None:
        self.closed = True


def test_tensorboard_writes_events(fresh: Workspace) -> None:
    pytest.importorskip("tensorboard")
    trainer(fresh, toy_paper("edn-global"), steps=2, tensorboard=True).run()
    events = list((fresh.training / "tensorboard").glob("events.*"))
    data = events[0].read_bytes()
    assert b"global/feature_matching" in data and b"real above, painted below" in data


def test_ema_is_optional_and_costs_nothing_when_off() -> None:
    recipe = toy_paper("edn-global")
    assert run_of(recipe.final, recipe).mean is None
    with_mean = run_of(replace(recipe.final, ema=0.9), recipe)
    assert with_mean.mean is not None and with_mean.kept() is with_mean.mean


def test_reconstruction_that_weighs_nothing_computes_nothing() -> None:
    nothing = ReconstructionWeights(colour=0, structure=0, perceptual=0, matting=0)
    assert reconstruction_objective([], [], _blank(), nothing, None, (0, 0)) == {}


def test_a_face_is_corrected_as_far_as_it_is_seen_as_in_rendering(workspace: Workspace) -> None:
    recipe = tiny(128)
    assert recipe.face is not None
    run = FaceRun(recipe.face, recipe, FrameRun(recipe.final, recipe, None, CPU).painter, None, CPU)
    batch = sampler_of(workspace, recipe, 128).batch(0, 2)
    last = [module for module in run.generator.modules() if isinstance(module, torch.nn.Conv2d)][-1]
    assert last.bias is not None
    torch.nn.init.constant_(last.bias, 1.0)
    for frame, (picture, alpha) in enumerate(run._paint(batch)):
        assert alpha is not None
        change = run._correct(batch, picture, alpha, frame) - picture
        assert change.max() > 0.5 and (change <= alpha + 1e-6).all()
