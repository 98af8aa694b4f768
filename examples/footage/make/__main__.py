"""``python -m make``: make the footage. See README.md beside this file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from .cast import CLIPS
from .clips import check_motion, film_frame, finish, rehearse, render_frames
from .crowd import invite
from .render import Studio
from .room import Camera


def main() -> int:
    """Exit 0 when everything asked for is done, 3 when time ran out before (run it again)."""
    parser = argparse.ArgumentParser(prog="python -m make", description=__doc__)
    parser.add_argument("work", choices=["check", "sheet", "render"])
    parser.add_argument("clips", nargs="*", help=f"of {', '.join(CLIPS)}, crowd-0, crowd-1 …; default all named ones")
    parser.add_argument("--cache", type=Path, default=Path("frames"), help="where rendered frames are kept")
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop rendering after this long")
    parser.add_argument("--every", type=int, default=12, help="sheet: one frame in so many")
    parser.add_argument("--scale", type=float, default=0.5, help="sheet: size of a picture against the clip's")
    arguments = parser.parse_args()
    for name in arguments.clips or list(CLIPS):
        invite(name)
        if arguments.work == "check":
            performance = rehearse(CLIPS[name])
            print(f"{name}: {len(performance)} frames, {check_motion(performance, CLIPS[name].camera):.1f}° at most")
        elif arguments.work == "sheet":
            write_sheet(name, arguments.cache, arguments.every, arguments.scale)
        else:
            if not render_frames(name, arguments.cache, arguments.seconds):
                print(f"{name}: not finished, run again")
                return 3
            arguments.output.mkdir(parents=True, exist_ok=True)
            finish(name, arguments.cache, arguments.output)
            print(f"{name}: {(arguments.output / name).with_suffix('.mp4').stat().st_size / 1e6:.2f} MB")
    return 0


def write_sheet(name: str, folder: Path, every: int, scale: float) -> None:
    """A contact sheet, ``folder/sheet_name.png``, of some frames at reduced size, to look at while choreographing."""
    clip = CLIPS[name]
    size = (round(clip.camera.size[0] * scale / 2) * 2, round(clip.camera.size[1] * scale / 2) * 2)
    camera = Camera(
        size=size, focal=clip.camera.focal * scale, height=clip.camera.height, distance=clip.camera.distance,
        aim=clip.camera.aim,
    )  # fmt: skip
    performance = rehearse(clip, camera)
    studio = Studio(clip.room, camera, seed=len(name))
    pictures = []
    for t in range(0, len(performance), every):
        picture = np.ascontiguousarray(film_frame(studio, performance, t)[0])
        pictures.append(cv2.putText(picture, str(t), (4, 14), cv2.FONT_HERSHEY_PLAIN, 0.9, (0, 0, 0)))
    columns = 8
    pictures += [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    rows = [np.hstack(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"sheet_{name}.png"), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    sys.exit(main())
