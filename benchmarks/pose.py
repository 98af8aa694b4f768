"""What pose and mask cost a frame, stage by stage.

    python benchmarks/pose.py VIDEO [--frames 200] [--model full] [--twice]

Prints a markdown table: milliseconds a frame by the clock (10th percentile, median, 90th percentile) and of CPU time.
The frames are brought to 720p (shorter side 720) and decoded beforehand. The last row is the whole of what a verb does
before it has poses and masks, on the video as it is: decoding, who is there, following the subject. Footage that is
learned is looked at by the heavy network, twice.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from dancedouble.capture import follow as follow_subject
from dancedouble.media.image import resize
from dancedouble.media.video import probe, read_frames
from dancedouble.pose.blazepose import BlazePose
from dancedouble.pose.estimator import Frame, PersonPose, Roi

SHORT_SIDE = 720
Result = TypeVar("Result")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--model", default="full", choices=("full", "heavy"))
    parser.add_argument("--twice", action="store_true", help="in a mirror too")
    arguments = parser.parse_args()
    frames = [to_720p(frame) for frame in read_frames(arguments.video, stop=arguments.frames)]
    looking = partial(BlazePose, model=arguments.model, twice=arguments.twice)
    variants = {
        "body": looking(hands=False, face=False, mask=False),
        "body + mask": looking(hands=False, face=False),
        "body + mask + face": looking(hands=False),
        "body + mask + face + hands": looking(),
    }
    whole = variants["body + mask + face + hands"]
    first = whole.detect(frames[0])
    if not first:
        raise SystemExit(f"{arguments.video}: nobody in the first frame")
    height, width = frames[0].shape[:2]
    load = os.getloadavg()[0]
    how = f"`{arguments.model}`" + ", twice" * arguments.twice
    print(f"{len(frames)} frames of {width} × {height}, {how}, {platform.machine()}, load {load:.1f}\n")
    print("| stage | 10 % ms | median ms | 90 % ms | CPU ms |\n|---|---|---|---|---|")
    for name, estimator in variants.items():
        report(f"landmarks: {name}", follow(estimator, frames, first[0].roi))
    looks = [timed(partial(whole.detect, frame))[1] for frame in frames[::10]]
    report("detect (first pass, about 5 frames a second)", looks)
    info = probe(arguments.video)
    count, whole_cost = timed(
        lambda: sum(1 for _ in follow_subject(info, whole, person=None, stop=arguments.frames).frames)
    )
    wall, cpu = whole_cost.wall / count, whole_cost.cpu / count
    print(f"| everything, decoding included, {info.size[1]} × {info.size[0]} (mean) | | {wall:.1f} | | {cpu:.1f} |")


def to_720p(frame: Frame) -> Frame:
    """The frame with its shorter side at 720 pixels."""
    height, width = frame.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    return frame if scale == 1 else resize(frame, (round(height * scale), round(width * scale)))


@dataclass(frozen=True)
class Cost:
    """Milliseconds of one call: by the clock, and of both cores together (which other programs do not change)."""

    wall: float
    cpu: float


def timed(work: Callable[[], Result]) -> tuple[Result, Cost]:
    """The result of ``work`` and what it cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, Cost((time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000)


def follow(estimator: BlazePose, frames: list[Frame], roi: Roi) -> list[Cost]:
    """The cost of each pose, following the person from ``roi``."""
    where = roi
    costs: list[Cost] = []
    for frame in frames:
        pose, cost = timed(partial(whole_pose, estimator, frame, where))
        costs.append(cost)
        where = pose.roi if pose else roi
    return costs


def whole_pose(estimator: BlazePose, frame: Frame, roi: Roi) -> PersonPose | None:
    """Body and all the rest, one after the other."""
    pose = estimator.landmarks(frame, roi)
    return None if pose is None else estimator.complete(frame, pose)


def report(name: str, costs: list[Cost]) -> None:
    """One row of the table."""
    wall = np.array([cost.wall for cost in costs])
    cpu = np.median([cost.cpu for cost in costs])
    best, median, worst = np.percentile(wall, (10, 50, 90))
    print(f"| {name} | {best:.1f} | {median:.1f} | {worst:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()
