"""The contact sheet: moments of the dance that were never filmed, each beside the nearest thing that was."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PictureFile
from PIL import ImageDraw, ImageFont

from dancedouble.coverage.advice import phrase
from dancedouble.coverage.check import CoverageReport, Uncovered
from dancedouble.media.image import resize
from dancedouble.pose.keypoints import PoseSequence

Image = NDArray[np.uint8]
ReadFrame = Callable[[int], Image]
"""Frame number → RGB uint8 (H, W, 3)."""

CELL = (280, 210)
"""(height, width) of one picture, in pixels."""
GAP, PAPER = 8, 24
"""Pixels between pictures, and the grey level of what is between them."""
CAPTION, EMPTY = 38, 48
LETTERS, SMALL_LETTERS = 12, 8
"""Sizes of the captions' lettering: as large as fits."""
MOST_ROWS, COLUMNS = 6, 2
APART_SECONDS = 0.2


def choose_moments(report: CoverageReport, fps: float, count: int = MOST_ROWS * COLUMNS) -> list[Uncovered]:
    """The worst moment of each thing that lacks, most seconds first, at most ``count``.

    Of moments within ``APART_SECONDS`` of each other only the first is taken: they would show one picture twice.
    """
    seconds: dict[tuple[str, str], float] = {}
    worst: dict[tuple[str, str], Uncovered] = {}
    for span in report.uncovered:
        key = (span.part, span.reason)
        seconds[key] = seconds.get(key, 0) + span.end - span.start
        if key not in worst or _distance(report, span) > _distance(report, worst[key]):
            worst[key] = span
    chosen: list[Uncovered] = []
    for key in sorted(worst, key=lambda key: (-seconds[key], key)):
        moment = worst[key]
        if all(abs(moment.frame - other.frame) > APART_SECONDS * fps for other in chosen):
            chosen.append(moment)
    return chosen[:count]


def draw_contact_sheet(
    report: CoverageReport,
    dance: PoseSequence,
    footage: PoseSequence,
    *,
    read_dance: ReadFrame,
    read_footage: ReadFrame,
) -> Image | None:
    """Pairs of pictures, dance on the left, nearest footage on the right; None when nothing lacks.

    Each picture is cut to the person, so ``read_dance`` may also return drawn figures where only poses are
    known.
    """
    moments = choose_moments(report, float(dance.fps))
    if not moments:
        return None
    pairs = []
    for moment in moments:
        asked = _cell(read_dance(moment.frame), dance, moment.frame)
        filmed, found = np.full((*CELL, 3), EMPTY, np.uint8), "nothing filmed"
        if moment.nearest >= 0:
            filmed = _cell(read_footage(moment.nearest), footage, moment.nearest)
            found = f"nearest filmed, {moment.nearest / float(footage.fps):.1f} s"
        wanted = f"{moment.frame / float(dance.fps):.1f} s: {phrase(moment.part, moment.reason)}"
        pairs.append(np.vstack([np.hstack([asked, filmed]), _caption(wanted, found, 2 * CELL[1])]))
    return _grid(pairs, COLUMNS if len(pairs) > 1 else 1)


def _caption(wanted: str, found: str, width: int) -> Image:
    """A strip with two lines of text: what is wanted, and what was found."""
    strip = PictureFile.new("RGB", (width, CAPTION), (PAPER, PAPER, PAPER))
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(LETTERS)
    draw.text((2, 3), wanted, font=_fitting(draw, wanted, width - 4), fill=(255, 255, 255))
    draw.text((2, 19), found, font=font, fill=(170, 170, 170))
    return np.asarray(strip).copy()


def _fitting(draw: ImageDraw.ImageDraw, text: str, width: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The largest lettering in which ``text`` fits."""
    for size in range(LETTERS, SMALL_LETTERS, -1):
        if draw.textlength(text, font=ImageFont.load_default(size)) <= width:
            return ImageFont.load_default(size)
    return ImageFont.load_default(SMALL_LETTERS)


def _distance(report: CoverageReport, span: Uncovered) -> float:
    return float(np.nan_to_num(report.distance[span.frame]))


def _cell(frame: Image, poses: PoseSequence, index: int) -> Image:
    """The person, with some room, on a cell of the sheet."""
    points = poses.xy[index][poses.score[index] > 0]
    height, width = frame.shape[:2]
    if len(points):
        low, high = points.min(axis=0), points.max(axis=0)
        centre = (low + high) / 2
        half = 0.62 * max(float(high[1] - low[1]), float(high[0] - low[0]) * CELL[0] / CELL[1], 16.0)
        left, right = centre[0] - half * CELL[1] / CELL[0], centre[0] + half * CELL[1] / CELL[0]
        top, bottom = centre[1] - half, centre[1] + half
        frame = frame[max(0, int(top)) : min(height, int(bottom)), max(0, int(left)) : min(width, int(right))]
    if frame.size == 0:
        return np.full((*CELL, 3), EMPTY, np.uint8)
    scale = min(CELL[0] / frame.shape[0], CELL[1] / frame.shape[1])
    size = (max(1, round(frame.shape[0] * scale)), max(1, round(frame.shape[1] * scale)))
    above, beside = CELL[0] - size[0], CELL[1] - size[1]
    padded = cv2.copyMakeBorder(
        resize(np.ascontiguousarray(frame), size), above // 2, above - above // 2, beside // 2, beside -
        beside // 2, cv2.BORDER_CONSTANT, value=(EMPTY, EMPTY, EMPTY),
    )  # fmt: skip
    return np.asarray(padded, np.uint8)


def _grid(pictures: Sequence[Image], columns: int) -> Image:
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), PAPER, np.uint8)
    for number, picture in enumerate(pictures):
        top = GAP + number // columns * (height + GAP)
        left = GAP + number % columns * (width + GAP)
        sheet[top : top + height, left : left + width] = picture
    return sheet
