"""Numbers per frame: the value every metric returns and the report is built from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.evaluation.bootstrap import Interval, block_bootstrap

Column = NDArray[np.float64]


@dataclass(frozen=True)
class FrameTable:
    """Columns of one number per frame. NaN where the number is not defined, e.g. the face of a turned head.

    Names are ``region.metric``, such as ``body.ssim``; what each means stands in docs/evaluation.md.
    """

    columns: Mapping[str, Column]
    """name → (T,) float64. All columns have the same length."""

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "columns", {name: np.asarray(column, np.float64) for name, column in self.columns.items()}
        )
        if len({column.shape for column in self.columns.values()}) > 1:
            lengths = {name: len(column) for name, column in self.columns.items()}
            raise ValueError(f"columns of one table need one length, got {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(self.columns)

    def join(self, other: FrameTable) -> FrameTable:
        """Both tables' columns side by side; ``other`` wins where a name is in both."""
        return FrameTable({**self.columns, **other.columns})

    def mean(self, name: str) -> float:
        """Mean over the frames where the number is defined; NaN when there is none."""
        return self.interval(name).mean

    def interval(self, name: str, seed: int = 0) -> Interval:
        """Mean and 95 % block-bootstrap interval over time."""
        return block_bootstrap(self.columns[name], seed=seed)

    def difference(self, name: str, baseline: FrameTable, seed: int = 0) -> Interval:
        """Mean and interval of this table minus ``baseline``, paired by frame: for methods on one clip."""
        return block_bootstrap(self.columns[name] - baseline.columns[name], seed=seed)

    def summary(self, seed: int = 0) -> dict[str, Interval]:
        """The interval of each column."""
        return {name: self.interval(name, seed) for name in self.columns}

    def to_dict(self) -> dict[str, list[float | None]]:
        """Plain lists for JSON; None stands for NaN."""
        return {
            name: [None if np.isnan(value) else round(float(value), 6) for value in column]
            for name, column in self.columns.items()
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> FrameTable:
        """Undo :meth:`to_dict`."""
        return cls(
            {
                name: np.array([np.nan if value is None else value for value in column])
                for name, column in content.items()
            }
        )


def table_from_rows(rows: Iterable[Mapping[str, float]]) -> FrameTable:
    """A table from one mapping per frame; a name that a frame lacks is NaN there."""
    kept = list(rows)
    names = list(dict.fromkeys(name for row in kept for name in row))
    return FrameTable({name: np.array([row.get(name, np.nan) for row in kept], np.float64) for name in names})
