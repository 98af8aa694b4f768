"""The tables of report.html."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from dancedouble.evaluation.definitions import PARTS, label_of, metric_of
from dancedouble.evaluation.report import EvaluationReport, Method, worst_of

TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Body", "The paper's table 1, and more, on the body box.",
     ("body.ssim", "body.lpips_alex", "body.lpips_vgg", "body.psnr", "person.psnr")),
    ("Face", "The paper's table 2, and more, on the face box.",
     ("face.ssim", "face.lpips_alex", "face.lpips_vgg", "face.psnr", "face.distance", "face.identity_distance")),
    ("Mean pose distance", "The paper's table 3, in pixels of the full frame: where every point of the part is seen.",
     ("pose.distance_body", "pose.distance_face", "pose.distance_hands", "pose.distance_overall")),
    ("Mean pose distance of the points seen", "The same over whatever points are seen in both, in more frames; the last"
     " column in torso lengths.",
     ("pose.seen_distance_body", "pose.seen_distance_face", "pose.seen_distance_hands", "pose.seen_distance_overall",
      "pose.torso_error")),
    ("Missed detections per image", "The paper's table 4.",
     ("pose.missed_body", "pose.missed_face", "pose.missed_hands", "pose.missed_overall")),
    ("Steadiness", "Whether the picture holds still where it should and moves as the truth moves. Blur lowers the"
     " warping error: what is under the truth's is too smooth.",
     ("body.warping_error", "body.warping_error_truth", "body.temporal_difference", "background.flicker",
      "background.flicker_truth")),
    ("Full frame", "Mostly background: read it last.",
     ("frame.ssim", "frame.lpips_alex", "frame.lpips_vgg", "frame.psnr", "frame.warping_error", "person.mask_iou")),
)  # fmt: skip
"""Title, caption and columns of each table; columns nobody could measure are left out."""
WORST_TOO = ("face.distance", "face.identity_distance")
"""Columns whose worst frame is said beside the mean: one frame of another face is one too many."""


def draw_tables(report: EvaluationReport) -> str:
    """Every table that has a number in it."""
    return "".join(_table(report, *table) for table in TABLES)


def _table(report: EvaluationReport, title: str, caption: str, columns: tuple[str, ...]) -> str:
    columns = tuple(name for name in columns if name in report.names)
    if all(np.isnan(method.table.mean(name)) for name in columns for method in report.methods if name in method.table):
        return ""
    arrows = {"higher": "↑", "lower": "↓"}
    main = columns[0].split(".")[0]
    head = "".join(
        f'<th title="{escape(metric_of(name).definition)}">{escape(_short(name, main))}&nbsp;'
        f"{arrows[metric_of(name).better]}</th>"
        for name in columns
    )
    rows = "".join(
        f"<tr><th>{escape(method.title)}</th>{''.join(_cell(report, method, name) for name in columns)}</tr>"
        for method in report.methods
    )
    return (
        f'<figure class="table"><figcaption><b>{escape(title)}.</b> {escape(caption)}</figcaption><div class="scroll">'
        f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div></figure>"
    )


def _short(name: str, main: str) -> str:
    """A column's name in a table that is about the region ``main``."""
    region, metric = name.split(".", 1)
    part = metric.rpartition("_")[2]
    if region == "pose":
        return part if part in PARTS else metric_of(name).title
    return metric_of(name).title if region == main else label_of(name)


def _cell(report: EvaluationReport, method: Method, name: str) -> str:
    if name not in method.table or np.isnan(method.table.mean(name)):
        return "<td>–</td>"
    interval, digits = method.table.interval(name, report.seed), metric_of(name).digits
    best = ' class="best"' if report.best(name) == method.name and len(report.methods) > 1 else ""
    worst = f"worst {worst_of(method.table, name):.{digits}f}"
    beside = f"<small>{worst}</small>" if name in WORST_TOO else ""
    return (
        f'<td{best} title="{worst}, {interval.frames} frames">{interval.mean:.{digits}f}'
        f"<small>{interval.low:.{digits}f} – {interval.high:.{digits}f}</small>{beside}</td>"
    )


def draw_shares(title: str, shares: Mapping[str, Any]) -> str:
    """What the dance asked for beside what was filmed, as bars."""
    if not shares:
        return ""
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{_bar(share['dance'])}{_bar(share['footage'])}</tr>"
        for name, share in shares.items()
    )
    return (
        f'<div class="table"><table class="shares"><thead><tr><th>{escape(title)}</th><th>asked for</th><th>filmed</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _bar(share: float) -> str:
    return f'<td><i><u style="width:{100 * share:.0f}%"></u></i>{100 * share:.0f} %</td>'


def draw_pairs(values: Mapping[str, Any]) -> str:
    """Two columns: names and values."""
    rows = "".join(
        f"<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>" for key, value in values.items()
    )
    return f'<div class="table"><table class="narrow"><tbody>{rows}</tbody></table></div>' if rows else "<p>none</p>"
