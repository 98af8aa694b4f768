"""Probing and reading: counts, rates, seeking, rotation, odd sizes, damaged files."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest

from dancedouble.capture import is_video
from dancedouble.errors import MediaError
from dancedouble.media import decoding
from dancedouble.media.color import read_orientation
from dancedouble.media.decoding import open_media
from dancedouble.media.video import probe, read_frames, read_metadata
from media_samples import RATE, SIZE, clicks, numbered, read_number, write_video


def _numbers(path: Path, **options: int | Fraction) -> list[int]:
    return [read_number(image) for image in read_frames(path, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [24, 25, Fraction(30000, 1001), 60], ids=str)
@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.mov", "clip.ts", "clip.avi"])
def test_every_frame_of_a_constant_rate_clip_comes_once(tmp_path: Path, name: str, rate: Fraction) -> None:
    path = write_video(tmp_path / name, [numbered(n) for n in range(50)], rate=rate)
    info = probe(path)
    assert (info.size, info.fps, info.frames, info.variable_rate) == (SIZE, rate, 50, False)
    assert info.duration == 50 / Fraction(rate)
    assert _numbers(path) == list(range(50))
    assert _numbers(path, every=6) == list(range(0, 50, 6))
    assert _numbers(path, start=3, stop=30, every=9) == [3, 12, 21]


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "format"),
    [
        ("clip.webm", "libvpx", "yuv420p", None),
        ("clip.webm", "libvpx-vp9", "yuv420p", None),
        ("clip.mpg", "mpeg2video", "yuv420p", "mpeg"),
        ("clip.h264", "libx264", "yuv420p", "h264"),
        ("clip.avi", "mjpeg", "yuvj420p", None),
        ("clip.gif", "gif", "gray", None),
        ("clip.mp4", "libx264", "yuv422p10le", None),
        ("clip.mkv", "ffv1", "bgr0", None),
    ],
    ids=["vp8", "vp9", "mpeg2", "raw-h264", "mjpeg", "gif", "10-bit", "ffv1-rgb"],
)
def test_formats(tmp_path: Path, name: str, codec: str, pix_fmt: str, format: str | None) -> None:
    images = [numbered(5 * n) for n in range(30)]
    path = write_video(tmp_path / name, images, rate=25, codec=codec, pix_fmt=pix_fmt, format=format)
    info = probe(path)
    assert (info.size, info.fps, info.frames) == (SIZE, 25, 30)
    assert _numbers(path) == [5 * n for n in range(30)]


@pytest.mark.parametrize("options", [{}, {"bf": "3", "x264-params": "open-gop=1"}], ids=["closed", "open-gop"])
def test_reading_a_part_equals_the_part_of_the_whole(tmp_path: Path, options: dict[str, str]) -> None:
    random = np.random.default_rng(0)
    images = [np.kron(random.integers(0, 255, (8, 12, 3), np.uint8), np.ones((8, 8, 1), np.uint8)) for _ in range(90)]
    path = write_video(tmp_path / "clip.mp4", images, options=options)
    whole = list(read_frames(path))
    for start, stop in [(0, 5), (1, 4), (11, 14), (12, 13), (37, 50), (89, 90), (60, None)]:
        part = list(read_frames(path, start=start, stop=stop))
        assert len(part) == len(whole[start:stop])
        assert all(np.array_equal(a, b) for a, b in zip(part, whole[start:stop], strict=True))
    assert list(read_frames(path, start=90)) == []
    assert list(read_frames(path, start=5, stop=5)) == []
    assert len(list(read_frames(path, start=80, stop=500))) == 10


def _rotated_vfr(path: Path) -> tuple[list[int], Path]:
    """A clip of 90 numbered frames at 30 fps, some dropped, ±3 ms of jitter, starting at 2 s, stored on its side."""
    random = np.random.default_rng(5)
    kept = [n for n in range(90) if n not in {7, 20, 21, 22, 23, 24, 50, 52}]
    ticks = [180_000 + 3000 * n + int(random.integers(-270, 270)) * (n > 0) for n in kept]
    images = [np.rot90(numbered(n, (96, 64)), 1) for n in kept]  # turned left; to be turned right again
    write_video(path, images, rate=30, ticks=ticks, time_base=Fraction(1, 90000), rotation=-90)
    return kept, path


def test_a_rotated_vfr_clip_comes_upright_at_a_constant_rate(tmp_path: Path) -> None:
    kept, path = _rotated_vfr(tmp_path / "phone.mp4")
    info = probe(path)
    assert (info.size, info.rotation, info.fps, info.variable_rate) == ((96, 64), 90, 30, True)
    expected = [max(k for k in kept if k <= n) for n in range(90)]
    assert info.frames == 90
    assert _numbers(path) == expected
    for start in (6, 7, 8, 23, 24, 25, 53, 89):
        assert _numbers(path, start=start, stop=start + 2) == expected[start : start + 2]


def test_a_clip_that_starts_late_reads_from_its_first_picture(tmp_path: Path) -> None:
    images = [numbered(n) for n in range(20)]
    path = write_video(
        tmp_path / "late.mkv", images, rate=20, ticks=[50 * n + 5000 for n in range(20)], time_base=Fraction(1, 1000)
    )
    info = probe(path)
    assert (info.start_time, info.frames, info.fps) == (5, 20, 20)
    assert _numbers(path) == list(range(20))
    assert _numbers(path, start=7, stop=9) == [7, 8]


def test_a_place_that_cannot_be_reached_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(path: Path, **options: bool) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(Path, "stat", lost)
    with (
        pytest.raises(MediaError, match=r"cannot be reached \(Stale file handle\)"),
        open_media(tmp_path / "dance.mp4"),
    ):
        pass
    assert is_video(tmp_path / "dance"), "opening it tells why"


def test_a_film_pasted_together_whose_clock_starts_over_is_said_so(tmp_path: Path) -> None:
    part = write_video(tmp_path / "part.ts", [numbered(n) for n in range(60)], rate=30)
    pasted = tmp_path / "pasted.ts"
    pasted.write_bytes(part.read_bytes() * 2)
    with pytest.raises(MediaError, match=r"clock goes back from 2.0 s to 0.0 s"):
        probe(pasted)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_a_frame_with_something_pyav_does_not_know_is_turned_all_the_same(tmp_path: Path, rotation: int) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(1)] * 2, rotation=rotation)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))

        class Unknown:
            rotation = frame.rotation

            @property
            def side_data(self) -> None:
                raise ValueError("47 is not a valid Type")

        assert read_orientation(cast(av.VideoFrame, Unknown())) == read_orientation(frame)


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
@pytest.mark.parametrize("mirror", [False, True], ids=["plain", "mirrored"])
def test_all_eight_orientations(tmp_path: Path, rotation: int, mirror: bool) -> None:
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:32, :48] = (250, 0, 0)  # red, upper left
    picture[:32, 48:] = (0, 250, 0)
    picture[32:, :48] = (0, 0, 250)
    stored = np.rot90(picture[:, ::-1] if mirror else picture, -rotation // 90)
    path = write_video(tmp_path / "clip.mp4", [np.ascontiguousarray(stored)] * 3, rotation=rotation, mirror=mirror)
    image = next(read_frames(path))
    assert image.shape == picture.shape == (*probe(path).size, 3)
    assert image.flags.c_contiguous
    for y, x in [(16, 24), (16, 72), (48, 24), (48, 72)]:
        assert np.abs(image[y, x].astype(int) - picture[y, x]).max() < 20


def test_resampling_to_a_given_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(n) for n in range(60)], rate=60)
    assert _numbers(path, fps=Fraction(30)) == list(range(0, 60, 2))
    assert _numbers(path, fps=Fraction(30), start=10, stop=12) == [20, 22]
    assert _numbers(path, fps=Fraction(120))[:6] == [0, 0, 1, 1, 2, 2]


def test_held_frames_are_separate_arrays(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(n) for n in range(3)], rate=10)
    frames = list(read_frames(path, fps=Fraction(30)))
    frames[0][:] = 0
    assert read_number(frames[1]) == 0
    assert frames[1].max() > 100


def test_odd_sizes_are_read_as_they_are(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mkv", [numbered(n, (63, 95)) for n in range(4)], codec="ffv1", pix_fmt="bgr0")
    assert probe(path).size == (63, 95)
    assert [image.shape for image in read_frames(path)] == [(63, 95, 3)] * 4


def test_wide_pixels_become_square(tmp_path: Path) -> None:
    path = tmp_path / "anamorphic.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, width=96, height=64, pix_fmt="yuv420p")
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for n in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(numbered(n), format="rgb24")))
        container.mux(stream.encode(None))
    assert probe(path).size == (64, 128)
    assert _numbers(path) == [0, 1, 2]


def test_pictures_that_an_edit_list_hides_do_not_count(tmp_path: Path) -> None:
    """A copied cut keeps the frames from the key frame on and hides those before the cut, as phones' trimming does."""
    source = write_video(tmp_path / "whole.mp4", [numbered(n) for n in range(40)], options={"g": "40"})
    path = tmp_path / "trimmed.mp4"
    with av.open(str(source)) as whole, av.open(str(path), "w") as trimmed:
        stream = whole.streams.video[0]
        copy = trimmed.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.dts is not None:
                shift = round(Fraction(15, 30) / stream.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                trimmed.mux(packet)
    assert probe(path).frames == 25
    assert _numbers(path) == list(range(15, 40))
    assert _numbers(path, start=20, stop=22) == [35, 36]


def test_has_audio_and_metadata(tmp_path: Path) -> None:
    images = [numbered(0)] * 10
    silent = write_video(tmp_path / "silent.mp4", images)
    loud = write_video(tmp_path / "loud.mp4", images, sound=clicks(0.3, 0.1))
    assert not probe(silent).has_audio
    assert probe(loud).has_audio
    assert "major_brand" not in read_metadata(loud)


def test_a_changed_file_is_probed_anew(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(n) for n in range(5)])
    assert probe(path).frames == 5
    write_video(path, [numbered(n) for n in range(9)])
    assert probe(path).frames == 9


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    frame_bytes = 240 * 320 * 3
    path = write_video(tmp_path / "long.mp4", [numbered(n % 256, (240, 320)) for n in range(200)])
    tracemalloc.start()
    try:
        for _ in read_frames(path):
            pass
        assert tracemalloc.get_traced_memory()[1] < 20 * frame_bytes
    finally:
        tracemalloc.stop()


def test_reading_does_not_run_ahead_of_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder's threads each hold a picture; the rest of the clip is still in the file."""
    path = write_video(tmp_path / "long.mp4", [numbered(n) for n in range(200)])
    decode, decoded, shown = decoding.decode, 0, 0

    def counted(*given: Any) -> Iterator[av.VideoFrame]:
        nonlocal decoded
        for frame in decode(*given):
            decoded += 1
            yield frame

    monkeypatch.setattr(decoding, "decode", counted)
    for _ in read_frames(path):
        shown += 1
        assert decoded <= shown + 32
    assert shown == 200 <= decoded


# --- what is not a usable video ---------------------------------------------------------------------------------


def _expect(path: Path, *words: str) -> None:
    with pytest.raises(MediaError) as caught:
        for _ in read_frames(path):
            pass
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    for word in words:
        assert word in message


def test_a_missing_file(tmp_path: Path) -> None:
    _expect(tmp_path / "missing.mp4", "no such file")


def test_a_folder(tmp_path: Path) -> None:
    _expect(tmp_path, "is a folder")


@pytest.mark.parametrize("name", ["page.mp4", "notes.txt", "page.html"])
def test_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("<html>not a video</html>\n" * 100)
    _expect(path, "expected")


@pytest.mark.parametrize("content", [b"", bytes(5000)], ids=["empty", "zeros"])
def test_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    _expect(path, "expected")


@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "photo.mp4"])
def test_a_picture(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(bytes(cv2.imencode(".png" if name != "photo.jpg" else ".jpg", numbered(3))[1]))
    _expect(path, "picture")


def _song(path: Path, cover: bool) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        picture = container.add_stream("png", width=96, height=64, pix_fmt="rgb24") if cover else None
        if picture is not None:
            picture.disposition = av.stream.Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(numbered(1), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(clicks(0.5, 0.1), format="fltp", layout="mono")
        frame.sample_rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("cover", [False, True], ids=["sound", "cover-art"])
def test_sound_without_video(tmp_path: Path, cover: bool) -> None:
    _expect(_song(tmp_path / "song.mp3", cover), "no video stream", "audio")


def test_a_video_of_no_frames(tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        container.add_stream("libx264", rate=30, width=96, height=64, pix_fmt="yuv420p")
        container.start_encoding()
    _expect(path, "no frames")


def test_frames_that_all_fail_to_decode(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "clip.mp4", [numbered(n) for n in range(20)], container_options={"movflags": "+faststart"}
    )
    data = bytearray(path.read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin:] = bytes(len(data) - begin)
    path.write_bytes(data)
    _expect(path, "no frame that can be decoded")


@pytest.mark.parametrize(
    ("name", "options"),
    [("clip.mp4", {}), ("clip.mp4", {"movflags": "+faststart"}), ("clip.mov", {}), ("clip.mkv", {})],
    ids=["mp4", "mp4-faststart", "mov", "mkv"],
)
def test_a_truncated_file(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    images = [numbered(n % 256) for n in range(120)]
    path = write_video(tmp_path / name, images, container_options=options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _expect(path, "cut short", "copy or export it again")


def test_a_file_damaged_in_the_middle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(n % 256) for n in range(150)])
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    data[third : 2 * third] = np.random.default_rng(0).bytes(third)
    path.write_bytes(data)
    _expect(path, "damaged")


def test_one_lost_packet_is_bridged(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", [numbered(n) for n in range(30)], options={"g": "1"})
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        lost = list(container.demux(video=0))[10]
        assert lost.pos is not None
        data[lost.pos : lost.pos + lost.size] = bytes(lost.size)
    path.write_bytes(data)
    assert _numbers(path) == [n if n != 10 else 9 for n in range(30)]


# --- real clips ---------------------------------------------------------------------------------------------------


@pytest.mark.clips
@pytest.mark.parametrize(
    ("name", "size", "fps", "frames", "variable"),
    [
        ("h_derived_vfr", (720, 406), Fraction(30), 450, True),
        ("h_derived_rotate90", (720, 406), Fraction(30), 450, False),
        ("s_musev_queencard", (1280, 720), Fraction(30), 247, False),
        ("h_two_people_contact_gap", (1080, 1920), Fraction(30), 77, True),
        ("t_hybrik_taiji", (720, 1280), Fraction(24000, 1001), 412, False),
    ],
)
def test_real_clips(clips: Path, name: str, size: tuple[int, int], fps: Fraction, frames: int, variable: bool) -> None:
    path = clips / f"{name}.mp4"
    info = probe(path)
    assert (info.size, info.fps, info.frames, info.variable_rate) == (size, fps, frames, variable)
    tail = list(read_frames(path, start=frames - 3))
    assert [image.shape for image in tail] == [(*size, 3)] * 3


def test_a_title_in_another_encoding_does_not_make_a_video_unreadable(tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.avi", [numbered(n) for n in range(3)], codec="mpeg4")
    data = bytearray(clip.read_bytes())
    info = b"INAM" + (6).to_bytes(4, "little") + "Tänze".encode("cp1252") + b"\0"
    listed = b"LIST" + (4 + len(info)).to_bytes(4, "little") + b"INFO" + info
    movie = data.index(b"LIST", data.index(b"hdrl"))
    while data[movie + 8 : movie + 12] != b"movi":
        movie = data.index(b"LIST", movie + 4)
    data[movie:movie] = listed
    data[4:8] = (len(data) - 8).to_bytes(4, "little")
    clip.write_bytes(bytes(data))
    assert probe(clip).frames == 3 and len(list(read_frames(clip))) == 3
