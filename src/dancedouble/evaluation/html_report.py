"""report.html: one self-contained page that says how good a result is, where it fails and why. Opens offline."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.evaluation.charts import Band, Line, Mark, draw_chart
from dancedouble.evaluation.definitions import define, label_of, metric_of
from dancedouble.evaluation.html_tables import draw_pairs, draw_shares, draw_tables
from dancedouble.evaluation.moments import NO_REASON
from dancedouble.evaluation.report import EvaluationReport, headline, package_versions, write_json
from dancedouble.files import write_atomically
from dancedouble.media.image import encode_jpeg, resize

Image = NDArray[np.uint8]

STRIP_HEIGHT, THUMBNAIL_HEIGHT = 260, 220
"""Pixels of the pictures in the page."""
JPEG_QUALITY = 82
COLORS = 6
"""Line colours of the style sheet."""

NUMBERS = "Means over the test frames; beneath, the 95 % interval. The best of each column is bold."
CARDS = (
    "body.lpips_alex",
    "body.ssim",
    "pose.torso_error",
    "body.warping_error",
    "background.flicker",
    "face.lpips_alex",
)


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Pictures of one moment side by side."""

    caption: str
    pictures: Sequence[tuple[str, Image]]
    """(label, RGB uint8), such as truth first, then each method."""


@dataclass(frozen=True, kw_only=True)
class ReportPictures:
    """What the page shows. All pictures are RGB uint8 (H, W, 3), cut to the person by the caller."""

    strips: Sequence[Strip] = ()
    moments: Mapping[int, Sequence[tuple[str, Image]]] | None = None
    """``Moment.frame`` → (label, picture) pairs, such as the result beside the truth."""
    contact_sheet: Image | None = None
    """From ``coverage.draw_contact_sheet``."""


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
        _head(report),
        _strips(pictures.strips),
        _timeline(report),
        _moments(report, pictures.moments or {}),
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


def _head(report: EvaluationReport) -> str:
    first = report.methods[0]
    tag = '<span class="tag">synthetic footage</span>' if report.synthetic else ""
    cards = "".join(
        _card(report, name) for name in CARDS if name in first.table and not np.isnan(first.table.mean(name))
    )
    return (
        f"<header><p class=kicker>Evaluation of {escape(report.clip)} {tag}</p><h1>{escape(headline(report))}</h1>"
        f'<p class="note">{escape(report.protocol)}</p></header><div class="cards">{cards}</div>'
    )


def _card(report: EvaluationReport, name: str) -> str:
    metric, interval = metric_of(name), report.methods[0].table.interval(name, report.seed)
    digits = metric.digits
    versus = ""
    if len(report.methods) > 1 and name in report.methods[1].table:
        other = report.methods[1].table.mean(name)
        if not np.isnan(other):
            ahead = (interval.mean > other) == (metric.better == "higher")
            versus = (
                f'<p class="{"good" if ahead else "bad"}">{escape(report.methods[1].title)}: {other:.{digits}f}</p>'
            )
    unit = f" <small>{escape(metric.unit)}</small>" if metric.unit else ""
    return (
        f'<div class="card"><h3>{escape(label_of(name))}</h3><p class="value">{interval.mean:.{digits}f}{unit}</p>'
        f'<p class="range">{interval.low:.{digits}f} to {interval.high:.{digits}f}, {metric.better} is better</p>'
        f"{versus}</div>"
    )


def _strips(strips: Sequence[Strip]) -> str:
    rows = "".join(
        f'<figure class="strip"><figcaption>{escape(strip.caption)}</figcaption><div class="row">'
        + "".join(_picture(picture, label, STRIP_HEIGHT) for label, picture in strip.pictures)
        + "</div></figure>"
        for strip in strips
    )
    return _section("What it looks like", rows)


def _picture(picture: Image, label: str, height: int) -> str:
    """A labelled picture as a JPEG inside the page."""
    if picture.shape[0] > height:
        picture = resize(picture, (height, max(1, round(picture.shape[1] * height / picture.shape[0]))))
    data = b64encode(encode_jpeg(picture, JPEG_QUALITY)).decode()
    size = f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
    image = f'<img {size} alt="{escape(label)}" src="data:image/jpeg;base64,{data}">'
    return f'<div class="pic">{image}<span>{escape(label)}</span></div>'


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
    marks = [
        Mark(x=start + moment.seconds, y=moment.value, label=moment.reason, href=f"#m{rank}", text=str(rank))
        for rank, moment in enumerate(report.moments, 1)
    ]
    chart = draw_chart(
        lines, title=f"{label_of(name)} ({metric_of(name).better} is better)", x_unit="seconds",
        marks=marks, bands=_bands(report, start),
    )  # fmt: skip
    intro = "Numbers on the line are the worst moments below."
    if report.rank_correlation is not None and not np.isnan(report.rank_correlation):
        rho = report.rank_correlation
        intro += f" How far a pose is from the footage predicts this line with a rank correlation of {rho:.2f}."
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


def _moments(report: EvaluationReport, pictures: Mapping[int, Sequence[tuple[str, Image]]]) -> str:
    start, digits = report.first_frame / report.fps, metric_of(report.moments_of).digits
    cards = []
    for rank, moment in enumerate(report.moments, 1):
        shown = "".join(_picture(picture, label, THUMBNAIL_HEIGHT) for label, picture in pictures.get(moment.frame, ()))
        known = "" if moment.reason == NO_REASON else ' class="why"'
        cards.append(
            f'<li id="m{rank}"><div class="row">{shown}</div><p><b>{rank}</b> at {start + moment.seconds:.1f} s: '
            f"{moment.value:.{digits}f}<br><span{known}>{escape(moment.reason)}</span></p></li>"
        )
    return _section("The worst moments, and why", f'<ol class="moments">{"".join(cards)}</ol>' if cards else "")


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
    content += draw_shares("Facing", report.coverage.get("facings", {}))
    content += draw_shares("Arms", report.coverage.get("arm_heights", {}))
    if sheet is not None:
        content += f'<div class="sheet">{_picture(sheet, "asked for, and the nearest that was filmed", 1600)}</div>'
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
