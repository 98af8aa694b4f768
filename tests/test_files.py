from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from dancedouble import files
from dancedouble.assessment.sidecar import write_sidecar
from dancedouble.checkpoint import save_checkpoint
from dancedouble.coverage.check import check_coverage
from dancedouble.delivery import check_request
from dancedouble.errors import OutputError
from dancedouble.files import atomic_folder, atomic_path, check_folder, entries, identity
from dancedouble.media import writing
from dancedouble.media.image import write_image
from dancedouble.media.video import VideoWriter
from dancedouble.models.painter import Painter
from dancedouble.person import save_person
from dancedouble.pose.openpose_json import check_openpose
from dancedouble.training.presets import preset
from dancedouble.training.start import save_start
from dancedouble.workspace import _require_ours, write_manifest
from media_samples import SIZE, numbered
from test_workspace import MANIFEST_VALUES
from untrained_person import doll_poses, untrained_person


def test_a_full_disk_is_one_line_that_names_what_was_asked_for_and_leaves_nothing(tmp_path: Path) -> None:
    for kind in (atomic_folder, atomic_path):
        with (
            pytest.raises(OutputError, match=r"^\S+/out: cannot be written \(.*space") as caught,
            kind(tmp_path / "out"),
        ):
            raise OSError(errno.ENOSPC, "No space left on device")
        assert "\n" not in str(caught.value)
    with (
        pytest.raises(OutputError, match=r"/out/000001\.png: the disk is full"),
        atomic_folder(tmp_path / "out") as part,
    ):
        raise OutputError(f"{part}/000001.png: the disk is full")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(KeyboardInterrupt), atomic_folder(folder):
        raise KeyboardInterrupt
    assert [path.name for path in folder.iterdir()] == ["old"]
    with atomic_folder(folder) as part:
        (part / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old").touch()
    rename = Path.rename

    def busy(path: Path, target: Path) -> Path:
        if path.suffix == ".part":
            raise OSError(errno.EBUSY, "Device or resource busy")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", busy)
    monkeypatch.setattr(Path, "replace", busy)
    with (
        pytest.raises(OutputError, match=r"/out: cannot be written \(Device or resource busy\)"),
        atomic_folder(folder),
    ):
        pass
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_of_a_link_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "old").touch()
    (tmp_path / "link").symlink_to("real")
    with atomic_folder(tmp_path / "link") as part:
        (part / "new").touch()
    assert (tmp_path / "link").is_symlink()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["new"]
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}


def test_what_cannot_be_replaced_is_refused_before_the_work_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here" / "inside").mkdir(parents=True)
    (tmp_path / "disk").mkdir()
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path / "here" / "inside")
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path).name == "disk")
    refused = {
        ".": "current folder", "..": "current folder", str(tmp_path / "here"): "current folder",
        "../../disk": "mount point", "../../file": "is a file", "../../file/out": "Not a directory",
    }  # fmt: skip
    for name, said in refused.items():
        with pytest.raises(OutputError, match=said) as caught, atomic_folder(Path(name)):
            pytest.fail("the work began")
        assert str(caught.value).startswith(f"{name}: ") and "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == {"here", "disk", "file"}
    assert (tmp_path / "here" / "inside").is_dir()
    assert check_folder(Path("new/deep")) == tmp_path / "here" / "inside" / "new" / "deep"
    assert not list((tmp_path / "here" / "inside").iterdir()), "a check leaves nothing"


def test_what_a_killed_process_left_goes_and_what_another_is_writing_stays(tmp_path: Path) -> None:
    folder, file = tmp_path / "out", tmp_path / "crops.npy"
    left = [tmp_path / ".out.abc.part", tmp_path / ".crops.abc.part.npy"]
    now = [tmp_path / ".out.xyz.part", tmp_path / ".crops.xyz.part.npy"]
    for path in (left[0], now[0]):
        path.mkdir()
        (path / "frames").mkdir()
    for path in (left[1], now[1]):
        path.touch()
    for path in (left[0] / "frames", *left):
        os.utime(path, (0, 0))
    with atomic_folder(folder), atomic_path(file):
        assert not any(path.exists() for path in left) and all(path.exists() for path in now)


def test_two_who_write_one_file_each_write_their_own(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.txt") as one, atomic_path(tmp_path / "a.txt") as other:
        one.write_text("one")
        other.write_text("other")
        assert one != other
    assert (tmp_path / "a.txt").read_text() == "one", "who ends last wins, whole"
    with atomic_folder(tmp_path / "b") as first, atomic_folder(tmp_path / "b") as second:
        assert first != second and first.is_dir()


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such modes")
def test_what_is_written_may_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with atomic_path(tmp_path / "file"), atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("file", "folder")] == ["0o644", "0o755"]


def test_where_modes_are_refused_what_was_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with atomic_path(tmp_path / "film") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "film").read_text() == "whole"


@pytest.mark.parametrize("name", [".git", ".env", ".ssh"])
def test_a_folder_of_somebody_s_hidden_files_is_not_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert [path.name for path in entries(tmp_path)] == [name]
    for check in (
        lambda: check_openpose(tmp_path),
        lambda: _require_ours(tmp_path),
        lambda: check_request(tmp_path, "result", source=tmp_path / "a.mp4", sound=None, fps=None, inputs=[]),
    ):
        with pytest.raises(OutputError):
            check()


def test_what_systems_put_into_folders_is_not_ours_to_mind(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", ".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", ".a.x1.part.png", ".b.part"):
        (tmp_path / name).touch()
    assert [path.name for path in entries(tmp_path)] == ["a.png", "b.png"]
    kept = identity(tmp_path)
    (tmp_path / ".DS_Store").write_bytes(b"seen")
    assert identity(tmp_path) == kept


def write_person(path: Path, number: int) -> None:
    save_person(path, replace(untrained_person(height=64, frames=8), consent=f"doll {number}"))


def write_start(path: Path, number: int) -> None:
    torch.manual_seed(number)
    save_start(path, Painter(preset("tiny").final.generator))


def write_result(path: Path, number: int) -> None:
    coverage = check_coverage(doll_poses(), doll_poses(seed=5))
    write_sidecar(path.with_suffix(".mp4"), result={"frames": number}, record={}, coverage=coverage, first=0)


def write_film(path: Path, number: int) -> None:
    with VideoWriter(path, SIZE, Fraction(25)) as writer:
        writer.write(numbered(number))


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "doll.safetensors": write_person,
    "start.safetensors": write_start,
    "dance.npz": lambda path, number: doll_poses(8 + number).save(path),
    "checkpoint.pt": lambda path, number: save_checkpoint(path, {"step": number}),
    "manifest.json": lambda path, number: write_manifest(path.parent, replace(MANIFEST_VALUES, frames=number)),
    "picture.png": lambda path, number: write_image(path, numbered(number)),
    "result.json": write_result,
    "film.mp4": write_film,
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_anew_stays_as_it_was_until_the_new_one_is_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(temporary: Path, path: Path) -> None:
        raise KeyboardInterrupt

    path, write = tmp_path / name, WRITERS[name]
    write(path, 1)
    old = path.read_bytes()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        for module in (files, writing):
            patch.setattr(module, "put_in_place", killed)
        write(path, 2)
    assert path.read_bytes() == old and list(tmp_path.iterdir()) == [path]
    write(path, 2)
    assert path.read_bytes() != old and list(tmp_path.iterdir()) == [path]
