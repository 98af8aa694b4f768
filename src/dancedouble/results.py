"""What the verbs return. Every result is a frozen value whose ``to_dict`` is the JSON that scripts rely on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any


class _Result:
    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: paths and fractions as text."""
        values = asdict(self)  # type: ignore[call-overload]
        return {name: _plain(value) for name, value in values.items()}


@dataclass(frozen=True, kw_only=True)
class PrepareResult(_Result):
    """A prepared workspace."""

    workspace: Path
    frames: int
    usable: int
    """Frames in which the subject is seen."""
    gaps: int
    """Frames without the subject."""
    person_height: float
    """Median height of the subject in pixels."""
    warnings: list[str]
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class TrainResult(_Result):
    """A trained person file."""

    person: Path
    steps: int
    seconds: dict[str, float]
    stopped: bool
    """Whether a cancel ended it early; the person file is usable all the same."""
    losses: dict[str, float]
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class RenderResult(_Result):
    """A rendered video, or folder of frames."""

    output: Path
    frames: int
    fps: Fraction
    seconds: dict[str, float]
    warnings: list[str]
    gaps: int
    """Frames without the dancer, rendered as the empty plate."""


@dataclass(frozen=True, kw_only=True)
class Plan(_Result):
    """How a budget is shared out, in seconds; an estimate made before the work starts."""

    poses: float
    training: float
    rendering: float
    size: int
    """Height in pixels of the picture the subject is learned in."""
    preset: str


@dataclass(frozen=True, kw_only=True)
class TransferResult(RenderResult):
    """The whole job."""

    person: Path
    workspace: Path
    steps: int
    stopped: bool
    plan: Plan


@dataclass(frozen=True, kw_only=True)
class PoseResult(_Result):
    """The poses of one person in a video."""

    output: Path
    frames: int
    gaps: int
    people: int
    """How many people the video shows."""
    seconds: dict[str, float]
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class LiveResult(_Result):
    """What a live performance came to."""

    output: Path | None
    """The video that was written, ``-`` for a stream; None for a window."""
    frames: int
    missed: int
    """Frames that show the empty plate: nobody was there, or not yet measured."""
    fps: float
    """Frames a second that were shown, from the first one on."""
    seconds: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class ExportResult(_Result):
    """A person's networks in another format."""

    output: Path
    """The folder."""
    files: list[str]
    """Names of the files in it."""
    networks: list[str]


@dataclass(frozen=True, kw_only=True)
class PersonListing(_Result):
    """One person of a video, as ``--person N`` counts them."""

    number: int
    share: float
    """Part of the video's frames in which they are seen, 0 to 1."""
    height: float
    """Median height in pixels."""


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """How much of a dance some footage covers."""

    findings: dict[str, Any]
    """``covered``, ``uncovered``, ``footage``, ``summary`` and more: the JSON of ``dancedouble check``."""
    sheet: Path | None
    """The picture that was written; None when nothing lacks, or none was asked for."""
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**self.findings, "sheet": None if self.sheet is None else str(self.sheet), "warnings": self.warnings}


@dataclass(frozen=True, kw_only=True)
class EvaluateResult:
    """An evaluation: its numbers, and where they were written."""

    content: dict[str, Any]
    """The content of ``report.json``."""
    report: Path
    page: Path

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**self.content, "report": str(self.report), "page": str(self.page)}


@dataclass(frozen=True)
class InfoResult:
    """Facts about this installation, or about a file."""

    facts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The facts, JSON-ready."""
        return dict(self.facts)


def _plain(value: Any) -> Any:
    match value:
        case Path() | Fraction():
            return str(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case float():
            return round(value, 4)
        case _:
            return value
