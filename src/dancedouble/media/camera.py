"""Frames of a camera, always the newest one: who is slower than the camera misses some, and is never late."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import MediaError

Picture = NDArray[np.uint8]
log = logging.getLogger(__name__)
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
            return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8) if there else None
        except cv2.error:  # some drivers' way to say that it was unplugged
            return None

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

    The frames end, so that what was made of them is kept, when it fails or gives nothing for :data:`SILENCE`.
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
        except Exception:
            log.debug("the camera failed", exc_info=True)
        finally:
            tell(None)  # whatever happened: nobody may wait for a camera that is gone

    def frames() -> Iterator[Picture]:
        while True:
            with news:
                picture = latest.pop() if news.wait_for(lambda: bool(latest), timeout=SILENCE) else None
            if picture is None:
                log.warning("the camera gives no more pictures; is it still connected?")
                return
            yield picture

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield frames()
    finally:
        stopped.set()
        thread.join(2)
