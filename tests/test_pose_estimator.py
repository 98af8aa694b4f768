"""The fake estimator, regions and the arithmetic around BlazePose's networks."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.pose import blazepose_body as body
from dancedouble.pose.blazepose_face import MESH, MESH_TO_68, to_70
from dancedouble.pose.blazepose_glance import Glance, glance, mean_glance
from dancedouble.pose.blazepose_hand import hand_roi, palm_roi
from dancedouble.pose.estimator import Array, FakePoseEstimator, Frame, Roi, bounds, overlap, read_stamp, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.litert import between_pixels, crop_matrix, to_frame
from dancedouble.pose.skeleton import BODY_LIMBS, INDEX, POINTS

BLANK = np.full((120, 160, 3), 90, np.uint8)


def standing(frames: int, left: float, height: float = 80) -> PoseSequence:
    """Someone standing still with five detected points."""
    xy = np.zeros((frames, POINTS, 2), np.float32)
    score = np.zeros((frames, POINTS), np.float32)
    for name, x, y in (("nose", 0, 0), ("left_shoulder", 8, 0.2), ("right_shoulder", -8, 0.2), ("mid_hip", 0, 0.5)):
        xy[:, INDEX[name]], score[:, INDEX[name]] = (left + x, 20 + y * height), 1
    xy[:, INDEX["left_ankle"]], score[:, INDEX["left_ankle"]] = (left, 20 + height), 1
    return PoseSequence(xy=xy, score=score, size=(120, 160), fps=Fraction(30))


@pytest.mark.parametrize("index", [0, 1, 255, 40_000])
def test_a_stamp_is_read_back_also_after_jpeg(index: int) -> None:
    stamped = stamp_frame(BLANK, index)
    assert read_stamp(stamped) == index
    _, packed = cv2.imencode(".jpg", stamped, [cv2.IMWRITE_JPEG_QUALITY, 60])
    assert read_stamp(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)) == index


def test_the_fake_finds_everyone_and_follows_the_one_in_the_region() -> None:
    left, right = standing(5, 40), standing(5, 120)
    fake = FakePoseEstimator(left, right)
    frame = stamp_frame(BLANK, 3)
    people = fake.detect(frame)
    assert len(people) == 2
    pose = fake.landmarks(frame, people[1].roi)
    assert pose is not None and pose.mask is not None
    np.testing.assert_array_equal(pose.xy, right.xy[3])
    assert pose.mask[60, 120] == 1 and pose.mask[60, 40] == 0
    assert fake.landmarks(frame, Roi(x=80, y=60, size=20)) is None, "nobody stands there"
    assert fake.detect(stamp_frame(BLANK, 9)) == [], "the clip is over"


def test_a_region_maps_its_crop_onto_the_frame() -> None:
    roi = Roi(x=50, y=60, size=40, angle=np.pi / 2)
    matrix = crop_matrix(roi, 80)
    centre, up = to_frame(np.array([[40, 40], [40, 0]], np.float32), matrix)
    np.testing.assert_allclose(centre, [50, 60], atol=1e-4)
    np.testing.assert_allclose(up, [70, 60], atol=1e-4, err_msg="turned a quarter clockwise, up points right")
    moved = roi.shifted(0, -0.5)
    np.testing.assert_allclose((moved.x, moved.y), up, atol=1e-4)


def test_what_lies_at_a_point_of_the_crop_lies_at_that_point_of_the_frame() -> None:
    """A grey slope says where each pixel is from: its value is the x of its middle, from the frame's left edge on."""
    slope = np.tile(np.arange(200, dtype=np.float32) + 0.5, (200, 1))
    for size in (40, 80, 160):
        matrix = crop_matrix(Roi(x=100, y=100, size=size), 80)
        crop = cv2.warpAffine(slope, between_pixels(matrix), (80, 80), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        points = np.array([[10.5, 40.5], [60.5, 40.5]], np.float32)  # the middles of two pixels
        np.testing.assert_allclose(crop[40, [10, 60]], to_frame(points, matrix)[:, 0], atol=0.05)


def test_the_region_between_hips_and_head_stands_upright_for_the_person() -> None:
    upright = body.roi_between(np.array([10.0, 50.0], np.float32), np.array([10.0, 10.0], np.float32))
    assert upright.angle == pytest.approx(0) and upright.size == pytest.approx(100)
    fallen_right = body.roi_between(np.array([10.0, 50.0], np.float32), np.array([50.0, 50.0], np.float32))
    assert fallen_right.angle == pytest.approx(np.pi / 2)


def test_overlap_and_bounds() -> None:
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    xy = np.array([[1, 2], [5, 9], [90, 90]], np.float32)
    assert bounds(xy, np.array([1, 0.2, 0], np.float32)) == (1, 2, 5, 9)
    assert bounds(xy, np.zeros(3, np.float32)) == (0, 0, 0, 0)


def test_there_is_an_anchor_for_every_row_of_the_detector() -> None:
    anchors = body.anchors()
    assert anchors.shape == (2254, 2)
    np.testing.assert_allclose(anchors[0], 0.5 / 28)
    np.testing.assert_allclose(anchors[2], [1.5 / 28, 0.5 / 28], err_msg="x runs fastest, two anchors a cell")
    np.testing.assert_allclose(anchors[-1], 6.5 / 7)


def test_detections_of_one_person_are_averaged_and_people_are_kept_apart() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    points = np.zeros((3, 4, 2), np.float32)
    points[1] += 4
    points[2] += 50
    people = body.merge_detections(boxes, points, np.array([0.9, 0.3, 0.6], np.float32))
    assert [score for score, _ in people] == pytest.approx([0.9, 0.6])
    np.testing.assert_allclose(people[0][1], 1.0, err_msg="(0.9 · 0 + 0.3 · 4) / 1.2")
    np.testing.assert_allclose(people[1][1], 50.0)


def test_a_landmark_moves_to_a_sure_peak_near_it_and_only_then() -> None:
    heat = np.full((64, 64, 3), -20, np.float32)
    heat[30, 21, 0] = 5  # sure, one cell right of the landmark
    heat[30, 21, 1] = -1  # unsure
    heat[60, 60, 2] = 5  # sure but elsewhere
    points = np.full((3, 2), 4 * 20.5, np.float32)
    points[:, 1] = 4 * 30.5
    moved = body.refine_by_heat(points, heat, 256)
    np.testing.assert_allclose(moved[0], [84, 120], atol=0.01)
    np.testing.assert_array_equal(moved[1:], points[1:])
    outside = body.refine_by_heat(points - 500, heat, 256)
    np.testing.assert_array_equal(outside, points - 500)


def landmarks(toward: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """33 visible BlazePose points of a head whose nose is ``toward`` the camera (pixels), ears level."""
    xy, depth = np.zeros((33, 2), np.float32), np.zeros(33, np.float32)
    for point, x, z in ((0, 0, 1.0), (2, 6, 0.8), (5, -6, 0.8), (7, 14, 0), (8, -14, 0)):
        xy[point], depth[point] = (x, 0), -toward * z
    xy[11], xy[12], xy[23], xy[24] = (30, 40), (-30, 44), (20, 120), (-20, 120)
    return xy, np.ones(33, np.float32), depth


def a_glance(points: NDArray[np.floating], presence: float = 1.0) -> Glance:
    flat = np.zeros(len(points), np.float32)
    return Glance(points.astype(np.float32), 256, flat, flat + 0.5, presence, None, np.eye(2, 3))


def test_two_glances_are_averaged_unless_they_saw_different_bodies() -> None:
    points = np.random.default_rng(0).uniform(0, 256, (39, 2))
    near, swapped = a_glance(points + 4), a_glance(points[body.IN_A_MIRROR])
    np.testing.assert_allclose(mean_glance(a_glance(points), near).points, points + 2, atol=1e-4)
    np.testing.assert_array_equal(mean_glance(near, swapped).points, near.points, "which side is left is in doubt")
    np.testing.assert_array_equal(mean_glance(near, a_glance(points, presence=0.1)).points, near.points)


class StubNetwork:
    """Sees a left wrist at x = 40, a right one at 200, and a mask of the left half: all from one picture."""

    side = 256

    def look(self, frame: Frame, roi: Roi, *, mirrored: bool = False) -> tuple[list[Array], NDArray[np.float64]]:
        rows = np.zeros((39, 5), np.float32)
        rows[:, 0] = 256 if mirrored else 0  # the others are at the left edge
        rows[15, :3], rows[16, :3] = ((56, 90, -3), (216, 90, 3)) if mirrored else ((40, 90, 3), (200, 90, -3))
        mask = np.full((256, 256, 1), -5, np.float32)
        mask[:, 128:] = 5
        empty = np.full((64, 64, 39), -20, np.float32)
        seen = mask if mirrored else mask[:, ::-1]
        return [rows.ravel(), np.ones(1, np.float32), seen, empty, np.zeros(1, np.float32)], np.eye(2, 3)


def test_a_glance_in_a_mirror_is_brought_back() -> None:
    frame, roi = np.zeros((256, 256, 3), np.uint8), Roi(x=128, y=128, size=256)
    plain, mirrored = (glance(frame, roi, StubNetwork(), mirrored=way) for way in (False, True))  # type: ignore[arg-type]
    for field in ("points", "depth", "segmentation"):
        found, back = getattr(plain, field), getattr(mirrored, field)
        rows = [15, 16] if field != "segmentation" else slice(None)
        np.testing.assert_allclose(back[rows], found[rows], err_msg=field)
    both = mean_glance(plain._replace(segmentation=plain.segmentation - 2), mirrored)  # type: ignore[operator]
    assert both.segmentation is not None and plain.segmentation is not None
    np.testing.assert_allclose(both.segmentation, plain.segmentation - 1)


def test_a_mirror_exchanges_left_and_right() -> None:
    names = {row: name for name, row in body.BLAZEPOSE_TO_BODY.items()}
    assert all(body.IN_A_MIRROR[body.IN_A_MIRROR[row]] == row for row in range(39))
    for row, name in names.items():
        other = name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right")
        assert names[int(body.IN_A_MIRROR[row])] == other
    for left in (9, 17, 19, 21):  # mouth, and the knuckles that place the hands
        assert body.IN_A_MIRROR[left] == left + 1
    assert body.IN_A_MIRROR[[0, *range(33, 39)]].tolist() == [0, *range(33, 39)]


def test_the_canonical_body_has_its_own_left_and_its_midpoints() -> None:
    xy, score, _ = body.canonical_body(*landmarks(20))
    np.testing.assert_allclose(xy[INDEX["neck"]], [0, 42])
    np.testing.assert_allclose(xy[INDEX["mid_hip"]], [0, 120])
    np.testing.assert_allclose(xy[INDEX["left_shoulder"]], [30, 40])
    assert score[INDEX["left_small_toe"]] == score[INDEX["right_small_toe"]] == 0
    assert (score[25:] == 0).all(), "hands and face are found elsewhere"
    drawn = {INDEX[name] for limb in BODY_LIMBS for name in limb}
    assert (score[sorted(drawn)] > 0).all()


def test_a_middle_is_seen_only_when_both_sides_are() -> None:
    xy, visibility, depth = landmarks(20)
    visibility[11] = 0.05
    _, score, _ = body.canonical_body(xy, visibility, depth)
    assert score[INDEX["neck"]] == score[INDEX["left_shoulder"]] == 0
    assert score[INDEX["mid_hip"]] == 1


def test_the_back_of_a_head_has_ears_but_no_face() -> None:
    _, front, _ = body.canonical_body(*landmarks(20))
    _, back, _ = body.canonical_body(*landmarks(-20))
    face = [INDEX[name] for name in ("nose", "left_eye", "right_eye")]
    ears = [INDEX[name] for name in ("left_ear", "right_ear")]
    assert (front[face] == 1).all() and (back[face] == 0).all()
    assert (front[ears] == 1).all() and (back[ears] == 1).all()
    xy, _, depth = landmarks(20)
    assert body.facing(xy, depth) > 0.9 and body.facing(xy, -depth) < -0.9


def test_in_profile_the_far_ear_is_hidden() -> None:
    xy, visibility, depth = landmarks(0)
    xy[:9] = 0
    xy[0] = (-20, 0)  # looks to the left of the picture: the person's left ear is near the camera
    depth[7], depth[8] = -14, 14
    seen = body.hide_far_side_of_head(xy, visibility, depth)
    assert seen[7] == 1 and seen[8] == 0
    assert body.facing(xy, depth) == pytest.approx(0)


def test_a_hands_regions_point_along_the_hand() -> None:
    wrist, index, pinky = (np.array(point, np.float32) for point in ((0, 0), (20, 0), (20, 6)))
    palm = palm_roi(wrist, index, pinky)
    assert palm.angle == pytest.approx(np.pi / 2, abs=0.15), "the fingers point right"
    assert palm.x > 20, "shifted from the knuckle towards the finger tips"
    roi = hand_roi(np.array([50, 50], np.float32), np.array([50, 70], np.float32))
    assert roi.angle == pytest.approx(0) and roi.size == pytest.approx(40)
    assert roi.y == pytest.approx(46)


def test_the_face_map_is_symmetric_and_ends_with_the_pupils() -> None:
    assert len(MESH_TO_68) == 68
    mesh = np.arange(2 * MESH, dtype=np.float32).reshape(MESH, 2)
    face = to_70(mesh)
    np.testing.assert_array_equal(face[30], mesh[4])
    np.testing.assert_allclose(face[68], face[36:42].mean(axis=0))
    np.testing.assert_allclose(face[69], face[42:48].mean(axis=0))
