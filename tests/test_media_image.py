"""Pictures: lossless PNG, JPEG, upright reading, atomic writing, resizing, captions."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dancedouble.errors import MediaError, OutputError
from dancedouble.media.image import decode_image, encode_jpeg, encode_png, read_image, resize, text_label, write_image
from media_samples import Image as Picture
from media_samples import numbered, read_number


def _noise(*shape: int) -> Picture:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_png_is_lossless_and_rgb(tmp_path: Path) -> None:
    image = _noise(31, 47, 3)
    write_image(tmp_path / "a.png", image)
    assert np.array_equal(read_image(tmp_path / "a.png"), image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), image)
    assert np.array_equal(decode_image(encode_png(image)), image)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.png"]


@pytest.mark.parametrize("shape", [(20, 30, 4), (20, 30)], ids=["rgba", "gray"])
def test_png_of_rgba_and_gray(tmp_path: Path, shape: tuple[int, ...]) -> None:
    image = _noise(*shape)
    write_image(tmp_path / "a.png", image)
    with Image.open(tmp_path / "a.png") as opened:
        assert opened.mode == ("RGBA" if len(shape) == 3 else "L")
        assert np.array_equal(np.asarray(opened), image)


def test_jpeg_is_close_and_smaller_at_lower_quality(tmp_path: Path) -> None:
    image = numbered(165, (128, 192))
    write_image(tmp_path / "a.JPG", image)
    assert np.abs(read_image(tmp_path / "a.JPG").astype(int) - image).mean() < 2
    assert len(encode_jpeg(image, 30)) < len(encode_jpeg(image, 95))
    assert read_number(decode_image(encode_jpeg(image, 50))) == 165
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(decode_image(encode_jpeg(red)).astype(int) - red).max() < 8


def test_photos_are_read_upright(tmp_path: Path) -> None:
    image = numbered(77, (64, 128))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by 90 degrees
    Image.fromarray(np.ascontiguousarray(np.rot90(image, 1))).save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert read_number(read_image(tmp_path / "a.jpg")) == 77


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb(mode: str) -> None:
    gray = Image.fromarray(np.linspace(0, 255, 64 * 64).reshape(64, 64).astype(np.uint8))
    image = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257) if mode == "I;16" else gray.convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    decoded = decode_image(buffer.getvalue())
    assert decoded.shape == (64, 64, 3)
    assert np.abs(decoded[..., 0].astype(int) - np.asarray(gray)).max() <= 1


def test_unreadable_pictures(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.png").touch()
    for name in ("missing.png", "text.png", "empty.png", "."):
        with pytest.raises(MediaError) as caught:
            read_image(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert (tmp_path / name).name in str(caught.value)


def test_pictures_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = _noise(4, 4, 3)
    for path in (tmp_path / "missing" / "a.png", tmp_path / "a.bmp", tmp_path / "a"):
        with pytest.raises(OutputError, match=path.name):
            write_image(path, image)
    with pytest.raises(OutputError, match="transparency"):
        write_image(tmp_path / "a.jpg", _noise(4, 4, 4))
    with pytest.raises(ValueError, match="uint8"):
        write_image(tmp_path / "a.png", image.astype(np.float32))  # type: ignore[arg-type]

    def full(self: Path, _: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="disk is full"):
        write_image(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []


def test_resize_averages_to_shrink_and_keeps_shape_to_grow() -> None:
    checker = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    assert np.abs(resize(checker, (16, 16)).astype(int) - 127).max() <= 1
    image = numbered(90)
    assert read_number(resize(image, (200, 300))) == 90
    assert resize(image, (10, 33)).shape == (10, 33, 3)
    same = resize(image, image.shape[:2])
    assert np.array_equal(same, image)
    assert same is not image


def test_a_label_changes_only_its_corner() -> None:
    image = np.full((240, 320, 3), 100, np.uint8)
    before = image.copy()
    labelled = text_label(image, "source – Tänzerin")
    assert np.array_equal(image, before)
    changed = np.argwhere((labelled != image).any(axis=-1))
    assert labelled.max() > 200
    assert changed.max(axis=0)[0] < 60
    assert np.array_equal(labelled[60:], image[60:])
    assert text_label(np.zeros((8, 8, 3), np.uint8), "a long text on a tiny picture").shape == (8, 8, 3)
