"""The tables of report.html."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from dancedouble.evaluation.definitions import label_of, metric_of
from dancedouble.evaluation.report import EvaluationReport, Method, worst_of

TABLES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Body", "The paper's table 1, and more, on the body box.",
     ("body.ssim", "body.lpips_alex", "body.lpips_vgg", "body.psnr", "person.psnr")),
    ("Face", "The paper's table 2, on the face box.",
     ("face.ssim", "face.lpips_alex", "face.lpips_vgg", "face.psnr", "face.distance", "face.identity_distance")),
    ("Mean pose distance", "The paper's table 3, in pixels of the full frame.",
     ("pose.distance_body", "pose.distance_face", "pose.distance_hands", "pose.distance_overall",
      "pose.seen_distance_body", "pose.seen_distance_overall", "pose.torso_error")),
    ("Missed detections per image", "The paper's table 4.",
     ("pose.missed_body", "pose.missed_face", "pose.missed_hands", "pose.missed_overall")),
    ("Steadiness", "Whether the picture holds still where it should and moves as the truth moves.",
     ("body.warping_error", "body.warping_error_truth", "body.temporal_difference", "background.flicker",
      "background.flicker_truth")),
    ("Full frame", "Mostly background: read it last.",
     ("frame.ssim", "frame.lpips_alex", "frame.lpips_vgg", "frame.psnr", "person.mask_iou")),
)  # fmt: skip
"""Title, caption and columns of each table; columns nobody measured are left out."""


def draw_tables(report: EvaluationReport) -> str:
    """Every table that has a number in it."""
    return "".join(_table(report, *table) for table in TABLES)


def _table(report: EvaluationReport, title: str, caption: str, columns: tuple[str, ...]) -> str:
    columns = tuple(
        name for name in columns
        if any(name in method.table and not np.isnan(method.table.mean(name)) for method in report.methods)
    )  # fmt: skip
    if not columns:
        return ""
    arrows = {"higher": "↑", "lower": "↓"}
    metrics = {name: metric_of(name) for name in columns}
    head = "".join(
        f'<th title="{escape(metric.definition)}">{escape(label_of(name))} {arrows[metric.better]}</th>'
        for name, metric in metrics.items()
    )
    rows = "".join(
        f"<tr><th>{escape(method.title)}</th>{''.join(_cell(report, method, name) for name in columns)}</tr>"
        for method in report.methods
    )
    return (
        f'<div class="table"><table><caption><b>{escape(title)}.</b> {escape(caption)}</caption>'
        f"<thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _cell(report: EvaluationReport, method: Method, name: str) -> str:
    if name not in method.table or np.isnan(method.table.mean(name)):
        return "<td>–</td>"
    interval, digits = method.table.interval(name, report.seed), metric_of(name).digits
    best = ' class="best"' if report.best(name) == method.name and len(report.methods) > 1 else ""
    worst = f"{worst_of(method.table, name):.{digits}f}"
    return (
        f'<td{best} title="worst frame {worst}, {interval.frames} frames">{interval.mean:.{digits}f}'
        f"<small>{interval.low:.{digits}f} – {interval.high:.{digits}f}</small></td>"
    )


def draw_shares(title: str, shares: Mapping[str, Any]) -> str:
    """What the dance asked for beside what was filmed, in percent."""
    if not shares:
        return ""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{100 * share['dance']:.0f} %</td><td>{100 * share['footage']:.0f} %</td></tr>"
        for name, share in shares.items()
    )
    return (
        f'<div class="table"><table class="narrow"><thead><tr><th>{escape(title)}</th><th>asked for</th><th>filmed</th>'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def draw_pairs(values: Mapping[str, Any]) -> str:
    """Two columns: names and values."""
    rows = "".join(
        f"<tr><th>{escape(str(key))}</th><td>{escape(str(value))}</td></tr>" for key, value in values.items()
    )
    return f'<div class="table"><table class="narrow"><tbody>{rows}</tbody></table></div>' if rows else "<p>none</p>"
