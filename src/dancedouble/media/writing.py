"""Writing films: coded pictures, the source's sound, and metadata that lasts."""

from __future__ import annotations

import contextlib
import errno
import math
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from dancedouble.errors import OutputError
from dancedouble.files import put_in_place, sweep, temporary_file
from dancedouble.media.audio import AudioCut, AudioTrack, open_track
from dancedouble.media.coding import H264, Coding

_WRITE_ERRORS = (OSError, av.FFmpegError)


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise OutputError when ``path`` is one of ``inputs``, is a folder, or its folder cannot be written."""
    path = Path(path)
    for source in map(Path, inputs):
        if path.exists() and source.exists() and path.samefile(source):
            raise OutputError(f"{path}: is also an input and would be overwritten; choose another name")
    if path.is_dir():
        raise OutputError(f"{path}: is a folder, expected a file name")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} does not exist; create it first")
    trial = folder / f".{path.name}.trial"
    try:
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise _output_error(path, error) from error


def check_video_output(path: Path, inputs: Iterable[Path] = (), *, coding: Coding = H264) -> None:
    """Raise OutputError as :func:`check_output` does, and when the name is not that of a film so coded."""
    if Path(path).suffix.lower() not in coding.suffixes:
        kind = coding.container
        raise OutputError(f"{path}: {coding.films} are written as {kind}; choose a name that ends in .{kind}")
    check_output(path, inputs)


class VideoWriter:
    """Write frames to a film, RGB to an mp4 unless ``coding`` says otherwise; a context manager.

    ``size``: (height, width) of every frame. H.264 4:2:0 needs even sizes: an odd last row or column is
    repeated once, so the file is one pixel larger there (phones ignore croppings finer than two). ``fps``:
    constant rate; the video is exactly ``frames written / fps`` long. ``audio``: the sound to go with it;
    it ends with the video. ``metadata``: any keys; :func:`read_metadata` gives them back. ``coding``: how the
    pictures are coded, which also says whether frames are RGB or RGBA, and what the film may be called.

    The file is made under a temporary name in the same folder and moved into place when the ``with`` block
    ends well; after an error nothing is left. Raises OutputError when it cannot be written: no such folder,
    no permission, disk full, equal to the sound's file.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        *,
        audio: AudioCut | None = None,
        metadata: Mapping[str, str] | None = None,
        coding: Coding = H264,
    ) -> None:
        self.path = Path(path)
        self.size = size
        self.fps = Fraction(fps)
        self.frames = 0
        self._audio = audio
        self._coding = coding
        self._metadata = dict(metadata or {})
        self._part: Path | None = None
        self._resources = ExitStack()
        check_video_output(self.path, [audio.path] if audio else [], coding=coding)

    def __enter__(self) -> VideoWriter:
        try:
            self._open()
        except BaseException as error:
            self._abort()
            if isinstance(error, _WRITE_ERRORS):
                raise _output_error(self.path, error) from error
            raise
        return self

    def _open(self) -> None:
        sweep(self.path)
        self._part = temporary_file(self.path)
        # FFmpeg's own clock of 1 ms would round the video's length.
        timescale = self.fps.numerator * math.ceil(10_000 / self.fps.numerator)
        options = {"movflags": "+faststart+use_metadata_tags", "movie_timescale": str(timescale)}
        self._container: OutputContainer = av.open(
            str(self._part.absolute()), "w", format=self._coding.container, options=options
        )
        self._container.metadata.update(self._metadata)
        self._video = self._coding.add_stream(self._container, self.size, self.fps)
        self._reformatter = VideoReformatter()
        self._track: AudioTrack | None = None
        if self._audio is not None:
            self._track = self._resources.enter_context(open_track(self._container, self._audio))

    def write(self, frame: NDArray[np.uint8]) -> None:
        """Append one uint8 frame of the writer's size, (H, W, 3) RGB or, where the coding is of RGBA, (H, W, 4)."""
        shape = (*self.size, self._coding.channels)
        if frame.shape != shape or frame.dtype != np.uint8:
            raise ValueError(f"expected uint8 of shape {shape}, got {frame.dtype} {frame.shape}")
        try:
            self._container.mux(self._video.encode(self._picture(frame)))
            self.frames += 1
            if self._track is not None:
                for packet in self._track.advance(self.frames / self.fps):
                    self._container.mux_one(packet)
        except _WRITE_ERRORS as error:
            raise _output_error(self.path, error) from error

    def _picture(self, frame: NDArray[np.uint8]) -> VideoFrame:
        picture = self._coding.convert(frame, self._reformatter)
        picture.pts = self.frames
        picture.time_base = 1 / self.fps
        return picture

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._abort()
            return
        try:
            if self.frames == 0:
                raise OutputError(f"{self.path}: no frame was written")
            self._finish()
        except BaseException as failure:
            self._abort()
            if isinstance(failure, _WRITE_ERRORS):
                raise _output_error(self.path, failure) from failure
            raise

    def _finish(self) -> None:
        self._container.mux(self._video.encode(None))
        if self._track is not None:
            for packet in self._track.finish(self.frames / self.fps):
                self._container.mux_one(packet)
        self._container.close()
        self._resources.close()
        assert self._part is not None
        put_in_place(self._part, self.path)

    def _abort(self) -> None:
        with contextlib.suppress(Exception):
            self._container.close()
        with contextlib.suppress(Exception):
            self._resources.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)


def _output_error(path: Path, error: OSError | av.FFmpegError) -> OutputError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutputError(f"{path}: the disk is full; free some space and run the same command again")
    if error.errno == errno.EFBIG:
        return OutputError(f"{path}: the file grew over the size that is allowed here; choose another folder")
    reason = error.strerror or str(error)
    return OutputError(f"{path}: cannot be written ({reason}); choose another folder")
