"""Poses that move as the picture does.

A detector looks at every frame anew, and a joint that hardly moves trembles by a pixel or two. Pixels do not: from one
look to the next, optical flow says how far what is seen at a joint went. Where somebody is comes from the detector,
how they move within a fraction of a second from the pictures.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from dancedouble.pose.estimator import Frame, PersonPose, overlap
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import FACE, LEFT_HAND, POINTS, RIGHT_HAND, body

Array = NDArray[np.float32]

_NEXT = {
    "shoulder": ("elbow",), "elbow": ("shoulder", "wrist"), "wrist": ("elbow",),
    "hip": ("knee",), "knee": ("hip", "ankle"), "ankle": ("knee",),
}  # fmt: skip
JOINTS = (*(f"{side}_{joint}" for joint in _NEXT for side in ("right", "left")), "nose")
"""Where flow is measured; other points go along with one or two of these."""
COLUMNS = [body(name) for name in JOINTS]
ALONG = (0.1, 0.2)
"""Flow is measured at a joint and so far along its limbs: a joint alone may lie on the limb's edge."""
SIDE = 256
"""Pixels of the longer side of a body's box in the pictures that flow is computed on, at most."""
SMALLEST = 46
"""The same of such a picture, at least: of a smaller one OpenCV chooses other settings, and keeps them ever after."""
MARGIN = 0.12
"""What is seen around the body's box, in its longer sides."""
REACH_SECONDS = 0.08
"""How far moving as the pixels do reaches before being where the detector says: √λ looks below."""
APART = 1.0
"""Pixels of those pictures by which a joint may move otherwise than the flow before the flow counts for half: surfaces
slide over joints where somebody turns."""
CLOSE = 1.0
"""The same by which flow forth and back, or from where a joint was found in either look, may differ before it is
doubted."""
TEXTURE = 7
"""Pixels of the square in which a picture must vary for its flow to be trusted,"""
NOISE = 0.5
"""and how much, along the direction in which it varies least: flow of what is plain is a guess, often that it stays."""
ROUNDS = 5


class Motion(NamedTuple):
    """How far what is seen at each of :data:`JOINTS` went from each of T looks to the next."""

    moved: Array
    """(T - 1, J, 2) x and y, in pixels of the frame."""
    trust: Array
    """(T - 1, J) 0 to 1; 0 where nobody was seen in one of the two looks."""
    pixel: Array
    """(T - 1,) pixels of the frame for one of the pictures that flow was computed on."""

    def steadied(self, moves: Array) -> Motion:
        """The same of frames that were moved back by ``moves`` (T, 2)."""
        return self._replace(moved=self.moved - np.diff(moves, axis=0)[:, None])


class FlowMeter:
    """Compares each look at a clip with the one before."""

    def __init__(self) -> None:
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        self._before: tuple[Frame, PersonPose | None] | None = None
        self._rows: list[tuple[Array, Array, float]] = []

    def look(self, frame: Frame, pose: PersonPose | None) -> None:
        """The next look: an RGB frame (H, W, 3), which is kept until the one after, and the subject in it."""
        if self._before is not None:
            self._rows.append(self._compare(*self._before, frame, pose))
        self._before = (frame, None if pose is None else replace(pose, mask=None))

    def finish(self) -> Motion:
        """What all looks came to."""
        if not self._rows:
            count = len(JOINTS)
            return Motion(*(np.zeros(shape, np.float32) for shape in ((0, count, 2), (0, count), (0,))))
        moved, trust, pixel = zip(*self._rows, strict=True)
        return Motion(np.stack(moved), np.stack(trust), np.array(pixel, np.float32))

    def _compare(
        self, before: Frame, was: PersonPose | None, now: Frame, pose: PersonPose | None
    ) -> tuple[Array, Array, float]:
        nothing = np.zeros((len(JOINTS), 2), np.float32), np.zeros(len(JOINTS), np.float32), 1.0
        if was is None or pose is None or not overlap(was.box, pose.box):
            return nothing
        corners = np.array([was.box, pose.box], np.float32)
        side = float((corners[:, 2:] - corners[:, :2]).max())
        start = np.maximum(corners[:, :2].min(0) - MARGIN * side, 0).astype(int)
        stop = np.minimum(np.ceil(corners[:, 2:].max(0) + MARGIN * side).astype(int), now.shape[1::-1])
        scale = min(1.0, SIDE / max(side, 1.0))
        size = (stop - start) * scale
        if size.min() < SMALLEST / 2 or size.max() < SMALLEST:
            return nothing
        a, b = (_gray(frame[start[1] : stop[1], start[0] : stop[0]], scale) for frame in (before, now))
        forth, back = self._flow.calc(a, b, None), self._flow.calc(b, a, None)
        here, there = ((_probes(seen.xy, seen.score) - start) * scale - 0.5 for seen in (was, pose))
        went = _sample(forth, here)
        closed = _agreement(went + _sample(back, here + went))
        first, second = (np.stack([np.median(flow[own], 0) for own in OWN]) for flow in (went, -_sample(back, there)))
        variation = _sample(cv2.cornerMinEigenVal(a.astype(np.float32), TEXTURE), here)
        holds = np.array([np.median(variation[own]) for own in OWN])
        trust = _agreement(first - second) * np.array([closed[own].mean() for own in OWN]) * holds / (holds + NOISE)
        trust *= (was.score[COLUMNS] > 0) & (pose.score[COLUMNS] > 0)
        return ((first + second) / (2 * scale)).astype(np.float32), trust.astype(np.float32), 1 / scale


def follow_pixels(poses: PoseSequence, motion: Motion) -> PoseSequence:
    """The poses p nearest to the detected d that move as the pixels do, m, joint by joint:

        Σ_t |p_t - d_t|² + λ Σ_t w_t |p_t+1 - p_t - m_t|²

    w is the trust in m, and less where p moves otherwise (iteratively reweighted, Cauchy). Where w is even, motion that
    differs from the joint's by something constant, as of somebody who turns evenly, changes nothing.

    Args:
        poses: T poses, smoothed.
        motion: what was measured from each to the next.

    Raises ValueError where poses and looks are not as many.
    """
    looks = len(motion.trust) + 1
    if len(poses) != looks:
        raise ValueError(f"{len(poses)} poses of {looks} looks")
    if looks < 2:
        return poses
    found, seen = poses.xy[:, COLUMNS].astype(np.float64), poses.score[:, COLUMNS] > 0
    change = np.zeros((looks, len(JOINTS), 2), np.float32)
    closeness = (REACH_SECONDS * float(poses.fps)) ** 2
    for joint in range(len(JOINTS)):
        here = seen[:, joint]
        weight = closeness * motion.trust[:, joint] * (here[:-1] & here[1:])
        kept = _kept_near(found[:, joint], motion.moved[:, joint], weight, APART * motion.pixel)
        change[here, joint] = (kept - found[:, joint])[here]
    xy = poses.xy + np.einsum("pj,tja->tpa", FOLLOWED, change)
    return replace(poses, xy=np.where(poses.score[..., None] > 0, xy, poses.xy))


def _kept_near(found: NDArray[np.float64], moved: Array, weight: Array, apart: Array) -> NDArray[np.float64]:
    """One joint's p (T, 2) of d (T, 2), m (T - 1, 2), λ w (T - 1,), and what is far, (T - 1,) px."""
    kept, believed = found, weight
    for _ in range(ROUNDS):
        banded = np.zeros((2, len(found)))
        banded[0, 1:] = -believed
        banded[1] = 1 + np.pad(believed, (0, 1)) + np.pad(believed, (1, 0))
        pull = believed[:, None] * moved
        kept = solveh_banded(banded, found - np.diff(pull, axis=0, prepend=0, append=0))
        missed = np.linalg.norm(np.diff(kept, axis=0) - moved, axis=1)
        believed = weight / (1 + (missed / apart) ** 2)
    return kept


def _agreement(apart: Array) -> Array:
    """1 for (..., 2) of no length, less the longer."""
    return np.asarray(np.exp(-(apart**2).sum(-1) / (2 * CLOSE**2)))


def _gray(picture: Frame, scale: float) -> Frame:
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)


def _sample(values: Array, points: Array) -> Array:
    """(P, …) of values (H, W, …) at (P, 2) places, counted from the middle of the first pixel."""
    x, y = points.astype(np.float32).T[:, None]
    found: Array = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0].astype(np.float32)
    return found


def _probes(xy: Array, score: Array) -> Array:
    """(P, 2) where flow is measured: :data:`OWN` says for which joint."""
    start = xy[PROBES[:, 0]]
    known = (score[PROBES[:, 1]] > 0)[:, None]
    return np.asarray(start + known * SHARES[:, None] * (xy[PROBES[:, 1]] - start))


def _probe_table() -> list[tuple[int, str, str, float]]:
    """Rows of (joint's number, its point, the point of a limb's other end, how far towards it)."""
    rows: list[tuple[int, str, str, float]] = []
    for number, name in enumerate(JOINTS):
        rows.append((number, name, name, 0.0))
        side, _, joint = name.partition("_")
        if name == "nose":
            rows += [(number, name, f"{side}_{part}", 1.0) for side in ("right", "left") for part in ("eye", "ear")]
            continue
        rows += [(number, name, f"{side}_{other}", share) for other in _NEXT[joint] for share in ALONG]
        if joint in ("shoulder", "hip"):
            other_side = "left" if side == "right" else "right"
            rows.append((number, name, f"{other_side}_{joint}", ALONG[-1]))
    return rows


def _followed() -> Array:
    """Hands take part in their wrists' change, feet in ankles', a face in its nose's."""
    shares = np.zeros((POINTS, len(JOINTS)), np.float32)
    joint = {name: number for number, name in enumerate(JOINTS)}
    for name, number in joint.items():
        shares[body(name), number] = 1
    for side, hand in (("right", RIGHT_HAND), ("left", LEFT_HAND)):
        shares[hand, joint[f"{side}_wrist"]] = 1
        for foot in ("heel", "big_toe", "small_toe"):
            shares[body(f"{side}_{foot}"), joint[f"{side}_ankle"]] = 1
        for head in ("eye", "ear"):
            shares[body(f"{side}_{head}"), joint["nose"]] = 1
        shares[body("neck"), joint[f"{side}_shoulder"]] = shares[body("mid_hip"), joint[f"{side}_hip"]] = 0.5
    shares[FACE, joint["nose"]] = 1
    return shares


_TABLE = _probe_table()
PROBES = np.array([(body(start), body(end)) for _, start, end, _ in _TABLE])
"""(P, 2) points between which flow is measured,"""
SHARES = np.array([share for *_, share in _TABLE], np.float32)
"""(P,) how far from the one to the other,"""
OWN = [np.array([row for row, (owner, *_) in enumerate(_TABLE) if owner == number]) for number in range(len(JOINTS))]
"""and, for each joint, which of them are its."""
FOLLOWED = _followed()
"""(137, J) whose change each point takes part in."""
