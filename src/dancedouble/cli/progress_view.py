"""Progress on stderr: bars with the time left in a terminal, lines elsewhere, nothing when quiet."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

from dancedouble.cli.formats import describe_time, one_line
from dancedouble.progress import Progress

SECONDS_BETWEEN_LINES = 10.0


class ProgressView(AbstractContextManager["ProgressView"], Protocol):
    """Shows reports while it is entered; ``say`` prints a line among them."""

    def show(self, progress: Progress) -> None: ...

    def say(self, line: str) -> None: ...


def open_view(*, quiet: bool) -> ProgressView:
    """The view that suits where stderr goes."""
    if quiet:
        return QuietView()
    return BarView() if sys.stderr.isatty() else LineView()


def count(progress: Progress) -> str:
    """``120/250 frames``, or for a stage measured in time ``1 min 02 s of 8 min 00 s``."""
    if progress.unit in {"s", "seconds"}:
        of = f" of {describe_time(progress.total)}" if progress.total else ""
        return describe_time(progress.done) + of
    if progress.unit == "percent":
        return f"{progress.done:.0f} %"
    of = f"/{progress.total:.0f}" if progress.total else ""
    return f"{progress.done:.0f}{of} {progress.unit}"


def left(progress: Progress) -> str:
    """``12 s left``, nothing before that is known or when there is nothing left."""
    return f"{describe_time(progress.eta)} left" if progress.eta else ""


class QuietView:
    """Shows nothing but what must be said."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, progress: Progress) -> None:
        """Nothing."""

    def say(self, line: str) -> None:
        sys.stderr.write(one_line(line) + "\n")
        sys.stderr.flush()


class LineView(QuietView):
    """One line when a stage starts, when it ends, and about every ten seconds between: for logs and pipes."""

    def __init__(self) -> None:
        self.stage = ""
        self.ended = False
        self.said = 0.0

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage != self.stage:
            self.stage, self.ended = progress.stage, False
        elif progress.preview or announcement(progress):
            pass  # worth a line at once
        elif self.ended or (now - self.said < SECONDS_BETWEEN_LINES and not finished(progress)):
            return
        self.said, self.ended = now, finished(progress)
        if announcement(progress):
            return self.say(progress.message)
        parts = [count(progress), left(progress)]
        if progress.preview:
            parts.append(f"see {progress.preview}")
        self.say(f"{progress.stage}: " + ", ".join(part for part in (*parts, progress.message) if part))


class BarView(QuietView):
    """A bar for each stage, with counts and the time left."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[count]}", style="progress.download", markup=False),
            TextColumn("{task.fields[left]}", style="progress.remaining", markup=False),
            TextColumn("{task.fields[message]}", style="dim", markup=False),
            console=self.console,
        )
        self.tasks: dict[str, TaskID] = {}
        self.done: dict[str, float] = {}
        self.preview = ""

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def show(self, progress: Progress) -> None:
        if announcement(progress):
            return self.say(progress.message)
        if progress.preview and str(progress.preview) != self.preview:
            self.preview = str(progress.preview)
            self.say(f"{progress.stage}: see {self.preview}")
        if progress.stage not in self.tasks or progress.done < self.done[progress.stage]:  # again, for another video
            self.tasks[progress.stage] = self.bars.add_task(progress.stage, total=None, count="", left="", message="")
        self.done[progress.stage] = progress.done
        self.bars.update(
            self.tasks[progress.stage], completed=progress.done, total=progress.total,
            count=count(progress), left=left(progress), message=one_line(progress.message),
        )  # fmt: skip

    def say(self, line: str) -> None:
        self.console.print(Text(one_line(line)), soft_wrap=True)


def announcement(progress: Progress) -> bool:
    """Whether a report only tells something, such as the plan, and measures nothing."""
    return bool(progress.message) and not progress.total and not progress.done


def finished(progress: Progress) -> bool:
    return progress.total is not None and progress.done >= progress.total
