"""Choosing which real pictures to warp."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from dancedouble import references
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, LEFT_HAND, POINTS
from dancedouble.pose_features import group_distances, nearest_distances, pose_distances, pose_features
from dancedouble.references import ReferenceChooser, choose_bank, choose_references, steady_paths
from dancedouble.rendering.body_parts import GROUPS


def dancer(
    arms: np.ndarray, facing: np.ndarray, *, shoulders: float = 40, size: float = 1, depth: bool = True
) -> PoseSequence:
    """T poses with the left arm at angle ``arms`` and the trunk turned by ``facing`` (0 = to the camera)."""
    frames = len(arms)
    xy, z = np.zeros((frames, POINTS, 2), np.float32), np.zeros((frames, POINTS), np.float32)
    score = np.zeros((frames, POINTS), np.float32)

    def put(name: str, x: np.ndarray | float, y: np.ndarray | float, d: np.ndarray | float = 0) -> None:
        xy[:, INDEX[name], 0], xy[:, INDEX[name], 1], z[:, INDEX[name]] = x, y, d
        score[:, INDEX[name]] = 1

    put("neck", 0, 0), put("mid_hip", 0, 60), put("nose", 0, -15)
    for side, sign in (("right", -1), ("left", 1)):
        for joint, width, y in (("shoulder", shoulders, 0), ("hip", 0.7 * shoulders, 60), ("ear", 14, -18)):
            put(f"{side}_{joint}", sign * width / 2 * np.cos(facing), y, sign * width / 2 * np.sin(facing))
        put(f"{side}_knee", sign * 10, 100), put(f"{side}_ankle", sign * 10, 140)
    shoulder = xy[:, INDEX["left_shoulder"]]
    for joint, reach in (("elbow", 25), ("wrist", 50)):
        put(f"left_{joint}", shoulder[:, 0] + reach * np.cos(arms), shoulder[:, 1] + reach * np.sin(arms))
        put(f"right_{joint}", xy[:, INDEX["right_shoulder"], 0], reach)
    xy *= size
    return PoseSequence(
        xy=xy + 200, score=score, size=(400, 400), fps=Fraction(25),
        depth=z * size if depth else np.zeros((0, POINTS), np.float32),
    )  # fmt: skip


def test_the_bank_covers_rare_poses_and_stays_in_the_usable_frames() -> None:
    arms, facing = np.zeros(100), np.zeros(100)
    facing[70:73] = np.pi  # the back is seen for three frames only
    arms[40:42] = -1.5
    usable = [i for i in range(100) if i % 2 == 0]
    bank = choose_bank(dancer(arms, facing), usable, 4)
    assert len(bank) == 4 and bank == sorted(set(bank)) and set(bank) <= set(usable)
    assert any(70 <= i < 73 for i in bank) and any(40 <= i < 42 for i in bank)


def test_a_bank_of_long_footage_does_not_compare_all_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MOST_CANDIDATES", 200)

    def peak(frames: int) -> int:
        time = np.arange(frames) / frames
        poses = dancer(np.sin(20 * time), 3 * time)
        tracemalloc.start()
        try:
            bank = choose_bank(poses, range(frames), 8, sharpness=np.ones(frames).tolist())
            assert len(bank) == 8 and bank[-1] - bank[0] > 0.7 * frames
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(2000) < 20 * peak(200), "it grows with the poses, not with all pairs of them"


def test_the_bank_prefers_sharp_frames_among_equals() -> None:
    poses = dancer(np.repeat([0.0, 1.0], 5), np.zeros(10))
    sharpness = [1.0, 1, 9, 1, 1, 1, 1, 1, 1, 9]
    assert choose_bank(poses, range(10), 2, sharpness=sharpness) == [2, 9]


def test_the_bank_prefers_frames_in_which_every_limb_was_found_among_equals() -> None:
    poses = dancer(np.repeat([0.0, 1.0], 5), np.zeros(10))
    poses.score[[0, 1, 2, 4, 5, 7, 8, 9], INDEX["left_wrist"]] = 0
    assert choose_bank(poses, range(10), 2) == [3, 6]


def test_distances_are_the_same_however_many_poses_are_compared() -> None:
    """Long clips are compared in blocks."""
    poses = dancer(np.linspace(-1.5, 1.5, 300), np.linspace(0, 6, 300))
    features, bank = pose_features(poses), pose_features(poses)[[3, 140, 290]]
    apart = pose_distances(features, bank)
    np.testing.assert_array_equal(apart[250:], pose_distances(features[250:], bank))
    np.testing.assert_array_equal(nearest_distances(features, bank), apart.min(axis=1))
    np.testing.assert_array_equal(group_distances(features, bank)[-1], apart)


def test_narrow_shoulders_do_not_turn_a_frontal_pose_into_a_profile() -> None:
    facing = np.linspace(-np.pi / 2, np.pi / 2, 31)
    bank = dancer(np.zeros(31), facing, shoulders=50)
    query = dancer(np.zeros(31), facing, shoulders=30, size=0.6)
    chosen = choose_references(query, bank, 1, steadiness=0)[:, 0]
    for group in ("trunk", "head"):
        np.testing.assert_allclose(chosen[:, GROUPS.index(group)], np.arange(31), atol=2)


def test_facing_is_told_apart_without_depth_too() -> None:
    facing = np.array([0.0, np.pi])
    bank = dancer(np.zeros(2), facing, depth=False)
    assert choose_references(bank, bank, 1, steadiness=0)[:, 0, 0].tolist() == [0, 1]


def test_choice_does_not_flicker_between_equals() -> None:
    random = np.random.default_rng(0)
    costs = (0.3 + 0.02 * random.standard_normal((60, 5))).astype(np.float32)
    assert len(np.unique(steady_paths(costs, 1, 0.2))) == 1
    assert len(np.unique(steady_paths(costs, 1, 0.0))) > 1


def test_the_path_is_the_cheapest_one() -> None:
    random = np.random.default_rng(1)
    costs = random.random((6, 3)).astype(np.float32)
    every = np.stack(np.meshgrid(*[range(3)] * 6), -1).reshape(-1, 6)
    totals = costs[np.arange(6), every].sum(1) + 0.3 * (np.diff(every, axis=1) != 0).sum(1)
    np.testing.assert_array_equal(steady_paths(costs, 1, 0.3)[:, 0], every[totals.argmin()])


def test_slots_differ_and_small_banks_repeat() -> None:
    poses = dancer(np.linspace(-1, 1, 8), np.zeros(8))
    chosen = choose_references(poses, poses, 3)
    limbs = [index for index, group in enumerate(GROUPS) if group not in ("head", "trunk")]
    assert all(len(set(row)) == 2 for row in chosen[:, :2, limbs].transpose(0, 2, 1).reshape(-1, 2))
    assert (chosen[:, 2, limbs] == chosen[:, 2, limbs[:1]]).all()  # the last one is a whole picture
    assert choose_references(poses, poses[:2], 3).shape == (8, 3, len(GROUPS))


@pytest.mark.parametrize("group", ["head", "trunk"])
def test_no_two_faces_and_no_two_prints_are_blended(group: str) -> None:
    poses = dancer(np.linspace(-1, 1, 8), np.zeros(8))
    shown = choose_references(poses, poses, 3)[:, :, GROUPS.index(group)]
    assert (shown == shown[:, :1]).all()


def test_every_group_comes_from_the_picture_that_shows_it_best() -> None:
    bank = dancer(np.array([1.5, -1.2, 1.5]), np.array([0.0, 1.4, -0.1]))  # only the one turned aside lifts the arm
    query = dancer(np.array([-1.2, 1.5]), np.zeros(2))
    best = dict(zip(GROUPS, choose_references(query, bank, 2, steadiness=0)[0, 0].tolist(), strict=True))
    assert best["left_arm"] == 1
    assert all(picture != 1 for group, picture in best.items() if group != "left_arm")


def test_an_arm_that_shows_its_hand_comes_from_a_picture_that_does_and_nothing_else_cares() -> None:
    bank, query = dancer(np.array([1.0, 1.1]), np.zeros(2)), dancer(np.array([1.0, 1.0]), np.zeros(2))
    for poses, frame in ((bank, 1), (query, 1)):
        hand = np.linspace(0, 12, 21)[:, None] * np.array([0.5, 0.8])
        poses.xy[frame, LEFT_HAND] = poses.xy[frame, INDEX["left_wrist"]] + hand
        poses.score[frame, LEFT_HAND] = 1
    chosen = choose_references(query, bank, 1, steadiness=0)[:, 0]
    assert chosen[0].tolist() == [0] * len(GROUPS)
    assert chosen[1].tolist() == [int(group == "left_arm") for group in GROUPS]


def test_excluded_pictures_are_not_used() -> None:
    poses = dancer(np.linspace(-1, 1, 8), np.zeros(8))
    chosen = choose_references(poses, poses, 2, exclude=np.eye(8, dtype=bool), steadiness=0)
    assert not (chosen == np.arange(8)[:, None, None]).any()


def test_in_learning_near_frames_are_hidden_and_the_draw_repeats() -> None:
    poses = dancer(np.linspace(-1.5, 1.5, 100), np.zeros(100))
    chooser = ReferenceChooser(footage=poses, bank=tuple(range(100)), count=3)
    hidden = chooser.gap_seconds * float(poses.fps)
    for frame in range(0, 100, 7):
        chosen = np.array(chooser.bank)[chooser.for_training(frame)]
        assert chosen.shape == (3, len(GROUPS)) and (abs(chosen - frame) > hidden).all()
        limbs = np.delete(chosen, [GROUPS.index("head"), GROUPS.index("trunk")], axis=1)
        assert (limbs[0] != limbs[1]).all() and len(set(limbs[2])) == 1
    draws = [chooser.for_training(50, np.random.default_rng(3)).tolist() for _ in range(2)]
    assert draws[0] == draws[1]
