"""Stances in words: what a person would be told to do in front of the camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dancedouble.coverage.stances import BONES, PARTS, Stances

ARMS = ("left arm", "right arm")
ARM_HEIGHTS = ("hanging", "waist high", "shoulder high", "above the head")
"""Where the wrist is, from below; the levels part at -0.7, -0.25 and 0.5 arm lengths above the shoulder."""
ARM_LEVELS = (-0.7, -0.25, 0.5)
BODY_FACING = ("facing the camera", "left side to the camera", "back turned", "right side to the camera")
HALF_TURNED = ("half turned, left side to the camera", "half turned, right side to the camera")
SEEN_FROM = ("the front", "the left", "behind", "the right")

TURN_LIMIT, TURN_WITH_LIMBS, LIMBS = 50.0, 25.0, 2
"""Degrees from every filmed facing beyond which the facing itself is what lacks; fewer when so many limbs lack too."""
CROUCH_LIMIT, TILT_LIMIT, NEAR_LIMIT = 0.15, 30.0, 1.35
"""How far beyond the footage's range a dance may crouch (of the leg), lean (degrees) and come nearer (factor)."""
DEEP_CROUCH, FLOOR_TILT = 0.3, 60.0
"""Less crouching than this is no crouch; a trunk further than this from upright is bent right over or lies."""
FLOOR_CROUCH = 0.7
"""Crouching further than this is being down on the floor."""
HEIGHTS = ("upright", "crouching", "on the floor")
SEEN_FRAMES = 3
"""An arm height filmed in at least so many frames counts as shown."""


def arm_height(stances: Stances, part: str) -> NDArray[np.intp]:
    """(T,) index into ``ARM_HEIGHTS`` of the wrist of ``part``, -1 where unknown."""
    up = -_limb(stances, part)[:, 1]
    return np.where(np.isnan(up), -1, np.searchsorted(ARM_LEVELS, np.nan_to_num(up)))


def height_of(stances: Stances) -> NDArray[np.intp]:
    """(T,) index into ``HEIGHTS`` of how low the body is, -1 where unknown."""
    crouch, tilt = np.nan_to_num(stances.crouch), np.nan_to_num(stances.tilt)
    low = np.where((crouch >= FLOOR_CROUCH) | (tilt > FLOOR_TILT), 2, np.where(crouch > DEEP_CROUCH, 1, 0))
    return np.where(np.isnan(stances.crouch) & np.isnan(stances.tilt), -1, low)


def body_words(asked: Stances, filmed: Stances, turn: NDArray[np.float64], limbs: NDArray[np.intp]) -> list[str | None]:
    """Per frame what the body as a whole asks for and the footage lacks; None where it lacks nothing.

    ``turn`` (T,) is the degrees to the nearest filmed facing, ``limbs`` (T,) how many limbs lack.
    """
    crouch, tilt = _range(filmed.crouch)[1], _range(filmed.tilt)[1]
    far, near = _range(filmed.nearness)
    shows_front = bool(np.count_nonzero(filmed.facing == 0) >= SEEN_FRAMES)
    words: list[str | None] = []
    for frame in range(len(asked)):
        word = None
        if asked.tilt[frame] > max(FLOOR_TILT, tilt + TILT_LIMIT):
            word = "lying on the floor" if asked.crouch[frame] > 0.5 else "bent right over"
        elif turn[frame] > (TURN_WITH_LIMBS if limbs[frame] >= LIMBS else TURN_LIMIT):
            word = _facing_word(float(asked.yaw[frame]), shows_front)
        elif asked.crouch[frame] > max(DEEP_CROUCH, crouch + CROUCH_LIMIT):
            word = "crouching" if asked.crouch[frame] < FLOOR_CROUCH else "down on the floor"
        elif asked.nearness[frame] > near * NEAR_LIMIT:
            word = "nearer to the camera"
        elif asked.nearness[frame] * NEAR_LIMIT < far:
            word = "further from the camera"
        words.append(word)
    return words


def _facing_word(yaw: float, shows_front: bool) -> str:
    """How the body is turned, in degrees as ``Stances.yaw``: a little off a front that was filmed is half turned."""
    side = int((yaw + 45) % 360 // 90)
    return BODY_FACING[side] if side or not shows_front else HALF_TURNED[int(yaw > 180)]


def limb_words(asked: Stances, filmed: Stances, part: str, frames: NDArray[np.bool_]) -> list[str | None]:
    """Per frame what the limb asks for where ``frames`` (T,) says it lacks; None elsewhere."""
    facing, filmed_facing = asked.facing, filmed.facing
    height = arm_height(asked, part) if part in ARMS else None
    filmed_height = arm_height(filmed, part) if part in ARMS else None
    limb = _limb(asked, part)
    words: list[str | None] = [None] * len(asked)
    for frame in np.flatnonzero(frames):
        side = int(facing[frame])
        if height is not None and filmed_height is not None:
            level = int(height[frame])
            word = ARM_HEIGHTS[level] if level >= 0 else "in this pose"
            shown = (filmed_height == level) & (filmed_facing == side)
            if np.count_nonzero(shown) >= SEEN_FRAMES:
                word += f" and {_direction(limb[frame], part, side)}"
        elif part == "trunk":
            word = "leaning"
        else:
            word = _leg_word(limb[frame])
        words[int(frame)] = word if side <= 0 else f"{word} (seen from {SEEN_FROM[side]})"
    return words


def _limb(stances: Stances, part: str) -> NDArray[np.float64]:
    """(T, 2) from the limb's root to its end, as a part of the limb's length (its bones taken as equally long)."""
    bones = [BONES.index(bone) for bone in PARTS[part]]
    return np.asarray(stances.bones[:, bones].mean(axis=1), np.float64)


def _direction(limb: NDArray[np.float64], part: str, facing: int) -> str:
    """Where an arm points beside its height, as the person sees it."""
    if np.hypot(*limb) < 0.5:
        return "bent or pointing at the camera"
    if facing in (1, 3):
        forward = -limb[0] if facing == 1 else limb[0]
        return "forwards" if forward > 0 else "backwards"
    outward = limb[0] * (1 if part == "left arm" else -1) * (1 if facing == 0 else -1)
    return "out to the side" if outward > 0 else "across the body"


def _leg_word(limb: NDArray[np.float64]) -> str:
    if np.isnan(limb).any():
        return "in this pose"
    if limb[1] < 0.4:
        return "lifted high" if np.hypot(*limb) > 0.5 else "lifted or bent"
    return "out to the side" if abs(limb[0]) > 0.35 else "stepping"


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    return (float(np.percentile(known, 1)), float(np.percentile(known, 99))) if len(known) else (np.nan, np.nan)
