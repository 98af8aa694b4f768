"""The canonical skeleton: OpenPose's BODY_25, 70 face points and 2 × 21 hand points, as data.

Every other format is converted to it at the border. Index ranges inside the 137 points of a pose:
``BODY`` 0–24, ``FACE`` 25–94, ``LEFT_HAND`` 95–115, ``RIGHT_HAND`` 116–136. Left and right are the person's own.
"""

from __future__ import annotations

BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""Names of the 25 body points, in OpenPose's order."""

BODY = slice(0, 25)
FACE = slice(25, 95)
LEFT_HAND = slice(95, 116)
RIGHT_HAND = slice(116, 137)
POINTS = 137
"""Points of one pose."""

INDEX = {name: index for index, name in enumerate(BODY_25)}
"""Body point name → index, e.g. ``INDEX["left_ankle"] == 14``."""

PART_SLICES = {"body": BODY, "face": FACE, "left_hand": LEFT_HAND, "right_hand": RIGHT_HAND}

BODY_LIMBS = (
    ("neck", "right_shoulder"), ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("neck", "left_shoulder"), ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("neck", "mid_hip"), ("mid_hip", "right_hip"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    ("right_ankle", "right_big_toe"), ("right_ankle", "right_heel"),
    ("mid_hip", "left_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
    ("left_ankle", "left_big_toe"), ("left_ankle", "left_heel"),
    ("neck", "nose"), ("nose", "right_eye"), ("right_eye", "right_ear"), ("nose", "left_eye"), ("left_eye", "left_ear"),
)  # fmt: skip
"""The body as a tree of bones, parent first, rooted at the neck (see :func:`tree_from`)."""


def body(name: str) -> int:
    """Index of a body point by name; KeyError for a name that is not in BODY_25."""
    return INDEX[name]


def tree_from(root: str) -> tuple[tuple[str, str], ...]:
    """The bones of ``BODY_LIMBS`` as (parent, child) pairs from another root, parents before children."""
    reached, order = [root], []
    for parent in reached:  # grows while it is walked
        for a, b in BODY_LIMBS:
            child = b if a == parent else a if b == parent else None
            if child is not None and child not in reached:
                reached.append(child)
                order.append((parent, child))
    return tuple(order)
