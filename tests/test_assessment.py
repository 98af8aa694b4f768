"""Evaluations from end to end on a doll: what is held out stays out, baselines are there, the same run gives the same
numbers; and the check that is made before anyone trains."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from dancedouble import capture, pipeline, planning, preparation
from dancedouble.assessment import contenders, held_out, measuring
from dancedouble.assessment.doctor import keep_quality
from dancedouble.assessment.keeping import kept_measured, measured_key
from dancedouble.assessment.second_opinion import film_truth, judge_by_others
from dancedouble.assessment.sidecar import FrameSpan, flagged_frames, sidecar_of, write_sidecar
from dancedouble.assessment.trial import TrainingPart, hold_out
from dancedouble.cli import main
from dancedouble.coverage import check_coverage
from dancedouble.errors import Cancelled, ClipTooShortError, InputError, SubjectError
from dancedouble.evaluation import protocol
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.report import Method
from dancedouble.media.image import read_image, write_image
from dancedouble.media.video import VideoWriter, probe, read_frames, read_metadata
from dancedouble.person import load_person, save_person
from dancedouble.pose.estimator import FakePoseEstimator, PersonPose, stamp_frame
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.normalization import normalize_poses
from dancedouble.pose.openpose_json import write_openpose
from dancedouble.progress import Progress
from dancedouble.recipe import FigureInput, Recipe
from dancedouble.training.beginning import Beginning
from dancedouble.training.presets import preset
from dancedouble.training.trainer import Limit
from dancedouble.workspace import Workspace, write_manifest
from small_world import FPS, SIZE, World, make_world

CONSENT = "a synthetic doll, drawn for this test"
FRAMES, TRAINED, TESTED = 62, 42, 12
"""Of the clip, learned from, and tested: 8 between them are used by nobody."""
STEPS = 5


class LookalikeEstimator(FakePoseEstimator):
    """Knows two clips' frames, and takes any picture for the one it looks most like: also one that was rendered."""

    def __init__(self, *clips: tuple[Path, PoseSequence]) -> None:
        parts = [poses for _, poses in clips]
        whole = replace(
            parts[0], **{name: np.concatenate([getattr(p, name) for p in parts]) for name in ("xy", "score", "depth")}
        )
        super().__init__(whole)
        self.known = np.stack([thumbnail(frame) for path, _ in clips for frame in read_frames(path)])

    def _pose(self, frame: NDArray[np.uint8], poses: PoseSequence) -> PersonPose | None:
        best = int(np.abs(self.known - thumbnail(frame)).mean(axis=(1, 2, 3)).argmin())
        return super()._pose(stamp_frame(frame, best), poses)


def thumbnail(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.resize(frame, (80, 96), interpolation=cv2.INTER_AREA)[6:].astype(np.float32)


def plain_distance(first: Tensor, second: Tensor) -> Tensor:
    """In place of LPIPS, which would take most of the time."""
    return (first - second).abs().mean(dim=(1, 2, 3))


def narrow_figure(height: int) -> Recipe:
    """The ``figure`` preset with hardly any channels."""
    recipe = preset("figure", height)
    stages = [
        replace(
            stage, batch=2, generator=replace(stage.generator, width=4),  # type: ignore[type-var]
            discriminator=stage.discriminator and replace(stage.discriminator, width=4, scales=1),
        )
        for stage in recipe.stages
    ]  # fmt: skip
    return replace(recipe, stages=tuple(stages))


@dataclass(frozen=True)
class Scene:
    """What the tests share."""

    world: World
    workspace: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("scene")
    world = make_world(folder, source_frames=20, target_frames=FRAMES)
    patch = pytest.MonkeyPatch()
    estimator = LookalikeEstimator((world.target, world.target_poses), (world.source, world.source_poses))
    patch.setattr(capture, "dance_estimator", lambda: estimator)
    for module in (capture, preparation):
        patch.setattr(module, "subject_estimator", lambda model: estimator)
    for module in (capture, pipeline):
        patch.setattr(module, "subject_model", lambda: "heavy")
    patch.setattr(measuring, "load_lpips", lambda backbone: plain_distance)
    patch.setattr(contenders, "figure", narrow_figure)
    patch.setattr("dancedouble.training.journal.Journal.show", lambda *arguments: None)  # pictures for people
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # networks this small only wait for each other's threads
    pipeline.prepare(world.target, folder / "workspace", consent=CONSENT)
    yield Scene(world, folder / "workspace")
    torch.set_num_threads(threads)
    patch.undo()


@pytest.fixture(scope="module")
def evaluated(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated") / "report"
    pipeline.evaluate(scene.workspace, folder, preset="tiny", steps=STEPS, size=64)
    return folder


def numbers(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def test_all_methods_are_measured_on_the_tail(evaluated: Path) -> None:
    content = numbers(evaluated)
    assert [m["name"] for m in content["methods"]] == ["tiny", "nearest", "warp", "fbf", "fbf-ts", "fbf-ts-fg"]
    assert content["first_frame"] == FRAMES - TESTED and content["frames"] == TESTED
    assert content["synthetic"] and "synthetic footage" in content["headline"]
    for method in content["methods"]:
        found = method["metrics"]
        for region in ("frame", "body"):
            for metric in ("ssim", "psnr", "lpips_alex", "lpips_vgg", "warping_error"):
                assert found[f"{region}.{metric}"]["mean"] is not None, (method["name"], region, metric)
        for part in ("body", "face", "hands", "overall"):
            assert found[f"pose.missed_{part}"]["mean"] is not None, part
        assert found["pose.torso_error"]["mean"] is not None and found["person.mask_iou"]["mean"] > 0
    learned = {m["name"]: m["settings"].get("steps") for m in content["methods"]}
    assert learned["nearest"] is None and learned["warp"] == 0
    # Stages share the steps, each rounded.
    assert all(abs(learned[name] - STEPS) <= 1 for name in ("tiny", "fbf", "fbf-ts", "fbf-ts-fg"))
    assert content["methods"][0]["curves"]["loss, reconstruct"]
    assert content["coverage"]["covered"] <= 1 and len(content["worst"]["moments"]) > 0


def test_the_page_and_a_marked_video_of_each_method_are_left(evaluated: Path) -> None:
    page = (evaluated / "report.html").read_text()
    assert "FBF + TS + FG" in page and page.count("data:image/jpeg") > 10
    for method in numbers(evaluated)["methods"]:
        video = evaluated / f"{method['name']}.mp4"
        assert probe(video).frames == TESTED
        assert json.loads(read_metadata(video)["dancedouble"])["synthetic"] is True


def test_the_same_command_gives_the_same_numbers(scene: Scene, evaluated: Path, tmp_path: Path) -> None:
    pipeline.evaluate(scene.workspace, tmp_path / "again", preset="tiny", steps=STEPS, size=64)
    for name in ("report.json", "report.html"):
        assert (tmp_path / "again" / name).read_text().splitlines() == (evaluated / name).read_text().splitlines(), name


def test_what_was_done_is_not_done_again(scene: Scene, evaluated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a kill between two methods: one has yet to be measured, none to be learned."""
    before = [(evaluated / name).read_bytes() for name in ("report.json", "report.html")]
    (evaluated / "learned" / "warp.measured.npz").unlink()
    rendered = []

    def watched(contender: Any, *arguments: Any, **named: Any) -> Any:
        rendered.append(contender.name)
        return measuring.measure_contender(contender, *arguments, **named)

    monkeypatch.setattr(contenders.Trainer, "run", lambda self: pytest.fail("it was learned already"))
    monkeypatch.setattr(held_out, "measure_contender", watched)
    pipeline.evaluate(scene.workspace, evaluated, preset="tiny", steps=STEPS, size=64)
    assert rendered == ["warp"]
    assert [(evaluated / name).read_bytes() for name in ("report.json", "report.html")] == before


def repainted(workspace: Path, folder: Path) -> Path:
    """The workspace as if the same dance had been filmed in other colours."""
    shutil.copytree(workspace, folder, ignore=shutil.ignore_patterns("training", "quality.json"))
    for path in [*folder.glob("frames/*.jpg"), folder / "plate.png"]:
        write_image(path, np.ascontiguousarray(read_image(path)[..., ::-1]))
    write_manifest(folder, replace(Workspace(folder).manifest, source_sha256="other colours"))
    return folder


def test_other_footage_in_a_used_folder_is_learned_anew(
    scene: Scene, evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_out, "ablations_of", lambda recipe: {})  # to be done sooner
    shutil.copytree(evaluated, tmp_path / "used")
    other = repainted(scene.workspace, tmp_path / "workspace")
    used, fresh = (
        pipeline.evaluate(other, tmp_path / name, preset="tiny", steps=STEPS, size=64).content["methods"]
        for name in ("used", "fresh")
    )
    assert used == fresh


def test_baselines_are_measured_anew_where_what_they_know_got_other_poses(scene: Scene, tmp_path: Path) -> None:
    whole, other = Workspace(scene.workspace), Workspace(scene.workspace)
    other.poses = replace(whole.poses, xy=whole.poses.xy.copy())
    other.poses.xy[:TRAINED] += 9
    trials = [hold_out(workspace) for workspace in (whole, whole, other)]
    keys = [measured_key(contenders.nearest_frame(t.part(tmp_path)), t, "heavy", 0) for t in trials]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("of_person", "wishes", "said"),
    [
        (False, ("result",), "--result and --frames"),
        (False, ("source",), "--source needs --truth"),
        (True, ("source", "result", "truth"), "--truth, --budget"),
    ],
)
def test_wishes_that_would_be_ignored_are_refused_before_any_work(
    scene: Scene, tmp_path: Path, of_person: bool, wishes: tuple[str, ...], said: str
) -> None:
    (tmp_path / "person.safetensors").write_bytes(b"never looked at")
    subject = tmp_path / "person.safetensors" if of_person else scene.workspace
    with pytest.raises(InputError, match=said):
        pipeline.evaluate(subject, tmp_path / "r", **dict.fromkeys(wishes, scene.world.source))
    assert not (tmp_path / "r").exists()


def test_damaged_measurements_are_made_again(evaluated: Path, scene: Scene, tmp_path: Path) -> None:
    data = (evaluated / "learned" / "nearest.measured.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(data[: len(data) // 2])
    assert kept_measured(tmp_path / "cut.npz", "any", hold_out(Workspace(scene.workspace))) is None


def test_who_looks_at_results_looks_at_the_truth_too(
    scene: Scene, evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, estimator = [], capture.subject_estimator("heavy")

    def remembered(model: str) -> Any:
        asked.append(model)
        return estimator

    monkeypatch.setattr(held_out, "ablations_of", lambda recipe: {})  # to be done sooner
    monkeypatch.setattr(capture, "subject_estimator", remembered)
    assert hold_out(Workspace(scene.workspace)).looked_by == "heavy", "and so did who looked at the results"
    assert numbers(evaluated)["settings"]["pose detector of the results"] == "heavy"
    shutil.copytree(evaluated, tmp_path / "r")
    again = pipeline.evaluate(
        scene.workspace, tmp_path / "r", preset="tiny", steps=STEPS, size=64, detector="full"
    ).content
    assert asked == ["full"] * 4, "the truth and three methods"
    assert again["settings"]["pose detector of the results"] == "full"


def test_a_stop_while_learning_ends_it_and_the_same_call_goes_on(scene: Scene, evaluated: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "train" and "adversarial" in progress.message:
            raise Cancelled("enough")

    with pytest.raises(Cancelled, match="while tiny was learning"):
        pipeline.evaluate(scene.workspace, tmp_path / "r", preset="tiny", steps=STEPS, size=64, on_progress=stop)
    assert not (tmp_path / "r" / "learned" / "tiny.safetensors").exists()
    assert list((tmp_path / "r" / "learned" / "tiny").glob("*.pt")), "what was learned is kept"


def test_the_tail_is_out_of_reach_of_what_learns(scene: Scene, tmp_path: Path) -> None:
    part = hold_out(Workspace(scene.workspace)).part(tmp_path / "state")
    assert part.manifest.frames == len(part.poses) == TRAINED and max(part.manifest.usable) < TRAINED
    part.frame(TRAINED - 1)
    with pytest.raises(IndexError):
        part.frame(TRAINED)


def test_the_plate_is_made_of_the_learned_part_alone(scene: Scene, tmp_path: Path) -> None:
    changed = tmp_path / "workspace"
    shutil.copytree(scene.workspace, changed)
    for index in range(TRAINED, FRAMES):
        (changed / f"frames/{index:06d}.jpg").write_bytes((changed / "frames/000000.jpg").read_bytes()[:0])
    plates = [TrainingPart(Workspace(folder), TRAINED, tmp_path / "s").plate for folder in (scene.workspace, changed)]
    assert np.array_equal(*plates)


def test_ablations_are_stick_figures_without_their_parts() -> None:
    recipes = contenders.ablations_of(preset("swift", 256))
    assert list(recipes) == ["fbf", "fbf-ts", "fbf-ts-fg"]
    assert all(isinstance(recipe.conditioning, FigureInput) for _, recipe in recipes.values())
    parts = {name: (recipe.temporal, recipe.face is not None) for name, (_, recipe) in recipes.items()}
    assert parts == {"fbf": (False, False), "fbf-ts": (True, False), "fbf-ts-fg": (True, True)}


def test_too_short_a_clip_is_refused(tmp_path: Path, scene: Scene) -> None:
    whole = Workspace(scene.workspace)
    whole.manifest = replace(whole.manifest, frames=30)
    with pytest.raises(ClipTooShortError, match="holding out"):
        hold_out(whole)


def test_paired_footage_is_tested_against_the_real_dance(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start of the target's own clip is its truth here: the nearest frame is nearly a perfect answer."""
    monkeypatch.setattr(held_out, "ablations_of", lambda recipe: {})  # to be done sooner
    truth, longer = tmp_path / "truth.mp4", scene.world.source
    with VideoWriter(truth, SIZE, FPS) as writer:
        for frame in read_frames(scene.world.target, stop=8):
            writer.write(frame)
    with pytest.raises(InputError, match="frame for frame"):
        pipeline.evaluate(scene.workspace, tmp_path / "no", preset="tiny", steps=4, truth=truth, source=longer)
    found = pipeline.evaluate(scene.workspace, tmp_path / "pair", preset="tiny", steps=4, size=64, truth=truth)
    assert found.content["frames"] == 8 and found.content["first_frame"] == 0
    methods = {method["name"]: method["metrics"] for method in found.content["methods"]}
    assert methods["nearest"]["body.ssim"]["mean"] > 0.9
    assert methods["tiny"]["body.ssim"]["mean"] < methods["nearest"]["body.ssim"]["mean"]


def test_the_video_of_the_truth_is_that_of_the_latest_truth(scene: Scene, tmp_path: Path) -> None:
    video, note = tmp_path / "truth.mp4", tmp_path / "truth.json"
    trial = hold_out(Workspace(scene.workspace))
    mirrored = replace(
        trial, files={"another": "0"}, truth=lambda: (frame[:, ::-1].copy() for frame in trial.truth())
    )  # fmt: skip
    written = []
    for each in (trial, trial, mirrored):
        film_truth(tmp_path, each, note)
        written.append((video.stat().st_mtime_ns, next(read_frames(video)).astype(int)))
    assert written[0][0] == written[1][0], "what is there already is not written again"
    assert np.abs(written[2][1] - written[0][1][:, ::-1]).mean() < 2


@pytest.fixture(scope="module")
def finished(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A person file, and what they danced."""
    folder = tmp_path_factory.mktemp("finished")
    person, result = folder / "doll.safetensors", folder / "out.mp4"
    pipeline.train(scene.workspace, person, preset="tiny", steps=6, size=96)
    pipeline.render(person, scene.world.source, result)
    return person, result


def test_a_finished_transfer_is_judged_without_truth(scene: Scene, finished: tuple[Path, Path], tmp_path: Path) -> None:
    person, result = finished
    found = pipeline.evaluate(person, tmp_path / "r", source=scene.world.source, result=result).to_dict()
    (method,) = found["methods"]
    assert method["metrics"]["pose.torso_error"]["mean"] is not None
    assert method["metrics"]["background.flicker"]["mean"] < 2.0
    assert "body.ssim" not in method["metrics"] and found["frames"] == 20
    assert (tmp_path / "r" / "report.html").is_file()


def test_the_dance_is_looked_at_as_rendering_looks_at_it(
    scene: Scene, finished: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (person, result), source = finished, scene.world.source
    asked: list[dict[str, Any]] = []

    def remembered(path: Path, **named: Any) -> capture.Capture:
        asked.append({name: value for name, value in named.items() if name not in {"on_progress", "frames", "fps"}})
        return capture.capture_poses(path, **named)

    for module in ("pipeline", "assessment.trial"):
        monkeypatch.setattr(f"dancedouble.{module}.capture_poses", remembered)
    pipeline.render(person, source, tmp_path / "out.mp4", person_number=1)
    pipeline.evaluate(person, tmp_path / "r", source=source, result=result, person=1)
    with pytest.raises(InputError, match="frame for frame"):
        pipeline.evaluate(scene.workspace, tmp_path / "w", source=source, truth=scene.world.target, person=1)
    assert asked[0] == asked[1] == asked[2] and asked[0]["person"] == 1
    with pytest.raises(SubjectError, match="there is no person 2"):
        pipeline.evaluate(person, tmp_path / "r", source=source, result=result, person=2)


def test_a_dance_is_held_against_the_learned_part_of_long_footage(
    scene: Scene, finished: tuple[Path, Path], tmp_path: Path
) -> None:
    person, result = load_person(finished[0]), finished[1]
    rows = np.r_[np.zeros(1800, int), np.resize(np.arange(FRAMES), 1800)]
    poses = replace(
        person.poses, **{name: getattr(person.poses, name)[rows] for name in ("xy", "score", "depth")}
    )  # fmt: skip
    poses.score[:1800] = 0
    save_person(tmp_path / "long.safetensors", replace(person, poses=poses, trained={"frames": [1800, 3600]}))
    covered = [
        pipeline.evaluate(file, tmp_path / "r", source=scene.world.source, result=result).content["coverage"]["covered"]
        for file in (finished[0], tmp_path / "long.safetensors")
    ]
    assert covered[0] == covered[1] > 0


def test_a_frozen_or_shivering_transfer_is_found_out(scene: Scene, finished: tuple[Path, Path], tmp_path: Path) -> None:
    person, result = finished
    frames = list(read_frames(result))
    bad = {
        "good": frames, "frozen": [frames[0]] * len(frames),
        "shivering": [np.roll(frame, 2 * (i % 2), axis=1) for i, frame in enumerate(frames)],
    }  # fmt: skip
    means = {}
    for name, pictures in bad.items():
        video = tmp_path / f"{name}.mp4"
        with VideoWriter(video, SIZE, probe(result).fps) as writer:
            for picture in pictures:
                writer.write(picture)
        content = pipeline.evaluate(person, tmp_path / name, source=scene.world.source, result=video).to_dict()
        means[name] = {key: value["mean"] for key, value in content["methods"][0]["metrics"].items()}
    assert means["frozen"]["pose.torso_error"] > means["good"]["pose.torso_error"]
    assert means["shivering"]["background.flicker"] > 2 * means["good"]["background.flicker"]


def test_another_detector_s_poses_may_judge(scene: Scene, finished: tuple[Path, Path], tmp_path: Path) -> None:
    person, result = finished
    asked = normalize_poses(scene.world.source_poses, load_person(person).poses).poses
    write_openpose(tmp_path / "json", asked)
    errors = []
    for extra in ({}, {"result_poses": tmp_path / "json"}):
        content = pipeline.evaluate(person, tmp_path / "r", source=scene.world.source, result=result, **extra).content
        errors.append(content["methods"][0]["metrics"]["pose.torso_error"]["mean"])
    assert errors[1] < min(0.05, errors[0])


def test_another_detector_may_judge_every_method(scene: Scene, evaluated: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    again = {"preset": "tiny", "steps": STEPS, "size": 64, "result_poses": given}
    names = [method["name"] for method in numbers(evaluated)["methods"]]
    tail = Workspace(scene.workspace).poses[FRAMES - TESTED :]
    for name in ("truth", *names):
        off = 3 * (name == "warp")
        write_openpose(given / name, replace(tail, xy=tail.xy + off))
    shutil.copytree(evaluated, tmp_path / "r")
    content = pipeline.evaluate(scene.workspace, tmp_path / "r", **again).content  # type: ignore[arg-type]
    found = {method["name"]: method["metrics"]["pose.seen_distance_body"]["mean"] for method in content["methods"]}
    assert found["warp"] == pytest.approx(3 * 2**0.5, abs=0.01) and found["fbf"] < 0.01
    assert content["settings"]["pose detector of the results"] == "given: given"
    assert probe(tmp_path / "r" / "truth.mp4").frames == TESTED
    shutil.rmtree(given / "nearest")
    with pytest.raises(InputError, match="no poses of nearest"):
        pipeline.evaluate(scene.workspace, tmp_path / "r", **again)  # type: ignore[arg-type]


def test_a_result_of_another_length_is_refused(scene: Scene, finished: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected 20"):
        pipeline.evaluate(finished[0], tmp_path / "r", source=scene.world.source, result=scene.world.target)
    with pytest.raises(InputError, match="source and result"):
        pipeline.evaluate(finished[0], tmp_path / "r", result=finished[1])


# -- before anyone trains -------------------------------------------------------------------------------------------


def test_check_takes_videos_poses_workspaces_and_person_files(
    scene: Scene, finished: tuple[Path, Path], tmp_path: Path
) -> None:
    poses = tmp_path / "dance.npz"
    scene.world.source_poses.save(poses)
    found = [
        pipeline.check(poses, target).to_dict() for target in (scene.workspace, scene.world.target, finished[0], poses)
    ]
    assert found[-1]["covered"] == 1.0 and not found[-1]["uncovered"]
    assert len({round(result["covered"], 2) for result in found[:3]}) == 1
    assert found[0].keys() >= {"covered", "uncovered", "footage", "summary", "sheet"}
    kinds = {fault["kind"] for fault in found[1]["footage"]}
    assert "length" in kinds and "people" not in kinds
    for span in found[0]["uncovered"]:
        assert span.keys() >= {"start", "end", "part", "reason"}


def test_check_draws_a_sheet_only_of_what_lacks(scene: Scene, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    assert pipeline.check(scene.world.source, scene.world.source, sheet=sheet).sheet is None and not sheet.exists()
    handstand = turned(scene.world.source_poses)
    handstand.save(tmp_path / "handstand.npz")
    found = pipeline.check(tmp_path / "handstand.npz", scene.world.target, sheet=sheet)
    assert found.sheet == sheet and found.findings["covered"] < 0.5
    picture = read_image(sheet)
    assert picture.shape[0] > 200 and picture.std() > 10


def turned(poses: PoseSequence) -> PoseSequence:
    """Head down."""
    xy = poses.xy.copy()
    xy[..., 1] = poses.size[0] - xy[..., 1]
    return replace(poses, xy=xy)


def test_the_command_says_it_in_words_and_as_json(
    scene: Scene, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned(scene.world.source_poses).save(tmp_path / "dance.npz")
    assert main(["check", str(tmp_path / "dance.npz"), str(scene.workspace), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert main(["check", str(tmp_path / "dance.npz"), str(scene.workspace), "-q"]) == 0
    assert capsys.readouterr().out.startswith(content["summary"])


def test_a_measured_person_gets_an_expected_quality(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    shutil.copytree(scene.workspace, folder)
    (folder / "quality.json").unlink(missing_ok=True)  # what the evaluations of other tests found
    assert pipeline.check(scene.world.source, folder).findings["expected_lpips"] is None
    (folder / "quality.json").write_text(json.dumps({"difficulty": [0.0, 1.0], "error": [0.1, 0.1]}))
    found = pipeline.check(scene.world.source, folder).findings
    assert found["expected_lpips"] == pytest.approx(0.1) and set(found["expected"]) == {0.1}


@pytest.mark.parametrize(("rho", "kept"), [(0.5, True), (0.49, False), (None, False)])
def test_only_a_curve_that_predicts_is_kept(tmp_path: Path, rho: float | None, kept: bool) -> None:
    @dataclass
    class Found:
        rank_correlation: float | None
        quality_curve: dict[str, list[float]]

    @dataclass
    class Folder:
        path: Path

    curve = {"difficulty": [0.0, 1.0], "error": [0.1, 0.2]}
    keep_quality(Folder(tmp_path), Found(0.9, {"difficulty": [0.0], "error": [0.5]}))  # type: ignore[arg-type]
    keep_quality(Folder(tmp_path), Found(rho, curve))  # type: ignore[arg-type]
    path = tmp_path / "quality.json"
    assert json.loads(path.read_text()) == curve if kept else not path.exists()


def test_transfer_checks_first_and_flags_frames_in_its_sidecar(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "SHORTEST_TRAINING", 1.0)
    said: list[Progress] = []
    output = tmp_path / "out.mp4"
    dance = tmp_path / "dance.npz"
    turned(scene.world.source_poses).save(dance)
    result = pipeline.transfer(
        dance, scene.world.target, output, preset="tiny", size=64, budget=3, consent=CONSENT, on_progress=said.append
    )
    stages = [report.stage for report in said]
    assert stages.index("check") < stages.index("train")
    summary = said[stages.index("check")].message
    assert any(summary in warning for warning in result.warnings)
    sidecar = json.loads((tmp_path / "out.json").read_text())
    assert sidecar["format"] == "dancedouble-result" and sidecar["record"]["synthetic"] is True
    assert sidecar["frames"] == 20 and sidecar["coverage"]["covered"] < 0.5
    flagged = sidecar["coverage"]["frames"]
    assert flagged and all(0 <= span["first"] <= span["last"] < 20 and span["reason"] for span in flagged)


def test_flagged_frames_are_runs_of_one_reason() -> None:
    reasons = (None, "back turned", "back turned", "crouching", None, "crouching")
    assert flagged_frames(reasons, first=100) == [
        FrameSpan(first=101, last=102, reason="back turned"),
        FrameSpan(first=103, last=103, reason="crouching"),
        FrameSpan(first=105, last=105, reason="crouching"),
    ]


def test_a_file_that_is_no_sidecar_is_left_alone(tmp_path: Path, scene: Scene) -> None:
    mine = tmp_path / "out.json"
    mine.write_text('{"my": "notes"}')
    cover = check_coverage(scene.world.source_poses, scene.world.target_poses)
    warnings = write_sidecar(tmp_path / "out.mp4", result={}, record={}, coverage=cover, first=0)
    assert mine.read_text() == '{"my": "notes"}' and "left alone" in warnings[0]
    mine.unlink()
    assert write_sidecar(tmp_path / "out.mp4", result={}, record={}, coverage=cover, first=0) == []
    assert write_sidecar(tmp_path / "out.mp4", result={}, record={}, coverage=cover, first=0) == []


def test_what_is_no_picture_of_the_moment_is_no_truth(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap that was bridged has poses, and the plate in place of a frame."""
    monkeypatch.setattr(protocol, "FEWEST_TEST", TESTED - 1)
    whole = Workspace(scene.workspace)
    gap = FRAMES - 4
    whole.manifest = replace(whole.manifest, usable=tuple(i for i in whole.manifest.usable if i != gap))
    trial = hold_out(whole)
    compared = np.ones(TESTED, np.bool_)
    compared[gap - trial.first] = False
    np.testing.assert_array_equal(trial.truth_poses.present, compared)
    assert trial.driving.present.all(), "it is danced all the same"


def test_where_nothing_is_held_out_the_plate_is_the_one_that_training_has(scene: Scene, tmp_path: Path) -> None:
    whole = Workspace(scene.workspace)
    whole.plate = np.full_like(whole.plate, 7)  # with what frames without the person have shown
    write_image(tmp_path / "plate.png", whole.plate)
    changed = tmp_path / "workspace"
    shutil.copytree(scene.workspace, changed)
    write_image(changed / "plate.png", whole.plate)
    part = TrainingPart(Workspace(changed), FRAMES, tmp_path / "s")
    assert (part.plate == 7).all() and not (TrainingPart(Workspace(changed), TRAINED, tmp_path / "s").plate == 7).all()


def test_poses_that_are_older_than_the_video_are_refused(scene: Scene, evaluated: Path, tmp_path: Path) -> None:
    methods = [Method(name="nearest", title="nearest", table=FrameTable({"body.ssim": np.ones(TESTED)}))]
    trial = hold_out(Workspace(scene.workspace))
    trial.driving.save(tmp_path / "truth.npz")
    trial.driving.save(tmp_path / "nearest.npz")
    judged = judge_by_others(methods, tmp_path, trial, evaluated)
    assert judged[0].table.mean("pose.torso_error") == 0
    os.utime(tmp_path / "nearest.npz", (0, 0))
    with pytest.raises(InputError, match=r"nearest\.npz: is older than .*nearest\.mp4"):
        judge_by_others(methods, tmp_path, trial, evaluated)
    half = replace(trial.driving, xy=trial.driving.xy / 2, size=(SIZE[0] // 2, SIZE[1] // 2))
    half.save(tmp_path / "nearest.npz")
    with pytest.raises(InputError, match="at its full size"):
        judge_by_others(methods, tmp_path, trial, evaluated)


def test_what_is_learned_is_learned_anew_with_another_start_or_judge(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = hold_out(Workspace(scene.workspace)).part(tmp_path)
    lesson = contenders.Lesson(limit=Limit(steps=1), seed=0, device=torch.device("cpu"), folder=tmp_path)
    recipe = preset("swift", 256)
    keys = [lesson._key(part, recipe, None)]
    monkeypatch.setattr(contenders, "perceptual_name", lambda name: "VGG19")
    keys.append(lesson._key(part, recipe, None))
    monkeypatch.setattr(contenders, "first_beginning", lambda recipe: Beginning(identity="another"))
    keys.append(lesson._key(part, recipe, None))
    assert len(set(keys)) == 3


def test_a_film_with_transparency_has_a_sidecar_of_its_own() -> None:
    names = [sidecar_of(Path(name)).name for name in ("dance.mp4", "dance", "dance.mov")]
    assert names == ["dance.json", "dance.json", "dance.mov.json"]


def test_the_protocol_counts_frames_of_the_clip(scene: Scene) -> None:
    whole = Workspace(scene.workspace)
    whole.manifest = replace(whole.manifest, usable=whole.manifest.usable[3:])
    said = hold_out(whole).protocol
    assert f"first {TRAINED} frames" in said and f"the next {FRAMES - TESTED - TRAINED} are used by nobody" in said
