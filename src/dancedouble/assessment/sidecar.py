"""The JSON beside a result: what it is, how it was made, and which of its frames ask for what was never filmed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dancedouble.assessment.notes import read_note
from dancedouble.coverage.check import CoverageReport
from dancedouble.files import write_atomically

FORMAT, VERSION = "dancedouble-result", 1


@dataclass(frozen=True, kw_only=True)
class FrameSpan:
    """Frames of a result, first to last, that share a reason."""

    first: int
    last: int
    reason: str


def sidecar_of(output: Path) -> Path:
    """``dance.mp4`` and the folder ``dance`` → ``dance.json``; ``dance.mov`` → ``dance.mov.json``."""
    return (
        output.with_suffix(".json")
        if output.suffix.lower() in ("", ".mp4")
        else output.with_name(f"{output.name}.json")
    )


def flagged_frames(reasons: tuple[str | None, ...], first: int = 0) -> list[FrameSpan]:
    """Runs of frames with the same reason, counted from ``first``."""
    spans: list[FrameSpan] = []
    for frame, reason in enumerate(reasons, start=first):
        if reason is None:
            continue
        if spans and spans[-1].last == frame - 1 and spans[-1].reason == reason:
            spans[-1] = FrameSpan(first=spans[-1].first, last=frame, reason=reason)
        else:
            spans.append(FrameSpan(first=frame, last=frame, reason=reason))
    return spans


def write_sidecar(
    output: Path, *, result: dict[str, Any], record: dict[str, Any], coverage: CoverageReport, first: int
) -> list[str]:
    """Write the sidecar; a file of that name that is not one is left alone, and a warning returned instead.

    ``result`` is the JSON of the result, ``record`` what the video carries about itself, ``first`` the number of its
    first frame in the dance. Raises OutputError.
    """
    path = sidecar_of(output)
    if path.exists() and (read_note(path) or {}).get("format") != FORMAT:
        return [f"{path}: is not ours and was left alone, so nothing says which frames were never filmed"]
    flagged = [vars(span) for span in flagged_frames(coverage.reasons, first)]
    content = {
        "format": FORMAT, "version": VERSION, **result, "record": record,
        "coverage": {**coverage.to_dict(), "frames": flagged},
    }  # fmt: skip
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
    return []
