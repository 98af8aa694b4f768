"""A dancer in space for the geometry tests: a body, a dance, a camera, and so the true pose of anyone in any frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import FACE, INDEX, LEFT_HAND, POINTS, RIGHT_HAND

Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Body:
    """Bone lengths in metres."""

    shin: float = 0.42
    thigh: float = 0.42
    hip: float = 0.10
    torso: float = 0.52
    shoulder: float = 0.18
    upper_arm: float = 0.29
    forearm: float = 0.26
    neck: float = 0.20
    foot: float = 0.20
    hand: float = 0.09


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A level pinhole camera at ``height`` metres; the dancer's stage begins ``distance`` metres in front."""

    height: float = 1.2
    distance: float = 4.0
    focal: float = 900.0
    size: tuple[int, int] = (720, 1280)
    fps: Fraction = Fraction(30)


@dataclass(frozen=True, kw_only=True)
class Motion:
    """What the body does, each (T,): joint angles in radians, places in metres."""

    turn: Array
    sway: Array
    arm: Array  # (T, 2) raise of each upper arm from hanging
    elbow: Array  # (T, 2)
    leg: Array  # (T, 2) swing of each thigh
    knee: Array  # (T, 2)
    aside: Array
    nearer: Array
    jump: Array


def dance(frames: int, fps: float = 30, *, wander: float = 0.0, jumps: bool = False, seed: int = 0) -> Motion:
    """Smooth random motion; ``wander`` metres of walking towards and away from the camera."""
    random = np.random.default_rng(seed)
    t = np.arange(frames) / fps

    def wave(amplitude: float, *shape: int, slowest: float = 0.2, fastest: float = 0.9) -> Array:
        speed, phase = random.uniform(slowest, fastest, (2, *shape)), random.uniform(0, 6.28, (2, *shape))
        time = t.reshape(-1, *[1] * len(shape))
        waves = np.sin(6.28 * speed[0] * time + phase[0]) + np.sin(6.28 * speed[1] * time + phase[1])
        return np.asarray(amplitude * waves / 2)

    walk = wander * np.sin(6.28 * t / t[-1])
    lift = np.maximum(np.sin(6.28 * t / 2.5) - 0.8, 0) / 0.2 * 0.25 if jumps else np.zeros(frames)
    return Motion(
        turn=wave(0.6), sway=wave(0.1), arm=wave(1.2, 2) + 1.2, elbow=np.abs(wave(1.2, 2)), leg=wave(0.15, 2),
        knee=np.abs(wave(0.25, 2)), aside=wave(0.25), nearer=walk,
        jump=lift,
    )  # fmt: skip


def stand(frames: int) -> Motion:
    """Standing still, arms half raised."""
    zero, two = np.zeros(frames), np.zeros((frames, 2))
    return Motion(turn=zero, sway=zero, arm=two + 1.5, elbow=two, leg=two, knee=two, aside=zero, nearer=zero, jump=zero)


def film(motion: Motion, body: Body | None = None, camera: Camera | None = None) -> PoseSequence:
    """The true poses of a body doing a motion before a camera."""
    body, camera = body or Body(), camera or Camera()
    points = _pose_in_space(motion, body)
    # Places scale with the legs: a taller person's steps are longer.
    legs = (body.shin + body.thigh) / 0.84
    offset = np.stack([motion.aside * legs, motion.jump * legs, motion.nearer * legs], axis=1)
    points = points + offset[:, None]
    depth = camera.distance - points[..., 2]
    x = camera.size[1] / 2 + camera.focal * points[..., 0] / depth
    y = camera.size[0] / 2 + camera.focal * (camera.height - points[..., 1]) / depth
    known = ~np.isnan(x)
    hip = depth[:, INDEX["mid_hip"]][:, None]
    return PoseSequence(
        xy=np.nan_to_num(np.stack([x, y], axis=2)),
        score=known.astype(np.float32),
        depth=np.nan_to_num((depth - hip) * camera.focal / hip),
        size=camera.size,
        fps=camera.fps,
    )


def _pose_in_space(motion: Motion, body: Body) -> Array:
    """(T, 137, 3) x to the right of the picture, y up, z towards the camera; NaN for points the doll lacks."""
    frames = len(motion.turn)
    points = np.full((frames, POINTS, 3), np.nan)

    def put(name: str, place: Array) -> Array:
        points[:, INDEX[name]] = place
        return place

    def swing(angle: Array, across: float = 0.0) -> Array:
        """A unit vector hanging down, swung by ``angle`` outwards (across ±1) or forwards (0)."""
        sin, cos = np.sin(angle), np.cos(angle)
        return np.stack([across * sin, -cos, (1 - abs(across)) * sin], axis=1)

    zero = np.zeros((frames, 3))
    hips = put("mid_hip", zero)
    up = np.stack([np.sin(motion.sway), np.cos(motion.sway), np.zeros(frames)], axis=1)
    neck = put("neck", hips + up * body.torso)
    nose = put("nose", neck + up * body.neck + [0, 0, 0.08])
    for k, (side, sign) in enumerate((("right", -1.0), ("left", 1.0))):
        out = np.array([sign, 0.0, 0.0])
        put(f"{side}_eye", nose + out * 0.03 + [0, 0.03, -0.02])
        put(f"{side}_ear", nose + out * 0.07 + [0, 0.02, -0.1])
        shoulder = put(f"{side}_shoulder", neck + out * body.shoulder)
        upper = swing(motion.arm[:, k], sign)
        elbow = put(f"{side}_elbow", shoulder + upper * body.upper_arm)
        fore = swing(motion.arm[:, k] + motion.elbow[:, k], sign)
        wrist = put(f"{side}_wrist", elbow + fore * body.forearm)
        hand = RIGHT_HAND if side == "right" else LEFT_HAND
        points[:, hand] = wrist[:, None] + fore[:, None] * np.linspace(0, 2 * body.hand, 21)[None, :, None]
        hip = put(f"{side}_hip", hips + out * body.hip)
        thigh = swing(motion.leg[:, k] + motion.knee[:, k] / 2)
        knee = put(f"{side}_knee", hip + thigh * body.thigh)
        ankle = put(f"{side}_ankle", knee + swing(motion.leg[:, k] - motion.knee[:, k] / 2) * body.shin)
        put(f"{side}_big_toe", ankle + np.array([0.02 * sign, -0.05, 1.0]) * body.foot)
        put(f"{side}_small_toe", ankle + np.array([0.2 * sign, -0.05, 0.9]) * body.foot)
        put(f"{side}_heel", ankle + np.array([0, -0.05, -0.3]) * body.foot)
    angles = np.linspace(0, 6.28, 70)
    oval = np.stack([0.07 * np.cos(angles), 0.1 * np.sin(angles), np.zeros(70)], axis=1)
    points[:, FACE] = nose[:, None] + oval
    cos, sin = np.cos(motion.turn)[:, None], np.sin(motion.turn)[:, None]
    x, z = points[..., 0].copy(), points[..., 2].copy()
    points[..., 0], points[..., 2] = cos * x + sin * z, cos * z - sin * x
    # The lower ankle stands on the floor.
    ankles = points[:, [INDEX["right_ankle"], INDEX["left_ankle"]], 1]
    points[..., 1] += 0.08 - ankles.min(axis=1)[:, None]
    return points


def hide(poses: PoseSequence, *names: str) -> PoseSequence:
    """The same poses with body points undetected."""
    score = poses.score.copy()
    score[:, [INDEX[name] for name in names]] = 0
    return replace(poses, score=score)


def add_noise(poses: PoseSequence, pixels: float, seed: int = 0) -> PoseSequence:
    """The poses as a detector sees them."""
    noise = np.random.default_rng(seed).normal(0, pixels, poses.xy.shape)
    return replace(poses, xy=(poses.xy + noise).astype(np.float32))


def mean_error(a: PoseSequence, b: PoseSequence) -> float:
    """Mean distance in pixels over the body points that both have."""
    both = (a.part("body")[1] > 0) & (b.part("body")[1] > 0)
    distance: Array = np.hypot(*(a.part("body")[0] - b.part("body")[0]).transpose(2, 0, 1))
    return float(distance[both].mean())
