"""Results that are bad on purpose: the metric that should see it does, and says worse the worse it is."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Literal

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.evaluation.definitions import metric_of
from dancedouble.evaluation.frame_metrics import PictureMeter, compare_frames, load_lpips
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.identity_metrics import FaceMeter
from dancedouble.evaluation.pose_metrics import compare_poses, mask_iou
from dancedouble.evaluation.temporal_metrics import MotionMeter
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.weights import available
from synthetic_dancer import Studio, arm_dance, make_poses

Picture = NDArray[np.uint8]
POSES = make_poses(arm_dance(24))
STUDIO = Studio()
TRUTH = STUDIO.draw_all(POSES)
PERSON = [np.abs(frame.astype(int) - STUDIO.wall).sum(axis=2) > 0 for frame in TRUTH]


def late(by: int) -> list[int]:
    """Which true frame is shown at each moment by a result that lags."""
    return [max(0, i - by) for i in range(len(TRUTH))]


def frozen(every: int) -> list[int]:
    """A result that moves on only at every so many frames."""
    return [i - i % every for i in range(len(TRUTH))]


def each(change: Callable[[int, Picture], NDArray[np.generic]]) -> list[Picture]:
    return [np.ascontiguousarray(change(i, frame), np.uint8) for i, frame in enumerate(TRUTH)]


def blurred(sigma: float) -> list[Picture]:
    return each(lambda i, frame: cv2.GaussianBlur(frame, (0, 0), sigma))


def recoloured(share: float) -> list[Picture]:
    """The person with red and blue exchanged, as when channels are mixed up; the wall as it was."""
    return each(lambda i, frame: np.where(PERSON[i][..., None], (1 - share) * frame + share * frame[..., ::-1], frame))


def flickering(levels: int) -> list[Picture]:
    return each(lambda i, frame: cv2.convertScaleAbs(frame, alpha=1, beta=levels * (i % 2)))


def shivering(pixels: int) -> list[Picture]:
    return each(lambda i, frame: np.roll(frame, pixels * (i % 2), axis=1))


def other_face(strength: float) -> list[Picture]:
    """Something else where the face is."""

    def change(i: int, frame: Picture) -> Picture:
        masked = frame.copy()
        x, y = (int(v) for v in POSES.xy[i, 0])
        part = masked[y - 9 : y + 9, x - 9 : x + 9]
        part[...] = ((1 - strength) * part).astype(np.uint8)
        return masked

    return each(change)


def mean_colour(image: Picture, points: NDArray[np.float32]) -> NDArray[np.float64]:
    """In place of a face network."""
    (left, top), (right, bottom) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
    return image[top:bottom, left:right].mean(axis=(0, 1)) / 255


def shown(order: list[int]) -> list[Picture]:
    return [TRUTH[i] for i in order]


def measured(result: list[Picture]) -> FrameTable:
    meters = [PictureMeter(perceptual={}), MotionMeter(), FaceMeter(embed=mean_colour)]
    return compare_frames(result, TRUTH, POSES, meters=meters, masks=PERSON)


def assert_worse(column: str, good: float, bad: float, worse: float) -> None:
    """In the direction that the column's definition says."""
    sign = 1 if metric_of(column).better == "lower" else -1
    assert sign * good < sign * bad < sign * worse, (column, good, bad, worse)


@cache
def perfect() -> FrameTable:
    return measured(TRUTH)


PICTURE_CASES: list[tuple[str, Callable[[], list[Picture]], Callable[[], list[Picture]], tuple[str, ...]]] = [
    ("blurred", lambda: blurred(0.8), lambda: blurred(2.5), ("body.ssim", "body.psnr", "face.ssim", "frame.ssim")),
    ("one frame late", lambda: shown(late(1)), lambda: shown(late(3)), ("body.ssim", "body.psnr",
     "body.temporal_difference", "frame.temporal_difference")),
    ("frozen", lambda: shown(frozen(2)), lambda: shown(frozen(24)), ("body.ssim", "person.psnr")),
    ("wrong colour", lambda: recoloured(0.3), lambda: recoloured(1.0), ("body.psnr", "person.psnr", "body.ssim")),
    ("flickering", lambda: flickering(2), lambda: flickering(9), ("background.flicker", "body.warping_error",
     "frame.warping_error")),
    ("shivering", lambda: shivering(1), lambda: shivering(3), ("background.flicker", "frame.warping_error",
     "frame.temporal_difference")),
    ("another face", lambda: other_face(0.3), lambda: other_face(0.9), ("face.distance", "face.ssim", "face.psnr")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bad", "worse", "columns"), PICTURE_CASES, ids=[case[0] for case in PICTURE_CASES])
def test_bad_pictures_are_seen(
    name: str, bad: Callable[[], list[Picture]], worse: Callable[[], list[Picture]], columns: tuple[str, ...]
) -> None:
    found = [perfect(), measured(bad()), measured(worse())]
    for column in columns:
        assert_worse(column, *(table.mean(column) for table in found))


def test_a_frozen_picture_is_steady_and_still_found_out() -> None:
    """Steadiness alone would praise it: what it lacks is the truth's own change."""
    still = measured(shown(frozen(24)))
    assert still.mean("background.flicker") == perfect().mean("background.flicker") == 0
    assert still.mean("body.temporal_difference") > 0.005 > perfect().mean("body.temporal_difference")


@pytest.mark.parametrize(
    ("bad", "worse"), [(late(1), late(3)), (frozen(2), frozen(24))], ids=["one frame late", "frozen"]
)
def test_bad_timing_shows_in_the_poses(bad: list[int], worse: list[int]) -> None:
    def posed(order: list[int]) -> FrameTable:
        xy, score = POSES.xy[order], POSES.score[order]
        return compare_poses(PoseSequence(xy=xy, score=score, depth=POSES.depth, size=POSES.size, fps=POSES.fps), POSES)

    found = [posed(order) for order in (list(range(len(TRUTH))), bad, worse)]
    for column in ("pose.distance_body", "pose.distance_hands", "pose.distance_overall", "pose.torso_error"):
        assert_worse(column, *(table.mean(column) for table in found))


def test_what_is_lost_of_the_person_is_missed() -> None:
    def without(points: slice) -> FrameTable:
        score = POSES.score.copy()
        score[:, points] = 0
        return compare_poses(
            PoseSequence(xy=POSES.xy, score=score, depth=POSES.depth, size=POSES.size, fps=POSES.fps), POSES
        )

    found = [without(slice(0, 0)), without(slice(2, 5)), without(slice(2, 8))]  # an arm, both arms
    assert_worse("pose.missed_body", *(table.mean("pose.missed_body") for table in found))
    assert found[1].mean("pose.missed_face") == 0.0
    masks = [PERSON[0], np.roll(PERSON[0], 3, axis=1), np.roll(PERSON[0], 12, axis=1)]
    assert_worse("person.mask_iou", *(mask_iou(mask, PERSON[0]) for mask in masks))


LPIPS_CASES = [("alex", case[0]) for case in PICTURE_CASES if case[0] not in ("flickering", "shivering")]


@pytest.mark.weights
@pytest.mark.parametrize(("backbone", "name"), [*LPIPS_CASES, ("vgg", "blurred")])
def test_lpips_sees_all_of_them(backbone: Literal["alex", "vgg"], name: str) -> None:
    if not available({"alex": "lpips_alexnet", "vgg": "lpips_vgg16"}[backbone]):
        pytest.skip("the LPIPS weights are not here")
    meter = PictureMeter(perceptual={f"lpips_{backbone}": load_lpips(backbone)})
    _, bad, worse, _ = next(case for case in PICTURE_CASES if case[0] == name)
    few = slice(6, 9)
    found = [
        compare_frames(pictures[few], TRUTH[few], POSES[6:9], meters=[meter]) for pictures in (TRUTH, bad(), worse())
    ]
    column = f"{'face' if name == 'another face' else 'body'}.lpips_{backbone}"
    assert found[0].mean(column) == 0.0
    assert_worse(column, *(table.mean(column) for table in found))
