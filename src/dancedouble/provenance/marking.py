"""What every output says about itself: that it is synthetic, what made it, of whom, from what."""

from __future__ import annotations

import json
from typing import Any

from dancedouble import __version__
from dancedouble.person import Person

KEY = "dancedouble"
"""Container metadata key of the full record, JSON."""
STATEMENT = "Synthetic: this person did not perform this. Made with dancedouble."


def synthetic_record(person: Person, source: str) -> dict[str, Any]:
    """The record that outputs carry. ``source`` names the driving video or poses, without its folder.

    The words of the consent, which may name people and how to reach them, stay in the person file.
    """
    return {
        "synthetic": True, "generator": f"dancedouble {__version__}", "preset": person.recipe["preset"],
        "source": source, "subject_source_sha256": person.source_sha256,
        "consent": "on record" if person.consent else "none",
    }  # fmt: skip


def container_metadata(record: dict[str, Any]) -> dict[str, str]:
    """The record as container metadata: a sentence for people, JSON for programs."""
    return {"comment": STATEMENT, "description": STATEMENT, KEY: json.dumps(record)}
