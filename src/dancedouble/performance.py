"""A live performance: a camera or a video in, the double out, until somebody stops it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from dancedouble.errors import Cancelled, OutputError
from dancedouble.live_dance import dance_live
from dancedouble.live_view import STREAM, open_view
from dancedouble.media.camera import open_camera
from dancedouble.media.video import check_output, probe, read_frames
from dancedouble.overlap import read_ahead
from dancedouble.pose.estimator import Frame, PoseEstimator
from dancedouble.pose.normalization import Retarget
from dancedouble.progress import OnProgress, Progress
from dancedouble.results import LiveResult
from dancedouble.synthesis import Synthesizer

CAMERA_FPS = Fraction(15)
"""What a camera's frames are taken to come at: as fast as two cores look and paint. Only steadiness depends on it."""


class Dancer(NamedTuple):
    """Where the dance comes from."""

    name: str
    frames: Iterator[Frame]
    size: tuple[int, int]
    fps: Fraction
    total: int | None
    """Frames, where that is known."""
    is_camera: bool


@contextmanager
def open_dancer(source: Path | int) -> Iterator[Dancer]:
    """A camera by its number, or a video, every frame of it. Raises MediaError."""
    if isinstance(source, int):
        with open_camera(source) as (size, frames):
            yield Dancer(f"camera {source}", frames, size, CAMERA_FPS, None, True)
        return
    info = probe(source)
    yield Dancer(source.name, read_ahead(read_frames(source)), info.size, info.fps, info.frames, False)


def check_live_output(output: Path | None, inputs: list[Path]) -> None:
    """Raise OutputError for a place where no live frames can go, before any work is done."""
    if output is None or output == STREAM:
        return
    if output.suffix.lower() != ".mp4":
        raise OutputError(f"{output}: live frames go to a window, to an .mp4, or with -o - to standard output")
    check_output(output, inputs)


def perform(
    renderer: Synthesizer, dancer: Dancer, estimator: PoseEstimator, output: Path | None, *, retarget: Retarget,
    on_progress: OnProgress,
) -> LiveResult:  # fmt: skip
    """Show the double until the dancer's frames end, the viewer is closed, or ``on_progress`` cancels."""
    person = renderer.person
    started = time.monotonic()
    shown = missed = 0
    first = last = started
    doubles = dance_live(renderer, dancer.frames, dancer.size, dancer.fps, estimator, retarget=retarget)
    with open_view(output, person, dancer.name, dancer.fps, paced=dancer.is_camera) as show:
        try:
            for finished in doubles:
                watched = show(finished.frame)
                last = time.monotonic()
                first = first if shown else last
                shown += 1
                missed += not finished.alpha.any()
                on_progress(Progress(stage="live", done=shown, total=dancer.total, seconds=last - started))
                if not watched:
                    break
        except Cancelled:
            if not shown:
                raise
        finally:
            doubles.close()  # type: ignore[attr-defined]
    fps = (shown - 1) / (last - first) if shown > 1 and last > first else 0.0
    return LiveResult(
        output=output, frames=shown, missed=missed, fps=fps,
        seconds={"starting": first - started, "live": last - first},
    )  # fmt: skip
