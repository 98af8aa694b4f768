"""Perceptual distances: properties on random weights, values of the real weights where they are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from dancedouble import perception
from dancedouble.models.perceptual import LPIPS, VGG16, VGG19, AlexNet, FakeFeatureExtractor, VGGLoss
from dancedouble.weights import available, weight_path

ALEX = [(64, 3, 11), (192, 64, 5), (384, 192, 3), (256, 384, 3), (256, 256, 3)]
VGG = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def random_convolutions(shapes: list[tuple[int, int, int]]) -> dict[str, Tensor]:
    source = torch.Generator().manual_seed(0)
    tensors = {}
    for i, (out, channels, side) in enumerate(shapes):
        scale = (2 / (channels * side * side)) ** 0.5
        tensors[f"conv{i}.weight"] = torch.randn(out, channels, side, side, generator=source) * scale
        tensors[f"conv{i}.bias"] = torch.randn(out, generator=source) * 0.01
    return tensors


def vgg_shapes(depth: int, width: int = 2) -> list[tuple[int, int, int]]:
    channels = [3]
    for block, repeats in enumerate(VGG[depth]):
        channels += [width * min(2**block, 8)] * repeats
    return [(after, before, 3) for before, after in pairwise(channels)]


def random_lpips(backbone: str) -> LPIPS:
    shapes = ALEX if backbone == "alex" else vgg_shapes(16)
    tensors = random_convolutions(shapes)
    widths = [64, 192, 384, 256, 256] if backbone == "alex" else [2, 4, 8, 16, 16]
    tensors |= {f"lin{i}.weight": torch.full((1, width, 1, 1), 0.1) for i, width in enumerate(widths)}
    return LPIPS(tensors, "alex" if backbone == "alex" else "vgg")


def pictures(count: int, size: tuple[int, int] = (64, 64), seed: int = 0) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.fixture(params=["alex", "vgg", "fake"])
def distance(request: pytest.FixtureRequest) -> LPIPS | VGGLoss:
    return VGGLoss(FakeFeatureExtractor()) if request.param == "fake" else random_lpips(request.param)


def test_distance_is_zero_to_itself_symmetric_and_per_sample(distance: LPIPS | VGGLoss) -> None:
    a, b = pictures(3), pictures(3, seed=1)
    b[1] = a[1]
    values = distance(a, b)
    assert values.shape == (3,)
    assert values[1] == 0
    assert (values[[0, 2]] > 0).all()
    torch.testing.assert_close(values, distance(b, a))
    torch.testing.assert_close(values[2:], distance(a[2:], b[2:]))


def test_distance_grows_with_blur(distance: LPIPS | VGGLoss) -> None:
    truth = pictures(2)
    blurred = [F.avg_pool2d(truth, side, 1, side // 2, count_include_pad=False) for side in (3, 7)]
    near, far = (distance(image, truth) for image in blurred)
    assert (near < far).all()


def test_weights_are_frozen_and_not_saved(distance: LPIPS | VGGLoss) -> None:
    assert list(distance.parameters()) == []
    assert distance.state_dict() == {}
    assert not any(buffer.requires_grad for buffer in distance.buffers())
    assert distance.double()(pictures(1).double(), pictures(1, seed=1).double()).item() > 0, "buffers move along"


def test_gradient_reaches_the_picture_and_not_the_truth(distance: LPIPS | VGGLoss) -> None:
    image, truth = pictures(1).requires_grad_(), pictures(1, seed=1).requires_grad_()
    distance(image, truth).sum().backward()
    assert image.grad is not None and image.grad.abs().max() > 0
    assert truth.grad is None


def test_truth_can_be_prepared_once(distance: LPIPS | VGGLoss) -> None:
    a, b, truth = pictures(2), pictures(2, seed=1), pictures(2, seed=2)
    prepared = distance.truth(truth)
    torch.testing.assert_close(distance.compare(a, prepared), distance(a, truth))
    torch.testing.assert_close(distance.compare(b, prepared), distance(b, truth))


def test_lpips_gradient_is_finite_where_no_feature_fires() -> None:
    tensors = random_convolutions(ALEX) | {f"conv{i}.bias": torch.full((s[0],), -1e3) for i, s in enumerate(ALEX)}
    tensors |= {f"lin{i}.weight": torch.ones(1, s[0], 1, 1) for i, s in enumerate(ALEX)}
    image = pictures(1).requires_grad_()
    LPIPS(tensors)(image, pictures(1, seed=1)).sum().backward()
    assert image.grad is not None and image.grad.isfinite().all()


def test_vgg_loss_weighs_the_coarsest_features_most() -> None:
    def features(image: Tensor) -> list[Tensor]:
        return [image * 32, image * 16, image * 8, image * 4, image]

    assert VGGLoss(features)(torch.full((1, 3, 4, 4), 0.5), torch.zeros(1, 3, 4, 4)).item() == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("network", "sizes"),
    [
        (VGG16(random_convolutions(vgg_shapes(16))), [64, 32, 16, 8, 4]),
        (VGG19(random_convolutions(vgg_shapes(19))), [64, 32, 16, 8, 4]),
        (AlexNet(random_convolutions(ALEX)), [15, 7, 3, 3, 3]),
    ],
    ids=["vgg16", "vgg19", "alexnet"],
)
def test_feature_sizes(network: VGG16 | VGG19 | AlexNet, sizes: list[int]) -> None:
    assert [f.shape[-1] for f in network(pictures(1))] == sizes


@pytest.mark.parametrize(("depth", "firsts"), [(16, [0, 2, 4, 7, 10]), (19, [0, 2, 4, 8, 12])])
def test_vgg_features_are_the_first_of_each_block(depth: int, firsts: list[int]) -> None:
    tensors = random_convolutions(vgg_shapes(depth))
    network = (VGG16 if depth == 16 else VGG19)(tensors)
    x, expected = pictures(1), []
    for i in range(firsts[-1] + 1):
        if i in firsts[1:] or (i and i - 1 in [f - 1 for f in firsts[1:]]):
            x = F.max_pool2d(x, 2)
        x = F.relu(F.conv2d(x, tensors[f"conv{i}.weight"], tensors[f"conv{i}.bias"], padding=1))
        if i in firsts:
            expected.append(x)
    for ours, plain in zip(network(pictures(1)), expected, strict=True):
        torch.testing.assert_close(ours, plain)


def test_torchvision_names_are_understood() -> None:
    ours = random_convolutions(vgg_shapes(19))
    places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    theirs = {f"features.{place}.{part}": ours[f"conv{i}.{part}"] for i, place in enumerate(places) for part in
              ("weight", "bias")}  # fmt: skip
    theirs["classifier.0.weight"] = torch.zeros(1)
    for a, b in zip(VGG19(ours)(pictures(1)), VGG19(theirs)(pictures(1)), strict=True):
        assert torch.equal(a, b)


def test_too_few_convolutions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 13 convolutions, the weights hold 5"):
        VGG19(random_convolutions(ALEX))


# -- the real weights -------------------------------------------------------


@pytest.mark.weights
@pytest.mark.parametrize(
    ("backbone", "name", "expected"), [("alex", "lpips_alexnet", 0.2971), ("vgg", "lpips_vgg16", 0.5896)]
)
def test_real_lpips_has_the_values_of_an_independent_implementation(
    backbone: Literal["alex", "vgg"], name: str, expected: float
) -> None:
    if not available(name):
        pytest.skip(f"the weights {name} are not on this machine")
    rows, columns = torch.meshgrid(torch.arange(96.0), torch.arange(80.0), indexing="ij")
    waves = torch.stack([torch.sin(rows / 3), torch.cos(columns / 5), torch.sin((rows + columns) / 7)])[None] * 0.8
    lpips = LPIPS(load_file(weight_path(name)), backbone)
    assert lpips(waves, waves.flip(3)).item() == pytest.approx(expected, abs=1e-4)
    assert lpips(waves, waves).item() == 0


def test_the_papers_loss_is_read_from_the_file_that_torchvision_offers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
    ours = random_convolutions(vgg_shapes(19))
    theirs = {
        f"features.{place}.{kind}": ours[f"conv{i}.{kind}"]
        for i, place in enumerate(places)
        for kind in ("weight", "bias")
    }
    torch.save(theirs, tmp_path / "vgg19.pth")
    monkeypatch.setattr(perception, "available", lambda name: name == "vgg19")
    monkeypatch.setattr(perception, "weight_path", lambda name: tmp_path / f"{name}.pth")
    loss, name = perception.load_perceptual("vgg", torch.device("cpu"))
    assert name == "VGG19" and loss is not None
    first, second = pictures(1), -pictures(1)
    assert torch.equal(loss(first, second), VGGLoss(VGG19(ours))(first, second))
