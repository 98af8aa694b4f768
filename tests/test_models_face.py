"""The face GAN: the paper's counts, residuals that land on the face and nowhere else."""

from __future__ import annotations

import pytest
import torch

from dancedouble.models.counting import count_parameters
from dancedouble.models.face import (
    FaceConfig,
    FaceDiscriminator,
    FaceGlobalConfig,
    FaceUNetConfig,
    correct_faces,
    crop_faces,
    face_generator,
    seen,
)

BOXES = torch.tensor([[2, 4, 10, 12], [-1, -1, -1, -1], [0, 8, 8, 16]])


@pytest.mark.parametrize(("config", "parameters"), [(FaceGlobalConfig(), 26_724_291), (FaceUNetConfig(), 16_662_147)])
def test_generators_of_the_paper(config: FaceConfig, parameters: int) -> None:
    with torch.device("meta"):
        network = face_generator(config)
        residual = network(torch.empty(2, 3, 128, 128), torch.empty(2, 3, 128, 128))
    assert count_parameters(network) == parameters
    assert residual.shape == (2, 3, 128, 128)


def test_discriminator_of_the_paper() -> None:
    with torch.device("meta"):
        network = FaceDiscriminator()
        features = network(torch.empty(2, 3, 128, 128), torch.empty(2, 3, 128, 128))
    assert count_parameters(network) == 2_769_601
    assert [[tuple(part.shape) for part in maps] for maps in features] == [[(2, 1, 19, 19)]]


@pytest.mark.parametrize("config", [FaceGlobalConfig(width=4, downs=2, blocks=1), FaceUNetConfig(width=4)])
def test_residual_depends_on_label_and_face(config: FaceConfig) -> None:
    torch.manual_seed(0)
    network = face_generator(config)
    label, face = torch.rand(2, 1, 3, 64, 64)
    residual = network(label, face)
    assert residual.abs().max() <= 1
    assert not torch.equal(residual, network(1 - label, face))
    assert not torch.equal(residual, network(label, 1 - face))


@pytest.mark.parametrize("config", [FaceGlobalConfig(width=4, downs=2, blocks=1), FaceUNetConfig(width=4)])
def test_every_weight_of_the_generator_learns(config: FaceConfig) -> None:
    torch.manual_seed(0)
    network = face_generator(config)
    network(*torch.rand(2, 2, 3, 64, 64)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name


def test_crops_of_the_samples_that_show_a_face() -> None:
    image = torch.arange(3 * 3 * 16 * 20).reshape(3, 3, 16, 20)
    crops = crop_faces(image, BOXES)
    assert seen(BOXES).tolist() == [True, False, True]
    assert torch.equal(crops, torch.stack([image[0, :, 2:10, 4:12], image[2, :, 0:8, 8:16]]))
    assert crop_faces(image, BOXES[1:2].expand(3, 4)).shape == (0, 3, 0, 0)


def test_correction_lands_on_the_box_and_nowhere_else() -> None:
    image = torch.zeros(3, 3, 16, 20)
    residuals = torch.stack([torch.full((3, 8, 8), 1.0), torch.full((3, 8, 8), 2.0)])
    corrected = correct_faces(image, residuals, BOXES)
    assert torch.equal(crop_faces(corrected, BOXES), residuals)
    assert corrected.sum(dim=(1, 2, 3)).tolist() == [3 * 64, 0, 2 * 3 * 64]
    assert image.abs().max() == 0, "the frame given is left alone"


def test_correction_passes_gradient_to_frame_and_residual() -> None:
    image = torch.zeros(3, 3, 16, 20, requires_grad=True)
    residuals = torch.zeros(2, 3, 8, 8, requires_grad=True)
    correct_faces(image, residuals, BOXES).sum().backward()
    assert image.grad is not None and residuals.grad is not None
    assert torch.equal(image.grad, torch.ones_like(image))
    assert torch.equal(residuals.grad, torch.ones_like(residuals))
