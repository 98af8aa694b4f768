"""The whole job from Python, with progress of one's own and a way to stop.

    python examples/transfer.py dance.mp4 me.mp4 out.mp4 "me, my own video" [SECONDS]

Create a file named STOP beside the output to end the learning early: the video is made with what was learned so far.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dancedouble import transfer
from dancedouble.errors import Cancelled, DancedoubleError
from dancedouble.progress import Progress


def main(source: str, target: str, output: str, consent: str, seconds: str = "600") -> int:
    stop = Path(output).with_name("STOP")

    def on_progress(progress: Progress) -> None:
        left = "" if progress.eta is None else f", {progress.eta:.0f} s left"
        print(f"\r{progress.stage}: {progress.done:.0f} {progress.unit}{left}".ljust(60), end="", file=sys.stderr)
        if stop.exists():
            stop.unlink()
            raise Cancelled("asked to stop")

    try:
        result = transfer(
            source,
            target,
            output,
            budget=float(seconds),
            layout="side-by-side",
            consent=consent,
            on_progress=on_progress,
        )
    except DancedoubleError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"\n{result.output}: {result.frames} frames; the person, for other dances: {result.person}")
    for warning in result.warnings:
        print(f"  {warning}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
