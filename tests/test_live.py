"""Live: a dancer is followed, fitted and painted without knowing what comes; frames go where they were asked to go."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dancedouble import live_view, pipeline
from dancedouble.errors import Cancelled, MediaError, OutputError
from dancedouble.live_dance import LiveChooser, LiveWindow
from dancedouble.media import camera
from dancedouble.media.camera import newest, open_camera
from dancedouble.media.video import probe, read_frames, read_metadata
from dancedouble.person import save_person
from dancedouble.pose.estimator import FakePoseEstimator, PersonPose, Roi, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.live import FIRST_SECONDS, FRAMES_BETWEEN_LOOKS, LAG, LiveFit, follow_live
from dancedouble.pose.normalization import normalize_poses
from dancedouble.pose.skeleton import BODY
from dancedouble.progress import Progress
from dancedouble.provenance.marking import STATEMENT
from dancedouble.rendering.body_parts import GROUPS
from dancedouble.rendering.crop import body_boxes
from media_samples import write_video
from pose_fixtures import Body, Camera, dance, film
from untrained_person import FPS, SIZE, doll_poses, untrained_person

CAMERA = Camera(size=(240, 320), fps=FPS, focal=400.0)


def dancer(frames: int = 90, seed: int = 7) -> PoseSequence:
    return film(dance(frames, float(FPS), seed=seed), Body(torso=0.46, shin=0.38, thigh=0.38), CAMERA)


def seen_in(poses: PoseSequence, index: int) -> PersonPose | None:
    if not poses.present[index]:
        return None
    return PersonPose(
        xy=poses.xy[index], score=poses.score[index], depth=poses.depth[index], mask=None, box=(0, 0, 9, 9),
        roi=Roi(x=4, y=4, size=9),
    )  # fmt: skip


def fitted(source: PoseSequence, target: PoseSequence) -> list[PoseSequence | None]:
    fit = LiveFit(target, source.size, source.fps, "limbs")
    return [fit.add(seen_in(source, index)) for index in range(len(source))]


def test_a_live_dance_is_fitted_nearly_as_a_whole_one_is() -> None:
    source, target = dancer(), doll_poses(60)
    rows = fitted(source, target)
    first = next(index for index, row in enumerate(rows) if row is not None)
    assert first == pytest.approx(FIRST_SECONDS * float(FPS) + LAG, abs=2)
    whole = normalize_poses(source, target).poses
    height = np.nanmedian(np.diff(body_boxes(target)[:, 1::2], axis=1))
    apart = [
        np.linalg.norm(row.xy[0, BODY] - whole.xy[index - LAG, BODY], axis=-1).mean() / height
        for index, row in enumerate(rows)
        if row is not None and index > first + 2 * float(FPS)
    ]
    assert np.mean(apart) < 0.05, "of the body's height"
    middles = np.array([row.xy[0, BODY].mean(0) for row in rows[first:] if row is not None])
    meant = np.array([whole.xy[index, BODY].mean(0) for index in range(len(whole))])
    jump, step = (np.linalg.norm(np.diff(places, axis=0), axis=1).max() for places in (middles, meant))
    assert jump < step + 0.02 * height, "a new fit takes over gradually"


def test_nobody_gives_nothing_and_a_dancer_who_comes_back_is_known() -> None:
    source = dancer()
    source.score[50:60] = 0
    rows = fitted(source, doll_poses(60))
    assert all(row is None for row in rows[50 + LAG : 60 + LAG])
    assert rows[62 + LAG] is not None, "not measured anew"


def test_the_largest_person_is_followed_and_looked_for_again_when_lost() -> None:
    small, large = doll_poses(40, seed=1), dancer(40)
    large.score[10:30] = 0
    small = PoseSequence(xy=small.xy * 0.4, score=small.score.copy(), size=small.size, fps=small.fps)
    small.score[:20] = 0
    blank = np.full((240, 320, 3), 90, np.uint8)
    frames = (stamp_frame(blank, index) for index in range(40))
    found = [pose for _, pose in follow_live(frames, FakePoseEstimator(small, large))]
    assert all(pose is not None and (pose.xy == large.xy[index]).all() for index, pose in enumerate(found[:10]))
    assert found[10:20] == [None] * 10
    again = next(index for index in range(20, 40) if found[index] is not None)
    assert again < 20 + FRAMES_BETWEEN_LOOKS and (found[again].xy == small.xy[again]).all()


def test_the_window_keeps_its_size_and_holds_the_double() -> None:
    person, poses = untrained_person(), doll_poses(60, seed=9)
    window = LiveWindow(person, FPS)
    places = [window.follow(poses[index : index + 1]) for index in range(60)]
    assert {place.size for place in places} == {window.size}
    assert all(side % 16 == 0 for side in window.size)
    for place, (left, top, right, bottom) in zip(places, body_boxes(poses), strict=True):
        spare = SIZE[1] - place.region[1]  # sides are rounded up, so a window may be a little wider than the frame
        assert min(spare, 0) <= place.left <= max(spare, 0)
        assert place.left <= max(left, 0) + 1 and min(right, SIZE[1]) <= place.left + place.region[1] + 1
        assert place.top <= max(top, 0) + 1 and min(bottom, SIZE[0]) <= place.top + place.region[0] + 1


def test_references_are_kept_through_doubt_and_changed_for_another_pose() -> None:
    person = untrained_person(frames=60)
    poses = person.poses
    chooser = LiveChooser(person)
    still = [chooser.choose(poses[8:9]).tolist() for _ in range(4)]
    assert still == [still[0]] * 4 and np.array(still[0]).shape == (2, len(GROUPS))
    trembling = PoseSequence(xy=poses.xy[8:9] + 0.3, score=poses.score[8:9], size=poses.size, fps=poses.fps)
    assert chooser.choose(trembling).tolist() == still[0]
    far = chooser.choose(poses[40:41])
    assert (far[1] == 10).all(), "the bank's picture of that very pose, at once"


def test_a_slow_watcher_gets_the_newest_frame() -> None:
    given, asked = iter(range(1, 8)), threading.Semaphore(3)
    read_three = threading.Event()

    def read() -> np.ndarray | None:
        if not asked.acquire(blocking=False):
            read_three.set()
            asked.acquire()
        number = next(given, None)
        return None if number is None else np.full((1, 1, 3), number, np.uint8)

    with newest(read) as frames:
        assert read_three.wait(20)
        assert next(frames)[0, 0, 0] == 3, "1 and 2 are past"
        asked.release()
        assert next(frames)[0, 0, 0] == 4
        asked.release(9)
        assert [int(frame[0, 0, 0]) for frame in frames][-1:] in ([], [7]), "it ends when the camera does"


def test_nobody_waits_for_a_camera_that_died_or_fell_silent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def die() -> np.ndarray | None:
        raise RuntimeError("unplugged")

    with newest(die) as frames:
        assert list(frames) == []
    monkeypatch.setattr(camera, "SILENCE", 0.05)
    silent = threading.Event()
    with newest(lambda: np.zeros((1, 1, 3), np.uint8) if silent.wait(20) else None) as frames:
        assert list(frames) == []
        silent.set()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2, "and it is said"


def test_a_camera_that_is_not_there_is_an_error() -> None:
    with pytest.raises(MediaError, match="camera 97"), open_camera(97):
        pass


@pytest.fixture(scope="module")
def film_of_a_dancer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PoseSequence]:
    poses = dancer(50)
    poses.score[44:] = 0
    blank = np.full((240, 320, 3), 90, np.uint8)
    path = tmp_path_factory.mktemp("live") / "dance.mp4"
    write_video(path, [stamp_frame(blank, index) for index in range(50)], rate=FPS)
    return path, poses


@pytest.fixture
def doll(tmp_path: Path, film_of_a_dancer: tuple[Path, PoseSequence], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pipeline, "dance_estimator", lambda: FakePoseEstimator(film_of_a_dancer[1]))
    save_person(tmp_path / "doll.safetensors", untrained_person(height=64))
    return tmp_path / "doll.safetensors"


def test_a_performance_from_a_file(doll: Path, tmp_path: Path, film_of_a_dancer: tuple[Path, PoseSequence]) -> None:
    output = tmp_path / "double.mp4"
    result = pipeline.live(doll, film_of_a_dancer[0], output=output, device="cpu")
    assert (result.frames, probe(output).frames, probe(output).size) == (50, 50, SIZE)
    waiting = round(FIRST_SECONDS * float(FPS)) + LAG
    assert result.missed == pytest.approx(waiting + 50 - (44 + LAG), abs=3)
    assert result.fps > 0 and read_metadata(output)["comment"] == STATEMENT
    frames = [frame.astype(int) for frame in read_frames(output)]
    assert np.abs(frames[40] - frames[5]).max() > 50, "the double has appeared"
    assert np.abs(frames[49] - frames[5]).mean() < 3, "and gone with the dancer"


def test_stopping_a_performance_keeps_it(
    doll: Path, tmp_path: Path, film_of_a_dancer: tuple[Path, PoseSequence]
) -> None:
    def stop(progress: Progress) -> None:
        if progress.done == 12:
            raise Cancelled("enough")

    result = pipeline.live(doll, film_of_a_dancer[0], output=tmp_path / "short.mp4", device="cpu", on_progress=stop)
    assert result.frames == probe(tmp_path / "short.mp4").frames == 12


def test_a_stream_is_jpegs_in_a_row_that_say_what_they_are(
    doll: Path, film_of_a_dancer: tuple[Path, PoseSequence], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", type("Out", (), {"buffer": out}))
    result = pipeline.live(doll, film_of_a_dancer[0], output="-", device="cpu")
    pictures = [b"\xff\xd8\xff" + part for part in out.getvalue().split(b"\xff\xd8\xff")[1:]]
    assert len(pictures) == result.frames == 50
    last = Image.open(io.BytesIO(pictures[-1]))
    assert last.size == SIZE[::-1] and last.info["comment"] == STATEMENT.encode()


def test_a_watcher_who_closes_ends_it(
    doll: Path, film_of_a_dancer: tuple[Path, PoseSequence], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed:
        def write(self, data: bytes) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", type("Out", (), {"buffer": Closed()}))
    before = threading.active_count()
    assert pipeline.live(doll, film_of_a_dancer[0], output="-", device="cpu").frames == 1
    assert threading.active_count() <= before + 1


def test_a_camera_s_frames_keep_their_time_in_a_video(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter([10.0, 10.01, 10.5, 11.0])
    monkeypatch.setattr(live_view.time, "monotonic", lambda: next(clock))
    written: list[int] = []
    show = live_view._paced(lambda frame: written.append(int(frame[0, 0, 0])), Fraction(4))
    for number in range(4):
        assert show(np.full((1, 1, 3), number, np.uint8))
    assert written == [0, 2, 2, 3, 3], "one second at 4 a second; frame 1 came too soon after frame 0"


def test_a_window_shows_a_video_in_its_own_time_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    clock: Iterator[float] = iter([10.0, 10.1, 10.9, 10.95])
    slept: list[float] = []
    monkeypatch.setattr(live_view.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(live_view.time, "sleep", slept.append)
    show = live_view._in_time(lambda frame: True, Fraction(4))
    for _ in range(4):
        assert show(np.zeros((1, 1, 3), np.uint8))
    assert slept == pytest.approx([0.15, 0.2]), "frame 1 waits, 2 is late, and 3 is due a quarter of a second after 2"
    tall = np.zeros((1920, 1080, 3), np.uint8)
    assert live_view._fitted(tall, (1080, 1920)).shape == (972, 546, 3)
    assert live_view._fitted(tall, (2160, 3840)) is tall


def test_places_where_no_frames_can_go(
    doll: Path, tmp_path: Path, film_of_a_dancer: tuple[Path, PoseSequence], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OutputError, match="standard output"):
        pipeline.live(doll, film_of_a_dancer[0], output=tmp_path / "double.gif")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(OutputError, match=r"-o OUT\.mp4"):
        pipeline.live(doll, film_of_a_dancer[0], device="cpu")
    assert torch.is_inference_mode_enabled() is False
