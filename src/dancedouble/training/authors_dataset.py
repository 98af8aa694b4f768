"""A dataset folder in the layout of the paper's authors → a workspace.

``train_label/`` holds stick figures, ``train_img/`` the frames, ``train_facetexts128/`` (if there) the face boxes as
``top bottom left right``; files are paired by name. Frame numbers rise by a step, often 4; where one rises by more,
frames are missing, and the two beside the gap are no neighbours in time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dancedouble.capture import DEFAULT_FPS, assemble, clean, subject_estimator
from dancedouble.errors import InputError, NoPersonError
from dancedouble.files import entries, write_atomically
from dancedouble.media.image import read_image, write_image
from dancedouble.plate import PlateBuilder
from dancedouble.pose.blazepose import LandmarkModel
from dancedouble.pose.estimator import PersonPose, PoseEstimator
from dancedouble.pose.pixel_motion import FlowMeter
from dancedouble.pose.tracking import watch_subject
from dancedouble.preparation import SECOND_BEST, WAY, person_height
from dancedouble.progress import OnProgress
from dancedouble.workspace import (
    FACES,
    MANIFEST,
    Manifest,
    Workspace,
    frame_name,
    label_name,
    mask_name,
    new_workspace,
    write_manifest,
)

LABELS, IMAGES, BOXES = "train_label", "train_img", "train_facetexts128"
PICTURES = {".png", ".jpg", ".jpeg"}
COPIED = 2
"""How datasets are copied; the first way kept the pictures of four frames later beside figures and poses."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """One frame of the dataset."""

    index: int
    """Place in time, in steps from the first frame; gaps leave places empty."""
    label: Path
    image: Path
    box: tuple[int, int, int, int] | None
    """Face: top, left, bottom, right in pixels."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """The frames of a folder in time order. What the tracker asks of a clip is here too."""

    path: Path
    items: tuple[Item, ...]
    unpaired: int
    """Labels and images without the other."""
    fps: Fraction = DEFAULT_FPS

    @property
    def frames(self) -> int:
        """How many frames there are, gaps not counted."""
        return len(self.items)

    @property
    def sha256(self) -> str:
        """Changes with the names and sizes of the files."""
        listing = [(i.image.name, i.image.stat().st_size, i.label.stat().st_size, i.box) for i in self.items]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()

    def pictures(self) -> Iterator[NDArray[np.uint8]]:
        """The frames, RGB uint8, all of one size."""
        size: tuple[int, ...] | None = None
        for item in self.items:
            picture = read_image(item.image)
            size = size or picture.shape
            if picture.shape != size:
                raise InputError(
                    f"{item.image}: is {picture.shape[1]} × {picture.shape[0]} pixels, the frames before it"
                    f" {size[1]} × {size[0]}; expected one size"
                )
            yield picture


def read_dataset(folder: Path) -> Dataset:
    """Pair the files and place them in time. Raises InputError when the folder is not such a dataset."""
    labels, images = (_numbered(folder / name, PICTURES) for name in (LABELS, IMAGES))
    boxes = _numbered(folder / BOXES, {".txt"}) if (folder / BOXES).is_dir() else {}
    both = sorted(labels.keys() & images.keys(), key=_number)
    if len(both) < 2:
        raise InputError(
            f"{folder}: {len(labels)} labels and {len(images)} images, but {len(both)} of one name; expected files of"
            f" the same names in {LABELS} and {IMAGES}"
        )
    items = [
        Item(index=index, label=labels[stem], image=images[stem], box=_box(boxes[stem]) if stem in boxes else None)
        for stem, index in zip(both, _places([_number(stem) for stem in both]), strict=True)
    ]
    return Dataset(path=folder, items=tuple(items), unpaired=len(labels.keys() ^ images.keys()))


def prepare_dataset(
    folder: Path, workspace: Path, *, consent: str, person: int | None, detector: LandmarkModel, on_progress: OnProgress
) -> Workspace:
    """Fill ``workspace`` from a dataset folder: figures and face boxes are taken as they are.

    Poses, which rendering needs to fit a dance to this body, masks and the plate are found in the frames, by
    ``detector``; of several people in them, ``person`` is the one. Raises InputError and its kinds, OutputError.
    """
    dataset = read_dataset(folder)
    settings: dict[str, Any] = {"edn_dataset": dataset.sha256, "detector": detector, "way": WAY, "copied": COPIED}
    if person is not None:  # workspaces of before do not name one
        settings["person"] = person
    if (workspace / MANIFEST).is_file() and Workspace(workspace).manifest.settings == settings:
        return Workspace(workspace)
    with new_workspace(workspace, "labels") as part:
        _fill(part, dataset, settings, consent, on_progress)
    return Workspace(workspace)


def _fill(part: Path, dataset: Dataset, settings: dict[str, Any], consent: str, on_progress: OnProgress) -> None:
    estimator = subject_estimator(settings["detector"])
    meter = FlowMeter()
    found, size, builder = _copy(dataset, part, estimator, settings.get("person"), meter, on_progress)
    count = dataset.items[-1].index + 1
    rows: list[PersonPose | None] = [None] * count
    for item, pose in zip(dataset.items, found, strict=True):
        rows[item.index] = pose
    poses = assemble(rows, size, dataset.fps)
    if not poses.present.any():
        raise NoPersonError(
            f"{dataset.path}: nobody was found in its frames; expected one person, seen from head to feet"
        )
    height = person_height(poses)
    cleaned, _, warnings = clean(poses, motion=meter.finish())
    write_image(part / "plate.png", builder.finish().picture)
    cleaned.save(part / "poses.npz")
    boxes = {item.index: item.box for item in dataset.items if item.box is not None}
    write_atomically(part / FACES, json.dumps(boxes).encode())
    if dataset.unpaired:
        warnings.append(f"{dataset.unpaired} labels or images have no partner of their name and are left out")
    if settings["detector"] == "full":
        warnings.append(SECOND_BEST)
    name = dataset.path.name
    manifest = Manifest(
        source_name=name, source_sha256=dataset.sha256, size=size, fps=dataset.fps, frames=count,
        usable=tuple(item.index for item in dataset.items), person_height=height, consent=consent,
        warnings=tuple(f"{name}: {line}" for line in warnings), settings=settings,
    )  # fmt: skip
    write_manifest(part, manifest)


def _copy(
    dataset: Dataset, workspace: Path, estimator: PoseEstimator, person: int | None, meter: FlowMeter,
    on_progress: OnProgress,
) -> tuple[list[PersonPose | None], tuple[int, int], PlateBuilder]:  # fmt: skip
    """Write frames, labels and masks; the poses on the way, the frames' size, and what the plate is made from.

    ``meter`` gets a look for each place in time, also where the dataset has no frame.
    """
    builder, size = PlateBuilder(), (0, 0)
    found: list[PersonPose | None] = []
    last = -1
    watched = watch_subject(dataset.pictures, dataset, estimator, person=person, on_progress=on_progress)
    for item, seen in zip(dataset.items, watched, strict=True):
        frame, pose, label = seen.frame, seen.pose, read_image(item.label)
        if label.shape != frame.shape:
            raise InputError(
                f"{item.label}: is {label.shape[1]} × {label.shape[0]} pixels, its frame"
                f" {frame.shape[1]} × {frame.shape[0]}; expected the same"
            )
        size = (frame.shape[0], frame.shape[1])
        for _ in range(last + 1, item.index):
            meter.look(frame, None)
        meter.look(frame, pose)
        last = item.index
        mask = np.zeros(size, np.uint8)
        if pose is not None and pose.mask is not None:
            mask = (pose.mask * 255).round().astype(np.uint8)
        write_image(workspace / frame_name(item.index), frame)
        write_image(workspace / label_name(item.index), label)
        write_image(workspace / mask_name(item.index), mask)
        height = 0.0 if pose is None else pose.box[3] - pose.box[1]
        builder.add(frame, mask, height, None if pose is None else (pose.xy, pose.score))
        # Without its mask: those of a whole dataset would not fit in memory.
        found.append(None if pose is None else replace(pose, mask=None))
    return found, size, builder


def _numbered(folder: Path, suffixes: set[str]) -> dict[str, Path]:
    """Files by the name before the suffix; those without a number are not of the dataset."""
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; expected a dataset folder with {LABELS}, {IMAGES} and, for faces, {BOXES}"
        )
    files = (path for path in entries(folder) if path.suffix.lower() in suffixes)
    return {path.stem: path for path in files if re.search(r"\d", path.stem)}


def _number(stem: str) -> int:
    return int(re.findall(r"\d+", stem)[-1])


def _places(numbers: list[int]) -> list[int]:
    """Places in time of rising frame numbers: neighbours differ by the commonest step, and only neighbours by 1."""
    steps = [b - a for a, b in pairwise(numbers)]
    step = max(1, Counter(steps).most_common(1)[0][0])
    places = [0]
    for each in steps:
        places.append(places[-1] + (1 if each == step else max(2, round(each / step))))
    return places


def _box(path: Path) -> tuple[int, int, int, int]:
    try:
        top, bottom, left, right = (int(value) for value in path.read_text().split())
    except ValueError:
        raise InputError(f"{path}: not a face box; expected four whole numbers: top bottom left right") from None
    return top, left, bottom, right
