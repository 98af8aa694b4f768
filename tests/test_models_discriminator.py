"""The multi-scale discriminator: the paper's counts and maps, inputs, growing by a scale."""

from __future__ import annotations

import pytest
import torch

from dancedouble.models.counting import count_parameters
from dancedouble.models.discriminator import (
    DiscriminatorConfig,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    discriminator_input,
    transplant_scales,
)


def toy(scales: int) -> MultiScaleDiscriminator:
    return MultiScaleDiscriminator(DiscriminatorConfig(scales=scales, width=4))


@pytest.mark.parametrize("scales", [2, 3])
def test_parameters_of_the_paper(scales: int) -> None:
    with torch.device("meta"):
        network = MultiScaleDiscriminator(DiscriminatorConfig(scales=scales))
    assert count_parameters(network) == scales * 2_773_953


def test_patch_maps_of_the_paper_finest_first() -> None:
    with torch.device("meta"):
        network = MultiScaleDiscriminator(DiscriminatorConfig(scales=3))
        features = network(torch.empty(1, 12, 512, 1024))
    assert [tuple(maps[-1].shape) for maps in features] == [(1, 1, 67, 131), (1, 1, 35, 67), (1, 1, 19, 35)]
    assert [maps[0].shape[1] for maps in features] == [64] * 3
    assert [len(maps) for maps in features] == [5] * 3


def test_a_patch_is_70_pixels_wide() -> None:
    torch.manual_seed(0)
    # Instance normalization sees the whole picture, so the patch is measured without it.
    network = PatchDiscriminator(3, 4, 3, lambda _: torch.nn.Identity())
    picture = torch.randn(1, 3, 160, 160, requires_grad=True)
    score = network(picture)[-1]
    score[0, 0, score.shape[2] // 2, score.shape[3] // 2].backward()
    assert picture.grad is not None
    touched = picture.grad.abs().sum(dim=(0, 1)) > 0
    assert (touched.any(0).sum().item(), touched.any(1).sum().item()) == (70, 70)


@pytest.mark.parametrize(("temporal", "channels"), [(True, 12), (False, 6)])
def test_input_channels_of_the_ablations(temporal: bool, channels: int) -> None:
    assert DiscriminatorConfig(temporal=temporal).input_channels == channels


def test_input_is_labels_in_the_papers_range_then_images() -> None:
    labels = [torch.full((1, 3, 2, 2), value) for value in (-1.0, 1.0)]
    images = [torch.full((1, 3, 2, 2), value) for value in (-0.5, 0.25)]
    joined = discriminator_input(labels, images)
    assert joined[0, :, 0, 0].tolist() == [0.0] * 3 + [1.0] * 3 + [-0.5] * 3 + [0.25] * 3
    assert discriminator_input(labels[:1], images[:1]).shape == (1, 6, 2, 2)
    with pytest.raises(ValueError, match="2 labels and 1 images"):
        discriminator_input(labels, images[:1])


def test_trained_scales_become_the_coarse_ones() -> None:
    trained, grown = toy(2), toy(3)
    fresh = {name: value.clone() for name, value in grown.scales[2].state_dict().items()}
    names = transplant_scales(trained, grown)
    assert len(names) == 2 * 10
    assert {name.split(".")[1] for name in names} == {"0", "1"}
    for name in names:
        assert torch.equal(grown.state_dict()[name], trained.state_dict()[name]), name
    for name, value in grown.scales[2].state_dict().items():
        assert torch.equal(value, fresh[name]), name


def test_after_growing_the_old_scales_judge_the_halved_picture_as_before() -> None:
    trained, grown = toy(2), toy(3)
    transplant_scales(trained, grown)
    picture = torch.randn(1, 12, 128, 96)
    halved = torch.nn.functional.avg_pool2d(picture, 3, 2, 1, count_include_pad=False)
    for old, new in zip(trained(halved), grown(picture)[1:], strict=True):
        for before, after in zip(old, new, strict=True):
            torch.testing.assert_close(before, after)


def test_fewer_scales_cannot_take_more() -> None:
    with pytest.raises(ValueError, match="3 scales into 2"):
        transplant_scales(toy(3), toy(2))
