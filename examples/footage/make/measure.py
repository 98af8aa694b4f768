"""How well the project's own detector finds the people: ``python -m make.measure``, from ``examples/footage``.

Unlike the rest of this package it needs dancedouble installed, with its pose weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import av
import numpy as np

from dancedouble.pose.blazepose import BlazePose
from dancedouble.pose.skeleton import INDEX

from .cast import CLIPS
from .geometry import Bools, Floats

JOINTS = {
    "upperarm": "shoulder", "lowerarm": "elbow", "hand": "wrist", "thigh": "hip", "calf": "knee", "foot": "ankle",
}  # fmt: skip
"""Bone whose joint is a point of the pose."""
STATIC_EVERY = 5
"""Every so many frames the person is also looked for without knowing where they were."""


def measure_clip(path: Path) -> dict[str, float]:
    """Shares of frames in which the person is followed and found afresh, mean joint error in pixels, mask IoU."""
    truth = np.load(path.with_suffix(".npz"))
    names = truth["names"].tolist()
    sides = [(s, word) for s, word in (("l", "left"), ("r", "right"))]
    bones = [names.index(f"{bone}_{s}") for s, _ in sides for bone in JOINTS]
    points = [INDEX[f"{word}_{joint}"] for _, word in sides for joint in JOINTS.values()]
    masks = np.unpackbits(truth["mask"], axis=-1, count=int(truth["size"][1])).astype(bool)
    estimator = BlazePose(hands=False, face=False)
    followed, fresh, errors, overlaps = [], [], [], []
    roi = None
    with av.open(str(path)) as container:
        for t, picture in enumerate(container.decode(video=0)):
            frame = np.asarray(picture.to_ndarray(format="rgb24"), dtype=np.uint8)
            if t % STATIC_EVERY == 0 or roi is None:
                found = estimator.detect(frame)
                fresh.append(len(found) == 1)
                roi = roi or (found[0].roi if found else None)
            pose = estimator.landmarks(frame, roi) if roi else None
            followed.append(pose is not None)
            roi = pose.roi if pose else None
            if pose is not None and pose.mask is not None:
                seen = pose.score[points] > 0.3
                errors.append(np.linalg.norm(pose.xy[points] - truth["joints"][t, bones], axis=1)[seen])
                overlaps.append(_overlap(pose.mask > 0.5, masks[t]))
    return {
        "followed": float(np.mean(followed)), "found afresh": float(np.mean(fresh)),
        "joint error px": float(np.concatenate(errors).mean()), "mask IoU": float(np.mean(overlaps)),
    }  # fmt: skip


def _overlap(a: Bools, b: Bools) -> Floats:
    return np.asarray((a & b).sum() / max(1, (a | b).sum()))


def main() -> None:
    """Print one line a clip."""
    parser = argparse.ArgumentParser(prog="python -m make.measure", description=__doc__)
    parser.add_argument("clips", nargs="*", default=list(CLIPS))
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1])
    arguments = parser.parse_args()
    for name in arguments.clips:
        numbers = measure_clip(arguments.folder / f"{name}.mp4")
        print(name, "  ".join(f"{key} {value:.3f}" for key, value in numbers.items()))


if __name__ == "__main__":
    main()
