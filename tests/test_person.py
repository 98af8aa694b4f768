"""The person file: all that rendering needs, within 50 MB whatever the footage."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from dancedouble.conditioning import ReferenceBank
from dancedouble.person import load_person, read_header, save_person
from dancedouble.pose.keypoints import PoseSequence
from dancedouble.pose.normalization import normalize_poses
from dancedouble.recipe import recipe_from_dict
from dancedouble.training.presets import preset
from pose_fixtures import dance, film
from untrained_person import doll_poses, untrained_person

MOST_BYTES = 50_000_000


def grainy(size: tuple[int, int], count: int) -> np.ndarray:
    """Pictures as hard to compress as a camera's: texture, and grain on all of it."""
    random = np.random.default_rng(0)
    texture = cv2.GaussianBlur(random.integers(0, 255, (*size, 3), np.uint8), (0, 0), 3).astype(np.float32)
    texture = (texture - texture.mean()) * 4 + 128
    grain = random.normal(0, 2.5, (8, *size, 3)).astype(np.float32)
    return np.stack([np.clip(texture + grain[i % 8], 0, 255).astype(np.uint8) for i in range(count)])


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    person = untrained_person(frames=20)
    save_person(tmp_path / "doll.safetensors", person)
    loaded = load_person(tmp_path / "doll.safetensors")
    assert loaded.bank is not None and person.bank is not None
    np.testing.assert_array_equal(loaded.bank.pictures, person.bank.pictures)
    np.testing.assert_array_equal(loaded.plate, person.plate)
    np.testing.assert_array_equal(loaded.poses.xy, person.poses.xy)
    assert loaded.poses.fps == person.poses.fps and recipe_from_dict(loaded.recipe) == recipe_from_dict(person.recipe)


@pytest.mark.slow
@pytest.mark.parametrize("height", [256, 512])
def test_a_person_of_large_and_long_footage_stays_within_its_limit(tmp_path: Path, height: int) -> None:
    """Five minutes of full HD at 60 frames a second, a tall person, the whole bank."""
    recipe = preset("swift", height)
    count = recipe.conditioning.bank  # type: ignore[union-attr]
    size = (height * 7 // 6 // 16 * 16, height * 7 // 8)
    poses = doll_poses(18_000)
    pictures = np.concatenate([grainy(size, count), np.full((count, *size, 1), 255, np.uint8)], axis=-1)
    known = PoseSequence(xy=poses.xy[:count], score=poses.score[:count], size=size, fps=poses.fps)
    bank = ReferenceBank(pictures=pictures, poses=known, large=grainy((720, 540), count))
    person = replace(
        untrained_person("swift", height=height, frames=count), plate=grainy((1080, 1920), 1)[0], poses=poses,
        bank=bank, crop_size=size,
    )  # fmt: skip
    save_person(tmp_path / "tall.safetensors", person)
    assert (tmp_path / "tall.safetensors").stat().st_size < MOST_BYTES
    loaded = load_person(tmp_path / "tall.safetensors")
    assert loaded.bank is not None and len(loaded.bank) == count
    apart = np.abs(loaded.bank.pictures[0].astype(int) - pictures[0])
    assert apart.mean() < 2, "what generators copy pixels from looks as it did"


def test_of_long_footage_enough_poses_are_kept_to_fit_a_dance_by(tmp_path: Path) -> None:
    target = film(dance(8000, 25, wander=0.5, seed=2))
    person = replace(untrained_person(frames=8), poses=target)
    save_person(tmp_path / "long.safetensors", person)
    kept = load_person(tmp_path / "long.safetensors").poses
    assert len(kept) <= 3000 and len(kept) / kept.fps == pytest.approx(len(target) / target.fps, rel=0.01)
    source = film(dance(200, 25, seed=5))
    by_all, by_kept = (normalize_poses(source, poses).poses.xy for poses in (target, kept))
    assert np.abs(by_all - by_kept).mean() < 2, "pixels"


@pytest.mark.parametrize("of_before", [False, True])
def test_the_frames_that_were_learned_are_found_among_the_poses_that_are_kept(tmp_path: Path, of_before: bool) -> None:
    path, target = tmp_path / "long.safetensors", film(dance(3600, 25, seed=2))
    person = replace(untrained_person(frames=8), poses=target, trained={"frames": [1800, 3600]})
    save_person(path, person)
    if of_before:
        header = read_header(path)
        del header["pose_step"]
        save_file(load_file(path), path, metadata={"dancedouble": json.dumps(header)})
    np.testing.assert_array_equal(load_person(path).learned_poses.xy, target.xy[1800::2])
    np.testing.assert_array_equal(person.learned_poses.xy, target.xy[1800:])
