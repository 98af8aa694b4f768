"""The generators: the paper's sizes on the meta device, behaviour at toy width."""

from __future__ import annotations

import pytest
import torch

from dancedouble.models.counting import count_flops, count_parameters
from dancedouble.models.generator import (
    GeneratorConfig,
    GlobalGenerator,
    LocalGenerator,
    LocalGeneratorConfig,
    small_generator,
    transplant_trunk,
)
from dancedouble.models.layers import Layers, composite

TOY = GeneratorConfig(width=8, downs=2, blocks=1)
TOY_LOCAL = LocalGeneratorConfig(base=TOY, blocks=1)


def pictures(count: int, size: tuple[int, int], channels: int = 3, seed: int = 0) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, *size, generator=source) * 2 - 1


def toy(kind: str, base: GeneratorConfig = TOY) -> GlobalGenerator | LocalGenerator:
    torch.manual_seed(1)
    if kind == "global":
        return GlobalGenerator(base)
    return LocalGenerator(LocalGeneratorConfig(base=base, blocks=1))


@pytest.fixture(scope="module")
def paper() -> tuple[GlobalGenerator, LocalGenerator]:
    with torch.device("meta"):
        return GlobalGenerator(GeneratorConfig()), LocalGenerator(LocalGeneratorConfig())


def test_parameters_of_the_paper(paper: tuple[GlobalGenerator, LocalGenerator]) -> None:
    assert [count_parameters(network) for network in paper] == [182_452_675, 182_715_939]
    assert len(paper[0].state_dict()) == 56


@pytest.mark.parametrize("size", [(256, 512), (512, 256), (352, 640), (64, 96)])
def test_any_multiple_of_32_landscape_or_portrait(
    paper: tuple[GlobalGenerator, LocalGenerator], size: tuple[int, int]
) -> None:
    frame = torch.empty(1, 3, *size, device="meta")
    for network in paper:
        assert network(frame, frame).rgb.shape == (1, 3, *size)


def test_frame_by_frame_has_three_input_channels() -> None:
    config = GeneratorConfig(temporal=False)
    with torch.device("meta"):
        network = GlobalGenerator(config)
    stem = next(iter(network.parameters()))
    assert config.input_channels == 3
    assert stem.shape == (64, 3, 7, 7)


@pytest.mark.parametrize(
    ("kind", "size", "said"),
    [
        ("global", (30, 32), "multiples of 4"),
        ("local", (32, 36), "multiples of 8"),
        ("global", (4, 32), "from 8"),
    ],
)
def test_sides_that_do_not_fit_are_refused(kind: str, size: tuple[int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        toy(kind)(pictures(1, size), None)


@pytest.mark.parametrize("kind", ["global", "local"])
def test_no_previous_frame_is_the_zero_image(kind: str) -> None:
    network, label = toy(kind), pictures(2, (16, 24))
    torch.testing.assert_close(network(label, None).rgb, network(label, torch.zeros_like(label)).rgb)


@pytest.mark.parametrize("kind", ["global", "local"])
def test_only_temporal_generators_look_back(kind: str) -> None:
    label, previous = pictures(1, (16, 24)), pictures(1, (16, 24), seed=1)
    recurrent = toy(kind)
    assert not torch.equal(recurrent(label, None).rgb, recurrent(label, previous).rgb)
    alone = toy(kind, GeneratorConfig(width=8, downs=2, blocks=1, temporal=False))
    assert torch.equal(alone(label, None).rgb, alone(label, previous).rgb)


def test_label_reaches_the_network_in_the_papers_range() -> None:
    network, seen = toy("global"), []
    network.trunk.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    previous = -torch.ones(1, 3, 16, 16)
    network(torch.tensor([-1.0, 0.0, 1.0]).reshape(1, 3, 1, 1).expand(1, 3, 16, 16), previous)
    assert seen[0][0, :, 5, 5].tolist() == [0.0, 0.5, 1.0, -1.0, -1.0, -1.0]


@pytest.mark.parametrize("kind", ["global", "local"])
def test_alpha_and_rgb_stay_in_range(kind: str) -> None:
    network = toy(kind, GeneratorConfig(width=8, downs=2, blocks=1, alpha=True))
    with torch.no_grad():
        network.head[1].weight.mul_(1e4)
    layers = network(pictures(2, (16, 24)), None)
    assert layers.alpha is not None
    assert layers.alpha.shape == (2, 1, 16, 24)
    assert (layers.alpha.min(), layers.alpha.max()) == (0, 1)
    assert (layers.rgb.min(), layers.rgb.max()) == (-1, 1)


def test_composite_lies_over_the_plate() -> None:
    rgb, plate = torch.ones(2, 3, 4, 4), -torch.ones(1, 3, 4, 4)
    alpha = torch.zeros(2, 1, 4, 4)
    alpha[1, :, 2:] = 1
    alpha[1, :, 1] = 0.75
    frame = composite(Layers(rgb, alpha), plate)
    assert torch.equal(frame[0], plate[0])
    assert frame[1, 0, :, 0].tolist() == [-1, 0.5, 1, 1]
    assert composite(Layers(rgb, None), None) is rgb
    with pytest.raises(ValueError, match="plate"):
        composite(Layers(rgb, alpha), None)


def test_a_shade_is_a_factor_on_the_light_of_the_plate_alone() -> None:
    rgb, plate = torch.ones(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.2)
    alpha, shade = torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 0.5)
    alpha[..., 2:] = 1
    frame = composite(Layers(rgb, alpha, shade=shade), plate)
    torch.testing.assert_close(frame[..., :2], torch.full((1, 3, 4, 2), -0.4))
    torch.testing.assert_close(frame[..., 2:], rgb[..., 2:])


def test_gradient_flows_through_the_previous_frame() -> None:
    network, labels = toy("global"), [pictures(1, (16, 16), seed=i).requires_grad_() for i in range(2)]
    network(labels[1], network(labels[0], None).rgb).rgb.sum().backward()
    assert labels[0].grad is not None
    assert labels[0].grad.abs().max() > 0


def test_local_stage_takes_over_54_of_56_tensors(paper: tuple[GlobalGenerator, LocalGenerator]) -> None:
    trained, grown = paper
    names = transplant_trunk(trained, grown)
    assert len(names) == 54
    assert set(trained.state_dict()) - set(names) == {"head.1.weight", "head.1.bias"}
    assert set(names) < set(grown.state_dict())


def test_transplanted_tensors_are_equal_by_name_and_the_rest_untouched() -> None:
    trained, grown = GlobalGenerator(TOY), LocalGenerator(TOY_LOCAL)
    before = {name: value.clone() for name, value in grown.state_dict().items()}
    names = transplant_trunk(trained, grown)
    for name, value in grown.state_dict().items():
        assert torch.equal(value, trained.state_dict()[name] if name in names else before[name]), name
    with torch.no_grad():
        next(trained.parameters()).zero_()
    assert next(grown.trunk.parameters()).abs().max() > 0, "weights are copied, not shared"


def test_transplant_refuses_another_shape() -> None:
    with pytest.raises(ValueError, match="built on"):
        transplant_trunk(GlobalGenerator(GeneratorConfig(width=16, downs=2, blocks=1)), LocalGenerator(TOY_LOCAL))


def test_weights_start_with_deviation_0_02() -> None:
    torch.manual_seed(0)
    network = GlobalGenerator(GeneratorConfig(width=16, downs=2, blocks=2))
    weights = torch.cat([p.flatten() for name, p in network.named_parameters() if name.endswith("weight")])
    assert weights.mean().abs() < 1e-3
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)


def test_small_generator_is_small() -> None:
    with torch.device("meta"):
        network = GlobalGenerator(small_generator())
    assert count_parameters(network) < 1_000_000
    assert count_flops(network, (1, 3, 256, 192), (1, 3, 256, 192)) < 2.5e9
    assert network.config.alpha


def test_flops_of_one_convolution_are_those_of_its_formula() -> None:
    convolution = torch.nn.Conv2d(3, 8, 3, padding=1, device="meta")
    assert count_flops(convolution, (2, 3, 10, 12)) == 2 * 2 * 8 * 10 * 12 * 3 * 9


@pytest.mark.parametrize("count", [1, 2])
def test_gradients_do_not_depend_on_the_memory_layout(count: int) -> None:
    """With PyTorch's own instance norm they did, for a single sample: see blocks.InstanceNorm."""
    found = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network = toy("local").double().to(memory_format=layout)  # type: ignore[call-overload]
        label, truth = (pictures(count, (16, 24), seed=seed).double() for seed in (1, 2))
        (network(label, None).rgb - truth).square().mean().backward()
        found.append([parameter.grad for parameter in network.parameters()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_instance_norm_is_instance_norm() -> None:
    from dancedouble.models.blocks import InstanceNorm

    x = pictures(2, (8, 6), 5) * 3 + 1
    torch.testing.assert_close(InstanceNorm()(x), torch.nn.InstanceNorm2d(5)(x))
