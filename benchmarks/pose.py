"""What pose and mask cost a frame, stage by stage.

    python benchmarks/pose.py VIDEO [--frames 200] [--model full]

Prints a markdown table: median and 90th percentile in milliseconds, on two threads. The frames are brought to 720p
(shorter side 720) and decoded beforehand, so decoding is not in the figures. ``landmarks`` as used is the bound
that counts: at most 45 ms a frame for body, mask, hands and face.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from dancedouble.media.image import resize
from dancedouble.media.video import read_frames
from dancedouble.pose.blazepose import BlazePose
from dancedouble.pose.estimator import Frame, Roi

SHORT_SIDE = 720


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--model", default="full", choices=("full", "heavy"))
    arguments = parser.parse_args()
    frames = [to_720p(frame) for frame in read_frames(arguments.video, stop=arguments.frames)]
    variants = {
        "body": BlazePose(model=arguments.model, hands=False, face=False, mask=False),
        "body + mask": BlazePose(model=arguments.model, hands=False, face=False),
        "body + mask + face": BlazePose(model=arguments.model, hands=False),
        "body + mask + face + hands (as used)": BlazePose(model=arguments.model),
    }
    whole = variants["body + mask + face + hands (as used)"]
    first = whole.detect(frames[0])
    if not first:
        raise SystemExit(f"{arguments.video}: nobody in the first frame")
    height, width = frames[0].shape[:2]
    print(f"{len(frames)} frames of {width} × {height}, `{arguments.model}`, {platform.machine()}, 2 threads\n")
    print("| stage | median ms | 90 % ms |\n|---|---|---|")
    for name, estimator in variants.items():
        report(f"landmarks: {name}", follow(estimator, frames, first[0].roi))
    report("detect (first pass, about 5 frames a second)", timed(lambda frame: whole.detect(frame), frames[::10]))


def to_720p(frame: Frame) -> Frame:
    """The frame with its shorter side at 720 pixels."""
    height, width = frame.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    return frame if scale == 1 else resize(frame, (round(height * scale), round(width * scale)))


def follow(estimator: BlazePose, frames: list[Frame], roi: Roi) -> list[float]:
    """Milliseconds of each call of ``landmarks``, following the person from ``roi``."""
    where = roi
    spent: list[float] = []
    for frame in frames:
        started = time.perf_counter()
        pose = estimator.landmarks(frame, where)
        spent.append((time.perf_counter() - started) * 1000)
        where = pose.roi if pose else roi
    return spent


def timed(work: Callable[[Frame], object], frames: list[Frame]) -> list[float]:
    """Milliseconds of ``work`` on each frame."""
    spent: list[float] = []
    for frame in frames:
        started = time.perf_counter()
        work(frame)
        spent.append((time.perf_counter() - started) * 1000)
    return spent


def report(name: str, milliseconds: list[float]) -> None:
    """One row of the table."""
    print(f"| {name} | {np.median(milliseconds):.1f} | {np.percentile(milliseconds, 90):.1f} |", flush=True)


if __name__ == "__main__":
    main()
