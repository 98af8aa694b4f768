"""The paper's presets: its networks by the number, its sizes, stages that start from one another, its ablations."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from dancedouble import pipeline
from dancedouble.cli import options
from dancedouble.dataset import picture_to_tensor
from dancedouble.devices import choose_device
from dancedouble.errors import InputError, PersonFileError
from dancedouble.models.discriminator import MultiScaleDiscriminator
from dancedouble.models.face import FaceUNetConfig
from dancedouble.models.generator import LocalGenerator
from dancedouble.models.painter import Painter
from dancedouble.person import Person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import INDEX
from dancedouble.progress import Progress
from dancedouble.recipe import Recipe, recipe_from_dict
from dancedouble.rendering.face_box import face_box
from dancedouble.rendering.stick_figure import draw_paper_figure
from dancedouble.subject import whole_frame_size
from dancedouble.synthesis import Synthesizer
from dancedouble.training.beginning import begin_with
from dancedouble.training.paper import Ablation, ablate
from dancedouble.training.presets import PRESETS, own_height, preset
from dancedouble.training.runs import FrameRun
from dancedouble.training.trainer import Limit, Trainer
from dancedouble.workspace import Workspace
from training_world import CPU, sampler_of, toy_paper, trainer

pytestmark = pytest.mark.usefixtures("one_thread")

GLOBAL, LOCAL, SCALE, FACE, FACE_JUDGE = 182_452_675, 182_715_939, 2_773_953, 26_724_291, 2_769_601
PAPER = [name for name in PRESETS if name.startswith("edn")]


# -- numbers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "counts", "size"),
    [
        ("edn-global", {"global.generator": GLOBAL, "global.discriminator": 2 * SCALE}, [256, 512]),
        ("edn-local", {"local.generator": LOCAL, "local.discriminator": 3 * SCALE}, [512, 1024]),
        ("edn-face", {"face.generator": FACE, "face.discriminator": FACE_JUDGE}, [512, 1024]),
        ("edn", {"global.generator": GLOBAL, "local.generator": LOCAL, "face.generator": FACE}, [512, 1024]),
    ],
)
def test_info_tells_the_papers_parameter_counts(name: str, counts: dict[str, int], size: list[int]) -> None:
    facts = pipeline.info(preset=name).to_dict()
    assert {network: facts["networks"][network]["parameters"] for network in counts} == counts
    assert facts["size"] == size
    assert all(network["flops_per_frame"] > 1e9 for network in facts["networks"].values())


def test_stages_epochs_rates_and_weights_are_the_papers() -> None:
    recipe = preset("edn")
    assert recipe.face is not None
    stages = [*recipe.stages, recipe.face]
    assert [stage.name for stage in stages] == ["global", "local", "face"]
    assert [stage.epochs for stage in stages] == [5, 30, 5]
    assert {(s.learning_rate, s.betas, s.batch, s.decay) for s in stages} == {(2e-4, (0.5, 0.999), 1, "paper")}
    assert [s.adversarial_weights.perceptual for s in recipe.stages] == [5, 10]
    assert {s.adversarial_weights.feature_matching for s in recipe.stages} == {10}
    assert recipe.face.weights.perceptual == 5 and recipe.face.weights.feature_matching == 0
    assert all(s.ema is None and not any(vars(s.reconstruction).values()) for s in recipe.stages)


@pytest.mark.parametrize(
    ("footage", "small", "large"),
    [
        ((1080, 1920), (256, 512), (512, 1024)),
        ((1920, 1080), (512, 256), (1024, 512)),
        ((512, 1024), (256, 512), (512, 1024)),
        ((480, 640), (256, 352), (512, 704)),
        ((720, 720), (256, 256), (512, 512)),
    ],
)
def test_sizes_follow_the_footage_in_multiples_of_32(
    footage: tuple[int, int], small: tuple[int, int], large: tuple[int, int]
) -> None:
    recipe = preset("edn")
    assert [whole_frame_size(footage, recipe, stage.height) for stage in recipe.stages] == [small, large]
    assert not any(side % 32 for side in (*small, *large))


@pytest.mark.parametrize(("name", "height", "instead"), [("edn", 720, "704 or 768"), ("edn-global", 300, "288 or 320")])
def test_a_size_that_whole_frames_cannot_have_is_refused_at_once(name: str, height: int, instead: str) -> None:
    with pytest.raises(InputError, match=instead):
        preset(name, height)
    assert preset("swift", height).final.height == height
    assert preset(name, 768).final.height == 768


def test_the_command_line_lists_every_preset_and_ablation() -> None:
    assert list(PRESETS) == list(options.PRESETS)
    assert [choice.value for choice in options.Ablation] == list(Ablation.__args__)
    assert [own_height(name) for name in ("edn-global", "edn", "swift")] == [256, 512, None]


@pytest.mark.parametrize("name", PRESETS)
def test_recipes_travel_as_json(name: str) -> None:
    recipe = preset(name)
    assert recipe_from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_the_unet_face_generator_travels_too() -> None:
    recipe = preset("edn")
    assert recipe.face is not None
    recipe = replace(recipe, face=replace(recipe.face, generator=FaceUNetConfig()))
    assert recipe_from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


# -- what they are shown ----------------------------------------------------------------------------------------


def test_labels_are_the_papers_figures_squeezed_with_the_frame(workspace: Workspace) -> None:
    recipe = toy_paper("edn-global")
    sampler = sampler_of(workspace, recipe)
    batch = sampler.pair(4, 5)
    size, poses = sampler.footage.size, workspace.poses
    drawn = draw_paper_figure(poses.xy[4], poses.score[4], poses.size, size)
    label = picture_to_tensor(drawn)
    # Keypoints pass through the window's pixels and back, so a stroke may round to the pixel beside it.
    assert ((batch.label[0, 0] - label).abs() > 0.1).float().mean() < 0.002
    assert torch.equal(batch.label, batch.figure)
    assert batch.carry is None and batch.references.shape[2] == 0


# -- stage after stage ------------------------------------------------------------------------------------------


def test_the_local_stage_starts_from_the_global_one_in_generator_and_discriminator(workspace: Workspace) -> None:
    recipe = toy_paper("edn-local")
    learner = trainer(workspace, recipe, steps=4)
    torch.manual_seed(5)
    earlier = FrameRun(recipe.stages[0], recipe, None, CPU)
    learner.state.stage, learner.state.done = 1, earlier.weights()
    run = learner._make_run(recipe.stages[1])
    assert isinstance(run, FrameRun) and isinstance(run.painter.network, LocalGenerator)
    taken = run.painter.network.trunk.state_dict()
    for name, tensor in earlier.painter.network.trunk.state_dict().items():  # type: ignore[union-attr]
        assert torch.equal(taken[name], tensor)
    assert run.discriminator is not None and earlier.discriminator is not None
    assert [len(d.scales) for d in (earlier.discriminator, run.discriminator)] == [2, 3]
    grown = run.discriminator.state_dict()
    for name, tensor in earlier.discriminator.state_dict().items():
        assert torch.equal(grown[name], tensor)


@pytest.fixture(scope="module")
def learned(workspace: Workspace) -> Person:
    return trainer(workspace, toy_paper("edn-global", 32), steps=3).run().person


def test_without_a_limit_every_stage_sees_every_pair_as_often_as_it_has_epochs(workspace: Workspace) -> None:
    recipe = toy_paper("edn")
    assert recipe.face is not None
    (first, second), face = recipe.stages, recipe.face
    recipe = replace(recipe, stages=(replace(first, epochs=1), replace(second, epochs=3)), face=replace(face, epochs=2))
    steps: dict[str, int] = {}

    def count(progress: Progress) -> None:
        if progress.stage == "train":
            steps[progress.message.split(",")[0]] = int(progress.message.split(" step ")[1].split(",")[0])

    frames = [0, 1, 2, 3, 6, 7, 8]  # 5 pairs: a gap lies between
    Trainer(workspace, recipe, frames, limit=Limit(), seed=0, execution=CPU, perceptual=None, on_progress=count).run()
    assert steps == {"global": 5, "local": 15, "face": 10}


def test_a_person_goes_on_with_the_next_stage(workspace: Workspace, learned: Person) -> None:
    recipe = toy_paper("edn")
    beginning = begin_with(learned, recipe)
    assert (beginning.stage, beginning.of) == (1, recipe.stages[0])
    outcome = trainer(workspace, recipe, steps=4, beginning=beginning).run()
    assert [*outcome.person.trained["stages"]] == ["global", "local", "face"] and outcome.steps >= 4
    parts = {name.split(".")[0] for name in outcome.person.weights}
    assert parts == {"painter", "discriminator", "face", "face_discriminator"}
    rendered = list(Synthesizer(outcome.person, choose_device("cpu")).frames(workspace.poses[:2]))
    assert rendered[1].frame.shape == (*workspace.manifest.size, 3) and (rendered[1].alpha == 255).all()
    # A finished person, started from again, learns its last stage further.
    assert begin_with(outcome.person, recipe).stage == 2
    assert begin_with(learned, toy_paper("edn-global", 32)).stage == 0


def test_rendering_corrects_the_face_alone_and_nothing_where_no_face_is_seen(workspace: Workspace) -> None:
    size = workspace.manifest.size
    person = trainer(workspace, toy_paper("edn", min(size)), steps=3).run().person
    assert person.crop_size == size, "no resizing that would smear the box's edge"
    faceless = replace(person, weights={k: v for k, v in person.weights.items() if not k.startswith("face.")})
    shown = workspace.poses[:1]
    score = shown.score.copy()
    score[:, [INDEX[name] for name in ("nose", "right_ear", "left_ear")]] = 0
    hidden = replace(shown, score=score)

    def frame(subject: Person, poses: PoseSequence) -> np.ndarray:  # type: ignore[type-arg]
        return next(iter(Synthesizer(subject, choose_device("cpu")).frames(poses))).frame

    box = face_box(shown.xy[0], shown.score[0], size)
    assert box is not None and face_box(hidden.xy[0], hidden.score[0], size) is None
    outside = np.ones(size, bool)
    face = slice(box.top, box.bottom), slice(box.left, box.right)
    outside[face] = False
    changed = (frame(person, shown) != frame(faceless, shown)).any(2)
    assert changed[face].mean() > 0.5 and not changed[outside].any()
    np.testing.assert_array_equal(frame(person, hidden), frame(faceless, hidden))


def test_a_person_of_another_recipe_is_refused(learned: Person) -> None:
    with pytest.raises(PersonFileError, match=r"edn-global.*swift"):
        begin_with(learned, preset("swift"))


# -- ablations --------------------------------------------------------------------------------------------------


def stems(recipe: Recipe) -> list[tuple[int, int]]:
    with torch.device("meta"):
        found = []
        for stage in recipe.stages:
            assert stage.discriminator is not None
            painter, judge = Painter(stage.generator), MultiScaleDiscriminator(stage.discriminator)
            found.append(tuple(next(iter(n.parameters())).shape[1] for n in (painter, judge)))
        return found


def test_ablations_change_inputs_stages_and_terms() -> None:
    recipe = preset("edn")
    fbf, ts, fg = (ablate(recipe, name) for name in ("fbf", "fbf+ts", "fbf+ts+fg"))
    assert stems(fbf) == [(3, 6), (3, 6)] and stems(ts) == stems(fg) == [(6, 12), (6, 12)]
    assert [r.temporal for r in (fbf, ts, fg)] == [False, True, True]
    assert [r.face is not None for r in (fbf, ts, fg)] == [False, False, True]
    plain = ablate(recipe, "no-perceptual")
    assert {s.adversarial_weights.perceptual for s in plain.stages} == {0}
    assert plain.face is not None and plain.face.weights.perceptual == 0
    assert {s.adversarial_weights.feature_matching for s in ablate(recipe, "no-feature-matching").stages} == {0}
    with pytest.raises(InputError, match="no face GAN"):
        ablate(preset("edn-local"), "fbf+ts+fg")
    with pytest.raises(InputError, match="no such ablation"):
        ablate(recipe, "fg")  # type: ignore[arg-type]


def test_frame_by_frame_trains_and_renders_every_frame_from_nothing(workspace: Workspace) -> None:
    outcome = trainer(workspace, ablate(toy_paper("edn-local"), "fbf"), steps=4).run()
    assert set(outcome.losses) >= {"adversarial", "feature_matching"}
    synthesizer = Synthesizer(outcome.person, choose_device("cpu"))
    poses = workspace.poses[:3]
    together = [f.frame for f in synthesizer.frames(poses)]
    alone = next(iter(synthesizer.frames(poses[2:3]))).frame
    np.testing.assert_array_equal(together[2], alone)
