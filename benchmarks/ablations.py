"""The paper's ablations (FBF, FBF+TS, FBF+TS+FG) at toy width on the bundled footage, in one table.

    python benchmarks/ablations.py [--terms] [--video VIDEO] [--seconds 90] [--work build/ablations]

The global and local stages of each ablation and the face stage of the last are trained for ``--seconds`` each on the
first part of the clip and judged on its held-out tail, whose poses drive the rendering. ``--terms`` adds FBF+TS without
its perceptual and without its feature-matching term. What is finished is kept in ``--work``: killed, the same command
goes on. LPIPS on AlexNet stands in for the VGG loss, which would take most of the time at this size, and rates are five
times the paper's, since a few hundred steps have to do; both are compared on LPIPS with VGG16, which nothing was
trained on. Numbers tell whether parts work, not how good the full size gets.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from dancedouble import pipeline
from dancedouble.devices import choose_device
from dancedouble.evaluation.frame_metrics import load_lpips, lpips, ssim, zip_frames
from dancedouble.evaluation.protocol import Split, hold_out_tail
from dancedouble.perception import load_perceptual
from dancedouble.person import Person, load_person, save_person
from dancedouble.recipe import Recipe
from dancedouble.synthesis import Synthesizer
from dancedouble.training.beginning import begin_with
from dancedouble.training.execution import execution_on
from dancedouble.training.paper import Ablation, ablate, narrowed
from dancedouble.training.presets import preset
from dancedouble.training.trainer import Limit, Trainer
from dancedouble.workspace import Workspace, usable_in

SIDE, WIDTH, FASTER = 192, 16, 5.0
EVERY = 4
"""Only every so many test frames are measured; all are rendered, since each sees the one before."""
STAGES: tuple[tuple[str, Ablation, str], ...] = (
    ("FBF", "fbf", "edn-global"), ("FBF", "fbf", "edn-local"),
    ("FBF+TS", "fbf+ts", "edn-global"), ("FBF+TS", "fbf+ts", "edn-local"),
    ("FBF+TS+FG", "fbf+ts+fg", "edn"),
)  # fmt: skip
TERMS: tuple[tuple[str, Ablation, str], ...] = (
    ("no perceptual", "no-perceptual", "edn-global"), ("no perceptual", "no-perceptual", "edn-local"),
    ("no matching", "no-feature-matching", "edn-global"), ("no matching", "no-feature-matching", "edn-local"),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--terms", action="store_true")
    parser.add_argument("--video", type=Path, default=Path("examples/footage/B_casual.mp4"))
    parser.add_argument("--seconds", type=float, default=90)
    parser.add_argument("--work", type=Path, default=Path("build/ablations"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    consent = "a synthetic person of the bundled footage"
    workspace = Workspace(pipeline.prepare(arguments.video, arguments.work / "workspace", consent=consent).workspace)
    split = hold_out_tail(workspace.manifest.frames, workspace.manifest.fps)
    persons: dict[str, Path] = {}
    rows = STAGES + TERMS * arguments.terms
    for name, ablation, stage in rows:
        # The face stage goes on from the local stage of FBF+TS, of which it is the same training.
        start = persons.get("FBF+TS" if stage == "edn" else name)
        persons[name] = arguments.work / f"{name}-{stage}-{arguments.seconds:g}.safetensors"
        if not persons[name].is_file():
            learn(workspace, toy(ablation, stage), split, persons[name], start, arguments.seconds)
    print(f"`{arguments.video.name}` (synthetic): {len(split.train)} frames learned, {len(split.test)} held out\n")
    print(
        "| ablation | last stage | steps | body LPIPS vgg | alex | SSIM | face LPIPS vgg | alex | SSIM | change/frame |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, _, stage in rows:
        row(name, stage, arguments.work / f"{name}-{stage}-{arguments.seconds:g}.safetensors", workspace, split)


def toy(ablation: Ablation, stage: str) -> Recipe:
    """A preset at toy width, learning faster, with the cheap perceptual loss."""
    full = preset(stage)
    recipe = narrowed(ablate(full, ablation), width=WIDTH, blocks=3, downs=3, side=SIDE * full.final.height // 512)
    stages = tuple(replace(s, learning_rate=s.learning_rate * FASTER, share=1.0) for s in recipe.stages)
    face = recipe.face and replace(recipe.face, learning_rate=recipe.face.learning_rate * FASTER)
    return replace(recipe, stages=stages, face=face, perceptual="lpips")


def learn(workspace: Workspace, recipe: Recipe, split: Split, output: Path, start: Path | None, seconds: float) -> None:
    """Train one stage into a person file."""
    device = choose_device("cpu")
    beginning = None if start is None else begin_with(load_person(start), recipe)
    outcome = Trainer(
        workspace, recipe, usable_in(workspace.manifest, (split.train.start, split.train.stop)),
        limit=Limit(seconds=seconds), seed=0, execution=execution_on(device),
        perceptual=load_perceptual(recipe.perceptual, device)[0], beginning=beginning,
    ).run()  # fmt: skip
    save_person(output, outcome.person)


def row(name: str, stage: str, path: Path, workspace: Workspace, split: Split) -> None:
    """Render the held-out poses and print their means; ``change/frame`` is the flicker beyond the truth's own."""
    kept = path.with_suffix(".json")
    person = load_person(path)
    if not kept.is_file():
        kept.write_text(json.dumps(measure(person, workspace, split)))
    measured = json.loads(kept.read_text())
    cells = " | ".join(f"{value:.3f}" for value in measured)
    print(
        f"| {name} | {stage.replace('edn-', '').replace('edn', 'face')} | {person.trained['steps']} | {cells} |",
        flush=True,
    )


def measure(person: Person, workspace: Workspace, split: Split) -> list[float]:
    """Body and face LPIPS (VGG16, AlexNet) and SSIM, then mean |Δresult − Δtruth| of the body in grey levels."""
    poses = workspace.poses[split.test.start : split.test.stop]
    frames = [finished.frame for finished in Synthesizer(person, torch.device("cpu")).frames(poses)]
    truths = [workspace.frame(index) for index in split.test]
    distances = {"vgg": load_lpips("vgg"), "alex": load_lpips("alex")}
    values: dict[str, list[float]] = {}
    for pair in islice(zip_frames(frames, truths, poses), 0, None, EVERY):
        for region, box in (("body", pair.body), ("face", pair.face)):
            if box is None:
                continue
            result, truth = box.crop(pair.result), box.crop(pair.truth)
            for name, distance in distances.items():
                values.setdefault(f"{region}.{name}", []).append(lpips(result, truth, distance))
            values.setdefault(f"{region}.ssim", []).append(ssim(result, truth))
    motion = [
        np.abs((b.astype(float) - a) - (d.astype(float) - c))[workspace.mask(split.test[i]) > 127].mean()
        for i, (a, b, c, d) in enumerate(zip(frames, frames[1:], truths, truths[1:], strict=False))
    ]
    names = [f"{region}.{metric}" for region in ("body", "face") for metric in ("vgg", "alex", "ssim")]
    return [*(float(np.mean(values[each])) for each in names), float(np.mean(motion))]


if __name__ == "__main__":
    main()
