"""The README's picture strip: the same moments of the dance, of what was rendered, and of the truth.

python docs/images/make_strip.py demo/dance.mp4 docs/images/demo-strip.jpg
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from dancedouble.media.image import resize, text_label, write_image
from dancedouble.media.video import probe, read_frames

FOOTAGE = Path(__file__).parents[2] / "examples" / "footage"
MOMENTS = (0.04, 0.22, 0.36, 0.52, 0.66, 0.82, 0.96)
HEIGHT = 240


def row(video: Path, title: str) -> np.ndarray:
    """The moments of one video side by side, the first one labelled."""
    frames = probe(video).frames
    wanted = {round(moment * (frames - 1)) for moment in MOMENTS}
    kept = [frame for index, frame in enumerate(read_frames(video)) if index in wanted]
    shown = [resize(frame, (HEIGHT, round(frame.shape[1] * HEIGHT / frame.shape[0]))) for frame in kept]
    return np.concatenate([text_label(shown[0], title), *shown[1:]], axis=1)


def main() -> None:
    result, output = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [
        row(FOOTAGE / "A_dance.mp4", "the dance (synthetic)"),
        row(result, "dancedouble"),
        row(FOOTAGE / "B_dance_truth.mp4", "the truth (synthetic)"),
    ]
    write_image(output, np.concatenate(rows))


if __name__ == "__main__":
    main()
