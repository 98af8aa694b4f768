"""The pictures of report.html: a moving strip, strips of all methods, the worst moments."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from dancedouble.evaluation.definitions import metric_of
from dancedouble.evaluation.moments import NO_REASON
from dancedouble.evaluation.report import EvaluationReport
from dancedouble.media.image import encode_jpeg, encode_moving, resize

Image = NDArray[np.uint8]

STRIP_HEIGHT, THUMBNAIL_HEIGHT, FILM_HEIGHT, SHEET_HEIGHT = 260, 220, 240, 1600
"""Pixels of the pictures in the page."""
JPEG_QUALITY = 82
FEW = 2
"""Strips of so many pictures stand side by side."""
FILM_FPS, FILM_SECONDS = 12.5, 8.0
"""The moving strip: frames a second at most, and its length at most."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Pictures of one moment side by side."""

    caption: str
    pictures: Sequence[tuple[str, Image]]
    """(label, RGB uint8), such as truth first, then each method."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """The same moments of a few methods, moving."""

    labels: Sequence[str]
    rows: Sequence[Sequence[Image]]
    """Per moment one RGB uint8 picture for each label."""
    fps: float


@dataclass(frozen=True, kw_only=True)
class ReportPictures:
    """What the page shows. All pictures are RGB uint8 (H, W, 3), cut to the person by the caller."""

    film: Film | None = None
    strips: Sequence[Strip] = ()
    moments: Mapping[int, Sequence[tuple[str, Image]]] | None = None
    """``Moment.frame`` → (label, picture) pairs, such as the result beside the truth."""
    contact_sheet: Image | None = None
    """From ``coverage.draw_contact_sheet``."""


def thin_film(frames: int, fps: float) -> tuple[list[int], float]:
    """Which of ``frames`` a film of ``fps`` shows, and how many of those a second."""
    step = max(1, round(fps / FILM_FPS))
    shown = list(range(0, min(frames, int(FILM_SECONDS * fps)), step))
    return shown, fps / step


def draw_film(film: Film | None) -> str:
    """A moving picture in the page, without script; a still one for people who asked their system for less motion."""
    if film is None or not film.rows:
        return ""
    height = min(FILM_HEIGHT, *(picture.shape[0] for picture in film.rows[0]))
    width = round(film.rows[0][0].shape[1] * height / film.rows[0][0].shape[0])
    rows = [np.hstack([resize(picture, (height, width)) for picture in row]) for row in film.rows]
    still, moving = b64encode(encode_jpeg(rows[0], JPEG_QUALITY)).decode(), encode_moving(rows, film.fps)
    size = f'width="{rows[0].shape[1]}" height="{height}"'
    labels = "".join(f"<span>{escape(label)}</span>" for label in film.labels)
    return (
        f'<figure class="film"><picture><source media="(prefers-reduced-motion:reduce)" {size} '
        f'srcset="data:image/jpeg;base64,{still}"><img {size} alt="{escape(", ".join(film.labels))}, moving" '
        f'src="data:image/webp;base64,{b64encode(moving).decode()}"></picture>'
        f'<figcaption class="under">{labels}</figcaption></figure>'
    )


def draw_strips(strips: Sequence[Strip]) -> str:
    """A row of pictures for each moment."""
    few = " few" if strips and len(strips[0].pictures) <= FEW else ""
    return f'<div class="strips{few}">{_rows(strips)}</div>' if strips else ""


def _rows(strips: Sequence[Strip]) -> str:
    return "".join(
        f'<figure class="strip"><figcaption>{escape(strip.caption)}</figcaption><div class="row">'
        + "".join(draw_picture(picture, label, STRIP_HEIGHT) for label, picture in strip.pictures)
        + "</div></figure>"
        for strip in strips
    )


def draw_picture(picture: Image, label: str, height: int) -> str:
    """A labelled picture as a JPEG inside the page."""
    if picture.shape[0] > height:
        picture = resize(picture, (height, max(1, round(picture.shape[1] * height / picture.shape[0]))))
    data = b64encode(encode_jpeg(picture, JPEG_QUALITY)).decode()
    size = f'width="{picture.shape[1]}" height="{picture.shape[0]}"'
    image = f'<img {size} alt="{escape(label)}" src="data:image/jpeg;base64,{data}">'
    return f'<div class="pic">{image}<span>{escape(label)}</span></div>'


def draw_moments(report: EvaluationReport, pictures: Mapping[int, Sequence[tuple[str, Image]]]) -> str:
    """The worst moments, numbered as on the timeline."""
    start, digits = report.first_frame / report.fps, metric_of(report.moments_of).digits
    cards = []
    for rank, moment in enumerate(report.moments, 1):
        shown = "".join(
            draw_picture(picture, label, THUMBNAIL_HEIGHT) for label, picture in pictures.get(moment.frame, ())
        )
        value = "" if np.isnan(moment.value) else f": {moment.value:.{digits}f}"
        known = "" if moment.reason == NO_REASON else ' class="why"'
        cards.append(
            f'<li id="m{rank}"><div class="row">{shown}</div><p><b>{rank}</b> at {start + moment.seconds:.1f} s{value}'
            f"<br><span{known}>{escape(moment.reason)}</span></p></li>"
        )
    return f'<ol class="moments">{"".join(cards)}</ol>' if cards else ""
