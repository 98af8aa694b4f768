"""Pictures in and out, resized and captioned. RGB uint8 HWC."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from dancedouble.errors import MediaError, OutputError
from dancedouble.files import write_atomically
from dancedouble.media.writing import check_output

SUFFIXES = (".png", ".jpg", ".jpeg")
PNG_COMPRESSION = 3
"""Of 0 to 9: more takes longer and saves little."""


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a picture as (H, W, 3) uint8 RGB, upright; transparency is dropped. Raises MediaError."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return decode_image(data)
    except MediaError as error:
        raise MediaError(f"{path}: {error}") from error


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Decode PNG, JPEG or WebP bytes to (H, W, 3) uint8 RGB, upright. Raises MediaError."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise MediaError("is not a picture that can be decoded; expected PNG or JPEG")
    rgb: NDArray[np.uint8] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return rgb


def encode_jpeg(image: NDArray[np.uint8], quality: int = 90, *, full_colour: bool = False) -> bytes:
    """JPEG bytes of an RGB (H, W, 3) or gray (H, W) uint8 picture; ``quality`` 1–100.

    ``full_colour`` keeps the colour of every pixel, where JPEG usually keeps that of four together.
    """
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full_colour else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    return _encode(image, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling])


def encode_png(image: NDArray[np.uint8], comment: str = "") -> bytes:
    """PNG bytes, lossless, of an RGB, RGBA or gray uint8 picture, with a comment in its metadata."""
    if not comment:
        return _encode(image, ".png", [cv2.IMWRITE_PNG_COMPRESSION, PNG_COMPRESSION])
    notes, buffer = PngInfo(), BytesIO()
    notes.add_text("Comment", comment)
    Image.fromarray(image).save(buffer, "PNG", pnginfo=notes, compress_level=PNG_COMPRESSION)
    return buffer.getvalue()


def encode_moving(frames: Sequence[NDArray[np.uint8]], fps: float, quality: int = 70) -> bytes:
    """RGB frames (H, W, 3) of one size as a moving WebP picture that starts over at its end."""
    pictures = [Image.fromarray(frame) for frame in frames]
    buffer = BytesIO()
    pictures[0].save(
        buffer, "WEBP", save_all=True, append_images=pictures[1:], duration=round(1000 / fps), loop=0, quality=quality,
        method=2,
    )  # fmt: skip
    return buffer.getvalue()


def check_picture_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise OutputError as :func:`check_output` does, and when the name is not that of a picture."""
    _check_name(path)
    check_output(path, inputs)


def write_image(path: Path, image: NDArray[np.uint8], comment: str = "") -> None:
    """Write RGB (H, W, 3), RGBA (H, W, 4; PNG only) or gray (H, W) uint8 as ``.png`` (lossless) or ``.jpg``.

    ``comment`` goes into a PNG's metadata. The file appears whole or not at all. Raises OutputError.
    """
    path = Path(path)
    _check_name(path)
    if path.suffix.lower() == ".png":
        data = encode_png(image, comment)
    else:
        if image.ndim == 3 and image.shape[2] == 4:
            raise OutputError(f"{path}: JPEG holds no transparency; choose a name that ends in .png")
        data = encode_jpeg(image, 95)
    write_atomically(path, data)


def resize(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """``image`` (H, W) or (H, W, C) at ``size`` (height, width): area averaging to shrink, cubic to grow."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image.copy()
    shrinking = height * width < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    resized: NDArray[np.uint8] = cv2.resize(image, (width, height), interpolation=method)
    return resized


def text_label(image: NDArray[np.uint8], text: str) -> NDArray[np.uint8]:
    """A copy of RGB ``image`` with ``text`` in white on a dark box in the upper left corner."""
    height, width = image.shape[:2]
    size = max(10, min(height, width) // 18)
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(size)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    margin = size // 3
    box = (0, 0, min(width, right - left + 2 * margin), min(height, bottom - top + 2 * margin))
    draw.rectangle(box, fill=(0, 0, 0, 170))
    draw.text((margin - left, margin - top), text, font=font, fill=(255, 255, 255, 255))
    return np.asarray(picture).copy()


def _check_name(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"{path}: pictures are written as PNG or JPEG; choose a name that ends in .png or .jpg")


def _encode(image: NDArray[np.uint8], suffix: str, options: list[int]) -> bytes:
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise ValueError(f"expected uint8 RGB, RGBA or gray, got {image.dtype} of shape {image.shape}")
    channels = 1 if image.ndim == 2 else image.shape[2]
    if channels == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    elif channels == 4:
        image = cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA)
    return bytes(cv2.imencode(suffix, image, options)[1])
