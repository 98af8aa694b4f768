"""Frames of a video, one at a time: upright sRGB at a constant rate, whatever the file's own time stamps
are."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from dancedouble.errors import MediaError
from dancedouble.media import decoding
from dancedouble.media.color import RgbConverter
from dancedouble.media.probing import Footage, survey

_LONGEST_LOSS = Fraction(1)  # seconds of undecodable pictures that are bridged by holding the one before


def read_frames(
    path: Path, *, start: int = 0, stop: int | None = None, fps: Fraction | None = None, every: int = 1
) -> Generator[NDArray[np.uint8]]:
    """Yield frames ``start`` to ``stop`` (exclusive) as (H, W, 3) uint8 RGB, each a fresh array.

    Frame ``i`` is the picture on screen ``i / fps`` after the first one, to half a frame. ``fps`` asks for
    another constant rate than the clip's own; ``start`` and ``stop`` then count frames of that rate.
    ``every`` leaves frames out: only one in so many from ``start`` on is made into a picture. Reading from the middle
    seeks. One frame is held in memory, however long the clip.

    Raises MediaError where :func:`probe` does, and when over a second of pictures does not decode.
    """
    footage = survey(path)
    rate = footage.info.fps if fps is None else Fraction(fps)
    total = footage.timeline.frame_count(rate)
    stop = total if stop is None else min(stop, total)
    if start < 0:
        raise ValueError(f"start must be 0 or more, got {start}")
    return _read(footage, range(start, stop, every), rate)


def _read(footage: Footage, indices: range, rate: Fraction) -> Generator[NDArray[np.uint8]]:
    if not indices:
        return
    path, timeline = footage.info.path, footage.timeline
    converter = RgbConverter(footage.stored_size, footage.orientation)
    with decoding.open_video(path) as (container, stream):
        pictures = _pictures_from(footage, container, stream, timeline.shown_tick(indices[0], rate))
        current, upcoming = None, next(pictures, None)
        image: NDArray[np.uint8] | None = None
        for index in indices:
            latest = timeline.latest_tick(index, rate)
            while upcoming is not None and (current is None or upcoming[0] <= latest):
                current, image, upcoming = upcoming, None, next(pictures, None)
            if current is None:
                raise MediaError(f"{path}: holds no frame that can be decoded; expected a video")
            lost = (timeline.shown_tick(index, rate) - current[0]) * timeline.time_base
            if lost > _LONGEST_LOSS:
                raise MediaError(
                    f"{path}: is damaged: nothing can be decoded after {float(index / rate - lost):.1f} s of "
                    f"{float(footage.info.duration):.1f} s; copy or export it again"
                )
            image = converter.convert(current[1]) if image is None else image.copy()
            yield image


def _pictures_from(
    footage: Footage, container: InputContainer, stream: VideoStream, tick: int
) -> Iterator[tuple[int, VideoFrame]]:
    """(tick, frame) in ascending order, beginning with the picture at ``tick`` or the last one before it."""
    first = int(footage.timeline.ticks[0])
    if not footage.stamped or tick == first:
        yield from _pictures(footage, container, stream)
        return
    # Early: pictures just after an open GOP's key frame need the frames before it, up to 16 of them.
    lead = int(max(Fraction(1, 2), 16 / footage.timeline.fps) / footage.timeline.time_base)
    container.seek(max(first, tick - lead), stream=stream, backward=True)
    pictures = _pictures(footage, container, stream)
    begin = next(pictures, None)
    if begin is None or begin[0] > tick:  # an index that lies: read from the beginning
        container.seek(min(first, 0), stream=stream, backward=True)
        yield from _pictures(footage, container, stream)
        return
    yield begin
    yield from pictures


def _pictures(footage: Footage, container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, VideoFrame]]:
    frames = decoding.decode(footage.info.path, container, stream)
    if not footage.stamped:
        yield from zip(footage.timeline.ticks.tolist(), frames, strict=False)
        return
    latest: int | None = None
    for frame in frames:
        if frame.pts is not None and (latest is None or frame.pts > latest):
            latest = frame.pts
            yield frame.pts, frame
