"""Face distance: through the seam, and with dlib where it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.capture import dance_estimator
from dancedouble.errors import MissingExtraError
from dancedouble.evaluation.frame_metrics import compare_frames
from dancedouble.evaluation.identity_metrics import DlibFaceEmbedder, FaceMeter, find_embedder
from dancedouble.media.video import read_frames
from dancedouble.pose.skeleton import FACE
from dancedouble.weights import available
from synthetic_dancer import Stance, Studio, make_poses

POSES = make_poses([Stance(), Stance(yaw=180), Stance()])
FOOTAGE = Path(__file__).parents[1] / "examples" / "footage"
TRUTH = Studio().draw_all(POSES)


def mean_colour(image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.float64]:
    left, top = points.min(axis=0).astype(int)
    right, bottom = points.max(axis=0).astype(int)
    return image[top:bottom, left:right].mean(axis=(0, 1)) / 255


def test_equal_faces_are_at_0_and_a_turned_head_has_no_distance() -> None:
    measured = compare_frames(TRUTH, TRUTH, POSES, meters=[FaceMeter(embed=mean_colour)])["face.distance"]
    assert measured[0] == measured[2] == 0 and np.isnan(measured[1])


def test_a_changed_face_is_seen_and_a_changed_wall_is_not() -> None:
    results = [frame.copy() for frame in TRUTH]
    results[0][20:60, 80:112] = 0
    results[2][:, :20] = 0
    measured = compare_frames(results, TRUTH, POSES, meters=[FaceMeter(embed=mean_colour)])["face.distance"]
    assert measured[0] > 0.3 and measured[2] == 0


def test_without_dlib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    with pytest.raises(MissingExtraError, match="pip install dlib-bin"):
        DlibFaceEmbedder(tmp_path / "model.dat")


@pytest.mark.weights
def test_two_frames_of_one_person_are_nearer_than_two_people() -> None:
    embed = find_embedder()
    if embed is None or not available("pose_landmark_full") or not available("face_landmark"):
        pytest.skip("dlib, its model or the pose networks are not here")
    estimator = dance_estimator()

    def face(clip: str, number: int) -> NDArray[np.float64]:
        frame = next(read_frames(FOOTAGE / clip, start=number, stop=number + 1))
        pose = estimator.landmarks(frame, estimator.detect(frame)[0].roi)
        assert pose is not None
        pose = estimator.complete(frame, pose)
        assert (pose.score[FACE] > 0).all()
        return embed(frame, pose.xy[FACE])

    first, later, other = face("B_casual.mp4", 0), face("B_casual.mp4", 60), face("D_casual.mp4", 0)
    assert np.linalg.norm(first - later) < 0.5 < np.linalg.norm(first - other)
