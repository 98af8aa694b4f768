from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import pytest

from dancedouble.errors import NoPersonError, OutputError, WorkspaceError
from dancedouble.pose.keypoints import empty_poses
from dancedouble.workspace import (
    MANIFEST,
    Manifest,
    Workspace,
    neighbours,
    new_workspace,
    pair_step,
    usable_in,
    write_manifest,
)

MANIFEST_VALUES = Manifest(
    source_name="me.mp4", source_sha256="0" * 64, size=(48, 32), fps=Fraction(30000, 1001), frames=4,
    usable=(0, 1, 3), person_height=40.0, consent="Ada, told me",
)  # fmt: skip


def test_a_manifest_comes_back_as_it_was(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST_VALUES)
    assert Workspace(tmp_path).manifest == MANIFEST_VALUES


def test_pairs_are_adjacent_in_time_only() -> None:
    assert neighbours([0, 1, 2, 5, 6, 9]) == [(0, 1), (1, 2), (5, 6)]
    assert neighbours([0, 1, 2, 3, 5, 7], 2) == [(0, 2), (1, 3)], "nothing may be missing between"
    assert [pair_step(Fraction(fps)) for fps in (8, 25, 30, 50, 60, 240)] == [1, 1, 1, 2, 2, 8]
    assert usable_in(MANIFEST_VALUES, (1, 4)) == [1, 3]
    assert usable_in(MANIFEST_VALUES, None) == [0, 1, 3]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_text("{"), "damaged"),
        (lambda path: path.write_text("[]"), "damaged"),
        (lambda path: path.write_text(json.dumps({"format": "else", "version": 1})), "damaged"),
        (lambda path: path.write_text(json.dumps({"format": "dancedouble-workspace", "version": 99})), "newer version"),
        (lambda path: path.unlink(), "not a finished workspace"),
    ],
)
def test_a_damaged_manifest_is_one_clear_line(tmp_path: Path, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    write_manifest(tmp_path, MANIFEST_VALUES)
    damage(tmp_path / MANIFEST)
    with pytest.raises(WorkspaceError, match=said) as caught:
        Workspace(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_missing_parts_are_named(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST_VALUES)
    workspace = Workspace(tmp_path)
    with pytest.raises(WorkspaceError, match=r"poses\.npz is missing"):
        _ = workspace.poses
    with pytest.raises(WorkspaceError, match=r"frames/000000\.jpg is missing"):
        workspace.frame(0)
    empty_poses(3, (48, 32), Fraction(30)).save(tmp_path / "poses.npz")
    with pytest.raises(WorkspaceError, match="3 rows for 4 frames"):
        _ = Workspace(tmp_path).poses


def test_no_folder_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="dancedouble prepare"):
        Workspace(tmp_path / "nothing")


def test_an_older_workspace_stays_whole_until_the_new_one_is(tmp_path: Path) -> None:
    folder = tmp_path / "me"
    folder.mkdir()
    write_manifest(folder, MANIFEST_VALUES)
    with pytest.raises(NoPersonError), new_workspace(folder) as part:
        (part / "frames" / "000000.jpg").touch()
        raise NoPersonError("nobody")
    assert Workspace(folder).manifest == MANIFEST_VALUES
    assert [path.name for path in tmp_path.iterdir()] == ["me"]
    with new_workspace(folder) as part:
        (part / "new").touch()
    assert sorted(path.name for path in folder.iterdir()) == ["frames", "masks", "new"]
    assert [path.name for path in tmp_path.iterdir()] == ["me"]


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "holiday.jpg").touch()
    with pytest.raises(OutputError, match="not a workspace"), new_workspace(tmp_path):
        pass
    assert (tmp_path / "frames" / "holiday.jpg").exists()


def test_a_workspace_that_holds_something_else_too_is_not_replaced(tmp_path: Path) -> None:
    write_manifest(tmp_path, MANIFEST_VALUES)
    (tmp_path / "me.mp4").touch()
    with pytest.raises(OutputError, match=r"holds me\.mp4"), new_workspace(tmp_path):
        pass
    assert (tmp_path / "me.mp4").exists() and Workspace(tmp_path).manifest == MANIFEST_VALUES
    file = tmp_path / "me.mp4"
    with pytest.raises(OutputError, match="not a workspace"), new_workspace(file):
        pass
