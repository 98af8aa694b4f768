"""Frames of a camera, always the newest one: who is slower than the camera misses some, and is never late."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import MediaError

Picture = NDArray[np.uint8]
SILENCE = 5.0
"""Seconds without a picture after which a camera is given up."""


@contextmanager
def open_camera(number: int) -> Iterator[tuple[tuple[int, int], Iterator[Picture]]]:
    """The size (height, width) of a camera's frames, and its frames (H, W, 3) uint8 RGB as they are asked for.

    Raises MediaError when there is no such camera or it gives no picture.
    """
    camera = cv2.VideoCapture(number)

    def read() -> Picture | None:
        try:
            there, picture = camera.read()
        except cv2.error:  # some drivers' way to say that it was unplugged
            return None
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8) if there else None

    try:
        first = read() if camera.isOpened() else None
        if first is None:
            raise MediaError(f"camera {number} gives no picture; is it connected, and not in use by another program?")
        with newest(read) as frames:
            yield first.shape[:2], frames
    finally:
        camera.release()


@contextmanager
def newest(read: Callable[[], Picture | None]) -> Iterator[Iterator[Picture]]:
    """What ``read`` gave last, each time it is asked for; it is called in a thread, on and on, until it gives None.

    The frames raise MediaError when it gives nothing for :data:`SILENCE`.
    """
    news = threading.Condition()
    latest: list[Picture | None] = []
    stopped = threading.Event()

    def tell(picture: Picture | None) -> None:
        with news:
            latest[:] = [picture]
            news.notify()

    def watch() -> None:
        try:
            while not stopped.is_set() and (picture := read()) is not None:
                tell(picture)
        finally:
            tell(None)  # whatever happened: nobody may wait for a camera that is gone

    def frames() -> Iterator[Picture]:
        while True:
            with news:
                if not news.wait_for(lambda: bool(latest), timeout=SILENCE):
                    raise MediaError(f"the camera has given no picture for {SILENCE:.0f} s; is it still connected?")
                picture = latest.pop()
                if picture is None:
                    return
            yield picture

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield frames()
    finally:
        stopped.set()
        thread.join(2)
