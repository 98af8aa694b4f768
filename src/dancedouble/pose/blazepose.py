"""BlazePose on LiteRT: everyone in a frame, and one person's body, hands, face and mask."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dancedouble.pose import blazepose_body as body
from dancedouble.pose.blazepose_face import FaceMesh
from dancedouble.pose.blazepose_hand import HandLandmarks
from dancedouble.pose.estimator import Array, Detection, Frame, PersonPose, Roi, bounds
from dancedouble.pose.litert import Network, crop_matrix, sigmoid, to_frame
from dancedouble.pose.skeleton import BODY, FACE, INDEX, LEFT_HAND, RIGHT_HAND
from dancedouble.weights import weight_path

MIN_DETECTION = 0.5
"""Score from which the detector's find is followed up."""
MIN_PRESENCE = 0.5
"""The landmark network's own certainty that a person is there at all."""
SAME_BODY = 0.06
"""Two finds whose points lie closer than this, in sizes of the region, are one person."""
HANDS = (("left", LEFT_HAND, 15, 19, 17), ("right", RIGHT_HAND, 16, 20, 18))
"""Name, range in the pose, and BlazePose's wrist, index and pinky knuckle of each hand."""


@dataclass(frozen=True, kw_only=True)
class _Body:
    """What the landmark network says about one region."""

    xy: Array
    score: Array
    depth: Array
    points: Array
    """(33, 2) BlazePose's own points in the frame."""
    z: Array
    """(33,) their depths in pixels."""
    mask: Array
    """(256, 256) logits over the crop."""
    matrix: NDArray[np.float64]
    """(2, 3) crop to frame."""
    presence: float
    next_roi: Roi


class BlazePose:
    """The shipped :class:`~dancedouble.pose.estimator.PoseEstimator`.

    Args:
        model: ``full``, or ``heavy`` (slower, steadier).
        hands, face, mask: whether :meth:`landmarks` finds them; without, their scores are 0 and the mask is None.
        threads: threads per network.

    Raises:
        WeightsError: the weights cannot be had.
    """

    def __init__(
        self,
        *,
        model: str = "full",
        hands: bool = True,
        face: bool = True,
        mask: bool = True,
        threads: int = 2,
    ) -> None:
        self._detector = Network(weight_path("pose_detection"), threads=threads)
        self._landmarks = Network(weight_path(f"pose_landmark_{model}"), threads=threads)
        self._hands = HandLandmarks(threads=threads) if hands else None
        self._face = FaceMesh(threads=threads) if face else None
        self._mask = mask
        self._anchors = body.anchors()

    def detect(self, frame: Frame) -> list[Detection]:
        """Everyone in the frame whom the landmark network confirms, surest first."""
        people: list[tuple[float, _Body]] = []
        for score, roi in self._candidates(frame):
            person = self._look(frame, roi)
            if person is not None and not any(_same(person, other) for _, other in people):
                people.append((min(score, person.presence), person))
        return [
            Detection(box=bounds(person.xy, person.score), score=score, roi=person.next_roi)
            for score, person in sorted(people, key=lambda pair: -pair[0])
        ]

    def landmarks(self, frame: Frame, roi: Roi) -> PersonPose | None:
        """Body, hands, face and mask of the person in ``roi``; None when nobody is there."""
        person = self._look(frame, roi)
        if person is None:
            return None
        if self._hands:
            _add_hands(frame, person, self._hands)
        if self._face:
            _add_face(frame, person, self._face)
        hide_outside(person.xy, person.score, frame)
        mask = None
        if self._mask:
            height, width = frame.shape[:2]
            mask = cv2.warpAffine(
                sigmoid(person.mask), person.matrix, (width, height), flags=cv2.INTER_LINEAR
            )
        return PersonPose(
            xy=person.xy, score=person.score, depth=person.depth, mask=mask,
            box=bounds(person.xy[BODY], person.score[BODY]), roi=person.next_roi,
        )  # fmt: skip

    def _candidates(self, frame: Frame) -> list[tuple[float, Roi]]:
        """What the detector sees: score and region of each person, surest first."""
        height, width = frame.shape[:2]
        whole = Roi(x=width / 2, y=height / 2, size=float(max(height, width)))
        matrix = crop_matrix(whole, self._detector.side)
        crop = cv2.warpAffine(  # the letterbox is black: so it was in the detector's training
            frame,
            matrix,
            (self._detector.side, self._detector.side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
        raw, logits = self._detector(crop.astype(np.float32) / np.float32(127.5) - 1)
        scores = sigmoid(logits[:, 0])
        sure = scores >= MIN_DETECTION
        boxes, points = body.decode_detections(raw[sure], self._anchors[sure])
        found = body.merge_detections(boxes, points, scores[sure])
        return [(score, body.roi_between(*to_frame(points[:2], matrix))) for score, points in found]

    def _look(self, frame: Frame, roi: Roi) -> _Body | None:
        """Run the landmark network; None when it sees nobody in the region."""
        (raw, flag, mask, heat, _world), matrix = self._landmarks.look(frame, roi)
        if flag[0] < MIN_PRESENCE:
            return None
        rows = raw.reshape(body.LANDMARKS, 5)
        points = to_frame(body.refine_by_heat(rows[:, :2], heat, self._landmarks.side), matrix)
        depth = rows[:, 2] * np.float32(roi.size / self._landmarks.side)
        visibility = sigmoid(rows[:, 3:5].min(axis=1))  # seen, and inside the frame
        xy, score, pose_depth = body.canonical_body(points, visibility, depth)
        hide_outside(xy, score, frame)
        if not score.any():
            return None
        return _Body(
            xy=xy, score=score, depth=pose_depth, points=points[:33], z=depth[:33], mask=mask[..., 0], matrix=matrix,
            presence=float(flag[0]), next_roi=body.roi_between(points[body.CENTRE], points[body.TOP]),
        )  # fmt: skip


def hide_outside(xy: Array, score: Array, frame: Frame) -> None:
    """Set the score of points outside the frame to 0, in place."""
    height, width = frame.shape[:2]
    score[(xy[:, 0] < 0) | (xy[:, 1] < 0) | (xy[:, 0] >= width) | (xy[:, 1] >= height)] = 0


def _same(a: _Body, b: _Body) -> bool:
    apart = np.linalg.norm(a.points - b.points, axis=1).mean()
    return bool(apart < SAME_BODY * max(a.next_roi.size, b.next_roi.size))


def _add_hands(frame: Frame, person: _Body, network: HandLandmarks) -> None:
    for side, part, wrist, index, pinky in HANDS:
        body_wrist = INDEX[f"{side}_wrist"]
        if person.score[body_wrist] <= 0:
            continue
        hand = network(frame, person.points[wrist], person.points[index], person.points[pinky])
        if hand is not None:
            person.xy[part], person.score[part] = hand.xy, hand.presence
            person.depth[part] = person.depth[body_wrist] + hand.depth


def _add_face(frame: Frame, person: _Body, network: FaceMesh) -> None:
    turned = body.facing(person.points, person.z)
    if turned < body.MIN_FACING:
        return
    face = network(frame, person.points[:11])
    if face is not None:
        person.xy[FACE], person.score[FACE] = face.xy, face.presence
        person.depth[FACE] = person.depth[INDEX["nose"]] + face.depth
