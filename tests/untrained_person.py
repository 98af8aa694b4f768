"""A person file's content without any training: fresh networks on a drawn doll's real pictures, in no time."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import torch

from dancedouble.conditioning import ReferenceBank
from dancedouble.models.face import face_generator
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.recipe import LimbInput, Recipe
from dancedouble.rendering.crop import CropWindow, body_boxes, crop_scale, plan_windows
from dancedouble.training.presets import preset
from pose_fixtures import Body, Camera, dance, film
from small_world import draw_clip

SIZE = (240, 200)
FPS = Fraction(15)
CAMERA = Camera(size=SIZE, fps=FPS, focal=420.0)


def doll_poses(frames: int = 24, *, seed: int = 3) -> PoseSequence:
    return film(dance(frames, float(FPS), seed=seed), Body(), CAMERA)


def untrained_person(name: str = "tiny", *, height: int = 96, frames: int = 24) -> Person:
    """The recipe's final networks with fresh weights, drawn the same way every time."""
    torch.manual_seed(0)
    recipe, poses = preset(name, height), doll_poses(frames)
    pictures = draw_clip(poses, (60, 120, 220), 0)
    scale = crop_scale(poses, height)
    windows = plan_windows(poses, scale)
    painter = Painter(recipe.final.generator)
    weights = {f"painter.{key}": value for key, value in painter.state_dict().items()}
    if recipe.face is not None:
        face = face_generator(recipe.face.generator)
        weights |= {f"face.{key}": value for key, value in face.state_dict().items()}
    boxes = body_boxes(poses)
    return Person(
        recipe=recipe.to_dict(), weights=weights, plate=np.median(np.stack(pictures), 0).astype(np.uint8), poses=poses,
        bank=_bank(recipe, poses, windows, pictures), scale=scale, crop_size=windows[0].size,
        body_height=float(np.nanmedian(boxes[:, 3] - boxes[:, 1]) * scale), consent="a doll", source_sha256="0",
    )  # fmt: skip


def _bank(
    recipe: Recipe, poses: PoseSequence, windows: list[CropWindow], pictures: list[np.ndarray]
) -> ReferenceBank | None:
    if not isinstance(recipe.conditioning, LimbInput):
        return None
    chosen = list(range(0, len(poses), 4))
    known = PoseSequence(
        xy=np.stack([windows[i].to_crop(poses.xy[i]) for i in chosen]), score=poses.score[chosen],
        depth=poses.depth[chosen], size=windows[0].size, fps=FPS,
    )  # fmt: skip
    small, large = [], []
    for i in chosen:
        cut = windows[i].cut(pictures[i])
        mask = np.where(np.abs(cut.astype(int) - (60, 120, 220)).sum(-1, keepdims=True) < 200, 255, 0)
        small.append(np.dstack([cut, mask.astype(np.uint8)]))
        large.append(replace(windows[i], size=windows[i].region).cut(pictures[i]))
    return ReferenceBank(pictures=np.stack(small), poses=known, large=np.stack(large))
