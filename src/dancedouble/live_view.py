"""Where live frames go: a window, a stream of pictures, a video. Each says that what it shows is synthetic."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dancedouble.delivery import open_output
from dancedouble.errors import OutputError
from dancedouble.media.image import resize
from dancedouble.person import Person
from dancedouble.provenance.marking import STATEMENT, synthetic_record

Picture = NDArray[np.uint8]
Show = Callable[[Picture], bool]
"""Shows a frame; False when whoever watches has closed it."""
STREAM = Path("-")
JPEG_QUALITY = 88
MOST_OF_SCREEN = 0.9
"""Share of the screen's height and width that a window takes at most."""


@contextmanager
def open_view(output: Path | None, person: Person, source: str, fps: Fraction, *, paced: bool) -> Iterator[Show]:
    """A window (None), JPEG pictures in a row on standard output (``-``), or an ``.mp4`` at ``fps``.

    ``paced``: frames come when they come, and the video shows each for as long as it lasted. Otherwise a window shows
    them at ``fps``, or as fast as they come where that is slower. Raises OutputError.
    """
    if output is None:
        with _window() as show:
            yield show if paced else _in_time(show, fps)
    elif output == STREAM:
        yield lambda frame: _stream(frame, sys.stdout.buffer)
    else:
        record = synthetic_record(person, source)
        with open_output(output, person.size, fps, first=0, audio=None, record=record) as writer:
            yield _paced(writer.write, fps) if paced else lambda frame: (writer.write(frame), True)[1]


def _paced(write: Callable[[Picture], None], fps: Fraction) -> Show:
    """Write each frame as often as its time in a video of constant rate asks for, which may be not at all."""
    started: list[float] = []
    written = 0

    def show(frame: Picture) -> bool:
        nonlocal written
        now = time.monotonic()
        started.extend([] if started else [now])
        due = int((now - started[0]) * fps) + 1
        while written < due:
            write(frame)
            written += 1
        return True

    return show


def _in_time(show: Show, fps: Fraction) -> Show:
    """Show no frame before its time."""
    due = -math.inf

    def wait(frame: Picture) -> bool:
        nonlocal due
        now = time.monotonic()
        due = max(due + 1 / float(fps), now)
        if due > now:
            time.sleep(due - now)
        return show(frame)

    return wait


def _stream(frame: Picture, out: BinaryIO) -> bool:
    data = BytesIO()
    Image.fromarray(frame).save(data, "JPEG", quality=JPEG_QUALITY, comment=STATEMENT.encode())
    try:
        out.write(data.getvalue())
        out.flush()
    except BrokenPipeError:
        return False
    return True


@contextmanager
def _window() -> Iterator[Show]:
    """A window of Python's own toolkit. Raises OutputError where there is no screen, or no toolkit."""
    try:
        import tkinter
        from tkinter import TclError

        from PIL import ImageTk

        root = tkinter.Tk()
    except ImportError as error:
        raise OutputError(
            "no window can be opened: Python's tkinter is not installed; give -o OUT.mp4, or -o - for a stream"
        ) from error
    except TclError as error:
        raise OutputError(f"no window can be opened ({error}); give -o OUT.mp4, or -o - for a stream") from error
    root.title("dancedouble – synthetic")
    label = tkinter.Label(root)
    label.pack()
    shown: list[Any] = []  # Tk does not keep the picture it shows
    is_open = [True]
    root.protocol("WM_DELETE_WINDOW", lambda: is_open.clear())
    root.bind("<Escape>", lambda _event: is_open.clear())

    screen = (root.winfo_screenheight(), root.winfo_screenwidth())

    def show(frame: Picture) -> bool:
        shown[:] = [ImageTk.PhotoImage(Image.fromarray(_fitted(frame, screen)))]
        label.configure(image=shown[0])
        root.update()
        return bool(is_open)

    try:
        yield show
    finally:
        root.destroy()


def _fitted(frame: Picture, screen: tuple[int, int]) -> Picture:
    """The frame, made smaller where a window of it would not be on the screen as a whole."""
    height, width = frame.shape[:2]
    scale = min(MOST_OF_SCREEN * screen[0] / height, MOST_OF_SCREEN * screen[1] / width)
    return frame if scale >= 1 else resize(frame, (max(1, int(height * scale)), max(1, int(width * scale))))
