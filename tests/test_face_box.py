"""The face box: the paper's rule at the paper's size, whole boxes everywhere else."""

from __future__ import annotations

import numpy as np
import pytest

from dancedouble.pose.skeleton import INDEX
from dancedouble.rendering.face_box import FaceBox, face_box, face_side

PAPER = (512, 1024)


def pose(**points: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    xy, score = np.zeros((137, 2), np.float32), np.zeros(137, np.float32)
    for name, place in points.items():
        xy[INDEX[name]], score[INDEX[name]] = place, 0.9
    return xy, score


def paper_rule(x: float, y: float) -> tuple[int, int, int, int]:
    """Section 1.4 said plainly, for a centre on the 1080 × 1920 canvas, away from the borders."""
    edges = []
    for center, ratio in ((y, 512 / 1080), (x, 1024 / 1920)):
        low, high = int((center - 70) * ratio), int((center + 70) * ratio)
        high += (128 - (high - low)) // 2
        edges += [high - 128, high]
    return tuple(edges)  # type: ignore[return-value]


@pytest.mark.parametrize("center", [(960.0, 300.0), (403.7, 221.3), (1500.5, 700.25)])
def test_box_is_the_papers_inside_the_picture(center: tuple[float, float]) -> None:
    xy, score = pose(nose=(center[0] * 1024 / 1920, center[1] * 512 / 1080))
    box = face_box(xy, score, PAPER)
    assert box is not None
    assert (box.top, box.bottom, box.left, box.right) == paper_rule(*center)


def test_nose_then_both_ears_then_one() -> None:
    ears = {"right_ear": (400.0, 200.0), "left_ear": (440.0, 210.0)}
    nose = face_box(*pose(nose=(300, 250), **ears), PAPER)
    both = face_box(*pose(**ears), PAPER)
    left = face_box(*pose(left_ear=ears["left_ear"]), PAPER)
    assert nose and both and left
    assert nose == face_box(*pose(nose=(300, 250)), PAPER)
    assert both == face_box(*pose(nose=(420, 205)), PAPER)
    assert left == face_box(*pose(nose=ears["left_ear"]), PAPER)


def test_no_face_no_box() -> None:
    assert face_box(*pose(neck=(300, 200)), PAPER) is None
    assert face_box(*pose(nose=(-20, 200)), PAPER) is None


@pytest.mark.parametrize("size", [(512, 1024), (256, 256), (1088, 608), (384, 384)])
@pytest.mark.parametrize("corner", [(0.0, 0.0), (0.99, 0.01), (0.5, 0.995), (0.02, 0.5)])
def test_box_is_always_whole_and_inside(size: tuple[int, int], corner: tuple[float, float]) -> None:
    xy, score = pose(nose=(corner[0] * size[1], corner[1] * size[0]))
    box = face_box(xy, score, size)
    assert box is not None
    side = face_side(size)
    assert (box.bottom - box.top, box.right - box.left) == (side, side)
    assert box.top >= 0 and box.bottom <= size[0] and box.left >= 0 and box.right <= size[1]


def test_side_follows_the_picture() -> None:
    assert face_side((512, 1024)) == 128
    assert face_side((256, 512)) == 64
    assert face_side((1024, 512)) == 128
    assert face_box(*pose(nose=(50, 50)), (100, 100), side=300) == FaceBox(0, 100, 0, 100)
