"""The demo: the whole job on the bundled clips, every output in one folder."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dancedouble.errors import MediaError, OutputError
from dancedouble.progress import OnProgress

if TYPE_CHECKING:
    from dancedouble.results import TransferResult

CONSENT = "a synthetic figure made for this project: nobody to ask"
FOOTAGE = Path(__file__).parents[3] / "examples" / "footage"
"""The bundled clips, in the checkout this package is installed from."""


@dataclass(frozen=True, kw_only=True)
class Demo:
    """Where the demo left what, and how near it came to the truth."""

    side_by_side: Path
    pose_film: Path
    report: Path
    transfer: TransferResult
    against_truth: dict[str, Any]
    """What ``pipeline.compare`` measures."""
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The keys of a transfer, and these."""
        return {
            **self.transfer.to_dict(),
            "side_by_side": str(self.side_by_side),
            "pose_film": str(self.pose_film),
            "report": str(self.report),
            "against_truth": self.against_truth,
            "footage": "synthetic: both people are computer-generated",
            "seconds": self.seconds,
        }


def run_demo(folder: Path, on_progress: OnProgress, **options: Any) -> Demo:
    """Transfer the bundled dance to the bundled person, show it beside the dance, and measure it against the truth."""
    from dancedouble import pipeline

    source, target, truth = (find_clip(name) for name in ("A_dance.mp4", "B_casual.mp4", "B_dance_truth.mp4"))
    device = {name: value for name, value in options.items() if name == "device"}
    make_folder(folder)
    clock = Clock()
    transfer = pipeline.transfer(
        source, target, folder / "dance.mp4", consent=CONSENT, on_progress=on_progress, **options
    )
    clock.lap("transfer")
    film, poses, side = folder / "poses.mp4", folder / "poses.npz", folder / "side-by-side.mp4"
    pipeline.pose(source, poses, figures=film, on_progress=on_progress)
    clock.lap("pose film")
    pipeline.render(transfer.person, source, side, layout="side-by-side", on_progress=on_progress, **device)
    clock.lap("side by side")
    measured = pipeline.compare(
        transfer.output, truth, source=poses, workspace=transfer.workspace, every=4, on_progress=on_progress
    )
    clock.lap("comparison")
    demo = Demo(
        side_by_side=side, pose_film=film, report=folder / "report.json", transfer=transfer, against_truth=measured,
        seconds=clock.laps,
    )  # fmt: skip
    demo.report.write_text(json.dumps(demo.to_dict(), indent=2) + "\n", encoding="utf-8")
    return demo


class Clock:
    """Seconds of each lap, by name, and of all."""

    def __init__(self) -> None:
        self.laps = {"total": 0.0}
        self.last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self.last, 2)
        self.laps["total"] = round(self.laps["total"] + now - self.last, 2)
        self.last = now


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder with --output"
        ) from error


def find_clip(name: str) -> Path:
    path = FOOTAGE / name
    if not path.is_file():
        raise MediaError(f"{path}: not there; the bundled clips are in dancedouble's checkout, install from it")
    return path
