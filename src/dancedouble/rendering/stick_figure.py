"""The drawn pose. :func:`draw_paper_figure` is the paper's, pixel for pixel (what its networks read);
:func:`draw_stick_figure` is the same figure smooth and at any size, for people and for small networks.

Pure: the same points give the same bytes. Points are (x, y) in pixels; a point of score 0 draws nothing.
"""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dancedouble.pose.skeleton import BODY, FACE, LEFT_HAND, RIGHT_HAND
from dancedouble.rendering.palette import BODY_23, FACE_POINTS, HAND_BONES, HAND_COLORS, Color, Palette

Picture = NDArray[np.uint8]
Points = NDArray[np.float32]
FaceDetail = Literal[8, 9, 22]
Canvas = Literal["white", "black"]

OVER = 0.6
"""Share of a limb's colour where it lies over what was drawn before."""
HAND_SCORE = 0.05
"""A hand point is drawn above this score."""
FACE_SCORE = 0.2
"""A face is drawn when its 70 scores average at least this: a head seen from behind has no face."""
CANVAS_SIDE = 1080
"""Short side, in pixels, of the canvas that the paper's radii and widths belong to."""
LANCZOS_LOBES = 3
"""A Lanczos filter reaches this many pixels of the smaller picture."""
MARGIN = 4
"""Pixels drawn about a part of a picture."""
SHIFT = 4
"""Fractional bits of sub-pixel drawing: 1/16 px."""


def draw_stick_figure(
    xy: Points,
    score: Points,
    size: tuple[int, int],
    *,
    canvas: Canvas = "white",
    face_points: FaceDetail = 8,
    palette: Palette = BODY_23,
    over: Picture | None = None,
    part: tuple[int, int, int, int] | None = None,
    strokes_of: tuple[int, int] | None = None,
) -> Picture:
    """Draw one pose with sub-pixel, anti-aliased strokes whose width follows the size of the picture.

    ``xy`` (137, 2) in pixels of the picture, ``score`` (137,), ``size`` (height, width). ``over`` draws on a
    copy of an RGB picture of that size instead of an empty canvas. ``part`` = (top, left, bottom, right) draws only
    that part of the picture. ``strokes_of``: strokes as wide as in a picture of this size. Returns (height, width, 3)
    uint8 RGB.
    """
    if over is not None and over.shape != (*size, 3):
        raise ValueError(f"the picture to draw over is {over.shape}, expected {(*size, 3)}")
    image = np.full((*size, 3), 255 if canvas == "white" else 0, np.uint8) if over is None else over.copy()
    ink: Color = (0, 0, 0) if canvas == "white" else (255, 255, 255)
    unit = max(min(strokes_of or size) / 720, 0.3)
    top, left, bottom, right = (0, 0, *size) if part is None else part
    # A little more than the part: strokes are smoothed differently where a canvas ends.
    rows, columns = max(top - MARGIN, 0), max(left - MARGIN, 0)
    image = np.ascontiguousarray(image[rows : bottom + MARGIN, columns : right + MARGIN])
    _draw(
        _SmoothPen(image, unit),
        np.asarray(xy, np.float64) - (columns, rows),
        score,
        palette,
        FACE_POINTS[face_points],
        ink,
    )
    return image[top - rows : bottom - rows, left - columns : right - columns]


def draw_paper_figure(
    xy: Points,
    score: Points,
    frame_size: tuple[int, int],
    size: tuple[int, int],
    *,
    face_points: FaceDetail = 8,
    palette: Palette = BODY_23,
) -> Picture:
    """Draw one pose as *Everybody Dance Now* does: whole-pixel strokes at 1080p, then Lanczos to ``size``.

    ``xy`` (137, 2) in pixels of a frame of ``frame_size`` (height, width). The canvas keeps the frame's
    aspect with a short side of 1080 px, so 16:9 footage gets the paper's 1080 × 1920; ``size`` may squeeze
    it, as the paper's 512 × 1024 does, and the frames are squeezed alike. Returns (*size, 3) uint8 RGB.
    """
    zoom = CANVAS_SIDE / min(frame_size)
    height, width = round(frame_size[0] * zoom), round(frame_size[1] * zoom)
    image = np.full((height, width, 3), 255, np.uint8)
    on_canvas = np.asarray(xy, np.float64) * (width / frame_size[1], height / frame_size[0])
    _draw(_PaperPen(image), on_canvas, score, palette, FACE_POINTS[face_points], (0, 0, 0))
    return image if size == (height, width) else _lanczos(image, size)


def _lanczos(image: Picture, size: tuple[int, int]) -> Picture:
    """Resize a figure on white. Only the rows and columns that ink can reach are computed: a sixth of the time.

    Equal to resizing all of it bit for bit at the paper's sizes, and to one level of brightness at any.
    """
    small = np.full((*size, 3), 255, np.uint8)
    inked = cv2.boundingRect(cv2.bitwise_not(cv2.inRange(image, (255, 255, 255), (255, 255, 255))))
    if inked[2] == 0:
        return small
    crop, spans = [], []
    for start, length, large, little in (
        (inked[0], inked[2], image.shape[1], size[1]),
        (inked[1], inked[3], image.shape[0], size[0]),
    ):
        step = large / little
        reach = LANCZOS_LOBES * max(step, 1) + 1
        first = max(math.floor((start - reach) / step), 0)
        last = min(math.ceil((start + length + reach) / step), little)
        crop.append((first * step, last * step))
        spans.append((first, last))
    (left, right), (top, bottom) = spans
    part = Image.fromarray(image).resize(
        (right - left, bottom - top),
        Image.Resampling.LANCZOS,
        box=(crop[0][0], crop[1][0], crop[0][1], crop[1][1]),
    )
    small[top:bottom, left:right] = np.asarray(part)
    return small


class _PaperPen:
    """Whole-pixel circles and ellipses in canvas pixels."""

    def __init__(self, image: Picture) -> None:
        self.image = image

    def dot(self, point: NDArray[np.float64], radius: int, color: Color) -> None:
        cv2.circle(self.image, (int(point[0]), int(point[1])), radius, color, thickness=-1)

    def limb(self, start: NDArray[np.float64], end: NDArray[np.float64], half_width: int, color: Color) -> None:
        (x0, y0), (x1, y1) = start.tolist(), end.tolist()
        center = (int((x0 + x1) / 2), int((y0 + y1) / 2))
        axes = (int(math.hypot(x0 - x1, y0 - y1) / 2), half_width)
        angle = int(math.degrees(math.atan2(y0 - y1, x0 - x1)))
        outline = np.asarray(cv2.ellipse2Poly(center, axes, angle, 0, 360, 1), np.int32)
        _blend_polygon(self.image, outline, color)


class _SmoothPen:
    """Anti-aliased circles and ellipses; ``unit`` scales the paper's radii and widths."""

    TURN = np.linspace(0, 2 * np.pi, 33)[:-1]
    CIRCLE = np.stack([np.cos(TURN), np.sin(TURN)], axis=1)

    def __init__(self, image: Picture, unit: float) -> None:
        self.image, self.unit = image, unit

    def dot(self, point: NDArray[np.float64], radius: int, color: Color) -> None:
        if self._misses(point, point, radius):
            return
        outline = self._fixed(point + self.CIRCLE * (radius * self.unit))
        cv2.fillConvexPoly(self.image, outline, color, lineType=cv2.LINE_AA, shift=SHIFT)

    def limb(self, start: NDArray[np.float64], end: NDArray[np.float64], half_width: int, color: Color) -> None:
        if self._misses(start, end, half_width):
            return
        along = (end - start) / 2
        length = max(float(np.hypot(*along)), 1e-6)
        across = np.array([-along[1], along[0]]) / length * (half_width * self.unit)
        outline = (start + end) / 2 + self.CIRCLE[:, :1] * along + self.CIRCLE[:, 1:] * across
        _blend_polygon(self.image, self._fixed(outline), color, line=cv2.LINE_AA, shift=SHIFT)

    def _misses(self, start: NDArray[np.float64], end: NDArray[np.float64], half_width: int) -> bool:
        """Whether a stroke lies outside the picture: most do, when only a part is drawn."""
        (x0, y0), (x1, y1) = start.tolist(), end.tolist()
        height, width = self.image.shape[:2]
        reach = half_width * self.unit + 2
        inside_x = max(x0, x1) > -reach and min(x0, x1) < width + reach
        return not (inside_x and max(y0, y1) > -reach and min(y0, y1) < height + reach)

    @staticmethod
    def _fixed(outline: NDArray[np.float64]) -> NDArray[np.int32]:
        # Our (0, 0) is the corner of the first pixel, the drawing library's is its centre.
        fixed: NDArray[np.int32] = np.round((outline - 0.5) * 2**SHIFT).astype(np.int32)
        return fixed


def _blend_polygon(image: Picture, outline: NDArray[np.int32], color: Color, *, line: int = 8, shift: int = 0) -> None:
    """Fill on a copy and mix 0.4 : 0.6, in place.

    Only the bounding box is computed, which equals mixing the whole picture: 0.4 v + 0.6 v rounds to v.
    """
    height, width = image.shape[:2]
    margin = 2
    left, top = np.maximum((outline.min(axis=0) >> shift) - margin, 0)
    right, bottom = np.minimum((outline.max(axis=0) >> shift) + margin + 1, (width, height))
    if left >= right or top >= bottom:
        return
    region = image[top:bottom, left:right]
    filled = region.copy()
    cv2.fillConvexPoly(filled, outline - (np.array([left, top], np.int32) << shift), color, lineType=line, shift=shift)
    image[top:bottom, left:right] = cv2.addWeighted(region, 1 - OVER, filled, OVER, 0)


def _draw(
    pen: _PaperPen | _SmoothPen,
    xy: NDArray[np.floating],
    score: Points,
    palette: Palette,
    face_points: tuple[int, ...],
    ink: Color,
) -> None:
    """The figure in the paper's order: joints, limbs, face, right hand, left hand."""
    points = np.asarray(xy, np.float64)
    seen = (score > 0) & np.isfinite(points).all(axis=1)
    # Far outside the picture nothing shows, and the drawing library's fixed-point numbers would overflow.
    height, width = pen.image.shape[:2]
    seen &= (np.abs(points - (width / 2, height / 2)) < 8 * max(height, width)).all(axis=1)

    body, body_seen = points[BODY][list(palette.points)], seen[BODY][list(palette.points)]
    for joint in np.flatnonzero(body_seen):
        pen.dot(body[joint], 8, palette.colors[joint])
    for first, second in palette.limbs:
        if body_seen[first] and body_seen[second]:
            pen.limb(body[first], body[second], 4, palette.colors[first])

    if score[FACE].mean() >= FACE_SCORE:
        for index in face_points:
            if seen[FACE][index]:
                pen.dot(points[FACE][index], 4, ink)

    for hand in (RIGHT_HAND, LEFT_HAND):
        shown = seen[hand] & (score[hand] > HAND_SCORE)
        for joint in np.flatnonzero(shown):
            pen.dot(points[hand][joint], 3, HAND_COLORS[joint])
        for first, second in HAND_BONES:
            if shown[first] and shown[second]:
                pen.limb(points[hand][first], points[hand][second], 2, HAND_COLORS[second])
