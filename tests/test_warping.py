"""Carrying pixels from pose to pose."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.pose.keypoints import Pose
from dancedouble.pose.skeleton import INDEX, POINTS
from dancedouble.rendering.body_parts import GROUPS, PARTS
from dancedouble.rendering.part_maps import part_maps
from dancedouble.rendering.warping import carry_person, warp

SIZE = (128, 96)
STANDING = {
    "nose": (48, 20), "neck": (48, 32), "right_eye": (46, 18), "left_eye": (50, 18),
    "right_ear": (43, 20), "left_ear": (53, 20),
    "right_shoulder": (38, 33), "right_elbow": (32, 48), "right_wrist": (30, 62),
    "left_shoulder": (58, 33), "left_elbow": (64, 48), "left_wrist": (66, 62),
    "mid_hip": (48, 64), "right_hip": (42, 64), "right_knee": (41, 86), "right_ankle": (40, 106),
    "left_hip": (54, 64), "left_knee": (55, 86), "left_ankle": (56, 106),
    "right_heel": (41, 109), "right_big_toe": (34, 110), "left_heel": (55, 109), "left_big_toe": (62, 110),
}  # fmt: skip
BODY_HEIGHT = 100.0


def person() -> tuple[np.ndarray, np.ndarray]:
    xy, score = np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32)
    for name, point in STANDING.items():
        xy[INDEX[name]], score[INDEX[name]] = point, 1
    return xy, score


def pose(xy: np.ndarray, score: np.ndarray, depth: np.ndarray | None = None) -> Pose:
    """One pose, or several at once."""
    return Pose(xy, score, np.zeros(score.shape, np.float32) if depth is None else depth)


def limb_flow(source: Pose, target: Pose, size: tuple[int, int], height: float) -> NDArray[np.float32]:
    """Where to look in the picture of ``source`` for every pixel of the picture of ``target``."""
    blank, own = np.zeros((*size, 4), np.uint8), Pose(*(values[None] for values in target))
    flow = carry_person([blank], own, target, size, height, whole(1), before=source).from_before
    assert flow is not None
    return flow


def positions() -> np.ndarray:
    y, x = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    return np.stack([x, y], -1).astype(np.float32)


def test_the_same_pose_is_the_identity() -> None:
    xy, score = person()
    flow = limb_flow(pose(xy, score), pose(xy, score), SIZE, BODY_HEIGHT)
    assert flow.dtype == np.float32
    np.testing.assert_allclose(flow, positions(), atol=0.02)


def test_a_shifted_person_is_found_where_they_were() -> None:
    xy, score = person()
    flow = limb_flow(pose(xy, score), pose(xy + np.array([7, -4]), score), SIZE, BODY_HEIGHT)
    np.testing.assert_allclose(flow, positions() - (7, -4), atol=0.02)


def test_a_tilted_person_is_found_where_they_were() -> None:
    xy, score = person()
    angle = 0.4
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    centre = np.array([48, 60], np.float32)
    flow = limb_flow(pose(xy, score), pose((xy - centre) @ turn.T + centre, score), SIZE, BODY_HEIGHT)
    np.testing.assert_allclose(flow, (positions() + 0.5 - centre) @ turn + centre - 0.5, atol=0.05)


def test_upside_down_every_pixel_comes_from_its_opposite() -> None:
    """What turns by half a circle shows a mistake of half a pixel between corner and middle twice."""
    xy, score = person()
    corner = np.array([SIZE[1], SIZE[0]], np.float32)
    flow = limb_flow(pose(xy, score), pose(corner - xy, score), SIZE, BODY_HEIGHT)
    np.testing.assert_allclose(flow, corner - 1 - positions(), atol=0.05)


def test_a_raised_arm_takes_its_pixels_from_the_hanging_arm() -> None:
    xy, score = person()
    raised = xy.copy()
    raised[INDEX["left_elbow"]], raised[INDEX["left_wrist"]] = (74, 33), (88, 33)
    flow = limb_flow(pose(xy, score), pose(raised, score), SIZE, BODY_HEIGHT)
    middle = (xy[INDEX["left_elbow"]] + xy[INDEX["left_wrist"]]) / 2
    np.testing.assert_allclose(flow[33, 81], middle, atol=1.5)
    np.testing.assert_allclose(flow[100, 40], (40, 100), atol=1)  # the legs did not move


def test_a_part_that_a_pose_lacks_follows_its_neighbours() -> None:
    xy, score = person()
    hidden = score.copy()
    hidden[[INDEX["left_wrist"], INDEX["left_elbow"]]] = 0
    xy_hidden = xy.copy()
    xy_hidden[hidden == 0] = 0
    flow = limb_flow(pose(xy_hidden, hidden), pose(xy + np.array([5, 0]), score), SIZE, BODY_HEIGHT)
    np.testing.assert_allclose(flow, positions() - (5, 0), atol=0.05)


def test_poses_with_nothing_in_common_give_the_identity() -> None:
    xy, score = person()
    flow = limb_flow(pose(xy, np.zeros_like(score)), pose(xy + 9, score), SIZE, BODY_HEIGHT)
    np.testing.assert_allclose(flow, positions(), atol=0.02)


def test_a_narrower_trunk_is_squeezed_and_its_map_stays_finite_in_profile() -> None:
    xy, score = person()
    narrow = xy.copy()
    narrow[:, 0] = 48 + (xy[:, 0] - 48) * 0.5
    chest = [part.name for part in PARTS].index("chest")
    maps, known = part_maps(pose(xy[None], score[None]), pose(narrow, score), BODY_HEIGHT)
    assert known[0, chest] and 1.2 < maps[0, chest, 0, 0] < 2
    narrow[:, 0] = 48
    assert np.abs(part_maps(pose(xy[None], score[None]), pose(narrow, score), BODY_HEIGHT)[0]).max() < 500


def test_many_references_are_the_same_as_one_by_one() -> None:
    xy, score = person()
    sources = np.stack([xy, xy + 3, xy * 0.9]).astype(np.float32)
    scores = np.stack([score, score, np.where(np.arange(POINTS) == 7, 0, score)]).astype(np.float32)
    blank = np.zeros((*SIZE, 4), np.uint8)
    flows = carry_person([blank] * 3, pose(sources, scores), pose(xy, score), SIZE, BODY_HEIGHT, whole(3)).flows
    for k in range(3):
        np.testing.assert_array_equal(
            flows[k], limb_flow(pose(sources[k], scores[k]), pose(xy, score), SIZE, BODY_HEIGHT)
        )


def test_warp_samples_every_channel_along_the_flow() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 4), np.uint8)
    np.testing.assert_array_equal(warp(picture, positions()), picture)
    np.testing.assert_array_equal(warp(picture, positions() + np.array([1, 0]))[:, :-1], picture[:, 1:])


def test_sizes_off_the_grid_are_refused() -> None:
    xy, score = person()
    with pytest.raises(ValueError, match="multiples of 4"):
        limb_flow(pose(xy, score), pose(xy, score), (127, 96), BODY_HEIGHT)


def test_a_hand_that_was_not_found_goes_with_its_forearm_and_not_with_the_hip_beside_it() -> None:
    xy, score = person()
    away = xy.copy()
    away[INDEX["left_elbow"]], away[INDEX["left_wrist"]] = (66, 40), (80, 36)  # beside the head in the picture
    flow = limb_flow(pose(away, score), pose(xy, score), SIZE, BODY_HEIGHT)
    along = (xy[INDEX["left_wrist"]] - xy[INDEX["left_elbow"]]) / 14
    beyond = xy[INDEX["left_wrist"]] + 6 * along  # where the fingers hang, at the hip
    there = away[INDEX["left_wrist"]] + 6 * (away[INDEX["left_wrist"]] - away[INDEX["left_elbow"]]) / 14
    np.testing.assert_allclose(flow[int(beyond[1]), int(beyond[0])], there, atol=2.5)


def whole(count: int) -> NDArray[np.int64]:
    """Each reference one whole picture."""
    return np.arange(count)[:, None].repeat(len(GROUPS), 1)


def test_beside_an_arm_before_the_belly_is_the_belly_and_nothing_between() -> None:
    xy, score = person()
    crossed = xy.copy()
    crossed[INDEX["left_elbow"]], crossed[INDEX["left_wrist"]] = (62, 46), (46, 52)
    flow = limb_flow(pose(xy, score), pose(crossed, score), SIZE, BODY_HEIGHT)
    moved = np.linalg.norm(flow - positions(), axis=-1)[44:62, 40:56]
    from_the_arm = flow[44:62, 40:56, 0] > 58  # in the picture it hangs beside the trunk
    assert from_the_arm.any() and not from_the_arm.all()
    assert moved[~from_the_arm].max() < 2


def test_an_arm_that_moved_is_not_seen_twice() -> None:
    xy, score = person()
    raised = xy.copy()
    raised[INDEX["left_elbow"]], raised[INDEX["left_wrist"]] = (74, 33), (88, 33)
    picture = np.full((*SIZE, 4), 255, np.uint8)
    carried = carry_person([picture], pose(xy[None], score[None]), pose(raised, score), SIZE, BODY_HEIGHT, whole(1))
    masks = carried.pictures[0, ..., 3]
    assert masks[33, 81] > 200 and masks[48, 48] > 200  # the raised arm and the trunk
    x, y = xy[INDEX["left_wrist"]].astype(int)
    assert masks[y, x] < 80  # where the arm hung in the reference


def test_the_flow_from_the_pose_before_comes_with_the_pictures() -> None:
    xy, score = person()
    before, now = pose(xy - np.array([3, 1]), score), pose(xy + np.array([5, -2]), score)
    pictures = [np.zeros((*SIZE, 4), np.uint8)] * 2
    sources = pose(np.stack([xy, xy + 1]), np.stack([score, score]))
    carried = carry_person(pictures, sources, now, SIZE, BODY_HEIGHT, whole(2), before=before)
    assert len(carried.flows) == 2 and carried.from_before is not None
    np.testing.assert_allclose(carried.from_before, limb_flow(before, now, SIZE, BODY_HEIGHT), atol=1e-3)
    assert carry_person(pictures, sources, now, SIZE, BODY_HEIGHT, whole(2)).from_before is None


def test_a_person_in_the_same_pose_is_carried_whole() -> None:
    xy, score = person()
    picture = np.random.default_rng(0).integers(0, 256, (*SIZE, 4), np.uint8)
    poses = np.stack([xy, xy]), np.stack([score] * 2)
    carried = carry_person([picture, picture], pose(*poses), pose(xy, score), SIZE, 100, whole(2)).pictures
    assert carried.shape == (2, *SIZE, 4)
    assert np.abs(carried[0].astype(int) - picture).mean() < 1.5
    np.testing.assert_array_equal(carried[0], carried[1])


def test_a_reference_is_put_together_from_pictures_group_by_group() -> None:
    xy, score = person()
    dark, light = np.full((*SIZE, 4), 60, np.uint8), np.full((*SIZE, 4), 200, np.uint8)
    picks = np.array([[group == "left_arm" for group in GROUPS]], np.int64)
    carried = carry_person(
        [dark, light], pose(np.stack([xy] * 2), np.stack([score] * 2)), pose(xy, score), SIZE, BODY_HEIGHT, picks
    )
    arm = ((xy[INDEX["left_elbow"]] + xy[INDEX["left_wrist"]]) / 2).astype(int)
    assert carried.pictures[0, arm[1], arm[0], 0] == 200 and carried.sources[0, arm[1], arm[0]] == 1
    assert carried.pictures[0, 48, 48, 0] == 60 and carried.sources[0, 48, 48] == 0


def test_a_forearm_before_the_trunk_is_from_the_arms_picture_and_one_behind_it_is_not() -> None:
    xy, score = person()
    xy[INDEX["left_wrist"]] = (44, 49)  # across the middle of the trunk
    dark, light = np.full((*SIZE, 4), 60, np.uint8), np.full((*SIZE, 4), 200, np.uint8)
    picks = np.array([[group == "left_arm" for group in GROUPS]], np.int64)
    depth = np.zeros(POINTS, np.float32)
    depth[INDEX["left_elbow"]] = depth[INDEX["left_wrist"]] = 12

    def over_the_trunk(depth: np.ndarray | None) -> list[int]:
        one = pose(xy, score, depth)
        both = Pose(*(np.stack([values] * 2) for values in one))
        carried = carry_person([dark, light], both, one, SIZE, BODY_HEIGHT, picks)
        assert carried.pictures[0, 40, 48, 0] == 60 and carried.pictures[0, 49, 60, 0] == 200
        return carried.pictures[0, 49, 46:52, 0].tolist()

    assert over_the_trunk(None) == over_the_trunk(-depth) == [200] * 6
    assert over_the_trunk(depth) == [60] * 6


def test_an_arm_before_the_trunk_is_not_carried_along_with_the_trunk() -> None:
    """The trunk's pixels under an arm of the picture are the arm's: no ghost of it is left where the arm has gone."""
    away, score = person()
    crossed = away.copy()
    crossed[INDEX["left_wrist"]] = (44, 49)
    picture = np.full((*SIZE, 4), 255, np.uint8)
    carried = carry_person([picture], pose(crossed[None], score[None]), pose(away, score), SIZE, BODY_HEIGHT, whole(1))
    mask = carried.pictures[0, ..., 3].astype(int)
    assert mask[49, 48] < 60 and mask[38, 48] > 200


def test_a_trunk_that_an_arm_hid_is_filled_from_the_spare_picture_in_the_last_result_alone() -> None:
    away, score = person()
    crossed = away.copy()
    crossed[INDEX["left_wrist"]] = (44, 49)
    hidden, spare = np.full((*SIZE, 4), 255, np.uint8), np.full((*SIZE, 4), 255, np.uint8)
    spare[..., :3] = 90
    poses = np.stack([crossed, away]), np.stack([score] * 2)
    picks = np.zeros((2, len(GROUPS)), np.int64)
    carried = carry_person([hidden, spare], pose(*poses), pose(away, score), SIZE, BODY_HEIGHT, picks, spare=1)
    masks, sources = carried.pictures[..., 3], carried.sources
    assert masks[0, 49, 48] < 60 and sources[0, 49, 48] == 0
    assert masks[1, 49, 48] > 200 and sources[1, 49, 48] == 1 and carried.pictures[1, 49, 48, 0] == 90
    assert sources[1, 38, 48] == 0, "what the picked picture shows stays its own"


def test_a_picture_for_a_part_that_is_not_in_the_picture_is_not_asked_for() -> None:
    xy, score = person()
    for side in ("elbow", "wrist"):
        score[INDEX[f"left_{side}"]] = 0
    dark, light = np.full((*SIZE, 4), 60, np.uint8), np.full((*SIZE, 4), 200, np.uint8)
    picks = np.array([[group == "left_arm" for group in GROUPS]], np.int64)
    poses = np.stack([xy] * 2), np.stack([score] * 2)
    carried = carry_person([dark, light], pose(*poses), pose(xy, score), SIZE, BODY_HEIGHT, picks)
    assert (carried.pictures[..., :3] == 60).all() and (carried.sources == 0).all() and len(carried.flows) == 2


def test_only_a_part_of_each_picture_is_computed_and_nobody_sees_it() -> None:
    xy, score = person()
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 256, (*SIZE, 4), np.uint8) for _ in GROUPS]
    poses = np.stack([xy + 2 * k for k in range(len(GROUPS))]).astype(np.float32), np.stack([score] * len(GROUPS))
    together = carry_person(pictures, pose(*poses), pose(xy, score), SIZE, BODY_HEIGHT, np.arange(len(GROUPS))[None])
    alone = carry_person(pictures, pose(*poses), pose(xy, score), SIZE, BODY_HEIGHT, whole(len(GROUPS)))
    for index in range(len(GROUPS)):
        here = together.sources[0] == index
        np.testing.assert_array_equal(together.pictures[0][here], alone.pictures[index][here])
        np.testing.assert_array_equal(together.flows[index][here], alone.flows[index][here])
