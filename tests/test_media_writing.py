"""Writing films: exact length, colours, metadata; nothing half-written after any error."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from dancedouble.errors import DancedoubleError, OutputError
from dancedouble.media.audio import AudioCut
from dancedouble.media.video import PRORES_4444, VideoWriter, check_output, probe, read_frames, read_metadata
from media_samples import SIZE, clicks, numbered, read_number, read_rgba, write_video


@pytest.mark.parametrize("fps", [8, 24, 25, Fraction(30000, 1001), 60, Fraction(85, 6)], ids=str)
@pytest.mark.parametrize("count", [1, 50])
def test_what_is_written_is_read(tmp_path: Path, fps: Fraction, count: int) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, SIZE, Fraction(fps)) as writer:
        for n in range(count):
            writer.write(numbered(n))
    info = probe(path)
    assert (info.size, info.frames, info.has_audio, info.codec) == (SIZE, count, False, "h264")
    assert count == 1 or info.fps == fps
    assert [read_number(image) for image in read_frames(path)] == list(range(count))
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.duration is not None
        assert stream.duration * stream.time_base == count / Fraction(fps)


def test_the_file_is_what_phones_play(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, SIZE, Fraction(30)) as writer:
        for n in range(40):
            writer.write(numbered(n))
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.profile) == ("h264", "yuv420p", "High")
        assert (context.color_range, context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1, 1)


def test_colours_survive(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    colors = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [200, 150, 120], [40, 60, 90]], np.uint8
    )
    image = np.repeat(np.repeat(colors[None], 64, 0), 32, 1)
    with VideoWriter(path, (64, 7 * 32), Fraction(25)) as writer:
        writer.write(image)
    (result,) = read_frames(path)
    assert np.abs(result[32, 16::32].astype(int) - colors).max() <= 4


@pytest.mark.parametrize("size", [(63, 96), (64, 95), (63, 95), (1, 1)])
def test_odd_sizes_repeat_the_last_row_or_column(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "out.mp4"
    image = numbered(170, (64, 96))[: size[0], : size[1]]
    with VideoWriter(path, size, Fraction(25)) as writer:
        writer.write(image)
    (result,) = read_frames(path)
    assert result.shape == (size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
    assert np.abs(result[: size[0], : size[1]].astype(int) - image).mean() < 4
    assert np.abs(result[-1, -1].astype(int) - image[-1, -1]).max() < 12


def test_metadata_of_any_key_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    metadata = {
        "title": "Ein Tanz – 舞",
        "comment": "synthetic, made by dancedouble",
        "org.dancedouble.manifest": '{"source": "abc", "n": 1}' * 40,
        "com.example.empty-free": "x=y;z",
    }
    with VideoWriter(path, SIZE, Fraction(25), metadata=metadata) as writer:
        writer.write(numbered(0))
    kept = read_metadata(path)
    assert {key: kept.get(key) for key in metadata} == metadata


def test_writing_the_same_frames_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        with VideoWriter(tmp_path / name, SIZE, Fraction(25), metadata={"title": "t"}) as writer:
            for n in range(30):
                writer.write(numbered(n))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_an_existing_file_is_replaced_only_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("old")
    with VideoWriter(path, SIZE, Fraction(25)) as writer:
        writer.write(numbered(0))
        assert path.read_text() == "old"
    assert probe(path).frames == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_middle_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), VideoWriter(tmp_path / "out.mp4", SIZE, Fraction(25)) as writer:
        for n in range(60):
            writer.write(numbered(n))
        raise error
    assert list(tmp_path.iterdir()) == []


def test_no_frames_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no frame"), VideoWriter(tmp_path / "out.mp4", SIZE, Fraction(25)):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="64"), VideoWriter(tmp_path / "out.mp4", SIZE, Fraction(25)) as writer:
        writer.write(numbered(0, (32, 96)))
    assert list(tmp_path.iterdir()) == []


def test_damaged_sound_is_an_error_before_anything_is_written(tmp_path: Path) -> None:
    sound = tmp_path / "sound.mp4"
    sound.write_bytes(b"nothing")
    cut = AudioCut(sound, Fraction(0), Fraction(1))
    with pytest.raises(DancedoubleError, match=r"sound\.mp4"):
        VideoWriter(tmp_path / "out.mp4", SIZE, Fraction(25), audio=cut).__enter__()
    assert list(tmp_path.iterdir()) == [sound]


# --- transparency ----------------------------------------------------------------------------------------------


def cut_out(number: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """RGBA: a coloured disc that moves with ``number``, soft at its edge, over nothing."""
    down, across = np.mgrid[: size[0], : size[1]]
    alpha = np.clip(size[0] / 3 - np.hypot(down - size[0] / 2, across - size[0] / 2 - number), 0, 4) / 4
    colors = np.stack([across * 255 / size[1], down * 255 / size[0], np.full(size, 40.0), alpha * 255], axis=-1)
    picture = colors.round().astype(np.uint8)
    picture[picture[..., 3] == 0] = 0
    return picture


@pytest.mark.parametrize("size", [SIZE, (63, 95), (1, 1)], ids=str)
def test_a_film_with_transparency_is_the_pictures_that_were_written(tmp_path: Path, size: tuple[int, int]) -> None:
    path, metadata = tmp_path / "out.mov", {"comment": "synthetic", "org.dancedouble.manifest": '{"n": 1}'}
    pictures = [cut_out(n, size) for n in range(20)]
    with VideoWriter(path, size, Fraction(30000, 1001), metadata=metadata, coding=PRORES_4444) as writer:
        for picture in pictures:
            writer.write(picture)
    info = probe(path)
    assert (info.size, info.frames, info.fps, info.codec) == (size, 20, Fraction(30000, 1001), "prores")
    assert metadata.items() <= read_metadata(path).items()
    for picture, read in zip(pictures, read_rgba(path), strict=True):
        apart, alpha = np.abs(read.astype(int) - picture), picture[..., 3]
        assert apart[..., 3].max() <= 2
        assert apart[alpha == 255].max(initial=0) <= 3
        assert apart[alpha > 0].max(initial=0) <= 8, "nothing is multiplied in, or edges would be darker"
        assert (read[alpha == 0, 3] == 0).all() and (read[alpha == 255, 3] == 255).all()


def test_a_film_with_transparency_is_what_editors_take(tmp_path: Path) -> None:
    path = tmp_path / "out.mov"
    with VideoWriter(path, SIZE, Fraction(25), coding=PRORES_4444) as writer:
        writer.write(cut_out(0))
    data = path.read_bytes()
    assert data[4:12] == b"ftypqt  "
    entry = data[data.index(b"ap4h") :]
    assert entry[78:80] == b"\0\x20", "32 bits a pixel: how QuickTime says that there is an alpha"
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        context = container.streams.video[0].codec_context
    assert context.profile == "4444" and context.pix_fmt.startswith("yuva444p")
    assert (frame.color_range, frame.color_primaries, frame.color_trc, frame.colorspace) == (1, 1, 1, 1)


def test_what_holds_no_transparency_or_no_room_is_told_apart(tmp_path: Path) -> None:
    for name in ("out.mp4", "out.mkv", "out"):
        with pytest.raises(OutputError, match=r"with transparency are written as mov; .* ends in \.mov"):
            VideoWriter(tmp_path / name, SIZE, Fraction(25), coding=PRORES_4444)
    for coding, picture in (({"coding": PRORES_4444}, numbered(0)), ({}, cut_out(0))):
        path = tmp_path / ("out.mov" if coding else "out.mp4")
        with (
            pytest.raises(ValueError, match="expected uint8"),
            VideoWriter(path, SIZE, Fraction(25), **coding) as writer,
        ):
            writer.write(picture)
    assert list(tmp_path.iterdir()) == []


# --- where it may not be written -------------------------------------------------------------------------------


def _one_line(caught: pytest.ExceptionInfo[OutputError], path: Path) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_output_equals_an_input(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(0)] * 3, sound=clicks(0.2, 0.1))
    before = path.read_bytes()
    (tmp_path / "link.mp4").symlink_to(path)
    (tmp_path / "hard.mp4").hardlink_to(path)
    for name in ("clip.mp4", "link.mp4", "hard.mp4", "../" + tmp_path.name + "/clip.mp4"):
        with pytest.raises(OutputError, match="is also an input"):
            check_output(tmp_path / name, [tmp_path / "missing.mp4", path])
    with pytest.raises(OutputError, match="is also an input"):
        VideoWriter(path, SIZE, Fraction(25), audio=AudioCut(path, Fraction(0), Fraction(1)))
    assert path.read_bytes() == before
    check_output(tmp_path / "other.mp4", [path])


@pytest.mark.parametrize("folder", ["missing", "file", "/proc"], ids=["missing", "a-file", "read-only"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, folder: str) -> None:
    if folder == "/proc" and not Path("/proc").is_dir():
        pytest.skip("no folder here that even root may not write")
    (tmp_path / "file").touch()
    path = tmp_path / folder / "out.mp4"
    for attempt in (lambda: check_output(path), lambda: VideoWriter(path, SIZE, Fraction(25)).__enter__()):
        with pytest.raises(OutputError) as caught:
            attempt()
        _one_line(caught, path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="Permission denied"):
        check_output(tmp_path / "locked" / "out.mp4")


def test_a_folder_is_no_file_and_only_mp4_is_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path)
    for name in ("out.mkv", "out.gif", "out"):
        with pytest.raises(OutputError, match=r"ends in \.mp4"):
            VideoWriter(tmp_path / name, SIZE, Fraction(25))


@pytest.mark.parametrize("moment", ["frame", "end"])
def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    path = tmp_path / "out.mp4"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    full_disk = pytest.raises(OutputError, match="the disk is full")
    with full_disk as caught, VideoWriter(path, SIZE, Fraction(25)) as writer:
        writer.write(numbered(0))
        if moment == "frame":
            monkeypatch.setattr(VideoWriter, "_picture", full)
            writer.write(numbered(1))
        monkeypatch.setattr(VideoWriter, "_finish", full)
    _one_line(caught, path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_takes_no_more(tmp_path: Path) -> None:
    """The real thing: the kernel refuses bytes beyond a limit, in the middle and when FFmpeg flushes at the end."""
    pytest.importorskip("resource")
    script = """
        import resource, signal, sys
        from fractions import Fraction
        from pathlib import Path
        import numpy as np
        from dancedouble.errors import OutputError
        from dancedouble.media.video import VideoWriter
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit, folder = int(sys.argv[1]), Path(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        random = np.random.default_rng(0)
        try:
            with VideoWriter(folder / "out.mp4", (128, 128), Fraction(25)) as writer:
                for _ in range(60):
                    writer.write(random.integers(0, 255, (128, 128, 3), np.uint8))
        except OutputError as error:
            assert not list(folder.iterdir()), list(folder.iterdir())
            print("refused:", error)
        else:
            print("written", (folder / "out.mp4").stat().st_size)
        """
    size = 0
    for limit in (100_000_000, 300_000, None):
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), str(limit or size - 2000), str(tmp_path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        if limit == 100_000_000:
            size = int(run.stdout.split()[1])
            (tmp_path / "out.mp4").unlink()
        else:
            assert run.stdout.startswith("refused:"), run.stdout + run.stderr
            assert "out.mp4" in run.stdout
            assert run.stdout.count("\n") == 1
