"""The small formats people type and read: times, frame ranges, counts."""

from __future__ import annotations

import re
from fractions import Fraction

TIME = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s?)?")
FRAMES = re.compile(r"(\d*):(\d+)")
RATE = re.compile(r"\d+(?:\.\d+)?|\d+/0*[1-9]\d*")
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?|mps|openvino")


def parse_time(text: str) -> float:
    """Seconds in ``90s``, ``10m``, ``1h30m`` or ``600``. ValueError when it is no time, or none at all."""
    found = TIME.fullmatch(text.strip().lower())
    hours, minutes, seconds = (float(part or 0) for part in found.groups()) if found else (0.0, 0.0, 0.0)
    total = 3600 * hours + 60 * minutes + seconds
    if total <= 0:
        raise ValueError(f"{text!r} is not a length of time; write 90s, 10m, 1h30m or a number of seconds")
    return total


def parse_frames(text: str) -> tuple[int, int]:
    """``A:B`` → first frame and the one after the last; ``:B`` from 0. ValueError for anything else."""
    found = FRAMES.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a range of frames; write A:B, for example 0:250")
    start, stop = int(found.group(1) or 0), int(found.group(2))
    if start >= stop:
        raise ValueError(f"{text!r} holds no frame; B is the frame after the last, so it is larger than A")
    return start, stop


def parse_rate(text: str) -> Fraction:
    """Frames a second in ``25``, ``29.97`` or ``30000/1001``. ValueError for anything else.

    Two decimals and more that round a rate of television, as 29.97 and 23.976 do, mean that rate.
    """
    if RATE.fullmatch(text.strip()) is None or (rate := Fraction(text.strip())) == 0:
        raise ValueError(f"{text!r} is not a frame rate; write 25, 29.97 or 30000/1001")
    decimals = len(text.strip().partition(".")[2])
    television = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    return television if decimals >= 2 and round(television, decimals) == rate else rate


def parse_device(text: str) -> str:
    """``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps`` or ``openvino``. ValueError for anything else."""
    if not DEVICE.fullmatch(text):
        raise ValueError(f"{text!r} is not a device; write auto, cpu, cuda, mps or openvino")
    return text


def describe_time(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``2 min 05 s``, ``1 h 02 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def describe_stages(seconds: dict[str, float]) -> str:
    """``2 min 05 s (poses 9.0 s, training 1 min 56 s)``: a total and what it is made of."""
    stages = {stage: spent for stage, spent in seconds.items() if stage != "total"}
    total = describe_time(seconds.get("total", sum(stages.values())))
    if not stages:
        return total
    return f"{total} ({', '.join(f'{stage} {describe_time(spent)}' for stage, spent in stages.items())})"


def one_line(text: str) -> str:
    """``text`` without line breaks: every message of ours is one line."""
    return " ".join(text.split("\n")).strip()
