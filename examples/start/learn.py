"""Learn what ``swift`` begins with: a generator that has seen a crowd of synthetic people, and nobody real.

    cd examples/footage && python -m make render $(seq -f crowd-%g 0 19) --output CROWD && cd ../..
    python examples/start/learn.py CROWD --work build/start --minutes 60

Every step learns from two pairs of frames of one person, the next step from the next person; the light of each batch
is coloured anew. Only the first stage's losses, no discriminator: what is sharp about a person is theirs alone. Killed,
the same command goes on from its last checkpoint. The last line says where the file is: the package's own unless
``--out`` names another.

The one in the package took five calls on one thread of an AMD EPYC. In the first two ``swift`` was shown three
references: 58 minutes (4,556 steps) with one gap of 0.15 s, then 16 (1,483 steps) with ``--begin`` and the gaps below.
What looked at the second reference was cut out of that, and three calls with ``--begin`` followed: 35 minutes (3,228
steps), 28 (2,794 steps) when poses were smoothed by parabolas and forearms before the trunk kept their pixels, and 30
(3,416 steps) with what corrects the blended picture, on poses found by the heavy network.
"""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dancedouble import pipeline
from dancedouble.checkpoint import load_checkpoint, save_checkpoint
from dancedouble.dataset import Batch, PairSampler
from dancedouble.models.painter import Painter
from dancedouble.overlap import read_ahead
from dancedouble.perception import load_perceptual
from dancedouble.subject import open_subject
from dancedouble.training.execution import execution_on
from dancedouble.training.presets import swift
from dancedouble.training.runs import FrameRun, learning_rate
from dancedouble.training.start import read_start, save_start
from dancedouble.workspace import Workspace

SAVE_EVERY = 300.0
"""Seconds between checkpoints."""
GAPS = (0.3, 1.0, 3.0)
"""Seconds, in turn, within which nothing of a person is shown: a dance has no picture of a moment before."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crowd", type=Path, help="folder of the crowd's clips")
    parser.add_argument("--work", type=Path, default=Path("build/start"), help="keeps workspaces and the checkpoint")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--begin", type=Path, help="go on from an earlier start, in place of fresh weights")
    parser.add_argument("--threads", type=int, help="of PyTorch; as many as there are cores unless given")
    parser.add_argument("--out", type=Path, default=Path("src/dancedouble/training/start.safetensors"))
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = replace(swift(), start=None)
    people = [
        open_subject(workspace, recipe, recipe.final.height, list(workspace.manifest.usable), seed=0).sampler
        for workspace in [seen(clip, arguments.work) for clip in sorted(arguments.crowd.glob("crowd-*.mp4"))]
    ]
    samplers = [apart(person, gap) for gap in GAPS for person in people]
    print(f"{len(people)} people, {sum(len(person) for person in people)} pairs of frames", flush=True)
    torch.manual_seed(0)
    execution = execution_on(torch.device("cpu"))
    stage = recipe.stages[0]
    run = FrameRun(stage, recipe, load_perceptual(recipe.perceptual, execution.device)[0], execution)
    if arguments.begin is not None:
        painter = Painter(stage.generator)
        painter.load_state_dict(read_start(arguments.begin).weights, strict=False)  # parts it lacks begin fresh
        run.start_from(painter, None)
    begun = "nothing" if arguments.begin is None else arguments.begin.stem
    learn(run, samplers, 60 * arguments.minutes, arguments.work / f"begun-with-{begun}.pt")
    save_start(arguments.out, run.kept())
    print(f"{arguments.out}: {run.steps} steps, {arguments.out.stat().st_size / 1e6:.1f} MB")


def seen(clip: Path, work: Path) -> Workspace:
    """The workspace of a clip, made once."""
    made = pipeline.prepare(clip, work / clip.stem, consent="a synthetic person of examples/footage/make/crowd.py")
    return Workspace(made.workspace)


def apart(person: PairSampler, gap: float) -> PairSampler:
    """The same person's pairs, shown pictures that are more than ``gap`` seconds away."""
    assert person.chooser is not None
    chooser = replace(person.chooser, gap_seconds=gap)
    return PairSampler(person.footage, person.pairs, person.conditioner, chooser, seed=person.seed)


def learn(run: FrameRun, samplers: list[PairSampler], seconds: float, checkpoint: Path) -> None:
    """Step after step until ``seconds`` of them are spent, in this process or in earlier ones."""
    step, spent = 0, 0.0
    if (saved := load_checkpoint(checkpoint)) is not None:
        run.restore(saved["run"])
        step, spent = saved["step"], saved["spent"]
    kept = time.monotonic()

    def draw(number: int) -> Batch:
        random = np.random.default_rng([1, number])
        batch = samplers[number % len(samplers)].batch(number // len(samplers), run.stage.batch)
        return recoloured(batch, random)

    with closing(read_ahead(map(draw, count(step)), depth=1)) as batches:
        while spent < seconds:
            batch = next(batches)
            began = time.monotonic()
            rate = learning_rate(run.stage, step, spent / seconds)
            losses = run.step(batch, rate, np.random.default_rng([2, step]))
            step, spent = step + 1, spent + time.monotonic() - began
            if step % 100 == 0:
                print(f"step {step}, {spent:.0f} s, loss {sum(losses.values()):.3f}", flush=True)
            if time.monotonic() - kept > SAVE_EVERY or spent >= seconds:
                save_checkpoint(checkpoint, {"run": run.state(), "step": step, "spent": spent})
                kept = time.monotonic()


def recoloured(batch: Batch, random: np.random.Generator) -> Batch:
    """The batch in another light: one gain and one offset for each colour, everywhere alike."""
    gain = torch.from_numpy((random.uniform(0.6, 1.1) * random.uniform(0.85, 1.15, 3)).astype(np.float32))
    offset = torch.from_numpy((random.uniform(-0.2, 0.1) + random.uniform(-0.05, 0.05, 3)).astype(np.float32))

    def lit(pictures: Tensor) -> Tensor:
        return (pictures * gain[:, None, None] + offset[:, None, None]).clamp(-1, 1)

    references, label = batch.references.clone(), batch.label.clone()
    references[:, :, :, :3] = lit(references[:, :, :, :3])
    label[:, :, -3:] = lit(label[:, :, -3:])  # the plate, small
    return batch._replace(image=lit(batch.image), plate=lit(batch.plate), references=references, label=label)


if __name__ == "__main__":
    main()
