"""How far each moment of a dance is from everything the footage showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dancedouble.coverage.stances import BONES, PARTS, Stances

FREE_TURN, TURN_UNIT = 20.0, 60.0
"""Degrees of turn that cost nothing, and degrees that cost as much as a limb 60° off."""
MOST_FOOTAGE_FRAMES = 1500
"""Longer footage is thinned evenly: neighbouring frames add nothing but time."""
HIDDEN = 1.0
"""What a limb costs that the dance shows and a footage frame hides."""
CHUNK = 64


@dataclass(frozen=True, kw_only=True)
class Distances:
    """For T frames of the dance, against all frames of the footage. NaN where the dance's frame cannot be told."""

    part: dict[str, NDArray[np.float64]]
    """Part → (T,) distance to the nearest footage frame for that part in that facing; 1 is a limb about 60° off."""
    turn: NDArray[np.float64]
    """(T,) degrees to the nearest facing that was filmed."""
    nearest: NDArray[np.intp]
    """(T,) footage frame nearest as a whole, -1 where unknown."""
    whole: NDArray[np.float64]
    """(T,) distance to that frame, a mean over the parts."""


def measure_distances(dance: Stances, footage: Stances) -> Distances:
    """Nearest neighbours of every stance of ``dance`` in ``footage``, limb by limb and as a whole."""
    kept = np.flatnonzero(~np.isnan(footage.yaw) & ~np.isnan(footage.bones).all(axis=(1, 2)))
    kept = kept[:: max(1, -(-len(kept) // MOST_FOOTAGE_FRAMES))]
    count = len(dance)
    part = {name: np.full(count, np.nan) for name in PARTS}
    turn, whole = np.full(count, np.nan), np.full(count, np.nan)
    nearest = np.full(count, -1, np.intp)
    if len(kept) == 0:
        return Distances(part=part, turn=turn, nearest=nearest, whole=whole)
    columns = {name: [BONES.index(bone) for bone in bones] for name, bones in PARTS.items()}
    usable = np.flatnonzero(~np.isnan(dance.yaw))
    for start in range(0, len(usable), CHUNK):
        rows = usable[start : start + CHUNK]
        apart = np.abs(dance.yaw[rows, None] - footage.yaw[None, kept])
        apart = np.minimum(apart, 360 - apart)
        turn[rows] = apart.min(axis=1)
        cost = np.maximum(0, apart - FREE_TURN) / TURN_UNIT
        gaps = np.linalg.norm(dance.bones[rows, None] - footage.bones[None, kept], axis=3)
        each = []
        for name, bones in columns.items():
            gap = _mean_known(gaps[:, :, bones])
            distance = gap + cost
            part[name][rows] = _nanmin(distance)
            each.append(distance)
        stacked = np.stack(each, axis=2)
        lacking = np.isnan(stacked) & ~np.isnan(stacked).all(axis=1, keepdims=True)
        together = _mean_known(np.where(lacking, HIDDEN, stacked))
        best = np.where(np.isnan(together), np.inf, together)
        found = np.isfinite(best).any(axis=1)
        nearest[rows] = np.where(found, kept[best.argmin(axis=1)], -1)
        whole[rows] = _nanmin(together)
    return Distances(part=part, turn=turn, nearest=nearest, whole=whole)


def _mean_known(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0).sum(axis=-1, dtype=np.float64)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)


def _nanmin(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smallest along axis 1, NaN where all are."""
    least = np.where(np.isnan(values), np.inf, values).min(axis=1)
    return np.where(np.isfinite(least), least, np.nan)
