"""Does what is known before anyone learns predict which moments come out worse? Rank correlations, split by split.

python benchmarks/coverage.py WORKSPACE [WORKSPACE ...] [--pair WORKSPACE DANCE TRUTH]

Of each workspace the first, the middle and the last fifth are tested in turn, with half a second left out around
them; of a pair, its subject really dancing DANCE in TRUTH. The stand-in for a learned person, so that 26 splits fit
into minutes: references warped limb by limb, nothing learned. LPIPS (alex) on the body box, frame by frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from dancedouble.assessment.contenders import warp_only
from dancedouble.assessment.detection import video_pictures, watch
from dancedouble.assessment.trial import TrainingPart
from dancedouble.capture import capture_poses
from dancedouble.coverage import check_coverage, rank_correlation
from dancedouble.evaluation.frame_metrics import PictureMeter, compare_frames, load_lpips
from dancedouble.media.video import read_frames
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.normalization import normalize_poses
from dancedouble.training.presets import swift
from dancedouble.workspace import Workspace

HEIGHT, SHARE, GAP_SECONDS, MOST = 192, 0.2, 0.5, 45
"""Crop height, share of a clip that is tested, gap, and frames at most that are measured of a split."""


class Rest(TrainingPart):
    """Some frames of a workspace, in place of its first ones."""

    def __init__(self, whole: Workspace, usable: tuple[int, ...], folder: Path) -> None:
        self.path, self.folder = whole.path, folder
        self.manifest = replace(whole.manifest, usable=usable)
        self.poses = whole.poses

    def frame(self, index: int) -> NDArray[np.uint8]:
        return Workspace.frame(self, index)


@dataclass(frozen=True)
class Split:
    name: str
    workspace: Workspace
    learned: tuple[int, ...]
    dance: PoseSequence
    """What coverage is told from."""
    driving: PoseSequence
    """The same in pixels of the subject's frame."""
    truth_poses: PoseSequence
    truth: list[NDArray[np.uint8]]


def splits_of(workspace: Workspace) -> Iterator[Split]:
    frames, gap = workspace.manifest.frames, round(GAP_SECONDS * float(workspace.manifest.fps))
    tested = round(SHARE * frames)
    for name, first in (("head", 0), ("middle", (frames - tested) // 2), ("tail", frames - tested)):
        poses = workspace.poses[first : first + tested]
        learned = tuple(i for i in workspace.manifest.usable if i < first - gap or i >= first + tested + gap)
        truth = [workspace.frame(i) for i in range(first, first + tested)]
        yield Split(f"{workspace.manifest.source_name}, {name}", workspace, learned, poses, poses, poses, truth)


def split_of_pair(workspace: Workspace, dance: Path, truth: Path) -> Split:
    danced = capture_poses(dance).poses
    driving = normalize_poses(danced, workspace.poses, retarget="limbs").poses
    seen = watch(video_pictures(truth)).poses
    name = f"{workspace.manifest.source_name}, dancing {dance.name}"
    return Split(name, workspace, workspace.manifest.usable, danced, driving, seen, list(read_frames(truth)))


def measure(split: Split, folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Coverage distance, difficulty and measured LPIPS of the frames that are looked at."""
    part = Rest(split.workspace, split.learned, folder)
    contender = warp_only(part, swift(HEIGHT), seed=0, device=torch.device("cpu"))
    rows = np.arange(0, len(split.driving), -(-len(split.driving) // MOST))
    shown = list(contender.render(split.driving))
    table = compare_frames(
        [shown[i] for i in rows], [split.truth[i] for i in rows], chosen(split.truth_poses, rows),
        meters=[PictureMeter(perceptual={"lpips_alex": load_lpips("alex")})],
    )  # fmt: skip
    cover = check_coverage(split.dance, chosen(split.workspace.poses, np.array(split.learned)))
    return cover.distance[rows], cover.difficulty[rows], table["body.lpips_alex"]


def chosen(poses: PoseSequence, rows: NDArray[np.int64]) -> PoseSequence:
    return replace(poses, xy=poses.xy[rows], score=poses.score[rows], depth=poses.depth[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspaces", nargs="*", type=Path)
    parser.add_argument("--pair", nargs=3, type=Path, action="append", default=[])
    options = parser.parse_args()
    splits = [split for path in options.workspaces for split in splits_of(Workspace(path))]
    splits += [split_of_pair(Workspace(w), dance, truth) for w, dance, truth in options.pair]
    print("| split | frames | LPIPS | ρ distance | ρ difficulty |\n|---|---|---|---|---|")
    found = []
    for split in splits:
        with TemporaryDirectory() as folder:
            distance, difficulty, error = measure(split, Path(folder))
        found.append((rank_correlation(distance, error), rank_correlation(difficulty, error)))
        print(f"| {split.name} | {len(error)} | {np.nanmean(error):.3f} | {found[-1][0]:.2f} | {found[-1][1]:.2f} |")
    for name, fold in (("mean", np.nanmean), ("median", np.nanmedian)):
        print(f"| {name} | | | {fold([f[0] for f in found]):.2f} | {fold([f[1] for f in found]):.2f} |")


if __name__ == "__main__":
    main()
