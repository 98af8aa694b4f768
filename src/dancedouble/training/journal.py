"""What training leaves behind for people: ``log.jsonl``, a sheet of samples, and TensorBoard's curves on request."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dancedouble.dataset import PairSampler, tensor_to_picture
from dancedouble.errors import MissingExtraError, OutputError
from dancedouble.files import cannot_write
from dancedouble.media.image import write_image
from dancedouble.provenance.marking import STATEMENT
from dancedouble.training.runs import Run

SAMPLES = 4
LOG, SHEET, BOARD = "log.jsonl", "samples.png", "tensorboard"


class Journal:
    """Writes into ``folder``. Only one process may have one that is ``kept``."""

    def __init__(self, folder: Path, *, tensorboard: bool, kept: bool) -> None:
        self.folder, self.kept = folder, kept
        self._board: Any = None
        if tensorboard and kept:
            self._board = _open_board(folder / BOARD)

    def write(self, steps: int, seconds: float, stage: str, losses: dict[str, float]) -> None:
        """Append where training is: one line, and one point of each curve. Raises OutputError."""
        if not self.kept:
            return
        row = {"steps": steps, "seconds": round(seconds, 3), "stage": stage, "losses": losses}
        path = self.folder / LOG
        try:
            with path.open("a") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            raise cannot_write(path, error) from error
        if self._board is not None:
            for name, value in losses.items():
                self._board.add_scalar(f"{stage}/{name}", value, steps)

    def show(self, run: Run, sampler: PairSampler, device: torch.device, steps: int, stage: str) -> Path | None:
        """A sheet of real frames above painted ones, for people to watch it learn."""
        if not self.kept:
            return None
        columns = []
        for row in np.linspace(0, len(sampler) - 1, SAMPLES).astype(int):
            batch = sampler.pair(*sampler.pairs[row])
            painted = tensor_to_picture(run.pictures(batch.to(device))[0])
            columns.append(np.concatenate([tensor_to_picture(batch.image[0, 1]), painted]))
        sheet = np.concatenate(columns, axis=1)
        path = self.folder / SHEET
        with suppress(OutputError):  # a picture for people; where the disk is full, checkpoints say so
            write_image(path, sheet, comment=f"Upper row: footage. Lower row: {STATEMENT}")
        if self._board is not None:
            self._board.add_image(f"{stage}/real above, painted below", sheet, steps, dataformats="HWC")
        return path

    def close(self) -> None:
        """Write out what is still in memory."""
        if self._board is not None:
            self._board.close()


def _open_board(folder: Path) -> Any:
    if find_spec("tensorboard") is None:
        raise MissingExtraError(
            "--tensorboard: the package tensorboard is not installed; run: pip install 'dancedouble[tensorboard]'"
        )
    return import_module("torch.utils.tensorboard").SummaryWriter(str(folder))
