"""Motion: key poses on beats → a body-independent motion → the bone rotations of one body.

A motion is in leg lengths and directions, so that any body can perform it: that is what makes a ground truth possible.
Feet stand still on the floor between steps; legs follow by two-bone inverse kinematics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.interpolate import PchipInterpolator

from .body import FINGERS, SIDES, Skeleton, forward_kinematics
from .geometry import Floats, axis_angle, euler, rotate_x, rotate_y, rotate_z, smoothstep, swing, unit

Vector = tuple[float, float, float]
STEP_HEIGHT = 0.07
"""How high a stepping foot is lifted, in leg lengths."""
REACH = 0.985
"""The straightest a standing leg gets, as a share of its length."""


@dataclass(frozen=True)
class Arm:
    """Directions of upper arm and forearm in the chest's frame: (outwards, up, forward); ``curl`` of the fingers."""

    upper: Vector
    fore: Vector
    curl: float = 16.0


@dataclass(frozen=True)
class Foot:
    """A foot beside the point the person stands on: leg lengths outwards and forward, lift, toes outwards and down."""

    out: float = 0.14
    forward: float = 0.0
    lift: float = 0.0
    turn: float = 8.0
    pitch: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Key:
    """A pose on a beat. ``stage`` (x, z) is where the person stands, ``heading`` the way they face, in degrees,
    ``shift`` the pelvis against that point (left, up, forward); pelvis, spine, head are (pitch, yaw, roll)."""

    beat: float
    left: Arm
    right: Arm
    left_foot: Foot = Foot()
    right_foot: Foot = Foot()
    stage: tuple[float, float] = (0.0, 0.0)
    heading: float = 0.0
    shift: Vector = (0.0, 0.0, 0.0)
    pelvis: Vector = (0.0, 0.0, 0.0)
    spine: Vector = (0.0, 0.0, 0.0)
    head: Vector = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Motion:
    """A motion of T frames for any body. Lengths in leg lengths, angles in degrees; sides are left, right.

    ``pelvis_place`` (T, 3); ``heading`` (T,); ``pelvis``, ``spine``, ``head`` (T, 3); ``upper``, ``fore`` (T, 2, 3)
    unit directions; ``curl`` (T, 2); ``foot_place`` (T, 2, 3) as x, lift, z; ``foot_turn`` and ``foot_pitch`` (T, 2);
    ``blink`` (T,) in 0–1.
    """

    pelvis_place: Floats
    heading: Floats
    pelvis: Floats
    spine: Floats
    head: Floats
    upper: Floats
    fore: Floats
    curl: Floats
    foot_place: Floats
    foot_turn: Floats
    foot_pitch: Floats
    blink: Floats

    def __len__(self) -> int:
        return len(self.heading)

    def frame(self, t: int) -> Motion:
        """The motion of one frame, kept as arrays of length 1."""
        return Motion(*(getattr(self, field.name)[t : t + 1] for field in fields(self)))


def interpolate(keys: Sequence[Key], frames: int, fps: int, bpm: float, *, liveliness: float, seed: int) -> Motion:
    """The motion through key poses. ``liveliness`` 1 adds the sway, bounce and breath of a person in music."""
    beats = np.array([key.beat for key in keys])
    now = np.clip(np.arange(frames) / fps * bpm / 60, beats[0], beats[-1])

    def through(values: Sequence[float] | Sequence[Sequence[float]]) -> Floats:
        return np.asarray(PchipInterpolator(beats, np.array(values, float), axis=0)(now))

    heading = through([key.heading for key in keys])
    stage = through([key.stage for key in keys])
    shift = through([key.shift for key in keys])
    radians = np.radians(heading)
    left = np.stack([np.cos(radians), -np.sin(radians)], 1)
    ahead = np.stack([np.sin(radians), np.cos(radians)], 1)
    floor = stage + shift[:, :1] * left + shift[:, 2:] * ahead
    place = np.column_stack([floor[:, 0], shift[:, 1], floor[:, 1]])
    feet = [_step(beats, [_foot_on_stage(key, side) for key in keys], now, side) for side in (0, 1)]
    arms = [[key.left for key in keys], [key.right for key in keys]]
    motion = Motion(
        place, heading, through([key.pelvis for key in keys]), through([key.spine for key in keys]),
        through([key.head for key in keys]),
        np.stack([_sweep(beats, [arm.upper for arm in side], now) for side in arms], 1),
        np.stack([_sweep(beats, [arm.fore for arm in side], now) for side in arms], 1),
        np.stack([through([arm.curl for arm in side]) for side in arms], 1),
        np.stack([foot[:, :3] for foot in feet], 1), np.stack([foot[:, 3] for foot in feet], 1),
        np.stack([foot[:, 4] for foot in feet], 1), np.zeros(frames),
    )  # fmt: skip
    return _enliven(motion, np.arange(frames) / fps, bpm, liveliness, seed)


def _foot_on_stage(key: Key, side: int) -> tuple[float, ...]:
    """x, lift, z, turn, pitch of a foot at a key, on the stage; angles in degrees."""
    foot, sign = (key.left_foot, 1) if side == 0 else (key.right_foot, -1)
    a = np.radians(key.heading)
    x = key.stage[0] + np.cos(a) * sign * foot.out + np.sin(a) * foot.forward
    z = key.stage[1] - np.sin(a) * sign * foot.out + np.cos(a) * foot.forward
    return (float(x), foot.lift, float(z), key.heading + sign * foot.turn, foot.pitch)


def _step(beats: Floats, poses: Sequence[tuple[float, ...]], now: Floats, side: int) -> Floats:
    """A foot's path (T, 5): between keys it stays, steps in its own part of the interval, and stays again.

    Lift and pitch run smoothly through the keys; a foot that moves without a lift of its own gets a low arc.
    """
    table = np.array(poses)
    path = PchipInterpolator(beats, table, axis=0)(now)
    for i in range(len(beats) - 1):
        inside = (now >= beats[i]) & (now <= beats[i + 1])
        t = (now[inside] - beats[i]) / (beats[i + 1] - beats[i])
        travel = table[i + 1] - table[i]
        distance = np.hypot(travel[0], travel[2]) + abs(travel[3]) / 200
        start, stop = _turn_of(side, travel)
        done = smoothstep(start, stop, t)
        for c in (0, 2, 3):
            path[inside, c] = table[i, c] + travel[c] * done
        planted = max(table[i, 1], table[i + 1, 1]) < 0.02
        if distance > 0.02 and planted:
            arc = np.sin(np.pi * done)
            path[inside, 1] += STEP_HEIGHT * min(1.0, distance * 4) * arc
            path[inside, 4] += 14 * min(1.0, distance * 4) * arc
    return np.asarray(path)


def _turn_of(side: int, travel: Floats) -> tuple[float, float]:
    """The part of an interval in which a foot moves: the foot on the side one goes or turns to goes first."""
    leftwards = travel[0] + travel[3] / 200
    first = (leftwards >= 0) == (side == 0)
    return (0.0, 0.62) if first else (0.38, 1.0)


def _sweep(beats: Floats, directions: Sequence[Vector], now: Floats) -> Floats:
    """Directions (T, 3) through keys. A turn of more than about 80° gets way-points outwards and forward, where real
    arms go, so that the path never passes through the body or the point where it would flip."""
    turned = unit(np.array(directions))
    times, points = [float(beats[0])], [turned[0]]

    def add(t0: float, a: Floats, t1: float, b: Floats, depth: int) -> None:
        if a @ b < 0.2 and depth < 3:
            middle = unit(a + b + max(0.0, -0.4 - a @ b) * np.array([0.55, 0.0, 0.85]))
            add(t0, a, (t0 + t1) / 2, middle, depth + 1)
            add((t0 + t1) / 2, middle, t1, b, depth + 1)
        else:
            times.append(t1)
            points.append(b)

    for i in range(len(beats) - 1):
        add(float(beats[i]), turned[i], float(beats[i + 1]), turned[i + 1], 0)
    return unit(PchipInterpolator(times, np.array(points), axis=0)(now))


def _enliven(motion: Motion, seconds: Floats, bpm: float, amount: float, seed: int) -> Motion:
    """Add what nobody choreographs: sway, breath, small arm and head drifts, blinks, and a bounce on the beat."""
    random = np.random.default_rng(seed)

    def drift(columns: int, size: float) -> Floats:
        rate = random.uniform(0.25, 0.75, (3, columns))
        phase = random.uniform(0, 2 * np.pi, (3, columns))
        waves = np.sin(2 * np.pi * rate * seconds[:, None, None] + phase)
        return np.asarray(size * waves.mean(1))

    beat = np.cos(2 * np.pi * seconds * bpm / 60)[:, None]
    place = motion.pelvis_place + drift(3, 0.012) * [1, 0, 1]
    place = place + amount * np.array([0, 1, 0]) * (0.022 * beat - 0.03)
    spine = motion.spine + drift(3, 2.0) + amount * np.array([1, 0, 0]) * (3 - 2.5 * beat)
    head = motion.head + drift(3, 3.5) + amount * np.array([1, 0, 0]) * 2.5 * beat
    arms = [unit(way + drift(6, 0.05).reshape(-1, 2, 3)) for way in (motion.upper, motion.fore)]
    blink = np.zeros(len(seconds))
    at = random.uniform(0.6, 1.6)
    while at < seconds[-1]:
        blink = np.maximum(blink, np.clip(1.4 - np.abs(seconds - at) / 0.07, 0, 1))
        at += random.uniform(1.6, 3.6)
    return Motion(
        place, motion.heading, motion.pelvis + drift(3, 1.2), spine, head, arms[0], arms[1], motion.curl,
        motion.foot_place, motion.foot_turn, motion.foot_pitch, blink,
    )  # fmt: skip


def perform(skeleton: Skeleton, motion: Motion) -> tuple[Floats, Floats]:
    """Rotations (T, B, 3, 3) and joints (T, B, 3) in metres of one body performing a motion."""
    lowered = [_lowering(skeleton, motion.frame(t)) for t in range(len(motion))]
    poses = [_solve(skeleton, motion.frame(t), low) for t, low in enumerate(lowered)]
    return np.stack([rotations for rotations, _ in poses]), np.stack([joints for _, joints in poses])


def _solve(skeleton: Skeleton, now: Motion, lowered: float) -> tuple[Floats, Floats]:
    rotations = np.tile(np.eye(3), (len(skeleton.names), 1, 1))
    turn: dict[str, Floats] = {}
    turn["pelvis"] = rotate_y(np.radians(now.heading[0])) @ euler(*now.pelvis[0])
    _turn_trunk(turn, now)
    for side in (0, 1):
        _turn_arm(skeleton, turn, now, side)
    pelvis = _pelvis_place(skeleton, now) - [0, lowered, 0]
    for side in (0, 1):
        _turn_leg(skeleton, turn, now, pelvis, side)
    for bone, rotation in turn.items():
        rotations[skeleton.index(bone)] = rotation
    return rotations, forward_kinematics(skeleton, rotations, pelvis)


def _pelvis_place(skeleton: Skeleton, now: Motion) -> Floats:
    return np.asarray(skeleton.head("pelvis") + skeleton.leg_length * now.pelvis_place[0])


def _turn_trunk(turn: dict[str, Floats], now: Motion) -> None:
    rotation = turn["pelvis"]
    for bone in ("spine_01", "spine_02", "spine_03"):
        rotation = turn[bone] = rotation @ euler(*now.spine[0] / 3)
    for bone, part in (("neck_01", 0.4), ("head", 0.6)):
        rotation = turn[bone] = rotation @ euler(*now.head[0] * part)


def _turn_arm(skeleton: Skeleton, turn: dict[str, Floats], now: Motion, side: int) -> None:
    suffix, sign = SIDES[side]

    def at(bone: str) -> Floats:
        return skeleton.head(f"{bone}_{suffix}")

    chest = turn["spine_03"]
    mirror = np.array([sign, 1, 1])
    upper, fore = now.upper[0, side] * mirror, now.fore[0, side] * mirror
    raised = max(0.0, float(np.arcsin(np.clip(upper[1], -1, 1))) + 0.35)
    turn[f"clavicle_{suffix}"] = chest @ rotate_z(sign * raised * 0.38)
    shoulder = chest @ swing(at("lowerarm") - at("upperarm"), upper)
    elbow = shoulder @ swing(at("hand") - at("lowerarm"), shoulder.T @ chest @ fore)
    turn[f"upperarm_{suffix}"] = shoulder
    turn[f"lowerarm_{suffix}"] = turn[f"hand_{suffix}"] = elbow
    knuckles = at("pinky_01") - at("index_01")
    for finger in FINGERS:
        rotation = elbow
        bend = now.curl[0, side] * (0.35 if finger == "thumb" else 1)
        for joint in (1, 2, 3):
            rotation = rotation @ axis_angle(knuckles, sign * np.radians(bend))
            turn[f"{finger}_0{joint}_{suffix}"] = rotation


def _ankle(skeleton: Skeleton, now: Motion, side: int) -> tuple[Floats, Floats]:
    """Where a foot puts its ankle (3,), and the foot's rotation; it turns about the ball."""
    suffix, _ = SIDES[side]
    ball, ankle = skeleton.head(f"ball_{suffix}"), skeleton.head(f"foot_{suffix}")
    foot = rotate_y(np.radians(now.foot_turn[0, side])) @ rotate_x(np.radians(now.foot_pitch[0, side]))
    x, lift, z = now.foot_place[0, side] * skeleton.leg_length
    flat = rotate_y(np.radians(now.foot_turn[0, side])) @ ((ball - ankle) * [1, 0, 1])
    return np.array([x, ball[1] + lift, z]) + flat + foot @ (ankle - ball), foot


def _leg_lengths(skeleton: Skeleton, suffix: str) -> tuple[float, float]:
    hip, knee, ankle = (skeleton.head(f"{bone}_{suffix}") for bone in ("thigh", "calf", "foot"))
    return float(np.linalg.norm(knee - hip)), float(np.linalg.norm(ankle - knee))


def _lowering(skeleton: Skeleton, now: Motion) -> float:
    """How far the pelvis must come down, in metres, for both legs to reach their feet."""
    pelvis_turn = rotate_y(np.radians(now.heading[0])) @ euler(*now.pelvis[0])
    place, lowered = _pelvis_place(skeleton, now), 0.0
    for side, (suffix, _) in enumerate(SIDES):
        hip = place + pelvis_turn @ (skeleton.head(f"thigh_{suffix}") - skeleton.head("pelvis"))
        ankle, _ = _ankle(skeleton, now, side)
        reach = REACH * sum(_leg_lengths(skeleton, suffix))
        across = min(float(np.hypot(*(hip - ankle)[[0, 2]])), reach * 0.95)
        lowered = max(lowered, float(hip[1] - ankle[1]) - float(np.sqrt(reach**2 - across**2)))
    return lowered


def _turn_leg(skeleton: Skeleton, turn: dict[str, Floats], now: Motion, pelvis: Floats, side: int) -> None:
    """Two-bone inverse kinematics. The hinge axis is the normal of the leg's plane: it does not flip when the thigh
    passes the horizontal."""
    suffix, sign = SIDES[side]

    def at(bone: str) -> Floats:
        return skeleton.head(f"{bone}_{suffix}")

    hip = pelvis + turn["pelvis"] @ (at("thigh") - skeleton.head("pelvis"))
    ankle, foot = _ankle(skeleton, now, side)
    thigh, calf = _leg_lengths(skeleton, suffix)
    reach = ankle - hip
    length = min(float(np.linalg.norm(reach)), (thigh + calf) * 0.999)
    direction = unit(reach)
    knee_turn = 0.6 * now.foot_turn[0, side] + 0.4 * (now.heading[0] + now.pelvis[0, 1])
    pole = rotate_y(np.radians(knee_turn)) @ np.array([sign * 0.10, 0, 1])
    hinge = unit(np.cross(direction, pole))
    bend = np.arccos(np.clip((thigh**2 + length**2 - calf**2) / (2 * thigh * length), -1, 1))
    knee = hip + thigh * (np.cos(bend) * direction + np.sin(bend) * np.cross(hinge, direction))
    forward = np.array([0.0, 0.0, 1.0])
    for bone, now_along, rest_along in (
        ("thigh", knee - hip, at("calf") - at("thigh")),
        ("calf", hip + length * direction - knee, at("foot") - at("calf")),
    ):
        rest_hinge = unit(np.cross(unit(rest_along), forward))
        turn[f"{bone}_{suffix}"] = _hinged(now_along, hinge) @ _hinged(rest_along, rest_hinge).T
    turn[f"foot_{suffix}"] = foot
    pitch, lift = now.foot_pitch[0, side], now.foot_place[0, side, 1]
    toes_up = 1.0 if pitch < 0 else float(smoothstep(0.02, 0.12, lift))  # toes stay on the floor when the heel rises
    turn[f"ball_{suffix}"] = rotate_y(np.radians(now.foot_turn[0, side])) @ rotate_x(np.radians(pitch * toes_up))


def _hinged(along: Floats, hinge: Floats) -> Floats:
    """The frame (3, 3) of a bone along a direction with a given hinge axis."""
    y = unit(along)
    return np.stack([hinge, y, np.cross(hinge, y)], 1)
