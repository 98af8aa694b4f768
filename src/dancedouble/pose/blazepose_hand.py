"""A hand's 21 points, from the wrist and knuckles that the body network saw.

Two networks: one finds where exactly the hand is, the other its landmarks. The regions are those of MediaPipe's
published graphs (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancedouble.pose.estimator import Array, Frame, Roi
from dancedouble.pose.litert import Network, to_frame
from dancedouble.weights import weight_path

MIN_PRESENCE = 0.5
WRIST_TO_KNUCKLE = 1.4
"""Side of a hand over the distance from its wrist to its middle knuckle; of 1 to 2 the best on dance footage."""
SEARCH_SCALE = 2.7
HOPEFUL = 0.2
"""Presence from which a second look, without the recrop network, is worth its time: a hidden hand stays below."""
DIRECT_SCALE = 2.4
"""Side of the landmark network's region over the hand's, when the recrop network has led it astray."""
UP = -0.1
"""Both regions move by this part of their size along the hand, from the wrist to the finger tips."""
Z_SCALE = 0.4
"""The landmark network's depths are this much too small against its x and y."""
MIN_SIDE = 6.0
"""Pixels; a region smaller than this holds no hand to see."""


@dataclass(frozen=True, kw_only=True)
class Hand:
    """One hand."""

    xy: Array
    """(21, 2) pixels of the frame, wrist first."""
    depth: Array
    """(21,) pixels, relative to the wrist."""
    presence: float
    """How sure the network is that it looks at a hand, 0 to 1."""
    right: float
    """How much it looks like the person's right hand, 0 to 1."""


class HandLandmarks:
    """Finds one hand near a wrist. Raises WeightsError when the weights cannot be had."""

    def __init__(self, *, threads: int = 2) -> None:
        self._recrop = Network(weight_path("hand_recrop"), threads=threads)
        self._landmarks = Network(weight_path("hand_landmark_full"), threads=threads)

    def __call__(self, frame: Frame, wrist: Array, index: Array, pinky: Array) -> Hand | None:
        """The hand of a wrist, index knuckle and pinky knuckle (each (2,) pixels); None when no hand is seen."""
        palm = palm_roi(wrist, index, pinky)
        if palm.size < MIN_SIDE:
            return None
        (points,), matrix = self._recrop.look(frame, palm.scaled(SEARCH_SCALE))
        roi = hand_roi(*to_frame(points.reshape(2, 2), matrix))
        if roi.size < MIN_SIDE:
            return None
        hand = self._look(frame, roi)
        if HOPEFUL <= hand.presence < MIN_PRESENCE:
            hand = self._look(frame, palm.scaled(DIRECT_SCALE))
        return hand if hand.presence >= MIN_PRESENCE else None

    def _look(self, frame: Frame, roi: Roi) -> Hand:
        (raw, presence, handedness, _world), matrix = self._landmarks.look(frame, roi)
        rows = raw.reshape(21, 3)
        depth = rows[:, 2] * np.float32(roi.size / self._landmarks.side / Z_SCALE)
        return Hand(
            xy=to_frame(rows[:, :2], matrix),
            depth=depth - depth[0],
            presence=float(min(presence[0], 1)),
            right=float(handedness[0]),
        )


def palm_roi(wrist: Array, index: Array, pinky: Array) -> Roi:
    """Where the hand must be: about the middle finger's knuckle, upright from the wrist."""
    middle = (2 * index + pinky) / 3
    right, down = (float(value) for value in middle - wrist)
    size = WRIST_TO_KNUCKLE * float(np.hypot(right, down))
    return Roi(x=float(middle[0]), y=float(middle[1]), size=size, angle=float(np.arctan2(right, -down))).shifted(0, UP)


def hand_roi(centre: Array, down: Array) -> Roi:
    """The region of the recrop network's two points: the hand's centre, and one straight towards the wrist."""
    right, below = (float(value) for value in down - centre)
    size = 2 * float(np.hypot(right, below))
    return Roi(x=float(centre[0]), y=float(centre[1]), size=size, angle=float(np.arctan2(-right, below))).shifted(0, UP)


def same_hand(a: Hand, b: Hand) -> bool:
    """Whether two finds are one hand of the picture: their points lie closer than a fifth of its extent."""
    apart = float(np.linalg.norm(a.xy - b.xy, axis=1).mean())
    return apart < 0.2 * float(np.ptp(a.xy, axis=0).max())
