"""Finished cells of ``benchmarks/swift.py`` as a Markdown table and as strips of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from swift_cells import Cell

from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.media.image import read_image, resize, text_label, write_image
from dancedouble.rendering.crop import CropWindow

Picture = NDArray[np.uint8]
JUDGED = "body.lpips_alex"
COLUMNS = {
    "body SSIM": ("body.ssim", 3), "fg PSNR": ("person.psnr", 2), "face LPIPS": ("face.lpips_alex", 3),
    "warping error": ("body.warping_error", 5), "flicker": ("background.flicker", 3),
    "room flicker": ("room.flicker", 3),
}  # fmt: skip
"""Heading → column of the frame table, decimals."""
BASELINES = ("nearest", "figure")
TEST_TITLES = {
    "tail": "held-out tail, from its own poses", "dance": "the other's dance, retargeted",
    "own": "the same dance, from the truth's own poses",
}  # fmt: skip
STRIP_HEIGHT, PAPER = 176, 235
SYNTHETIC = "Synthetic: computer-generated people"


# -- the table ----------------------------------------------------------------------------------------------------


def markdown(cells: list[Cell], order: list[str]) -> str:
    """One table for each clip and test, and what the cells were made with."""
    parts = []
    for clip in dict.fromkeys(cell.clip for cell in cells):
        here = [cell for cell in cells if cell.clip == clip]
        for test in dict.fromkeys(name for cell in here for name in cell.tests):
            parts.append(one_table([cell for cell in here if test in cell.tests], test, order))
    return "\n".join([*parts, origins(cells)])


def one_table(cells: list[Cell], test: str, order: list[str]) -> str:
    """A row for each method and budget, means over frames and seeds; shares on the frames that both have."""
    first = cells[0]
    head = f"### {first.clip}{' (synthetic)' if first.synthetic else ''}: {TEST_TITLES.get(test, test)}\n"
    names = ["method", "min", "steps", "frames/s", "body LPIPS", *(f"of {name}" for name in BASELINES), *COLUMNS]
    lines = [head, "| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
    known = [*order, *dict.fromkeys(cell.method for cell in cells if cell.method not in order)]
    for key in sorted({(known.index(cell.method), cell.minutes) for cell in cells}):
        lines.append(row([c for c in cells if (known.index(c.method), c.minutes) == key], cells, test))
    floors = [cell.table(test).mean("body.warping_error_truth") for cell in cells]
    lines.append(f"\nThe truth's own warping error is {np.mean(floors):.5f}. {notes(cells, test)}\n")
    return "\n".join(lines)


def row(group: list[Cell], cells: list[Cell], test: str) -> str:
    """One method after one budget; ``group`` are its seeds."""
    first, tables = group[0], [cell.table(test) for cell in group]
    title = first.title + (f" ({len(group)} seeds)" if len(group) > 1 else "")
    shares = [share(group, [c for c in cells if c.method == name and c.minutes in (0, first.minutes)], test)
              for name in BASELINES]  # fmt: skip
    texts = [
        title, f"{first.minutes:g}" if first.minutes else "–", average(group, "steps", 0),
        average(group, "frames_per_second", 1), f"{mean(tables, JUDGED):.4f}", *shares,
        *(f"{mean(tables, column):.{digits}f}" for column, digits in COLUMNS.values()),
    ]  # fmt: skip
    return "| " + " | ".join("–" if text == "nan" else text for text in texts) + " |"


def mean(tables: list[FrameTable], column: str) -> float:
    """Over frames, then over seeds; NaN where the column is nowhere."""
    found = [table.mean(column) for table in tables if column in table]
    return float(np.mean(found)) if found else float("nan")


def average(group: list[Cell], fact: str, digits: int) -> str:
    """A fact of learning, mean over seeds."""
    found = [cell.learned[fact] for cell in group if cell.learned.get(fact) is not None]
    return f"{np.mean(found):.{digits}f}" if found else "–"


def share(group: list[Cell], baseline: list[Cell], test: str) -> str:
    """Body LPIPS as a share of a baseline's, on the frames in which both were measured."""
    if not baseline or group[0].method == baseline[0].method:
        return "–"
    ours, theirs = (np.mean([c.table(test)[JUDGED][: shortest([*group, *baseline], test)] for c in some], axis=0)
                    for some in (group, baseline))  # fmt: skip
    both = ~np.isnan(ours) & ~np.isnan(theirs)
    return f"{100 * ours[both].mean() / theirs[both].mean():.0f} %" if both.any() else "–"


def shortest(cells: Iterable[Cell], test: str) -> int:
    """Frames that all have."""
    return min(cell.tests[test]["frames"] for cell in cells)


def notes(cells: list[Cell], test: str) -> str:
    """Where methods were tested on different frames, which; and what part of them is compared."""
    longest = max(cell.tests[test]["frames"] for cell in cells)
    text = [f"{longest} frames, {cells[0].tests[test]['size'][0]} pixels high."]
    for every in sorted({cell.tests[test]["every"] for cell in cells} - {1}):
        text.append(f"Pictures are compared in one frame of {every}.")
    short = {c.title: c.tests[test]["frames"] for c in cells if c.tests[test]["frames"] < longest}
    text += [f"{title}: the first {frames} frames alone." for title, frames in short.items()]
    return " ".join(text)


def origins(cells: list[Cell]) -> str:
    """Commit, machine, and how busy others kept it."""
    lines = []
    for commit in dict.fromkeys(cell.learned.get("commit", "unknown") for cell in cells):
        these = [cell for cell in cells if cell.learned.get("commit", "unknown") == commit]
        for about in dict.fromkeys(machine_line(cell) for cell in these):
            lines.append(f"{len([c for c in these if machine_line(c) == about])} cells: commit {commit}, {about}.")
    busy = [cell.learned["others"] for cell in cells if "others" in cell.learned]
    if busy:
        lines.append(f"Other programs kept {min(busy):.2f} to {max(busy):.2f} cores busy while these learned"
                     f" (mean {np.mean(busy):.2f}).")  # fmt: skip
    return "\n".join(lines) + "\n"


def machine_line(cell: Cell) -> str:
    """The machine in words."""
    facts = cell.learned.get("machine", {})
    pace = f", {cell.learned['pace']:g} s for each of a budget" if "seconds" in cell.learned else ""
    threads = f"{facts.get('threads')} of {facts.get('cores')} cores"
    return f"{facts.get('cpu')}, {threads}{pace}, torch {facts.get('torch')}, {cell.size} px"


# -- strips -------------------------------------------------------------------------------------------------------


class Strip:
    """A few moments of one rendering, cut to the person."""

    def __init__(self, windows: Sequence[CropWindow], moments: Sequence[int]) -> None:
        self.windows, self.moments = windows, moments
        self.pictures: dict[int, Picture] = {}

    def watch(self, frames: Iterable[Picture]) -> Iterator[Picture]:
        """Pass frames on, keeping the moments."""
        for index, frame in enumerate(frames):
            if index in self.moments:
                self.pictures[index] = self.windows[index].cut(frame)
            yield frame

    def write(self, path: Path) -> None:
        """Side by side; what was not rendered is blank. Raises OutputError."""
        height, width = self.windows[0].size
        size = STRIP_HEIGHT, round(width * STRIP_HEIGHT / height)
        blank = np.full((*size, 3), PAPER, np.uint8)
        shown = [resize(self.pictures[i], size) if i in self.pictures else blank for i in self.moments]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_image(path, np.hstack(shown))


def strip_sheet(cells: list[Cell], order: list[str], folder: Path, output: Path) -> None:
    """Strips of one clip's methods below the truth, each with its name. Bundled footage only."""
    shown = sorted((c for c in cells if c.synthetic), key=lambda c: (order.index(c.method), c.minutes, c.seed))
    if not shown:
        raise SystemExit("--strips: no finished cell of bundled footage fits; real people are never shown")
    test = next(iter(shown[0].tests))
    shown = [cell for cell in shown if cell.clip == shown[0].clip]
    rows = [labelled(truth_strip(shown[0], folder, test), f"{shown[0].clip}, the truth. {SYNTHETIC}")]
    for cell in shown:
        minutes = f", {cell.minutes:g} min" if cell.minutes else ""
        rows.append(labelled(cell.path(folder).with_suffix(f".{test}.jpg"), cell.title + minutes))
    write_image(output, np.vstack(rows))


def truth_strip(cell: Cell, folder: Path, test: str) -> Path:
    """Where the truth's own strip is kept."""
    return cell.path(folder).with_name(f"truth.{test}.jpg")


def labelled(path: Path, text: str) -> Picture:
    """A strip with its name in the corner."""
    return text_label(read_image(path), text)
