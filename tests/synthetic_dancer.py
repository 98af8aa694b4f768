"""A jointed figure with depth, for tests that need the truth: poses by angles, pictures of coloured limbs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY_LIMBS, FACE, INDEX, LEFT_HAND, POINTS, RIGHT_HAND

SIZE = (192, 192)


@dataclass(frozen=True, kw_only=True)
class Stance:
    """One moment. Angles in degrees. The figure is 1 unit from ankle to nose, facing the camera at yaw 0."""

    yaw: float = 0.0
    """Positive turns the left side to the camera (the figure looks to the left of the picture)."""
    left_arm: float = 20.0
    """Angle of the straight arm from hanging down; 90 points sideways, 170 up."""
    right_arm: float = 20.0
    left_leg: float = 5.0
    right_leg: float = 5.0
    crouch: float = 0.0
    """0 upright to 1 sitting on the heels."""
    lean: float = 0.0
    """Tilt of everything above the ankles in the picture plane; 90 lies on the floor."""
    scale: float = 130.0
    """Pixels from ankle to nose."""
    foot: tuple[float, float] = (96.0, 165.0)
    """Where the middle of the ankles is, (x, y) pixels."""


def _sideways(angle: float, side: float, length: float) -> NDArray[np.float64]:
    """A limb hanging at ``angle`` from straight down, swung out to ``side`` (+1 is the figure's left)."""
    turn = np.radians(angle)
    return np.array([side * np.sin(turn), np.cos(turn), 0.0]) * length


def _joints(stance: Stance) -> dict[str, NDArray[np.float64]]:
    """Joint → (x right, y down, z away from the camera) in units, mid-ankle at the origin, before turning."""
    thigh, shin = 0.25 * (1 - 0.75 * stance.crouch), 0.25 * (1 - 0.5 * stance.crouch)
    joints = {"mid_hip": np.array([0.0, -(thigh + shin), 0.0])}
    joints["neck"] = joints["mid_hip"] + [0, -0.30, 0]
    joints["nose"] = joints["neck"] + [0, -0.20, -0.06]
    for side, sign, arm, leg in (
        ("left", 1.0, stance.left_arm, stance.left_leg),
        ("right", -1.0, stance.right_arm, stance.right_leg),
    ):
        joints[f"{side}_eye"] = joints["nose"] + [sign * 0.03, -0.03, 0.01]
        joints[f"{side}_ear"] = joints["nose"] + [sign * 0.06, -0.01, 0.06]
        joints[f"{side}_shoulder"] = joints["neck"] + [sign * 0.12, 0.01, 0]
        joints[f"{side}_elbow"] = joints[f"{side}_shoulder"] + _sideways(arm, sign, 0.18)
        joints[f"{side}_wrist"] = joints[f"{side}_elbow"] + _sideways(arm, sign, 0.16)
        joints[f"{side}_hip"] = joints["mid_hip"] + [sign * 0.07, 0, 0]
        bend = np.array([0, 0, -0.25 * stance.crouch])
        joints[f"{side}_knee"] = joints[f"{side}_hip"] + _sideways(leg, sign, thigh) + bend
        joints[f"{side}_ankle"] = joints[f"{side}_knee"] + _sideways(leg, sign, shin) - bend
        joints[f"{side}_heel"] = joints[f"{side}_ankle"] + [0, 0.02, 0.03]
        joints[f"{side}_big_toe"] = joints[f"{side}_ankle"] + [0, 0.03, -0.08]
        joints[f"{side}_small_toe"] = joints[f"{side}_ankle"] + [sign * 0.03, 0.03, -0.06]
    return joints


def make_pose(stance: Stance) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """xy (137, 2), score (137,), depth (137,) of one stance; from behind the face points are undetected."""
    points = np.zeros((POINTS, 3))
    score = np.zeros(POINTS, np.float32)
    for name, place in _joints(stance).items():
        points[INDEX[name]], score[INDEX[name]] = place, 0.95
    for hand, wrist, elbow in (
        (LEFT_HAND, "left_wrist", "left_elbow"),
        (RIGHT_HAND, "right_wrist", "right_elbow"),
    ):
        forearm = points[INDEX[wrist]] - points[INDEX[elbow]]
        points[hand] = points[INDEX[wrist]] + np.linspace(0, 0.5, 21)[:, None] * forearm
        score[hand] = 0.9
    angle = np.linspace(0, 2 * np.pi, 70, endpoint=False)
    ring = np.stack([0.05 * np.cos(angle), 0.07 * np.sin(angle), np.zeros(70)], axis=1)
    points[FACE] = points[INDEX["nose"]] + ring
    score[FACE] = 0.9 if np.cos(np.radians(stance.yaw)) > -0.1 else 0.0
    score[INDEX["nose"]] = 0.95 if np.cos(np.radians(stance.yaw)) > -0.1 else 0.3
    yaw, lean = np.radians(stance.yaw), np.radians(stance.lean)
    x = points[:, 0] * np.cos(yaw) + points[:, 2] * np.sin(yaw)
    z = points[:, 2] * np.cos(yaw) - points[:, 0] * np.sin(yaw)
    xy = np.stack(
        [x * np.cos(lean) - points[:, 1] * np.sin(lean), x * np.sin(lean) + points[:, 1] * np.cos(lean)],
        axis=1,
    )
    xy = xy * stance.scale + np.array(stance.foot)
    return xy.astype(np.float32), score, (z * stance.scale).astype(np.float32)


def make_poses(stances: list[Stance], size: tuple[int, int] = SIZE, fps: int = 25) -> PoseSequence:
    """A clip of stances."""
    rows = [make_pose(stance) for stance in stances]
    xy, score, depth = (np.stack(column) for column in zip(*rows, strict=True))
    return PoseSequence(xy=xy, score=score, depth=depth, size=size, fps=Fraction(fps))


@dataclass(frozen=True)
class Studio:
    """Draws the figure over a fixed textured wall."""

    size: tuple[int, int] = SIZE
    wall: NDArray[np.uint8] = field(init=False)

    def __post_init__(self) -> None:
        noise = np.random.default_rng(0).integers(60, 200, (self.size[0] // 8, self.size[1] // 8, 3)).astype(np.uint8)
        object.__setattr__(self, "wall", cv2.resize(noise, self.size[::-1], interpolation=cv2.INTER_CUBIC))

    def draw(self, poses: PoseSequence, index: int) -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3) of frame ``index``."""
        image = self.wall.copy()
        xy, score = poses.xy[index], poses.score[index]
        if not (score > 0).any():
            return image
        width = max(3, round(0.06 * float(np.ptp(xy[:25, 1]))))
        for number, (start, end) in enumerate(BODY_LIMBS):
            hue = np.array([[[8 * number, 200, 230]]], np.uint8)
            colour = cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0].tolist()
            ends = [tuple(int(v * 16) for v in xy[INDEX[name]]) for name in (start, end)]
            cv2.line(image, ends[0], ends[1], colour, width, cv2.LINE_AA, 4)
        if score[FACE].all():
            centre = tuple(int(v * 16) for v in xy[INDEX["nose"]])
            cv2.circle(image, centre, int(width * 16), (235, 200, 170), -1, cv2.LINE_AA, 4)
            for eye in ("left_eye", "right_eye"):
                cv2.circle(image, tuple(int(v * 16) for v in xy[INDEX[eye]]), 32, (20, 20, 20), -1, cv2.LINE_AA, 4)
        return image

    def draw_all(self, poses: PoseSequence) -> list[NDArray[np.uint8]]:
        """Every frame."""
        return [self.draw(poses, index) for index in range(len(poses))]


def arm_dance(frames: int, **fixed: float) -> list[Stance]:
    """Facing the camera, both arms going up and down out of step, stepping a little sideways."""
    time = np.arange(frames) / 25
    return [
        Stance(
            left_arm=90 + 70 * np.sin(3.0 * t),
            right_arm=90 + 70 * np.cos(2.3 * t),
            left_leg=8 + 6 * np.sin(2 * t),
            right_leg=8 - 6 * np.sin(2 * t),
            foot=(96 + 8 * np.sin(1.5 * t), 165.0),
            **fixed,
        )
        for t in time
    ]


def turning_dance(frames: int) -> list[Stance]:
    """The arm dance with one full turn in its middle third."""
    stances = arm_dance(frames)
    third = frames // 3
    yaws = np.concatenate([np.zeros(third), np.linspace(0, 360, third), np.zeros(frames - 2 * third)])
    return [replace(stance, yaw=float(yaw)) for stance, yaw in zip(stances, yaws, strict=True)]
