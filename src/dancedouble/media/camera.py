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


@contextmanager
def open_camera(number: int) -> Iterator[tuple[tuple[int, int], Iterator[Picture]]]:
    """The size (height, width) of a camera's frames, and its frames (H, W, 3) uint8 RGB as they are asked for.

    Raises MediaError when there is no such camera or it gives no picture.
    """
    camera = cv2.VideoCapture(number)

    def read() -> Picture | None:
        there, picture = camera.read()
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
    """What ``read`` gave last, each time it is asked for; it is called in a thread, on and on, until it gives None."""
    news = threading.Condition()
    latest: list[Picture | None] = []
    stopped = threading.Event()

    def watch() -> None:
        picture: Picture | None = None
        while not stopped.is_set():
            picture = read()
            with news:
                latest[:] = [picture]
                news.notify()
            if picture is None:
                return

    def frames() -> Iterator[Picture]:
        while True:
            with news:
                news.wait_for(lambda: bool(latest))
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
