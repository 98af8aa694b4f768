"""Writing files so that a reader sees the old one or the new one, never half of it."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from dancedouble.errors import OutputError

STALE = 3600.0
"""Seconds after which a temporary file that nobody touches is what a killed process left."""
LITTER = re.compile(r"\.DS_Store|\._.*|\.directory|Thumbs\.db|desktop\.ini|\..*\.part(\.\w+)?")
"""What systems put into folders that people look at, and what a killed process of ours leaves."""
UMASK = Lock()
"""Held while the umask is asked for, which sets it for a moment."""
NPZ_ERRORS = (ValueError, LookupError, TypeError, RuntimeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading an ``.npz`` raises where the file is cut short, damaged, or something else by that name.

Open the file for numpy: one that turns out to be no archive it leaves open."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path``, moved onto it when the block ends well and removed when it does not.

    What killed processes left there goes first. Raises OutputError, one line, when the folder cannot be written or the
    disk is full.
    """
    with suppress(OSError):  # of a folder that is not there is told below
        sweep(path)
    with _beside(path) as temporary:
        yield temporary


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    temporary: Path | None = None
    try:
        temporary = temporary_file(path)
        yield temporary
        put_in_place(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def temporary_file(path: Path) -> Path:
    """An empty file beside ``path``, of this process alone. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=f".part{path.suffix}")
    os.close(handle)
    return Path(name)


def put_in_place(temporary: Path, path: Path) -> None:
    """A finished temporary file at ``path``. Raises OSError.

    Windows lets nobody replace a file that somebody has open, such as a scanner for viruses: it is tried again there.
    """
    _permit(temporary, 0o666)
    waits = (0.1, 0.3, 0.9) if os.name == "nt" else ()
    for wait in waits:
        try:
            temporary.replace(path)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    temporary.replace(path)


def _permit(path: Path, mode: int) -> None:
    """What the user's umask leaves of a mode: temporary files are made for their owner alone."""
    with UMASK:
        umask = os.umask(0)
        os.umask(umask)
    with suppress(OSError):  # network shares and some sticks have modes of their own, and refuse
        path.chmod(path.stat().st_mode & stat.S_ISGID | mode & ~umask)


def sweep(path: Path) -> None:
    """Remove what killed processes left beside a file or folder that they were to write, a good while ago."""
    prefix, suffixes = f".{path.stem}.", (f".part{path.suffix}", ".part")
    for left in [entry for entry in path.parent.iterdir() if entry.name.startswith(prefix)]:
        if not left.name.endswith(suffixes):
            continue
        with suppress(OSError):
            held = [left, *left.iterdir()] if left.is_dir() else [left]
            if time.time() - max(entry.stat().st_mtime for entry in held) < STALE:
                continue
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def is_folder(path: Path) -> bool:
    """Whether there is a folder; of what cannot be reached, not: opening it tells why."""
    try:
        return path.is_dir()
    except OSError:
        return False


def entries(folder: Path) -> list[Path]:
    """What a folder holds, by name, without what nobody has put there: see :data:`LITTER`."""
    return sorted(entry for entry in folder.iterdir() if LITTER.fullmatch(entry.name) is None)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder``, put in its place when the block ends well and removed when it does not.

    Until then what was there stays as it was; of a link, what it leads to is replaced. Raises OutputError, one line,
    when the disk is full or not writable, and where :func:`check_folder` does.
    """
    whole = check_folder(folder)
    part: Path | None = None
    try:
        whole.parent.mkdir(parents=True, exist_ok=True)
        sweep(whole)
        part = Path(tempfile.mkdtemp(prefix=f".{whole.name}.", suffix=".part", dir=whole.parent))
        yield part
        _permit(part, 0o777)
        _swap(part, whole)
    except OutputError as error:
        raise OutputError(str(error).replace(str(part), str(folder))) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        if part is not None:
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
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if full else (error.strerror if isinstance(error, OSError) else None) or error
    return OutputError(f"{path}: cannot be written ({reason}); free some space or choose another folder")


def make_folder(folder: Path) -> None:
    """The folder, and those above it, where they are not there yet. Raises OutputError, one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another folder") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in one step; unswept, for it is done once for every picture. Raises OutputError."""
    with _beside(path) as temporary:
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
    held = [(entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in entries(path)]
    return hashlib.sha256(str(held).encode()).hexdigest()
