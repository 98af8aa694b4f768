"""Memory and speed of rendering: peak memory against the length of the source, milliseconds a frame by stage.

    python benchmarks/render.py PERSON.safetensors SOURCE.mp4 [--seconds 10 600]

The source is looped to each length as poses (finding poses is measured by benchmarks/pose.py), then rendered to mp4
in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from dancedouble import pipeline
from dancedouble.capture import capture_poses
from dancedouble.pose.keypoints import PoseSequence


def loop(poses: PoseSequence, frames: int) -> PoseSequence:
    """The dance forwards and backwards until it is ``frames`` long, so that it never jumps."""
    there_and_back = np.r_[np.arange(len(poses)), np.arange(len(poses) - 2, 0, -1)]
    rows = np.resize(there_and_back, frames)
    return PoseSequence(
        xy=poses.xy[rows], score=poses.score[rows], depth=poses.depth[rows], size=poses.size, fps=poses.fps
    )


def measure(person: Path, poses: Path, output: Path) -> dict[str, float]:
    """Render in this process and report it."""
    started = time.monotonic()
    result = pipeline.render(person, poses, output)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "frames": result.frames, "seconds": round(seconds, 1), "ms_per_frame": round(1000 * seconds / result.frames, 1),
        "peak_memory_mb": round(peak),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("person", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--seconds", type=int, nargs="+", default=[10, 600])
    parser.add_argument("--in-process", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(measure(options.person, options.source, options.in_process)))
        return
    poses = capture_poses(options.source).poses
    with tempfile.TemporaryDirectory() as folder:
        for seconds in options.seconds:
            looped = Path(folder) / f"{seconds}.npz"
            loop(poses, round(seconds * poses.fps)).save(looped)
            command = [sys.executable, __file__, str(options.person), str(looped)]
            command += ["--in-process", str(Path(folder) / f"{seconds}.mp4")]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            print(f"{seconds:4d} s: {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
