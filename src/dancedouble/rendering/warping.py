"""Carry a person's real pixels from a picture of one pose to another pose, body part by body part.

Every part (trunk, head, pieces of limbs) has its own affine map from the wanted pose back to the picture it
is taken from, fitted to the keypoints of that part; between the parts of the body, and between those of an arm,
the maps are blended by nearness. What comes out is a *flow*: for every pixel of the wanted picture, where in
the reference picture to look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose.keypoints import Pose
from dancedouble.pose.skeleton import POINTS
from dancedouble.rendering.body_parts import GROUPS, PARTS
from dancedouble.rendering.coarse_grid import Cells, Place, coarse_grid, group_places
from dancedouble.rendering.limb_maps import squared_distances
from dancedouble.rendering.part_maps import arms_in_front, part_axes, part_maps

Array = NDArray[np.float32]
Image = NDArray[np.uint8]


_MEMBERS = np.array([[part.group == group for part in PARTS] for group in GROUPS], np.float32)
"""(len(GROUPS), P) which parts are in which group."""
_PIECES = np.array([{"right_arm": 1, "left_arm": 2}.get(group, 0) for group in GROUPS], np.uint8)
"""(len(GROUPS),) the rest of the body 0, the right arm 1, the left arm 2: what maps are blended within. An arm moves
freely before the body; between the places of the two in another picture lies neither, and blending would show that."""
_IN_PIECE = np.stack([_MEMBERS[piece == _PIECES].any(0) for piece in range(3)])
"""(3, P) which parts are in which piece."""
_SHARPNESS = 6.0
"""How hard the border between two parts is."""
_TRUNK_GROUP = GROUPS.index("trunk")
_SURER = 20
"""Levels of the mask, of 255, by which a spare picture must show the trunk better to be taken."""
_TRUNK = [index for index, part in enumerate(PARTS) if part.group == "trunk"]
_ARMS = [[index for index, part in enumerate(PARTS) if part.group == f"{side}_arm"] for side in ("right", "left")]
"""Parts of the right and left arm."""


class Carried(NamedTuple):
    """K pictures of a person carried to one pose, each put together from N pictures of them."""

    pictures: Image
    """(K, H, W, 4) RGB and mask."""
    sources: NDArray[np.uint8]
    """(K, H, W) which of the N pictures each pixel is from."""
    flows: tuple[Array, ...]
    """N of (H, W, 2): where each of the N pictures was looked at, x and y in its pixels, for the groups that it was
    picked for. A part that either pose lacks follows the parts around it; with nothing in common it is the identity."""
    from_before: Array | None
    """(H, W, 2) the same from the pose of before, for all groups; None without one."""


def carry_person(
    pictures: Sequence[Image],
    source: Pose,
    target: Pose,
    size_hw: tuple[int, int],
    body_height_px: float,
    picks: NDArray[np.int64],
    *,
    spare: int | None = None,
    before: Pose | None = None,
) -> Carried:
    """Carry a person from N pictures of them to one wanted pose, without ghosts.

    Beside its own limb, a part's map shows whatever was beside it in the reference: an arm that hung there
    appears twice. So the mask is multiplied by how well the body parts near a pixel agree with those near
    where it is taken from: the cosine between the two poses' part weights, about 1 on a limb that is where
    it should be and 0 on a ghost.

    No picture shows all of a new pose well: one has the arm, another the turned trunk. So each of the K results
    takes every group of parts from the picture that was picked for it.

    Args:
        pictures: N of (h, w, 4) uint8, RGB and mask of the person.
        source: their N poses, in their pixels.
        target: the wanted pose; where depths are unknown, arms are before the trunk.
        size_hw: height and width of the wanted picture in pixels, multiples of 4.
        body_height_px: standing height of the person in pixels.
        picks: (K, len(GROUPS)) which of the N pictures each group of each result is from; each is picked for some.
        spare: which of them fills the last result's trunk where the picked one shows none, since an arm lay there.
        before: a pose from which, beside the pictures', the flow is wanted; done together it costs little.
    """
    wanted = _wanted(target, size_hw, body_height_px)
    sources = picks.astype(np.uint8)[:, wanted.nearest]
    carried = np.zeros((len(picks), *size_hw, 4), np.uint8)
    flows: list[Array] = []
    filling: Image | None = None
    shown = np.stack([(picks == index).any(0) for index in range(len(pictures))])
    if spare is not None:
        shown[spare, _TRUNK_GROUP] = True
    places: list[Place | None] = [*group_places(wanted.nearest, shown)]
    if before is not None:
        source = Pose(*(np.concatenate([many, one[None]]) for many, one in zip(source, before, strict=True)))
        shown, places = np.pad(shown, ((0, 1), (0, 0)), constant_values=True), [*places, None]
    parts = _carry(source, wanted, body_height_px, shown, places)
    for index, (picture, place, (flow, agreement)) in enumerate(zip(pictures, places, parts, strict=False)):
        flows.append(flow)
        if not flow[place].size:  # picked for a part that is not in the picture
            continue
        warped = warp(picture, flow[place])
        mask = cv2.multiply(cv2.extractChannel(warped, 3), agreement, dtype=cv2.CV_8U)
        cv2.insertChannel(mask, warped, 3)
        for row in np.flatnonzero((picks == index).any(1)):
            cv2.copyTo(warped, (sources[row][place] == index).view(np.uint8), carried[row][place])
        if index == spare:
            filling = warped
    if spare is not None and filling is not None:
        place = places[spare]
        surer = _surer(filling, carried[-1][place], wanted.nearest[place])
        carried[-1][place][surer], sources[-1][place][surer] = filling[surer], spare
    return Carried(carried, sources, tuple(flows), None if before is None else next(parts)[0])


def _surer(filling: Image, carried: Image, nearest: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(h, w): where the trunk is nearest and a filling (h, w, 4) shows the person more surely than what was carried."""
    more = cv2.subtract(cv2.extractChannel(filling, 3), cv2.extractChannel(carried, 3)) > _SURER
    return np.asarray(more & (nearest == _TRUNK_GROUP))


class _Wanted(NamedTuple):
    """What the wanted pose says about its picture, whatever it is taken from."""

    pose: Pose
    size_hw: tuple[int, int]
    x: Array
    """(N,) of the coarse grid's cells, as ``y``."""
    y: Array
    refine: Callable[[Array], Array]
    """Makes (N,) or (N, C) of the cells a picture."""
    weights: _Weights
    """Of its parts in its cells."""
    nearest: NDArray[np.uint8]
    """(H, W) the group of parts that has most to say at each pixel."""
    pieces: NDArray[np.uint8]
    """(N,) the piece of the group that has most to say in each cell."""


def _wanted(pose: Pose, size_hw: tuple[int, int], body_height_px: float) -> _Wanted:
    if pose.xy.shape != (POINTS, 2):
        raise ValueError(f"the wanted pose must have {POINTS} points, got {pose.xy.shape}")
    x, y, refine = coarse_grid(size_hw)
    # Poses, and so the parts' maps, count from the corner of the first pixel; the grid from its middle.
    x, y = x + np.float32(0.5), y + np.float32(0.5)
    axis, known = part_axes(pose)
    nearness = _nearness(axis, arms_in_front(pose.depth, body_height_px), x, y, body_height_px)
    weights = _Weights(nearness)
    says = _MEMBERS @ weights.of(known)
    nearest = _largest([refine(one) for one in says])
    return _Wanted(pose, size_hw, x, y, refine, weights, nearest, _PIECES[says.argmax(0)])


def _largest(values: Sequence[Array]) -> NDArray[np.uint8]:
    """Which of several arrays of one shape is largest, everywhere."""
    most, which = values[0].copy(), np.zeros(values[0].shape, np.uint8)
    for index, more in enumerate(values[1:], 1):
        np.copyto(which, index, where=more > most)
        np.maximum(most, more, out=most)
    return which


def _carry(
    source: Pose, wanted: _Wanted, body_height_px: float, groups: NDArray[np.bool_], places: Sequence[Place | None]
) -> Iterator[tuple[Array, Array]]:
    """Per reference: its flow (H, W, 2), and the agreement of body parts, 0 to 1, at its place in the picture.

    ``groups`` (K, len(GROUPS)): what each is looked at for; elsewhere its flow means nothing. Where a place is None
    there is no agreement: it is an empty array.
    """
    if source.xy.shape[1:] != (POINTS, 2):
        raise ValueError(f"poses must have {POINTS} points, got {source.xy.shape}")
    all_maps, all_known = part_maps(source, wanted.pose, body_height_px)
    axes, fronts = part_axes(source)[0], arms_in_front(source.depth, body_height_px)
    for index, (maps, known, place) in enumerate(zip(all_maps, all_known, places, strict=True)):
        flow, there_x, there_y = _flow(maps, known, wanted, np.unique(_PIECES[groups[index]]))
        if place is None:
            yield flow, np.empty(0, np.float32)
            continue
        cells = Cells(wanted.size_hw, place)
        there = _nearness(axes[index], fronts[index], cells.cut(there_x), cells.cut(there_y), body_height_px)
        yield flow, cells.refine(_cosine(cells.cut(wanted.weights.of(known)), _softmax(there, known))).clip(0, 1)


def _flow(
    maps: Array, known: NDArray[np.bool_], wanted: _Wanted, pieces: NDArray[np.uint8]
) -> tuple[Array, Array, Array]:
    """(H, W, 2) where to look for the pixels of some ``pieces``, and x and y (N,) of that for the cells of the grid."""
    flow: Array | None = None
    there_x = there_y = np.empty(0, np.float32)
    for piece in pieces:
        own = known & _IN_PIECE[piece]
        blended = maps.reshape(len(maps), 6).T @ wanted.weights.of(own if own.any() else known)
        x = blended[0] * wanted.x + blended[1] * wanted.y + blended[2]
        y = blended[3] * wanted.x + blended[4] * wanted.y + blended[5]
        fine = wanted.refine(np.stack([x, y], -1) - np.float32(0.5))
        if flow is None:
            flow, there_x, there_y = fine, x, y
            continue
        cv2.copyTo(fine, (_PIECES[wanted.nearest] == piece).view(np.uint8), flow)
        here = wanted.pieces == piece
        there_x, there_y = np.where(here, x, there_x), np.where(here, y, there_y)
    assert flow is not None
    return flow, there_x, there_y


def _cosine(a: Array, b: Array) -> Array:
    """(N,) cosine between the columns of (P, N) and (P, N)."""
    both, ours, theirs = (np.einsum("pn,pn->n", one, other) for one, other in ((a, b), (a, a), (b, b)))
    return np.asarray(both / np.sqrt(np.maximum(ours * theirs, np.float32(1e-12))), np.float32)


def _nearness(axis: Array, front: Array, x: Array, y: Array, body_height_px: float) -> Array:
    """(P, N) logits of how near each pixel is to each part, in the part's own reach.

    ``front`` (2,): how far the right and left arm are before the trunk. There the trunk has no more to say than at
    its rim, or its middle would take the pixels of an arm that crosses it.
    """
    reach = np.array([part.reach * body_height_px for part in PARTS], np.float32)[:, None]
    logits = squared_distances(axis[:, 0], axis[:, 1], x, y)
    logits *= np.float32(-0.5 * _SHARPNESS) / reach**2
    inside = np.maximum(logits[_TRUNK].max(0) + np.float32(0.5 * _SHARPNESS), 0)
    for arm, before in zip(_ARMS, front, strict=True):
        logits[arm] += before * inside
    return logits


class _Weights:
    """Weights of the wanted pose's parts for those that can be taken from a picture: the same for most pictures."""

    def __init__(self, nearness: Array) -> None:
        self._nearness = nearness
        self._found: dict[bytes, Array] = {}

    def of(self, known: NDArray[np.bool_]) -> Array:
        """(P, N) of the ``known`` (P,) parts; they sum to 1 in every column."""
        key = known.tobytes()
        if key not in self._found:
            self._found[key] = _softmax(self._nearness, known)
        return self._found[key]


def _softmax(logits: Array, known: NDArray[np.bool_]) -> Array:
    """Weights (P, N) of the known parts that sum to 1 in every column."""
    some = logits if known.all() else np.where(known[:, None], logits, -np.inf)
    weights: Array = np.exp(some - some.max(0))
    weights /= weights.sum(0)
    return weights


def warp(image: Image, flow: Array) -> Image:
    """Sample a picture (or an atlas of pictures) along a flow.

    Args:
        image: uint8 (h, w) or (h, w, channels).
        flow: float32 (H, W, 2), x and y in pixels of ``image``; beyond its edge the nearest pixel is
        repeated.

    Returns:
        uint8 (H, W) or (H, W, channels).
    """
    positions = np.asarray(flow, np.float32)
    warped = cv2.remap(image, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)
