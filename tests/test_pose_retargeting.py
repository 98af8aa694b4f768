"""Limb retargeting: the target's lengths, the dancer's angles, feet on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dancedouble.errors import InputError
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.retargeting import PARTS, Proportions, evened, measure_proportions, retarget_limbs
from dancedouble.pose.skeleton import BODY_LIMBS, FACE, INDEX, LEFT_HAND, RIGHT_HAND
from dancedouble.pose.smoothing import smooth
from pose_fixtures import Body, Camera, add_noise, dance, film, hide, mean_error, stand

NARROW = Body(shoulder=0.13, hip=0.08, upper_arm=0.24, forearm=0.30, torso=0.46, thigh=0.46)
ANKLES = [INDEX["right_ankle"], INDEX["left_ankle"]]


def bones(poses: PoseSequence) -> np.ndarray:
    """(T, bones, 2) every limb of the body as a vector."""
    parents, children = ([INDEX[bone[end]] for bone in BODY_LIMBS] for end in (0, 1))
    return poses.xy[:, children] - poses.xy[:, parents]


def changed(lengths: dict[str, float], **factors: float) -> Proportions:
    return Proportions(lengths={part: length * factors.get(part, 1) for part, length in lengths.items()})


@pytest.fixture
def dancer() -> PoseSequence:
    return film(dance(150, jumps=True, seed=1))


def test_same_proportions_are_the_identity(dancer: PoseSequence) -> None:
    own = measure_proportions(dancer)
    np.testing.assert_allclose(retarget_limbs(dancer, own, own).xy, dancer.xy, atol=1e-3)


def test_lengths_become_the_targets_and_angles_stay(dancer: PoseSequence) -> None:
    own = measure_proportions(dancer)
    factors = dict(zip((*PARTS, "hand", "head"), np.linspace(0.75, 1.3, len(PARTS) + 2), strict=True))
    moved = retarget_limbs(dancer, own, changed(own.lengths, **factors))
    before, after = bones(dancer), bones(moved)
    ratio = np.linalg.norm(after, axis=2) / np.linalg.norm(before, axis=2)
    for part, ends in PARTS.items():
        for bone in ends:
            index = BODY_LIMBS.index(bone if bone in BODY_LIMBS else bone[::-1])
            assert ratio[:, index] == pytest.approx(factors[part], rel=1e-3), part
    cross = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    angle = np.arctan2(cross, (before * after).sum(axis=2))
    assert np.abs(angle).max() < 1e-2
    measured = measure_proportions(moved)
    # The yardstick, nose to ankle, has changed too: compare against one part.
    for part in PARTS:
        expected = own.lengths[part] * factors[part] / (own.lengths["thigh"] * factors["thigh"])
        assert measured.lengths[part] / measured.lengths["thigh"] == pytest.approx(expected, rel=0.03)


def test_proportions_are_measured_despite_noise_and_depth() -> None:
    """Estimated from another dance of the same body, walking nearer and farther, seen by another camera."""
    camera = Camera(height=1.4, distance=3.6, focal=700, size=(1080, 810))
    one = measure_proportions(film(dance(200, seed=1)))
    other = measure_proportions(smooth(add_noise(film(dance(300, wander=0.7, seed=2), camera=camera), 2)))
    for part in PARTS:
        assert other.lengths[part] == pytest.approx(one.lengths[part], rel=0.15), part
    narrow = measure_proportions(film(dance(300, wander=0.7, seed=2), NARROW, camera))
    assert narrow.lengths["shoulder"] < 0.85 * one.lengths["shoulder"]
    assert narrow.lengths["forearm"] > 1.05 * one.lengths["forearm"]


def test_narrower_shoulders_are_narrower_in_every_frame() -> None:
    """The fault this exists for: broad shoulders made frontal poses of one body look like turned ones of another."""
    motion = dance(200, seed=4)
    source, truth = film(motion), film(motion, NARROW)
    target = film(dance(200, seed=5), NARROW)
    moved = retarget_limbs(source, measure_proportions(source), measure_proportions(target))
    right, left = INDEX["right_shoulder"], INDEX["left_shoulder"]

    def width(poses: PoseSequence) -> np.ndarray:
        return np.asarray(np.linalg.norm(poses.xy[:, right] - poses.xy[:, left], axis=1))

    assert np.abs(width(source) - width(truth)).mean() > 3 * np.abs(width(moved) - width(truth)).mean()
    assert mean_error(moved, truth) < 0.7 * mean_error(source, truth)


def test_the_supporting_foot_stays() -> None:
    lifts = np.stack([np.maximum(np.sin(np.linspace(0, 12, 200)), 0), np.maximum(-np.sin(np.linspace(0, 12, 200)), 0)])
    dancer = film(replace(stand(200), leg=lifts.T))
    own = measure_proportions(dancer)
    moved = retarget_limbs(dancer, own, changed(own.lengths, thigh=1.3, shin=0.8, hip=1.4, torso=0.8))
    y = dancer.xy[:, ANKLES, 1]
    apart = np.abs(y[:, 0] - y[:, 1])
    lower = np.array(ANKLES)[y.argmax(axis=1)]
    frames = np.arange(len(y))
    slip = np.linalg.norm(moved.xy[frames, lower] - dancer.xy[frames, lower], axis=1)
    height = np.ptp(dancer.xy[0, :25, 1])
    assert (apart > 0.12 * height).any()
    assert slip[apart > 0.12 * height].max() < 0.01 * height
    assert slip.max() < 0.03 * height
    hips = np.diff(moved.xy[:, INDEX["mid_hip"]], axis=0)
    assert np.linalg.norm(hips, axis=1).max() < 0.03 * height  # no hop as the weight changes feet


def test_hands_and_face_go_with_wrist_and_head(dancer: PoseSequence) -> None:
    own = measure_proportions(dancer)
    moved = retarget_limbs(dancer, own, changed(own.lengths, forearm=1.2, hand=1.5, neck=1.2, head=0.8))
    for hand, wrist, growth in (
        (LEFT_HAND, "left_wrist", 1.5), (RIGHT_HAND, "right_wrist", 1.5), (FACE, "nose", 0.8)
    ):  # fmt: skip
        before = dancer.xy[:, hand] - dancer.xy[:, [INDEX[wrist]]]
        after = moved.xy[:, hand] - moved.xy[:, [INDEX[wrist]]]
        np.testing.assert_allclose(after, before * growth, atol=0.01)


def test_a_face_without_a_nose_stays_on_its_neck(dancer: PoseSequence) -> None:
    """As when somebody turns away: an unseen point is at (0, 0), and nothing may be measured from there."""
    own = measure_proportions(dancer)
    xy = dancer.xy.copy()
    xy[:, INDEX["nose"]] = 0
    blind = replace(hide(dancer, "nose"), xy=xy)
    moved = retarget_limbs(blind, own, changed(own.lengths, torso=1.2, head=0.8))
    neck = [INDEX["neck"]]
    before, after = (poses.xy[:, FACE].mean(axis=1) - poses.xy[:, neck][:, 0] for poses in (blind, moved))
    np.testing.assert_allclose(after, before, atol=0.01)
    np.testing.assert_allclose(np.ptp(moved.xy[:, FACE], axis=1), 0.8 * np.ptp(blind.xy[:, FACE], axis=1), atol=0.01)


def test_feet_keep_their_shape(dancer: PoseSequence) -> None:
    own = measure_proportions(dancer)
    moved = retarget_limbs(dancer, own, changed(own.lengths, shin=1.25))
    for side in ("left", "right"):
        foot = [INDEX[f"{side}_{point}"] for point in ("big_toe", "small_toe", "heel")]
        ankle = [INDEX[f"{side}_ankle"]]
        before, after = (poses.xy[:, foot] - poses.xy[:, ankle] for poses in (dancer, moved))
        np.testing.assert_allclose(after, 1.25 * before, atol=0.01)


def test_points_not_seen_pass_the_motion_on(dancer: PoseSequence) -> None:
    """Without elbows the wrists still follow the shoulders; a part nobody measured keeps the dancer's length."""
    blind = hide(dancer, "left_elbow", "right_elbow")
    own = measure_proportions(blind)
    assert "upper_arm" not in own.lengths and "forearm" not in own.lengths
    moved = retarget_limbs(blind, own, changed(own.lengths, torso=1.2))
    for side in ("left", "right"):
        arm = blind.xy[:, INDEX[f"{side}_wrist"]] - blind.xy[:, INDEX[f"{side}_shoulder"]]
        new = moved.xy[:, INDEX[f"{side}_wrist"]] - moved.xy[:, INDEX[f"{side}_shoulder"]]
        np.testing.assert_allclose(new, arm, atol=0.01)
    full = retarget_limbs(dancer, own, measure_proportions(film(stand(60), NARROW)))
    length = np.linalg.norm(bones(full)[:, 2], axis=1) / np.linalg.norm(bones(dancer)[:, 2], axis=1)
    assert BODY_LIMBS[2] == ("right_elbow", "right_wrist")
    np.testing.assert_allclose(length, 1, rtol=1e-4)


def test_impossible_proportions_are_limited(dancer: PoseSequence) -> None:
    own = measure_proportions(dancer)
    moved = retarget_limbs(dancer, own, changed(own.lengths, forearm=5.0, thigh=0.01))
    ratio = np.linalg.norm(bones(moved), axis=2) / np.linalg.norm(bones(dancer), axis=2)
    assert ratio.max() < 1.7 and ratio.min() > 0.55


def test_absent_frames_and_no_yardstick(dancer: PoseSequence) -> None:
    score = dancer.score.copy()
    score[40:60] = 0
    own = measure_proportions(dancer)
    moved = retarget_limbs(replace(dancer, score=score), own, changed(own.lengths, shin=1.2))
    np.testing.assert_array_equal(moved.score, score)
    assert np.isfinite(moved.xy).all()
    with pytest.raises(InputError, match="no frame shows"):
        measure_proportions(replace(dancer, score=np.zeros_like(score)))


def test_evened_proportions_make_nobody_taller() -> None:
    source = Proportions(lengths={"neck": 0.14, "torso": 0.33, "thigh": 0.26, "shin": 0.27, "forearm": 0.2})
    target = Proportions(lengths={"neck": 0.15, "torso": 0.36, "thigh": 0.27, "shin": 0.27, "forearm": 0.2})
    even = evened(target, source).lengths
    parts = ("neck", "torso", "thigh", "shin")
    assert sum(even[part] for part in parts) == pytest.approx(sum(source.lengths[part] for part in parts))
    assert even["torso"] / even["thigh"] == pytest.approx(0.36 / 0.27), "the build stays the target's"
    assert evened(source, source).lengths == pytest.approx(source.lengths)
    unmeasured = Proportions(lengths={"forearm": 0.2})
    assert evened(target, unmeasured) is target


def test_broader_hips_do_not_spread_the_feet() -> None:
    poses = film(dance(60, seed=4))
    built = measure_proportions(poses)
    broad = Proportions(lengths={**built.lengths, "hip": 1.4 * built.lengths["hip"]})
    wide = retarget_limbs(poses, built, broad)

    def width(sequence: PoseSequence, joint: str) -> float:
        left, right = (sequence.xy[:, INDEX[f"{side}_{joint}"], 0] for side in ("left", "right"))
        return float(np.abs(left - right).mean())

    assert width(wide, "hip") > 1.3 * width(poses, "hip")
    assert abs(width(wide, "ankle") - width(poses, "ankle")) < 0.1 * width(poses, "hip")
