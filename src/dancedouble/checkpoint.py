"""The state of an unfinished training: everything the next step depends on, so a killed run goes on bit for bit.

Random draws depend on the seed and the step alone (see ``dataset.PairSampler``), so no generator state is kept.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from dancedouble.errors import WorkspaceError
from dancedouble.files import atomic_path

VERSION = 1


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, text, lists and dicts of them, atomically. Raises OutputError when it cannot."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        try:
            torch.save({"version": VERSION, **state}, file)
        except RuntimeError as error:  # PyTorch's of its archive, which hides why the file could not be written
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The saved state on the CPU, None when there is none. Raises WorkspaceError when it is damaged."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        if state.pop("version") != VERSION:
            raise ValueError("another version of the format")
    except (RuntimeError, ValueError, KeyError, EOFError, OSError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorkspaceError(f"{path}: damaged checkpoint ({reason}); delete it to train from the start") from error
    return state
