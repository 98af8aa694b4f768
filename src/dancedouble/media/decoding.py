"""Opening media files and walking their packets and frames; FFmpeg's errors become one-line MediaErrors."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dancedouble.errors import MediaError

# FFmpeg "plays" pictures and plain text as well; neither is a video to learn from or to dance to.
_PICTURE_FORMATS = ("image2", "tty", "ico", "apng_still")


@contextmanager
def open_media(path: Path) -> Iterator[InputContainer]:
    """Open any file FFmpeg reads. Raises MediaError when it is missing, a folder, unreadable or not media."""
    path = Path(path)
    try:
        state = path.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MediaError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be reached ({error.strerror}); check the path and its folder") from error
    if stat.S_ISDIR(state.st_mode):
        raise MediaError(f"{path}: is a folder, expected a video file")
    if state.st_size == 0:
        raise MediaError(f"{path}: is empty (0 bytes), expected a video file")
    try:
        container = _open(path)
    except PermissionError as error:
        raise MediaError(f"{path}: may not be read; check its permissions") from error
    except av.error.EOFError as error:
        raise MediaError(f"{path}: holds no frames; expected a video") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        if _is_mp4(path):
            reason = "is cut short: the index that ends an mp4 is missing; copy or export it again"
        else:
            reason = f"is not a video that can be read ({_plain(error)}); expected mp4, mov, mkv, webm, avi …"
        raise MediaError(f"{path}: {reason}") from error
    with container:
        yield container


def _open(path: Path) -> InputContainer:
    # An absolute path cannot be taken for a protocol ("concat:a.mp4").
    try:
        return av.open(str(path.absolute()))
    except UnicodeDecodeError:  # a title in another encoding
        return av.open(str(path.absolute()), metadata_errors="replace")


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open ``path`` and its main video stream, set to decode on all cores."""
    with open_media(path) as container:
        name = container.format.name
        if name in _PICTURE_FORMATS or name.endswith("_pipe"):
            raise MediaError(f"{path}: is a picture or text ({name}), expected a video")
        stream = find_video_stream(container)
        if stream is None:
            held = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
            raise MediaError(f"{path}: has no video stream (it holds: {held}); give a file with pictures")
        stream.thread_type = "AUTO"
        yield container, stream


def find_video_stream(container: InputContainer) -> VideoStream | None:
    """The stream of moving pictures a player would show; cover art does not count."""
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None
    ]
    return max(moving, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height), default=None)


def demux(path: Path, container: InputContainer, *streams: Stream) -> Iterator[Packet[Stream]]:
    """Packets of ``streams`` (all when none is given). The empty ones at the end flush the last frames out."""
    try:
        yield from container.demux(*streams)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path}: is damaged or cut short ({_plain(error)}); copy or export it again") from error


def decode(path: Path, container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in display order. A packet that does not decode is skipped, as players do; readers notice the
    gap."""
    for packet in demux(path, container, stream):
        try:
            frames = packet.decode()
        except (av.error.InvalidDataError, av.error.UndefinedError, av.error.EOFError):
            continue
        except av.FFmpegError as error:
            raise MediaError(f"{path}: cannot be decoded ({_plain(error)})") from error
        yield from cast(list[VideoFrame], frames)


def _is_mp4(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as file:
        return file.read(12)[4:8] == b"ftyp"
    return False


def _plain(error: Exception) -> str:
    """FFmpeg's own words, without the numbers and the path around them."""
    return str(getattr(error, "strerror", None) or error).splitlines()[0]
