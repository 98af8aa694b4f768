"""The tables of one or more evaluations as Markdown, from the ``report.json`` that ``dancedouble evaluate`` leaves.

dancedouble evaluate WORKSPACE -o DIR --budget 90s
python benchmarks/evaluate.py DIR [DIR ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

TABLES = {
    "Pictures, body box": ("body.ssim", "body.psnr", "body.lpips_alex", "body.lpips_vgg", "person.mask_iou"),
    "Pictures, face box": ("face.ssim", "face.psnr", "face.lpips_alex", "face.lpips_vgg", "face.distance"),
    "Pictures, full frame": ("frame.ssim", "frame.psnr", "frame.lpips_alex", "frame.lpips_vgg"),
    "Mean pose distance, px (all points seen)": tuple(
        f"pose.distance_{part}" for part in ("body", "face", "hands", "overall")
    ),
    "Mean pose distance, px (points seen in both)": tuple(
        f"pose.seen_distance_{part}" for part in ("body", "face", "hands", "overall")
    ),
    "Missed detections per image": tuple(f"pose.missed_{part}" for part in ("body", "face", "hands", "overall")),
    "Steadiness": ("body.warping_error", "body.warping_error_truth", "body.temporal_difference", "background.flicker",
                   "background.flicker_truth"),
}  # fmt: skip


def main(folders: list[str]) -> None:
    for folder in folders:
        report = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
        print(f"## {report['clip']}\n\n{report['protocol']}\n")
        for title, columns in TABLES.items():
            print(table(report, title, columns))
        rho, covered = report["coverage_rank_correlation"], report["coverage"]["covered"]
        print(f"Covered: {100 * covered:.0f} %. Rank correlation of difficulty and LPIPS per frame: {rho:.2f}.\n")


def table(report: dict[str, Any], title: str, columns: tuple[str, ...]) -> str:
    """One table: a row for each method, means with 95 % intervals, the best in bold."""
    lines = [f"| {title} | " + " | ".join(name.split(".")[1].replace("_", " ") for name in columns) + " |"]
    lines.append("|---" * (len(columns) + 1) + "|")
    for method in report["methods"]:
        cells = [cell(report, method, name) for name in columns]
        lines.append(f"| {described(method)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def described(method: dict[str, Any]) -> str:
    steps = method["settings"].get("steps")
    return f"{method['title']}, {steps} steps" if steps else method["title"]


def cell(report: dict[str, Any], method: dict[str, Any], name: str) -> str:
    found = method["metrics"].get(name)
    if found is None or found["mean"] is None:
        return "–"
    text = f"{figures(found['mean'])} ({figures(found['low'])}–{figures(found['high'])})"
    means = [m["metrics"].get(name, {}).get("mean") for m in report["methods"]]
    known = [mean for mean in means if mean is not None]
    best = max(known) if report["definitions"][name]["better"] == "higher" else min(known)
    if name == "face.distance":
        text = f"{text}, worst {figures(found['worst'])}"
    return f"**{text}**" if found["mean"] == best and not name.endswith("_truth") else text


def figures(value: float) -> str:
    """Three or so figures that mean something."""
    return f"{value:.2f}" if abs(value) >= 2 else f"{value:.3f}" if abs(value) >= 0.1 else f"{value:.4f}"


if __name__ == "__main__":
    main(sys.argv[1:])
