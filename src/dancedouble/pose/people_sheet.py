"""A picture of who is who in a clip: everyone boxed, numbered, and shown at their best."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.estimator import Frame
from dancedouble.pose.people import THUMBNAIL, Track

COLOURS = ((64, 160, 255), (255, 128, 64), (96, 208, 96), (224, 96, 224), (240, 208, 64), (64, 208, 208))
SHEET_HEIGHT = 640
"""Pixels above which the frame is shrunk for the sheet."""
CAPTION = 40
CARD_WIDTH = 150


def busiest_frame(tracks: Sequence[Track]) -> int:
    """The number of the frame in which most of the people were found, and of those the one that shows most of them."""
    shown: dict[int, list[float]] = {}
    for track in tracks:
        for sighting in track.sightings:
            shown.setdefault(sighting.frame, []).append(sighting.visible)
    return max(shown, key=lambda frame: (len(shown[frame]), sum(shown[frame])), default=0)


def people_sheet(frame: Frame, tracks: Sequence[Track]) -> Frame:
    """A picture of who is who: the frame with everyone in it boxed and numbered, and each person's thumbnail below.

    Args:
        frame: RGB; frame number :func:`busiest_frame` of the clip, so that the boxes lie where the people are.
        tracks: from :func:`list_people`.
    """
    shrink = min(1.0, SHEET_HEIGHT / frame.shape[0])
    picture = np.array(cv2.resize(frame, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    for track in tracks:
        sighting = track.at(busiest_frame(tracks))
        if sighting is not None:
            left, top, right, bottom = (round(value * shrink) for value in sighting.box)
            colour = COLOURS[(track.number - 1) % len(COLOURS)]
            cv2.rectangle(picture, (left, top), (right, bottom), colour, 2)
            _label(picture, str(track.number), (left, max(top - 6, 24)), 1.0, colour)
    strip = [_card(track) for track in tracks]
    width = max(picture.shape[1], sum(card.shape[1] for card in strip))
    row = np.full((THUMBNAIL + CAPTION, width, 3), 24, np.uint8)
    left = 0
    for card in strip:
        row[:, left : left + card.shape[1]] = card
        left += card.shape[1]
    padded = np.full((picture.shape[0], width, 3), 24, np.uint8)
    padded[:, : picture.shape[1]] = picture
    return np.concatenate([padded, row])


def _card(track: Track) -> Frame:
    card = np.full((THUMBNAIL + CAPTION, max(CARD_WIDTH, track.thumbnail.shape[1] + 8), 3), 24, np.uint8)
    card[:THUMBNAIL, 4 : 4 + track.thumbnail.shape[1]] = track.thumbnail
    colour = COLOURS[(track.number - 1) % len(COLOURS)]
    _label(card, f"person {track.number}", (4, THUMBNAIL + 16), 0.55, colour)
    _label(card, f"{track.height:.0f} px, {track.presence:.0%}", (4, THUMBNAIL + 34), 0.5, (220, 220, 220))
    return card


def _label(
    picture: NDArray[np.uint8], text: str, corner: tuple[int, int], scale: float, colour: tuple[int, int, int]
) -> None:
    weight = max(1, round(scale * 1.5))
    cv2.putText(picture, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), weight * 3, cv2.LINE_AA)
    cv2.putText(picture, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, weight, cv2.LINE_AA)
