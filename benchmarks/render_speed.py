"""How fast a dance is rendered and danced live, end to end, with each engine that is here.

    python benchmarks/render_speed.py PERSON.safetensors DANCE.mp4 [--devices cpu openvino] [--rounds 3]

Prints a markdown table. *Whole*: frames a second of ``dancedouble render`` from opening the files to the finished
video, both looks at the dance included; poses and rendering are its two parts, in ms a frame by the clock. *CPU*: ms a
frame of all cores together, which other programs change less. *Generation*: the networks alone, ms a frame (median).
*Live*: frames a second of ``dancedouble live`` from the same file, from the first frame shown on, to an mp4. Each row
is the best of the rounds, in a process of its own. Memory is what that process held at most.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from dancedouble import pipeline
from dancedouble.engine import Engine, open_engine
from dancedouble.models.layers import Layers
from dancedouble.person import Person, load_person
from dancedouble.synthesis import Synthesizer

COLUMNS = ("whole, fps", "poses, ms", "rendering, ms", "CPU, ms", "generation, ms", "live, fps", "peak MB")


def measure(person: Path, dance: Path, device: str, rounds: int) -> dict[str, float]:
    """One row, in this process."""
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "double.mp4"
        for _ in range(rounds):
            started, busy = time.perf_counter(), time.process_time()
            result = pipeline.render(person, dance, output, device=device)
            took, worked = time.perf_counter() - started, time.process_time() - busy
            fps = result.frames / took
            if fps > best.get("whole, fps", 0):
                spent = {name: 1000 * result.seconds[name] / result.frames for name in ("poses", "rendering")}
                best |= {
                    "whole, fps": fps, "poses, ms": spent["poses"], "rendering, ms": spent["rendering"],
                    "CPU, ms": 1000 * worked / result.frames,
                }  # fmt: skip
        live = [pipeline.live(person, dance, output=output, device=device).fps for _ in range(rounds)]
    loaded = load_person(person)
    best["generation, ms"] = generation(loaded, open_engine(loaded, device, exact=False))
    best["live, fps"] = max(live)
    best["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return best


def generation(person: Person, engine: Engine, frames: int = 60) -> float:
    """Median ms of painting a frame and correcting its face, with nothing beside it."""
    shown = Synthesizer(person, engine).own_frame()
    inputs = [shown[name].to(engine.device) for name in ("label", "references")]
    side = max(32, person.crop_size[0] // 4 // 16 * 16)
    face = torch.rand(1, 3, side, side, device=engine.device)
    previous: Layers | None = None
    times = []
    for _ in range(frames):
        started = time.perf_counter()
        painted = engine.paint(inputs[0], inputs[1], previous)
        if engine.has_face:
            engine.correct_face(face, face)
        float(painted.rgb[0, 0, 0, 0])  # waits for the device
        times.append(1000 * (time.perf_counter() - started))
        previous = Layers(painted.rgb, painted.alpha)
    return float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("person", type=Path)
    parser.add_argument("dance", type=Path)
    parser.add_argument("--devices", nargs="+", default=["cpu", "openvino"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(measure(options.person, options.dance, options.devices[0], options.rounds)))
        return
    crop = "{1} × {0}".format(*load_person(options.person).crop_size)
    print(f"{options.dance.name}, crop {crop} px, {platform.machine()}, {torch.get_num_threads()} threads\n")
    print(f"| device | {' | '.join(COLUMNS)} |\n|---{'|---' * len(COLUMNS)}|")
    for device in options.devices:
        command = [sys.executable, __file__, str(options.person), str(options.dance), "--in-process"]
        command += ["--devices", device, "--rounds", str(options.rounds)]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
        print(f"| {device} | {' | '.join(f'{row[name]:.1f}' for name in COLUMNS)} |", flush=True)


if __name__ == "__main__":
    main()
