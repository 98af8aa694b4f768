"""Memory that is freed is kept for the next frame."""

from __future__ import annotations

import ctypes
import sys
from functools import cache

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""glibc's names and numbers, of ``malloc.h``."""
KEPT = 1 << 28
"""Bytes that may lie unused before they are given back; less than this is asked for and freed with every frame."""
LARGEST = 1 << 26
"""Bytes of a block that is asked from the system by itself, and given back when it is freed: no picture is as large."""


@cache
def keep_freed_memory() -> None:
    """Have the C library keep pictures' worth of freed memory in this process. Does nothing where it is another one.

    Every frame needs the same dozens of pictures of a megabyte or so. glibc gives such blocks back to the system when
    they are freed, and each time they are asked for again the system clears them page by page: a fifth of the time it
    takes to finish a frame.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return
    mallopt(M_TRIM_THRESHOLD, KEPT)
    mallopt(M_MMAP_THRESHOLD, LARGEST)
