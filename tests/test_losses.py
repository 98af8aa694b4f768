"""The objectives: known values, batch means, named terms, and that they train a toy of the paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from dancedouble.models.discriminator import (
    DiscriminatorConfig,
    Features,
    MultiScaleDiscriminator,
    PatchDiscriminator,
    discriminator_input,
)
from dancedouble.models.generator import GeneratorConfig, GlobalGenerator
from dancedouble.models.losses import (
    LossWeights,
    discriminator_objective,
    face_discriminator_objective,
    face_generator_objective,
    feature_matching,
    generator_objective,
    least_squares,
    masked_l1,
    ssim_loss,
    total,
)
from dancedouble.models.perceptual import FakeFeatureExtractor, VGGLoss

WEIGHTS = LossWeights()


def pictures(count: int, size: tuple[int, int] = (32, 32), seed: int = 0, channels: int = 3) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.rand(count, channels, *size, generator=source) * 2 - 1


def constant(scores: list[float], feature: float = 0.0, batch: int = 1) -> Features:
    """Features of scales that score everything alike, with four layers of one value before the map."""
    layers = [torch.full((batch, 2, 3, 3), feature)] * 4
    return [[*layers, torch.full((batch, 1, 3, 3), score)] for score in scores]


def mean_distance(image: Tensor, truth: Tensor) -> Tensor:
    return (image - truth).abs().mean(dim=(1, 2, 3))


def test_adversarial_term_is_the_sum_over_scales() -> None:
    assert least_squares(constant([0.5, 0.0, 3.0]), 1.0).item() == pytest.approx(0.25 + 1 + 4)


def test_feature_matching_sums_layers_and_averages_scales() -> None:
    fake, real = constant([0.0, 0.0], feature=1.5), constant([9.0, 9.0], feature=1.0)
    assert feature_matching(fake, real).item() == pytest.approx(4 * 0.5), "the patch map does not count"


def test_feature_matching_gives_the_real_features_no_gradient() -> None:
    fake, real = (constant([0.0], feature=value) for value in (1.0, 0.0))
    fake[0][0], real[0][0] = (maps[0][0].clone().requires_grad_() for maps in (fake, real))
    feature_matching(fake, real).backward()
    assert fake[0][0].grad is not None
    assert real[0][0].grad is None


def test_generator_objective_adds_up_as_in_equation_3() -> None:
    frames, truths = [pictures(1) * 0] * 2, [pictures(1) * 0 + 0.5] * 2
    terms = generator_objective(
        constant([0.0, 0.0], 1.0),
        constant([1.0, 1.0], 0.0),
        frames,
        truths,
        perceptual=mean_distance,
        weights=WEIGHTS,
    )
    values = {name: value.item() for name, value in terms.items()}
    assert values == pytest.approx({"adversarial": 2.0, "feature_matching": 40.0, "perceptual": 5.0})
    assert total(terms).item() == pytest.approx(47.0)


def test_terms_switched_off_are_not_listed() -> None:
    fake, real = constant([0.0]), constant([1.0])
    weights = LossWeights(feature_matching=0, perceptual=0)
    off = generator_objective(fake, real, [], [], perceptual=mean_distance, weights=weights)
    assert list(off) == ["adversarial"]
    without = generator_objective(fake, real, [], [], perceptual=None, weights=WEIGHTS)
    assert list(without) == ["adversarial", "feature_matching"]


def test_discriminator_objective_is_half_real_half_fake() -> None:
    terms = discriminator_objective(fake=constant([0.5, 1.0]), real=constant([0.0, 1.0]))
    assert {name: value.item() for name, value in terms.items()} == pytest.approx({"real": 0.5, "fake": 0.625})


def test_face_objectives_halve_each_frame_and_sum_the_perceptual_term() -> None:
    fakes: list[Features] = [[[torch.zeros(1, 1, 19, 19)]], [[torch.full((1, 1, 19, 19), 3.0)]]]
    reals: list[Features] = [[[torch.ones(1, 1, 19, 19)]], [[torch.full((1, 1, 19, 19), 0.0)]]]
    faces, truths = [pictures(1) * 0] * 2, [pictures(1) * 0 + 0.5] * 2
    terms = face_generator_objective(fakes, faces, truths, perceptual=mean_distance, weights=WEIGHTS)
    assert {name: value.item() for name, value in terms.items()} == pytest.approx(
        {"face_adversarial": 0.5 * (1 + 4), "face_perceptual": 5.0}
    )
    judged = face_discriminator_objective(fakes, reals)
    assert {name: value.item() for name, value in judged.items()} == pytest.approx(
        {"face_real": 0.25, "face_fake": 0.25 * 9}
    )


# -- on pictures ------------------------------------------------------------


def test_masked_l1_looks_through_the_mask_only() -> None:
    image, truth, mask = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), torch.zeros(2, 1, 4, 4)
    truth[0, :, :2] = 0.5
    truth[0, :, 2:] = 9.0
    mask[0, :, :2] = 1
    assert masked_l1(image, truth, mask).item() == pytest.approx(0.25), "sample 0: 0.5, sample 1: empty, 0"
    assert masked_l1(image, truth).item() == pytest.approx(truth.mean().item())


def test_ssim_agrees_with_torchmetrics() -> None:
    truth = torch.nn.functional.avg_pool2d(pictures(3, (60, 44)), 5, 1, 2)
    image = (truth + 0.2 * pictures(3, (60, 44), seed=1)).clamp(-1, 1)
    _, similarity = structural_similarity_index_measure(image, truth, data_range=2.0, return_full_image=True)
    reference = similarity[..., 5:-5, 5:-5].mean().item()
    assert 1 - ssim_loss(image, truth).item() == pytest.approx(reference, abs=1e-4)
    assert ssim_loss(truth, truth).item() == pytest.approx(0, abs=1e-6)


def test_ssim_keeps_its_precision_under_autocast() -> None:
    truth = pictures(1) * 0.02 + 0.9
    image = truth + 0.01 * pictures(1, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = ssim_loss(image, truth)
    torch.testing.assert_close(mixed, ssim_loss(image, truth))


def test_ssim_of_a_mask_counts_what_the_mask_shows() -> None:
    truth = pictures(1, (40, 40))
    image = truth.clone()
    image[..., 20:] = 0
    left, right = torch.zeros(2, 1, 1, 40, 40)
    left[..., :14] = 1
    right[..., 26:] = 1
    assert ssim_loss(image, truth, left).item() == pytest.approx(0, abs=1e-5)
    assert ssim_loss(image, truth, right).item() > 0.5


PICTURE_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "masked_l1": masked_l1,
    "masked_ssim": ssim_loss,
    "l1": lambda image, truth, _: masked_l1(image, truth),
    "ssim": lambda image, truth, _: ssim_loss(image, truth),
}


@pytest.mark.parametrize("name", PICTURE_LOSSES)
def test_picture_loss_of_a_batch_is_the_mean_of_its_samples(name: str) -> None:
    loss = PICTURE_LOSSES[name]
    image, truth = pictures(3), pictures(3, seed=1)
    mask = (pictures(3, seed=2, channels=1) > torch.tensor([-0.9, 0.0, 0.9]).reshape(3, 1, 1, 1)).float()
    singles = [loss(image[i : i + 1], truth[i : i + 1], mask[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(loss(image, truth, mask), torch.stack(singles).mean())


def test_objectives_of_a_batch_are_the_mean_of_their_samples() -> None:
    torch.manual_seed(0)
    judge = MultiScaleDiscriminator(DiscriminatorConfig(width=4))
    distance = VGGLoss(FakeFeatureExtractor())
    labels, frames, truths = ([pictures(3, seed=seed + i) for i in range(2)] for seed in (0, 2, 4))

    def objectives(samples: slice) -> dict[str, Tensor]:
        x, fake, real = ([frame[samples] for frame in part] for part in (labels, frames, truths))
        on_fake, on_real = judge(discriminator_input(x, fake)), judge(discriminator_input(x, real))
        terms = generator_objective(on_fake, on_real, fake, real, perceptual=distance, weights=WEIGHTS)
        return terms | discriminator_objective(on_fake, on_real)

    whole, singles = objectives(slice(0, 3)), [objectives(slice(i, i + 1)) for i in range(3)]
    assert set(whole) == {"adversarial", "feature_matching", "perceptual", "real", "fake"}
    for name, value in whole.items():
        torch.testing.assert_close(value, torch.stack([single[name] for single in singles]).mean(), msg=name)


def test_face_objectives_of_a_batch_are_the_mean_of_their_samples() -> None:
    torch.manual_seed(0)
    judge = PatchDiscriminator(
        6, 4, 3
    )  # the face's own is batch-normalized: samples see each other in it, not in these
    distance = VGGLoss(FakeFeatureExtractor())
    labels, faces, truths = ([pictures(3, seed=seed + i) for i in range(2)] for seed in (0, 2, 4))

    def objectives(samples: slice) -> dict[str, Tensor]:
        x, fake, real = ([frame[samples] for frame in part] for part in (labels, faces, truths))
        on_fake, on_real = ([[judge(torch.cat(pair, 1))] for pair in zip(x, y, strict=True)] for y in (fake, real))
        terms = face_generator_objective(on_fake, fake, real, perceptual=distance, weights=WEIGHTS)
        return terms | face_discriminator_objective(on_fake, on_real)

    whole, singles = objectives(slice(0, 3)), [objectives(slice(i, i + 1)) for i in range(3)]
    assert set(whole) == {"face_adversarial", "face_perceptual", "face_real", "face_fake"}
    for name, value in whole.items():
        torch.testing.assert_close(value, torch.stack([single[name] for single in singles]).mean(), msg=name)


# -- training a toy ---------------------------------------------------------


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Toy networks are faster on one thread, and do not stall when other processes share the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def scene(size: tuple[int, int], moment: int) -> tuple[Tensor, Tensor]:
    """A stick figure at a place that depends on the moment, and the person who stands there, in a room."""
    label = torch.ones(3, *size)
    truth = torch.linspace(-0.8, 0.2, size[1]).expand(3, *size).clone()
    left = 2 + 2 * moment % (size[1] - 12)
    label[0, 6:26, left + 3 : left + 5] = -1
    truth[:, 5:27, left : left + 8] = torch.tensor([0.9, -0.2, -0.9]).reshape(3, 1, 1)
    return label, truth


class Toy:
    """A generator and a discriminator of toy width with the paper's objective and optimisers."""

    def __init__(self, *, temporal: bool = True, size: tuple[int, int] = (32, 32), pairs: int = 1) -> None:
        torch.manual_seed(0)
        self.painter = GlobalGenerator(GeneratorConfig(width=8, downs=2, blocks=2, temporal=temporal))
        self.judge = MultiScaleDiscriminator(DiscriminatorConfig(width=8, temporal=temporal))
        self.distance = VGGLoss(FakeFeatureExtractor())
        frames = 2 if temporal else 1
        scenes = [[scene(size, 3 * pair + frame) for pair in range(pairs)] for frame in range(frames)]
        self.labels, self.truths = ([torch.stack([s[i] for s in frame]) for frame in scenes] for i in (0, 1))
        self.painting = torch.optim.Adam(self.painter.parameters(), 2e-3, betas=(0.5, 0.999))
        self.judging = torch.optim.Adam(self.judge.parameters(), 2e-4, betas=(0.5, 0.999))

    def paint(self) -> list[Tensor]:
        """Both frames, or the one: G(x_0, nothing), G(x_1, G(x_0, nothing))."""
        frames: list[Tensor] = []
        for label in self.labels:
            frames.append(self.painter(label, frames[-1] if frames else None).rgb)
        return frames

    def step_generator(self) -> list[Tensor]:
        frames = self.paint()
        fake, real = (self.judge(discriminator_input(self.labels, part)) for part in (frames, self.truths))
        terms = generator_objective(fake, real, frames, self.truths, perceptual=self.distance, weights=LossWeights())
        self.painting.zero_grad()
        total(terms).backward()
        self.painting.step()
        return [frame.detach() for frame in frames]

    def step_discriminator(self, frames: list[Tensor]) -> None:
        fake, real = (self.judge(discriminator_input(self.labels, part)) for part in (frames, self.truths))
        self.judging.zero_grad()
        total(discriminator_objective(fake, real)).backward()
        self.judging.step()

    def error(self) -> float:
        """Mean absolute error where somebody stands: painting the room alone does not help."""
        with torch.no_grad():
            frames = self.paint()
        here = [(label == -1).any(1, keepdim=True).float() for label in self.labels]
        here = [torch.nn.functional.max_pool2d(mask, 5, 1, 2) for mask in here]
        return torch.stack([masked_l1(*m) for m in zip(frames, self.truths, here, strict=True)]).mean().item()


def copied(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed(network: torch.nn.Module, before: dict[str, Tensor]) -> bool:
    return any(not torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("temporal", [True, False])
def test_each_step_changes_its_own_network_only(temporal: bool) -> None:
    toy = Toy(temporal=temporal)
    painter, judge = copied(toy.painter), copied(toy.judge)
    frames = toy.step_generator()
    assert changed(toy.painter, painter)
    assert not changed(toy.judge, judge)
    painter = copied(toy.painter)
    toy.step_discriminator(frames)
    assert changed(toy.judge, judge)
    assert not changed(toy.painter, painter)


@pytest.mark.parametrize("temporal", [True, False])
def test_a_toy_overfits_four_pairs_in_60_steps(temporal: bool) -> None:
    toy = Toy(temporal=temporal, pairs=4)
    before = toy.error()
    for _ in range(60):
        toy.step_discriminator(toy.step_generator())
    assert toy.error() < 0.35 * before
