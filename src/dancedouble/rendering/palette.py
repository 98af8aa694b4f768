"""Colours and drawing order of the stick figure, as data. Colours are RGB as they appear in the picture."""

from __future__ import annotations

from dataclasses import dataclass

Color = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Palette:
    """How one body layout is drawn: which of the 25 body points, in which order, colours and limbs."""

    points: tuple[int, ...]
    """Index into BODY_25 of each drawn point."""
    colors: tuple[Color, ...]
    """One RGB colour per drawn point; a limb takes the colour of its first point."""
    limbs: tuple[tuple[int, int], ...]
    """Pairs of positions in ``points``, in drawing order (later limbs blend over earlier ones)."""


BODY_23 = Palette(
    points=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 12, 13, 14, 19, 20, 0, 15, 17, 16, 18),
    # Left ankle's green is 212.5 in the published table; a byte canvas rounds it to 212.
    colors=(
    (0, 0, 255), (0, 55, 255), (0, 110, 255), (0, 165, 255), (0, 215, 255), (0, 235, 255),
    (0, 255, 255), (0, 0, 255), (0, 255, 175), (0, 255, 85), (0, 255, 0), (85, 255, 0),
    (170, 255, 0), (128, 25, 25), (255, 85, 0), (255, 170, 0), (255, 212, 0), (255, 255, 0),
    (0, 0, 255), (255, 0, 255), (238, 130, 238), (226, 43, 138), (130, 0, 75), ),
    limbs=(
        (0, 1), (1, 2), (2, 3), (0, 4), (4, 5), (5, 6), (0, 7), (7, 8), (8, 9), (9, 10), (10, 11), (10, 12),
        (7, 13), (13, 14), (14, 15), (15, 16), (15, 17), (0, 18), (18, 19), (19, 20), (18, 21), (21, 22),
    ),
)  # fmt: skip
"""The paper's: BODY_25 without heels, neck first. The figures of training and transfer share it."""

BODY_25 = Palette(
    points=tuple(range(25)),
    colors=(
    (85, 0, 255), (0, 0, 255), (0, 85, 255), (0, 170, 255), (0, 255, 255), (0, 255, 170),
    (0, 255, 85), (0, 255, 0), (0, 0, 255), (85, 255, 0), (170, 255, 0), (255, 255, 0),
    (255, 170, 0), (255, 85, 0), (255, 0, 0), (170, 0, 255), (255, 0, 170), (255, 0, 255),
    (255, 0, 85), (255, 0, 0), (255, 0, 0), (255, 0, 0), (255, 255, 0), (255, 255, 0),
    (255, 255, 0), ),
    limbs=(
        (0, 1), (0, 15), (0, 16), (1, 2), (1, 5), (1, 8), (2, 3), (3, 4), (5, 6), (6, 7), (8, 9), (8, 12),
        (9, 10), (10, 11), (11, 22), (11, 24), (12, 13), (13, 14), (14, 19), (14, 21), (15, 17), (16, 18),
        (19, 20), (22, 23),
    ),
)  # fmt: skip
"""OpenPose's own 25 points, heels included."""

HAND_COLORS: tuple[Color, ...] = (
    (40, 53, 230), (64, 115, 231), (31, 136, 233), (13, 160, 213), (19, 200, 217), (35, 210, 170),
    (48, 228, 139), (45, 214, 83), (46, 192, 77), (133, 213, 83), (190, 223, 82), (197, 184, 80),
    (189, 140, 78), (208, 112, 86), (217, 73, 83), (183, 46, 123), (255, 102, 189), (232, 83, 218),
    (189, 65, 229), (141, 61, 236), (145, 102, 255),
)  # fmt: skip
"""One colour per hand point; a bone takes the colour of its second point."""

HAND_BONES = tuple((tip - 1, tip) for base in (1, 5, 9, 13, 17) for tip in range(base + 1, base + 4)) + tuple(
    (0, base) for base in (1, 5, 9, 13, 17)
)
"""Fingers from the palm outward, then the wrist to each finger."""

FACE_POINTS = {
    8: (27, 30, 8, 0, 16, 33, 68, 69),
    9: (27, 30, 8, 0, 16, 33, 68, 69, 62),
    22: (27, 30, 8, 0, 16, 31, 33, 35, 68, 69, 36, 39, 42, 45, 17, 21, 22, 26, 48, 51, 54, 57),
}
"""Which of the 70 face points are drawn. 8: bridge, nose tip, chin, jaw ends, nose base, pupils; 9 adds the
mouth; 22 adds brows, eye corners, nostrils and lips."""
