"""report.html: one self-contained page that says how good a result is, where it fails and why. Opens offline."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.coverage.quality import TRUSTED
from dancedouble.evaluation.charts import Band, Line, Mark, draw_chart
from dancedouble.evaluation.definitions import define, label_of, metric_of
from dancedouble.evaluation.html_pictures import (
    SHEET_HEIGHT,
    ReportPictures,
    draw_film,
    draw_moments,
    draw_picture,
    draw_strips,
)
from dancedouble.evaluation.html_summary import draw_head, draw_ranking
from dancedouble.evaluation.html_tables import draw_pairs, draw_shares, draw_tables
from dancedouble.evaluation.report import EvaluationReport, package_versions, write_json
from dancedouble.files import write_atomically

Image = NDArray[np.uint8]

COLORS, EXPECTED = 6, 7
"""Line colours of the style sheet, and the one of what was expected."""

NUMBERS = (
    "Means over the test frames; beneath, the 95 % interval. The best of each column is bold, where it is the best over"
    " the frames that all methods have, too."
)


def write_report(folder: Path, report: EvaluationReport, pictures: ReportPictures) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.html`` into an existing folder. Raises OutputError."""
    numbers, page = folder / "report.json", folder / "report.html"
    write_json(report, numbers)
    write_atomically(page, build_html(report, pictures).encode())
    return numbers, page


def build_html(report: EvaluationReport, pictures: ReportPictures) -> str:
    """The whole page: style, pictures and charts inside, no script, nothing fetched."""
    style = files("dancedouble.evaluation").joinpath("report.css").read_text(encoding="utf-8")
    sections = [
        draw_head(report),
        _section("What it looks like", draw_film(pictures.film) + draw_strips(pictures.strips)),
        _section("Against the baselines", draw_ranking(report)),
        _timeline(report),
        _section("The worst moments, and why", draw_moments(report, pictures.moments or {})),
        _section("All numbers", draw_tables(report), NUMBERS),
        _curves(report),
        _coverage(report, pictures.contact_sheet),
        _method_notes(report),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(report.clip)}: evaluation</title><style>{style}</style></head>"
        f"<body><main>{''.join(sections)}</main></body></html>\n"
    )


def _section(title: str, content: str, intro: str = "") -> str:
    if not content:
        return ""
    note = f'<p class="note">{escape(intro)}</p>' if intro else ""
    return f"<section><h2>{escape(title)}</h2>{note}{content}</section>"


def _timeline(report: EvaluationReport) -> str:
    name = report.moments_of
    start = report.first_frame / report.fps
    lines = [
        Line(
            label=method.title, color=1 + number % COLORS,
            x=[start + frame / report.fps for frame in range(len(method.table))], y=list(method.table[name]),
        )
        for number, method in enumerate(report.methods[:2]) if name in method.table
    ]  # fmt: skip
    expected = report.expected()
    trusted = report.rank_correlation is not None and report.rank_correlation >= TRUSTED
    if expected is not None and trusted:
        lines.append(Line(label="expected of these poses", color=EXPECTED, x=lines[0].x, y=list(expected)))
    marks = [
        Mark(x=start + moment.seconds, y=moment.value, label=moment.reason, href=f"#m{rank}", text=str(rank))
        for rank, moment in enumerate(report.moments, 1) if not np.isnan(moment.value)
    ]  # fmt: skip
    chart = draw_chart(
        lines, title=f"{label_of(name)} ({metric_of(name).better} is better)", x_unit="seconds",
        marks=marks, bands=_bands(report, start),
    )  # fmt: skip
    intro = "Numbers on the line are the worst moments below."
    if report.rank_correlation is not None and not np.isnan(report.rank_correlation):
        intro += (
            f" The poses alone, known before anyone learns, {'predict' if trusted else 'do not predict well'} which"
            f" moments are worse: rank correlation {report.rank_correlation:.2f} (1 would be perfect, 0 is chance)."
        )
    return _section("Quality over time", chart, intro)


def _bands(report: EvaluationReport, start: float) -> list[Band]:
    """Stretches of poses that the footage never showed."""
    bands: list[Band] = []
    for frame, reason in enumerate(report.uncovered):
        if reason is None:
            continue
        at = start + frame / report.fps
        if bands and bands[-1].label == reason and at - bands[-1].end < 1e-6:
            bands[-1] = Band(start=bands[-1].start, end=at + 1 / report.fps, label=reason)
        else:
            bands.append(Band(start=at, end=at + 1 / report.fps, label=reason))
    return bands


def _curves(report: EvaluationReport) -> str:
    names = list(dict.fromkeys(name for method in report.methods for name in method.curves))
    charts = "".join(
        draw_chart(
            [
                Line(
                    label=method.title, color=1 + number % COLORS,
                    x=[x for x, _ in method.curves[name]], y=[y for _, y in method.curves[name]],
                )
                for number, method in enumerate(report.methods) if method.curves.get(name)
            ],
            title=name, x_unit="steps of training",
        )
        for name in names
    )  # fmt: skip
    return _section("Training", f'<div class="charts">{charts}</div>' if charts else "")


def _coverage(report: EvaluationReport, sheet: Image | None) -> str:
    if report.coverage is None:
        return ""
    content = f"<p>{escape(str(report.coverage.get('summary', '')))}</p>"
    shares = [("Facing", "facings"), ("Arms", "arm_heights"), ("Height", "heights")]
    tables = "".join(draw_shares(title, report.coverage.get(key, {})) for title, key in shares)
    content += f'<div class="pair">{tables}</div>'
    if sheet is not None:
        label = "asked for, and beside it the nearest that was filmed"
        content += f'<div class="sheet">{draw_picture(sheet, label, SHEET_HEIGHT)}</div>'
    return _section("What the footage never showed", content)


def _method_notes(report: EvaluationReport) -> str:
    """Definitions, settings, versions, hashes: closed until asked for."""
    meanings = "".join(
        f"<dt>{escape(label_of(name))} <code>{escape(name)}</code></dt><dd>{escape(_meaning(define(name)))}</dd>"
        for name in report.names
    )
    settings: dict[str, Any] = {"seed": report.seed, **report.settings}
    for method in report.methods:
        settings |= {f"{method.title}: {key}": value for key, value in method.settings.items()}
    return _section(
        "How it was measured",
        f"<details><summary>Definitions</summary><dl>{meanings}</dl></details>"
        f"<details><summary>Settings</summary>{draw_pairs(settings)}</details>"
        f"<details><summary>Versions</summary>{draw_pairs(package_versions())}</details>"
        f"<details><summary>Files (SHA-256)</summary>{draw_pairs(report.files)}</details>",
        "The same numbers, frame by frame, are in report.json.",
    )


def _meaning(definition: Mapping[str, Any]) -> str:
    points = f" Points: {definition['points']}." if "points" in definition else ""
    unit = f" in {definition['unit']}" if definition["unit"] else ""
    return (
        f"{definition['definition']} Taken on {definition['taken_on']}.{points} Range{unit}: {definition['range']}; "
        f"{definition['better']} is better."
    )
