"""Global pose normalization: equations 7–9, and what the dance must keep: place, size, depth, jumps."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from dancedouble.errors import InputError, NoPersonError
from dancedouble.pose.keypoints import PoseSequence, empty_poses
from dancedouble.pose.measurements import measure_clip
from dancedouble.pose.normalization import (
    PoseTransform,
    apply_pose_transform,
    fit_pose_transform,
    normalize_poses,
)
from dancedouble.pose.skeleton import INDEX
from dancedouble.pose.stage import measure_stage
from dancedouble.pose.standing import Standing, find_floor, measure_standing
from pose_fixtures import Body, Camera, Motion, add_noise, dance, film, hide, mean_error, stand

SMALL = Body(shin=0.36, thigh=0.36, torso=0.48, shoulder=0.15, hip=0.09, upper_arm=0.25, forearm=0.22)
PORTRAIT = Camera(height=1.3, distance=3.8, focal=800, size=(1080, 810), fps=Fraction(25))
ANKLES = [INDEX["right_ankle"], INDEX["left_ankle"]]


def ankles_y(poses: PoseSequence) -> np.ndarray:
    return poses.xy[:, ANKLES, 1].mean(axis=1)


def still(**moves: np.ndarray) -> Motion:
    """Standing, but for the given moves."""
    return replace(stand(len(next(iter(moves.values())))), **moves)


# --- the same clip, and the same dance -------------------------------------------------------------------------------


@pytest.mark.parametrize("retarget", ["global", "limbs"])
@pytest.mark.parametrize("wander", [0.0, 0.8])
@pytest.mark.parametrize("noise", [0.0, 4.0])
def test_a_clip_onto_itself_is_the_identity(retarget: str, wander: float, noise: float) -> None:
    poses = add_noise(film(dance(200, wander=wander, jumps=True, seed=3)), noise)
    result = normalize_poses(poses, poses, retarget=retarget)  # type: ignore[arg-type]
    assert np.abs(result.poses.xy - poses.xy)[poses.score > 0].max() < 0.5
    assert result.warnings == ()


@pytest.mark.parametrize("change", [(1.0, 0, 0), (1.7, 0, 0), (0.4, -30, 55), (1.0, 80, -20)])
def test_zoom_and_shift_of_the_picture_are_undone(change: tuple[float, float, float]) -> None:
    zoom, dx, dy = change
    source = film(dance(200, wander=0.6, jumps=True, seed=4))
    target = replace(
        source,
        xy=source.xy * np.float32(zoom) + np.array([dx, dy], np.float32),
        size=(round(720 * zoom + abs(dy)), round(1280 * zoom + 2 * dx)),  # about the same middle
    )
    result = normalize_poses(source, target, retarget="global")
    assert result.poses.size == target.size
    assert mean_error(result.poses, target) < 1.0


@pytest.mark.parametrize("wander", [0.0, 0.8])
def test_another_body_before_another_camera(wander: float) -> None:
    """Sizes, aspect, camera and frame rate differ; the target's own clip is another dance."""
    motion = dance(300, wander=wander, jumps=True, seed=1)
    source, truth = film(motion), film(motion, SMALL, PORTRAIT)
    target = film(dance(400, fps=25, wander=wander, seed=5), SMALL, PORTRAIT)
    height = np.ptp(truth.part("body")[0][0, :, 1])
    errors = {
        mode: mean_error(normalize_poses(source, target, retarget=mode).poses, truth) / height  # type: ignore[arg-type]
        for mode in ("global", "limbs")
    }
    assert mean_error(source, truth) / height > 0.5
    assert errors["global"] < 0.04
    assert errors["limbs"] < errors["global"]


def test_frame_rate_and_length_stay_the_sources() -> None:
    result = normalize_poses(film(dance(90)), film(dance(50, fps=25, seed=2), camera=PORTRAIT))
    assert (len(result.poses), result.poses.fps, result.poses.size) == (90, Fraction(30), (1080, 810))


def test_absent_frames_stay_absent() -> None:
    source = film(dance(90, seed=2))
    score = source.score.copy()
    score[30:50] = 0
    result = normalize_poses(replace(source, score=score), film(dance(60, seed=3)))
    np.testing.assert_array_equal(result.poses.score, score)
    assert np.isfinite(result.poses.xy).all()


# --- equations 7–9 ---------------------------------------------------------------------------------------------------


def stage_of(floor: list[float], height: list[float]):  # type: ignore[no-untyped-def]
    floor_, height_ = np.array(floor), np.array(height)
    return measure_stage(
        Standing(floor=floor_, height=height_, center=np.full(len(floor_), 50.0), measured=np.ones(len(floor_), bool))
    )


def test_equation_9_takes_far_at_a_of_the_way_beyond_the_median() -> None:
    # median 500, close 600: far is the greatest y within 5 of 430, here 433; 400 lies beyond and does not count.
    floor = [600.0] * 20 + [500.0] * 61 + [433.0] * 10 + [427.0] * 5 + [400.0] * 5
    height = [300.0] * 20 + [250.0] * 61 + [217.0] * 10 + [215.0] * 5 + [200.0] * 5
    stage = stage_of(floor, height)
    assert (stage.close, stage.far, stage.middle) == (600, 433, 500)
    assert (stage.height_close, stage.height_far) == pytest.approx((300, 217), rel=0.01)
    assert (stage.farthest, stage.nearest) == (400, 600)


def test_equation_9_without_anyone_in_the_band_takes_the_farthest_short_of_it() -> None:
    floor = [600.0] * 20 + [500.0] * 61 + [470.0] * 10 + [300.0] * 10
    stage = stage_of(floor, [300.0] * 20 + [250.0] * 61 + [240.0] * 10 + [150.0] * 10)
    assert stage.far == 470


@pytest.mark.parametrize("slope", [0.7, 1.3, 4.0])
def test_heights_where_nobody_stood_upright_follow_from_where_somebody_did(slope: float) -> None:
    """Cameras high and low; nobody is upright at either end, and a stumbling detector is too tall once."""
    random = np.random.default_rng(0)
    floor = np.linspace(500, 540, 200)
    upright = 250 + slope * (floor - 520)
    bent = np.where(np.abs(floor - 520) < 12, random.uniform(0.75, 1.02, 200), random.uniform(0.7, 0.95, 200))
    height = upright * np.clip(bent, 0, 1)
    height[17] *= 1.3
    stage = stage_of(floor.tolist(), height.tolist())
    for place in (stage.far, stage.close):
        assert stage.height_at(place) == pytest.approx(250 + slope * (place - 520), rel=0.05)


def test_equations_7_and_8_are_linear_in_the_floor_line() -> None:
    transform = PoseTransform(
        anchor="ankle", top="nose", target_size=(720, 1280), source_far=400, source_close=600, target_far=500,
        target_close=560, scale_far=0.8, scale_close=1.2, source_x=0, target_x=0, target_limits=(500, 560),
    )  # fmt: skip
    floor = np.array([400.0, 450, 600, 700, 300])
    np.testing.assert_allclose(transform.translation(floor), [500, 515, 560, 560, 500])
    np.testing.assert_allclose(transform.scale(floor), [0.8, 0.9, 1.2, 1.2, 0.8])
    np.testing.assert_array_equal(transform.is_held(floor), [False, False, False, True, True])


def test_the_mean_ankle_on_the_floor_lands_where_equation_7_says() -> None:
    source = film(still(nearer=np.linspace(-0.8, 0.8, 200)))
    target = film(still(nearer=np.linspace(0.5, -0.5, 150)), camera=PORTRAIT)
    transform = fit_pose_transform(source, target)
    moved = apply_pose_transform(source, transform)
    inner = slice(20, -20)
    expected = transform.translation(ankles_y(source).astype(float))
    assert np.abs(ankles_y(moved) - expected)[inner].max() < 2


def test_small_range_never_stretches_motion_in_depth() -> None:
    source = film(still(nearer=np.linspace(-0.3, 0.3, 200)))
    target = film(still(nearer=np.linspace(-1.2, 1.2, 200)))
    spans = [
        np.ptp(ankles_y(apply_pose_transform(source, fit_pose_transform(source, target, small_range=small))))
        for small in (False, True)
    ]
    own = np.ptp(ankles_y(source))
    assert spans[0] > 1.5 * own
    assert spans[1] == pytest.approx(own, rel=0.25)


# --- jumps, kicks, walks ---------------------------------------------------------------------------------------------


def leaps(frames: int, fps: float = 30, height: float = 0.4) -> np.ndarray:
    """Ballistic jumps every two seconds."""
    t = np.arange(frames) / fps % 2 - 1
    return np.maximum(height - 9.81 / 2 * t**2, 0)


def test_a_jump_stays_a_jump() -> None:
    """Read as depth it would shrink the dancer and barely lift the feet; it must lift them by height × scale."""
    jump = leaps(240)
    source = film(still(jump=jump))
    target = film(still(nearer=np.linspace(-1, 1, 200)), SMALL, PORTRAIT)
    moved = normalize_poses(source, target, retarget="global").poses
    scale = np.ptp(moved.xy[0, :25, 1]) / np.ptp(source.xy[0, :25, 1])
    lift = ankles_y(moved)[jump == 0].mean() - ankles_y(moved)
    np.testing.assert_allclose(lift, scale * (ankles_y(source)[0] - ankles_y(source)), atol=3)
    height = np.ptp(moved.xy[:, :25, 1], axis=1)
    assert np.ptp(height) < 0.02 * height.mean()


def test_a_kick_does_not_move_the_standing_foot_or_change_the_size() -> None:
    lifted = np.zeros((150, 2))
    lifted[60:78, 1] = 1.4 * np.sin(np.linspace(0, np.pi, 18))
    source = film(still(leg=lifted))
    target = film(still(nearer=np.linspace(-1, 1, 200)), camera=PORTRAIT)
    moved = normalize_poses(source, target, retarget="global").poses
    foot, nose = (moved.xy[:, INDEX[name]] for name in ("right_ankle", "nose"))
    assert np.ptp(foot, axis=0).max() < 2
    assert np.ptp(nose, axis=0).max() < 2


def test_a_leg_held_up_is_not_depth() -> None:
    lifted = np.zeros((240, 2))
    lifted[60:180, 1] = 1.4
    source = film(still(leg=lifted))
    floor = measure_standing(source)
    assert floor is not None
    assert np.ptp(floor.floor) < 0.04 * np.ptp(source.xy[0, :25, 1])


def test_a_walk_away_is_depth_and_not_a_jump() -> None:
    low = np.linspace(600, 450, 120)
    assert np.abs(find_floor(low, 30) - low)[12:-20].max() < 3
    dipped = low.copy()
    dipped[50:65] -= 60
    assert np.abs(find_floor(dipped, 30) - low)[12:-20].max() < 20


def test_noise_does_not_shake_the_floor() -> None:
    noise = np.random.default_rng(0).normal(0, 3, 300)
    noise[100] = 80
    floor = find_floor(500 + noise, 30)
    assert np.abs(np.diff(floor)).max() < 1
    assert np.abs(floor - 500).max() < 8


def test_the_double_stands_where_the_target_has_been_seen() -> None:
    source = film(still(aside=np.r_[np.full(100, -0.8), np.linspace(-0.8, 0.2, 40)]))
    target = film(still(aside=np.full(60, 0.9)), camera=replace(PORTRAIT, size=(1080, 1400)))
    moved = normalize_poses(source, target).poses
    hip, height = INDEX["mid_hip"], np.ptp(target.xy[0, :25, 1])
    assert abs(moved.xy[50, hip, 0] - target.xy[0, hip, 0]) < 0.06 * height
    step = (moved.xy[-1, hip, 0] - moved.xy[50, hip, 0]) / (source.xy[-1, hip, 0] - source.xy[50, hip, 0])
    assert step == pytest.approx(height / np.ptp(source.xy[0, :25, 1]), rel=0.05)


def test_before_one_camera_x_is_left_alone() -> None:
    """The paper's case: a target who walked about, a dancer elsewhere in the same picture."""
    source = film(still(aside=np.r_[np.full(60, -0.5), np.linspace(-0.5, 0.1, 40)]))
    target = film(still(aside=np.linspace(-1, 1, 90)))
    moved = normalize_poses(source, target, retarget="global").poses
    np.testing.assert_allclose(moved.xy[..., 0][source.score > 0], source.xy[..., 0][source.score > 0], atol=2)


# --- the hard cases: clamped, cut, degenerate ------------------------------------------------------------------------


def test_beyond_the_observed_depth_the_double_is_held_and_the_user_told() -> None:
    camera = Camera(focal=600, distance=5, height=1.6)
    source = film(
        still(nearer=np.r_[np.zeros(200), np.linspace(0, -2.5, 60), np.linspace(-2.5, 0.3, 70)]), camera=camera
    )
    target = film(still(nearer=np.r_[np.zeros(150), np.linspace(-0.2, 0.3, 50)]), camera=camera)
    result = normalize_poses(source, target, retarget="global")
    assert any("nearer to or farther" in warning for warning in result.warnings)
    reach = 0.07 * np.ptp(target.xy[0, :25, 1])
    assert ankles_y(result.poses).min() > ankles_y(target).min() - reach
    assert ankles_y(result.poses).max() < ankles_y(target).max() + reach


def test_leaving_the_picture_sideways_is_told() -> None:
    source = film(still(aside=np.r_[np.zeros(100), np.linspace(0, 2.2, 60)]))
    target = film(still(aside=np.zeros(60)), camera=replace(PORTRAIT, size=(1080, 500)))
    assert any("sideways" in warning for warning in normalize_poses(source, target).warnings)


@pytest.mark.parametrize(("source_walks", "target_walks"), [(False, False), (False, True), (True, False)])
def test_clips_of_one_depth(source_walks: bool, target_walks: bool) -> None:
    walk, rest = np.linspace(-0.8, 0.8, 150), np.zeros(150)
    source = film(still(nearer=walk if source_walks else rest))
    target = film(still(nearer=walk if target_walks else rest), SMALL, PORTRAIT)
    moved = normalize_poses(source, target).poses
    assert np.isfinite(moved.xy).all()
    usual = np.median(ankles_y(target))
    assert abs(np.median(ankles_y(moved)) - usual) < 0.03 * np.ptp(target.xy[75, :25, 1])
    assert np.ptp(moved.xy[75, :25, 1]) == pytest.approx(np.ptp(target.xy[75, :25, 1]), rel=0.04)


def test_one_frame_is_enough() -> None:
    source, target = film(stand(1)), film(stand(1), SMALL, PORTRAIT)
    assert mean_error(normalize_poses(source, target, retarget="global").poses, target) < 40
    assert np.isfinite(normalize_poses(source, target).poses.xy).all()


@pytest.mark.parametrize("cut", ["source", "target", "both"])
@pytest.mark.parametrize(("names", "anchor"), [(("ankle",), "knee"), (("ankle", "knee"), "hip")])
def test_cut_off_legs_fall_back_to_the_next_joint(cut: str, names: tuple[str, ...], anchor: str) -> None:
    joints = [f"{side}_{name}" for side in ("left", "right") for name in names]
    motion = dance(200, seed=8)
    source, truth = film(motion), film(motion, SMALL, PORTRAIT)
    target = film(dance(200, fps=25, seed=9), SMALL, PORTRAIT)
    shown = hide(source, *joints) if cut != "target" else source
    result = normalize_poses(shown, hide(target, *joints) if cut != "source" else target)
    assert result.transform.anchor == anchor
    assert any("the ankle is hardly ever seen" in warning for warning in result.warnings)
    assert mean_error(result.poses, truth) < 0.08 * np.ptp(truth.xy[0, :25, 1])


def test_ankles_below_the_picture_are_not_measured() -> None:
    low = film(dance(100, seed=2), camera=Camera(height=1.9))
    assert (low.xy[:, ANKLES, 1] > 720).all()
    assert normalize_poses(low, film(dance(100, seed=3))).transform.anchor == "knee"


def test_people_without_a_nose() -> None:
    """Seen from behind: the ears stand in; without those the neck does, with a warning."""
    motion = dance(150, seed=6)
    source, truth = film(motion), film(motion, SMALL, PORTRAIT)
    target = film(dance(150, fps=25, seed=7), SMALL, PORTRAIT)
    ears = normalize_poses(hide(source, "nose"), target)
    assert ears.transform.top == "nose" and ears.warnings == ()
    head = ("nose", "left_ear", "right_ear", "left_eye", "right_eye")
    neck = normalize_poses(hide(source, *head), target)
    assert neck.transform.top == "neck" and any("nose" in warning for warning in neck.warnings)
    assert mean_error(neck.poses, truth) < 0.05 * np.ptp(truth.xy[0, :25, 1])


def test_ankles_hidden_for_a_while_keep_the_depth() -> None:
    source = film(dance(200, wander=0.5, seed=3))
    hidden = replace(source, score=source.score.copy())
    hidden.score[80:100, ANKLES] = 0
    target = film(dance(200, wander=0.5, seed=4), SMALL, PORTRAIT)
    whole, partly = (normalize_poses(poses, target, retarget="global").poses for poses in (source, hidden))
    assert mean_error(whole, partly) < 0.01 * np.ptp(whole.xy[0, :25, 1])


def test_nobody_and_nothing_in_common_are_errors() -> None:
    poses = film(dance(60))
    with pytest.raises(NoPersonError):
        fit_pose_transform(empty_poses(60, (720, 1280), Fraction(30)), poses)
    hands = replace(poses, score=np.where(np.arange(137) >= 95, poses.score, 0))
    with pytest.raises(InputError, match="head to at least the hips"):
        fit_pose_transform(hands, poses)


# --- values ----------------------------------------------------------------------------------------------------------


def test_a_target_measured_once_gives_the_same() -> None:
    source, target = film(dance(90, wander=0.5, seed=1)), film(dance(90, seed=2), SMALL, PORTRAIT)
    by_measures = normalize_poses(source, measure_clip(target))
    np.testing.assert_array_equal(by_measures.poses.xy, normalize_poses(source, target).poses.xy)
