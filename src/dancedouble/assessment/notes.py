"""Small JSON files that assessments leave, read leniently: one that cannot be read is as good as none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_note(path: Path) -> dict[str, Any] | None:
    """The object in a JSON file; None when there is no such file, or something else in it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
