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
    """Where the demo left what."""

    video: Path
    side_by_side: Path
    pose_film: Path
    report: Path
    transfer: TransferResult
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.transfer.to_dict(),
            "side_by_side": str(self.side_by_side),
            "pose_film": str(self.pose_film),
            "report": str(self.report),
            "seconds": self.seconds,
        }


def run_demo(folder: Path, on_progress: OnProgress, **options: Any) -> Demo:
    """Transfer the bundled dance to the bundled person, then show it beside the dance, and the poses."""
    from dancedouble import pipeline

    source, target = find_clip("A_dance.mp4"), find_clip("B_casual.mp4")
    started = time.monotonic()
    make_folder(folder)
    transfer = pipeline.transfer(
        source, target, folder / "dance.mp4", consent=CONSENT, on_progress=on_progress, **options
    )
    options = {name: value for name, value in options.items() if name == "device"}
    side = pipeline.render(
        transfer.person,
        source,
        folder / "side-by-side.mp4",
        layout="side-by-side",
        on_progress=on_progress,
        **options,
    )
    film = pipeline.pose(source, folder / "poses.npz", figures=folder / "poses.mp4", on_progress=on_progress)
    seconds = {
        **transfer.seconds,
        "side-by-side": sum(side.seconds.values()),
        "pose film": sum(film.seconds.values()),
        "total": time.monotonic() - started,
    }
    demo = Demo(
        video=transfer.output, side_by_side=side.output, pose_film=folder / "poses.mp4",
        report=folder / "report.json", transfer=transfer, seconds=seconds,
    )  # fmt: skip
    report = {"synthetic": "both people are computer-generated", "source": str(source), "target": str(target)}
    demo.report.write_text(json.dumps(report | demo.to_dict(), indent=2, default=str) + "\n")
    return demo


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
