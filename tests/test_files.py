from __future__ import annotations

import errno
from pathlib import Path

import pytest

from dancedouble.errors import OutputError
from dancedouble.files import atomic_folder, atomic_path


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
