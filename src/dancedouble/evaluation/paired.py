"""A transfer against the truth: only paired footage has it, the target really performing the source's dance."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.evaluation.frame_metrics import PictureMeter, compare_frames, load_lpips
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.pose_metrics import nearest_frames
from dancedouble.media.video import read_frames
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.workspace import Workspace

Picture = NDArray[np.uint8]
COLUMNS = ("body.ssim", "body.lpips_alex", "face.lpips_alex", "frame.ssim", "body.psnr")


def measure_pair(
    result: Path, truth: Path, truth_poses: PoseSequence, *, dance: PoseSequence, workspace: Workspace, every: int = 1
) -> dict[str, Any]:
    """SSIM, LPIPS and PSNR of a transfer, and of the nearest training frame (equation 6), frame by frame.

    ``truth_poses`` are the poses seen in the truth, which place the crops; ``dance`` the normalised poses that drove
    the result, which choose the nearest frames. Frame i of all four is one moment; one in ``every`` is measured, as
    neighbours tell little more and cost as much. Raises InputError when sizes differ, WeightsError.
    """
    meters = [PictureMeter(perceptual={"lpips_alex": load_lpips("alex")})]
    frames = range(0, len(truth_poses), every)
    measured = _rows(truth_poses, np.array(frames))

    def thin(pictures: Iterator[Picture]) -> Iterator[Picture]:
        return islice(pictures, 0, None, every)

    ours = compare_frames(
        thin(_frames(result, truth_poses)), thin(_frames(truth, truth_poses)), measured, meters=meters
    )
    retrieved = _retrieved(workspace, _rows(dance, np.array(frames)))
    nearest = compare_frames(retrieved, thin(_frames(truth, truth_poses)), measured, meters=meters)
    return {
        "frames": len(truth_poses), "measured": len(frames), "transfer": _means(ours), "nearest_frame": _means(nearest),
        "better_than_nearest": {
            "body_ssim_gain": round(ours.mean("body.ssim") - nearest.mean("body.ssim"), 4),
            "body_lpips_ratio": round(ours.mean("body.lpips_alex") / nearest.mean("body.lpips_alex"), 4),
        },
    }  # fmt: skip


def _frames(video: Path, poses: PoseSequence) -> Iterator[Picture]:
    return read_frames(video, stop=len(poses), fps=poses.fps)


def _retrieved(workspace: Workspace, dance: PoseSequence) -> Iterator[Picture]:
    """For each pose of the dance the training frame whose pose is nearest; the plate where there is none."""
    usable = np.array(workspace.manifest.usable)
    found = nearest_frames(dance, _rows(workspace.poses, usable)).index
    for row in found:
        yield workspace.plate if row < 0 else workspace.frame(int(usable[row]))


def _rows(poses: PoseSequence, rows: NDArray[np.int64]) -> PoseSequence:
    return PoseSequence(
        xy=poses.xy[rows], score=poses.score[rows], depth=poses.depth[rows], size=poses.size, fps=poses.fps
    )


def _means(table: FrameTable) -> dict[str, float]:
    return {name: round(table.mean(name), 4) for name in COLUMNS if name in table}
