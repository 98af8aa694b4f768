"""Stick figures: the paper's, against a plain second writing of its description and stored pictures; and ours."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dancedouble.conditioning import FigureConditioner
from dancedouble.pose.keypoints import Pose
from dancedouble.pose.skeleton import FACE, INDEX, LEFT_HAND, RIGHT_HAND
from dancedouble.rendering.palette import BODY_23, BODY_25, HAND_BONES
from dancedouble.rendering.stick_figure import draw_paper_figure, draw_stick_figure
from pose_fixtures import Body, Camera, dance, film

GOLDEN = Path(__file__).parent / "golden"
CANVAS = (1080, 1920)

# As published: BGR on the canvas, reversed at the end.
BODY_COLORS = (
    (255, 0, 0), (255, 55, 0), (255, 110, 0), (255, 165, 0), (255, 215, 0), (255, 235, 0), (255, 255, 0), (255, 0, 0),
    (175, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85), (0, 255, 170), (25, 25, 128), (0, 85, 255), (0, 170, 255),
    (0, 212.5, 255), (0, 255, 255), (255, 0, 0), (255, 0, 255), (238, 130, 238), (138, 43, 226), (75, 0, 130),
)  # fmt: skip
BODY_LIMBS = (
    "0-1 1-2 2-3 0-4 4-5 5-6 0-7 7-8 8-9 9-10 10-11 10-12 7-13 13-14 14-15 15-16 15-17 0-18 18-19 19-20 18-21 21-22"
)
BODY_POINTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 22, 23, 12, 13, 14, 19, 20, 0, 15, 17, 16, 18)
HAND_COLORS = (
    (230, 53, 40), (231, 115, 64), (233, 136, 31), (213, 160, 13), (217, 200, 19), (170, 210, 35), (139, 228, 48),
    (83, 214, 45), (77, 192, 46), (83, 213, 133), (82, 223, 190), (80, 184, 197), (78, 140, 189), (86, 112, 208),
    (83, 73, 217), (123, 46, 183), (189, 102, 255), (218, 83, 232), (229, 65, 189), (236, 61, 141), (255, 102, 145),
)  # fmt: skip
HAND_LIMBS = "1-2 2-3 3-4 5-6 6-7 7-8 9-10 10-11 11-12 13-14 14-15 15-16 17-18 18-19 19-20 0-1 0-5 0-9 0-13 0-17"


def pairs(text: str) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for a, b in (limb.split("-") for limb in text.split())]


def paper_by_the_letter(xy: NDArray[np.float32], score: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Section 1.3 on the 1080 × 1920 canvas, every limb blended over the whole picture."""
    canvas = np.full((*CANVAS, 3), 255, np.uint8)

    def limb(a: NDArray[np.float32], b: NDArray[np.float32], width: int, color: tuple[float, ...]) -> None:
        nonlocal canvas
        (x0, y0), (x1, y1) = (float(a[0]), float(a[1])), (float(b[0]), float(b[1]))
        copy = canvas.copy()
        polygon = cv2.ellipse2Poly(
            (int((x0 + x1) / 2), int((y0 + y1) / 2)), (int(math.hypot(x1 - x0, y1 - y0) / 2), width),
            int(math.degrees(math.atan2(y0 - y1, x0 - x1))), 0, 360, 1,
        )  # fmt: skip
        cv2.fillConvexPoly(copy, polygon, color)
        canvas = cv2.addWeighted(canvas, 0.4, copy, 0.6, 0)

    body, c = xy[list(BODY_POINTS)], score[list(BODY_POINTS)]
    for k in range(23):
        if c[k] > 0:
            cv2.circle(canvas, (int(body[k, 0]), int(body[k, 1])), 8, BODY_COLORS[k], thickness=-1)
    for a, b in pairs(BODY_LIMBS):
        if c[a] > 0 and c[b] > 0:
            limb(body[a], body[b], 4, BODY_COLORS[a])
    if score[FACE].sum() / 70 >= 0.2:
        for k in (27, 30, 8, 0, 16, 33, 68, 69):
            if score[FACE][k] > 0:
                cv2.circle(canvas, (int(xy[FACE][k, 0]), int(xy[FACE][k, 1])), 4, (0, 0, 0), thickness=-1)
    for hand in (RIGHT_HAND, LEFT_HAND):
        for k in range(21):
            if score[hand][k] > 0.05:
                cv2.circle(canvas, (int(xy[hand][k, 0]), int(xy[hand][k, 1])), 3, HAND_COLORS[k], thickness=-1)
        for a, b in pairs(HAND_LIMBS):
            if score[hand][a] > 0.05 and score[hand][b] > 0.05:
                limb(xy[hand][a], xy[hand][b], 2, HAND_COLORS[b])
    return np.ascontiguousarray(canvas[..., ::-1])


def a_pose(seed: int, size: tuple[int, int] = CANVAS) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    camera = Camera(size=size, focal=1.3 * min(size), height=1.0)
    poses = film(dance(40, seed=seed), camera=camera)
    xy, score = poses.xy[20].copy(), poses.score[20].copy()
    spread = np.random.default_rng(seed).normal(0, 0.02 * min(size), (42, 2))
    xy[LEFT_HAND.start : RIGHT_HAND.stop] += spread.astype(np.float32)
    return xy, score


@pytest.mark.parametrize("seed", range(4))
def test_paper_figure_is_the_description_bit_for_bit(seed: int) -> None:
    xy, score = a_pose(seed)
    random = np.random.default_rng(seed)
    score[random.random(137) < 0.15 * seed] = 0
    xy[random.integers(0, 137, 3)] += 800  # partly or wholly out of the picture
    expected = paper_by_the_letter(xy, score)
    np.testing.assert_array_equal(draw_paper_figure(xy, score, CANVAS, CANVAS), expected)
    small = np.asarray(Image.fromarray(expected).resize((1024, 512), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(draw_paper_figure(xy, score, CANVAS, (512, 1024)), small)


@pytest.mark.parametrize(
    ("name", "size"), [("paper_landscape", (256, 512)), ("paper_portrait", (512, 288)), ("smooth_white", (288, 256))]
)
def test_figures_match_the_stored_pictures(name: str, size: tuple[int, int]) -> None:
    """A change of library may move a rounding; a change of ours moves strokes or colours."""
    frame = CANVAS if "landscape" in name else (1920, 1080)
    xy, score = a_pose(7, frame if "paper" in name else size)
    if "paper" in name:
        picture = draw_paper_figure(xy, score, frame, size)
    else:
        picture = draw_stick_figure(xy, score, size, face_points=22)
    stored = np.asarray(Image.open(GOLDEN / f"{name}.png").convert("RGB")).astype(int)
    assert np.abs(picture - stored).mean() < 0.02
    assert np.abs(picture - stored).max() <= 40


def test_canvas_of_other_frames_has_a_short_side_of_1080() -> None:
    """A 720p frame is drawn as its 1080p enlargement."""
    xy, score = a_pose(1)
    small = draw_paper_figure(xy / 1.5, score, (720, 1280), (512, 1024))
    assert np.abs(small.astype(int) - draw_paper_figure(xy, score, CANVAS, (512, 1024))).mean() < 0.5
    assert draw_paper_figure(*a_pose(1, (960, 540)), (960, 540), (512, 288)).shape == (512, 288, 3)


@pytest.mark.parametrize("size", [(512, 1024), (288, 512), (300, 500), (64, 96), (1080, 1910), (2160, 3840)])
def test_resizing_what_is_inked_equals_resizing_all(size: tuple[int, int]) -> None:
    for seed in (1, 2):
        xy, score = a_pose(seed)
        xy[INDEX["right_wrist"]] = (1915, 1075)  # ink to the corner
        whole = Image.fromarray(draw_paper_figure(xy, score, CANVAS, CANVAS))
        expected = np.asarray(whole.resize(size[::-1], Image.Resampling.LANCZOS))
        difference = np.abs(draw_paper_figure(xy, score, CANVAS, size).astype(int) - expected)
        # Ratios that are no binary fraction round differently in a byte here and there.
        assert difference.max() <= (0 if size in {(512, 1024), (288, 512), (2160, 3840)} else 1)
    assert (draw_paper_figure(xy, np.zeros(137, np.float32), CANVAS, size) == 255).all()


@pytest.mark.parametrize("shown", [8, 9, 22])
def test_face_detail_counts_points(shown: int) -> None:
    xy, score = np.zeros((137, 2), np.float32), np.zeros(137, np.float32)
    xy[FACE] = np.stack([np.arange(70) % 10 * 80 + 100, np.arange(70) // 10 * 80 + 100], axis=1)
    score[FACE] = 0.5
    figure = draw_paper_figure(xy, score, CANVAS, CANVAS, face_points=shown)  # type: ignore[arg-type]
    assert cv2.connectedComponents((figure[..., 0] == 0).astype(np.uint8))[0] - 1 == shown
    score[FACE] = 0.19
    assert (draw_paper_figure(xy, score, CANVAS, CANVAS) == 255).all()


def test_hands_need_more_than_a_trace_of_confidence() -> None:
    xy, score = a_pose(2)
    body_only = np.where(np.arange(137) < 25, score, 0).astype(np.float32)
    faint = body_only.copy()
    faint[LEFT_HAND.start :] = 0.05
    size = (540, 960)
    np.testing.assert_array_equal(draw_stick_figure(xy / 2, faint, size), draw_stick_figure(xy / 2, body_only, size))
    faint[LEFT_HAND.start :] = 0.06
    assert (draw_stick_figure(xy / 2, faint, size) != draw_stick_figure(xy / 2, body_only, size)).any()


def test_nobody_is_an_empty_canvas_and_bad_points_are_left_out() -> None:
    nobody = np.zeros(137, np.float32)
    xy, score = a_pose(0)
    assert (draw_stick_figure(xy, nobody, (90, 160)) == 255).all()
    assert (draw_stick_figure(xy, nobody, (90, 160), canvas="black") == 0).all()
    wild = xy.copy()
    wild[INDEX["left_wrist"]] = (np.nan, 3)
    wild[INDEX["right_wrist"]] = (1e9, -1e9)
    hidden = score.copy()
    hidden[[INDEX["left_wrist"], INDEX["right_wrist"]]] = 0
    np.testing.assert_array_equal(draw_stick_figure(wild, score, CANVAS), draw_stick_figure(wild, hidden, CANVAS))


def test_limb_colors_sit_where_the_limbs_are() -> None:
    """The left forearm's middle has the left elbow's colour over white, at any size and half-pixel shift."""
    for size in ((1080, 1920), (360, 640)):
        xy, score = a_pose(3, size)
        score[LEFT_HAND] = 0
        figure = draw_stick_figure(xy + 0.37, score, size)
        middle = (xy[INDEX["left_elbow"]] + xy[INDEX["left_wrist"]]) / 2 + 0.37
        color = np.array(BODY_23.colors[5]) * 0.6 + 255 * 0.4
        assert np.abs(figure[int(middle[1]), int(middle[0])] - color).max() <= 3


def test_smooth_strokes_follow_sub_pixel_motion() -> None:
    """An eighth of a pixel changes the picture, and the ink's centre moves by that much."""
    xy, score = np.full((137, 2), 50, np.float32), np.zeros(137, np.float32)
    score[INDEX["nose"]] = 1
    centers = []
    for shift in (0.0, 0.125, 0.5):
        ink = 255.0 - draw_stick_figure(xy + np.float32(shift), score, (100, 100))[..., 0]
        centers.append((ink * (np.arange(100) + 0.5)).sum() / ink.sum())
    assert centers == pytest.approx([50, 50.125, 50.5], abs=0.05)


def test_smooth_blending_in_the_box_equals_blending_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    xy, score = a_pose(5, (360, 640))
    fast = draw_stick_figure(xy, score, (360, 640))

    def whole(image, outline, color, *, line=8, shift=0) -> None:  # type: ignore[no-untyped-def]
        filled = image.copy()
        cv2.fillConvexPoly(filled, outline, color, lineType=line, shift=shift)
        image[:] = cv2.addWeighted(image, 0.4, filled, 0.6, 0)

    monkeypatch.setattr("dancedouble.rendering.stick_figure._blend_polygon", whole)
    np.testing.assert_array_equal(draw_stick_figure(xy, score, (360, 640)), fast)


def test_drawing_over_a_picture_keeps_the_picture() -> None:
    xy, score = a_pose(4, (180, 320))
    photo = np.random.default_rng(0).integers(0, 255, (180, 320, 3), np.uint8)
    before = photo.copy()
    drawn = draw_stick_figure(xy, score, (180, 320), over=photo)
    np.testing.assert_array_equal(photo, before)
    assert (drawn[:20] == photo[:20]).all() and (drawn != photo).any()
    with pytest.raises(ValueError, match="expected"):
        draw_stick_figure(xy, score, (180, 321), over=photo)


def test_palettes_are_complete() -> None:
    assert tuple(tuple(round(c) for c in color[::-1]) for color in BODY_COLORS) == BODY_23.colors
    assert BODY_23.limbs == tuple(pairs(BODY_LIMBS)) and BODY_23.points == BODY_POINTS
    assert tuple(pairs(HAND_LIMBS)) == HAND_BONES
    assert len(BODY_25.colors) == 25 and len(BODY_25.limbs) == 24
    xy, score = a_pose(0)
    heel = xy[INDEX["left_heel"]]
    with_heels = draw_stick_figure(xy, score, CANVAS, palette=BODY_25)
    assert tuple(with_heels[int(heel[1]), int(heel[0])]) == BODY_25.colors[21]


def test_a_part_of_a_figure_is_cut_from_the_whole() -> None:
    poses = film(dance(3, 10.0, seed=4), Body(), Camera(size=(304, 224), fps=Fraction(10), focal=500.0))
    for xy, score in zip(poses.xy, poses.score, strict=True):
        whole = draw_stick_figure(xy, score, poses.size)
        x, y = xy[INDEX["nose"]].round().astype(int).tolist()
        for top, left in ((y - 32, x - 32), (y, x - 60), (y + 50, x)):
            part = (max(top, 0), max(left, 0), max(top, 0) + 64, max(left, 0) + 64)
            top, left, bottom, right = part
            drawn = draw_stick_figure(xy, score, poses.size, part=part)
            apart = np.abs(drawn.astype(int) - whole[top:bottom, left:right])
            assert apart.max() <= 2, "strokes are smoothed a little differently where the canvas ends"
            assert (whole[top:bottom, left:right] < 255).any()


def test_strokes_are_as_wide_as_what_was_learned_in_a_window_of_another_size() -> None:
    poses = film(dance(2), camera=Camera(size=(360, 640), focal=450))
    middle = np.float32((140, 0))  # a narrow window about the dancer, and the whole
    narrow, whole = (Pose(poses.xy[0] - at, poses.score[0], poses.depth[0]) for at in (middle, np.float32(0)))
    conditioner = FigureConditioner(None, (360, 360))
    drawn = conditioner.figure(whole, (360, 640))[:, 140:500]
    np.testing.assert_array_equal(conditioner.figure(narrow, (360, 360)), drawn)
    pose = whole
    thick = draw_stick_figure(pose.xy, pose.score, (360, 360), strokes_of=(1080, 1080))
    assert (thick < 255).sum() > 2 * (draw_stick_figure(pose.xy, pose.score, (360, 360)) < 255).sum()
