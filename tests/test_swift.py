"""The fast generator."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dancedouble.models.swift import SwiftConfig, SwiftGenerator, sample_near
from dancedouble.pose.skeleton import POINTS, body
from dancedouble.recipe import LimbInput
from dancedouble.rendering.limb_maps import CHANNELS, limb_maps

SMALL = SwiftConfig(maps=CHANNELS, references=2, width=8, reference_width=4, polish=4)


def inputs(config: SwiftConfig, size: tuple[int, int], batch: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    height, width = size
    return (
        0.9 * torch.rand(batch, config.maps, height // 4, width // 4, generator=generator),  # near no bone
        torch.rand(batch, config.references, 4, height, width, generator=generator),
        torch.rand(batch, 4, height, width, generator=generator),
    )


@pytest.mark.parametrize("size", [(64, 48), (80, 112)])
def test_any_size_in_sixteens_gives_layers_in_range(size: tuple[int, int]) -> None:
    layers = SwiftGenerator(SMALL)(*inputs(SMALL, size, batch=2))
    assert layers.rgb.shape == (2, 3, *size) and layers.alpha.shape == (2, 1, *size)
    assert layers.rgb.abs().max() <= 1 and layers.alpha.min() >= 0 and layers.alpha.max() <= 1
    torch.testing.assert_close(layers.blend.sum(1), torch.ones(2, *size))


def test_no_previous_frame_is_a_grey_one() -> None:
    generator = SwiftGenerator(SMALL).eval()
    maps, references, previous = inputs(SMALL, (64, 48))
    torch.testing.assert_close(
        generator(maps, references).rgb, generator(maps, references, torch.zeros_like(previous)).rgb
    )
    assert not torch.equal(generator(maps, references).rgb, generator(maps, references, previous).rgb)


def test_mixed_precision_does_not_move_pixels() -> None:
    generator = SwiftGenerator(SMALL).eval()
    shown = inputs(SMALL, (16, 640))
    with torch.inference_mode():
        exact = generator(*shown)
        with torch.autocast("cpu", torch.bfloat16):
            short = generator(*shown)
    assert (exact.rgb - short.rgb).abs().mean() < 0.01  # of noise: a pixel beside is another colour altogether


def test_before_training_it_shows_the_best_reference_where_it_covers_and_another_where_not() -> None:
    torch.manual_seed(0)
    generator = SwiftGenerator(SMALL).eval()
    maps, references, _ = inputs(SMALL, (64, 48))
    references[:, 0, 3], references[:, 1, 3] = 1, 0
    references[:, :, 3, :32] = torch.tensor([0.0, 1.0])[None, :, None, None]
    layers = generator(maps, references)
    assert (layers.rgb - references[:, 0, :3])[..., 36:, :].abs().mean() < 0.05
    assert (layers.rgb - references[:, 1, :3])[..., :28, :].abs().mean() < 0.1
    assert layers.alpha.mean() > 0.9
    references[:, :, 3] = 0
    assert generator(maps, references).alpha.mean() < 0.1


def test_polish_changes_nothing_until_it_learns_to() -> None:
    polished = SwiftGenerator(SMALL).eval()
    without = SwiftGenerator(replace(SMALL, polish=0)).eval()
    without.load_state_dict({name: value for name, value in polished.state_dict().items() if "polish" not in name})
    shown = inputs(SMALL, (64, 48))
    before = without(*shown)
    assert torch.equal(polished(*shown).rgb, before.rgb) and torch.equal(polished(*shown).alpha, before.alpha)
    assert polished.polish is not None
    with torch.no_grad():
        polished.polish.change.bias[:12] = 1.5  # type: ignore[index]
        polished.polish.change.bias[12:] = -20  # type: ignore[index]
    after = polished(*shown)
    fresh = 1 - before.blend[:, -2:-1]
    torch.testing.assert_close(after.rgb, (before.rgb + 1.5 * fresh).clamp(-1, 1))
    assert after.alpha.mean() < 0.1 < before.alpha.mean()


def test_polish_does_not_add_up_from_frame_to_frame() -> None:
    generator = SwiftGenerator(SMALL).eval()
    assert generator.polish is not None
    with torch.no_grad():
        generator.leave.bias[2 * 16 : 3 * 16] = 20.0  # type: ignore[index]  # the frame before, nearly alone
        generator.polish.change.bias[:12] = 0.2  # type: ignore[index]
    maps, references, _ = inputs(SMALL, (64, 48))
    references = torch.zeros_like(references)
    seen = torch.zeros(1, 4, 64, 48)
    for _ in range(60):
        layers = generator(maps, references, seen)
        seen = torch.cat([layers.rgb, layers.alpha], 1)
    assert layers.blend[:, -2].min() > 0.9
    assert layers.rgb.abs().max() < 0.25


def bare(maps: Tensor, references: Tensor) -> Tensor:
    """(64, 64) alpha of a generator that has learned to leave everything bare."""
    generator = SwiftGenerator(SMALL).eval()
    with torch.no_grad():
        generator.leave.bias[-16:] = -20.0  # type: ignore[index]
    alpha: Tensor = generator(maps, references).alpha[0, 0]
    return alpha


def maps_of(**points: tuple[float, float]) -> Tensor:
    """Limb maps of a pose of these points alone, for a picture of 64 × 64 pixels of somebody 256 pixels tall."""
    xy, score = np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32)
    for name, place in points.items():
        xy[body(name)], score[body(name)] = place, 1
    return torch.from_numpy(limb_maps(xy / 4, score, (16, 16), 256 / 4))[None]


def test_bones_are_covered_whatever_was_learned() -> None:
    _, references, _ = inputs(SMALL, (64, 64))
    alpha = bare(maps_of(right_shoulder=(10, 20), right_elbow=(40, 20)), references)
    assert alpha[18:22, 12:38].min() == 1
    assert alpha[:14].max() < 0.01 and alpha[26:].max() < 0.01 and alpha[:, 48:].max() < 0.01


def test_a_head_is_covered_where_all_references_show_it() -> None:
    _, references, _ = inputs(SMALL, (64, 64))
    references[:, :, 3] = 1
    references[:, 1, 3, :, 36:] = 0
    alpha = bare(maps_of(neck=(32, 36), nose=(32, 20)), references)
    assert alpha[20:36, 22:28].min() == 1
    assert alpha[:, 40:].max() < 0.01 and alpha[:, :8].max() < 0.01 and alpha[60:].max() < 0.01


def test_offsets_sample_to_the_right_and_below() -> None:
    picture = torch.arange(48.0).view(1, 1, 1, 6, 8)
    offsets = torch.zeros(1, 1, 2, 6, 8)
    torch.testing.assert_close(sample_near(picture, offsets), picture)
    offsets[:, :, 0] = 1
    torch.testing.assert_close(sample_near(picture, offsets)[..., :-1], picture[..., 1:])
    offsets[:, :, 0], offsets[:, :, 1] = 0, 2
    torch.testing.assert_close(sample_near(picture, offsets)[..., :-2, :], picture[..., 2:, :])


def test_it_learns_to_copy_a_reference() -> None:
    torch.manual_seed(0)
    generator = SwiftGenerator(SMALL)
    maps, references, previous = inputs(SMALL, (32, 32), batch=4)
    optimizer = torch.optim.Adam(generator.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        loss = (generator(maps, references, previous).rgb - references[:, 1, :3]).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


def test_a_frame_of_256_by_192_costs_at_most_two_and_a_half_billion_operations() -> None:
    config = SwiftConfig(maps=LimbInput(plate=True).channels)
    with torch.device("meta"):
        generator = SwiftGenerator(config).eval()
        data = [
            torch.empty(1, config.maps, 64, 48),
            torch.empty(1, config.references, 4, 256, 192),
            torch.empty(1, 4, 256, 192),
        ]
        with FlopCounterMode(display=False) as counter:
            generator(*data)
    assert counter.get_total_flops() < 2.5e9
