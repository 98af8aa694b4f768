"""Measured methods on disk, so that an evaluation that was killed does not measure them again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from dancedouble.assessment.contenders import Contender, weights_sha256
from dancedouble.assessment.measuring import Album, Measured, open_album
from dancedouble.assessment.trial import Trial
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.report import package_versions
from dancedouble.files import NPZ_ERRORS, atomic_path
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.preparation import WAY


def measured_key(contender: Contender, trial: Trial, detector: LandmarkModel, seed: int) -> str:
    """Changes when anything does that decides what would be measured."""
    person = weights_sha256(contender.record) if contender.record else ""
    return _key(contender.name, contender.settings, person, trial_key(trial), detector, seed, package_versions())


def trial_key(trial: Trial) -> str:
    """Changes when anything does that decides what is learned from, asked for and compared with."""
    poses = (trial.learnable, trial.driving, trial.truth_poses)
    hashes = [hashlib.sha256(each.xy.tobytes()).hexdigest() for each in poses]
    return _key(trial.protocol, trial.first, dict(trial.files), hashes, WAY)


def keep_measured(path: Path, key: str, measured: Measured) -> None:
    """Write numbers and small pictures of a method. Raises OutputError."""
    arrays: dict[str, Any] = {"key": np.array(key), "order": np.array(measured.table.names)}
    arrays |= {f"column.{name}": column for name, column in measured.table.columns.items()}
    arrays |= {f"picture.{i:06d}": np.frombuffer(data, np.uint8) for i, data in enumerate(measured.album.pictures)}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def kept_measured(path: Path, key: str, trial: Trial) -> Measured | None:
    """What :func:`keep_measured` wrote under this very key; None where there is no such thing."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            if str(arrays["key"]) != key:
                return None
            table = FrameTable({str(name): arrays[f"column.{name}"] for name in arrays["order"]})
            album: Album = open_album(trial.truth_poses)
            album.pictures += [arrays[f"picture.{i:06d}"].tobytes() for i in range(len(table))]
    except NPZ_ERRORS:
        return None
    return Measured(table=table, album=album)


def _key(*decisive: Any) -> str:
    return hashlib.sha256(json.dumps(decisive).encode()).hexdigest()
