"""The plain-language summary: what to film, and what to mend."""

from __future__ import annotations

from collections.abc import Sequence

from dancedouble.coverage.footage import FootageFault

FULLY = 0.98
"""Covered shares from here on are called covered."""
SECONDS_EACH, MOST_SECONDS = 5, 60
"""What to film for each thing that lacks, and at most, in seconds."""
MOST_PHRASES = 4


def phrase(part: str, reason: str) -> str:
    """``("left arm", "above the head")`` → ``left arm above the head``; body and trunk need no name."""
    return reason if part in ("body", "trunk") else f"{part} {reason}"


def advise(covered: float, lacks: Sequence[tuple[str, str, float]], faults: Sequence[FootageFault]) -> str:
    """A few sentences. ``lacks`` are (part, reason, seconds); ``covered`` is 0 to 1."""
    sentences = [
        "All of this dance is covered." if covered >= FULLY else f"{_percent(covered)} of this dance is covered."
    ]
    wanted = _gather(lacks)
    if wanted and covered < FULLY:
        seconds = min(MOST_SECONDS, max(10, SECONDS_EACH * len(wanted)))
        sentences.append(f"Film about {seconds} s more: {'; '.join(wanted[:MOST_PHRASES])}.")
    serious = [fault for fault in faults if fault.severity != "note"]
    sentences += [fault.message for fault in serious]
    return " ".join(sentences)


def _percent(share: float) -> str:
    """Never 100 % for what is not all, nor 0 % for what is something."""
    return f"{min(99, max(1 if share > 0 else 0, round(100 * share)))} %"


def _gather(lacks: Sequence[tuple[str, str, float]]) -> list[str]:
    """What lacks, most seconds first; the same of both arms or both legs said once; side views by the way."""
    seconds: dict[tuple[str, str], float] = {}
    for part, reason, lasting in lacks:
        seconds[part, reason] = seconds.get((part, reason), 0) + lasting
    phrases: dict[str, float] = {}
    for (part, reason), lasting in seconds.items():
        side, _, limb = part.partition(" ")
        other = {"left": "right", "right": "left"}.get(side)
        both = other is not None and (f"{other} {limb}", reason) in seconds
        name = phrase(f"both {limb}s", reason) if both else phrase(part, reason)
        phrases[name] = phrases.get(name, 0) + lasting
    return sorted(phrases, key=lambda name: (-phrases[name], name))
