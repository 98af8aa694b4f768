"""What the paper's presets cost: parameters, operations, memory, time.

    python benchmarks/edn.py [--measure]

Without ``--measure`` nothing heavy runs: parameters are counted, operations and activations are computed on PyTorch's
meta device for the paper's sizes (global 512 × 256, local 1024 × 512, face 128 × 128), batch 1. With it, one training
step of the global stage and one rendered frame of each generator are run on this CPU, each in a process of its own,
which needs about 6 GB of free memory and a few minutes. Prints markdown; docs/paper.md keeps a dated copy.

Computed memory of a training step = 16 bytes per parameter that learns (weight, gradient, Adam's two moments), 4 per
one that does not, and what autograd keeps for the backward pass of the generator's step, where the peak is; with
``--save-memory``, what it keeps between the pieces that are computed again, and the largest such piece. Gradients of
activations and buffers of the convolution library come on top.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from dancedouble.dataset import Batch
from dancedouble.description import describe_preset
from dancedouble.models.counting import count_parameters
from dancedouble.models.face import FaceDiscriminator, face_generator
from dancedouble.models.losses import face_discriminator_objective, face_generator_objective, total
from dancedouble.models.painter import Painter
from dancedouble.models.perceptual import VGGLoss
from dancedouble.perception import load_perceptual
from dancedouble.recipe import FaceStage, Recipe, Stage
from dancedouble.training.execution import execution_on
from dancedouble.training.presets import preset
from dancedouble.training.runs import FrameRun

META, CPU = torch.device("meta"), torch.device("cpu")
GPU_FLOPS = 20e12
"""Operations a second that a GPU is assumed to sustain in mixed precision: an assumption, not a measurement."""


@dataclass
class Cost:
    """Of one training step."""

    flops: int
    state: int
    """Bytes of weights, gradients and moments."""
    kept: int
    """Bytes kept for the backward pass."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--only", choices=("step", "frame-global", "frame-local"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only)))
        return
    recipe = preset("edn")
    networks()
    computed(recipe)
    if arguments.measure:
        measured()


# -- computed -------------------------------------------------------------------------------------------------


def networks() -> None:
    """Parameters and operations of every network."""
    facts = describe_preset(preset("edn"))["networks"]
    print("| network | parameters | GFLOP per frame |\n|---|---|---|")
    for name, fact in facts.items():
        print(f"| {name} | {fact['parameters']:,} | {fact['flops_per_frame'] / 1e9:.0f} |")


def computed(recipe: Recipe) -> None:
    """One row per stage: with all activations kept, with gradient checkpointing, and in half precision."""
    distance, name = load_perceptual("vgg", CPU)
    assert isinstance(distance, VGGLoss) and recipe.face is not None
    distance = distance.to(META)
    print(f"\n| training step, batch 1 (2 frames, {name}) | TFLOP | weights and moments, GB | activations, GB |"
          " with --save-memory, GB | seconds at 20 TFLOP/s |\n|---|---|---|---|---|---|")  # fmt: skip
    for stage in recipe.stages:
        plain, saving = (frame_cost(stage, recipe, distance, save_memory) for save_memory in (False, True))
        row(f"{stage.name}, {2 * stage.height} × {stage.height}", plain, f"{saving.kept / 1e9:.1f}")
    row("face, 128 × 128", face_cost(recipe.face, distance, recipe), "-")


def row(name: str, cost: Cost, saving: str) -> None:
    """One line of the table."""
    print(f"| {name} | {cost.flops / 1e12:.2f} | {cost.state / 1e9:.1f} | {cost.kept / 1e9:.1f} | {saving} |"
          f" {cost.flops / GPU_FLOPS:.2f} |")  # fmt: skip


def frame_cost(stage: Stage, recipe: Recipe, distance: VGGLoss, save_memory: bool) -> Cost:
    """Generator's and discriminator's step of a main stage, on the meta device."""
    with torch.device(META):
        run = FrameRun(stage, recipe, distance, replace(execution_on(META), save_memory=save_memory))
    run.painter.train()
    batch = blank((stage.height, 2 * stage.height), META)
    keeping = Keeping()
    with FlopCounterMode(display=False) as counter:
        with keeping:
            terms, pictures = run._learn.generator_terms(batch, (0, 0))
        torch.autograd.backward(total(terms))
        torch.autograd.backward(total(run._learn.discriminator_terms(batch, pictures)))
    if save_memory:
        keeping.bytes += recomputed_piece(run, distance, batch)
    assert run.discriminator is not None
    state = 16 * (count_parameters(run.painter) + count_parameters(run.discriminator)) + frozen(distance)
    return Cost(counter.get_total_flops(), state, keeping.bytes)


def recomputed_piece(run: FrameRun, distance: VGGLoss, batch: Batch) -> int:
    """What the backward pass holds while it computes the larger of its pieces again: one frame, or one comparison."""
    pieces = []
    frame = batch.image[:, 0].clone().requires_grad_()
    run.painter.recomputes = False
    for work in (lambda: run.painter(frame, batch.references[:, 0], None), lambda: distance(frame, batch.image[:, 1])):
        keeping = Keeping()
        with keeping:
            work()
        pieces.append(keeping.bytes)
    return max(pieces)


def face_cost(stage: FaceStage, distance: VGGLoss, recipe: Recipe) -> Cost:
    """The face GAN's step on two crops, with the frozen main generator's forward pass."""
    with torch.device(META):
        generator, judge = face_generator(stage.generator), FaceDiscriminator(width=stage.discriminator_width)
        painter = Painter(recipe.final.generator)
        crops = [torch.empty(1, 3, 128, 128) for _ in range(2)]
        frame = torch.empty(1, 3, recipe.final.height, 2 * recipe.final.height)
    keeping = Keeping()
    with FlopCounterMode(display=False) as counter:
        with torch.no_grad():
            for _ in range(2):
                painter(frame, frame.new_empty(1, 0, 4, 1, 1), None)
        with keeping:
            fixed = [crop + generator(crop, crop) for crop in crops]
            terms = face_generator_objective(
                [judge(crop, face) for crop, face in zip(crops, fixed, strict=True)], fixed, crops,
                perceptual=distance, weights=stage.weights,
            )  # fmt: skip
        torch.autograd.backward(total(terms))
        fakes = [judge(crop, face.detach()) for crop, face in zip(crops, fixed, strict=True)]
        torch.autograd.backward(total(face_discriminator_objective(fakes, [judge(crop, crop) for crop in crops])))
    state = 16 * (count_parameters(generator) + count_parameters(judge)) + 4 * count_parameters(painter)
    return Cost(counter.get_total_flops(), state + frozen(distance), keeping.bytes)


def frozen(network: nn.Module) -> int:
    """Bytes of a network that does not learn."""
    return sum(buffer.numel() * buffer.element_size() for buffer in network.buffers())


class Keeping(saved_tensors_hooks):
    """Counts the bytes autograd keeps for the backward pass, each storage once, parameters left out."""

    def __init__(self) -> None:
        self.bytes = 0
        self._seen: dict[int, object] = {}
        super().__init__(self._pack, lambda tensor: tensor)

    def _pack(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, nn.Parameter) and storage._cdata not in self._seen:
            self._seen[storage._cdata] = storage  # held, so that its address is not given out again
            self.bytes += storage.nbytes()
        return tensor


def blank(size: tuple[int, int], device: torch.device) -> Batch:
    """A pair of frames of noise."""
    source = None if device.type == "meta" else torch.Generator().manual_seed(0)
    frames = torch.rand(1, 2, 3, *size, generator=source, device=device) * 2 - 1
    return Batch(
        label=frames, references=frames.new_zeros(1, 2, 0, 4, 1, 1), image=frames, mask=frames[:, :, :1], plate=frames,
        figure=frames, carry=None, face=torch.full((1, 2, 4), -1),
    )  # fmt: skip


# -- measured --------------------------------------------------------------------------------------------------


def measured() -> None:
    """Run each measurement in a fresh process, so that its peak memory is its own."""
    print(f"\nMeasured: {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| on this CPU | seconds by the clock | of CPU | peak memory of the process, GB |\n|---|---|---|---|")
    for what in ("step", "frame-global", "frame-local"):
        done = subprocess.run([sys.executable, __file__, "--only", what], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        numbers = " | ".join(f"{found[name]:.1f}" for name in ("seconds", "cpu", "gigabytes"))
        print(f"| {found['what']} | {numbers} |", flush=True)


def measure(what: str) -> dict[str, object]:
    """Seconds and peak memory of one training step of the global stage, or of one rendered frame (best of three)."""
    stage = preset("edn-local" if what == "frame-local" else "edn-global").final
    size = (stage.height, 2 * stage.height)
    torch.manual_seed(0)
    if what == "step":
        recipe = preset("edn-global")
        distance, name = load_perceptual("vgg", CPU)
        run = FrameRun(stage, recipe, distance, execution_on(CPU))
        began = clocks()
        losses = run.step(blank(size, CPU), stage.learning_rate, np.random.default_rng(0))
        spent = since(began)
        assert all(np.isfinite(value) for value in losses.values())
        said = f"training step of edn-global at {size[1]} × {size[0]}, {name}"
    else:
        painter = Painter(stage.generator).to(memory_format=torch.channels_last).eval()
        batch, times = blank(size, CPU), []
        with torch.inference_mode():
            for _ in range(3):
                began = clocks()
                painter(batch.label[:, 0], batch.references[:, 0], None)
                times.append(since(began))
        spent, said = min(times), f"frame of {stage.name} at {size[1]} × {size[0]}"
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    return {"what": said, "seconds": spent[0], "cpu": spent[1], "gigabytes": gigabytes}


def clocks() -> tuple[float, float]:
    """Seconds by the clock, and of CPU on all cores together, which other programs do not change."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> tuple[float, float]:
    """What both clocks have moved on."""
    now = clocks()
    return now[0] - began[0], now[1] - began[1]


if __name__ == "__main__":
    main()
