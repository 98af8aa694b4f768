"""Poses that somebody else's detector found in the truth and in every method's video, in place of ours."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from dancedouble.assessment.detection import on_grid
from dancedouble.assessment.keeping import trial_key
from dancedouble.assessment.notes import read_note
from dancedouble.assessment.trial import Trial
from dancedouble.capture import capture_poses
from dancedouble.errors import InputError
from dancedouble.evaluation.pose_metrics import compare_poses
from dancedouble.evaluation.report import Method
from dancedouble.files import entries, write_atomically
from dancedouble.media.video import VideoWriter
from dancedouble.pose.keypoints import PoseSequence

TRUTH = "truth"
"""Name of the true frames among the methods: their video, and the poses found in it."""


def film_truth(folder: Path, trial: Trial, note: Path) -> None:
    """Leave the true frames as a video beside those of the methods, for another detector to look at.

    ``note`` says which trial's they are, so that those of another one are not taken for them.
    """
    path, key = folder / f"{TRUTH}.mp4", trial_key(trial)
    if path.is_file() and (read_note(note) or {}).get("key") == key:
        return
    note.unlink(missing_ok=True)  # a kill must not leave it beside another truth
    with VideoWriter(path, trial.driving.size, trial.driving.fps) as writer:
        for frame in trial.truth():
            writer.write(frame)
    write_atomically(note, json.dumps({"key": key}).encode())


def judge_by_others(methods: list[Method], poses: Path, trial: Trial, videos: Path) -> list[Method]:
    """The methods with every pose measure taken anew from ``poses``.

    A folder with, for ``truth`` and each method's name, an OpenPose JSON folder or ``.npz`` of what was found in that
    video of the folder ``videos``. Raises InputError for one that is missing, older than its video, or of another
    length or size.
    """
    truth = _found(poses, TRUTH, trial, videos)
    return [
        replace(method, table=method.table.join(compare_poses(_found(poses, method.name, trial, videos), truth)))
        for method in methods
    ]


def _found(folder: Path, name: str, trial: Trial, videos: Path) -> PoseSequence:
    path = next((path for path in (folder / name, folder / f"{name}.npz") if path.exists()), None)
    if path is None:
        raise InputError(
            f"{folder}: has no poses of {name}; expected a folder {name} of OpenPose JSON, or {name}.npz, for the truth"
            " and every method"
        )
    video = videos / f"{name}.mp4"
    files = entries(path) if path.is_dir() else [path]
    if max((file.stat().st_mtime for file in files), default=0.0) < video.stat().st_mtime:
        raise InputError(f"{path}: is older than {video}; expected what was found in this video: look at it again")
    return on_grid(capture_poses(path).poses, trial.driving, path)
