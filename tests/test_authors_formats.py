"""The authors' checkpoint and dataset folders, made up here: read exactly, or refused at the first thing amiss."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dancedouble import pipeline
from dancedouble.cli import main
from dancedouble.devices import choose_device
from dancedouble.errors import ConsentError, InputError
from dancedouble.media.image import read_image, write_image
from dancedouble.media.video import read_frames
from dancedouble.models.counting import count_parameters
from dancedouble.models.discriminator import MultiScaleDiscriminator
from dancedouble.models.face import FaceDiscriminator, FaceGlobalConfig, FaceUNetConfig, face_generator
from dancedouble.models.generator import GeneratorConfig, GlobalGenerator, LocalGenerator, LocalGeneratorConfig
from dancedouble.models.painter import Painter
from dancedouble.person import load_person
from dancedouble.pose.estimator import FakePoseEstimator
from dancedouble.recipe import recipe_from_dict
from dancedouble.rendering.stick_figure import draw_paper_figure
from dancedouble.synthesis import Synthesizer
from dancedouble.training.authors_checkpoint import _face_config, _generator_config
from dancedouble.training.authors_dataset import read_dataset
from dancedouble.workspace import Workspace, neighbours
from paper_networks import Judge, Local, face_judge, global_type, unet
from small_world import SIZE, TwoClipEstimator, World, make_world, shifted
from training_world import CONSENT, sampler_of, toy_paper, trainer

pytestmark = pytest.mark.usefixtures("one_thread")


# -- checkpoints ------------------------------------------------------------------------------------------------


def save(network: nn.Module, path: Path) -> nn.Module:
    """A network's plain state dict, under the names of somebody else's modules."""
    torch.save(network.state_dict(), path)
    return network.eval()


def checkpoints(
    folder: Path, *, channels: int = 6, local: bool = True, face: str | None = None
) -> dict[str, nn.Module]:
    """A folder of toy networks that are not ours, and the networks."""
    folder.mkdir()
    torch.manual_seed(3)
    generator = Local(channels, 4, 2, 2, 1) if local else global_type(channels, 8, 2, 2)
    made = {"G": generator, "D": Judge(2 * channels, 4, 3 if local else 2)}
    if face is not None:
        made |= {"Gface": unet(4) if face == "unet" else global_type(6, 4, 1, 1), "Dface": face_judge(4)}
    return {name: save(network, folder / f"latest_net_{name}.pth") for name, network in made.items()}


def given(channels: int, size: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """What a network of the paper is given, and the same as ours are: label in [-1, 1], the other pictures apart."""
    x = torch.rand(2, channels, *size)
    return x, x[:, :3] * 2 - 1, x[:, 3:] if channels > 3 else None


@pytest.mark.parametrize(
    ("channels", "local", "face"),
    [(6, True, "global"), (6, True, "unet"), (6, True, None), (6, False, "unet"), (3, False, None), (3, True, None)],
)
@torch.no_grad()
def test_a_checkpoint_becomes_a_person_whose_networks_compute_the_same(
    workspace: Workspace, tmp_path: Path, channels: int, local: bool, face: str | None
) -> None:
    theirs = checkpoints(tmp_path / "S1", channels=channels, local=local, face=face)
    result = pipeline.import_checkpoint(tmp_path / "S1", tmp_path / "p.safetensors", workspace=workspace.path)
    person = load_person(result.person)
    assert person.consent == CONSENT and person.trained["imported"] == "S1"
    assert person.crop_size == ((640, 512) if local else (320, 256))
    recipe = recipe_from_dict(person.recipe)
    assert recipe.temporal == (channels == 6)

    def ours(part: str, network: nn.Module) -> nn.Module:
        tensors = {k.removeprefix(f"{part}."): v for k, v in person.weights.items() if k.startswith(f"{part}.")}
        network.load_state_dict(tensors)
        return network.eval()

    x, label, previous = given(channels, (32, 48))
    painter = ours("painter", Painter(recipe.final.generator))
    torch.testing.assert_close(painter.network(label, previous).rgb, theirs["G"](x), rtol=0, atol=1e-5)
    assert recipe.final.discriminator is not None
    judge = ours("discriminator", MultiScaleDiscriminator(recipe.final.discriminator))
    x, _, _ = given(recipe.final.discriminator.input_channels, (64, 48))
    torch.testing.assert_close(judge(x), theirs["D"](x), rtol=0, atol=1e-5)
    assert (recipe.face is not None) == (face is not None)
    if recipe.face is not None:
        x, label, crop = given(6, (64, 64))
        residual = ours("face", face_generator(recipe.face.generator))(label, crop)
        torch.testing.assert_close(residual, theirs["Gface"](x), rtol=0, atol=1e-5)
        judged = ours("face_discriminator", FaceDiscriminator(width=recipe.face.discriminator_width))(label, crop)
        torch.testing.assert_close(judged[0][0], theirs["Dface"](x), rtol=0, atol=1e-5)
    frame = next(iter(Synthesizer(person, choose_device("cpu")).frames(workspace.poses[:1])))
    assert frame.frame.shape == (*SIZE, 3)


def test_networks_of_the_papers_size_have_as_many_weights_as_plain_layers_of_its_table() -> None:
    with torch.device("meta"):
        plain = [global_type(6, 64, 4, 9), Local(6, 32, 4, 9, 3), Judge(12, 64, 3), global_type(6, 64, 3, 5), unet(64),
                 face_judge(64)]  # fmt: skip
    assert [count_parameters(network) for network in plain] == [
        182_452_675, 182_715_939, 3 * 2_773_953, 26_724_291, 16_662_147, 2_769_601,
    ]  # fmt: skip


def test_the_first_mismatch_is_named(workspace: Workspace, tmp_path: Path) -> None:
    checkpoints(tmp_path / "S1")
    path = tmp_path / "S1" / "latest_net_G.pth"
    tensors = torch.load(path, weights_only=True)
    names = list(tensors)

    def refused(changed: dict[str, torch.Tensor]) -> str:
        torch.save(changed, path)
        with pytest.raises(InputError) as caught:
            pipeline.import_checkpoint(tmp_path / "S1", tmp_path / "p.safetensors", workspace=workspace.path)
        assert not (tmp_path / "p.safetensors").exists() and "\n" not in str(caught.value)
        return str(caught.value)

    said = refused(tensors | {names[3]: torch.zeros(9)})
    assert f"tensor 4 is {names[3]}, 9; expected 16 for network.trunk" in said
    assert "missing" in refused({name: tensors[name] for name in names[:-1]})
    assert "expected nothing more" in refused(tensors | {"model.extra": torch.zeros(3)})
    assert "not a plain state dict (it holds other things)" in refused({"model": Path("x")})  # type: ignore[dict-item]
    assert "not a plain state dict (it holds other things)" in refused({"nested": tensors})  # type: ignore[dict-item]
    path.write_bytes(b"hello")
    with pytest.raises(InputError, match="not a plain state dict"):
        pipeline.import_checkpoint(tmp_path / "S1", tmp_path / "p.safetensors", workspace=workspace.path)
    path.unlink()
    with pytest.raises(InputError, match=r"latest_net_G\.pth is missing"):
        pipeline.import_checkpoint(tmp_path / "S1", tmp_path / "p.safetensors", workspace=workspace.path)


def test_full_size_checkpoints_are_recognised() -> None:
    with torch.device("meta"):
        for config in (GeneratorConfig(), GeneratorConfig(temporal=False), LocalGeneratorConfig()):
            network = LocalGenerator(config) if isinstance(config, LocalGeneratorConfig) else GlobalGenerator(config)
            assert _generator_config(list(network.state_dict().items())) == config
        for face in (FaceGlobalConfig(), FaceUNetConfig()):
            assert _face_config(list(face_generator(face).state_dict().items())) == face


# -- datasets ---------------------------------------------------------------------------------------------------

MISSING = {10, 25}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("dataset-world"), target_frames=40)


@pytest.fixture(scope="module")
def dataset(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the small world's target with two frames missing, every fourth number, lossless pictures."""
    folder = tmp_path_factory.mktemp("dataset")
    for name in ("train_label", "train_img", "train_facetexts128"):
        (folder / name).mkdir()
    for index, frame in enumerate(read_frames(world.target)):
        if index in MISSING:
            continue
        stem = f"frame{20001 + 4 * index:06d}"
        poses = world.target_poses
        figure = draw_paper_figure(poses.xy[index], poses.score[index], SIZE, SIZE)
        figure[:4, :4] = (index * 5, 0, 255)
        write_image(folder / "train_label" / f"{stem}.png", figure)
        write_image(folder / "train_img" / f"{stem}.png", frame)
        (folder / "train_facetexts128" / f"{stem}.txt").write_text(f"{10 + index} {42 + index} 30 62")
    write_image(folder / "train_img" / "frame099999.png", frame)
    return folder


def prepare(world: World, dataset: Path, workspace: Path, detector: str = "heavy") -> pipeline.PrepareResult:
    estimator = TwoClipEstimator(world.source_poses, world.target_poses)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dancedouble.training.authors_dataset.subject_estimator", lambda model: estimator)
        patch.setattr(pipeline, "subject_model", lambda: detector)
        return pipeline.prepare_dataset(dataset, workspace, consent=CONSENT)


@pytest.fixture(scope="module")
def prepared(world: World, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> pipeline.PrepareResult:
    return prepare(world, dataset, tmp_path_factory.mktemp("edn") / "workspace")


def test_names_pair_and_gaps_in_numbering_stay_gaps(dataset: Path) -> None:
    found = read_dataset(dataset)
    assert [item.index for item in found.items] == [i for i in range(40) if i not in MISSING]
    assert all(item.label.stem == item.image.stem for item in found.items)
    assert found.unpaired == 1
    assert found.items[0].box == (10, 30, 42, 62)


def test_the_workspace_learns_from_the_given_figures_and_boxes(prepared: pipeline.PrepareResult, dataset: Path) -> None:
    workspace = Workspace(prepared.workspace)
    assert prepared.usable == 38 and workspace.manifest.frames == 40
    assert any("no partner" in line for line in prepared.warnings)
    assert (9, 10) not in neighbours(workspace.manifest.usable) and (8, 9) in neighbours(workspace.manifest.usable)
    np.testing.assert_array_equal(workspace.label(3), read_image(dataset / "train_label" / "frame020013.png"))
    kept, images = workspace.frame(3), sorted((dataset / "train_img").iterdir())[:9]
    apart = [np.abs(kept.astype(float) - read_image(image)).mean() for image in images]
    assert int(np.argmin(apart)) == 3, "the picture kept beside a figure is that figure's"
    recipe = toy_paper("edn-global", 192)
    sampler = sampler_of(workspace, recipe)
    batch = sampler.pair(12, 13)
    mark = batch.label[0, :, :, 0, 0]
    assert mark[:, 2].min() > 0.5 and mark[:, 1].max() < -0.5, "the mark in the corner says whose figure it is"
    assert torch.equal(batch.label, batch.figure)
    centre = batch.face[0, 0].float()
    scale = torch.tensor(sampler.footage.size) / torch.tensor(SIZE)
    assert abs((centre[0] + centre[2]) / 2 - (26 + 12) * scale[0]) <= 1.5
    assert abs((centre[1] + centre[3]) / 2 - 46 * scale[1]) <= 1.5
    outcome = trainer(workspace, toy_paper("edn"), steps=4).run()
    assert outcome.person.trained["stages"] == ["global", "local", "face"]


def test_the_same_dataset_is_not_prepared_again_and_consent_is_asked(
    world: World, prepared: pipeline.PrepareResult, dataset: Path, tmp_path: Path
) -> None:
    before = (prepared.workspace / "manifest.json").stat().st_mtime_ns
    assert prepare(world, dataset, prepared.workspace).usable == 38
    assert (prepared.workspace / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(ConsentError):
        pipeline.prepare_dataset(dataset, tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_a_dataset_says_when_the_smaller_network_looked_and_is_made_anew_by_the_better(
    world: World, dataset: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "w"
    assert any("smaller network" in line for line in prepare(world, dataset, workspace, "full").warnings)
    assert not any("smaller network" in line for line in prepare(world, dataset, workspace, "heavy").warnings)


def test_of_several_people_in_a_dataset_one_is_chosen(
    world: World, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = replace(world.target_poses, xy=world.target_poses.xy + np.float32((70, 0)))
    both = FakePoseEstimator(shifted(world.target_poses), shifted(other))
    monkeypatch.setattr("dancedouble.training.authors_dataset.subject_estimator", lambda model: both)
    monkeypatch.setattr(pipeline, "subject_model", lambda: "heavy")
    command = ["prepare", "--edn-dataset", str(dataset), "--consent", CONSENT, "-q", "-o"]
    assert main([*command, str(tmp_path / "none")]) == 1
    assert "choose one with --person N" in capsys.readouterr().err
    found = []
    for number in (1, 2):
        assert main([*command, str(tmp_path / "chosen"), "--person", str(number)]) == 0
        found.append(Workspace(tmp_path / "chosen").poses.xy[3, 1, 0])
    assert abs(found[1] - found[0]) == pytest.approx(70, abs=3)


def test_damaged_datasets_are_refused_in_one_line(dataset: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    (copy / "train_facetexts128" / "frame020013.txt").write_text("one two")
    with pytest.raises(InputError, match=r"frame020013\.txt: not a face box"):
        read_dataset(copy)
    shutil.rmtree(copy / "train_label")
    with pytest.raises(InputError, match="train_label: no such folder"):
        read_dataset(copy)
    (copy / "train_label").mkdir()
    with pytest.raises(InputError, match="0 of one name"):
        read_dataset(copy)
