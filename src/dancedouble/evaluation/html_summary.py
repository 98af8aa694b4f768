"""The top of report.html: the headline, the numbers a person asks for first, all methods side by side."""

from __future__ import annotations

from html import escape

import numpy as np

from dancedouble.evaluation.definitions import label_of, metric_of
from dancedouble.evaluation.report import EvaluationReport, headline

OTHER_NETWORK = ("body.lpips_vgg",)
"""What teaches ``swift`` is LPIPS (alex); what teaches the paper's presets is a VGG."""
CARDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Does it look like the truth?", ("body.lpips_alex",)),
    ("And to a network that did not teach it?", OTHER_NETWORK),
    ("Are shapes and edges in place?", ("body.ssim",)),
    ("Is it the same face?", ("face.distance", "face.identity_distance", "face.lpips_alex")),
    ("Is the pose right?", ("pose.torso_error",)),
    ("Does it move without shimmer?", ("body.warping_error",)),
    ("Does the room stand still?", ("background.flicker",)),
)
"""What is asked, and the columns that answer: the first one that was measured."""
ARROWS = {"higher": "↑ higher is better", "lower": "↓ lower is better"}


def draw_head(report: EvaluationReport) -> str:
    """Headline, protocol, cards."""
    tag = ' <span class="tag">synthetic footage</span>' if report.synthetic else ""
    claim, _, numbers = headline(report).partition(": ")
    taught_by_vgg = "VGG" in str(report.methods[0].settings.get("taught by"))
    asked = [card for card in CARDS if not (taught_by_vgg and card[1] == OTHER_NETWORK)]
    cards = "".join(_card(report, question, columns) for question, columns in asked)
    return (
        f'<header><p class="kicker">Evaluation of {escape(report.clip)}{tag}</p><h1>{escape(claim)}</h1>'
        f'<p class="lead">{escape(numbers)}</p><p class="note">{escape(report.protocol)}</p>'
        f'</header><div class="cards">{cards}</div>'
    )


def _card(report: EvaluationReport, question: str, columns: tuple[str, ...]) -> str:
    first = report.methods[0].table
    name = next((name for name in columns if name in first and not np.isnan(first.mean(name))), None)
    if name is None:
        return ""
    metric, interval = metric_of(name), first.interval(name, report.seed)
    unit = f" {metric.unit}" if metric.unit else ""
    return (
        f'<div class="card"><h3>{escape(question)}</h3><p class="value">{interval.mean:.{metric.digits}f}'
        f"<small>{escape(unit)}</small></p>{_versus(report, name)}"
        f'<p class="range">{escape(label_of(name))}, {ARROWS[metric.better]};'
        f" {interval.low:.{metric.digits}f} to {interval.high:.{metric.digits}f}</p></div>"
    )


def _versus(report: EvaluationReport, name: str) -> str:
    """Whether the first method is ahead of the first baseline, beyond the interval of their difference."""
    if len(report.methods) < 2 or name not in report.methods[1].table:
        return ""
    other, metric = report.methods[1].table.mean(name), metric_of(name)
    if np.isnan(other):
        return ""
    kind, words = {
        "better": ("good", "better than"), "worse": ("bad", "worse than"), "even": ("even", "no clear difference from"),
    }[report.ahead(name, report.methods[1])]  # fmt: skip
    title = escape(report.methods[1].title)
    return f'<p class="{kind}">{words} the {title} ({other:.{metric.digits}f})</p>'


def draw_ranking(report: EvaluationReport) -> str:
    """A bar with its interval for every method, in the column that is headlined; the shorter, the closer."""
    name = report.moments_of
    found = [(m.title, m.table.interval(name, report.seed)) for m in report.methods if name in m.table]
    found = [(title, interval) for title, interval in found if not np.isnan(interval.mean)]
    if len(found) < 2:
        return ""
    metric = metric_of(name)
    longest = max(interval.high for _, interval in found) or 1.0

    def share(value: float) -> str:
        return f"{100 * value / longest:.1f}%"

    rows = "".join(
        f"<li{' class=first' if title == report.methods[0].title else ''}><span>{escape(title)}</span>"
        f'<i><u style="width:{share(interval.mean)}"></u>'
        f'<s style="left:{share(interval.low)};width:{share(interval.high - interval.low)}"></s></i>'
        f"<b>{interval.mean:.{metric.digits}f}</b></li>"
        for title, interval in sorted(found, key=lambda entry: entry[1].mean, reverse=metric.better == "higher")
    )
    return (
        f'<figure class="ranking"><figcaption>{escape(label_of(name))}, {ARROWS[metric.better]}; the thin line is the'
        f" 95 % interval</figcaption><ol>{rows}</ol></figure>"
    )
