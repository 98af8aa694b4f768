"""Poses that move as the picture does: trembling goes, motion stays, and what nobody saw ties nothing together."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.pose.estimator import PersonPose, Roi, bounds
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.pixel_motion import COLUMNS, JOINTS, FlowMeter, Motion, follow_pixels
from dancedouble.pose.skeleton import LEFT_HAND, body
from synthetic_dancer import SIZE, Stance, make_pose

FRAMES = 60


def truth() -> PoseSequence:
    """Somebody whose points all swing, each by its own way."""
    times = np.arange(FRAMES) / 25
    stance = make_pose(Stance())[0]
    sway = 20 * np.sin(2.5 * times[:, None, None] + np.arange(137)[:, None] * 0.1 + np.array([0, 1.5]))
    xy = (stance + sway).astype(np.float32)
    score = np.ones((FRAMES, 137), np.float32)
    return PoseSequence(xy=xy, score=score, depth=np.zeros_like(score), size=SIZE, fps=Fraction(25))


def motion_of(poses: PoseSequence) -> Motion:
    """What a perfect flow says of true poses."""
    moved = np.diff(poses.xy[:, COLUMNS], axis=0)
    return Motion(moved, np.ones(moved.shape[:2], np.float32), np.ones(len(moved), np.float32))


def trembling(poses: PoseSequence, pixels: float = 2.0) -> PoseSequence:
    """As a detector sees them; hands go with their wrists."""
    noise = np.random.default_rng(0).normal(0, pixels, poses.xy.shape)
    noise[:, LEFT_HAND] = noise[:, [body("left_wrist")]]
    return replace(poses, xy=(poses.xy + noise).astype(np.float32))


def miss(found: PoseSequence, true: PoseSequence, points: list[int] | slice = COLUMNS) -> float:
    """Mean distance in pixels."""
    return float(np.linalg.norm(found.xy[:, points] - true.xy[:, points], axis=-1).mean())


def test_trembling_goes_and_motion_stays() -> None:
    true = truth()
    seen = trembling(true)
    followed = follow_pixels(seen, motion_of(true))
    assert miss(followed, true) < 0.6 * miss(seen, true)
    assert miss(followed, true, LEFT_HAND) < 0.6 * miss(seen, true, LEFT_HAND), "hands go with their wrists"
    assert miss(follow_pixels(true, motion_of(true)), true) < 1e-3


def test_a_surface_that_slides_evenly_moves_no_joint() -> None:
    true = truth()
    exact = motion_of(true)
    sliding = follow_pixels(true, exact._replace(moved=exact.moved + np.float32(0.3)))
    assert np.abs(sliding.xy - true.xy)[15:-15].max() < 0.05


def test_flow_that_is_far_from_the_joint_is_not_believed() -> None:
    true = truth()
    exact = motion_of(true)
    wrong = exact.moved.copy()
    wrong[30:33] += 25
    assert np.abs(follow_pixels(true, exact._replace(moved=wrong)).xy - true.xy).max() < 2.0


def test_looks_without_the_person_tie_nothing_together() -> None:
    true = truth()
    exact, seen = motion_of(true), trembling(true)
    score = seen.score.copy()
    score[20:30] = 0
    xy = seen.xy.copy()
    xy[20:30] = -999
    gap = replace(seen, xy=xy, score=score)
    followed = follow_pixels(gap, exact)
    np.testing.assert_array_equal(followed.xy[20:30], gap.xy[20:30])
    apart = follow_pixels(seen[:20], Motion(exact.moved[:19], exact.trust[:19], exact.pixel[:19]))
    np.testing.assert_allclose(followed.xy[:20], apart.xy, atol=1e-3)


def test_there_is_a_look_for_every_pose() -> None:
    with pytest.raises(ValueError, match="19 poses of 60 looks"):
        follow_pixels(truth()[:19], motion_of(truth()))


def test_one_look_is_left_as_it_is() -> None:
    true = truth()[:1]
    np.testing.assert_array_equal(follow_pixels(true, FlowMeter().finish()).xy, true.xy)


# -- measuring --------------------------------------------------------------------------------------------------


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """Something to hold on to everywhere."""
    noise = np.random.default_rng(seed).uniform(0, 255, (60, 60, 3)).astype(np.float32)
    return np.clip(cv2.resize(noise, (480, 480), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


def found(move: tuple[float, float] = (0, 0), scale: float = 2.2) -> PersonPose:
    """Somebody found in a picture of 480 × 480."""
    xy = (make_pose(Stance())[0] * scale + np.array(move)).astype(np.float32)
    score = np.ones(137, np.float32)
    return PersonPose(
        xy=xy, score=score, depth=np.zeros(137, np.float32), mask=None, box=bounds(xy, score), roi=Roi(x=0, y=0, size=1)
    )  # fmt: skip


def test_flow_is_measured_in_pixels_of_the_frame() -> None:
    """A detector that errs by two pixels in the second look does not change what the pictures say."""
    first, meter = picture(), FlowMeter()
    second = np.roll(first, (3, -5), (0, 1))
    meter.look(first, found())
    meter.look(second, found((-5 + 2, 3 - 2)))
    motion = meter.finish()
    assert motion.moved.shape == (1, len(JOINTS), 2)
    np.testing.assert_allclose(motion.moved[0], np.broadcast_to((-5, 3), (len(JOINTS), 2)), atol=0.25)
    assert motion.trust.min() > 0.8
    assert motion.pixel[0] > 1, "somebody of 286 pixels is looked at smaller"


@pytest.mark.parametrize("scale", [1.5, 2.6], ids=["as it is", "made smaller"])
def test_flow_is_measured_where_the_joints_are(scale: float) -> None:
    """Pictures that turn and grow about a point move otherwise at every joint."""
    first, meter = picture(), FlowMeter()
    turn = cv2.getRotationMatrix2D((200, 260), 2.0, 1.02)
    second = np.asarray(cv2.warpAffine(first, turn, (480, 480), borderMode=cv2.BORDER_REFLECT), np.uint8)
    was = found(scale=scale)
    # A pixel's middle lies half a pixel from its corner, where poses count from.
    xy = ((was.xy - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5).astype(np.float32)
    meter.look(first, was)
    meter.look(second, replace(was, xy=xy, box=bounds(xy, was.score)))
    motion = meter.finish()
    inside = ((xy[COLUMNS] > 20) & (xy[COLUMNS] < 460)).all(1)
    missed = np.linalg.norm(motion.moved[0] - (xy - was.xy)[COLUMNS], axis=1)[inside]
    assert inside.sum() >= 8
    assert missed.max() < 0.3 * motion.pixel[0], "what is measured along limbs is a little beside the joint"


def test_a_small_picture_changes_nothing_for_later_ones() -> None:
    shown = picture(), np.roll(picture(), (3, -5), (0, 1))
    alone, after = FlowMeter(), FlowMeter()
    for _ in range(2):
        after.look(shown[0], found(scale=0.2))
    for meter in (alone, after):
        meter.look(shown[0], found())
        meter.look(shown[1], found((-5, 3)))
    np.testing.assert_array_equal(after.finish().moved[-1], alone.finish().moved[-1])


def test_plain_pictures_say_nothing() -> None:
    meter = FlowMeter()
    for move in (0, 3):
        meter.look(np.full((480, 480, 3), 90, np.uint8), found((move, 0)))
    assert meter.finish().trust.max() < 0.01


def test_other_pictures_are_not_trusted() -> None:
    meter = FlowMeter()
    meter.look(picture(0), found())
    meter.look(picture(1), found())
    assert meter.finish().trust.mean() < 0.3


def test_nothing_is_known_of_somebody_who_is_not_there() -> None:
    meter = FlowMeter()
    lost = replace(found(), score=np.where(np.arange(137) == body("left_knee"), 0, 1).astype(np.float32))
    for pose in (found(), None, found(), lost):
        meter.look(picture(), pose)
    trust = meter.finish().trust
    assert not trust[:2].any()
    assert trust[2, JOINTS.index("left_knee")] == 0
    assert trust[2, JOINTS.index("right_knee")] > 0.9


def test_a_body_outside_of_the_frame_is_nothing_to_compare() -> None:
    meter = FlowMeter()
    for _ in range(2):
        meter.look(picture(), found((5000, 0)))
    assert not meter.finish().trust.any()


def test_frames_that_were_steadied_moved_otherwise() -> None:
    true = truth()
    moves = np.random.default_rng(1).normal(0, 3, (FRAMES, 2)).astype(np.float32)
    shaken = replace(true, xy=true.xy + moves[:, None])
    np.testing.assert_allclose(motion_of(shaken).steadied(moves).moved, motion_of(true).moved, atol=1e-3)
