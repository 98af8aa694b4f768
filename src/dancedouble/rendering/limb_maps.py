"""Limb-coordinate maps: what the fast generator is told about the pose, in place of a drawn figure.

A drawn line says *that* a limb is somewhere; these maps say, at every pixel near a limb, *where on the
limb* it is: how far along and how far across. The network then needs no large receptive field to know which
piece of sleeve to paint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.skeleton import FACE, LEFT_HAND, POINTS, RIGHT_HAND, body

Array = NDArray[np.float32]


class Limb(NamedTuple):
    """A straight piece of the body between the means of two sets of points."""

    name: str
    start: tuple[int, ...]
    end: tuple[int, ...]


def _between(name: str, start: str, end: str) -> Limb:
    return Limb(name, (body(start),), (body(end),))


_KNUCKLES = (5, 9, 13, 17)
"""First joints of the four fingers, inside a hand's 21 points."""

LIMBS: tuple[Limb, ...] = (
    *(
        limb
        for side, hand in (("right", RIGHT_HAND.start), ("left", LEFT_HAND.start))
        for limb in (
            _between(f"{side}_upper_arm", f"{side}_shoulder", f"{side}_elbow"),
            _between(f"{side}_forearm", f"{side}_elbow", f"{side}_wrist"),
            Limb(f"{side}_palm", (body(f"{side}_wrist"),), tuple(hand + k for k in _KNUCKLES)),
            _between(f"{side}_thigh", f"{side}_hip", f"{side}_knee"),
            _between(f"{side}_shin", f"{side}_knee", f"{side}_ankle"),
            _between(f"{side}_foot", f"{side}_heel", f"{side}_big_toe"),
            _between(f"{side}_flank", f"{side}_shoulder", f"{side}_hip"),
        )
    ),
    _between("shoulders", "right_shoulder", "left_shoulder"),
    _between("hips", "right_hip", "left_hip"),
    _between("spine", "neck", "mid_hip"),
    _between("head", "neck", "nose"),
    _between("ears", "right_ear", "left_ear"),
)

_FINGERS = tuple(
    tuple((hand + a, hand + b) for a, b in zip((0, *chain[:-1]), chain, strict=True))
    for hand in (RIGHT_HAND.start, LEFT_HAND.start)
    for chain in (tuple(range(4 * finger + 1, 4 * finger + 5)) for finger in range(5))
)
"""Ten fingers, right hand first, each as its four bones from the wrist to the tip."""

_FACE_GROUPS = tuple(
    tuple(FACE.start + point for point in points)
    for points in (
        (*range(17),), (*range(17, 27),), (*range(27, 36),), (*range(36, 48), 68, 69), (*range(48, 68),),
    )
)  # fmt: skip
"""Jaw, brows, nose, eyes, mouth."""

_LIMB_WIDTH, _FINGER_WIDTH, _FACE_WIDTH = 0.05, 0.008, 0.008
"""Standard deviations of the Gaussian weights, in body heights."""


class _Region(NamedTuple):
    """What lies close together and is drawn at once, without coordinates: the fingers of a hand, or the face."""

    channels: slice
    """Of the channels after those of the limbs."""
    bones: NDArray[np.intp]
    """(B, 2) points of all of its bones; both are the same for a point."""
    first: NDArray[np.intp]
    """The first bone of each channel."""
    width: float
    """Standard deviation in body heights."""


def _regions(*parts: tuple[Sequence[Sequence[tuple[int, int]]], float]) -> tuple[_Region, ...]:
    """Regions, each given as the bones of its channels and their width; their channels follow each other."""
    regions: list[_Region] = []
    before = 0
    for channels, width in parts:
        first = np.cumsum([0, *(len(bones) for bones in channels[:-1])])
        span = slice(before, before + len(channels))
        regions.append(_Region(span, np.concatenate(channels).astype(np.intp), first, width))
        before = span.stop
    return tuple(regions)


_REGIONS = _regions(
    (_FINGERS[:5], _FINGER_WIDTH),
    (_FINGERS[5:], _FINGER_WIDTH),
    ([[(point, point) for point in points] for points in _FACE_GROUPS], _FACE_WIDTH),
)

HEAD_WEIGHT = 3 * [limb.name for limb in LIMBS].index("head")
"""Channel of :func:`limb_maps` with the weight of the line from neck to nose."""
BONE_WEIGHTS = [3 * index for index, limb in enumerate(LIMBS) if limb.name not in ("head", "ears")]
"""Channels of :func:`limb_maps` with the weights of limbs whose bones are inside the body, however it is turned."""
CHANNELS = 3 * len(LIMBS) + len(_FINGERS) + len(_FACE_GROUPS)
"""Channels of :func:`limb_maps`."""


def limb_ends(xy: Array, score: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Ends of each limb of one pose, or of a whole sequence.

    Args:
        xy: (..., 137, 2) points in pixels.
        score: (..., 137) confidence; a point is detected when it is above 0.

    Returns:
        start (..., L, 2), end (..., L, 2) in pixels and known (..., L): whether both ends of the limb are
        detected. An end that is the mean of several points uses those that are detected.
    """
    ends, known = [], np.ones((*score.shape[:-1], len(LIMBS)), np.bool_)
    for side in ("start", "end"):
        points = np.stack([_mean_point(xy, score, getattr(limb, side)) for limb in LIMBS], axis=-2)
        known &= points[..., 2] > 0
        ends.append(points[..., :2])
    return ends[0], ends[1], known


def _mean_point(xy: Array, score: Array, points: tuple[int, ...]) -> Array:
    """(..., 3) mean x and y of the detected ones among some points, and how many they are."""
    if len(points) == 1:
        seen = (score[..., points[0], None] > 0).astype(np.float32)
        return np.concatenate([xy[..., points[0], :], seen], axis=-1)
    weight = (score[..., list(points)] > 0).astype(np.float32)
    count = weight.sum(-1, keepdims=True)
    mean = (xy[..., list(points), :] * weight[..., None]).sum(-2) / np.maximum(count, 1)
    return np.concatenate([mean, count], axis=-1)


def segment_coordinates(start: Array, end: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Where pixels lie relative to segments.

    Args:
        start: (S, 2) first ends in pixels.
        end: (S, 2) second ends in pixels.
        x: (N,) pixel positions.
        y: (N,) pixel positions.

    Returns:
        along (S, N), 0 at the start and 1 at the end, unbounded; across (S, N) signed distance in pixels from
        the segment's line; squared (S, N) squared distance in pixels from the segment itself.
    """
    along, across, length = _along_and_across(start, end, x, y)
    return along / length, across, _squared(along, across, length)


def squared_distances(start: Array, end: Array, x: Array, y: Array) -> Array:
    """(S, N) squared distance in pixels of pixels from segments; see :func:`segment_coordinates`."""
    return _squared(*_along_and_across(start, end, x, y))


def _along_and_across(start: Array, end: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """(S, N) pixels along and across each segment from its start, and (S, 1) its length."""
    bone = end - start
    # A segment of no length (a point) still needs a direction, or every pixel would lie on it.
    short = np.float32(1e-3)
    length = np.sqrt((bone**2).sum(1, keepdims=True)).astype(np.float32)
    direction = np.where(length > short, bone / np.maximum(length, short), np.array([1, 0], np.float32))
    cosine, sine = direction.astype(np.float32).T
    turn = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)]).astype(np.float32)  # (2, S, 2)
    moved = -(turn * start).sum(2, keepdims=True)
    along, across = np.concatenate([turn, moved], 2) @ np.stack([x, y, np.ones_like(x)])
    return along, across, np.maximum(length, short)


def _squared(along: Array, across: Array, length: Array) -> Array:
    beyond = along - np.minimum(np.maximum(along, 0), length)
    beyond *= beyond
    beyond += across * across
    return beyond


def limb_maps(xy: Array, score: Array, size_hw: tuple[int, int], body_height_px: float) -> Array:
    """Draw one pose as limb-coordinate maps.

    All lengths are in pixels of the maps: for maps at a quarter of the picture's size, divide by four first.

    Args:
        xy: (137, 2) points; (0, 0) is the upper left corner of the upper left pixel.
        score: (137,) confidence; a limb with an undetected end is left at zero.
        size_hw: height and width of the maps.
        body_height_px: standing height of the person: sets how wide limbs reach.

    Returns:
        float32 (CHANNELS, height, width). First, for each of ``LIMBS``: a weight from 1
        on the limb to 0 far from it; the position along the limb (0 to 1, clipped to [-1, 2]) times the
        weight; the signed position across it (clipped to ±1.5) times the weight. Then one weight per finger,
        right hand first, and one per group of face points: jaw, brows, nose, eyes, mouth.

    Raises:
        ValueError: the arrays do not hold one pose.
    """
    if xy.shape != (POINTS, 2) or score.shape != (POINTS,):
        raise ValueError(f"limb maps need one pose of {POINTS} points, got {xy.shape} and {score.shape}")
    height, width = size_hw
    y, x = np.mgrid[0:height, 0:width].astype(np.float32).reshape(2, -1) + np.float32(0.5)
    maps = np.zeros((CHANNELS, height * width), np.float32)

    start, end, known = limb_ends(xy, score)
    if known.any():
        reach = np.float32(_LIMB_WIDTH * body_height_px)
        along, across, squared = segment_coordinates(start[known], end[known], x, y)
        weight = np.exp(squared * (-0.5 / reach**2))
        limbs = maps[: 3 * len(LIMBS)].reshape(len(LIMBS), 3, -1)
        limbs[known, 0] = weight
        limbs[known, 1] = np.clip(along, -1, 2) * weight
        limbs[known, 2] = np.clip(across / (2 * reach), -1.5, 1.5) * weight

    small = maps[3 * len(LIMBS) :].reshape(-1, height, width)
    for region in _REGIONS:
        _draw(small[region.channels], region, xy, score, np.float32(max(region.width * body_height_px, 0.6)))
    return maps.reshape(CHANNELS, height, width)


def _draw(channels: Array, region: _Region, xy: Array, score: Array, reach: np.float32) -> None:
    """Draw the found bones of a region as Gaussian weights into its channels (C, h, w), only near them."""
    start, end = xy[region.bones.T]
    found = (score[region.bones] > 0).all(1)
    if not found.any():
        return
    ends = np.concatenate([start[found], end[found]])
    low = np.floor(ends.min(0) - 3 * reach).astype(int)
    high = np.ceil(ends.max(0) + 3 * reach).astype(int) + 1
    left, top = np.clip(low, 0, channels.shape[:0:-1])
    right, bottom = np.clip(high, 0, channels.shape[:0:-1])
    if left >= right or top >= bottom:
        return
    y, x = np.mgrid[top:bottom, left:right].astype(np.float32).reshape(2, -1) + np.float32(0.5)
    squared = squared_distances(start, end, x, y)
    squared[~found] = np.inf
    weight = np.exp(np.minimum.reduceat(squared, region.first) * (-0.5 / reach**2))
    channels[:, top:bottom, left:right] = weight.reshape(-1, bottom - top, right - left)
