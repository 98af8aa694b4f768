"""The source's sound in the result: packets copied as they are where every player knows them, otherwise re-encoded to
AAC, in stereo.

Both tracks are pulled as the video grows, so memory does not grow with length, and both keep exact sync:
packets keep their time stamps minus the cut's start. A cut seldom starts at a packet's edge; the packets
that begin before it get negative time stamps, which mp4 and mov store as an edit list: players decode them and
start to play at the cut.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from dancedouble.errors import MediaError
from dancedouble.media import decoding
from dancedouble.media.probing import survey

log = logging.getLogger(__name__)

# Codecs that phones, browsers and editors all play from an mp4 and a mov. Apple's and Microsoft's players are silent
# where an mp4 holds Opus, browsers where it holds AC-3 or ALAC.
CODECS = frozenset({"aac", "mp3", "mp3float"})
LOWEST_MP3 = 16_000  # Hz
_AAC_RATES = (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
_AAC_BIT_RATE = 192_000
_LONGEST_PRIMING = Fraction(1, 2)  # seconds; encoders' delays are 20 to 160 ms


@dataclass(frozen=True)
class AudioCut:
    """The sound of ``path`` from ``start`` to ``stop``, in seconds of its video: 0 is when frame 0 is
    shown."""

    path: Path
    start: Fraction
    stop: Fraction

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"expected 0 <= start < stop, got {self.start} and {self.stop}")


class AudioTrack(Protocol):
    """Sound for a video that is being written."""

    def advance(self, until: Fraction) -> Iterator[Packet[AudioStream]]:
        """Packets that start before ``until`` (seconds of the output) and were not given before."""
        ...

    def finish(self, end: Fraction) -> Iterator[Packet[AudioStream]]:
        """The remaining packets of an output that is ``end`` seconds long."""
        ...


def require_sound(path: Path) -> None:
    """Before any work is done: raise MediaError where ``path`` is missing, not media, or holds no sound to cut."""
    if not path.exists():
        raise MediaError(f"{path}: no such file; expected a video or a song, whose sound is to be heard")
    with decoding.open_media(path) as source:
        stream = _sound_of(source)
        if stream is None or not stream.sample_rate:
            held = ", ".join(sorted({stream.type for stream in source.streams})) or "nothing"
            raise MediaError(f"{path}: has no sound that can be read (it holds: {held}); expected a file with sound")
        has_video = decoding.find_video_stream(source) is not None
    if has_video:
        survey(path)  # the cut will need its first frame's time


@contextmanager
def open_track(output: OutputContainer, cut: AudioCut) -> Iterator[AudioTrack | None]:
    """Add a stream to ``output`` for ``cut``; None, and no stream, when the file has no sound."""
    with ExitStack() as stack:
        source = stack.enter_context(decoding.open_media(cut.path))
        stream = _sound_of(source)
        if stream is None:
            yield None
            return
        if not stream.sample_rate:
            log.warning("%s: nothing is known of its sound, which is left out", cut.path)
            yield None
            return
        has_video = decoding.find_video_stream(source) is not None
        origin = cut.start + (survey(cut.path).timeline.start_time if has_video else Fraction(0))
        if _known_everywhere(stream):
            yield _CopiedTrack(output, source, stream, cut, origin)
        else:
            yield _EncodedTrack(output, source, stream, cut, origin)


def _sound_of(source: InputContainer) -> AudioStream | None:
    """The first stream of sound that FFmpeg can decode."""
    return next((audio for audio in source.streams.audio if audio.codec_context is not None), None)


def _known_everywhere(stream: AudioStream) -> bool:
    """Whether packets go as they are; MP3 below 16 kHz, which mp4 refuses, does not."""
    name = stream.codec_context.name
    return name in CODECS and not (name.startswith("mp3") and stream.sample_rate < LOWEST_MP3)


class _CopiedTrack:
    def __init__(
        self,
        output: OutputContainer,
        source: InputContainer,
        stream: AudioStream,
        cut: AudioCut,
        origin: Fraction,
    ) -> None:
        self._stream = output.add_stream_from_template(stream)
        self._time_base = Fraction(1, stream.sample_rate)
        self._length = cut.stop - cut.start
        self._packets = self._timed(_packets(source, stream, cut, origin), origin)
        self._held: Packet[AudioStream] | None = None
        self._next = next(self._packets, None)

    def _timed(self, packets: Iterator[Packet[AudioStream]], origin: Fraction) -> Iterator[Packet[AudioStream]]:
        """``packets`` with time stamps of the output. Data stays as it is."""
        latest: int | None = None
        for packet in packets:
            assert packet.pts is not None
            pts = round((packet.pts * packet.time_base - origin) / self._time_base)
            if latest is not None and pts <= latest:
                continue  # a damaged file that runs backwards; mp4 cannot
            latest = pts
            duration = round((packet.duration or 0) * packet.time_base / self._time_base)
            packet.stream = self._stream
            packet.time_base = self._time_base
            packet.pts = packet.dts = pts
            packet.duration = duration
            yield packet

    def advance(self, until: Fraction) -> Iterator[Packet[AudioStream]]:
        limit = min(until, self._length) / self._time_base
        while self._next is not None and self._next.pts is not None and self._next.pts < limit:
            if self._held is not None:
                yield self._held
            # One packet stays in hand: only the end tells whether it is the last.
            self._held, self._next = self._next, next(self._packets, None)

    def finish(self, end: Fraction) -> Iterator[Packet[AudioStream]]:
        yield from self.advance(end)
        last, self._held, self._next = self._held, None, None
        if last is not None and last.pts is not None:
            room = int(min(end, self._length) / self._time_base) - last.pts
            last.duration = max(1, min(last.duration or room, room))
            yield last


class _EncodedTrack:
    def __init__(
        self,
        output: OutputContainer,
        source: InputContainer,
        stream: AudioStream,
        cut: AudioCut,
        origin: Fraction,
    ) -> None:
        self._rate = next((rate for rate in _AAC_RATES if rate <= stream.sample_rate), 8000)
        self._layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
        self._stream = output.add_stream(
            "aac", rate=self._rate, bit_rate=_AAC_BIT_RATE // (2 if self._layout == "mono" else 1)
        )
        self._stream.codec_context.layout = self._layout
        self._length = cut.stop - cut.start
        self._chunks = self._samples(source, stream, cut, origin)
        self._position = 0  # samples handed to the encoder
        self._rest = np.zeros((2 if self._layout == "stereo" else 1, 0), np.float32)

    def _samples(
        self, source: InputContainer, stream: AudioStream, cut: AudioCut, origin: Fraction
    ) -> Iterator[NDArray[np.float32]]:
        """(channels, n) float samples from the cut's start on, gaps filled with silence."""
        kind, resampler = None, AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
        written = 0
        for frame in _audio_frames(source, stream, cut, origin):
            assert frame.time_base is not None
            now = frame.format.name, frame.layout.name, frame.sample_rate
            if kind not in (None, now):  # broadcasts go over from mono to stereo and back
                resampler = AudioResampler(format="fltp", layout=self._layout, rate=self._rate)
            kind = now
            begin = round(((frame.pts or 0) * frame.time_base - origin) * self._rate)
            for resampled in resampler.resample(frame):
                samples = cast(NDArray[np.float32], resampled.to_ndarray())
                missing = begin - written
                if missing > self._rate // 50:  # the sound starts later, or pauses
                    for silent in range(0, missing, self._rate):
                        yield np.zeros((len(samples), min(self._rate, missing - silent)), np.float32)
                    written += missing
                surplus = max(0, -missing) if written == 0 else 0
                samples = samples[:, surplus:]
                begin += surplus + samples.shape[1]
                written += samples.shape[1]
                yield samples

    def advance(self, until: Fraction) -> Iterator[Packet[AudioStream]]:
        limit = int(min(until, self._length) * self._rate)
        while self._position < limit:
            if self._rest.shape[1] == 0:
                chunk = next(self._chunks, None)
                if chunk is None:
                    return
                self._rest = chunk
            part, self._rest = np.split(self._rest, [limit - self._position], axis=1)
            if part.shape[1]:
                yield from self._encode(part)

    def finish(self, end: Fraction) -> Iterator[Packet[AudioStream]]:
        yield from self.advance(end)
        yield from self._stream.encode(None)

    def _encode(self, samples: NDArray[np.float32]) -> Iterator[Packet[AudioStream]]:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=self._layout)
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._position
        self._position += samples.shape[1]
        yield from self._stream.encode(frame)


def _packets(
    source: InputContainer, stream: AudioStream, cut: AudioCut, origin: Fraction
) -> Iterator[Packet[AudioStream]]:
    """Packets that sound from ``origin`` (seconds on the file's clock) on, and the one before it.

    Decoders overlap neighbouring packets, so the first one heard needs the one before. A cut at the very
    start keeps all of the encoder's priming packets: then the whole track is the source's, packet for
    packet.
    """
    before: Packet[AudioStream] | None = None
    for packet in _from(source, stream, origin):
        if packet.size == 0 or packet.pts is None:
            continue
        begin = packet.pts * packet.time_base
        heard = begin + (packet.duration or 0) * packet.time_base > origin
        priming = cut.start == 0 and packet.is_discard and begin >= origin - _LONGEST_PRIMING
        if not (heard or priming):
            before = packet
            continue
        if before is not None:
            yield before
            before = None
        yield packet


def _from(source: InputContainer, stream: AudioStream, origin: Fraction) -> Iterator[Packet[AudioStream]]:
    """Demuxed packets from about a second before ``origin``. What cannot be read any more is reported and
    left out."""
    assert stream.time_base is not None
    begin = origin - 1
    try:
        if begin > 0:
            source.seek(int(begin / stream.time_base), stream=stream, backward=True)
        for number, packet in enumerate(source.demux(stream)):
            late = packet.pts is not None and packet.pts * packet.time_base > origin
            if number == 0 and begin > 0 and late:
                source.seek(0, stream=stream, backward=True)  # an index that lies
                yield from source.demux(stream)
                return
            yield packet
    except (av.FFmpegError, OSError) as error:
        log.warning("%s: the sound is damaged and ends early (%s)", source.name, error)


def _audio_frames(source: InputContainer, stream: AudioStream, cut: AudioCut, origin: Fraction) -> Iterator[AudioFrame]:
    for packet in _from(source, stream, origin):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if frame.pts is None or frame.time_base is None:
                continue
            if frame.pts * frame.time_base + Fraction(frame.samples, frame.sample_rate) > origin:
                yield frame
