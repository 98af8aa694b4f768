"""Small videos and sounds made on the spot for the media tests. Every picture carries its number in large blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

Image = NDArray[np.uint8]
SIZE = (64, 96)  # height, width
BITS = 8
RATE = 44100


def numbered(number: int, size: tuple[int, int] = SIZE) -> Image:
    """A gray picture whose upper half shows ``number`` (0–255) as eight black or white blocks, high bit first."""
    height, width = size
    image = np.full((height, width, 3), 128, np.uint8)
    for bit in range(BITS):
        left, right = bit * width // BITS, (bit + 1) * width // BITS
        image[: height // 2, left:right] = 235 if number >> (BITS - 1 - bit) & 1 else 20
    return image


def read_number(image: Image) -> int:
    """The number of a :func:`numbered` picture of any size, after compression."""
    height, width = image.shape[:2]
    row = image[height // 4, :, 0]
    return sum((int(row[(2 * bit + 1) * width // (2 * BITS)]) > 128) << (BITS - 1 - bit) for bit in range(BITS))


def read_rgba(path: Path) -> Iterator[Image]:
    """The pictures of a film with transparency as editors take them: (H, W, 4), BT.709, alpha not multiplied in."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgba", src_colorspace="ITU709", dst_color_range="JPEG")


def write_video(
    path: Path,
    images: Sequence[Image],
    *,
    rate: Fraction | int = 30,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    rotation: int = 0,
    mirror: bool = False,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    format: str | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    colors: tuple[int, int, int, int] | None = None,
    sound: NDArray[np.float32] | None = None,
    sound_codec: str = "aac",
    sound_rate: int = RATE,
    layout: str = "mono",
) -> Path:
    """Write ``images`` with PyAV alone. ``ticks``: their time stamps in ``time_base``. ``rotation``: degrees
    counter-clockwise in the display matrix. ``colors``: range, primaries, transfer, matrix. ``sound``: (1, n)."""
    with av.open(str(path), "w", format=format, options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options={"g": "12"} | (options or {}))
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if time_base is not None:
            stream.codec_context.time_base = time_base
        if rotation or mirror:
            stream.set_display_rotation(rotation, hflip=mirror)
        if colors is not None:
            context = stream.codec_context
            context.color_range, context.color_primaries, context.color_trc, context.colorspace = colors
        if sound is not None:
            audio = container.add_stream(sound_codec, rate=sound_rate, layout=layout)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = index if ticks is None else ticks[index]
            frame.time_base = time_base if time_base is not None else 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            _write_sound(container, audio, sound)
    return path


def _write_sound(container: OutputContainer, stream: av.audio.stream.AudioStream, sound: NDArray[np.float32]) -> None:
    name = stream.codec_context.format.name
    kind = {"s16": np.int16, "s32": np.int32, "flt": np.float32}[name.removesuffix("p")]
    scale = 1 if kind is np.float32 else np.iinfo(kind).max
    frame = AudioFrame.from_ndarray((sound * scale).astype(kind), format=name, layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = stream.sample_rate, 0, Fraction(1, stream.sample_rate)
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def clicks(seconds: float, every: float, first: float = 0.0) -> NDArray[np.float32]:
    """(1, n) mono sound with a 5 ms burst every ``every`` seconds from ``first`` on, faint noise between.

    The noise makes every packet different from every other.
    """
    noise = np.random.default_rng(0).normal(0, 0.01, (1, round(seconds * RATE)))
    sound = noise.astype(np.float32)
    burst = 0.8 * np.sin(2 * np.pi * 3000 * np.arange(int(0.005 * RATE)) / RATE)
    for time in np.arange(first, seconds - 0.01, every):
        at = round(time * RATE)
        sound[0, at : at + len(burst)] = burst
    return sound


def hear(path: Path) -> NDArray[np.float32]:
    """The sound of ``path`` as players play it, (n,) mono; sample 0 is heard when the video's first frame shows."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        origin = (video.start_time or 0) * video.time_base
        heard = np.zeros(RATE * 60, np.float32)
        end = 0
        for frame in container.decode(audio=0):
            assert frame.sample_rate == RATE
            samples = frame.to_ndarray()
            if samples.dtype.kind == "i":
                samples = samples / np.iinfo(samples.dtype).max
            # The first channel: planar ones are rows, packed ones alternate.
            channels = 1 if frame.format.is_planar else frame.layout.nb_channels
            samples = samples[0].reshape(-1, channels)
            begin = round((frame.pts * frame.time_base - origin) * RATE)
            skip = max(0, -begin)
            mono = samples[skip:, 0]
            heard[begin + skip : begin + skip + len(mono)] = mono
            end = max(end, begin + skip + len(mono))
        return heard[:end]


def click_times(sound: NDArray[np.float32]) -> list[float]:
    """Seconds at which bursts of :func:`clicks` begin, to about 2 ms after lossy coding."""
    loud = np.flatnonzero(np.abs(sound) > 0.3)
    if len(loud) == 0:
        return []
    begins = loud[np.concatenate([[True], np.diff(loud) > RATE // 20])]
    return [float(begin / RATE) for begin in begins]


def audio_packets(path: Path) -> Iterator[Packet[av.audio.stream.AudioStream]]:
    with av.open(str(path)) as container:
        yield from (packet for packet in container.demux(container.streams.audio[0]) if packet.size)


def audio_packet_hashes(path: Path) -> list[str]:
    """A hash of each audio packet's bytes, in order."""
    return [hashlib.sha256(bytes(packet)).hexdigest() for packet in audio_packets(path)]
