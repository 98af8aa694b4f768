"""OpenPose's files: a folder with one ``…_keypoints.json`` per frame. See ``docs/formats.md``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dancedouble.errors import InputError, OutputError, SubjectError
from dancedouble.files import atomic_folder, check_folder, entries
from dancedouble.pose.conversion import body_from_23, body_from_coco_18
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.skeleton import BODY, FACE, LEFT_HAND, POINTS, RIGHT_HAND

Array = NDArray[np.float32]

PARTS = {
    "pose_keypoints_2d": BODY,
    "face_keypoints_2d": FACE,
    "hand_left_keypoints_2d": LEFT_HAND,
    "hand_right_keypoints_2d": RIGHT_HAND,
}
FRAME_NUMBER = re.compile(r"(\d+)_keypoints\.json$")
DECIMALS = 3
"""Coordinates are written to 0.001 px."""
LARGEST_STEP = 0.5
"""A person moves less than this (of their size) from one frame to the next, and as much again per frame unseen."""
LOST_FRAMES = 30
"""A person not seen for longer comes back as somebody else."""
EMPTIEST = 200
"""Frame numbers may leave out up to this many times as many frames as there are files."""


def check_openpose(folder: Path) -> None:
    """Before any work is done: raise OutputError where :func:`write_openpose` cannot write."""
    if folder.exists() and not _is_replaceable(folder):
        raise OutputError(f"{folder}: exists and holds other files; choose a new folder for the OpenPose files")
    check_folder(folder)


def write_openpose(folder: str | Path, poses: PoseSequence) -> None:
    """Write one file per frame, numbered from 0, with no people where the subject is absent.

    Replaces a folder of such files as a whole; raises OutputError when the folder holds anything else.
    """
    folder = Path(folder)
    check_openpose(folder)
    with atomic_folder(folder) as part:
        for frame in range(len(poses)):
            people = [_to_person(poses.xy[frame], poses.score[frame])] if poses.present[frame] else []
            text = json.dumps({"version": 1.3, "people": people}, separators=(",", ":"))
            (part / f"frame_{frame:012d}_keypoints.json").write_text(text + "\n")


def read_openpose(
    folder: str | Path, size: tuple[int, int], fps: Fraction, *, person: int | None = None
) -> PoseSequence:
    """Read a folder of OpenPose files as one subject's poses.

    ``size`` (height, width) and ``fps`` are those of the video the files belong to, which they do not name. Row 0 is
    the lowest frame number; numbers left out are frames without the subject, unless all numbers go up by the same
    step, as when every fourth frame was taken. Bodies of 25, 23 (the paper's) or 18 points (COCO) are understood;
    face and hands may be missing. Of several people, the one who is largest over the most frames is the subject, or
    number ``person`` in that order, from 1.

    Raises InputError for what is not such a folder, and SubjectError when ``person`` does not exist.
    """
    files = _files_by_frame(Path(folder))
    frames = max(files) + 1
    tracks: list[_Track] = []
    for frame, path in files.items():
        _extend_tracks(tracks, frame, _read_people(path))
    tracks.sort(key=lambda track: -track.weight)
    chosen = (person or 1) - 1
    if person is not None and not 0 <= chosen < len(tracks):
        raise SubjectError(f"{folder}: there is no person {person}; the files show {len(tracks)}, numbered from 1")
    xy = np.zeros((frames, POINTS, 2), np.float32)
    score = np.zeros((frames, POINTS), np.float32)
    if tracks:
        for frame, points in tracks[chosen].rows.items():
            xy[frame], score[frame] = points[:, :2], points[:, 2]
        if np.abs(xy[score > 0]).max() <= 1:
            raise InputError(
                f"{folder}: coordinates are within -1 to 1; expected pixels (OpenPose's --keypoint_scale 0)"
            )
    return PoseSequence(xy=xy, score=score, size=size, fps=fps)


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Everybody in a folder of OpenPose files, whoever is the subject."""

    frames: int
    most: int
    """People in the frame that shows most of them."""
    reach: tuple[int, int]
    """(height, width) of a picture that just holds all of their points, in pixels; (1, 1) without any."""


def holds_openpose(folder: Path) -> bool:
    """Whether a folder, going by the names in it, is one of OpenPose files."""
    return any(FRAME_NUMBER.search(path.name) for path in entries(folder))


def read_crowd(folder: Path) -> Crowd:
    """Count who is in a folder of OpenPose files. Raises InputError as :func:`read_openpose` does."""
    files = _files_by_frame(folder)
    most, reach = 0, (1, 1)
    for path in files.values():
        people = _read_people(path)
        points = np.concatenate([*people, np.zeros((1, 3), np.float32)])
        height, width = reach_of(points[:, :2], points[:, 2])
        most, reach = max(most, len(people)), (max(reach[0], height), max(reach[1], width))
    return Crowd(frames=max(files) + 1, most=most, reach=reach)


def reach_of(xy: Array, score: Array) -> tuple[int, int]:
    """(height, width) of a picture that just holds the detected of the points, (..., 2) in pixels."""
    width, height = np.where(score[..., None] > 0, xy, 0).reshape(-1, 2).max(axis=0)
    return max(0, int(np.ceil(height))) + 1, max(0, int(np.ceil(width))) + 1


def shows_several(folder: Path) -> bool:
    """Whether any of a folder's files holds more than one person. Raises as :func:`read_openpose` does."""
    return any(len(_read_people(path)) > 1 for _, path in _numbered_files(folder))


@dataclass
class _Track:
    """One person while the files are read: (137, 3) x, y, score by frame."""

    rows: dict[int, Array] = field(default_factory=dict)
    weight: float = 0.0
    """Sum of the person's size over the frames."""
    center: Array = field(default_factory=lambda: np.zeros(2, np.float32))
    span: float = 0.0
    last: int = 0

    def add(self, frame: int, points: Array) -> None:
        self.rows[frame] = points
        self.center, self.span = _extent(points)
        self.weight += self.span
        self.last = frame


def _extend_tracks(tracks: list[_Track], frame: int, people: Sequence[Array]) -> None:
    """Give each person of a frame to the track they continue, nearest pairs together, or to a new one."""
    open_tracks = [track for track in tracks if frame - track.last <= LOST_FRAMES]
    cost = np.ones((len(people), len(open_tracks)))
    for i, points in enumerate(people):
        center, span = _extent(points)
        for j, track in enumerate(open_tracks):
            size = max(track.span, span, 1.0) * LARGEST_STEP * (frame - track.last)
            cost[i, j] = min(float(np.hypot(*(center - track.center))) / size, 1.0)
    pairs: list[list[int]] = np.stack(linear_sum_assignment(cost), axis=1).tolist()
    continued = {i: open_tracks[j] for i, j in pairs if cost[i, j] < 1}
    for i, points in enumerate(people):
        if i not in continued:
            continued[i] = _Track()
            tracks.append(continued[i])
        continued[i].add(frame, points)


def _extent(points: Array) -> tuple[Array, float]:
    """Centre (x, y) and size (the box's diagonal) of a person's detected points."""
    xy = points[points[:, 2] > 0, :2]
    low, high = xy.min(axis=0), xy.max(axis=0)
    return (low + high) / 2, float(np.hypot(*(high - low)))


def _files_by_frame(folder: Path) -> dict[int, Path]:
    """The folder's keypoint files by frame, from 0, in order; numbers that go up by one step are frames in a row."""
    files = _numbered_files(folder)
    first, last = files[0][0], files[-1][0]
    step = reduce(math.gcd, (number - first for number, _ in files), 0) or 1
    if (last - first) // step + 1 > EMPTIEST * len(files):
        raise InputError(
            f"{folder}: {len(files)} files are numbered {first} to {last}; expected one file per frame, "
            "so remove the files that do not belong to the clip"
        )
    return {(number - first) // step: path for number, path in files}


def _numbered_files(folder: Path) -> list[tuple[int, Path]]:
    """The folder's keypoint files in order of their frame numbers."""
    if not folder.exists():
        raise InputError(f"{folder}: no such folder; expected OpenPose's folder of *_keypoints.json files")
    if not folder.is_dir():
        raise InputError(f"{folder}: is a file; expected OpenPose's folder of *_keypoints.json files")
    files: dict[int, Path] = {}
    for path in entries(folder):
        match = FRAME_NUMBER.search(path.name)
        if not match or path.name.startswith("."):
            continue
        number = int(match[1])
        if number in files:
            raise InputError(
                f"{folder}: {files[number].name} and {path.name} are both frame {number}; keep one clip per folder"
            )
        files[number] = path
    if not files:
        raise InputError(
            f"{folder}: holds no file named like clip_000000000000_keypoints.json; run OpenPose with --write_json"
        )
    return sorted(files.items())


def _read_people(path: Path) -> list[Array]:
    """Everyone in one file who has a detected point, as (137, 3) x, y, score."""
    try:
        people = json.loads(path.read_text(encoding="utf-8"))["people"]
        found = [_from_person(path, person) for person in people]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path}: not an OpenPose keypoint file ({error!r}); expected JSON with a list of people"
        ) from error
    return [points for points in found if (points[:, 2] > 0).any()]


def _from_person(path: Path, person: dict[str, Any]) -> Array:
    points = np.zeros((POINTS, 3), np.float32)
    for key, place in PARTS.items():
        flat = person.get(key) or []
        count = place.stop - place.start
        if not flat:
            continue
        values = np.asarray(flat, np.float32)
        if values.ndim != 1 or len(values) % 3 or not np.isfinite(values).all():
            raise InputError(f"{path}: {key} is not a flat list of finite x, y, score; write it again with OpenPose")
        triples = values.reshape(-1, 3)
        if place == BODY and len(triples) in (18, 23):
            convert = body_from_coco_18 if len(triples) == 18 else body_from_23
            xy, score = convert(triples[:, :2], triples[:, 2])
            triples = np.concatenate([xy, score[:, None]], axis=1)
        if len(triples) != count:
            known = "25, 23 or 18" if place == BODY else str(count)
            raise InputError(f"{path}: {key} has {len(triples)} points, expected {known}; use OpenPose's BODY_25 model")
        points[place] = triples
        points[place, 2] = np.clip(triples[:, 2], 0, 1)
    return points


def _to_person(xy: Array, score: Array) -> dict[str, Any]:
    """One entry of ``people``; an undetected point is 0, 0, 0, as OpenPose writes it."""
    person: dict[str, Any] = {"person_id": [-1]}
    for key, place in PARTS.items():
        flat: list[float] = []
        for (x, y), c in zip(xy[place].tolist(), score[place].tolist(), strict=True):
            flat += [round(x, DECIMALS), round(y, DECIMALS), float(f"{c:.6g}")] if c > 0 else [0, 0, 0]
        person[key] = flat
    return person


def _is_replaceable(folder: Path) -> bool:
    return folder.is_dir() and all(FRAME_NUMBER.search(path.name) for path in entries(folder))
