"""How far from the truth a dance is put that is fitted to somebody else: on ten people beside the bundled ones.

    cd examples/footage
    python -m make render $(seq -f crowd-%g 0 9) crowd-{0,2,4,6,8}-disco crowd-{1,3,5,7,9}-street --output CROWD
    cd ../..
    python benchmarks/retargeting.py CROWD --out build/retargeting

Every ``crowd-N.mp4`` is measured as footage is; ``crowd-N-DANCE.mp4`` is the same person really doing a dance of the
bundled sources, before the same camera. The source's poses, fitted, are compared with those that the detector finds in
the truth: 14 joints that both show, mean distance in % of the truth's standing height. The two bundled pairs come
first. Poses are found once and kept in ``--out``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from swift_cells import commit
from swift_clips import PAIRS, danced, watched

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.normalization import Retarget, normalize_poses
from dancedouble.pose.skeleton import INDEX
from dancedouble.pose.stage import measure_stage
from dancedouble.pose.standing import measure_standing
from dancedouble.progress import ignore_progress

FOOTAGE = Path(__file__).parents[1] / "examples" / "footage"
SOURCES = {"street": "A_dance", "disco": "C_dance"}
"""Who does each dance in the bundled footage."""
JOINTS = {
    "nose": ("nose",), "neck": ("neck",),
    **{part: (f"right_{part}", f"left_{part}") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")},
}  # fmt: skip
METHODS: tuple[Retarget, ...] = ("global", "limbs")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A source's dance, footage of somebody else, and what they really look like doing it."""

    name: str
    source: PoseSequence
    target: PoseSequence
    truth: PoseSequence


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crowd", type=Path, help="folder of crowd-N.mp4 and crowd-N-DANCE.mp4")
    parser.add_argument("--out", type=Path, default=Path("build/retargeting"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    head = ["pair", *METHODS, *JOINTS, "too low"]
    print(f"Commit {commit()}. Columns of joints: limbs.\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    rows = []
    for pair in pairs(arguments.crowd, arguments.out):
        errors = {method: joint_errors(pair, method) for method in METHODS}
        low = float(np.nanmedian(errors["limbs"]["nose"][..., 1]))
        rows.append(
            [*(mean_distance(errors[method]) for method in METHODS)]
            + [distance(errors["limbs"][joint]) for joint in JOINTS] + [low]
        )  # fmt: skip
        print(f"| {pair.name} | {' | '.join(f'{value:.2f}' for value in rows[-1])} |", flush=True)
    if len(rows) > len(PAIRS):
        mean = np.mean(rows[len(PAIRS) :], axis=0)
        print(f"| **mean of the crowd** | {' | '.join(f'{value:.2f}' for value in mean)} |")


def pairs(crowd: Path, kept: Path) -> Iterator[Pair]:
    """The bundled pairs, then the crowd's."""
    for name, clips in PAIRS.items():
        yield open_pair(name, *(FOOTAGE / f"{clip}.mp4" for clip in clips), kept)
    truths = sorted(crowd.glob("crowd-*-*.mp4"))
    if not truths:
        sys.exit(f"{crowd}: no crowd-N-DANCE.mp4 there; the head of this file says how to render them")
    for truth in truths:
        who, _, dance = truth.stem.rpartition("-")
        yield open_pair(truth.stem, FOOTAGE / f"{SOURCES[dance]}.mp4", crowd / f"{who}.mp4", truth, kept)


def open_pair(name: str, source: Path, target: Path, truth: Path, kept: Path) -> Pair:
    """Poses of the three: the source's as a dance's, but of every frame, the others' as footage's."""
    seen = [watched(video, kept / video.stem, ignore_progress).poses for video in (target, truth)]
    dance = danced(source, kept / f"{source.stem}.npz", ignore_progress)
    return Pair(name=name, source=dance, target=seen[0], truth=seen[1])


def joint_errors(pair: Pair, method: Retarget) -> dict[str, NDArray[np.float64]]:
    """Joint → (T, sides, 2) from the truth to where the dance was put, in % of the height; NaN where one is unseen."""
    fitted = normalize_poses(pair.source, pair.target, retarget=method).poses
    standing = measure_standing(pair.truth)
    assert standing is not None, "the truth shows the whole person"
    stage = measure_stage(standing)
    height, count = stage.height_at(stage.middle), min(len(fitted), len(pair.truth))
    found = {}
    for joint, points in JOINTS.items():
        columns = [INDEX[point] for point in points]
        apart = (fitted.xy[:count, columns] - pair.truth.xy[:count, columns]).astype(np.float64)
        both = (fitted.score[:count, columns] > 0.3) & (pair.truth.score[:count, columns] > 0.3)
        found[joint] = np.where(both[..., None], 100 * apart / height, np.nan)
    return found


def distance(errors: NDArray[np.float64]) -> float:
    return float(np.nanmean(np.hypot(errors[..., 0], errors[..., 1])))


def mean_distance(errors: dict[str, NDArray[np.float64]]) -> float:
    """Over all joints, both sides counted."""
    sides = [(distance(each), each.shape[1]) for each in errors.values()]
    return float(np.average([value for value, _ in sides], weights=[count for _, count in sides]))


if __name__ == "__main__":
    main()
