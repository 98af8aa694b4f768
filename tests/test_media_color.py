"""Colour: matrices, ranges, bit depths and HDR all come out as the same 8-bit sRGB."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.media.color import tone_map
from dancedouble.media.video import read_frames

COLORS = np.array([[200, 30, 40], [30, 190, 50], [40, 60, 220], [255, 255, 255], [0, 0, 0], [205, 150, 120]], float)
KR_KB = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # ITU-T H.273 matrix: (Kr, Kb)


def _ycbcr(signal: NDArray[np.float64], matrix: int, full: bool, bits: int) -> NDArray[np.uint16]:
    """(n, 3) R'G'B' in 0–1 to integer Y'CbCr, straight from the Recommendations' definitions."""
    kr, kb = KR_KB[matrix]
    luma = signal @ [kr, 1 - kr - kb, kb]
    chroma = np.stack([(signal[:, 2] - luma) / (2 - 2 * kb), (signal[:, 0] - luma) / (2 - 2 * kr)], -1)
    unit = 2 ** (bits - 8)
    if full:
        top = 2**bits - 1
        codes = np.concatenate([luma[:, None] * top, chroma * top + 128 * unit], -1)
    else:
        codes = np.concatenate([(16 + 219 * luma[:, None]) * unit, (128 + 224 * chroma) * unit], -1)
    return np.clip(np.round(codes), 0, 2**bits - 1).astype(np.uint16)


def _write_patches(
    path: Path,
    signal: NDArray[np.float64],
    *,
    matrix: int | None,
    full: bool = False,
    bits: int = 8,
    transfer: int | None = None,
    primaries: int | None = None,
    size: tuple[int, int] = (64, 96),
) -> Path:
    """A lossless clip of upright bars, one per row of ``signal``; None leaves a tag unset."""
    height, width = size
    codes = _ycbcr(signal, matrix or (1 if width >= 1280 or height > 576 else 6), full, bits)
    planes = np.repeat(codes, width // len(codes), axis=0)  # (width, 3)
    name = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.height, stream.width, stream.pix_fmt = height, len(planes), name
        context = stream.codec_context
        context.color_range = 2 if full else 1
        if matrix is not None:
            context.colorspace = matrix
        if transfer is not None:
            context.color_trc = transfer
        if primaries is not None:
            context.color_primaries = primaries
        frame = av.VideoFrame(len(planes), height, name)
        for plane, values in zip(frame.planes, planes.T, strict=True):
            row = values.astype(np.uint8 if bits == 8 else "<u2").tobytes()
            plane.update((row + bytes(plane.line_size - len(row))) * height)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _read_patches(path: Path, count: int) -> NDArray[np.int64]:
    (image,) = read_frames(path)
    step = image.shape[1] // count
    return image[image.shape[0] // 2, step // 2 :: step][:count].astype(int)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", [1, 6], ids=["bt709", "bt601"])
def test_matrix_range_and_depth_do_not_change_the_colour(tmp_path: Path, matrix: int, full: bool, bits: int) -> None:
    path = _write_patches(tmp_path / "clip.mkv", COLORS / 255, matrix=matrix, full=full, bits=bits)
    assert np.abs(_read_patches(path, len(COLORS)) - COLORS).max() <= 2


@pytest.mark.parametrize("size", [(64, 96), (64, 1284), (580, 64)], ids=["small", "high-definition", "upright"])
def test_untagged_video_is_bt601_when_small_and_bt709_when_large(tmp_path: Path, size: tuple[int, int]) -> None:
    path = _write_patches(tmp_path / "clip.mkv", COLORS / 255, matrix=None, size=size)
    assert np.abs(_read_patches(path, len(COLORS)) - COLORS).max() <= 2


def _pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    power = (nits / 10000) ** (2610 / 16384)
    signal: NDArray[np.float64] = ((3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)
    return signal


def _hlg(scene: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


SRGB_TO_BT2020 = np.array(
    [[0.627404, 0.329283, 0.043313], [0.069097, 0.919540, 0.011362], [0.016391, 0.088013, 0.895595]]
)


def _linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("transfer", [16, 18], ids=["pq", "hlg"])
def test_hdr_keeps_colours_below_the_knee(tmp_path: Path, transfer: int) -> None:
    """Display colours up to half of reference white, put into HDR as broadcasters do, come back as they were."""
    colors = np.array([[180, 60, 50], [60, 170, 70], [70, 80, 175], [128, 128, 128], [165, 120, 95], [20, 20, 20]])
    nits = 203 * _linear(colors / 255) @ SRGB_TO_BT2020.T
    assert nits.max() < 95
    if transfer == 16:
        signal = _pq(nits)
    else:  # BT.2100: display light of a 1000 cd/m² screen is 1000 Ys^0.2 E, so E = light / 1000 / Ys^0.2
        display = nits / 1000
        luminance = display @ [0.2627, 0.6780, 0.0593]
        signal = _hlg(display / (luminance ** (0.2 / 1.2))[:, None])
    path = _write_patches(
        tmp_path / "clip.mkv", signal, matrix=9, bits=10, transfer=transfer, primaries=9, size=(64, 96)
    )
    assert np.abs(_read_patches(path, len(colors)) - colors).max() <= 4


@pytest.mark.parametrize("transfer", [16, 18], ids=["pq", "hlg"])
def test_hdr_highlights_are_compressed_not_clipped(transfer: int) -> None:
    signal = np.linspace(0, 1, 4000)
    if transfer == 16:
        signal = signal * _pq(np.array(1000.0))
    codes = np.repeat(np.round(signal * 65535).astype(np.uint16)[None, :, None], 3, axis=2)
    gray = tone_map(codes, transfer)[0].astype(int)
    assert np.ptp(gray, axis=-1).max() <= 1  # gray stays gray
    level = gray[:, 1]
    assert np.diff(level).min() >= -1  # the gain comes from a table: neighbours may round apart
    assert np.diff(level[::40]).min() >= 0
    assert (level[0], level[-1]) == (0, 255)
    white = _pq(np.array(203.0)) if transfer == 16 else 0.75
    assert 220 <= level[np.searchsorted(signal, white)] <= 240  # room for highlights above reference white
    assert len(np.unique(level)) > 240


def test_saturated_hdr_colours_keep_their_hue() -> None:
    red = np.array([[[0.75, 0.25, 0.2]]])
    image = tone_map(np.round(red * 65535).astype(np.uint16), 16)[0, 0].astype(int)
    assert image[0] > 200
    assert max(image[1:]) < 60
