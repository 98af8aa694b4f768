"""Finished cells of ``benchmarks/swift.py`` as JSON, and what machine they came from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from dancedouble.assessment.notes import read_note
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.files import write_atomically


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one clip after so many minutes of learning."""

    clip: str
    method: str
    minutes: float
    """0 for what learns nothing."""
    seed: int
    size: int
    """Height in pixels of the picture that is learned, and that is measured."""
    title: str
    synthetic: bool
    tests: dict[str, Any] = field(default_factory=dict)
    """Name → protocol, frames, every (one in so many pictures is measured), columns (per frame)."""
    learned: dict[str, Any] = field(default_factory=dict)
    """Of the learning: commit, machine, others, steps, seconds, frames_per_second, parameters."""
    seconds: dict[str, float] = field(default_factory=dict)
    """What testing took: rendering and measuring, by test."""

    def table(self, test: str) -> FrameTable:
        """The numbers of a test, frame by frame."""
        return FrameTable.from_dict(self.tests[test]["columns"])

    def path(self, folder: Path) -> Path:
        """Where the cell is kept below ``folder``."""
        return cell_path(folder, self.size, self.clip, self.method, self.minutes, self.seed)

    def write(self, folder: Path) -> None:
        """Keep the cell."""
        path = self.path(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(self)).encode())


def cell_path(folder: Path, size: int, clip: str, method: str, minutes: float, seed: int) -> Path:
    """The file of a cell."""
    return folder / f"{size}px" / clip / f"{method}-{minutes:g}min-seed{seed}.json"


def read_cells(folder: Path, size: int) -> list[Cell]:
    """All finished cells of one picture height."""
    notes = (read_note(path) for path in sorted(folder.glob(f"{size}px/*/*.json")))
    return [Cell(**note) for note in notes if note is not None]


# -- the machine --------------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Processor, cores, versions."""
    return {
        "cpu": cpu_model(), "cores": os.cpu_count(), "threads": torch.get_num_threads(), "torch": torch.__version__,
        "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
    }  # fmt: skip


def cpu_model() -> str:
    """The processor's name, as far as the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def commit() -> str:
    """What is checked out here, ``+`` behind it where files differ from it; "unknown" without Git."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(here), *arguments], check=True, capture_output=True, text=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no").strip()
        return git("rev-parse", "--short", "HEAD").strip() + "+" * bool(changed)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


@contextmanager
def watching_others() -> Iterator[dict[str, float]]:
    """Filled at the end: ``wall`` seconds, and ``others``, the cores that other programs kept busy meanwhile."""
    found: dict[str, float] = {}
    busy, own, wall = busy_seconds(), time.process_time(), time.monotonic()
    yield found
    found["wall"] = round(time.monotonic() - wall, 1)
    if busy is not None:
        foreign = (busy_seconds() or 0.0) - busy - (time.process_time() - own)
        found["others"] = round(max(0.0, foreign) / max(found["wall"], 0.1), 2)


def busy_seconds() -> float | None:
    """CPU seconds that all programs of this machine have used; None where the system does not tell."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, *_ = (int(value) for value in fields)
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")
