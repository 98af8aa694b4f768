"""Decoded pictures to upright 8-bit sRGB RGB: matrix, range, bit depth, HDR tone mapping, orientation.

HDR (PQ and HLG, Rec. ITU-R BT.2100) is brought to display light in cd/m², compressed with the EETF of Rep.
ITU-R BT.2390 so that 1000 cd/m² becomes the 203 cd/m² of HDR reference white (Rep. BT.2408), and moved from
BT.2020 to sRGB primaries. Skin and everything up to about 95 cd/m² keeps its light; only highlights are
compressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

# ITU-T H.273 code points, which FFmpeg uses as they are.
_TRANSFER_PQ, _TRANSFER_HLG = 16, 18
_PRIMARIES_BT2020 = 9
_RANGE_FULL = 2
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
# Without full chroma and accurate rounding swscale is faster, and darker by 1 to 2 levels of 255.
_SCALING = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND

_BT2020_TO_SRGB = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]],
    np.float32,
)
_BT2020_LUMINANCE = np.array([[0.2627, 0.6780, 0.0593]], np.float32)
_WHITE_NITS, _PEAK_NITS = 203.0, 1000.0
_BAND_ROWS = 64  # tone mapping works on bands that stay in the processor's cache


@dataclass(frozen=True)
class Orientation:
    """How stored pixels become upright ones: first transposed, then mirrored."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def rotation(self) -> int:
        """Degrees clockwise, 0/90/180/270, that turn the stored picture upright (a mirror image aside)."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The upright picture of (H, W, 3) ``image``, contiguous."""
        if self.transpose:
            image = cv2.transpose(image)
        if self.mirror_x and self.mirror_y:
            image = cv2.flip(image, -1)
        elif self.mirror_x:
            image = cv2.flip(image, 1)
        elif self.mirror_y:
            image = cv2.flip(image, 0)
        return np.ascontiguousarray(image)


_TURNED = {
    1: Orientation(transpose=True, mirror_y=True),
    2: Orientation(mirror_x=True, mirror_y=True),
    3: Orientation(transpose=True, mirror_x=True),
}
"""By quarter turns against the clock."""


def read_orientation(frame: VideoFrame) -> Orientation:
    """The orientation of the display matrix that ``frame`` carries; upright when it carries none.

    Of a frame that also carries what PyAV does not know, only how it is turned is told, not whether it is mirrored.
    """
    try:
        attached = list(cast(Iterable[SideData], frame.side_data))
    except ValueError:  # of a kind that PyAV does not know yet, as both eyes of a phone's spatial video have
        return _TURNED.get(round(frame.rotation / 90) % 4, Orientation())
    matrix = next((data for data in attached if data.type.name == "DISPLAYMATRIX"), None)
    if matrix is None:
        return Orientation()
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(matrix)[:36])
    # Stored point (x, y) is shown at (a x + c y, b x + d y). Angles between right angles go to the nearest.
    if abs(b) > abs(a):
        return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)
    return Orientation(mirror_x=a < 0, mirror_y=d < 0)


def square_pixel_width(frame: VideoFrame, aspect: float) -> int:
    """The stored width in square pixels. Ratios within 2 % of 1 are left: they come from rounding, not from
    lenses."""
    return frame.width if abs(aspect - 1) <= 0.02 else max(1, round(frame.width * aspect))


class RgbConverter:
    """Turns decoded frames into (H, W, 3) uint8 sRGB of one size. Keeps its scaler, so use one per
    reading."""

    def __init__(self, stored_size: tuple[int, int], orientation: Orientation) -> None:
        self._height, self._width = stored_size
        self._orientation = orientation
        self._reformatter = VideoReformatter()

    def convert(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """The upright RGB picture of ``frame``."""
        high_dynamic_range = frame.color_trc in (_TRANSFER_PQ, _TRANSFER_HLG)
        converted = self._reformatter.reformat(
            frame,
            width=self._width,
            height=self._height,
            format="rgb48le" if high_dynamic_range else "rgb24",
            src_colorspace=_matrix(frame),
            src_color_range=_range(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=_SCALING,
        )
        pixels = converted.to_ndarray()
        if high_dynamic_range:
            pixels = tone_map(cast(NDArray[np.uint16], pixels), frame.color_trc)
        return self._orientation.apply(cast(NDArray[np.uint8], pixels))


def tone_map(signal: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    """(H, W, 3) 16-bit BT.2020 signal, PQ (``transfer`` 16) or HLG (18), to 8-bit sRGB of the same shape."""
    image = np.empty(signal.shape, np.uint8)
    for top in range(0, len(signal), _BAND_ROWS):
        band = slice(top, top + _BAND_ROWS)
        image[band] = _tone_map_band(signal[band], transfer)
    return image


def _tone_map_band(signal: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    light = np.take(_PQ_LIGHT if transfer == _TRANSFER_PQ else _HLG_SCENE, signal >> 4)
    if transfer == _TRANSFER_HLG:
        # OOTF of BT.2100 for a 1000 cd/m² display: system gamma 1.2 on luminance.
        luminance = np.maximum(cv2.transform(light, _BT2020_LUMINANCE), 1e-6)
        light *= (_PEAK_NITS * luminance**0.2)[..., None]
    # The gain of the brightest component for all three keeps the hue. (max(axis=-1) is thirty times slower.)
    brightest = np.maximum(np.maximum(light[..., 0], light[..., 1]), light[..., 2])
    light *= np.take(_EETF_GAIN, np.sqrt(brightest * _GAIN_SCALE).astype(np.int32), mode="clip")[..., None]
    linear = cv2.transform(light, _BT2020_TO_SRGB)
    codes = (np.clip(linear, 0.0, 1.0) * (len(_SRGB_CODES) - 1) + 0.5).astype(np.int32)
    image: NDArray[np.uint8] = np.take(_SRGB_CODES, codes)
    return image


def _pq_to_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    root = signal ** (1 / 78.84375)
    nits: NDArray[np.float64] = 1e4 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (
        1 / 0.1593017578125
    )
    return nits


def _nits_to_pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    power = (nits / 1e4) ** 0.1593017578125
    signal: NDArray[np.float64] = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return signal


def _hlg_to_scene(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene: NDArray[np.float64] = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return scene


def _eetf(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """BT.2390 section 5.4.1: a Hermite spline from the knee to the target's peak, in PQ relative to the
    source's."""
    peak = _nits_to_pq(np.array(_PEAK_NITS))
    level = np.minimum(_nits_to_pq(nits) / peak, 1.0)
    target = _nits_to_pq(np.array(_WHITE_NITS)) / peak
    knee = 1.5 * target - 0.5
    t = np.clip((level - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * target
    return _pq_to_nits(np.where(level < knee, level, spline) * peak)


def _srgb_codes(steps: int) -> NDArray[np.uint8]:
    linear = np.linspace(0, 1, steps)
    signal = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(signal * 255).astype(np.uint8)


def _matrix(frame: VideoFrame) -> Colorspace:
    """The YCbCr matrix; where the file is silent, BT.709 from high definition up and BT.601 below, as
    players do."""
    if frame.color_primaries == _PRIMARIES_BT2020 and frame.colorspace not in _MATRICES:
        return Colorspace.BT2020
    high_definition = frame.width >= 1280 or frame.height > 576
    return _MATRICES.get(frame.colorspace, Colorspace.ITU709 if high_definition else Colorspace.ITU601)


def _range(frame: VideoFrame) -> ColorRange:
    full = frame.color_range == _RANGE_FULL or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    return ColorRange.JPEG if full else ColorRange.MPEG


_SIGNAL = np.linspace(0, 1, 4096)
_PQ_LIGHT = _pq_to_nits(_SIGNAL).astype(np.float32)
_HLG_SCENE = _hlg_to_scene(_SIGNAL).astype(np.float32)
_BRIGHTEST = 1e4 * np.linspace(1e-4, 1, 8192) ** 2  # cd/m², evenly spaced roots
_GAIN_SCALE = np.float32(8191.0**2 / 1e4)
_EETF_GAIN = (_eetf(_BRIGHTEST) / _BRIGHTEST / _WHITE_NITS).astype(np.float32)
_SRGB_CODES = _srgb_codes(16384)
