"""The authors' checkpoint and dataset folders, made up here: read exactly, or refused at the first thing amiss."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from dancedouble import pipeline
from dancedouble.devices import choose_device
from dancedouble.errors import ConsentError, InputError
from dancedouble.media.image import read_image, write_image
from dancedouble.media.video import read_frames
from dancedouble.models.discriminator import DiscriminatorConfig, MultiScaleDiscriminator
from dancedouble.models.face import FaceDiscriminator, FaceGlobalConfig, FaceUNetConfig, face_generator
from dancedouble.models.generator import GeneratorConfig, GlobalGenerator, LocalGenerator, LocalGeneratorConfig
from dancedouble.person import load_person
from dancedouble.rendering.stick_figure import draw_paper_figure
from dancedouble.synthesis import Synthesizer
from dancedouble.training.authors_checkpoint import _face_config, _generator_config
from dancedouble.training.authors_dataset import read_dataset
from dancedouble.workspace import Workspace, neighbours
from small_world import SIZE, TwoClipEstimator, World, make_world
from training_world import CONSENT, make_workspace, sampler_of, toy_paper, trainer

BASE = GeneratorConfig(width=4, downs=2, blocks=2)
LOCAL = LocalGeneratorConfig(base=BASE, blocks=1)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("formats"))


# -- checkpoints ------------------------------------------------------------------------------------------------


def foreign(network: nn.Module, path: Path) -> nn.Module:
    """Save a network under names of somebody else's."""
    tensors = network.state_dict().values()
    torch.save({f"model.{index}.stuff": tensor for index, tensor in enumerate(tensors)}, path)
    return network


def checkpoints(
    folder: Path, *, local: bool = True, face: FaceGlobalConfig | FaceUNetConfig | None = None
) -> nn.Module:
    folder.mkdir()
    torch.manual_seed(3)
    generator = foreign(LocalGenerator(LOCAL) if local else GlobalGenerator(BASE), folder / "latest_net_G.pth")
    foreign(MultiScaleDiscriminator(DiscriminatorConfig(width=4, scales=3)), folder / "latest_net_D.pth")
    if face is not None:
        foreign(face_generator(face), folder / "latest_net_Gface.pth")
        foreign(FaceDiscriminator(width=4), folder / "latest_net_Dface.pth")
    return generator


@pytest.mark.parametrize("local", [True, False])
@pytest.mark.parametrize("face", [None, FaceGlobalConfig(width=4, downs=1, blocks=1), FaceUNetConfig(width=4)])
def test_a_checkpoint_becomes_a_person_with_the_same_weights(
    workspace: Workspace, tmp_path: Path, local: bool, face: FaceConfig | None
) -> None:
    generator = checkpoints(tmp_path / "S1", local=local, face=face)
    result = pipeline.import_checkpoint(tmp_path / "S1", tmp_path / "p.safetensors", workspace=workspace.path)
    person = load_person(result.person)
    assert person.consent == CONSENT and person.trained["imported"] == "S1"
    assert person.crop_size == ((640, 512) if local else (320, 256))
    for name, tensor in generator.state_dict().items():
        assert torch.equal(person.weights[f"painter.network.{name}"], tensor)
    synthesizer = Synthesizer(person, choose_device("cpu"))
    assert synthesizer.face is not None if face else synthesizer.face is None
    if face is not None:
        assert synthesizer.face.config == face  # type: ignore[union-attr]
    parts = {name.split(".")[0] for name in person.weights}
    assert parts == {"painter", "discriminator", *(["face", "face_discriminator"] if face else [])}
    frame = next(iter(synthesizer.frames(workspace.poses[:1])))
    assert frame.frame.shape == (*SIZE, 3)


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
    assert "tensor 4 is model.3.stuff, 9; expected 8 for network.trunk" in said
    assert "missing" in refused({name: tensors[name] for name in names[:-1]})
    assert "expected nothing more" in refused(tensors | {"model.extra": torch.zeros(3)})
    assert "not a plain state dict" in refused({"model": Path("x")})  # type: ignore[dict-item]
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


@pytest.fixture(scope="module")
def prepared(world: World, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> pipeline.PrepareResult:
    patch = pytest.MonkeyPatch()
    estimator = TwoClipEstimator(world.source_poses, world.target_poses)
    patch.setattr("dancedouble.training.authors_dataset.default_estimator", lambda **_: estimator)
    result = pipeline.prepare_dataset(dataset, tmp_path_factory.mktemp("edn") / "workspace", consent=CONSENT)
    patch.undo()
    return result


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
    prepared: pipeline.PrepareResult, dataset: Path, tmp_path: Path
) -> None:
    before = (prepared.workspace / "manifest.json").stat().st_mtime_ns
    assert pipeline.prepare_dataset(dataset, prepared.workspace, consent=CONSENT).usable == 38
    assert (prepared.workspace / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(ConsentError):
        pipeline.prepare_dataset(dataset, tmp_path / "w")
    assert not (tmp_path / "w").exists()


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
