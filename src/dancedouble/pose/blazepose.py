"""BlazePose on LiteRT: everyone in a frame, and one person's body, hands, face and mask."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import LifoQueue
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose import blazepose_body as body
from dancedouble.pose.blazepose_face import Face, FaceMesh
from dancedouble.pose.blazepose_glance import MIN_PRESENCE, SAME_BODY, Glance, glance, mean_glance
from dancedouble.pose.blazepose_hand import Hand, HandLandmarks, same_hand
from dancedouble.pose.estimator import Array, Detection, Frame, PersonPose, Roi, bounds, overlap
from dancedouble.pose.litert import Network, between_pixels, crop_matrix, sigmoid, to_frame
from dancedouble.pose.skeleton import BODY, FACE, INDEX, LEFT_HAND, RIGHT_HAND
from dancedouble.weights import weight_path

LandmarkModel = Literal["full", "heavy"]
"""Which landmark network: the heavy one is three to five times as slow, and nearer to the truth."""
SEGMENTATION = 2
"""Which output of the landmark network is the mask: a third of its work."""
MIN_DETECTION = 0.5
"""Score from which the detector's find is followed up."""
SAME_BOX = 0.5
"""Two finds are one person when their points lie close (SAME_BODY), or their boxes overlap more than this."""
SAME_ROI = 0.12
"""A candidate whose region lies this near a known person's, in its sizes, is that person: not looked at again."""
SETTLED = 0.08
"""A region that was this far off, in its own sizes, is looked at again where the landmarks say it should be."""
LIKELY = 0.3
"""Score from which a point is taken to be in the frame."""
BODY_POINTS = np.array([INDEX[name] for name in body.BLAZEPOSE_TO_BODY if "eye" not in name and "ear" not in name])
HANDS = {"left": (LEFT_HAND, 15, 19, 17), "right": (RIGHT_HAND, 16, 20, 18)}
"""Range in the pose, and BlazePose's wrist, index and pinky knuckle, of each hand."""


@dataclass(frozen=True, kw_only=True)
class _Body(PersonPose):
    """What the landmark network says about one region: a pose that lacks hands, face and mask."""

    points: Array
    """(33, 2) BlazePose's own points in the frame."""
    z: Array
    """(33,) their depths in pixels."""
    segmentation: Array | None
    """(256, 256) logits over the crop; None where no mask is wanted."""
    matrix: NDArray[np.float64]
    """(2, 3) crop to frame."""
    presence: float


class _BodyNetworks(NamedTuple):
    """What one thread needs to look for bodies."""

    detector: Network
    finder: Network
    """Full landmarks, for those whom the detector saw."""
    landmarks: Network


class BlazePose:
    """The shipped :class:`~dancedouble.pose.estimator.PoseEstimator`.

    Args:
        model: which landmark network follows people; who is there at first is always the full one's to say.
        twice: whether it looks at everybody it follows in a mirror too, in another thread, and the mean is taken: a
            network is seldom wrong twice in the same way.
        hands, face, mask: whether :meth:`complete` finds them; without, their scores are 0 and the mask is None.
        threads: threads of the body's networks; hands, face and mask share two whatever it is. A second one helps
            on an idle machine only: next to decoding, or to another program, two wait for each other.

    Two threads may look at frames at the same time, or one that looks ``twice``; others wait for one of them.

    Raises:
        WeightsError: the weights cannot be had.
    """

    def __init__(
        self,
        *,
        model: LandmarkModel = "full",
        twice: bool = False,
        hands: bool = True,
        face: bool = True,
        mask: bool = True,
        threads: int = 1,
    ) -> None:
        self._free: LifoQueue[_BodyNetworks] = LifoQueue()
        finding, following = weight_path("pose_landmark_full"), weight_path(f"pose_landmark_{model}")
        for _thread in range(2):
            detector = Network(weight_path("pose_detection"), threads=threads)
            finder = landmarks = Network(finding, threads=threads, unread=SEGMENTATION)
            if mask or model != "full":
                landmarks = Network(following, threads=threads, unread=None if mask else SEGMENTATION)
            self._free.put(_BodyNetworks(detector, finder, landmarks))
        self._mirror = ThreadPoolExecutor(1) if twice else None
        self._hands = {side: HandLandmarks(threads=1) for side in HANDS} if hands else {}
        self._face = FaceMesh(threads=1) if face else None
        self._aside = ThreadPoolExecutor(1)
        self._anchors = body.anchors()

    def detect(self, frame: Frame, *, closely: bool = True) -> list[Detection]:
        """Everyone in the frame whom the landmark network confirms, surest first."""
        people: list[tuple[float, _Body]] = []
        with self._networks() as (detector, finder, _landmarks):
            for score, roi in self._candidates(frame, closely, detector):
                if any(moved(roi, other.roi) < SAME_ROI for _, other in people):
                    continue
                person = _look(frame, roi, finder)
                if person is None or any(_same(person, other) for _, other in people):
                    continue  # nobody, or somebody known, seen askew
                if moved(roi, person.roi) > SETTLED:
                    person = _look(frame, person.roi, finder)
                if person is not None and not any(_same(person, other) for _, other in people):
                    people.append((min(score, person.presence), person))
        return [
            Detection(
                box=bounds(person.xy, person.score),
                score=score,
                roi=person.roi,
                visible=float((person.score[BODY_POINTS] >= LIKELY).mean()),
            )
            for score, person in sorted(people, key=lambda pair: -pair[0])
        ]

    def landmarks(self, frame: Frame, roi: Roi) -> PersonPose | None:
        """The body of the person in ``roi``; None when nobody is there."""
        mirrored = None if self._mirror is None else self._mirror.submit(self._glance, frame, roi, mirrored=True)
        seen = self._glance(frame, roi)
        return _body(frame, seen if mirrored is None else mean_glance(seen, mirrored.result()))

    def complete(self, frame: Frame, pose: PersonPose, *, hands: bool = True) -> PersonPose:
        """A pose of :meth:`landmarks` with ``hands``, face and mask."""
        if not isinstance(pose, _Body):
            return pose
        # The parts do not depend on each other, and the networks let go of Python: half of them go to another thread.
        right = self._aside.submit(self._hand, frame, pose, "right" if hands else None)
        mask = self._aside.submit(self._mask_in, frame, pose)
        left = self._hand(frame, pose, "left" if hands else None)
        face = self._face_in(frame, pose)
        xy, score, depth = pose.xy.copy(), pose.score.copy(), pose.depth.copy()
        for side, hand in _two_hands({"left": left, "right": right.result()}).items():
            part = HANDS[side][0]
            xy[part], score[part] = hand.xy, hand.presence
            depth[part] = depth[INDEX[f"{side}_wrist"]] + hand.depth
        if face is not None:
            xy[FACE], score[FACE] = face.xy, face.presence
            depth[FACE] = depth[INDEX["nose"]] + face.depth
        hide_outside(xy, score, frame)
        return PersonPose(xy=xy, score=score, depth=depth, mask=mask.result(), box=pose.box, roi=pose.roi)

    def _glance(self, frame: Frame, roi: Roi, *, mirrored: bool = False) -> Glance:
        with self._networks() as networks:
            return glance(frame, roi, networks.landmarks, mirrored=mirrored)

    @contextmanager
    def _networks(self) -> Iterator[_BodyNetworks]:
        networks = self._free.get()
        try:
            yield networks
        finally:
            self._free.put(networks)

    def _hand(self, frame: Frame, person: _Body, side: str | None) -> Hand | None:
        if side is None or not self._hands or person.score[INDEX[f"{side}_wrist"]] <= 0:
            return None
        _part, wrist, index, pinky = HANDS[side]
        return self._hands[side](frame, person.points[wrist], person.points[index], person.points[pinky])

    def _face_in(self, frame: Frame, person: _Body) -> Face | None:
        if self._face is None or body.facing(person.points, person.z) < body.MIN_FACING:
            return None
        return self._face(frame, person.points[:11])

    def _mask_in(self, frame: Frame, person: _Body) -> Array | None:
        if person.segmentation is None:
            return None
        height, width = frame.shape[:2]
        mask = cv2.warpAffine(
            sigmoid(person.segmentation), between_pixels(person.matrix), (width, height), flags=cv2.INTER_LINEAR
        )
        return np.asarray(mask, np.float32)

    def _candidates(self, frame: Frame, closely: bool, detector: Network) -> list[tuple[float, Roi]]:
        """What the detector sees in the whole frame, and closely in parts of it: score and region, surest first."""
        views = body.detector_views(frame.shape[:2])
        found = self._detect_in(frame, views if closely else views[:1], detector)
        return sorted(found, key=lambda pair: -pair[0])

    def _detect_in(self, frame: Frame, views: list[Roi], detector: Network) -> list[tuple[float, Roi]]:
        found: list[tuple[float, Roi]] = []
        for view in views:
            matrix = crop_matrix(view, detector.side)
            crop = cv2.warpAffine(  # the letterbox is black: so it was in the detector's training
                frame, between_pixels(matrix), (detector.side,) * 2, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            raw, logits = detector(crop, scale=127.5, shift=-1)
            scores = sigmoid(logits[:, 0])
            sure = scores >= MIN_DETECTION
            boxes, points = body.decode_detections(raw[sure], self._anchors[sure])
            for score, keys in body.merge_detections(boxes, points, scores[sure]):
                found.append((score, body.roi_between(*to_frame(keys[:2], matrix))))
        return found


def _look(frame: Frame, roi: Roi, network: Network) -> _Body | None:
    """What the landmark network says; None when it sees nobody in the region."""
    return _body(frame, glance(frame, roi, network))


def _body(frame: Frame, seen: Glance) -> _Body | None:
    """What was seen in a region as somebody in the frame; None when that is nobody."""
    if seen.presence < MIN_PRESENCE:
        return None
    points = to_frame(seen.points, seen.matrix)
    xy, score, depth = body.canonical_body(points, seen.visibility, seen.depth)
    hide_outside(xy, score, frame)
    if not score.any():
        return None
    return _Body(
        xy=xy, score=score, depth=depth, mask=None, box=bounds(xy[BODY], score[BODY]),
        roi=body.roi_between(points[body.CENTRE], points[body.TOP]), points=points[:33], z=seen.depth[:33],
        segmentation=seen.segmentation, matrix=seen.matrix, presence=seen.presence,
    )  # fmt: skip


def hide_outside(xy: Array, score: Array, frame: Frame) -> None:
    """Set the score of points outside the frame to 0, in place."""
    height, width = frame.shape[:2]
    score[(xy[:, 0] < 0) | (xy[:, 1] < 0) | (xy[:, 0] >= width) | (xy[:, 1] >= height)] = 0


def moved(a: Roi, b: Roi) -> float:
    """How far apart two regions are in place and size, in sizes of the larger."""
    return max(float(np.hypot(a.x - b.x, a.y - b.y)), abs(a.size - b.size)) / max(a.size, b.size)


def _same(a: _Body, b: _Body) -> bool:
    apart = float(np.linalg.norm(a.points - b.points, axis=1).mean())
    close = apart < SAME_BODY * max(a.roi.size, b.roi.size)
    return close or overlap(bounds(a.xy, a.score), bounds(b.xy, b.score)) > SAME_BOX


def _two_hands(found: dict[str, Hand | None]) -> dict[str, Hand]:
    """The hands that were found; of two finds in one place, the likelier side."""
    hands = {side: hand for side, hand in found.items() if hand is not None}
    if len(hands) == 2 and same_hand(hands["left"], hands["right"]):
        del hands["left" if hands["left"].right + hands["right"].right > 1 else "right"]
    return hands
