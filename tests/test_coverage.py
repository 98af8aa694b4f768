"""The coverage doctor: turns, arms, crouches and floor moves that were never filmed, and clips with faults."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from dancedouble.coverage import (
    CoverageReport,
    FootageFault,
    check_coverage,
    draw_contact_sheet,
    inspect_footage,
    rank_correlation,
)
from dancedouble.coverage.difficulty import frame_difficulty, hardest_moments
from dancedouble.coverage.quality import QualityCurve, fit_quality_curve
from dancedouble.coverage.stances import FACINGS, describe_poses
from dancedouble.pose.keypoints import PoseSequence, empty_poses
from synthetic_dancer import SIZE, Stance, Studio, arm_dance, make_poses, turning_dance

FRONT = make_poses(arm_dance(150))
TURNING = make_poses(turning_dance(150))
STUDIO = Studio()


def lacks(report: CoverageReport) -> set[tuple[str, str]]:
    return {(span.part, span.reason) for span in report.uncovered}


@pytest.mark.parametrize(("yaw", "facing"), [(0, "front"), (90, "left"), (180, "back"), (270, "right")])
@pytest.mark.parametrize("depth", [True, False], ids=["depth", "flat"])
def test_facing(yaw: float, facing: str, depth: bool) -> None:
    # Without depth the shoulders' full width must be seen at some time.
    poses = make_poses([Stance()] * 20 + [Stance(yaw=yaw)] * 30)
    if not depth:
        poses = replace(poses, depth=np.zeros_like(poses.depth))
    assert FACINGS[describe_poses(poses).facing[40]] == facing


def test_stances_do_not_depend_on_size_or_place() -> None:
    far = make_poses([replace(s, scale=60.0, foot=(40.0, 100.0)) for s in arm_dance(150)])
    np.testing.assert_allclose(describe_poses(far).bones, describe_poses(FRONT).bones, atol=1e-3)
    assert check_coverage(far, FRONT).covered == 1.0


def test_a_dance_is_covered_by_itself() -> None:
    report = check_coverage(TURNING, TURNING)
    assert report.covered == 1.0 and report.uncovered == () and set(report.reasons) == {None}
    assert report.distance.max() == 0.0
    assert report.summary == "All of this dance is covered."


def test_the_missing_back_view_is_named_with_its_time() -> None:
    report = check_coverage(TURNING, FRONT)
    back = [span for span in report.uncovered if span.reason == "back turned"]
    assert len(back) == 1 and back[0].part == "body"
    # The turn lasts from 2 to 4 s; its back quarter is the middle half second.
    assert back[0].start == pytest.approx(2.75, abs=0.15) and back[0].end == pytest.approx(3.25, abs=0.15)
    assert {"left side to the camera", "right side to the camera"} <= {s.reason for s in report.uncovered}
    assert report.covered == pytest.approx(1 - 2 * (260 / 360) / 6, abs=0.05)
    assert "back turned" in report.summary
    assert report.facings["back"] == (pytest.approx(0.25 / 3, abs=0.03), 0.0)
    assert report.reasons[75] == "back turned" and report.reasons[5] is None


def test_a_fast_turn_still_shows_its_back() -> None:
    reasons = {reason for _, reason in lacks(check_coverage(make_poses(turning_dance(75)), FRONT))}
    assert reasons == {"left side to the camera", "back turned", "right side to the camera"}


def test_the_front_is_missed_when_only_the_back_was_filmed() -> None:
    behind = make_poses([replace(stance, yaw=180.0) for stance in arm_dance(100)])
    assert ("body", "facing the camera") in lacks(check_coverage(FRONT, behind))


def test_arms_above_the_head() -> None:
    low = make_poses([Stance(left_arm=20 + 60 * (i % 50) / 50, right_arm=20 + 60 * (i % 40) / 40) for i in range(100)])
    high = make_poses([Stance(left_arm=40, right_arm=40)] * 50 + [Stance(left_arm=165, right_arm=165)] * 50)
    report = check_coverage(high, low)
    assert lacks(report) == {("left arm", "above the head"), ("right arm", "above the head")}
    assert report.uncovered[0].start == pytest.approx(2.0, abs=0.05)
    assert "Film about 10 s more: both arms above the head." in report.summary
    assert report.summary.startswith("50 % of this dance is covered.")
    assert report.arm_heights["above the head"] == (0.5, 0.0)


def test_how_far_off_an_arm_may_be() -> None:
    down = make_poses([Stance(left_arm=20)] * 50)
    assert check_coverage(make_poses([Stance(left_arm=45)] * 50), down).covered == 1.0
    assert check_coverage(make_poses([Stance(left_arm=70)] * 50), down).parts["left arm"] == 0.0


def test_crouch_and_floor() -> None:
    standing = make_poses(arm_dance(100))
    crouching = make_poses([Stance()] * 50 + [Stance(crouch=0.8)] * 50)
    assert ("body", "crouching") in lacks(check_coverage(crouching, standing))
    lying = make_poses([Stance()] * 50 + [Stance(lean=88.0)] * 50)
    assert ("body", "lying on the floor") in lacks(check_coverage(lying, standing))
    assert check_coverage(crouching, crouching).covered == 1.0


def test_shares_of_the_dance() -> None:
    """A turn over a third of the dance, its back quarter a twelfth; heights counted for both clips."""
    report = check_coverage(TURNING, FRONT)
    shares = {lack["reason"]: lack["share"] for lack in report.lacking}
    assert shares["back turned"] == pytest.approx(0.25 / 3, abs=0.03)
    assert list(shares.values()) == sorted(shares.values(), reverse=True)
    low = make_poses([Stance()] * 40 + [Stance(crouch=0.5)] * 40 + [Stance(lean=88.0)] * 20)
    heights = check_coverage(low, FRONT).heights
    assert [heights[name][0] for name in ("upright", "crouching", "on the floor")] == pytest.approx(
        [0.4, 0.4, 0.2], abs=0.03
    )
    assert heights["upright"][1] == 1.0


def test_nearness() -> None:
    walking = make_poses([replace(s, scale=80.0 + 0.8 * i) for i, s in enumerate(arm_dance(150))])
    report = check_coverage(walking, FRONT)
    assert ("body", "nearer to the camera") in lacks(report)
    assert check_coverage(FRONT, walking).covered == 1.0


def test_single_frames_are_noise() -> None:
    poses = make_poses(arm_dance(100))
    xy = poses.xy.copy()
    xy[50, 4] += [0, -150]
    assert check_coverage(replace(poses, xy=xy), poses).uncovered == ()


def test_nobody_anywhere() -> None:
    nobody = empty_poses(30, SIZE, FRONT.fps)
    assert check_coverage(nobody, FRONT).summary == "Nobody was found in the dance."
    report = check_coverage(FRONT, nobody)
    assert report.covered == 0.0 and report.uncovered[0].nearest == -1
    assert report.summary == "Nobody was found in the footage."


def test_json_contract() -> None:
    fault = FootageFault(kind="light", severity="warning", message="The light changes.", value=0.3, times=((0, 1.234),))
    content = json.loads(json.dumps(check_coverage(TURNING, FRONT, faults=(fault,)).to_dict(), allow_nan=False))
    assert 0 <= content["covered"] <= 1
    assert {"start", "end", "part", "reason"} <= content["uncovered"][0].keys()
    assert content["footage"][0]["kind"] == "light" and content["footage"][0]["times"] == [[0, 1.23]]
    assert content["summary"].endswith("The light changes.")


def clean(poses: PoseSequence = FRONT) -> list[np.ndarray]:
    return STUDIO.draw_all(poses)


LONG = make_poses(arm_dance(550))


def kinds(frames: list[np.ndarray], poses: PoseSequence, **known: object) -> dict[str, FootageFault]:
    return {fault.kind: fault for fault in inspect_footage(iter(frames), poses, **known)}  # type: ignore[arg-type]


def test_good_footage_has_no_faults_but_its_size() -> None:
    faults = kinds([STUDIO.draw(LONG, i) for i in range(len(LONG))], LONG)
    assert set(faults) == {"size"} and faults["size"].severity == "warning"
    assert faults["size"].value == pytest.approx(130, rel=0.1)


def test_camera_drift_is_measured() -> None:
    frames = [np.roll(frame, round(i * 8 / 150), axis=1) for i, frame in enumerate(clean())]
    poses = replace(FRONT, xy=FRONT.xy + np.arange(150, dtype=np.float32)[:, None, None] * np.float32([8 / 150, 0]))
    drift = kinds(frames, poses)["camera"]
    assert drift.value == pytest.approx(8 / np.hypot(*SIZE), rel=0.2)
    assert "tripod" in drift.message


def test_light_change() -> None:
    frames = [cv2.convertScaleAbs(frame, alpha=1 - 0.3 * i / 150) for i, frame in enumerate(clean())]
    assert kinds(frames, FRONT)["light"].value == pytest.approx(0.3 / 0.85, rel=0.15)


def test_blur() -> None:
    frames = [cv2.GaussianBlur(f, (0, 0), 4) if i >= 60 else f for i, f in enumerate(clean())]
    blur = kinds(frames, FRONT)["blur"]
    assert blur.value == pytest.approx(0.6, abs=0.05)
    assert blur.times[0][0] == pytest.approx(2.4, abs=0.3)


def test_cropped_feet_absence_crowd_rate_and_length() -> None:
    cut = replace(FRONT, xy=FRONT.xy + np.float32([0, 45]))
    faults = kinds(clean(), cut, variable_rate=True, people=[2] * 30 + [1] * 120)
    assert faults["feet"].value > 0.9
    assert faults["people"].value == pytest.approx(0.2)
    assert faults["rate"].severity == "note" and faults["length"].value == pytest.approx(6.0)
    score = FRONT.score.copy()
    score[100:] = 0
    faults = kinds(clean(), replace(FRONT, score=score))
    assert faults["absent"].value == pytest.approx(1 / 3, abs=0.01) and faults["absent"].times == ((4.0, 6.0),)
    assert kinds(clean()[:40], FRONT[:40])["length"].severity == "fault"


def test_small_person_is_a_fault() -> None:
    small = make_poses([replace(s, scale=70.0) for s in arm_dance(50)])
    assert kinds(clean(small), small)["size"].severity == "fault"


def test_contact_sheet_shows_each_lack_beside_the_nearest_footage() -> None:
    report = check_coverage(TURNING, FRONT)
    sheet = draw_contact_sheet(
        report, TURNING, FRONT,
        read_dance=lambda i: STUDIO.draw(TURNING, i), read_footage=lambda i: STUDIO.draw(FRONT, i),
    )  # fmt: skip
    assert sheet is not None and sheet.dtype == np.uint8 and sheet.shape[1] > 800
    covered = check_coverage(FRONT, FRONT)
    assert draw_contact_sheet(covered, FRONT, FRONT, read_dance=clean, read_footage=clean) is None  # type: ignore[arg-type]


def test_rank_correlation() -> None:
    values = np.array([0.1, 0.5, 0.2, 0.9, np.nan])
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1.0)
    assert rank_correlation(values, -values) == pytest.approx(-1.0)
    assert np.isnan(rank_correlation(values, np.ones(5)))


def test_quality_curve_never_falls_and_survives_json() -> None:
    random = np.random.default_rng(0)
    distance = random.uniform(0, 1, 400)
    error = 0.1 + 0.2 * distance + random.normal(0, 0.03, 400)
    curve = fit_quality_curve(distance, error)
    predicted = curve.predict(np.linspace(-0.5, 1.5, 50))
    assert (np.diff(predicted) >= 0).all()
    assert curve.predict(np.array([0.5]))[0] == pytest.approx(0.2, abs=0.02)
    assert QualityCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve
    with pytest.raises(ValueError, match="at least 8"):
        fit_quality_curve(distance[:5], error[:5])


def test_expected_quality_rises_with_what_lacks() -> None:
    curve = QualityCurve((0.0, 1.0), (0.1, 0.4))
    easy, hard = check_coverage(FRONT, FRONT, curve=curve), check_coverage(TURNING, FRONT, curve=curve)
    assert easy.expected_mean is not None and hard.expected_mean is not None
    assert hard.expected_mean > easy.expected_mean + 0.03
    assert hard.expected is not None and hard.expected[75] > hard.expected[5] + 0.1, "the back, never filmed"
    assert check_coverage(FRONT, FRONT).expected is None


def test_difficulty_is_distance_in_a_tight_box() -> None:
    """The same distance costs more where the box holds little but the person; never seen at all is not known."""
    narrow, wide = (make_poses([Stance(left_arm=a, right_arm=a)] * 20) for a in (5, 90))
    far = np.full(20, 0.3)
    assert (frame_difficulty(narrow, far) > 1.3 * frame_difficulty(wide, far)).all()
    assert (frame_difficulty(narrow, far) > frame_difficulty(narrow, far / 2)).all()
    np.testing.assert_allclose(
        frame_difficulty(make_poses([Stance(scale=60.0, foot=(40.0, 100.0))] * 9), far[:9]),
        frame_difficulty(make_poses([Stance()] * 9), far[:9]), rtol=0.05,
    )  # fmt: skip
    assert np.isnan(frame_difficulty(empty_poses(5, SIZE, FRONT.fps), np.full(5, np.nan))).all()


def test_hardest_moments_are_apart() -> None:
    report = check_coverage(TURNING, FRONT)
    assert 2 <= report.hardest[0] <= 4, "in the turn"
    assert len(report.hardest) == 3 and min(np.diff(sorted(report.hardest))) >= 1.0
    assert hardest_moments(np.full(9, np.nan), 25.0) == ()


def test_half_a_turn_beside_a_filmed_front_is_called_so() -> None:
    """Not "facing the camera": that is what was filmed."""
    down = make_poses([Stance(left_arm=10, right_arm=10)] * 50)
    for yaw, side in ((35, "left"), (325, "right")):
        turned = make_poses(
            [Stance(left_arm=120, right_arm=120)] * 50 + [Stance(yaw=yaw, left_arm=120, right_arm=120)] * 50
        )
        assert ("body", f"half turned, {side} side to the camera") in lacks(check_coverage(turned, down))
    profile = make_poses([Stance(yaw=90)] * 50)
    assert ("body", "facing the camera") in lacks(check_coverage(FRONT, profile))


def test_the_moment_shown_of_a_turn_is_the_squarest() -> None:
    yaw = describe_poses(TURNING).yaw
    for span in check_coverage(TURNING, FRONT).uncovered:
        if span.reason == "back turned":
            assert yaw[span.frame] == pytest.approx(180, abs=12)
        elif span.reason == "left side to the camera":
            assert yaw[span.frame] == pytest.approx(90, abs=12)


def test_a_second_person_for_a_moment_is_a_slip_of_the_detector() -> None:
    people = [1] * 150
    for start in (10, 50, 90, 130):
        people[start : start + 12] = [2] * 12
    assert "people" not in kinds(clean(), FRONT, people=people)
    people[10:40] = [2] * 30
    assert kinds(clean(), FRONT, people=people)["people"].times == ((0.4, 1.6),)


def test_a_long_caption_fits_its_cell() -> None:
    from dancedouble.coverage.sheet import CELL, _caption

    caption = _caption(
        "3.4 s: right arm shoulder high and bent or pointing at the camera (seen from the left)", "", 2 * CELL[1]
    )
    assert (caption[:, -2:] < 40).all() and (caption > 200).any()


def test_no_lack_is_too_short_to_be_seen() -> None:
    spun = make_poses([replace(s, yaw=(s.yaw * 3) % 360) for s in turning_dance(150)])
    spans = [span for dance in (TURNING, spun) for span in check_coverage(dance, FRONT).uncovered]
    assert spans and min(span.end - span.start for span in spans) >= 0.15 - 1e-6
