"""Memory and speed of rendering: peak memory against the length of the source, milliseconds a frame by stage.

    python benchmarks/render.py PERSON.safetensors SOURCE.mp4 [--seconds 10 600] [--fps 10] [--layout side-by-side]

The source is looped, forwards and backwards, into a video of each length; then `render` does its whole job on it, poses
included, in a process of its own, so that its peak memory is its own. ``--fps`` thins the source: ten minutes at ten
frames a second are 6,000 frames. ``--poses`` finds the poses of the source once and loops those: then a run is
rendering alone, several times quicker. Runs over ``--limit`` seconds are stopped, and said to be.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np

from dancedouble import pipeline
from dancedouble.capture import capture_poses
from dancedouble.media.video import VideoWriter, probe, read_frames
from dancedouble.pose.keypoints import PoseSequence


def loop(source: Path, looped: Path, seconds: int, fps: Fraction) -> None:
    """The clip forwards and backwards until it is ``seconds`` long, so that it never jumps."""
    frames = list(read_frames(source, fps=fps))
    there_and_back = np.r_[np.arange(len(frames)), np.arange(len(frames) - 2, 0, -1)]
    height, width = frames[0].shape[:2]
    with VideoWriter(looped, (height, width), fps) as writer:
        for index in np.resize(there_and_back, round(seconds * fps)):
            writer.write(frames[index])


def loop_poses(source: Path, looped: Path, seconds: int, fps: Fraction) -> None:
    """The same of the clip's poses, thinned to ``fps``."""
    poses = capture_poses(source).poses
    thinned = np.arange(0, len(poses), max(1, round(poses.fps / fps)))
    rows = np.resize(np.r_[thinned, thinned[-2:0:-1]], round(seconds * fps))
    PoseSequence(
        xy=poses.xy[rows], score=poses.score[rows], depth=poses.depth[rows], size=poses.size, fps=fps
    ).save(looped)  # fmt: skip


def measure(person: Path, source: Path, output: Path, layout: pipeline.Layout) -> dict[str, float]:
    """Render in this process and report it."""
    started = time.monotonic()
    result = pipeline.render(person, source, output, layout=layout)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    stages = {f"{name}_ms_per_frame": round(1000 * spent / result.frames, 1) for name, spent in result.seconds.items()}
    return {"frames": result.frames, "seconds": round(seconds, 1), **stages, "peak_memory_mb": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("person", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("--seconds", type=int, nargs="+", default=[10, 600])
    parser.add_argument("--fps", type=Fraction, help="of the looped source; the source's own unless given")
    parser.add_argument("--poses", action="store_true", help="loop the source's poses instead of its pictures")
    parser.add_argument("--layout", default="side-by-side", choices=("result", "side-by-side", "strip"))
    parser.add_argument("--limit", type=float, help="seconds after which a run is stopped")
    parser.add_argument("--in-process", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(measure(options.person, options.source, options.in_process, options.layout)))
        return
    fps = options.fps or probe(options.source).fps
    with tempfile.TemporaryDirectory() as folder:
        for seconds in options.seconds:
            looped = Path(folder) / (f"{seconds}.npz" if options.poses else f"{seconds}.mp4")
            (loop_poses if options.poses else loop)(options.source, looped, seconds, fps)
            command = [sys.executable, __file__, str(options.person), str(looped), "--layout", options.layout]
            command += ["--in-process", str(Path(folder) / f"{seconds}-out.mp4")]
            try:
                done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=options.limit)
                print(f"{seconds:4d} s: {done.stdout.strip()}", flush=True)
            except subprocess.TimeoutExpired:
                print(f"{seconds:4d} s: stopped after {options.limit:.0f} s", flush=True)


if __name__ == "__main__":
    main()
