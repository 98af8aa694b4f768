"""The table of ``swift``: after 2, 5 and 10 minutes of learning on a CPU, beside other methods and lacking its parts.

    python benchmarks/swift.py --out build/swift [--real CLIPS] [--minutes 2 5 10] [--clips A-B 'sl*']
                               [--methods swift figure 'swift-no-*'] [--seeds 0] [--size 256]
    python benchmarks/swift.py --out build/swift --table > TABLE.md
    python benchmarks/swift.py --out build/swift --strips STRIPS.jpg --clips A-B --minutes 5

The first form makes cells: one method learned on one clip for so many minutes with one seed, rendered and measured, and
kept as JSON below ``--out`` at once. Killed, the same command goes on: finished cells are skipped, learning that was
under way goes on from its last checkpoint. Use a new folder when the code has changed. ``--list`` only says which cells
there are to make.

Clips: bundled pairs (synthetic; learned: all of the casual clip; tested: the dance, once retargeted from the other
dancer, once from the truth's own poses), and three real clips in the folder ``--real`` (learned: the first 80 % less a
gap, tested: the last 20 % from their own poses), left out where they are absent.

Measured at the size that is learned: result and truth are brought to the scale at which the person's box is ``--size``
pixels tall. Box of the true pose: LPIPS (AlexNet), SSIM, warping error against the flow of the truth; PSNR in the
person's mask, dilated; flicker outside of it, and (``room``) outside of the window that follows the person, where
nothing is painted. Every frame is rendered; pictures are compared in one frame of ``every`` (at most 60), steadiness in
all. docs/evaluation.md defines each number. A budget is seconds of training steps.

Two cells at a time, each on one core, are done sooner than one after the other on two: run this twice, with ``--threads
1`` and ``--pace`` the time that one thread takes for the steps of two (1.55 on the machine of the dated results).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from swift_cells import Cell, cell_path, commit, machine, read_cells, watching_others
from swift_clips import Clip, known_clips, open_clip
from swift_contenders import CPU, Method, methods
from swift_table import Strip, markdown, strip_sheet, truth_strip

from dancedouble.assessment.contenders import Contender, Lesson
from dancedouble.assessment.held_out import spread
from dancedouble.assessment.notes import read_note
from dancedouble.assessment.trial import Trial
from dancedouble.evaluation.frame_metrics import FramePair, Meter, PictureMeter, compare_frames, load_lpips
from dancedouble.evaluation.frame_table import FrameTable
from dancedouble.evaluation.temporal_metrics import MotionMeter
from dancedouble.files import write_atomically
from dancedouble.media.image import resize
from dancedouble.person import load_person
from dancedouble.progress import Progress
from dancedouble.recipe import Recipe
from dancedouble.rendering.crop import CropWindow, crop_scale, plan_windows
from dancedouble.training.beginning import Beginning, warm_start
from dancedouble.training.trainer import Limit

Picture = NDArray[np.uint8]
COMPARED = 60
"""Pictures at most that are compared of one test."""
STARTED = 5.0
"""Minutes of learning of the person that somebody else is begun with."""
ROUNDED = 2
"""Pixels of the footage by which windows may differ that were planned for scales that are nearly alike."""
MOMENTS = 7
"""Pictures of a strip."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("build/swift"))
    parser.add_argument("--footage", type=Path, default=Path("examples/footage"))
    parser.add_argument("--real", type=Path)
    parser.add_argument("--clips", nargs="+", default=["*"], metavar="PATTERN")
    parser.add_argument("--methods", nargs="+", default=["*"], metavar="PATTERN")
    parser.add_argument("--minutes", nargs="+", type=float, default=[2, 5, 10])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, help="of PyTorch; as many as there are cores unless given")
    parser.add_argument("--pace", type=float, default=1.0, help="seconds of learning for each second of a budget")
    parser.add_argument("--list", action="store_true", help="say which cells are missing")
    parser.add_argument("--table", action="store_true", help="print finished cells as Markdown")
    parser.add_argument("--strips", type=Path, help="write pictures of finished cells of bundled footage")
    arguments = parser.parse_args()
    if arguments.table or arguments.strips:
        shown = [cell for cell in read_cells(arguments.out, arguments.size) if wanted(cell, arguments)]
        if arguments.table:
            print(markdown(shown, list(methods())))
        if arguments.strips:
            strip_sheet(shown, list(methods()), arguments.out, arguments.strips)
        return
    make_cells(arguments)


def wanted(cell: Cell, arguments: argparse.Namespace) -> bool:
    """Whether a finished cell was asked for."""
    return (
        matches(cell.clip, arguments.clips) and matches(cell.method, arguments.methods)
        and cell.seed in arguments.seeds and cell.minutes in (0, *arguments.minutes)
    )  # fmt: skip


def matches(name: str, patterns: list[str]) -> bool:
    """Whether one of the patterns fits."""
    return any(fnmatch(name, pattern) for pattern in patterns)


def make_cells(arguments: argparse.Namespace) -> None:
    """All missing cells, clip by clip; short budgets first."""
    rows = [method for name, method in methods().items() if matches(name, arguments.methods)]
    clips = [name for name in known_clips(arguments.footage, arguments.real) if matches(name, arguments.clips)]
    if not rows or not clips:
        sys.exit(f"nothing fits --clips {' '.join(arguments.clips)} --methods {' '.join(arguments.methods)}")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    say, left = Narrator(), 0.0
    for name in clips:
        missing = [
            (method, minutes, seed)
            for minutes in (0.0, *sorted(arguments.minutes)) for seed in arguments.seeds for method in rows
            if (method.recipe is None) == (minutes == 0)
            and not cell_path(arguments.out, arguments.size, name, method.name, minutes, seed).is_file()
        ]  # fmt: skip
        if arguments.list:
            for method, minutes, seed in missing:
                print(f"{name}  {method.name}  {minutes:g} min  seed {seed}")
                left += minutes
            continue
        if missing:
            clip = open_clip(name, arguments.footage, arguments.real, arguments.out / "seen" / name, say)
        for method, minutes, seed in missing:
            make_cell(method, clip, minutes, seed, arguments.size, arguments.pace, arguments.out, say)
    if arguments.list:
        print(f"{left:g} minutes of learning")


class Narrator:
    """Says on stderr what is going on, now and then."""

    def __init__(self) -> None:
        self._said, self._stage = 0.0, ""

    def __call__(self, progress: Progress) -> None:
        """See ``OnProgress``."""
        if progress.stage != self._stage or time.monotonic() - self._said > 20:
            self._said, self._stage = time.monotonic(), progress.stage
            print(f"  {progress.stage} {progress.done:.0f}/{progress.total or 0:.0f} {progress.message}",
                  file=sys.stderr, flush=True)  # fmt: skip


# -- one cell -----------------------------------------------------------------------------------------------------


def make_cell(
    method: Method, clip: Clip, minutes: float, seed: int, size: int, pace: float, out: Path, say: Narrator
) -> None:
    """Learn, render, measure, keep."""
    where = out / f"{size}px" / clip.name
    lesson = Lesson(
        limit=Limit(seconds=60 * minutes * pace), seed=seed, device=CPU,
        folder=where / f"learned-{minutes:g}min-seed{seed}",
    )  # fmt: skip
    lesson.folder.mkdir(parents=True, exist_ok=True)
    contender, facts = contend(method, clip, lesson, size, say)
    cell = Cell(
        clip=clip.name, method=method.name, minutes=minutes, seed=seed, size=size, title=method.title,
        synthetic=clip.synthetic, learned={**facts, "pace": pace},
    )  # fmt: skip
    for name, trial in clip.tests.items():
        started = time.monotonic()
        tested, strip = measure(contender, trial, size, method.frames, with_strip=clip.synthetic)
        cell.tests[name] = tested
        cell.seconds[name] = round(time.monotonic() - started, 1)
        if strip is not None:
            strip.write(cell.path(out).with_suffix(f".{name}.jpg"))
            keep_truth(trial, strip, truth_strip(cell, out, name))
    cell.write(out)
    tidy(method, lesson.folder)
    found = ", ".join(f"{test} {cell.table(test).mean('body.lpips_alex'):.4f}" for test in cell.tests)
    steps, seconds = facts.get("steps", 0), sum(cell.seconds.values())
    print(f"{clip.name} {method.name} {minutes:g} min: body LPIPS {found}; {steps} steps; tested in {seconds:.0f} s",
          flush=True)  # fmt: skip


def keep_truth(trial: Trial, strip: Strip, path: Path) -> None:
    """The true pictures of a strip's moments, kept once."""
    if not path.is_file():
        true = Strip(strip.windows, strip.moments)
        for _ in true.watch(trial.truth()):
            pass
        true.write(path)


def contend(method: Method, clip: Clip, lesson: Lesson, size: int, say: Narrator) -> tuple[Contender, dict[str, Any]]:
    """The method ready to render, and how it was learned."""
    trial = next(iter(clip.tests.values()))
    own = lesson.folder / method.name
    if method.recipe is None:
        assert method.make is not None
        return method.make(trial.part(own), size, lesson.seed), {"commit": commit(), "machine": machine()}
    recipe, note = method.recipe(size), lesson.folder / f"{method.name}.facts.json"
    with watching_others() as watched:
        beginning = started(clip, lesson, recipe) if method.warm else None
        contender = lesson.learn(method.name, method.title, trial.part, recipe, say, beginning)
    facts = read_note(note)
    if facts is None or note.stat().st_mtime < (lesson.folder / f"{method.name}.safetensors").stat().st_mtime:
        settings = contender.settings
        assert contender.record is not None
        facts = {
            "commit": commit(), "machine": machine(), **watched, "steps": settings["steps"],
            "seconds": contender.record.trained["seconds"], "parameters": settings["parameters"],
            **speed(own / "log.jsonl", recipe),
        }  # fmt: skip
        write_atomically(note, json.dumps(facts).encode())
    return contender, facts


def started(clip: Clip, lesson: Lesson, recipe: Recipe) -> Beginning:
    """The generator of a bundled person other than the clip's, as ``swift`` learned it in ``STARTED`` minutes."""
    other = "A-B" if clip.name == "C-D" else "C-D"
    learned = f"learned-{STARTED:g}min-seed{lesson.seed}"
    person = lesson.folder.parents[1] / other / learned / "swift.safetensors"
    if not person.is_file():
        sys.exit(f"{person} is what warm-swift begins with: make --clips {other} --methods swift --minutes {STARTED:g}")
    return warm_start(load_person(person), recipe)


def speed(log: Path, recipe: Recipe) -> dict[str, Any]:
    """Steps by stage, and frames of the main generator learned from in a second: two in every pair of a batch.

    The log's last line of a stage, written as the next one begins, bears the next one's name.
    """
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    starts = {stage: next((r["steps"] for r in rows if r["stage"] == stage), None) for stage in stage_names(recipe)}
    ends = [*list(starts.values())[1:], rows[-1]["steps"]]
    steps = {stage: end - (start if index else 0) for index, ((stage, start), end) in
             enumerate(zip(starts.items(), ends, strict=True)) if start is not None and end is not None}  # fmt: skip
    seconds = next((r["seconds"] for r in rows if recipe.face and r["stage"] == recipe.face.name), rows[-1]["seconds"])
    frames = sum(2 * stage.batch * steps.get(stage.name, 0) for stage in recipe.stages)
    return {"stage_steps": steps, "frames_per_second": round(frames / max(seconds, 1e-3), 2)}


def stage_names(recipe: Recipe) -> list[str]:
    """Stages in order, the face's last."""
    return [*(stage.name for stage in recipe.stages), *([recipe.face.name] if recipe.face else [])]


def tidy(method: Method, folder: Path) -> None:
    """Leave the person file, unless it is one of hundreds of megabytes; checkpoints and caches go."""
    shutil.rmtree(folder / method.name, ignore_errors=True)
    person = folder / f"{method.name}.safetensors"
    if person.is_file() and person.stat().st_size > 100e6:
        person.unlink()


# -- measuring ----------------------------------------------------------------------------------------------------


class Every(Meter):
    """A meter that looks at one frame in so many."""

    def __init__(self, meter: Meter, every: int) -> None:
        self.meter, self.every = meter, every

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`Meter`."""
        return self.meter.measure(pair) if pair.index % self.every == 0 else {}


class RoomMeter(Meter):
    """Flicker outside of the windows that follow the person: there the plate stands still, exactly."""

    def __init__(self, windows: list[CropWindow], size: tuple[int, int]) -> None:
        self.windows, self.size = windows, size
        self._before: tuple[Picture, NDArray[np.bool_]] | None = None

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`Meter`."""
        outside = np.ones(self.size, np.uint8)
        window = self.windows[pair.index].visible(self.size)[:2]
        outside[tuple(slice(max(span.start - ROUNDED, 0), span.stop + ROUNDED) for span in window)] = 0
        now = pair.result, cv2.resize(outside, pair.result.shape[1::-1], interpolation=cv2.INTER_AREA) == 1
        before, self._before = self._before, now
        if before is None or not (here := now[1] & before[1]).any():
            return {}
        return {"room.flicker": float(np.abs(now[0][here].astype(np.float32) - before[0][here]).mean())}


def measure(
    contender: Contender, trial: Trial, height: int, frames: int | None, *, with_strip: bool
) -> tuple[dict[str, Any], Strip | None]:
    """Render a test and compare it, both brought to the scale that was learned."""
    count = min(frames or len(trial.driving), len(trial.driving))
    scale = min(1.0, crop_scale(trial.learnable, height))
    rows, columns = (round(side * scale) for side in trial.driving.size)
    ratio = np.array([columns / trial.driving.size[1], rows / trial.driving.size[0]], np.float32)
    truth_poses = trial.truth_poses[:count]
    poses = replace(truth_poses, xy=truth_poses.xy * ratio, size=(rows, columns))
    every = -(-count // COMPARED)
    strip = Strip(plan_windows(trial.truth_poses, scale), spread(trial.truth_poses, MOMENTS)) if with_strip else None
    rendered: Iterator[Picture] = contender.render(trial.driving[:count])
    results = rendered if strip is None else strip.watch(rendered)
    small = partial(resize, size=(rows, columns))
    masks = (
        None if mask is None else cv2.resize(mask.astype(np.uint8), (columns, rows)) > 0
        for mask in islice(trial.masks(), count)
    )  # fmt: skip
    pictures = PictureMeter(perceptual={"lpips_alex": load_lpips("alex")})
    room = RoomMeter(plan_windows(trial.driving, scale), trial.driving.size)
    table = compare_frames(
        map(small, results), map(small, islice(trial.truth(), count)), poses,
        meters=[Every(pictures, every), MotionMeter(), room], masks=masks,
    )  # fmt: skip
    present = trial.truth_poses.present[:count]
    table = FrameTable({name: np.where(present, column, np.nan) for name, column in table.columns.items()})
    return {
        "protocol": trial.protocol, "frames": count, "every": every, "size": [rows, columns],
        "columns": table.to_dict(),
    }, strip  # fmt: skip


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
