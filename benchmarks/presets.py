"""What each preset costs: parameters, operations, memory, time.

    python benchmarks/presets.py [--measure [WHAT …]]

Without ``--measure`` nothing heavy runs: parameters are counted; operations and the most memory that tensors take at a
time are computed by running the real steps on PyTorch's meta device. With it, training steps and rendered frames run on
this CPU, each in a process of its own, one row each: up to 10 GB of free memory and a few minutes. Prints markdown;
benchmarks/ keeps a dated copy, docs/paper.md the table for people. Frames are noise, of the paper's sizes for its
presets (global 512 × 256, local 1024 × 512, face 128 × 128) and 256 × 192 for the others; float32 unless said.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from dancedouble.conditioning import MAP_STRIDE
from dancedouble.dataset import Batch
from dancedouble.description import describe_preset
from dancedouble.devices import place
from dancedouble.models.face import crop_faces, face_generator
from dancedouble.models.losses import Distance, face_discriminator_objective, total
from dancedouble.models.painter import Painter
from dancedouble.perception import load_perceptual
from dancedouble.recipe import LimbInput, Recipe
from dancedouble.rendering.face_box import face_side
from dancedouble.training.execution import Execution, Precision, execution_on
from dancedouble.training.presets import preset
from dancedouble.training.runs import FaceRun, FrameRun

META, CPU = torch.device("meta"), torch.device("cpu")
PRESETS = ("swift", "figure", "edn-global", "edn-local", "edn-face")
MEASUREMENTS = [f"{work} {name} {precision}" for name in PRESETS for work in ("step", "frame") for precision in
                ("full", "bf16") if precision == "full" or name.startswith("edn")]  # fmt: skip
GPU_FLOPS = 20e12
"""Operations a second that a GPU is assumed to sustain in mixed precision: an assumption, not a measurement."""
RATE = 2e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--measure", nargs="*", metavar="WHAT", choices=MEASUREMENTS, help="such as 'step edn-local full'"
    )
    parser.add_argument("--only", choices=MEASUREMENTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(*arguments.only.split())))
        return
    networks()
    computed()
    if arguments.measure is not None:
        measured(arguments.measure or MEASUREMENTS)


# -- what runs -------------------------------------------------------------------------------------------------


def size_of(recipe: Recipe) -> tuple[int, int]:
    """(height, width) of the pictures that numbers are given for."""
    size: tuple[int, int] = tuple(describe_preset(recipe)["size"])
    return size


def blank(recipe: Recipe, device: torch.device, count: int) -> Batch:
    """``count`` pairs of frames of noise, a face in the middle."""
    height, width = size_of(recipe)
    source = None if device.type == "meta" else torch.Generator().manual_seed(0)

    def noise(channels: int, height: int, width: int, *more: int) -> Tensor:
        return torch.rand(count, 2, *more, channels, height, width, generator=source, device=device) * 2 - 1

    limbs = recipe.conditioning if isinstance(recipe.conditioning, LimbInput) else None
    image, side = noise(3, height, width), face_side((height, width))
    top, left = (height - side) // 2, (width - side) // 2
    return Batch(
        label=noise(limbs.channels, height // MAP_STRIDE, width // MAP_STRIDE) if limbs else image,
        references=noise(4, height, width, limbs.references) if limbs else image.new_zeros(count, 2, 0, 4, 1, 1),
        image=image, mask=noise(1, height, width).abs(), plate=image.clone(), figure=image,
        carry=image.new_zeros(count, height, width, 2) if limbs else None,
        face=torch.tensor([top, left, top + side, left + side]).expand(count, 2, 4),
    )  # fmt: skip


def run_of(
    name: str, execution: Execution, perceptual: Distance | None
) -> tuple[FrameRun | FaceRun, Batch, list[nn.Module]]:
    """The stage that a preset is named after (of others, the last), its batch, and the networks it holds."""
    recipe = preset(name)
    with execution.device:
        if name != "edn-face":
            run = FrameRun(recipe.final, recipe, perceptual, execution)
            held = (run.painter, run.discriminator, run.mean)
            return run, blank(recipe, execution.device, recipe.final.batch), [each for each in held if each is not None]
        assert recipe.face is not None
        painter = place(Painter(recipe.final.generator), execution.device)
        face = FaceRun(recipe.face, recipe, painter, perceptual, execution)
    return face, blank(recipe, execution.device, recipe.face.batch), [face.generator, face.discriminator, painter]


def frame_of(name: str, device: torch.device) -> tuple[Callable[[], None], list[nn.Module]]:
    """Paints a frame with the generator and, for ``edn-face``, its face; no poses, no writing. And the networks."""
    recipe = preset(name)
    with device:
        painter = place(Painter(recipe.final.generator), device).eval()
        faces = (
            [place(face_generator(recipe.face.generator), device).eval()] if name == "edn-face" and recipe.face else []
        )
    batch = blank(recipe, device, 1)

    def paint() -> None:
        painted = painter(batch.label[:, 0], batch.references[:, 0], None).rgb.float()
        for face in faces:
            face(crop_faces(batch.figure[:, 0], batch.face[:, 0]), crop_faces(painted, batch.face[:, 0]))

    return paint, [painter, *faces]


# -- computed -------------------------------------------------------------------------------------------------


class Peak(TorchDispatchMode):
    """The most bytes that tensors made inside it take at one time, each storage once, until it is freed."""

    def __init__(self) -> None:
        super().__init__()
        self.most = self.now = 0
        self._seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        # What comes in and was not made here, such as a weight, is not counted when a view of it comes out.
        self._seen.update(storages((arguments, options)))
        found = function(*arguments, **(options or {}))
        for storage in storages(found):
            if storage not in self._seen:
                self._seen.add(storage)
                self.now += storage.nbytes()
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self._free, storage.nbytes())
        return found

    def _free(self, size: int) -> None:
        self.now -= size


def storages(values: Any) -> list[torch.UntypedStorage]:
    """Those of all tensors in a nested structure."""
    return [leaf.untyped_storage() for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def networks() -> None:
    """Parameters and operations of every network."""
    print("| preset | network | parameters | GFLOP per frame |\n|---|---|---|---|")
    for name in (*(each for each in PRESETS if not each.startswith("edn")), "edn"):
        for network, fact in describe_preset(preset(name))["networks"].items():
            print(f"| {name} | {network} | {fact['parameters']:,} | {fact['flops_per_frame'] / 1e9:.3g} |")


def computed() -> None:
    """One row per preset: operations and time, weights and moments, the most that everything else takes."""
    columns = ("computed, float32", "TFLOP a step", "weights, moments, GB", "+ the most besides, GB",
               "with --save-memory, GB", "s a step at 20 TFLOP/s", "to render, GB", "ms a frame")  # fmt: skip
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for name in PRESETS:
        flops = step_flops(name)
        (held, most), (_, spared) = (step_memory(name, save_memory) for save_memory in (False, True))
        rendering, painting = frame_cost(name)
        # The face stage has nothing to compute again: the painter is frozen.
        cells = [f"{flops / 1e12:.2f}", f"{held / 1e9:.2f}", f"{most / 1e9:.2f}",
                 f"{spared / 1e9:.2f}" if spared < most else "–", f"{flops / GPU_FLOPS:.3f}",
                 f"{rendering / 1e9:.2f}", f"{1000 * painting / GPU_FLOPS:.1f}"]  # fmt: skip
        print(f"| {name} | {' | '.join(cells)} |")


def meta_run(name: str, save_memory: bool) -> tuple[FrameRun | FaceRun, Batch, list[nn.Module]]:
    """A preset's run with no memory behind it, and all the networks there are."""
    distance, _ = load_perceptual(preset(name).perceptual, CPU)
    assert isinstance(distance, nn.Module)
    # Small networks are run for real: SSIM asks for a device that autocast knows.
    device = META if name.startswith("edn") else CPU
    run, batch, held = run_of(name, replace(execution_on(device), save_memory=save_memory), distance.to(device))
    return run, batch, [*held, distance]


def step_flops(name: str) -> int:
    """Operations of a training step."""
    run, batch, _ = meta_run(name, False)
    with FlopCounterMode(display=False) as counter:
        unmoved_step(run, batch)
    return int(counter.get_total_flops())


def step_memory(name: str, save_memory: bool) -> tuple[int, int]:
    """Bytes of weights and moments, most bytes of what a training step makes: gradients, activations."""
    run, batch, held = meta_run(name, save_memory)
    with Peak() as peak:
        unmoved_step(run, batch)
    weights = [p for network in held for p in network.parameters()]
    constant = sum(p.numel() * (12 if p.requires_grad else 4) for p in weights)
    return constant + sum(4 * b.numel() for network in held for b in network.buffers()), peak.most


def frame_cost(name: str) -> tuple[int, int]:
    """Bytes that rendering a frame takes at most, weights and all, and its operations."""
    paint, held = frame_of(name, META)
    with torch.no_grad(), Peak() as peak:
        paint()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        paint()
    return sum(4 * p.numel() for network in held for p in network.parameters()) + peak.most, counter.get_total_flops()


def unmoved_step(run: FrameRun | FaceRun, batch: Batch) -> None:
    """What ``run.step`` computes, up to the gradients: the meta device has no numbers to move weights with."""
    if isinstance(run, FrameRun):
        run.painter.train()
        terms, pictures = run._learn.generator_terms(batch, (0, 0))
        torch.autograd.backward(total(terms))
        if run.discriminator is not None:
            torch.autograd.backward(total(run._learn.discriminator_terms(batch, pictures)))
        return
    painted = run._paint(batch)
    crops = [run._crops(batch, painted[frame], frame) for frame in range(2)]
    fixed = [face + run.generator(label, face) for label, face, _ in crops]
    torch.autograd.backward(total(run._generator_terms(crops, fixed)))
    fakes = [run.discriminator(label, each.detach()) for (label, _, _), each in zip(crops, fixed, strict=True)]
    reals = [run.discriminator(label, truth) for label, _, truth in crops]
    torch.autograd.backward(total(face_discriminator_objective(fakes, reals)))


# -- measured --------------------------------------------------------------------------------------------------


def measured(what: list[str]) -> None:
    """Run each measurement in a fresh process, so that its peak memory is its own."""
    print(f"\nMeasured: {processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print(
        "| on this CPU | format | ms by the clock | ms of CPU | peak memory of the process, GB |\n|---|---|---|---|---|"
    )
    for each in what:
        done = subprocess.run([sys.executable, __file__, "--only", each], stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        print(f"| {found['what']} | {found['format']} | {1000 * found['clock']:,.0f} | {1000 * found['cpu']:,.0f} |"
              f" {found['gigabytes']:.1f} |", flush=True)  # fmt: skip


def processor() -> str:
    """The CPU's name, and the number formats it computes in."""
    info = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in info)}
    has = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in facts.get("flags", "").split()]
    return f"{facts.get('model name', platform.machine())} ({', '.join(has)})"


def measure(work: str, name: str, precision: Precision) -> dict[str, object]:
    """Of a training step the second of its process; of a rendered frame the best of five after the first."""
    torch.manual_seed(0)
    execution = execution_on(CPU, precision=precision)
    height, width = size_of(preset(name))
    said = f"{name} at {width} × {height}"
    if work == "step":
        distance, judge = load_perceptual(preset(name).perceptual, CPU)
        run, batch, _ = run_of(name, execution, distance)
        spent = [timed(lambda: finite(run.step(batch, RATE, np.random.default_rng(0)))) for _ in range(2)][-1]
        said = f"training step of {said}, {len(batch.image)} pair{'s' * (len(batch.image) > 1)}, {judge}"
    else:
        paint, _ = frame_of(name, CPU)
        with torch.inference_mode(), execution.autocast():
            paint()
            spent = min(timed(paint) for _ in range(5))
        said = f"frame of {said}"
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"what": said, "format": precision, "clock": spent[0], "cpu": spent[1], "gigabytes": gigabytes}


def finite(losses: dict[str, float]) -> None:
    """AssertionError unless the step came to numbers."""
    assert losses and all(np.isfinite(value) for value in losses.values()), losses


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU on all cores together, which other programs do not change."""
    began = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began[0], time.process_time() - began[1]


if __name__ == "__main__":
    main()
