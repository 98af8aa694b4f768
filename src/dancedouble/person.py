"""The person file: everything rendering needs of one subject, in one safetensors file with a JSON header."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from dancedouble import __version__
from dancedouble.conditioning import ReferenceBank
from dancedouble.errors import PersonFileError
from dancedouble.files import write_atomically
from dancedouble.media.image import decode_image, encode_jpeg, encode_png
from dancedouble.pose.keypoints import PoseSequence

FORMAT = "dancedouble-person"
LARGE_QUALITIES, LARGE_BYTES = (92, 85, 75), 16_000_000
"""JPEG qualities of the pictures at the footage's resolution, which is compressed footage anyway: the first with which
all of them take no more than this."""
SMALL_QUALITIES, SMALL_BYTES = (None, 96, 92, 85), 14_000_000
"""The same for the pictures that are warped; None is PNG, without any loss. Those of 512 px take 20 to 40 MB as PNG."""
MOST_POSES = 3000
"""A clip's statistics, and what it shows, are all there in this many of its poses: 100 s at 30 fps."""
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Person:
    """One subject, learned. Pixels of poses and plate are those of the subject's footage."""

    recipe: dict[str, Any]
    """The complete recipe, as its ``to_dict`` gives it: what to build and how to show poses to it."""
    weights: dict[str, Tensor]
    """Tensors of the networks, prefixed by part: ``painter.``, ``face.``, and the paper's discriminators."""
    plate: NDArray[np.uint8]
    """The empty background, RGB uint8 (H, W, 3)."""
    poses: PoseSequence
    """The subject's poses in the footage: what the source's are normalised to and compared with."""
    bank: ReferenceBank | None
    """Real crops that are warped to new poses, for recipes that use them."""
    scale: float
    """Crop pixels per frame pixel."""
    crop_size: tuple[int, int]
    """(height, width) of the crops it was trained on."""
    body_height: float
    """Height of the subject in crop pixels."""
    consent: str
    source_sha256: str
    trained: dict[str, Any] = field(default_factory=dict)
    """Steps, seconds, frames, losses: for people and reports."""
    pose_step: int = 1
    """Frames of the footage from one of the poses to the next."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames it renders."""
        return self.poses.size

    @property
    def learned_poses(self) -> PoseSequence:
        """Those of the frames it was learned from."""
        first, stop = self.trained.get("frames", (0, len(self.poses) * self.pose_step))
        return self.poses[first // self.pose_step : -(-stop // self.pose_step)]


def save_person(path: Path, person: Person) -> None:
    """Write a person file atomically, of 50 MB at most for any footage. Raises OutputError when it cannot be written.

    Of long footage not every pose is kept, and large reference pictures lose a little: see :data:`MOST_POSES` and
    :data:`SMALL_QUALITIES`.
    """
    person = _thinned(person)
    tensors = {f"network.{name}": value.detach().cpu().contiguous() for name, value in person.weights.items()}
    tensors["plate"] = _bytes(encode_png(person.plate))
    tensors.update(_pose_tensors("poses", person.poses))
    if person.bank is not None:
        tensors.update(_pose_tensors("bank", person.bank.poses))
        for index, (small, mask, large) in enumerate(_encoded(person.bank)):
            tensors[f"bank.{index:03d}"] = _bytes(small)
            tensors[f"bank.{index:03d}.mask"] = _bytes(mask)
            tensors[f"bank.{index:03d}.large"] = _bytes(large)
    header = {
        "format": FORMAT, "version": VERSION, "dancedouble": __version__, "skeleton": "BODY_25+FACE_70+HAND_21x2",
        "recipe": person.recipe, "size": list(person.size), "fps": str(person.poses.fps), "scale": person.scale,
        "crop_size": list(person.crop_size), "body_height": person.body_height, "consent": person.consent,
        "source_sha256": person.source_sha256, "trained": person.trained, "pose_step": person.pose_step,
        "bank": None if person.bank is None else len(person.bank),
    }  # fmt: skip
    write_atomically(path, save(tensors, metadata={"dancedouble": json.dumps(header)}))


def load_person(path: str | Path) -> Person:
    """Read a person file. Raises PersonFileError when it is damaged, not one, or of a newer version."""
    path = Path(path)
    header = read_header(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        fps, size = Fraction(header["fps"]), (int(header["size"][0]), int(header["size"][1]))
        crop_size = (int(header["crop_size"][0]), int(header["crop_size"][1]))
        bank = None
        if header["bank"] is not None:
            names = [f"bank.{index:03d}" for index in range(header["bank"])]
            with ThreadPoolExecutor() as threads:
                pictures = np.stack(list(threads.map(lambda name: _masked_picture(tensors, name), names)))
                large = np.stack(list(threads.map(lambda name: _picture(tensors[f"{name}.large"]), names)))
            bank = ReferenceBank(pictures=pictures, poses=_poses("bank", tensors, crop_size, fps), large=large)
        poses = _poses("poses", tensors, size, fps)
        return Person(
            recipe=header["recipe"],
            weights={k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")},
            plate=_picture(tensors["plate"]), poses=poses, bank=bank,
            scale=float(header["scale"]), crop_size=crop_size, body_height=float(header["body_height"]),
            consent=header["consent"], source_sha256=header["source_sha256"], trained=header["trained"],
            pose_step=int(header.get("pose_step") or _least_step(header["trained"], len(poses))),
        )  # fmt: skip
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise _damaged(path, str(error)) from error


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a person file, without its tensors. Raises PersonFileError as :func:`load_person` does."""
    if not path.is_file():
        raise PersonFileError(f"{path}: no such file; expected a person file, made with `dancedouble train`")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        header: dict[str, Any] = json.loads(metadata["dancedouble"])
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
        version = int(header["version"])
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise _damaged(path, str(error)) from error
    if version > VERSION:
        raise PersonFileError(
            f"{path}: written by a newer version (format {version}, this program reads {VERSION}); update dancedouble"
        )
    return header


def _damaged(path: Path, what: str) -> PersonFileError:
    return PersonFileError(f"{path}: not readable as a person file ({what}); train it again with `dancedouble train`")


def _bytes(data: bytes) -> Tensor:
    return torch.from_numpy(np.frombuffer(data, np.uint8).copy())


def _encoded(bank: ReferenceBank) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each picture's RGB, mask, and large view."""
    small = _within(bank.pictures[..., :3], SMALL_QUALITIES, SMALL_BYTES)
    large = _within(bank.large, LARGE_QUALITIES, LARGE_BYTES)
    masks = [encode_png(np.ascontiguousarray(picture[..., 3])) for picture in bank.pictures]
    return zip(small, masks, large, strict=True)


def _within(pictures: NDArray[np.uint8], qualities: Sequence[int | None], limit: int) -> list[bytes]:
    """The pictures in the first of ``qualities`` with which they take at most ``limit`` bytes, or in the last one."""
    encoded: list[bytes] = []
    for quality in qualities:
        encoded = [
            encode_png(picture) if quality is None else encode_jpeg(picture, quality, full_colour=True)
            for picture in map(np.ascontiguousarray, pictures)
        ]
        if sum(map(len, encoded)) <= limit:
            break
    return encoded


def _thinned(person: Person) -> Person:
    """With every second, third, … pose, at the rate that makes."""
    step, poses = -(-len(person.poses) // MOST_POSES), person.poses
    return person if step <= 1 else replace(person, poses=replace(poses[::step], fps=poses.fps / step), pose_step=step)


def _least_step(trained: dict[str, Any], count: int) -> int:
    """The ``pose_step`` with which ``count`` poses just reach the learned frames: files of before do not say it."""
    stop: int = trained.get("frames", (0, count))[1]
    return max(1, -(-stop // max(1, count)))


def _picture(data: Tensor) -> NDArray[np.uint8]:
    return decode_image(data.numpy().tobytes())


def _masked_picture(tensors: dict[str, Tensor], name: str) -> NDArray[np.uint8]:
    return np.dstack([_picture(tensors[name]), _picture(tensors[f"{name}.mask"])[..., 0]])


def _pose_tensors(name: str, poses: PoseSequence) -> dict[str, Tensor]:
    return {f"{name}.{part}": torch.from_numpy(getattr(poses, part).copy()) for part in ("xy", "score", "depth")}


def _poses(name: str, tensors: dict[str, Tensor], size: tuple[int, int], fps: Fraction) -> PoseSequence:
    arrays = {part: tensors[f"{name}.{part}"].numpy() for part in ("xy", "score", "depth")}
    return PoseSequence(size=size, fps=fps, **arrays)
