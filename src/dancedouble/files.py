"""Writing files so that a reader sees the old one or the new one, never half of it."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dancedouble.errors import OutputError

NPZ_ERRORS = (ValueError, LookupError, TypeError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading an ``.npz`` raises where the file is cut short, damaged, or something else by that name.

Open the file for numpy: one that turns out to be no archive it leaves open."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, moved onto it when the block ends well and removed when it does not.

    Raises OutputError, one line, when the folder cannot be written or the disk is full.
    """
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder``, put in its place when the block ends well and removed when it does not.

    Until then what was there stays as it was; of a link, what it leads to is replaced. Raises OutputError, one line,
    when the disk is full or not writable, and where :func:`check_folder` does.
    """
    whole = check_folder(folder)
    part = whole.with_name(f".{whole.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        _swap(part, whole)
    except OutputError as error:
        raise OutputError(str(error).replace(str(part), str(folder))) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_folder(folder: Path) -> Path:
    """Where ``folder`` really is, links followed.

    Raises OutputError, before any work is done, where no new folder can be put in its place.
    """
    try:
        whole = folder.resolve()
        if whole.exists() and not whole.is_dir():
            raise OutputError(f"{folder}: is a file, expected a folder; choose another name")
        if Path.cwd().is_relative_to(whole):
            raise OutputError(f"{folder}: holds the current folder and cannot be replaced; choose a folder inside it")
        if os.path.ismount(whole):  # pathlib's is not there on Windows before Python 3.12
            raise OutputError(f"{folder}: is a mount point and cannot be replaced; choose a folder inside it")
        there = next((parent for parent in whole.parents if parent.exists()), whole.parent)
        tempfile.TemporaryFile(dir=there).close()
    except (OSError, RuntimeError) as error:  # the latter of links that lead to themselves, before Python 3.13
        raise cannot_write(folder, error) from error
    return whole


def _swap(part: Path, whole: Path) -> None:
    """``part`` in the place of ``whole``. Only names change before it is there: what may fail loses nothing."""
    aside = Path(tempfile.mkdtemp(prefix=f".{whole.name}.", suffix=".old", dir=whole.parent))
    old = aside / whole.name
    try:
        if whole.exists():
            whole.rename(old)
        part.rename(whole)
    except OSError:
        if old.exists():
            old.rename(whole)
        aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def cannot_write(path: Path, error: Exception) -> OutputError:
    """What to tell of a file or folder that the system refused to write."""
    reason = (error.strerror if isinstance(error, OSError) else None) or error
    return OutputError(f"{path}: cannot be written ({reason}); free some space or choose another folder")


def make_folder(folder: Path) -> None:
    """The folder, and those above it, where they are not there yet. Raises OutputError, one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in one step."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def reserve(path: Path) -> None:
    """Claim the room on the disk that a sparse file will fill, where the system can. Raises OutputError.

    For files that are mapped: who writes into one when the disk is full is killed without a word.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    needed, free = path.stat().st_size, shutil.disk_usage(path.parent).free
    try:
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, needed)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                f"{path.parent}: the disk is full, {needed / 1e6:,.1f} MB are needed and {free / 1e6:,.1f} MB are free;"
                " free some space or choose another folder"
            ) from error
        # Not every file system can claim room.


def sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def identity(path: Path) -> str:
    """Changes when a file does, or what a folder holds."""
    if path.is_file():
        return sha256(path)
    held = [(entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in sorted(path.iterdir())]
    return hashlib.sha256(str(held).encode()).hexdigest()
