"""A face's 70 points (68 as in dlib, then the pupils) from the 468-point face mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dancedouble.pose.estimator import Array, Frame, Roi
from dancedouble.pose.litert import Network, sigmoid, to_frame
from dancedouble.weights import weight_path

MIN_PRESENCE = 0.5
MESH = 468
AGREED_PRESENCE = 0.4
"""Score of a face the mesh doubts (laughing, head thrown back) but the body network puts in the same place."""
AGREED_DISTANCE = 0.11
"""What counts as the same place: mean distance of eyes, nose and mouth corners, over the longer side of the mesh.
Right meshes measured 0.03 to 0.11, stray ones 0.15 and more."""
SEARCH_SCALE = 2.4
"""First region's side over the longer side of the body network's face points, which reach from ear to ear."""
MESH_SCALE = 1.5
"""Second region's side over the longer side of the mesh."""
MIN_SIDE = 8.0
"""Pixels; a region smaller than this holds no face to see."""

RIGHT_EYE, LEFT_EYE = 5, 2
"""BlazePose's eyes."""
MESH_RIGHT_EYE, MESH_LEFT_EYE, MESH_NOSE = 33, 263, 4

MESH_TO_68 = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,  # jaw, from the right ear
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 75, 97, 2, 326, 305,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lip
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lip
)  # fmt: skip
"""Mesh index of each of dlib's 68 points; right and left are the person's own, and right comes first."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """One face."""

    xy: Array
    """(70, 2) pixels of the frame."""
    depth: Array
    """(70,) pixels, relative to the tip of the nose."""
    presence: float
    """How sure it is that this is a face, up to 1; see :data:`AGREED_PRESENCE`."""


class FaceMesh:
    """Finds the face of a known head. Raises WeightsError when the weights cannot be had."""

    def __init__(self, *, threads: int = 2) -> None:
        self._network = Network(weight_path("face_landmark"), threads=threads)

    def __call__(self, frame: Frame, head: Array) -> Face | None:
        """The face at BlazePose's head points (11, 2), or None when no face is seen there."""
        roi = roi_around(head, head[RIGHT_EYE], head[LEFT_EYE], SEARCH_SCALE)
        # The head points are only roughly right: the first look finds the face, the second sees it well.
        for _look in range(2):
            if roi.size < MIN_SIDE:
                return None
            (raw, flag), matrix = self._network.look(frame, roi)
            rows = raw.reshape(MESH, 3)
            mesh = to_frame(rows[:, :2], matrix)
            depth = rows[:, 2] * np.float32(roi.size / self._network.side)
            roi = roi_around(mesh, mesh[MESH_RIGHT_EYE], mesh[MESH_LEFT_EYE], MESH_SCALE)
        xy = to_70(mesh)
        presence = float(sigmoid(flag.reshape(1))[0])
        if presence < MIN_PRESENCE:
            if disagreement(xy, head) * MESH_SCALE > AGREED_DISTANCE * roi.size:
                return None
            presence = AGREED_PRESENCE
        return Face(xy=xy, depth=to_70((depth - depth[MESH_NOSE])[:, None])[:, 0], presence=presence)


def disagreement(face: Array, head: Array) -> float:
    """Mean distance in pixels of eyes, nose and mouth corners between 70 face points and BlazePose's head (11, 2)."""
    return float(np.linalg.norm(face[[68, 69, 30, 48, 54]] - head[[5, 2, 0, 10, 9]], axis=1).mean())


def roi_around(points: Array, right_eye: Array, left_eye: Array, scale: float) -> Roi:
    """A square about the bounds of ``points`` (n, 2), grown by ``scale``, level with the eyes."""
    low, high = points.min(axis=0), points.max(axis=0)
    right, down = (float(value) for value in left_eye - right_eye)
    x, y = (float(value) for value in (low + high) / 2)
    return Roi(x=x, y=y, size=scale * float((high - low).max()), angle=float(np.arctan2(down, right)))


def to_70(mesh: Array) -> Array:
    """(468, n) values of mesh points as OpenPose's 70: dlib's 68, then the middles of the right and left eye."""
    points = mesh[list(MESH_TO_68)]
    return np.concatenate([points, points[36:42].mean(axis=0)[None], points[42:48].mean(axis=0)[None]])
