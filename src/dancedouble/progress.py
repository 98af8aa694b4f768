"""How long work reports itself: a value, a callable that takes it, and a small clock. Nothing here prints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One report. ``done`` and ``total`` count frames, steps or seconds of budget, as ``unit`` says."""

    stage: str
    done: float
    total: float | None = None
    unit: str = "frames"
    seconds: float = 0.0
    message: str = ""
    preview: Path | None = None
    """A picture worth looking at, when there is a new one (RGB PNG)."""

    @property
    def eta(self) -> float | None:
        """Seconds left at the mean speed so far; None before anything is known."""
        if not self.total or self.done <= 0:
            return None
        return max(0.0, self.seconds / self.done * (self.total - self.done))


OnProgress = Callable[[Progress], None]
"""Called with every report. Raise :class:`dancedouble.errors.Cancelled` from it to stop the work."""


def ignore_progress(progress: Progress) -> None:
    """The default callback: says nothing."""


@dataclass
class Stage:
    """A named piece of work with a clock: ``stage.report(done)`` calls back with times filled in."""

    name: str
    on_progress: OnProgress
    total: float | None = None
    unit: str = "frames"
    note: str = ""
    """What it is done to, such as a file's name: the message of reports that have none."""
    started: float = field(default_factory=time.monotonic)

    def report(self, done: float, message: str = "", preview: Path | None = None) -> None:
        """Tell the callback that ``done`` units are finished."""
        self.on_progress(
            Progress(
                stage=self.name, done=done, total=self.total, unit=self.unit,
                seconds=time.monotonic() - self.started, message=message or self.note, preview=preview,
            )
        )  # fmt: skip

    def track(self, items: Iterable[Item], *, each: int = 1) -> Iterator[Item]:
        """Yield ``items``, reporting after each, which counts for ``each`` units."""
        for number, item in enumerate(items, start=1):
            yield item
            done = number * each
            self.report(done if self.total is None else min(done, self.total))
