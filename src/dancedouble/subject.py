"""From a workspace to what one stage of training needs: windows, crops, the reference bank, the sampler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.conditioning import Conditioner, LimbConditioner, ReferenceBank, figure_conditioner
from dancedouble.dataset import Footage, PairSampler, open_footage
from dancedouble.errors import ClipTooShortError
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.progress import OnProgress, ignore_progress
from dancedouble.recipe import SIDE_MULTIPLE, FigureInput, Recipe, WholeFrame
from dancedouble.references import ReferenceChooser, choose_bank
from dancedouble.rendering.crop import CropWindow, body_boxes, crop_scale, plan_windows, whole_frame
from dancedouble.workspace import Workspace, neighbours, pair_step

PAPER_ASPECTS = (16 / 9 - 0.01, 2.0)
"""Footage of these aspects is squeezed to 2:1, as the paper's 1920 × 1080 is to 1024 × 512."""
LARGEST_VIEW = 720
"""Height in pixels above which reference pictures are stored smaller: a person file stays under 50 MB."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One subject at one picture height, ready to be learned."""

    footage: Footage
    sampler: PairSampler
    bank: ReferenceBank | None
    scale: float
    """Crop pixels per frame pixel."""
    body_height: float
    """Height of the subject in crop pixels."""


def open_subject(
    workspace: Workspace, recipe: Recipe, height: int, frames: Sequence[int], *, seed: int,
    on_progress: OnProgress = ignore_progress,
) -> Subject:  # fmt: skip
    """Cut the crops at ``height`` (cached in the workspace), choose the bank, and build the sampler.

    ``frames`` are the usable frames to learn from. Raises ClipTooShortError when no two of them are a pair.
    """
    step = pair_step(workspace.manifest.fps)
    pairs = neighbours(frames, step)
    if not pairs:
        raise ClipTooShortError(
            f"{workspace.path}: no {step + 1} usable frames in a row among the {len(frames)} asked for;"
            " film the whole person for a few seconds"
        )
    windows = plan_subject_windows(workspace, recipe, height, frames)
    size = windows[0].size
    cache: Path = workspace.training / f"crops-{recipe.framing.kind}-{size[0]}x{size[1]}-{frames[0]}-{frames[-1]}.npy"
    footage = open_footage(workspace, windows, frames, cache, on_progress)
    scale = float(windows[0].scale[1])
    tall = float(np.nanmedian(np.diff(body_boxes(workspace.poses)[list(frames)][:, 1::2], axis=1)))
    body_height = tall * scale
    conditioner: Conditioner
    bank, chooser = None, None
    if isinstance(recipe.conditioning, FigureInput):
        conditioner = figure_conditioner(recipe.conditioning, workspace.manifest.size, size)
    else:
        bank, chosen = fill_bank(footage, recipe.conditioning.bank)
        chooser = ReferenceChooser(footage=workspace.poses, bank=tuple(chosen), count=recipe.conditioning.references)
        conditioner = LimbConditioner(bank, body_height, recipe.conditioning.plate)
    sampler = PairSampler(footage, pairs, conditioner, chooser, seed=seed)
    return Subject(footage=footage, sampler=sampler, bank=bank, scale=scale, body_height=body_height)


def plan_subject_windows(workspace: Workspace, recipe: Recipe, height: int, frames: Sequence[int]) -> list[CropWindow]:
    """One window per frame of the workspace, as the recipe frames its subject."""
    poses, frame_size = workspace.poses, workspace.manifest.size
    if isinstance(recipe.framing, WholeFrame):
        return whole_frame(frame_size, whole_frame_size(frame_size, recipe, height), len(poses))
    first, last = frames[0], frames[-1]
    return plan_windows(poses, crop_scale(poses[first : last + 1], height))


def whole_frame_size(frame_size: tuple[int, int], recipe: Recipe, short: int) -> tuple[int, int]:
    """(height, width) of whole frames with a shorter side of ``short`` px, upright for upright footage.

    The longer side follows the footage's aspect in multiples of 32; from 16:9 to 2:1 it is twice the shorter one,
    as in the paper. Later stages are exact enlargements of the first.
    """
    aspect = max(frame_size) / min(frame_size)
    first = recipe.stages[0].height
    long = 2 * first if PAPER_ASPECTS[0] <= aspect <= PAPER_ASPECTS[1] else first * aspect
    long = max(round(long / SIDE_MULTIPLE), 1) * SIDE_MULTIPLE
    long = round(long * short / first / SIDE_MULTIPLE) * SIDE_MULTIPLE
    return (short, long) if frame_size[1] >= frame_size[0] else (long, short)


def fill_bank(footage: Footage, count: int) -> tuple[ReferenceBank, list[int]]:
    """Choose the pictures that may be warped, and hold them with their poses in crop pixels."""
    frames = [int(i) for i in footage.frames]
    sharpness = [float(cv2.Laplacian(footage.crop(i)[..., 1], cv2.CV_32F).var()) for i in frames]
    chosen = choose_bank(footage.workspace.poses, frames, count, sharpness=sharpness)
    poses = footage.workspace.poses
    known = PoseSequence(
        xy=np.stack([footage.pose(i).xy for i in chosen]), score=poses.score[chosen],
        depth=poses.depth[chosen] * footage.windows[0].scale[1], size=footage.size, fps=poses.fps,
    )  # fmt: skip
    pictures = np.stack([footage.crop(i) for i in chosen])
    # Beyond its edge a picture is sampled as its last pixel; nobody is there, or feet cut by the frame become stilts.
    pictures[:, [0, -1], :, 3] = pictures[:, :, [0, -1], 3] = 0
    large = np.stack([_large_view(footage, i) for i in chosen])
    return ReferenceBank(pictures=pictures, poses=known, large=large), chosen


def _large_view(footage: Footage, frame: int) -> NDArray[np.uint8]:
    """The crop of a frame at the footage's own resolution, or as large as a person file should hold."""
    window = footage.windows[frame]
    shrink = min(1.0, LARGEST_VIEW / window.region[0])
    size = round(window.region[0] * shrink), round(window.region[1] * shrink)
    if size[0] <= window.size[0]:
        size = window.size
    return replace(window, size=size).cut(footage.workspace.frame(frame))
