"""The person file: everything rendering needs of one subject, in one safetensors file with a JSON header."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
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
LARGE_QUALITY = 92
"""JPEG quality of the pictures at the footage's resolution, which is compressed footage anyway."""
VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Person:
    """One subject, learned. Pixels of poses and plate are those of the subject's footage."""

    recipe: dict[str, Any]
    """The complete recipe, as its ``to_dict`` gives it: what to build and how to show poses to it."""
    weights: dict[str, Tensor]
    """Tensors of the networks, prefixed ``generator.`` or ``face.``."""
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

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the frames it renders."""
        return self.poses.size


def save_person(path: Path, person: Person) -> None:
    """Write a person file atomically. Raises OutputError when it cannot be written."""
    tensors = {f"network.{name}": value.detach().cpu().contiguous() for name, value in person.weights.items()}
    tensors["plate"] = _bytes(encode_png(person.plate))
    tensors.update(_pose_tensors("poses", person.poses))
    if person.bank is not None:
        tensors.update(_pose_tensors("bank", person.bank.poses))
        for index, picture in enumerate(person.bank.pictures):
            tensors[f"bank.{index:03d}"] = _bytes(encode_png(np.ascontiguousarray(picture[..., :3])))
            tensors[f"bank.{index:03d}.mask"] = _bytes(encode_png(np.ascontiguousarray(picture[..., 3])))
            tensors[f"bank.{index:03d}.large"] = _bytes(encode_jpeg(person.bank.large[index], LARGE_QUALITY))
    header = {
        "format": FORMAT, "version": VERSION, "dancedouble": __version__, "skeleton": "BODY_25+FACE_70+HAND_21x2",
        "recipe": person.recipe, "size": list(person.size), "fps": str(person.poses.fps), "scale": person.scale,
        "crop_size": list(person.crop_size), "body_height": person.body_height, "consent": person.consent,
        "source_sha256": person.source_sha256, "trained": person.trained,
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
            pictures = np.stack([_masked_picture(tensors, f"bank.{i:03d}") for i in range(header["bank"])])
            large = np.stack([_picture(tensors[f"bank.{i:03d}.large"]) for i in range(header["bank"])])
            bank = ReferenceBank(pictures=pictures, poses=_poses("bank", tensors, crop_size, fps), large=large)
        return Person(
            recipe=header["recipe"],
            weights={k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")},
            plate=_picture(tensors["plate"]), poses=_poses("poses", tensors, size, fps), bank=bank,
            scale=float(header["scale"]), crop_size=crop_size, body_height=float(header["body_height"]),
            consent=header["consent"], source_sha256=header["source_sha256"], trained=header["trained"],
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


def _picture(data: Tensor) -> NDArray[np.uint8]:
    return decode_image(data.numpy().tobytes())


def _masked_picture(tensors: dict[str, Tensor], name: str) -> NDArray[np.uint8]:
    return np.dstack([_picture(tensors[name]), _picture(tensors[f"{name}.mask"])[..., 0]])


def _pose_tensors(name: str, poses: PoseSequence) -> dict[str, Tensor]:
    return {f"{name}.{part}": torch.from_numpy(getattr(poses, part).copy()) for part in ("xy", "score", "depth")}


def _poses(name: str, tensors: dict[str, Tensor], size: tuple[int, int], fps: Fraction) -> PoseSequence:
    arrays = {part: tensors[f"{name}.{part}"].numpy() for part in ("xy", "score", "depth")}
    return PoseSequence(size=size, fps=fps, **arrays)
