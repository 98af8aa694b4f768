"""Finished frames → what the user asked for: a film with the dance's sound, or a folder of lossless pictures.

The one place where rendered frames leave the program, and always with a record that says they are synthetic.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dancedouble.capture import check_rate, is_video
from dancedouble.errors import InputError, OutputError
from dancedouble.files import atomic_folder, check_folder, entries, write_atomically
from dancedouble.media.audio import AudioCut, require_sound
from dancedouble.media.image import resize, write_image
from dancedouble.media.video import H264, PRORES_4444, VideoWriter, check_output
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.provenance.marking import STATEMENT, container_metadata
from dancedouble.rendering.stick_figure import draw_stick_figure
from dancedouble.synthesis import Finished

Picture = NDArray[np.uint8]
Layout = Literal["result", "side-by-side", "strip"]
SYNTHETIC = "synthetic.json"
"""The record beside a folder of pictures."""
OPAQUE, TRANSPARENT = ".mp4", ".mov"
"""What films of whole frames and of the person alone are called; each is coded in its own way."""


class PictureFolder:
    """Writes PNG frames named by frame index into a folder, each with a comment that it is synthetic."""

    def __init__(self, path: Path, first: int) -> None:
        self.path, self.index = path, first

    def write(self, frame: Picture) -> None:
        """Add the next frame, RGB or RGBA uint8 HWC."""
        write_image(self.path / f"{self.index:06d}.png", frame, comment=STATEMENT)
        self.index += 1


@contextmanager
def picture_folder(path: Path, first: int, record: dict[str, Any]) -> Iterator[PictureFolder]:
    """A folder of pictures with its record, whole or not at all; replaces one made before."""
    with atomic_folder(path) as part:
        yield PictureFolder(part, first)
        write_atomically(part / SYNTHETIC, json.dumps(record, indent=1).encode())


def open_output(
    output: Path, size: tuple[int, int], fps: Fraction, *, first: int, audio: AudioCut | None, record: dict[str, Any]
) -> AbstractContextManager[VideoWriter | PictureFolder]:
    """A writer of finished frames of ``size`` (height, width): RGB to an ``.mp4``, RGBA to a ``.mov``, either to a
    folder for a name without suffix."""
    if output.suffix:
        coding = PRORES_4444 if output.suffix.lower() == TRANSPARENT else H264
        return VideoWriter(output, size, fps, audio=audio, metadata=container_metadata(record), coding=coding)
    return picture_folder(output, first, record)


def lay_out(
    finished: Finished, layout: Layout, source: Picture | None, figure: Picture | None, *, alpha: bool = False
) -> Picture:
    """One output picture: the result (or the person alone), beside its source, or source, figure, result."""
    if alpha:
        return finished.cut_out()
    if layout == "result":
        return finished.frame
    height = finished.frame.shape[0]
    beside = [source] if layout == "side-by-side" else [source, figure]
    panels = [_to_height(panel, height) for panel in beside if panel is not None]
    return np.concatenate([*panels, finished.frame], axis=1)


def laid_out_size(size: tuple[int, int], source_size: tuple[int, int] | None, layout: Layout) -> tuple[int, int]:
    """(height, width) of what :func:`lay_out` makes of frames of ``size`` and sources of ``source_size``."""
    panels = 0 if source_size is None or layout == "result" else _width_at(source_size, size[0])
    return size[0], size[1] + panels + (size[1] if layout == "strip" else 0)


def figure_frames(poses: PoseSequence) -> Iterator[Picture]:
    """The stick figures of poses, as people look at them: on black, at the frame's size."""
    for xy, score in zip(poses.xy, poses.score, strict=True):
        yield draw_stick_figure(xy, score, poses.size, canvas="black")


def check_request(
    output: Path, layout: Layout, *, source: Path, sound: Path | None, fps: Fraction | None, inputs: Iterable[Path],
    alpha: bool = False,
) -> None:  # fmt: skip
    """Before any work is done: raise OutputError where ``output`` cannot be written or would overwrite something else,
    InputError for wishes that cannot be met together, or not with this dance ``source`` or with this ``sound``."""
    if output.suffix:
        check_output(output, [source, *inputs, *([] if sound is None else [sound])])
    elif output.exists() and not _replaceable(output):
        raise OutputError(f"{output}: exists and is not a folder of rendered frames; choose another name")
    else:
        check_folder(output)
    if output.suffix:
        _check_film(output, alpha)
    if alpha and layout != "result":
        raise InputError(f"--alpha shows the person alone; leave --layout {layout} out")
    if layout == "side-by-side" and not is_video(source):
        raise InputError(
            "--layout side-by-side needs the source as a video, and it was given as poses; use --layout strip"
        )
    check_rate(source, fps)
    if sound is not None:
        if not output.suffix:
            film = TRANSPARENT if alpha else OPAQUE
            raise InputError(f"{output}: a folder of pictures has no sound; leave --sound out, or name a film, {film}")
        require_sound(sound)


def _check_film(output: Path, alpha: bool) -> None:
    """Raise where films of whole frames, or of the person alone, are not written under this name."""
    suffix, wanted = output.suffix.lower(), TRANSPARENT if alpha else OPAQUE
    choose = f"choose a name that ends in {wanted}, or a folder"
    if alpha and suffix == OPAQUE:
        raise InputError(f"{output}: mp4 cannot hold the transparency of --alpha; {choose}")
    if not alpha and suffix == TRANSPARENT:
        raise OutputError(f"{output}: .mov is for render --alpha, videos are written as .mp4; {choose}")
    if suffix != wanted:
        raise OutputError(f"{output}: videos {'with transparency ' * alpha}are written as {wanted}; {choose}")


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / SYNTHETIC).is_file() or not entries(folder))


def _to_height(picture: Picture, height: int) -> Picture:
    return resize(picture, (height, _width_at((picture.shape[0], picture.shape[1]), height)))


def _width_at(size: tuple[int, int], height: int) -> int:
    return max(1, round(size[1] * height / size[0]))
