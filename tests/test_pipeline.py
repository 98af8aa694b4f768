"""The verbs from end to end, on two dolls, with the toy preset and an estimator that knows the poses."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from dancedouble import capture, perception, pipeline, planning, preparation
from dancedouble.errors import (
    Cancelled,
    ClipTooShortError,
    ConsentError,
    InputError,
    NoPersonError,
    OutputError,
    PersonFileError,
    SubjectError,
    WorkspaceError,
)
from dancedouble.media.image import read_image
from dancedouble.media.video import VideoWriter, probe, read_frames, read_metadata
from dancedouble.person import load_person, read_header
from dancedouble.planning import choose_size, plan_budget, short_of_learning
from dancedouble.pose.estimator import FakePoseEstimator, PersonPose, Roi, bounds, read_stamp, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.openpose_json import write_openpose
from dancedouble.pose.pixel_motion import Motion
from dancedouble.pose.skeleton import INDEX
from dancedouble.progress import Progress
from dancedouble.recipe import Recipe
from dancedouble.results import Plan, PrepareResult, RenderResult, TrainResult
from dancedouble.training import trainer as trainer_module
from dancedouble.training.execution import Execution
from dancedouble.training.presets import tiny
from dancedouble.training.trainer import Limit
from dancedouble.workspace import Workspace
from media_samples import audio_packet_hashes, click_times, clicks, hear, numbered, read_rgba, write_video
from small_world import FPS, OFFSET, SIZE, TwoClipEstimator, World, draw_clip, make_world, shifted

CONSENT = "a doll, drawn for this test"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module", autouse=True)
def known_poses(world: World) -> Iterator[None]:
    patch = pytest.MonkeyPatch()
    estimator = TwoClipEstimator(world.source_poses, world.target_poses)
    for module in (capture, pipeline):
        patch.setattr(module, "dance_estimator", lambda: estimator)
    patch.setattr(preparation, "subject_estimator", lambda model: estimator)
    patch.setattr(pipeline, "subject_model", lambda: "heavy")
    yield
    patch.undo()


@pytest.fixture(scope="module")
def prepared(world: World, tmp_path_factory: pytest.TempPathFactory) -> PrepareResult:
    return pipeline.prepare(world.target, tmp_path_factory.mktemp("prepared") / "workspace", consent=CONSENT)


@pytest.fixture(scope="module")
def learned(prepared: PrepareResult, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    person = tmp_path_factory.mktemp("learned") / "doll.safetensors"
    return pipeline.train(prepared.workspace, person, preset="tiny", steps=12, size=96)


def write_both(folder: Path, first: PoseSequence, second: PoseSequence) -> None:
    """OpenPose's files of two people, and beside that folder, in ``second``, of the second alone."""
    alone = folder.with_name("second")
    write_openpose(folder, first)
    write_openpose(alone, second)
    for file in folder.iterdir():
        one, other = (json.loads((each / file.name).read_text()) for each in (folder, alone))
        file.write_text(json.dumps({"people": one["people"] + other["people"]}))


def test_prepare_keeps_frames_masks_poses_plate_and_consent(world: World, prepared: PrepareResult) -> None:
    assert (prepared.frames, prepared.usable, prepared.gaps) == (36, 36, 0)
    manifest = json.loads((prepared.workspace / "manifest.json").read_text())
    assert manifest["consent"] == CONSENT
    assert read_image(prepared.workspace / "plate.png").shape == (*SIZE, 3)
    assert len(PoseSequence.load(prepared.workspace / "poses.npz")) == 36


def test_prepare_answers_the_same_request_from_what_is_there(world: World, prepared: PrepareResult) -> None:
    before = (prepared.workspace / "manifest.json").stat().st_mtime_ns
    again = pipeline.prepare(world.target, prepared.workspace)
    assert again.usable == prepared.usable
    assert (prepared.workspace / "manifest.json").stat().st_mtime_ns == before


def test_no_masks_of_the_whole_clip_are_kept_in_memory(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[PersonPose] = []

    def watched(poses: Iterable[PersonPose | None], size: tuple[int, int], fps: Fraction) -> PoseSequence:
        rows = list(poses)
        given.extend(pose for pose in rows if pose is not None)
        return capture.assemble(rows, size, fps)

    monkeypatch.setattr(preparation, "assemble", watched)
    pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)
    assert given and all(pose.mask is None for pose in given)


def test_learning_needs_consent(world: World, tmp_path: Path) -> None:
    for consent in (None, "", "  "):
        with pytest.raises(ConsentError, match="--consent"):
            pipeline.prepare(world.target, tmp_path / "w", consent=consent)
        with pytest.raises(ConsentError, match="--consent"):
            pipeline.transfer(
                world.source, world.target, tmp_path / "out.mp4", consent=consent,
                on_progress=lambda progress: pytest.fail("a plan before the question would be told twice"),
            )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_the_person_file_holds_consent_recipe_and_no_footage(learned: TrainResult, prepared: PrepareResult) -> None:
    header = read_header(learned.person)
    assert header["consent"] == CONSENT
    assert header["recipe"]["preset"] == "tiny"
    person = load_person(learned.person)
    assert person.bank is not None and len(person.bank) == 6
    assert pipeline.info(learned.person).to_dict()["consent"] == CONSENT
    assert pipeline.info(prepared.workspace).to_dict()["consent"] == CONSENT


def test_render_is_as_long_as_the_dance_with_its_sound_and_says_it_is_synthetic(
    world: World, learned: TrainResult, tmp_path: Path
) -> None:
    result = pipeline.render(learned.person, world.source, tmp_path / "out.mp4")
    info, source = probe(result.output), probe(world.source)
    assert (info.frames, info.fps, info.size) == (source.frames, source.fps, SIZE)
    assert abs(info.duration - source.duration) <= 1 / source.fps
    ours, theirs = audio_packet_hashes(result.output), audio_packet_hashes(world.source)
    assert ours[:-1] == theirs[: len(ours) - 1]
    record = json.loads(read_metadata(result.output)["dancedouble"])
    assert record["synthetic"] is True and record["consent"] == "on record", "whose words are nobody else's business"
    assert "ynthetic" in read_metadata(result.output)["comment"]
    values = result.to_dict()
    assert values["fps"] == "15" and values["frames"] == 20
    assert set(values) >= {"output", "frames", "fps", "seconds", "warnings"}


def test_the_plate_stays_untouched_where_the_person_is_not(
    world: World, learned: TrainResult, prepared: PrepareResult, tmp_path: Path
) -> None:
    pipeline.render(learned.person, world.source, tmp_path / "frames")
    pipeline.render(learned.person, world.source, tmp_path / "cut-out", alpha=True)
    plate = read_image(prepared.workspace / "plate.png")
    frames = sorted((tmp_path / "frames").glob("*.png"))
    assert [frame.name for frame in frames] == [f"{i:06d}.png" for i in range(20)]
    assert json.loads((tmp_path / "frames" / "synthetic.json").read_text())["synthetic"] is True
    for frame in frames[::7]:
        with Image.open(tmp_path / "cut-out" / frame.name) as opened:
            bare = np.array(opened)[..., 3] == 0
        assert 0.1 < bare.mean() < 0.95
        np.testing.assert_array_equal(read_image(frame)[bare], plate[bare])


def test_frames_choose_a_part_of_the_dance_and_keep_their_numbers(
    world: World, learned: TrainResult, tmp_path: Path
) -> None:
    result = pipeline.render(learned.person, world.source, tmp_path / "part", frames=(5, 12))
    assert result.frames == 7
    assert [p.name for p in sorted((tmp_path / "part").glob("*.png"))] == [f"{i:06d}.png" for i in range(5, 12)]
    again = pipeline.render(learned.person, world.source, tmp_path / "part", frames=(5, 7))
    assert len(list(again.output.glob("*.png"))) == 2, "rendered again, a folder is replaced"
    video = pipeline.render(learned.person, world.source, tmp_path / "part.mp4", frames=(5, 12)).output
    assert probe(video).frames == 7 and probe(video).has_audio
    with pytest.raises(InputError, match="0:20"):
        pipeline.render(learned.person, world.source, tmp_path / "never.mp4", frames=(30, 40))
    assert not (tmp_path / "never.mp4").exists()


def test_layouts_and_alpha(world: World, learned: TrainResult, tmp_path: Path) -> None:
    for layout, panels in (("side-by-side", 2), ("strip", 3)):
        output = pipeline.render(learned.person, world.source, tmp_path / f"{layout}.mp4", layout=layout).output
        assert probe(output).size == (SIZE[0], SIZE[1] * panels)
    for name in ("cut-out", "whole"):
        pipeline.render(learned.person, world.source, tmp_path / name, alpha=name == "cut-out", frames=(0, 2))
    with Image.open(tmp_path / "cut-out" / "000000.png") as opened:
        assert opened.info["Comment"].startswith("Synthetic")
        cut_out = np.asarray(opened).astype(float)
    rgb, alpha = cut_out[..., :3], cut_out[..., 3:] / 255
    assert 0.01 < (alpha > 0).mean() < 0.5 and (rgb[alpha[..., 0] == 0] == 0).all(), "nothing of the room"
    laid_over = alpha * rgb + (1 - alpha) * load_person(learned.person).plate
    apart = np.abs(laid_over - read_image(tmp_path / "whole" / "000000.png"))
    assert apart[alpha[..., 0] > 0].max() <= 3, "its edges hold the person's colour, not the plate's"


def test_a_part_of_the_dance_is_shown_beside_its_own_frames(world: World, learned: TrainResult, tmp_path: Path) -> None:
    beside, alone = tmp_path / "beside", tmp_path / "alone"
    pipeline.render(learned.person, world.source, beside, layout="side-by-side", frames=(5, 8))
    pipeline.render(learned.person, world.source, alone, frames=(5, 8))
    danced = list(read_frames(world.source))
    for number in range(5, 8):
        left, right = np.split(read_image(beside / f"{number:06d}.png"), 2, axis=1)
        assert read_stamp(left) == number
        assert np.abs(left.astype(int) - danced[number]).mean() < 1
        np.testing.assert_array_equal(right, read_image(alone / f"{number:06d}.png"))
    record = json.loads((beside / "synthetic.json").read_text())
    assert record["source"] == "dance.mp4", "its name; where it lies is nobody else's business"


def test_limbs_keep_the_dancer_s_lengths_or_take_the_person_s(
    world: World, learned: TrainResult, tmp_path: Path
) -> None:
    dance = tmp_path / "dance.npz"
    world.source_poses.save(dance)
    pipeline.render(learned.person, dance, tmp_path / "global", retarget="global")
    pipeline.render(learned.person, dance, tmp_path / "limbs", retarget="limbs")
    for name in ("000003.png", "000010.png", "000017.png"):
        kept, taken = (read_image(tmp_path / retarget / name).astype(int) for retarget in ("global", "limbs"))
        assert np.abs(kept - taken).max() > 20


def test_one_film_holds_the_person_alone_with_the_sound(world: World, learned: TrainResult, tmp_path: Path) -> None:
    film = pipeline.render(learned.person, world.source, tmp_path / "out.mov", alpha=True, frames=(2, 9)).output
    folder = pipeline.render(learned.person, world.source, tmp_path / "pictures", alpha=True, frames=(2, 9)).output
    assert (probe(film).frames, probe(film).size, probe(film).has_audio) == (7, SIZE, True)
    assert set(audio_packet_hashes(film)) <= set(audio_packet_hashes(world.source))
    for path, shown in zip(sorted(folder.glob("*.png")), read_rgba(film), strict=True):
        with Image.open(path) as opened:
            picture = np.asarray(opened).astype(int)
        apart = np.abs(shown - picture)
        assert apart[..., 3].max() <= 2 and apart[picture[..., 3] == 255].max() <= 4
    marks = read_metadata(film)
    assert "ynthetic" in marks["comment"] and json.loads(marks["dancedouble"])["synthetic"] is True
    assert json.loads(film.with_name("out.mov.json").read_text())["record"] == json.loads(marks["dancedouble"])


def test_films_with_transparency_are_mov_and_others_are_not(world: World, learned: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mp4 cannot hold .*--alpha; choose a name that ends in \.mov, or a folder"):
        pipeline.render(learned.person, world.source, tmp_path / "no.mp4", alpha=True)
    with pytest.raises(OutputError, match=r"with transparency are written as \.mov"):
        pipeline.render(learned.person, world.source, tmp_path / "no.mkv", alpha=True)
    with pytest.raises(OutputError, match=r"\.mov is for render --alpha, .* ends in \.mp4, or a folder"):
        pipeline.render(learned.person, world.source, tmp_path / "no.mov")
    with pytest.raises(OutputError, match=r"\.mov is for render --alpha"):
        pipeline.transfer(world.source, world.target, tmp_path / "no.mov", consent=CONSENT)
    assert not list(tmp_path.iterdir())


def test_poses_stand_in_for_a_video(world: World, learned: TrainResult, tmp_path: Path) -> None:
    found = pipeline.pose(
        world.source, tmp_path / "poses.npz", openpose=tmp_path / "json", figures=tmp_path / "figures.mp4"
    )
    assert found.frames == 20 and probe(tmp_path / "figures.mp4").frames == 20
    from_npz = pipeline.render(learned.person, tmp_path / "poses.npz", tmp_path / "a")
    from_json = pipeline.render(learned.person, tmp_path / "json", tmp_path / "b.mp4")
    assert from_npz.frames == from_json.frames == 20
    from_video = pipeline.render(learned.person, world.source, tmp_path / "c")
    np.testing.assert_array_equal(
        read_image(from_npz.output / "000007.png"), read_image(from_video.output / "000007.png")
    )
    with pytest.raises(InputError, match="poses"):
        pipeline.render(learned.person, tmp_path / "poses.npz", tmp_path / "d.mp4", layout="side-by-side")


def test_poses_are_danced_to_the_sound_that_is_named_in_time(
    world: World, learned: TrainResult, tmp_path: Path
) -> None:
    poses, out = tmp_path / "dance.npz", tmp_path / "out.mp4"
    world.source_poses.save(poses)
    assert not probe(pipeline.render(learned.person, poses, out).output).has_audio
    for part in (None, (5, 18)):
        own = pipeline.render(learned.person, world.source, tmp_path / "own.mp4", frames=part).output
        pipeline.render(learned.person, poses, out, frames=part, sound=world.source)
        assert audio_packet_hashes(out) == audio_packet_hashes(own), "the packets a video would have had"
        heard = [time for time in click_times(hear(out)) if time > 0.03]
        first = part[0] if part else 0
        expected = [click - first / float(FPS) for click in (0.5, 1.0)]
        assert heard == [pytest.approx(time, abs=0.003) for time in expected]
    film = pipeline.render(learned.person, poses, tmp_path / "out.mov", alpha=True, frames=(5, 18), sound=world.source)
    assert audio_packet_hashes(film.output) == audio_packet_hashes(out), "a cut-out is heard too"


def test_another_sound_replaces_the_video_s_own(world: World, learned: TrainResult, tmp_path: Path) -> None:
    """It is of another rate and longer, and silent where the video clicks."""
    pictures = [numbered(n) for n in range(75)]
    song = write_video(tmp_path / "song.mkv", pictures, rate=25, sound=clicks(3, 0.4, 0.2), sound_codec="flac")
    out = pipeline.render(learned.person, world.source, tmp_path / "out.mp4", sound=song, frames=(3, 18)).output
    assert click_times(hear(out)) == [pytest.approx(click - 0.2, abs=0.003) for click in (0.2, 0.6, 1.0)]
    assert probe(out).fps == FPS and probe(out).frames == 15


def test_openpose_json_is_danced_at_the_rate_that_is_said(world: World, learned: TrainResult, tmp_path: Path) -> None:
    write_openpose(tmp_path / "json", world.source_poses)
    result = pipeline.render(
        learned.person, tmp_path / "json", tmp_path / "out.mp4", fps=Fraction(25), sound=world.source, frames=(5, 20)
    )
    assert probe(result.output).fps == result.fps == 25 and not any("rate" in line for line in result.warnings)
    assert [time for time in click_times(hear(result.output)) if time > 0.03] == [pytest.approx(0.3, abs=0.003)]
    assumed = pipeline.render(learned.person, tmp_path / "json", tmp_path / "assumed.mp4")
    assert assumed.fps == 30 and any("--fps RATE" in line for line in assumed.warnings)
    pipeline.pose(tmp_path / "json", tmp_path / "dance.npz", fps=Fraction(25))
    assert PoseSequence.load(tmp_path / "dance.npz").fps == 25


def test_sounds_and_rates_that_will_not_do_are_refused_before_anything_is_looked_at(
    world: World, learned: TrainResult, tmp_path: Path
) -> None:
    world.source_poses.save(tmp_path / "dance.npz")
    write_openpose(tmp_path / "json", world.source_poses)
    before = set(tmp_path.rglob("*"))

    def never(progress: Progress) -> None:
        pytest.fail("the work began")

    def render(source: Path, output: str = "out.mp4", **options: Any) -> None:
        pipeline.render(learned.person, source, tmp_path / output, **options, on_progress=never)

    def transfer(source: Path, **options: Any) -> None:
        pipeline.transfer(source, world.target, tmp_path / "out.mp4", consent=CONSENT, **options, on_progress=never)

    npz, silent, rate = tmp_path / "dance.npz", world.target, Fraction(25)
    attempts: list[tuple[str, Callable[..., None], Path, dict[str, Any]]] = [
        (r"no\.mp4: no such file; expected a video or a song", render, npz, {"sound": tmp_path / "no.mp4"}),
        (r"me\.mp4: has no sound", render, npz, {"sound": silent}),
        (r"dance\.npz: is not a video", render, npz, {"sound": npz}),
        (r"frames: a folder of pictures has no sound", render, npz, {"sound": world.source, "output": "frames"}),
        (r"no\.mp4: no such file", transfer, world.source, {"sound": tmp_path / "no.mp4"}),
        (r"me\.mp4: has no sound", transfer, world.source, {"sound": silent}),
        (r"dance\.mp4: a video knows its frame rate", render, world.source, {"fps": rate}),
        (r"dance\.mp4: a video knows its frame rate", transfer, world.source, {"fps": rate}),
        (r"dance\.npz: poses in an \.npz know their frame rate", transfer, npz, {"fps": rate}),
        (r"json: --fps 2500 is no rate", transfer, tmp_path / "json", {"fps": 100 * rate}),
    ]
    for message, verb, source, options in attempts:
        with pytest.raises(InputError, match=message) as caught:
            verb(source, **options)
        assert "\n" not in str(caught.value)
    with pytest.raises(OutputError, match="is also an input"):
        pipeline.render(learned.person, npz, world.source, sound=world.source, on_progress=never)
    assert set(tmp_path.rglob("*")) == before


def test_a_transfer_takes_another_sound_and_rate_without_learning_again(
    world: World, prepared: PrepareResult, tmp_path: Path
) -> None:
    write_openpose(tmp_path / "json", world.source_poses)
    shutil.copytree(
        prepared.workspace, tmp_path / "out.dancedouble" / "workspace", ignore=shutil.ignore_patterns("training")
    )

    def go(**options: Any) -> tuple[pipeline.TransferResult, list[str]]:
        stages: list[str] = []
        result = pipeline.transfer(
            tmp_path / "json", world.target, tmp_path / "out.mp4", budget=3, preset="tiny", size=96, consent=CONSENT,
            on_progress=lambda progress: stages.append(progress.stage), **options,
        )  # fmt: skip
        return result, stages

    first, stages = go(sound=world.source, fps=Fraction(25))
    assert "train" in stages and first.fps == probe(first.output).fps == 25
    heard = [time for time in click_times(hear(first.output)) if time > 0.03]
    assert heard == [pytest.approx(0.5, abs=0.003)]
    again, stages = go()
    assert again.fps == 30 and not probe(again.output).has_audio and any("--fps" in line for line in again.warnings)
    assert again.steps == first.steps and "crops" not in stages


def test_frames_without_the_dancer_are_the_empty_plate_and_counted(
    world: World, learned: TrainResult, prepared: PrepareResult, tmp_path: Path
) -> None:
    poses = PoseSequence(xy=world.source_poses.xy, score=world.source_poses.score.copy(), size=SIZE, fps=FPS)
    poses.score[:9] = 0
    poses.save(tmp_path / "late.npz")
    result = pipeline.render(learned.person, tmp_path / "late.npz", tmp_path / "frames")
    assert result.gaps == 9
    plate = read_image(prepared.workspace / "plate.png")
    np.testing.assert_array_equal(read_image(tmp_path / "frames" / "000003.png"), plate)
    assert (read_image(tmp_path / "frames" / "000015.png") != plate).any()


@pytest.mark.parametrize("name", ["dance.npz", "dance.mp4"])
def test_a_dance_that_is_not_there_is_said_before_anything_is_looked_at(
    world: World, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InputError, match=rf"{name}: no such file"):
        pipeline.transfer(tmp_path / name, world.target, tmp_path / "out.mp4", consent=CONSENT)
    assert not list(tmp_path.iterdir()), "something was left of a job that never began"


def test_an_evaluation_says_where_it_cannot_be_written(prepared: PrepareResult, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("a file")
    with pytest.raises(OutputError, match=r"report: cannot be made \(File exists\)"):
        pipeline.evaluate(prepared.workspace, tmp_path / "report", preset="tiny", steps=1)
    with pytest.raises(WorkspaceError):
        pipeline.evaluate(tmp_path / "nowhere", tmp_path / "new", preset="tiny", steps=1)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("stage", ["train", "render"])
def test_transfer_does_the_whole_job_and_goes_on_after_a_kill(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(planning, "SHORTEST_TRAINING", 1.0)
    monkeypatch.setattr(trainer_module, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(trainer_module, "SAVING_SHARE", 1e9)
    output = tmp_path / "double.mp4"
    seen: list[str] = []

    def die(progress: Progress) -> None:
        seen.append(progress.stage)
        if progress.stage == stage and progress.done > 0:
            raise KeyboardInterrupt

    def go(on_progress: Callable[[Progress], None]) -> pipeline.TransferResult:
        return pipeline.transfer(
            world.source, world.target, output, budget=3, preset="tiny", size=96, consent=CONSENT,
            on_progress=on_progress,
        )  # fmt: skip

    with pytest.raises(KeyboardInterrupt):
        go(die)
    assert seen[0] == "plan", "the plan comes first"
    assert not output.exists() and not list(tmp_path.glob(".*double*"))
    after: list[Progress] = []
    result = go(after.append)
    assert "poses" not in [progress.stage for progress in after], "what was looked at is not looked at again"
    learning = [progress.done for progress in after if progress.stage == "train"]
    assert bool(learning) == (stage == "train"), "who was learned is not learned again"
    assert all(done > 0 for done in learning), "what was learned is not learned again"
    assert probe(output).frames == 20
    assert result.person.is_file() and result.plan.preset == "tiny"
    assert json.dumps(result.to_dict())


def test_a_transfer_that_is_stopped_while_learning_shows_who_was_learned_so_far(
    world: World, prepared: PrepareResult, tmp_path: Path
) -> None:
    shutil.copytree(
        prepared.workspace, tmp_path / "out.dancedouble" / "workspace", ignore=shutil.ignore_patterns("training")
    )
    reports = 0

    def stop(progress: Progress) -> None:
        nonlocal reports
        reports += progress.stage == "train"
        if progress.stage == "train" and reports == 3:
            raise Cancelled("enough")

    result = pipeline.transfer(
        world.source, world.target, tmp_path / "out.mp4", budget=6, preset="tiny", size=96, consent=CONSENT,
        on_progress=stop,
    )  # fmt: skip
    assert result.stopped and result.steps == 3
    assert result.frames == probe(result.output).frames == 20


def test_a_transfer_hands_on_what_was_asked_of_it(
    world: World, prepared: PrepareResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Learning and rendering only take it down."""
    learning: dict[str, Any] = {}
    rendering: dict[str, Any] = {}

    def train(workspace: Path, person: Path, **options: Any) -> TrainResult:
        learning.update(options)
        return TrainResult(person=person, steps=3, seconds={}, stopped=False, losses={})

    def render_capture(
        renderer: object, danced: capture.Capture, source: Path, output: Path, **options: Any
    ) -> RenderResult:
        rendering.update(options, renderer=renderer, poses=danced.poses)
        return RenderResult(output=output, frames=7, fps=danced.poses.fps, seconds={}, warnings=[], gaps=0)

    monkeypatch.setattr(pipeline, "train", train)
    monkeypatch.setattr(pipeline, "load_person", lambda path: path.name)
    monkeypatch.setattr(pipeline, "open_engine", lambda person, device, exact: (person, device))
    monkeypatch.setattr(pipeline, "Synthesizer", lambda person, engine: (person, engine))
    monkeypatch.setattr(pipeline, "render_capture", render_capture)
    shutil.copytree(
        prepared.workspace, tmp_path / "out.dancedouble" / "workspace", ignore=shutil.ignore_patterns("training")
    )
    tall = world.source_poses
    small = replace(tall, xy=tall.xy * np.float32(0.85) + np.float32([SIZE[1], 20]))
    write_both(tmp_path / "both", tall, small)
    result = pipeline.transfer(
        tmp_path / "both", world.target, tmp_path / "out.mp4", budget=90, preset="tiny", size=96, layout="strip",
        person=2, retarget="global", frames=(5, 12), fps=Fraction(25), sound=world.source, consent=CONSENT, seed=7,
        warm_start=tmp_path / "other.safetensors", device="cpu",
    )  # fmt: skip
    assert {name: value for name, value in learning.items() if name != "on_progress"} == {
        "preset": "tiny", "budget": result.plan.training, "size": 96, "seed": 7,
        "warm_start": tmp_path / "other.safetensors", "device": "cpu",
    }  # fmt: skip
    assert (rendering["first"], rendering["sound"]) == (5, world.source)
    assert (rendering["layout"], rendering["alpha"], rendering["retarget"]) == ("strip", False, "global")
    assert rendering["renderer"] == ("person.safetensors", ("person.safetensors", "cpu"))
    poses = rendering["poses"]
    assert (len(poses), poses.fps) == (7, 25)
    assert poses.xy[poses.score > 0][:, 0].mean() > SIZE[1], "the second dancer is beside the first one's picture"


def test_learning_is_told_of_every_option(
    prepared: PrepareResult, learned: TrainResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Enough(Exception):
        pass

    def asked(**options: Any) -> dict[str, Any]:
        """What a trainer is made with."""
        made: dict[str, Any] = {}

        def trainer(workspace: Workspace, recipe: Recipe, frames: list[int], **others: Any) -> None:
            made.update(others, recipe=recipe, frames=frames)
            raise Enough

        monkeypatch.setattr(pipeline, "Trainer", trainer)
        with pytest.raises(Enough):
            pipeline.train(
                prepared.workspace, tmp_path / "p.safetensors", preset="tiny", size=96, device="cpu", **options
            )
        return made

    cpu = torch.device("cpu")
    plain = asked(budget=9)
    assert plain["recipe"] == tiny(96) and plain["frames"] == list(range(36))
    assert (plain["limit"], plain["seed"], plain["tensorboard"]) == (Limit(seconds=9), 0, False)
    assert (plain["execution"], plain["beginning"]) == (Execution(device=cpu), None)
    other = asked(
        steps=5, frames=(4, 30), seed=7, ablation="fbf", precision="bf16", save_memory=True, tensorboard=True
    )  # fmt: skip
    assert other["recipe"].temporal is False and other["frames"] == list(range(4, 30))
    assert (other["limit"], other["seed"], other["tensorboard"]) == (Limit(steps=5), 7, True)
    assert other["execution"] == Execution(device=cpu, half=torch.bfloat16, save_memory=True)
    begun = asked(steps=5, start=learned.person)["beginning"]
    assert begun.of.name == "adversarial" and begun.stage == 2, "the face is what comes next"
    warm = asked(steps=5, warm_start=learned.person)["beginning"]
    assert warm.stage == 0 and warm.identity == f"warm-{begun.identity}"


def test_a_cancel_while_learning_leaves_a_usable_person(world: World, prepared: PrepareResult, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "train" and progress.done > 20:
            raise Cancelled("enough")

    result = pipeline.train(
        prepared.workspace, tmp_path / "p.safetensors", preset="tiny", steps=20, size=96, seed=5, on_progress=stop
    )
    assert result.stopped and 0 < result.steps < 20
    assert pipeline.render(result.person, world.source, tmp_path / "o.mp4", frames=(0, 3)).frames == 3


def test_a_learned_person_is_no_footage_but_can_dance(world: World, learned: TrainResult, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"learned already; they dance with `dancedouble render .*doll.*dance\.mp4"):
        pipeline.transfer(world.source, learned.person, tmp_path / "out.mp4", consent=CONSENT)
    assert not any(tmp_path.iterdir())


def test_what_stands_in_for_the_paper_s_weights_is_said_before_learning(
    prepared: PrepareResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Began(Exception):
        pass

    def begin(*given: Any, **options: Any) -> None:
        raise Began

    said: list[str] = []
    monkeypatch.setattr(pipeline, "Trainer", begin)
    monkeypatch.setattr(pipeline, "load_perceptual", lambda name, device: (None, "VGG16"))
    monkeypatch.setattr(perception, "available", lambda name: False)
    for preset, lines in (("edn-global", 1), ("tiny", 0)):
        said.clear()
        with pytest.raises(Began):
            pipeline.train(
                prepared.workspace, tmp_path / "p.safetensors", preset=preset, steps=1,
                on_progress=lambda progress: said.append(progress.message),
            )  # fmt: skip
        assert len([line for line in said if "VGG16: the weights of VGG19" in line]) == lines


def test_info_tells_of_installation_presets_videos_and_poses(world: World, tmp_path: Path) -> None:
    facts = pipeline.info().to_dict()
    assert facts["weights_kept_in"].endswith("weights")
    assert facts["devices"] and all(weight["licence"] for weight in facts["weights"].values())
    networks = pipeline.info(preset="swift").to_dict()["networks"]
    assert all(network["parameters"] > 0 and network["flops_per_frame"] > 0 for network in networks.values())
    assert Fraction(pipeline.info(world.source).to_dict()["fps"]) == FPS
    assert json.dumps(facts)
    world.source_poses.save(tmp_path / "dance.npz")
    write_openpose(tmp_path / "json", world.source_poses)
    found = pipeline.info(tmp_path / "json").to_dict()
    assert (found["kind"], found["frames"], found["people_at_most"], found["fps"]) == ("OpenPose JSON", 20, 1, None)
    right, low = world.source_poses.xy.max(axis=(0, 1))
    assert found["size_reached"] == [np.ceil(low) + 1, np.ceil(right) + 1] and json.dumps(found)
    with pytest.raises(WorkspaceError, match="not a finished workspace"):
        pipeline.info(tmp_path)
    poses = pipeline.info(tmp_path / "dance.npz").to_dict()
    assert (poses["kind"], poses["frames"], poses["gaps"]) == ("poses", 20, 0) and json.dumps(poses)


# -- errors: one line, nothing half-written ---------------------------------------------------------------------


def test_bad_inputs_are_one_line_and_write_nothing(world: World, learned: TrainResult, tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("hello")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(learned.person.read_bytes()[:-100])
    before = set(tmp_path.iterdir())
    attempts = [
        (InputError, lambda: pipeline.render(learned.person, tmp_path / "none.mp4", tmp_path / "o.mp4")),
        (InputError, lambda: pipeline.render(learned.person, text, tmp_path / "o.mp4")),
        (InputError, lambda: pipeline.prepare(text, tmp_path / "w", consent=CONSENT)),
        (PersonFileError, lambda: pipeline.render(tmp_path / "no.safetensors", world.source, tmp_path / "o.mp4")),
        (PersonFileError, lambda: pipeline.render(damaged, world.source, tmp_path / "o.mp4")),
        (OutputError, lambda: pipeline.render(learned.person, world.source, world.source)),
        (OutputError, lambda: pipeline.pose(world.source, tmp_path / "p.npz", figures=world.source)),
        (OutputError, lambda: pipeline.render(learned.person, world.source, tmp_path / "no" / "o.mp4")),
        (OutputError, lambda: pipeline.render(learned.person, world.source, tmp_path / "o.avi")),
        (OutputError, lambda: pipeline.render(learned.person, world.source, tmp_path)),
        (OutputError, lambda: pipeline.prepare(world.target, tmp_path, consent=CONSENT)),
        (OutputError, lambda: pipeline.transfer(world.source, world.target, world.target, consent=CONSENT)),
        (WorkspaceError, lambda: pipeline.train(tmp_path / "nothing", tmp_path / "p.safetensors")),
        (InputError, lambda: pipeline.info(preset="fastest")),
    ]
    for kind, attempt in attempts:
        with pytest.raises(kind) as caught:
            attempt()
        message = str(caught.value)
        assert message and "\n" not in message and len(message) < 300
    assert set(tmp_path.iterdir()) == before


def test_outputs_that_cannot_be_written_are_refused_before_anything_is_looked_at(
    world: World, learned: TrainResult, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "mine.txt").touch()
    before = set(tmp_path.rglob("*"))

    def never(progress: Progress) -> None:
        pytest.fail("the work began")

    def pose(**outputs: Path) -> None:
        pipeline.pose(world.source, tmp_path / "p.npz", **outputs, on_progress=never)

    attempts = [
        ("out", lambda: pipeline.render(learned.person, world.source, tmp_path / "file" / "out", on_progress=never)),
        ("others", lambda: pose(openpose=tmp_path / "others")),
        ("json", lambda: pose(openpose=tmp_path / "file" / "json")),
        (r"x\.avi", lambda: pose(figures=tmp_path / "x.avi")),
        (r"who\.webp", lambda: pipeline.people(world.source, picture=tmp_path / "who.webp", on_progress=never)),
        (r"x\.pdf", lambda: pipeline.check(world.source, world.target, sheet=tmp_path / "x.pdf", on_progress=never)),
    ]
    for name, attempt in attempts:
        with pytest.raises(OutputError, match=f"/{name}: "):
            attempt()
    assert set(tmp_path.rglob("*")) == before


def test_a_person_file_of_a_newer_version_says_to_update(learned: TrainResult, tmp_path: Path) -> None:
    newer = tmp_path / "newer.safetensors"
    data = learned.person.read_bytes()
    # The header is JSON inside JSON, so its quotes are escaped.
    newer.write_bytes(data.replace(b'\\"version\\": 1', b'\\"version\\": 9', 1))
    with pytest.raises(PersonFileError, match="newer version"):
        load_person(newer)


def test_a_moving_camera_is_evened_out_and_a_warning_with_the_measured_drift(world: World, tmp_path: Path) -> None:
    tiles = np.random.default_rng(0).integers(40, 220, (16, 4, 3)).astype(np.uint8).repeat(8, 0).repeat(8, 1)
    panned = []
    for k, frame in enumerate(read_frames(world.target)):
        frame[10:138, :32] = frame[10:138, -32:] = tiles  # wallpaper: something to hold on to
        panned.append(stamp_frame(np.roll(frame, round(k / 5), axis=1), OFFSET + k))  # 7 of 160 pixels in all
    video = write_video(tmp_path / "panned.mp4", panned, rate=FPS)
    warnings = pipeline.prepare(video, tmp_path / "w", consent=CONSENT).warnings
    workspace = Workspace(tmp_path / "w")
    walls = [workspace.frame(i)[20:130, 8:24].astype(int) for i in (0, 15, 35)]
    assert max(np.abs(wall - walls[0]).mean() for wall in walls) < 8, "the frames are brought together"
    found = [float(m[1]) for line in warnings if (m := re.search(r"camera moves by ([\d.]+)%", line))]
    assert found == [pytest.approx(4.4, abs=0.9)]


def test_poses_that_do_not_fit_the_person_seen_are_not_learned_from(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Collapsing(FakePoseEstimator):
        """Its points collapse onto the middle of the body in frames 10 to 13, as on somebody too near the camera."""

        def landmarks(self, frame: NDArray[np.uint8], roi: Roi) -> PersonPose | None:
            pose = super().landmarks(frame, roi)
            if pose is None or not 10 <= read_stamp(frame) - OFFSET < 14:
                return pose
            xy = pose.xy.mean(axis=0) + (pose.xy - pose.xy.mean(axis=0)) * np.float32(0.3)
            return replace(pose, xy=xy, box=bounds(xy, pose.score))

    monkeypatch.setattr(preparation, "subject_estimator", lambda model: Collapsing(shifted(world.target_poses)))
    pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)
    usable = Workspace(tmp_path / "w").manifest.usable
    assert set(range(36)) - set(usable) == {10, 11, 12, 13}


def test_somebody_else_in_the_footage_is_told_of(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = world.target_poses
    child = replace(subject, xy=subject.xy * np.float32(0.4) + np.float32([1, 100]))
    monkeypatch.setattr(
        preparation, "subject_estimator", lambda model: FakePoseEstimator(shifted(subject), shifted(child))
    )
    result = pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)
    assert any("2 people" in line for line in result.warnings)
    assert result.person_height > 100, "the taller one is learned"


def test_poses_of_footage_move_as_its_pixels_do_and_given_ones_stay(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Motion | None]] = []

    def cleaning(poses: PoseSequence, smoothing: capture.Smoothing = "local", *, motion: Motion | None = None) -> Any:
        asked.append((smoothing, motion))
        return capture.clean(poses, smoothing, motion=motion)

    monkeypatch.setattr(preparation, "clean", cleaning)
    pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)
    world.target_poses.save(tmp_path / "given.npz")
    pipeline.prepare(world.target, tmp_path / "g", consent=CONSENT, poses=tmp_path / "given.npz")
    (found, motion), given = asked
    assert found == "local" and motion is not None and given == ("none", None)
    assert motion.trust.shape[0] == 35 and motion.trust.max() > 0.3


def test_of_fast_footage_every_other_frame_is_learned_from(world: World, tmp_path: Path) -> None:
    fast, fps = tmp_path / "fast.mp4", Fraction(60)
    repeated = np.repeat(np.arange(36), 4)[:142]  # the dolls' footage at four times its rate
    poses = replace(world.target_poses, fps=fps, **{  # type: ignore[arg-type]
        name: getattr(world.target_poses, name)[repeated] for name in ("xy", "score", "depth")
    })  # fmt: skip
    with VideoWriter(fast, SIZE, fps) as writer:
        for frame in [frame for frame in read_frames(world.target) for _ in range(4)][:142]:
            writer.write(frame)
    prepared = pipeline.prepare(fast, tmp_path / "w", consent=CONSENT)
    workspace = Workspace(prepared.workspace)
    assert (prepared.frames, workspace.manifest.fps, workspace.poses.fps) == (71, 30, 30)
    joints = workspace.poses.xy[workspace.manifest.usable, INDEX["neck"]]
    np.testing.assert_allclose(joints, poses.xy[::2][list(workspace.manifest.usable), INDEX["neck"]], atol=3)
    poses.save(tmp_path / "all.npz")
    given = Workspace(
        pipeline.prepare(fast, tmp_path / "g", consent=CONSENT, poses=tmp_path / "all.npz").workspace
    ).poses
    seen = given.score > 0
    np.testing.assert_array_equal(given.xy[seen], poses.xy[::2][seen])
    poses[:71].save(tmp_path / "half.npz")
    with pytest.raises(InputError, match="has 142 frames, but the poses given for it have 71"):
        pipeline.prepare(fast, tmp_path / "h", consent=CONSENT, poses=tmp_path / "half.npz")


def test_footage_that_was_not_looked_at_by_the_best_network_is_told_of_and_looked_at_again(
    world: World, prepared: PrepareResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poses = tmp_path / "poses.npz"
    Workspace(prepared.workspace).poses.save(poses)
    monkeypatch.setattr(pipeline, "subject_model", lambda: "full")
    result = pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)
    assert any("pose_landmark_heavy" in line for line in result.warnings)
    given = pipeline.prepare(world.target, tmp_path / "given", consent=CONSENT, poses=poses)
    assert not any("pose_landmark_heavy" in line for line in given.warnings), "these poses are somebody else's"
    monkeypatch.setattr(pipeline, "subject_model", lambda: "heavy")  # fetched in the meantime
    again = pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)
    assert not any("pose_landmark_heavy" in line for line in again.warnings)


def test_poses_given_as_a_folder_are_read_again_when_they_change(
    world: World, prepared: PrepareResult, tmp_path: Path
) -> None:
    found, given = Workspace(prepared.workspace).poses, tmp_path / "json"

    def middle() -> float:
        pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT, poses=given)
        poses = Workspace(tmp_path / "w").poses
        return float(poses.xy[poses.score > 0].mean())

    write_openpose(given, found)
    first, before = middle(), (tmp_path / "w" / "manifest.json").stat().st_mtime_ns
    assert middle() == first
    assert (tmp_path / "w" / "manifest.json").stat().st_mtime_ns == before, "the same poses are not taken again"
    write_openpose(given, replace(found, xy=found.xy + 2))
    assert middle() == pytest.approx(first + 2, abs=0.1)
    with pytest.raises(InputError, match=r"nothing: no such file"):
        pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT, poses=tmp_path / "nothing")


def test_of_a_folder_of_several_people_s_poses_the_person_asked_for_is_taken(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tall = world.target_poses
    beside = np.float32([SIZE[1], 20])
    small = replace(tall, xy=tall.xy * np.float32(0.85) + beside)
    video = write_video(tmp_path / "two.mp4", [np.hstack([f, f]) for f in read_frames(world.target)], rate=FPS)
    monkeypatch.setattr(
        preparation, "subject_estimator", lambda model: FakePoseEstimator(shifted(tall), shifted(small))
    )
    write_both(tmp_path / "both", tall, small)

    def height(folder: str, person: int) -> float:
        return pipeline.prepare(
            video, tmp_path / "w", consent=CONSENT, poses=tmp_path / folder, person=person
        ).person_height

    assert height("both", 2) == pytest.approx(0.85 * height("both", 1), rel=0.02)
    assert height("second", 2) == pytest.approx(height("both", 2)), "of one person's poses there is nothing to choose"
    with pytest.raises(SubjectError, match=r"both: there is no person 3"):
        height("both", 3)


def test_of_several_people_in_the_target_the_targets_option_is_asked_for(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(world.target_poses, xy=world.target_poses.xy + np.float32((70, 0)))
    both = FakePoseEstimator(shifted(world.target_poses), shifted(other))
    monkeypatch.setattr(preparation, "subject_estimator", lambda model: both)
    with pytest.raises(SubjectError, match=r"choose one with --target-person N"):
        pipeline.transfer(world.source, world.target, tmp_path / "out.mp4", budget=6, preset="tiny", consent=CONSENT)
    with pytest.raises(SubjectError, match=r"choose one with --person N"):
        pipeline.prepare(world.target, tmp_path / "w", consent=CONSENT)


def test_footage_that_is_too_short_or_empty_is_refused(world: World, tmp_path: Path) -> None:
    short = write_video(tmp_path / "short.mp4", draw_clip(world.target_poses[:18], (9, 9, 9), 1000), rate=FPS)
    with pytest.raises(ClipTooShortError, match="at least 2 s"):
        pipeline.prepare(short, tmp_path / "w", consent=CONSENT)
    strangers = draw_clip(world.target_poses, (9, 9, 9), 5000)
    empty = write_video(tmp_path / "empty.mp4", strangers, rate=FPS)
    with pytest.raises(NoPersonError, match="empty"):
        pipeline.prepare(empty, tmp_path / "w2", consent=CONSENT)
    assert {path.name for path in tmp_path.iterdir()} == {"short.mp4", "empty.mp4"}, "nothing half-made is left"


@pytest.mark.parametrize(("budget", "height"), [(60, 192), (180, 256), (600, 256), (1800, 384), (7200, 512)])
def test_a_longer_budget_learns_a_larger_picture_but_never_more_than_was_filmed(budget: float, height: int) -> None:
    assert choose_size(budget, 900, torch.device("cpu")) == height
    assert choose_size(budget, 140, torch.device("cpu")) == 160


def test_a_budget_nobody_gave_leaves_time_to_learn_and_one_that_does_not_is_told_of() -> None:
    def plan(budget: float | None, frames: int) -> Plan:
        return plan_budget(
            budget, preset="swift", size=256, source_frames=frames, target_frames=900, spent=0,
            device=torch.device("cpu"),
        )  # fmt: skip

    assert plan(None, 300).training > 400, "ten minutes in all"
    song = plan(None, 6300)
    assert song.training == 240 and not short_of_learning(song)
    short = plan(600, 6300)
    assert short.training == 20 and "give --budget 16m" in short_of_learning(short)[0]


def test_another_dance_is_planned_anew(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a transfer that was stopped before its learning, and of one with another dance into the same output."""

    class Enough(Exception):
        pass

    budgets: list[float] = []

    def train(*_: object, budget: float, **__: object) -> None:
        budgets.append(budget)
        raise Enough

    monkeypatch.setattr(pipeline, "train", train)
    poses = world.source_poses
    poses.save(tmp_path / "long.npz")
    poses[:5].save(tmp_path / "short.npz")
    for dance in ("long", "long", "short"):
        with pytest.raises(Enough):
            pipeline.transfer(tmp_path / f"{dance}.npz", world.target, tmp_path / "out.mp4", budget=90, consent=CONSENT)
    first, again, other = budgets
    assert again == first, "the same call goes on under the same plan"
    assert other > first


def test_consent_can_be_corrected(world: World, prepared: PrepareResult, tmp_path: Path) -> None:
    folder = tmp_path / "w"
    shutil.copytree(prepared.workspace, folder)
    again = pipeline.prepare(world.target, folder, consent="a doll, drawn for that test")
    assert again.frames == prepared.frames and Workspace(folder).manifest.consent == "a doll, drawn for that test"
    pipeline.prepare(world.target, folder)
    assert Workspace(folder).manifest.consent == "a doll, drawn for that test", "nothing said, nothing changed"


def test_a_stop_before_anything_is_learned_leaves_what_was_there(
    world: World, prepared: PrepareResult, tmp_path: Path
) -> None:
    workspace, person = tmp_path / "w", tmp_path / "p.safetensors"
    shutil.copytree(prepared.workspace, workspace, ignore=shutil.ignore_patterns("training"))
    person.write_bytes(b"of before")
    for stage in ("crops", "train"):

        def stop(progress: Progress, stage: str = stage) -> None:
            if progress.stage == stage:
                raise Cancelled("enough")

        with pytest.raises(Cancelled):
            pipeline.train(workspace, person, preset="tiny", steps=20, size=96, on_progress=stop)
        assert person.read_bytes() == b"of before"


def test_what_the_footage_lacks_is_told_before_the_learning(
    world: World, prepared: PrepareResult, tmp_path: Path
) -> None:
    state = tmp_path / "out.dancedouble"
    state.mkdir()
    shutil.copytree(prepared.workspace, state / "workspace")
    manifest = state / "workspace" / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "warnings": ["me.mp4: the camera moves"]}))
    told: list[tuple[str, str]] = []

    def stop(progress: Progress) -> None:
        told.append((progress.stage, progress.message))
        if progress.stage == "crops":
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        pipeline.transfer(
            world.source, world.target, tmp_path / "out.mp4", budget=6, preset="tiny", consent=CONSENT, on_progress=stop
        )
    assert ("check", "me.mp4: the camera moves") in told
    assert any(stage == "plan" and "6 s" not in line and "hardly" in line for stage, line in told)
