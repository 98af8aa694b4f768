"""Picture metrics: analytic values, identities, alignment errors, and bad results that must rank worse."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from dancedouble.errors import InputError
from dancedouble.evaluation.boxes import Box, body_box, face_box
from dancedouble.evaluation.frame_metrics import PictureMeter, compare_frames, load_lpips, lpips, psnr, ssim
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.pose.keypoints import empty_poses
from dancedouble.weights import available, weight_path
from synthetic_dancer import SIZE, Stance, Studio, arm_dance, make_pose, make_poses


def noise(seed: int, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3)).astype(np.uint8)


def mean_difference(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().mean(dim=(1, 2, 3))


def test_psnr_of_a_known_error() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    assert psnr(black + np.uint8(5), black) == pytest.approx(20 * np.log10(255 / 5))
    assert psnr(black, black + np.uint8(5)) == pytest.approx(20 * np.log10(255 / 5)), "unsigned overflow"


def test_psnr_of_opposites_is_zero_and_of_equals_is_the_cap() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    assert psnr(black, black + np.uint8(255)) == pytest.approx(0.0)
    assert psnr(black, black) == 100.0


def test_psnr_in_a_mask_sees_only_the_mask() -> None:
    truth = np.zeros((8, 8, 3), np.uint8)
    result = truth.copy()
    result[:4] = 50
    mask = np.zeros((8, 8), bool)
    mask[4:] = True
    assert psnr(result, truth, mask) == 100.0
    assert psnr(result, truth, ~mask) == pytest.approx(20 * np.log10(255 / 50))
    assert np.isnan(psnr(result, truth, np.zeros((8, 8), bool)))


@pytest.mark.parametrize("size", [(64, 64), (48, 91)])
def test_ssim_is_that_of_torchmetrics(size: tuple[int, int]) -> None:
    first, second = noise(0, size), noise(1, size)
    for result in (second, cv2.GaussianBlur(first, (0, 0), 1.5), cv2.addWeighted(first, 0.7, second, 0.3, 5)):
        tensors = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (result, first)]
        expected = structural_similarity_index_measure(*tensors, data_range=1.0)
        assert ssim(result, first) == pytest.approx(float(expected), abs=1e-4)


def test_ssim_identity_symmetry_and_the_constant_picture_formula() -> None:
    first, second = noise(0), noise(1)
    assert ssim(first, first) == pytest.approx(1.0, abs=1e-6)
    assert ssim(first, second) == pytest.approx(ssim(second, first), abs=1e-6)
    assert ssim(first, second) < 0.1
    low, high = np.full((32, 32, 3), 51, np.uint8), np.full((32, 32, 3), 102, np.uint8)
    c1 = 0.01**2
    expected = (2 * 0.2 * 0.4 + c1) / (0.2**2 + 0.4**2 + c1)
    assert ssim(low, high) == pytest.approx(expected, abs=1e-4)


def test_ssim_against_a_plain_computation() -> None:
    first, second = noise(2, (24, 20)), cv2.GaussianBlur(noise(2, (24, 20)), (0, 0), 1.0)
    offsets = np.arange(11) - 5
    line = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    padding = ((5, 5), (5, 5), (0, 0))
    a, b = (np.pad(image.astype(float) / 255, padding, mode="reflect") for image in (first, second))
    total = []
    for y, x, c in np.ndindex(first.shape):
        p, q = a[y : y + 11, x : x + 11, c], b[y : y + 11, x : x + 11, c]
        mp, mq = (window * p).sum(), (window * q).sum()
        vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
        cov = (window * (p - mp) * (q - mq)).sum()
        total.append((2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4)))
    assert ssim(first, second) == pytest.approx(np.mean(total), abs=1e-4)


def test_lpips_gets_rgb_between_minus_one_and_one_at_a_size_the_network_sees() -> None:
    seen: list[Tensor] = []

    def record(a: Tensor, b: Tensor) -> Tensor:
        seen.append(a)
        return mean_difference(a, b)

    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 0] = 255
    assert lpips(red, red, record) == 0.0
    assert seen[0].shape == (1, 3, 64, 96)
    assert seen[0][0, :, 0, 0].tolist() == [1.0, -1.0, -1.0]
    lpips(np.zeros((1024, 512, 3), np.uint8), np.zeros((1024, 512, 3), np.uint8), record)
    assert seen[-1].shape == (1, 3, 512, 256)


def test_boxes_hold_the_pose_with_the_margin_and_stay_in_the_frame() -> None:
    xy, score, _ = make_pose(Stance())
    box = body_box(xy, score, SIZE)
    assert box is not None
    points = xy[score > 0]
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.10 * (high - low).max()
    assert box.left == pytest.approx(low[0] - margin, abs=1.01)
    assert box.bottom == pytest.approx(min(SIZE[0], high[1] + margin), abs=1.01)
    face = face_box(xy, score, SIZE)
    assert face is not None and face.top >= box.top and face.size[0] < 0.5 * box.size[0]
    outside = body_box(xy + 120, score, SIZE)
    assert outside is not None and outside.right == SIZE[1] and outside.bottom == SIZE[0]
    assert body_box(xy + 1000, score, SIZE) is None


def test_no_face_box_from_behind_and_no_box_for_nobody() -> None:
    xy, score, _ = make_pose(Stance())
    behind = score.copy()
    behind[25:95] = 0
    behind[0] = 0
    assert face_box(xy, behind, SIZE) is None
    assert body_box(xy, np.zeros_like(score), SIZE) is None


def test_box_crop() -> None:
    image = np.arange(5 * 7).reshape(5, 7)
    assert Box(2, 1, 6, 4).crop(image).shape == Box(2, 1, 6, 4).size == (3, 4)


POSES = make_poses(arm_dance(12))
TRUTH = Studio().draw_all(POSES)
PICTURES = PictureMeter(perceptual={"difference": mean_difference})


def table(results: list[np.ndarray]) -> FrameTable:
    return compare_frames(iter(results), iter(TRUTH), POSES, meters=[PICTURES])


def test_a_perfect_result() -> None:
    perfect = table(TRUTH)
    assert perfect.mean("body.ssim") == pytest.approx(1.0, abs=1e-5)
    assert perfect.mean("face.psnr") == 100.0
    assert perfect.mean("frame.difference") == 0.0


def test_bad_results_rank_worse_where_they_should() -> None:
    slightly = table([cv2.GaussianBlur(frame, (0, 0), 0.5) for frame in TRUTH])
    blurred = table([cv2.GaussianBlur(frame, (0, 0), 2.5) for frame in TRUTH])
    shifted = table([TRUTH[max(0, i - 1)] for i in range(len(TRUTH))])
    frozen = table([TRUTH[0]] * len(TRUTH))
    recoloured = table([np.ascontiguousarray(frame[..., ::-1]) for frame in TRUTH])
    assert blurred.mean("body.ssim") < slightly.mean("body.ssim") - 0.05
    assert blurred.mean("face.ssim") < slightly.mean("face.ssim") - 0.05
    assert frozen.mean("body.ssim") < shifted.mean("body.ssim") < 0.97
    assert recoloured.mean("body.psnr") < slightly.mean("body.psnr") - 5
    assert recoloured.mean("body.difference") > slightly.mean("body.difference") * 2


def test_paired_difference_is_significant_for_a_worse_result() -> None:
    slightly = table([cv2.GaussianBlur(frame, (0, 0), 0.5) for frame in TRUTH])
    blurred = table([cv2.GaussianBlur(frame, (0, 0), 2.5) for frame in TRUTH])
    assert blurred.difference("body.ssim", slightly).high < 0


def test_frames_without_the_subject_have_no_body_numbers() -> None:
    poses = empty_poses(2, SIZE, POSES.fps)
    measured = compare_frames(TRUTH[:2], TRUTH[:2], poses, meters=[PICTURES])
    assert measured.names == ("frame.ssim", "frame.psnr", "frame.difference")


def test_unequal_lengths_and_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="result ends after 11 frames, expected 12"):
        table(TRUTH[:-1])
    with pytest.raises(InputError, match="goes on after 12 frames"):
        table([*TRUTH, TRUTH[0]])
    with pytest.raises(InputError, match="sizes"):
        table([frame[:-2] for frame in TRUTH])


def test_frames_are_streamed() -> None:
    alive = []

    def stream() -> Iterator[np.ndarray]:
        for frame in TRUTH:
            alive.append(1)
            yield frame.copy()

    class Watch:
        def measure(self, pair: object) -> dict[str, float]:
            return {"frame.read": float(len(alive))}

    read = compare_frames(stream(), TRUTH, POSES, meters=[Watch()])["frame.read"]
    assert read.tolist() == list(range(1, 13))


def test_table_survives_json() -> None:
    original = FrameTable({"body.ssim": np.array([0.5, np.nan, 1.0])})
    again = FrameTable.from_dict(original.to_dict())
    assert original.to_dict()["body.ssim"] == [0.5, None, 1.0]
    np.testing.assert_array_equal(again["body.ssim"], original["body.ssim"])
    with pytest.raises(ValueError, match="one length"):
        FrameTable({"a": np.zeros(2), "b": np.zeros(3)})


def test_torch_is_not_left_in_another_mode() -> None:
    ssim(noise(0), noise(1))
    assert torch.is_grad_enabled()


def plain_lpips_alex(a: Tensor, b: Tensor, weights: dict[str, Tensor]) -> float:
    """LPIPS written out from its definition, for one pair in [-1, 1]."""
    total = 0.0
    mean = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
    maps = [(a - mean) / deviation, (b - mean) / deviation]
    for layer, (stride, padding, pool) in enumerate([(4, 2, 0), (1, 2, 1), (1, 1, 1), (1, 1, 0), (1, 1, 0)]):
        kernel, bias = weights[f"conv{layer}.weight"], weights[f"conv{layer}.bias"]
        maps = [F.max_pool2d(x, 3, 2) if pool else x for x in maps]
        maps = [F.relu(F.conv2d(x, kernel, bias, stride=stride, padding=padding)) for x in maps]
        first, second = (x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10) for x in maps)
        head = weights[f"lin{layer}.weight"].reshape(-1)
        total += float(((first - second) ** 2 * head[None, :, None, None]).sum(1).mean())
    return total


@pytest.mark.weights
def test_lpips_is_lpips_and_ranks_bad_results() -> None:
    if not available("lpips_alexnet"):
        pytest.skip("the LPIPS weights are not here")
    network = load_lpips("alex")
    truth = TRUTH[0]
    blurred = cv2.GaussianBlur(truth, (0, 0), 2.0)
    tensors = [torch.from_numpy(x).permute(2, 0, 1)[None].float() / 127.5 - 1 for x in (blurred, truth)]
    expected = plain_lpips_alex(tensors[0], tensors[1], load_file(weight_path("lpips_alexnet")))
    assert lpips(blurred, truth, network) == pytest.approx(expected, abs=1e-5)
    assert lpips(truth, truth, network) == 0.0
    slightly = lpips(cv2.GaussianBlur(truth, (0, 0), 0.7), truth, network)
    assert 0.005 < slightly < 0.5 * lpips(blurred, truth, network)
