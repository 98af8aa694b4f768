"""What a generator is shown for one frame: drawn from the pose, the same way at training and at rendering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import Pose, PoseSequence
from dancedouble.recipe import FigureInput
from dancedouble.rendering.body_parts import GROUPS
from dancedouble.rendering.crop import CropWindow
from dancedouble.rendering.limb_maps import limb_maps
from dancedouble.rendering.stick_figure import draw_paper_figure, draw_stick_figure
from dancedouble.rendering.warping import carry_person

MAP_STRIDE = 4
"""Limb maps are drawn at a quarter of the crop's resolution, where the fast generator works."""


Part = tuple[int, int, int, int]
"""Top, left, bottom, right of a part of a picture."""


class Origin(NamedTuple):
    """Where the references of one frame come from: N pictures of the bank, put together to K references."""

    bank: NDArray[np.int64]
    """(N,) their places in the bank."""
    sources: NDArray[np.uint8]
    """(K, H, W) which of the N each pixel of a reference is from."""
    flows: tuple[NDArray[np.float32], ...]
    """N of (H, W, 2): where in its bank picture each was sampled, x and y in pixels."""


class Shown(NamedTuple):
    """What the generator is shown for one frame."""

    label: NDArray[np.float32]
    """(C, h, w): a stick figure in [-1, 1] at full size, or limb maps at a quarter of it."""
    references: NDArray[np.uint8]
    """(K, H, W, 4): RGB and mask of the subject's real frames, warped to this pose; K may be 0."""
    origin: Origin | None = None
    """Of the references, where there are any."""
    carry: NDArray[np.float32] | None = None
    """(H, W, 2) where each pixel was in the frame before, x and y in its pixels; None without one, or where the frame
    before is shown as it is."""


@dataclass(frozen=True, kw_only=True)
class ReferenceBank:
    """The frames of the subject that may be warped, as crops. All of one size."""

    pictures: NDArray[np.uint8]
    """(N, H, W, 4) RGB and mask."""
    poses: PoseSequence
    """N poses in pixels of the crops; fps has no meaning here."""
    large: NDArray[np.uint8]
    """(N, H', W', 3) the same views at the footage's own resolution, RGB: where fine detail comes from."""

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def ratio(self) -> tuple[float, float]:
        """Pixels of a large picture for each of a small one, (x, y)."""
        return self.large.shape[2] / self.pictures.shape[2], self.large.shape[1] / self.pictures.shape[1]


def pose_in_window(poses: PoseSequence, index: int, window: CropWindow) -> Pose:
    """Frame ``index``'s keypoints in pixels of ``window``'s crop."""
    return Pose(window.to_crop(poses.xy[index]), poses.score[index], poses.depth[index] * window.scale[1])


def _channels(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    """RGB uint8 (H, W, 3) → float32 (3, H, W) in [-1, 1]."""
    return picture.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1


@dataclass(frozen=True)
class FigureConditioner:
    """The paper's conditioning: a stick figure as a picture (section 1.3 of the paper's method)."""

    frame_size: tuple[int, int] | None = None
    """(height, width) of whole frames to draw as the paper does, at 1080p and then squeezed; None draws smoothly."""
    crop_size: tuple[int, int] | None = None
    """(height, width) of the pictures that are learned: the windows of another dance differ, its strokes must not."""

    def figure(self, pose: Pose, size: tuple[int, int], part: Part | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) RGB: what the generator is shown and discriminators judge with; or a part of it."""
        if self.frame_size is None:
            return draw_stick_figure(pose.xy, pose.score, size, part=part, strokes_of=self.crop_size)
        height, width = self.frame_size
        on_frame = pose.xy * np.array([width / size[1], height / size[0]], np.float32)
        whole = draw_paper_figure(on_frame, pose.score, self.frame_size, size)
        return whole if part is None else whole[part[0] : part[2], part[1] : part[3]]

    def show(
        self, pose: Pose, size: tuple[int, int], chosen: NDArray[np.int64], plate: NDArray[np.uint8],
        before: Pose | None = None,
    ) -> Shown:  # fmt: skip
        """The figure (3, H, W) in [-1, 1], and nothing else; ``chosen`` is empty."""
        return Shown(_channels(self.figure(pose, size)), np.zeros((0, *size, 4), np.uint8))


@dataclass(frozen=True)
class LimbConditioner:
    """The fast method's conditioning: limb-coordinate maps and real pixels carried along limb by limb."""

    bank: ReferenceBank
    body_height: float
    """Height of the subject in crop pixels: the yardstick of limb widths."""
    shows_plate: bool
    """Whether the plate's colours (3, H / 4, W / 4) in [-1, 1] follow the maps."""

    def show(
        self, pose: Pose, size: tuple[int, int], chosen: NDArray[np.int64], plate: NDArray[np.uint8],
        before: Pose | None = None,
    ) -> Shown:  # fmt: skip
        """Limb maps (C, H / 4, W / 4) and the ``chosen`` bank pictures warped to ``pose``.

        ``chosen`` (K, G): for each reference the picture that each group of body parts is from; or (K,): whole ones.
        ``plate`` (H, W, 3) RGB: what is behind the person. ``before``: the pose of the frame before, in its own crop.
        """
        small = (size[0] // MAP_STRIDE, size[1] // MAP_STRIDE)
        label = limb_maps(pose.xy / np.float32(MAP_STRIDE), pose.score, small, self.body_height / MAP_STRIDE)
        if self.shows_plate:
            colours = np.asarray(cv2.resize(plate, small[::-1], interpolation=cv2.INTER_AREA), np.uint8)
            label = np.concatenate([label, _channels(colours)])
        by_group = np.broadcast_to(chosen.reshape(len(chosen), -1), (len(chosen), len(GROUPS)))
        used, inverse = np.unique(by_group, return_inverse=True)
        picks = inverse.reshape(by_group.shape)
        # The last one of several is a whole picture, but for the head and trunk of the first.
        spare = int(picks[-1, -1]) if len(picks) > 1 else None
        carried = carry_person(
            [self.bank.pictures[index] for index in used], self.bank.poses.at(used), pose, size, self.body_height,
            picks, spare=spare, before=before,
        )  # fmt: skip
        origin = Origin(used, carried.sources, carried.flows)
        return Shown(label, carried.pictures, origin, carried.from_before)

    def figure(self, pose: Pose, size: tuple[int, int], part: Part | None = None) -> NDArray[np.uint8]:
        """(H, W, 3) RGB: the stick figure that discriminators and the face GAN judge with; or a part of it."""
        learned = self.bank.pictures.shape[1:3]  # the windows of another dance differ, its strokes must not
        return draw_stick_figure(pose.xy, pose.score, size, part=part, strokes_of=(learned[0], learned[1]))


Conditioner = FigureConditioner | LimbConditioner


def figure_conditioner(
    style: FigureInput, frame_size: tuple[int, int], crop_size: tuple[int, int]
) -> FigureConditioner:
    """The conditioner of a recipe that shows figures; sizes are (height, width) of frames, and of crops as learned."""
    return FigureConditioner(frame_size if style.style == "paper" else None, crop_size)
