"""Shared fixtures. Real clips are never part of the project: tests that use them skip where they are absent."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dancedouble.workspace import Workspace
from training_world import make_workspace

CLIPS = Path(os.environ.get("DANCEDOUBLE_CLIPS", Path(__file__).parents[2] / "shared" / "clips"))


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of real development clips, or a skip."""
    if not CLIPS.is_dir():
        pytest.skip("the real clips are not here")
    return CLIPS


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A small synthetic subject, prepared; one for all tests of a module."""
    return make_workspace(tmp_path_factory.mktemp("subject"))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: small networks are done sooner, and computed alike on every machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pytest_configure() -> None:
    """Children of a test get Ctrl-C even where the tests run in the background, which makes shells switch it off."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
