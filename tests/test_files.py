from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dancedouble.errors import OutputError
from dancedouble.files import atomic_folder, atomic_path, check_folder


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
