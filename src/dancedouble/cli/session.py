"""What every command does around its call of the library: progress, its log, Ctrl-C, consent, errors, exit code."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Self, TypeVar

import typer

from dancedouble.cli.output import Result, print_error, print_result
from dancedouble.cli.progress_view import ProgressView, open_view
from dancedouble.errors import Cancelled, ConsentError, DancedoubleError
from dancedouble.progress import OnProgress, Progress

AnyResult = TypeVar("AnyResult", bound=Result)

QUESTION = "Whose video is this, and did they agree to be learned? (who, how; empty to stop) "


class Interruption:
    """While entered, the first Ctrl-C is a request to stop early and the second one ends the work at once."""

    def __init__(self, view: ProgressView) -> None:
        self.view = view
        self.requested = False
        self.announcer: threading.Thread | None = None
        self.previous: object = None

    def __enter__(self) -> Self:
        # A shell that starts a command in the background makes it ignore Ctrl-C; that is left as it is.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            self.previous = signal.signal(signal.SIGINT, self.first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)  # type: ignore[arg-type]

    def first(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        message = (
            "stopping early at the next step; what is learned so far is kept and used; Ctrl-C again to stop at once"
        )
        # Not from the handler itself: it may have interrupted a write to the same stream.
        self.announcer = threading.Thread(target=self.view.say, args=(message,), daemon=True)
        self.announcer.start()

    def check(self) -> None:
        """Raise Cancelled once for a request; what the library then goes on to do is left to finish."""
        if self.requested:
            self.requested = False
            if self.announcer:
                self.announcer.join()
            raise Cancelled("stopped; what was finished is kept, and the same command goes on from there")


@dataclass(frozen=True, kw_only=True)
class Session:
    """How one command talks: as JSON or prose, with progress or without, with tracebacks or without."""

    json: bool = False
    quiet: bool = False
    debug: bool = False

    def run(self, work: Callable[[OnProgress], AnyResult], describe: Callable[[AnyResult], str]) -> None:
        """Do ``work`` and print its result; a failure becomes one line and an exit code, as typer.Exit."""
        self.finish(lambda: self.perform(work), describe)

    def run_with_consent(
        self,
        work: Callable[[OnProgress, str | None], AnyResult],
        consent: str | None,
        describe: Callable[[AnyResult], str],
    ) -> None:
        """As ``run``; where no consent is on record and somebody is there to be asked, asks once."""

        def attempt() -> AnyResult:
            try:
                return self.perform(lambda on_progress: work(on_progress, consent))
            except ConsentError:
                answer = None if consent else ask_consent()
                if not answer:
                    raise
            return self.perform(lambda on_progress: work(on_progress, answer))

        self.finish(attempt, describe)

    def finish(self, attempt: Callable[[], AnyResult], describe: Callable[[AnyResult], str]) -> None:
        try:
            result = attempt()
        except KeyboardInterrupt:
            self.fail(Cancelled("stopped at once; the same command goes on from what was kept"), code=130)
        except Cancelled as error:
            self.fail(error, code=130)
        except DancedoubleError as error:
            self.fail(error, code=1)
        except Exception as error:
            if self.debug:
                traceback.print_exc()
            self.fail(error, code=1)
        else:
            print_result(result, describe, json=self.json)

    def perform(self, work: Callable[[OnProgress], AnyResult]) -> AnyResult:
        with open_view(quiet=self.quiet) as view, heard_log(view, quiet=self.quiet), Interruption(view) as interruption:

            def on_progress(progress: Progress) -> None:
                view.show(progress)
                interruption.check()

            return work(on_progress)

    def fail(self, error: Exception, *, code: int) -> None:
        print_error(error, json=self.json)
        raise typer.Exit(code) from None


class LogView(logging.Handler):
    """Says what the library logs among the progress."""

    def __init__(self, view: ProgressView) -> None:
        super().__init__()
        self.view = view

    def emit(self, record: logging.LogRecord) -> None:
        """One line for each record."""
        self.view.say(record.getMessage())


@contextmanager
def heard_log(view: ProgressView, *, quiet: bool) -> Iterator[None]:
    """Within, the library's log goes to the view: warnings, and, unless quiet, that weights are fetched."""
    log, handler = logging.getLogger("dancedouble"), LogView(view)
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.WARNING if quiet else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def ask_consent() -> str | None:
    """The answer of the person at the terminal; None when there is none, or no answer."""
    if not sys.stdin.isatty():
        return None
    sys.stderr.write(QUESTION)
    sys.stderr.flush()
    return sys.stdin.readline().strip() or None
