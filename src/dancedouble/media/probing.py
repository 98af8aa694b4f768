"""What a video is: its upright size, the constant rate it is read at, exactly how many frames that makes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from dancedouble.errors import MediaError
from dancedouble.media import decoding
from dancedouble.media.color import Orientation, read_orientation, square_pixel_width
from dancedouble.media.timeline import Timeline, fit_timeline

_STEP_BACK = 1  # second that a clock may go back from one packet to the next
_MISSING = 1  # seconds that may be missing at the end before a file counts as cut short
_FORMATS_WITH_DURATION = {"matroska", "flv"}  # in the header, not guessed from the file's size
_CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands"}


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """A video as :func:`read_frames` delivers it.

    ``size``: (height, width) in px, upright and in square pixels. ``fps``: the constant rate frames are
    delivered at. ``frames``: exactly how many frames that makes. ``duration``: ``frames / fps`` in seconds.
    ``variable_rate``: whether the file's own time stamps are uneven, so that frames are held or dropped.
    ``rotation``: degrees clockwise by which stored pictures are turned. ``start_time``: seconds on the
    file's clock at which frame 0 is shown.
    """

    path: Path
    size: tuple[int, int]
    fps: Fraction
    frames: int
    duration: Fraction
    variable_rate: bool
    rotation: int
    has_audio: bool
    start_time: Fraction
    codec: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Footage:
    """A probed file, with what reading it needs besides the public :class:`VideoInfo`."""

    info: VideoInfo
    timeline: Timeline
    stored_size: tuple[int, int]
    orientation: Orientation
    stamped: bool
    """Whether packets carry true time stamps. If not, frame k in decoding order is shown at ``timeline.ticks[k]``, and
    seeking is not possible."""


def probe(path: Path) -> VideoInfo:
    """Measure a video: walks all packets, decodes one frame (all of them only where time stamps are missing).

    Raises MediaError for everything that is not a usable video: missing, not a video, no video stream, no
    frames, cut short.
    """
    return survey(path).info


def read_metadata(path: Path) -> dict[str, str]:
    """The container's metadata: title, comment and every other key it holds."""
    with decoding.open_media(path) as container:
        return {key: value for key, value in container.metadata.items() if key not in _CONTAINER_TAGS}


def survey(path: Path) -> Footage:
    """:func:`probe` for readers. Remembered while the file does not change."""
    path = Path(path)
    try:
        state = path.stat()
    except OSError:
        return _survey(path)  # raises the right MediaError
    return _remembered_survey(path, state.st_mtime_ns, state.st_size, state.st_ino)


@functools.lru_cache(maxsize=64)
def _remembered_survey(path: Path, *_: int) -> Footage:
    return _survey(path)


def _survey(path: Path) -> Footage:
    with decoding.open_video(path) as (container, stream):
        first = next(decoding.decode(path, container, stream), None)
        if first is None:
            raise MediaError(f"{path}: holds no frame that can be decoded; expected a video")
        codec = stream.codec_context.name
        aspect = stream.sample_aspect_ratio or Fraction(1)
        has_audio = any(audio.codec_context is not None for audio in container.streams.audio)
    stamped = _packet_timeline(path)
    if stamped is None or stamped.ticks[0] != first.pts:
        stamped, timeline = None, _frame_timeline(path)
    else:
        timeline = stamped
    orientation = read_orientation(first)
    stored = (first.height, square_pixel_width(first, float(aspect)))
    frames = timeline.frame_count(timeline.fps)
    info = VideoInfo(
        path=path,
        size=stored[::-1] if orientation.transpose else stored,
        fps=timeline.fps,
        frames=frames,
        duration=frames / timeline.fps,
        variable_rate=timeline.variable_rate,
        rotation=orientation.rotation,
        has_audio=has_audio,
        start_time=timeline.start_time,
        codec=codec,
    )
    return Footage(
        info=info, timeline=timeline, stored_size=stored, orientation=orientation, stamped=stamped is not None
    )


def _packet_timeline(path: Path) -> Timeline | None:
    """The timeline of the packets' time stamps, without decoding; None where packets have none."""
    with decoding.open_video(path) as (container, stream):
        if container.format.name == "avi":
            return None  # stores no display times; the ones FFmpeg makes up are wrong where pictures are reordered
        ticks: dict[int, int] = {}
        clock: Fraction | None = None
        for packet in decoding.demux(path, container, stream):
            if packet.size == 0:
                continue
            if packet.pts is None:
                return None
            if not packet.is_discard:  # edit lists discard packets that decoding needs but nobody sees
                clock = _next_second(path, clock, packet)
                ticks[packet.pts] = packet.duration or 0
        if not ticks or stream.time_base is None:
            return None
        _check_complete(path, container, stream, max(ticks))
        stamps = np.fromiter(ticks, np.int64, len(ticks))
        return fit_timeline(stamps, stream.time_base, ticks[max(ticks)], stream.guessed_rate)


def _next_second(path: Path, before: Fraction | None, packet: Packet[Stream]) -> Fraction | None:
    """When a packet is decoded, in seconds. Raises MediaError where the clock starts over: what follows was lost."""
    if packet.dts is None:
        return before
    now = packet.dts * packet.time_base
    if before is not None and now < before - _STEP_BACK:
        raise MediaError(
            f"{path}: its clock goes back from {float(before):.1f} s to {float(now):.1f} s, as if pasted together;"
            " export it again in any video editor, or cut it there"
        )
    return now


def _frame_timeline(path: Path) -> Timeline:
    """The timeline of all decoded frames; frames without distinct time stamps are counted at the stated rate."""
    with decoding.open_video(path) as (container, stream):
        stated = stream.guessed_rate or stream.average_rate or Fraction(25)
        stamps = [frame.pts for frame in decoding.decode(path, container, stream)]
        present = {stamp for stamp in stamps if stamp is not None}
        if present and len(present) == len(stamps) and stream.time_base is not None:
            ticks = np.array(sorted(present))
            if container.format.name == "avi":
                ticks -= ticks[0]  # the delay of reordering, which FFmpeg makes up; an AVI starts at 0
            return fit_timeline(ticks, stream.time_base, None, stated)
        return fit_timeline(np.arange(len(stamps)), 1 / stated, 1, stated)


def _check_complete(path: Path, container: InputContainer, stream: VideoStream, last: int) -> None:
    """Raise MediaError where the header promises over a second more than the packets hold: cut short."""
    assert stream.time_base is not None
    there = last * stream.time_base
    if "mp4" in container.format.name:
        index = stream.index_entries
        promised = (
            max((index[i].timestamp for i in range(len(index)) if not index[i].is_discard), default=0)
            * stream.time_base
        )
    elif container.format.name.split(",")[0] in _FORMATS_WITH_DURATION and container.duration:
        promised = Fraction(container.duration, 1_000_000)
        if promised - there > _MISSING:
            there = max(there, _last_stamp(path))  # the sound may be longer than the pictures
    else:
        return
    if promised - there > _MISSING:
        raise MediaError(
            f"{path}: is cut short: {float(there):.1f} s of {float(promised):.1f} s are there; copy or export it again"
        )


def _last_stamp(path: Path) -> Fraction:
    """Seconds on the file's clock at which the last packet of any stream begins."""
    with decoding.open_media(path) as container:
        stamps = (
            packet.pts * packet.time_base
            for packet in decoding.demux(path, container)
            if packet.pts is not None and packet.time_base is not None
        )
        return max(stamps, default=Fraction(0))
