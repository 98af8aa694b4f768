"""Keypoint layouts: tables that must agree with the published ones."""

from __future__ import annotations

import numpy as np
import pytest

from dancedouble.pose.conversion import (
    COCO_WHOLEBODY_BODY,
    body_from_23,
    body_from_coco_18,
    from_coco_wholebody,
    to_coco_wholebody,
)
from dancedouble.pose.skeleton import BODY_LIMBS, FACE, INDEX, LEFT_HAND, RIGHT_HAND, tree_from


def points(count: int, *leading: int) -> tuple[np.ndarray, np.ndarray]:
    """Point k is at (k, 1000 + k) with score (k + 1) / 200."""
    index = np.broadcast_to(np.arange(count, dtype=np.float32), (*leading, count))
    return np.stack([index, index + 1000], axis=-1), (index + 1) / 200


def test_wholebody_points_go_to_their_names() -> None:
    xy, score = from_coco_wholebody(*points(133))
    expected = {
        INDEX["nose"]: 0, INDEX["left_eye"]: 1, INDEX["right_eye"]: 2, INDEX["left_ear"]: 3, INDEX["left_shoulder"]: 5,
        INDEX["right_wrist"]: 10, INDEX["right_ankle"]: 16, INDEX["left_big_toe"]: 17, INDEX["right_heel"]: 22,
        FACE.start: 23, FACE.start + 67: 90, LEFT_HAND.start: 91, LEFT_HAND.start + 20: 111, RIGHT_HAND.start: 112,
        RIGHT_HAND.start + 20: 132,
    }  # fmt: skip
    for ours, theirs in expected.items():
        assert xy[ours].tolist() == [theirs, theirs + 1000]
        assert score[ours] == np.float32((theirs + 1) / 200)
    assert xy[INDEX["neck"], 0] == 5.5 and score[INDEX["neck"]] == np.float32(6 / 200)
    assert xy[INDEX["mid_hip"], 0] == 11.5
    assert xy[FACE.start + 68, 0] == 23 + 38.5 and xy[FACE.start + 69, 0] == 23 + 44.5
    assert (score > 0).all()


def test_wholebody_there_and_back() -> None:
    xy, score = points(133, 4, 2)
    back_xy, back_score = to_coco_wholebody(*from_coco_wholebody(xy, score))
    np.testing.assert_array_equal(back_xy, xy)
    np.testing.assert_array_equal(back_score, score)


def test_a_midpoint_needs_both_ends() -> None:
    xy, score = points(133)
    score = score.copy()
    score[COCO_WHOLEBODY_BODY.index("left_hip")] = 0
    _, converted = from_coco_wholebody(xy, score)
    assert converted[INDEX["mid_hip"]] == 0 and converted[INDEX["neck"]] > 0


def test_the_papers_23_points_are_named() -> None:
    xy, score = body_from_23(*points(23))
    for name, theirs in {
        "neck": 0,
        "mid_hip": 7,
        "right_ankle": 10,
        "left_ankle": 15,
        "nose": 18,
        "left_ear": 22,
    }.items():
        assert xy[INDEX[name], 0] == theirs
    assert [k for k in range(25) if score[k] == 0] == [INDEX["left_heel"], INDEX["right_heel"]]


def test_coco_18_is_named() -> None:
    xy, score = body_from_coco_18(*points(18))
    for name, theirs in {
        "neck": 1,
        "right_wrist": 4,
        "right_hip": 8,
        "left_ankle": 13,
        "right_eye": 14,
        "left_ear": 17,
    }.items():
        assert xy[INDEX[name], 0] == theirs
    assert xy[INDEX["mid_hip"], 0] == 9.5 and score[19:].max() == 0


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="133"):
        from_coco_wholebody(*points(17))
    with pytest.raises(ValueError, match="137"):
        to_coco_wholebody(*points(133))


@pytest.mark.parametrize("root", ["neck", "mid_hip", "left_ear"])
def test_the_tree_reaches_every_bone_once_parents_first(root: str) -> None:
    bones = tree_from(root)
    assert {frozenset(bone) for bone in bones} == {frozenset(bone) for bone in BODY_LIMBS}
    reached = {root}
    for parent, child in bones:
        assert parent in reached and child not in reached
        reached.add(child)
    assert reached == {name for bone in BODY_LIMBS for name in bone}
