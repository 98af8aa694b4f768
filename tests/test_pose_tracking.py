"""Who is in a clip, who is chosen, and that they are followed and nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dancedouble.errors import Cancelled, DancedoubleError, NoPersonError, PersonTooSmallError, SubjectError
from dancedouble.pose.estimator import Detection, FakePoseEstimator, Frame, PersonPose, Roi, read_stamp, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX, POINTS
from dancedouble.pose.tracking import (
    busiest_frame,
    choose_subject,
    find_subject,
    follow_subject,
    list_people,
    people_sheet,
    sample_step,
    watch_subject,
)
from dancedouble.progress import Progress

SIZE = (240, 320)
FPS = Fraction(30)
CLIP = Path("clip.mp4")


@dataclass(frozen=True)
class Info:
    path: Path
    fps: Fraction
    frames: int


def person(x: np.ndarray, *, height: float = 150, present: slice | None = None) -> PoseSequence:
    """Someone upright whose middle is at ``x`` (T,), feet at y = 220."""
    frames = len(x)
    xy = np.zeros((frames, POINTS, 2), np.float32)
    score = np.zeros((frames, POINTS), np.float32)
    rows = {"nose": (0, 1.0), "neck": (0, 0.8), "left_shoulder": (0.15, 0.8), "right_shoulder": (-0.15, 0.8)}
    rows |= {"mid_hip": (0, 0.5), "left_ankle": (0.1, 0), "right_ankle": (-0.1, 0)}
    for name, (across, up) in rows.items():
        xy[:, INDEX[name], 0] = x + across * height
        xy[:, INDEX[name], 1] = 220 - up * height
        score[present if present is not None else slice(None), INDEX[name]] = 1
    return PoseSequence(xy=xy, score=score, size=SIZE, fps=FPS)


def followed(*given: Any, **options: Any) -> Iterator[PersonPose | None]:
    """The poses alone of what ``watch_subject`` yields."""
    for seen in watch_subject(*given, **options):
        yield seen.pose


def footage(frames: int) -> Iterator[Frame]:
    blank = np.full((*SIZE, 3), 90, np.uint8)
    for index in range(frames):
        yield stamp_frame(blank, index)


def still(x: float, frames: int = 60) -> np.ndarray:
    return np.full(frames, x, np.float32)


def test_people_are_listed_by_size_and_steadiness() -> None:
    tall, small = person(still(80)), person(still(240), height=100)
    brief = person(still(160), height=160, present=slice(0, 12))
    tracks = list_people(footage(60), FakePoseEstimator(small, brief, tall), fps=FPS)
    assert [track.number for track in tracks] == [1, 2, 3]
    assert [round(track.height) for track in tracks] == [150, 100, 160]
    assert tracks[0].presence == 1 and tracks[2].presence == pytest.approx(0.2)
    assert tracks[0].thumbnail.shape[0] == 192


def test_only_a_few_frames_a_second_are_looked_at() -> None:
    class Counting(FakePoseEstimator):
        looks = 0

        def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
            self.looks += 1
            return super().detect(frame)

    estimator = Counting(person(still(80, 60)))
    list_people(footage(60), estimator, fps=FPS)
    assert estimator.looks == 10


def test_one_person_alone_is_rarely_searched_closely_and_who_comes_close_is_found() -> None:
    close: list[bool] = []

    class Merging(FakePoseEstimator):
        """Takes people for one unless it looks closely."""

        def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
            close.append(closely)
            found = super().detect(frame)
            return found if closely else found[:1]

    companion = person(still(110, 300), present=slice(150, 300))
    tracks = list_people(footage(300), Merging(person(still(80, 300)), companion), fps=FPS)
    alone, together = close[:25], close[29:]  # one sample is searched while the one before it still is
    assert len(tracks) == 2 and tracks[1].sightings[0].frame <= 150 + 2 * sample_step(FPS)
    assert 3 * sum(alone) < 2 * len(alone) and all(together)


def test_someone_unseen_for_a_moment_stays_the_same_person_and_a_later_one_is_another() -> None:
    x = still(100, 300)
    back_soon = person(x, present=slice(0, 60))
    back_soon.score[90:120] = back_soon.score[0]
    later = person(x, present=slice(250, 300))
    tracks = list_people(footage(300), FakePoseEstimator(back_soon, later), fps=FPS)
    assert len(tracks) == 2
    spans = [(track.sightings[0].frame, track.sightings[-1].frame) for track in tracks]
    assert spans[0] == (0, 114)
    assert 250 <= spans[1][0] <= 256


def test_the_clear_subject_is_followed_in_every_frame() -> None:
    walk = np.linspace(60, 260, 90).astype(np.float32)
    subject, other = person(walk), person(still(40, 90), height=100)
    info = Info(CLIP, FPS, 90)
    poses = list(followed(lambda: footage(90), info, FakePoseEstimator(other, subject)))
    assert len(poses) == 90
    for index, pose in enumerate(poses):
        assert pose is not None
        np.testing.assert_array_equal(pose.xy, subject.xy[index])


def test_every_third_frame_alone_is_followed_where_no_more_are_given() -> None:
    subject, other = person(np.linspace(60, 260, 90).astype(np.float32)), person(still(40, 90), height=100)
    estimator = FakePoseEstimator(other, subject)
    tracks = list_people(footage(90), estimator, fps=FPS)
    seen = list(follow_subject(islice(footage(90), None, None, 3), estimator, tracks[0], others=tracks[1:], every=3))
    assert len(seen) == 30
    for number, (frame, pose) in enumerate(seen):
        assert pose is not None and read_stamp(frame) == 3 * number
        np.testing.assert_array_equal(pose.xy, subject.xy[3 * number])


def test_a_subject_is_not_lost_to_somebody_they_pass() -> None:
    across, back = np.linspace(40, 280, 120), np.linspace(280, 40, 120)
    subject, other = person(across.astype(np.float32)), person(back.astype(np.float32), height=125)
    poses = followed(lambda: footage(120), Info(CLIP, FPS, 120), FakePoseEstimator(subject, other))
    wrong = [i for i, pose in enumerate(poses) if pose is None or not np.array_equal(pose.xy, subject.xy[i])]
    assert len(wrong) <= 8 and not [i for i in wrong if not 50 <= i <= 70], wrong


def test_frames_without_the_subject_are_gaps() -> None:
    subject = person(still(100, 120))
    subject.score[40:80] = 0
    poses = list(followed(lambda: footage(120), Info(CLIP, FPS, 120), FakePoseEstimator(subject)))
    present = np.array([pose is not None for pose in poses])
    assert present[:40].all() and not present[40:80].any()
    assert present[86:].all(), "found again within a sample"


def test_a_person_asked_for_is_followed_though_smaller() -> None:
    big, small = person(still(80)), person(still(240), height=100)
    poses = followed(lambda: footage(60), Info(CLIP, FPS, 60), FakePoseEstimator(big, small), person=2)
    assert all(pose is not None and np.array_equal(pose.xy, small.xy[0]) for pose in poses)


def refusal(*people: PoseSequence, person: int | None = None) -> DancedoubleError:
    """The error that stops this clip, which is one line and names the file."""
    frames = len(people[0])
    with pytest.raises(DancedoubleError) as caught:
        find_subject(footage(frames), Info(CLIP, FPS, frames), FakePoseEstimator(*people), person=person)
    assert "\n" not in str(caught.value) and str(CLIP) in str(caught.value)
    return caught.value


def test_a_passer_by_is_not_listed() -> None:
    subject, passer_by = person(still(80, 250)), person(still(240, 250), present=slice(100, 115))
    tracks = list_people(footage(250), FakePoseEstimator(subject, passer_by), fps=FPS)
    assert [track.number for track in tracks] == [1]
    stays = person(still(240, 250), present=slice(100, 130))
    assert len(list_people(footage(250), FakePoseEstimator(subject, stays), fps=FPS)) == 2


def test_frames_that_are_not_looked_at_need_not_be_given() -> None:
    subject, other = person(still(80, 250)), person(still(240, 250), present=slice(100, 180))
    step = sample_step(FPS)
    assert step > 1
    whole = list_people(footage(250), FakePoseEstimator(subject, other), fps=FPS)
    told: list[Progress] = []
    thinned, everyone = find_subject(
        islice(footage(250), 0, None, step), Info(CLIP, FPS, 250), FakePoseEstimator(subject, other), every=step,
        on_progress=told.append,
    )  # fmt: skip
    assert [track.sightings for track in everyone] == [track.sightings for track in whole]
    assert thinned.number == 1 and (told[-1].done, told[-1].total) == (250, 250)


def test_the_frame_that_is_shown_has_most_people_and_most_of_them() -> None:
    class Cut(FakePoseEstimator):
        def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
            share = 0.3 if read_stamp(frame) < 20 else 1.0
            return [
                Detection(box=found.box, score=found.score, roi=found.roi, visible=share)
                for found in super().detect(frame)
            ]

    alone = list_people(footage(60), Cut(person(still(80))), fps=FPS)
    assert 20 <= busiest_frame(alone) < 60
    late = person(still(240), present=slice(40, 60))
    assert busiest_frame(list_people(footage(60), Cut(person(still(80)), late), fps=FPS)) >= 40
    assert busiest_frame([]) == 0


def test_two_equal_people_need_a_choice() -> None:
    pair = person(still(80)), person(still(240), height=148)
    error = refusal(*pair)
    assert isinstance(error, SubjectError) and "--person N" in str(error)
    assert f"`dancedouble info {CLIP} --picture who.png`" in str(error)
    subject, everyone = find_subject(footage(60), Info(CLIP, FPS, 60), FakePoseEstimator(*pair), person=2)
    assert subject.number == 2 and len(everyone) == 2


def test_equal_people_one_after_the_other_leave_a_subject() -> None:
    first, second = person(still(100, 120), present=slice(0, 60)), person(still(220, 120), present=slice(62, 120))
    subject, _ = find_subject(footage(120), Info(CLIP, FPS, 120), FakePoseEstimator(first, second))
    assert subject.sightings[0].frame == 0


def test_refusals() -> None:
    nobody = person(still(80), present=slice(0, 0))
    assert isinstance(refusal(nobody), NoPersonError)
    assert isinstance(refusal(person(still(80)), person=2), SubjectError)
    assert isinstance(refusal(person(still(80)), person=0), SubjectError)
    tiny = refusal(person(still(80), height=80))
    assert isinstance(tiny, PersonTooSmallError) and "96" in str(tiny)


def test_someone_mostly_out_of_the_frame_is_refused() -> None:
    class Cut(FakePoseEstimator):
        def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
            return [
                Detection(box=found.box, score=found.score, roi=found.roi, visible=0.25)
                for found in super().detect(frame)
            ]

    with pytest.raises(NoPersonError, match="mostly out of the frame"):
        find_subject(footage(60), Info(CLIP, FPS, 60), Cut(person(still(80))))
    with pytest.raises(NoPersonError, match="mostly out of the frame"):  # not: too small, though what is seen is
        find_subject(footage(60), Info(CLIP, FPS, 60), Cut(person(still(80), height=60)))


def test_a_second_pose_drawn_over_a_known_person_is_no_person() -> None:
    known, ghost = person(still(100)), person(still(118), height=140)
    ghost.score[10:] = 0
    ghost.score[40:52] = ghost.score[0]
    tracks = list_people(footage(60), FakePoseEstimator(known, ghost), fps=FPS)
    assert [round(track.height) for track in tracks] == [150]


def test_a_pose_that_slips_far_off_the_track_is_not_the_subject() -> None:
    class Slipping(FakePoseEstimator):
        """From the third frame on the landmark network sees something else, wherever it is told to look."""

        def landmarks(self, frame: Frame, roi: Roi) -> PersonPose | None:
            pose = super().landmarks(frame, roi)
            if pose is None or frame[0, 4:20, 0].sum() == 0:
                return pose
            far = Roi(x=pose.roi.x + 200, y=pose.roi.y, size=pose.roi.size)
            return PersonPose(
                xy=pose.xy + 200, score=pose.score, depth=pose.depth, mask=None, box=(280, 0, 310, 30), roi=far
            )

    estimator = Slipping(person(still(80)))
    tracks = list_people(footage(60), estimator, fps=FPS)
    for _frame, pose in follow_subject(footage(60), estimator, tracks[0]):
        assert pose is None or pose.xy[INDEX["mid_hip"], 0] == 80


def test_progress_tells_both_passes_and_can_cancel() -> None:
    told: list[Progress] = []
    info, estimator = Info(CLIP, FPS, 60), FakePoseEstimator(person(still(80)))
    list(followed(lambda: footage(60), info, estimator, on_progress=told.append))
    assert [report.stage for report in told] == ["people"] * 60 + ["poses"] * 60
    assert told[-1].done == told[-1].total == 60

    def stop(report: Progress) -> None:
        if report.stage == "poses" and report.done == 3:
            raise Cancelled("stopped")

    seen = 0
    with pytest.raises(Cancelled):
        for _pose in followed(lambda: footage(60), info, estimator, on_progress=stop):
            seen += 1
    assert seen == 3


def test_the_sheet_shows_the_frame_and_everyone() -> None:
    tracks = list_people(footage(60), FakePoseEstimator(person(still(80)), person(still(240), height=100)), fps=FPS)
    assert busiest_frame(tracks) == 0
    frame = next(footage(1))
    sheet = people_sheet(frame, tracks)
    assert sheet.dtype == np.uint8 and sheet.shape[0] > SIZE[0] + 192 and sheet.shape[1] >= SIZE[1]
    changed = (sheet[: SIZE[0], : SIZE[1]] != frame).any(axis=2)
    for track in tracks:
        left, top, right, bottom = (round(value) for value in track.sightings[0].box)
        assert changed[top : bottom + 1, left].mean() > 0.9, "a box around everyone"
        assert not changed[(top + bottom) // 2, (left + right) // 2], "and nothing drawn on them"


def test_choosing_from_nobody_is_told() -> None:
    with pytest.raises(NoPersonError, match=r"clip\.mp4: nobody"):
        choose_subject([], person=None, path=CLIP)


def test_the_rest_of_a_pose_is_found_while_the_next_frame_is_looked_at() -> None:
    bodies, rests = threading.Event(), threading.Event()

    class Slow(FakePoseEstimator):
        """The first frame's hands and face wait for the second frame's body, and the third body for those."""

        looks = 0

        def landmarks(self, frame: Frame, roi: Roi) -> PersonPose | None:
            self.looks += 1
            if self.looks == 2:
                bodies.set()
            if self.looks == 3:
                assert rests.wait(20)
            return super().landmarks(frame, roi)

        def complete(self, frame: Frame, pose: PersonPose, *, hands: bool = True) -> PersonPose:
            assert bodies.wait(20)
            rests.set()
            return replace(pose, score=pose.score / 2)

    subject = person(still(80))
    estimator = Slow(subject)
    tracks = list_people(footage(60), estimator, fps=FPS)
    seen = list(follow_subject(footage(60), estimator, tracks[0]))
    assert [read_stamp(frame) for frame, _ in seen] == list(range(60))
    assert all(pose is not None and pose.score.max() == subject.score.max() / 2 for _, pose in seen)


def test_who_is_like_some_poses_is_followed_and_not_the_more_prominent_one() -> None:
    tall, small = person(still(80)), person(still(240), height=100)
    estimator, info = FakePoseEstimator(small, tall), Info(CLIP, FPS, 60)
    for wanted in (tall, small):
        seen = list(followed(lambda: footage(60), info, estimator, person=wanted))
        assert all(pose is not None for pose in seen)
        assert np.median([pose.xy[INDEX["nose"], 0] for pose in seen if pose]) == wanted.xy[0, INDEX["nose"], 0]


def test_a_part_of_a_track_is_counted_from_its_start() -> None:
    (track,) = list_people(footage(60), FakePoseEstimator(person(np.linspace(60, 240, 60))), fps=FPS)
    part = track.within(30, 40)
    assert part is not None and part.number == track.number
    there, here = track.at(35), part.at(5)
    assert there is not None and here is not None and here.box == there.box
    assert track.within(100, 120) is None
