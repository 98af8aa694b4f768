"""The source's sound in the result: bit-exact where mp4 holds the codec, in sync at both ends, never too long."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dancedouble.errors import MediaError
from dancedouble.media.audio import AudioCut, require_sound
from dancedouble.media.video import PRORES_4444, VideoWriter, probe, read_frames
from media_samples import (
    RATE,
    SIZE,
    audio_packet_hashes,
    audio_packets,
    click_times,
    clicks,
    hear,
    numbered,
    write_video,
)

FPS = 25
COPIED = {"aac": "aac", "libmp3lame": "mp3"}
ENCODED = {"flac": "clip.mkv", "ac3": "clip.mkv", "alac": "clip.mov", "pcm_s16le": "clip.avi", "mp2": "clip.ts"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """8 s at 25 fps with a click every 0.5 s."""
    return _source(tmp_path_factory.mktemp("source") / "clip.mp4", "aac")


def _source(path: Path, codec: str) -> Path:
    sound = clicks(8, 0.5)
    images = [numbered(n) for n in range(8 * FPS)]
    return write_video(path, images, rate=FPS, sound=sound, sound_codec=codec)


def _transfer(source: Path, output: Path, start: int, stop: int) -> Path:
    """What a transfer does: frames ``start`` to ``stop`` of the source, with their sound."""
    info = probe(source)
    cut = AudioCut(source, start / info.fps, stop / info.fps)
    with VideoWriter(output, info.size, info.fps, audio=cut) as writer:
        for image in read_frames(source, start=start, stop=stop):
            writer.write(image)
    return output


def _durations(path: Path) -> tuple[float, float]:
    """Seconds of (video, audio) as the container plays them."""
    with av.open(str(path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert video.duration is not None and audio.duration is not None
        return float(video.duration * video.time_base), float(audio.duration * audio.time_base)


def _assert_in_sync(source: Path, output: Path, start: int, stop: int) -> None:
    """Every click the source plays between its frames ``start`` and ``stop`` is heard at its time, first to last."""
    begin, end = start / FPS, stop / FPS
    played = np.array(click_times(hear(source)))
    assert len(played) == 16
    expected = [time - begin for time in played if begin + 0.03 < time < end - 0.03]
    heard = [time for time in click_times(hear(output)) if 0.03 < time < end - begin - 0.03]
    assert len(heard) == len(expected)
    assert np.abs(np.subtract(heard, expected)).max(initial=0) < 0.002


def test_a_whole_track_is_the_sources_packet_for_packet(source: Path, tmp_path: Path) -> None:
    output = _transfer(source, tmp_path / "out.mp4", 0, 8 * FPS)
    hashes, original = audio_packet_hashes(output), audio_packet_hashes(source)
    assert hashes == original[: len(hashes)]
    assert len(original) - len(hashes) <= 1
    _assert_in_sync(source, output, 0, 8 * FPS)
    with av.open(str(source)) as before, av.open(str(output)) as after:
        ours, theirs = after.streams.audio[0].codec_context, before.streams.audio[0].codec_context
        assert (ours.name, ours.sample_rate, ours.extradata) == (theirs.name, theirs.sample_rate, theirs.extradata)


@pytest.mark.parametrize(("start", "stop"), [(1, 60), (13, 113), (60, 200), (37, 38), (199, 200), (100, 137)])
def test_a_cut_copies_the_packets_it_needs_in_sync_at_both_ends(
    source: Path, tmp_path: Path, start: int, stop: int
) -> None:
    output = _transfer(source, tmp_path / "out.mp4", start, stop)
    hashes, original = audio_packet_hashes(output), audio_packet_hashes(source)
    first = original.index(hashes[0])
    assert hashes == original[first : first + len(hashes)]
    _assert_in_sync(source, output, start, stop)
    video, audio = _durations(output)
    packet = 1024 / RATE
    assert video == pytest.approx((stop - start) / FPS)
    assert video - packet <= audio <= video + packet
    # Against the source: the same packet sounds at the same moment, to the sample's rounding.
    before = {h: p.pts * p.time_base for h, p in zip(original, audio_packets(source), strict=True)}
    for digest, packet_out in zip(hashes, audio_packets(output), strict=True):
        assert abs(before[digest] - packet_out.pts * packet_out.time_base - Fraction(start, FPS)) < Fraction(1, 20000)
    # Only what is heard, and one packet to prime the decoder.
    begin = next(audio_packets(output))
    assert begin.pts * begin.time_base > -2.01 * packet


@pytest.mark.parametrize("codec", COPIED)
def test_codecs_that_every_player_knows_are_copied(tmp_path: Path, codec: str) -> None:
    source = _source(tmp_path / "clip.mkv", codec)
    output = _transfer(source, tmp_path / "out.mp4", 30, 150)
    hashes, original = audio_packet_hashes(output), audio_packet_hashes(source)
    first = original.index(hashes[0])
    assert hashes == original[first : first + len(hashes)]
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.name.removesuffix("float") == COPIED[codec]
    _assert_in_sync(source, output, 30, 150)


def _opus_source(source: Path) -> Path:
    """2 s of silence beside pictures, in WebM."""
    with av.open(str(source), "w") as container:
        video = container.add_stream("libvpx", rate=FPS, width=96, height=64, pix_fmt="yuv420p")
        audio = container.add_stream("libopus", rate=48000, layout="mono")
        for n in range(50):
            container.mux(video.encode(av.VideoFrame.from_ndarray(numbered(n), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 96000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return source


def test_opus_becomes_aac_which_every_phone_plays(tmp_path: Path) -> None:
    output = _transfer(_opus_source(tmp_path / "clip.webm"), tmp_path / "out.mp4", 10, 40)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


@pytest.mark.parametrize("codec", ENCODED)
@pytest.mark.parametrize(("start", "stop"), [(0, 200), (13, 113)], ids=["whole", "cut"])
def test_other_codecs_become_aac_in_sync(tmp_path: Path, codec: str, start: int, stop: int) -> None:
    source = _source(tmp_path / ENCODED[codec], codec)
    output = _transfer(source, tmp_path / "out.mp4", start, stop)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"
    _assert_in_sync(source, output, start, stop)
    video, audio = _durations(output)
    assert video == pytest.approx((stop - start) / FPS)
    assert video - 1024 / RATE <= audio <= video + 1024 / RATE


@pytest.mark.parametrize("name", ["clip.mp4", "clip.ts"])
def test_aac_of_every_container_is_copied(tmp_path: Path, name: str) -> None:
    source = _source(tmp_path / name, "aac")
    output = _transfer(source, tmp_path / "out.mp4", 20, 120)
    _assert_in_sync(source, output, 20, 120)


@pytest.mark.parametrize("codec", ["aac", "flac"])
@pytest.mark.parametrize("late", [Fraction(13, 25), Fraction(-13, 25)], ids=["video-late", "sound-late"])
def test_streams_that_start_apart_stay_apart(tmp_path: Path, codec: str, late: Fraction) -> None:
    """Video that starts half a second after the sound, and the reverse, keep their offset."""
    source = tmp_path / "clip.mkv"
    with av.open(str(source), "w") as container:
        video = container.add_stream("libx264", rate=FPS, width=96, height=64, pix_fmt="yuv420p")
        audio = container.add_stream(codec, rate=RATE, layout="mono")
        for n in range(100):
            picture = av.VideoFrame.from_ndarray(numbered(n), format="rgb24")
            picture.time_base, picture.pts = Fraction(1, 1000), n * 40 + int(max(late, 0) * 1000)
            container.mux(video.encode(picture))
        name = audio.codec_context.format.name
        sound = clicks(4, 0.5)
        data = (sound * 32000).astype(np.int16) if name == "s16" else sound
        frame = av.AudioFrame.from_ndarray(data, format=name, layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), int(max(-late, 0) * RATE)
        container.mux(audio.encode(frame))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    info = probe(source)
    output = tmp_path / "out.mp4"
    with VideoWriter(output, info.size, info.fps, audio=AudioCut(source, Fraction(0), Fraction(2))) as writer:
        for image in read_frames(source, stop=50):
            writer.write(image)
    heard = [time for time in click_times(hear(output)) if time > 0.03]
    expected = [0.48, 0.98, 1.48] if late > 0 else [0.52, 1.02, 1.52]
    assert np.abs(np.array(heard)[:3] - expected).max() < 0.004


def _transfer_cut_out(source: Path, output: Path, start: int, stop: int) -> Path:
    """As :func:`_transfer`, to a film with transparency."""
    info = probe(source)
    cut = AudioCut(source, start / info.fps, stop / info.fps)
    with VideoWriter(output, SIZE, info.fps, audio=cut, coding=PRORES_4444) as writer:
        for _ in range(start, stop):
            writer.write(np.zeros((*SIZE, 4), np.uint8))
    return output


@pytest.mark.parametrize("codec", [*COPIED, "flac"])
def test_films_with_transparency_have_the_same_sound(tmp_path: Path, codec: str) -> None:
    source = _source(tmp_path / "clip.mkv", codec)
    output = _transfer_cut_out(source, tmp_path / "out.mov", 13, 113)
    _assert_in_sync(source, output, 13, 113)
    if codec in COPIED:
        assert set(audio_packet_hashes(output)) <= set(audio_packet_hashes(source))
    video, audio = _durations(output)
    assert video == pytest.approx(4)
    assert audio <= video + 4096 / RATE


def test_opus_which_mov_cannot_hold_becomes_aac(tmp_path: Path) -> None:
    output = _transfer_cut_out(_opus_source(tmp_path / "clip.webm"), tmp_path / "out.mov", 10, 40)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.name == "aac"


def test_no_sound_in_the_source_means_no_stream(tmp_path: Path) -> None:
    source = write_video(tmp_path / "silent.mp4", [numbered(n) for n in range(10)])
    output = _transfer(source, tmp_path / "out.mp4", 0, 10)
    assert not probe(output).has_audio


def test_sound_ends_with_the_video_when_fewer_frames_come(source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.mp4"
    with VideoWriter(output, SIZE, Fraction(FPS), audio=AudioCut(source, Fraction(1), Fraction(8))) as writer:
        for image in read_frames(source, start=25, stop=60):
            writer.write(image)
    video, audio = _durations(output)
    assert video == pytest.approx(35 / FPS)
    assert audio <= video + 1024 / RATE


def test_sound_shorter_than_the_video_ends_early(tmp_path: Path) -> None:
    images = [numbered(n) for n in range(100)]
    source = write_video(tmp_path / "clip.mp4", images, rate=FPS, sound=clicks(2, 0.5))
    output = _transfer(source, tmp_path / "out.mp4", 0, 100)
    video, audio = _durations(output)
    assert video == pytest.approx(4)
    assert audio == pytest.approx(2, abs=0.03)
    beyond = _transfer(source, tmp_path / "beyond.mp4", 75, 100)
    assert probe(beyond).frames == 25


def test_a_sound_file_without_pictures(tmp_path: Path) -> None:
    song = tmp_path / "song.m4a"
    with av.open(str(song), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(clicks(4, 0.5), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    require_sound(song)
    output = tmp_path / "out.mp4"
    with VideoWriter(output, SIZE, Fraction(FPS), audio=AudioCut(song, Fraction(1, 4), Fraction(3))) as writer:
        for n in range(50):
            writer.write(numbered(n))
    assert click_times(hear(output))[0] == pytest.approx(0.25, abs=0.003)


def test_what_has_no_sound_is_told_in_one_line(source: Path, tmp_path: Path) -> None:
    require_sound(source)
    write_video(tmp_path / "silent.mp4", [numbered(n) for n in range(10)])
    (tmp_path / "short.mp4").write_bytes(source.read_bytes()[:-5000])
    (tmp_path / "poses.npz").write_bytes(b"poses")
    (tmp_path / "folder").mkdir()
    for name, what in {
        "silent.mp4": r"has no sound .*holds: video\); expected a file with sound", "short.mp4": "is cut short",
        "none.mp4": "no such file; expected a video or a song", "poses.npz": "not a video that can be read",
        "folder": "is a folder",
    }.items():  # fmt: skip
        with pytest.raises(MediaError, match=rf"{name}: .*{what}") as caught:
            require_sound(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_cut_runs_forward() -> None:
    with pytest.raises(ValueError, match="start < stop"):
        AudioCut(Path("clip.mp4"), Fraction(2), Fraction(1))


@pytest.mark.clips
@pytest.mark.parametrize("name", ["s_musev_queencard", "s_animatex_dance3", "h_two_people_steady_dy1"])
def test_real_sound_is_copied_whole(clips: Path, tmp_path: Path, name: str) -> None:
    """Apple's and HE-AAC's long priming, and an edit list, included."""
    source = clips / f"{name}.mp4"
    info = probe(source)
    output = tmp_path / "out.mp4"
    with VideoWriter(output, SIZE, info.fps, audio=AudioCut(source, Fraction(0), info.duration)) as writer:
        for _ in range(info.frames):
            writer.write(numbered(0))
    hashes, original = audio_packet_hashes(output), audio_packet_hashes(source)
    assert hashes == original[: len(hashes)]
    before, after = list(audio_packets(source)), list(audio_packets(output))
    offsets = [float(a.pts * a.time_base - b.pts * b.time_base) for a, b in zip(after, before, strict=False)]
    assert np.abs(np.array(offsets) + float(info.start_time)).max() < 0.001
    video, audio = _durations(output)
    assert video == pytest.approx(float(info.duration))
    assert audio <= video + 2048 / RATE


@pytest.mark.parametrize("rate", [8000, 16000])
def test_mp3_that_mp4_does_not_take_becomes_aac(tmp_path: Path, rate: int) -> None:
    hum = 0.8 * np.sin(2 * np.pi * 200 * np.arange(2 * rate) / rate)[None].astype(np.float32)
    source = write_video(
        tmp_path / "clip.mkv", [numbered(n) for n in range(2 * FPS)], rate=FPS, sound=hum, sound_codec="libmp3lame",
        sound_rate=rate,
    )  # fmt: skip
    output = _transfer(source, tmp_path / "out.mp4", 0, 2 * FPS)
    with av.open(str(output)) as container:
        assert container.streams.audio[0].codec_context.name == ("aac" if rate < 16000 else "mp3float")
    assert sum(1 for _ in audio_packets(output)) * 1024 / rate > 1.8


def test_sound_that_changes_its_channels_on_the_way_goes_on(tmp_path: Path) -> None:
    """One stream of sound after the other, as a broadcast that goes over from mono to stereo."""
    parts = []
    for layout in ("mono", "stereo"):
        parts.append(tmp_path / f"{layout}.mp2")
        with av.open(str(parts[-1]), "w") as container:
            stream = container.add_stream("mp2", rate=RATE, layout=layout)
            sound = clicks(2, 0.5)
            samples = (np.repeat(sound, len(stream.layout.channels), 0).T * 32767).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate = RATE
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    (tmp_path / "both.mp2").write_bytes(b"".join(part.read_bytes() for part in parts))
    cut = AudioCut(tmp_path / "both.mp2", Fraction(0), Fraction(4))
    with VideoWriter(tmp_path / "out.mp4", SIZE, Fraction(FPS), audio=cut) as writer:
        for n in range(4 * FPS):
            writer.write(numbered(n))
    heard = click_times(hear(tmp_path / "out.mp4"))
    assert any(time < 2 for time in heard) and any(time > 2 for time in heard)
