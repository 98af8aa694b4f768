"""What arms hide, and that pictures in which they hide a shirt are not wanted for it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dancedouble.occlusion import hidden_by_arms
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, POINTS
from dancedouble.pose_features import group_distances, pose_features
from dancedouble.references import choose_references
from dancedouble.rendering.body_parts import GROUPS

TRUNK = 60.0


def standing(wrist: tuple[float, float], *, depth: float = -20, turn: float = 1.0) -> PoseSequence:
    """One pose to the camera, the left arm hanging, the right elbow out, the right wrist as given, so far away."""
    xy, z = np.zeros((1, POINTS, 2), np.float32), np.zeros((1, POINTS), np.float32)
    score = np.zeros((1, POINTS), np.float32)
    points = {
        "neck": (0, 0), "mid_hip": (0, 60), "nose": (0, -15), "right_elbow": (-45, 25), "right_wrist": wrist,
        "left_elbow": (40, 28), "left_wrist": (42, 55),
    }  # fmt: skip
    for side, sign in (("right", -turn), ("left", turn)):
        points |= {f"{side}_shoulder": (sign * 20, 0), f"{side}_hip": (sign * 14, 60), f"{side}_ear": (sign * 7, -18)}
        points |= {f"{side}_knee": (sign * 12, 100), f"{side}_ankle": (sign * 12, 140)}
    for name, at in points.items():
        xy[0, INDEX[name]], score[0, INDEX[name]] = np.add(at, 200), 1
    z[0, INDEX["right_wrist"]] = z[0, INDEX["right_elbow"]] = depth
    z[0, INDEX["left_shoulder"]] = 1  # a depth that says nothing, so that there is one
    return PoseSequence(xy=xy, score=score, depth=z, size=(400, 400), fps=Fraction(25))


def together(*poses: PoseSequence) -> PoseSequence:
    return replace(
        poses[0], xy=np.concatenate([p.xy for p in poses]), score=np.concatenate([p.score for p in poses]),
        depth=np.concatenate([p.depth for p in poses]),
    )  # fmt: skip


ON_THE_BELLY, AT_THE_THIGH, FREE = (0.0, 30.0), (-13.0, 75.0), (-90.0, 20.0)


def test_a_forearm_hides_what_it_is_in_front_of_and_nothing_else() -> None:
    belly, thigh, free = (hidden_by_arms(standing(wrist), TRUNK) for wrist in (ON_THE_BELLY, AT_THE_THIGH, FREE))
    assert belly["trunk"].shape == (1, 6) and belly["trunk"].max() > 0.8 and belly["right_leg"].max() < 0.1
    assert thigh["right_leg"].max() > 0.8 and thigh["left_leg"].max() < 0.1
    assert max(values.max() for values in free.values()) < 0.1


def test_an_arm_behind_the_back_hides_nothing_and_without_depth_arms_are_in_front() -> None:
    behind = standing(ON_THE_BELLY, depth=20)
    assert hidden_by_arms(behind, TRUNK)["trunk"].max() < 0.1
    assert hidden_by_arms(replace(behind, depth=np.zeros_like(behind.depth)), TRUNK)["trunk"].max() > 0.8


@pytest.mark.parametrize("point", ["right_wrist", "right_hip"])
def test_what_was_not_found_neither_hides_nor_is_hidden(point: str) -> None:
    poses = standing(ON_THE_BELLY)
    before = hidden_by_arms(poses, TRUNK)["trunk"]
    poses.score[:, INDEX[point]] = 0
    assert hidden_by_arms(poses, TRUNK)["trunk"].max() < 0.1 < before.max()


def test_a_trunk_comes_from_a_picture_that_shows_it_but_never_from_the_wrong_side() -> None:
    # The open trunk is a little turned, so that by its pose alone the hidden one is nearer.
    wanted, hidden, open_one = standing(FREE), standing(ON_THE_BELLY), standing((-70, 70), turn=0.9)
    poses_alone = replace(pose_features(together(hidden, open_one)), hidden={})
    assert group_distances(pose_features(wanted), poses_alone)[GROUPS.index("trunk"), 0].argmin() == 0
    trunk = GROUPS.index("trunk")
    assert choose_references(wanted, together(hidden, open_one), 1)[0, 0, trunk] == 1
    from_behind = standing((-70, 70), turn=-1.0)
    assert choose_references(wanted, together(hidden, from_behind), 1)[0, 0, trunk] == 0
    # Where the wanted pose hides it too, the picture that does so is as good as any.
    assert choose_references(hidden, together(hidden, open_one), 1)[0, 0, trunk] == 0
