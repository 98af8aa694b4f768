"""How the pictures of a film are coded: H.264 that phones play, or ProRes 4444, which holds transparency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
from av.container import OutputContainer
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

_BT709 = 1  # ITU-T H.273: primaries, transfer and matrix have the same number
_RANGE_LIMITED = 1
_SCALING = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INP | Interpolation.ACCURATE_RND


@dataclass(frozen=True, kw_only=True)
class Coding:
    """A kind of film: what is given, how it is coded, what it is kept in. Colours are BT.709 of limited range."""

    films: str
    """What such films are called in errors."""
    container: str
    """FFmpeg's name of the container, and the suffix to choose."""
    suffixes: tuple[str, ...]
    """Names that are taken, in lower case."""
    encoder: str
    options: Mapping[str, str]
    given: str
    """FFmpeg's pixel format of the frames that are written, interleaved."""
    stored: str
    """FFmpeg's pixel format of the frames that are coded."""

    @property
    def channels(self) -> int:
        """Of a frame that is written."""
        return len(VideoFormat(self.given).components)

    def stored_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of coded frames: even where two pixels share a colour, as large as ``size`` elsewhere."""
        stored = VideoFormat(self.stored)
        down, across = 2 // stored.chroma_height(2), 2 // stored.chroma_width(2)
        return -(-size[0] // down) * down, -(-size[1] // across) * across

    def add_stream(self, container: OutputContainer, size: tuple[int, int], fps: Fraction) -> VideoStream:
        """A stream in ``container`` for frames of ``size`` (height, width), at ``fps``."""
        stream = cast(VideoStream, container.add_stream(self.encoder, rate=fps, options=dict(self.options)))
        stream.height, stream.width = self.stored_size(size)
        stream.pix_fmt = self.stored
        context = stream.codec_context
        context.time_base = 1 / fps
        context.color_range = _RANGE_LIMITED
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        return stream

    def convert(self, frame: NDArray[np.uint8], reformatter: VideoReformatter) -> VideoFrame:
        """The picture to code of a written (H, W, :attr:`channels`) uint8 frame; a missing row or column repeats the
        last."""
        height, width = self.stored_size((frame.shape[0], frame.shape[1]))
        below, right = height - frame.shape[0], width - frame.shape[1]
        if below or right:
            frame = np.pad(frame, ((0, below), (0, right), (0, 0)), mode="edge")
        picture = reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(frame), format=self.given),
            format=self.stored,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            dst_colorspace=Colorspace.ITU709,
            interpolation=_SCALING,
        )
        picture.color_primaries = picture.color_trc = _BT709  # ProRes asks the frame, not the stream
        return picture


H264 = Coding(
    films="videos", container="mp4", suffixes=(".mp4", ".m4v", ".mov"),
    encoder="libx264", options={"crf": "18", "preset": "veryfast", "profile": "high"}, given="rgb24", stored="yuv420p",
)  # fmt: skip
PRORES_4444 = Coding(
    films="videos with transparency", container="mov", suffixes=(".mov",),
    encoder="prores_ks", options={"profile": "4444"}, given="rgba", stored="yuva444p10le",
)  # fmt: skip
"""Straight alpha: colours that it is not multiplied into. It is coded without loss, colours with hardly any."""
