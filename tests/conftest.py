"""Shared fixtures. Real clips are never part of the project: tests that use them skip where they are absent."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

CLIPS = Path(os.environ.get("DANCEDOUBLE_CLIPS", Path(__file__).parents[2] / "shared" / "clips"))


@pytest.fixture(scope="session")
def clips() -> Path:
    """The folder of real development clips, or a skip."""
    if not CLIPS.is_dir():
        pytest.skip("the real clips are not here")
    return CLIPS


def pytest_configure() -> None:
    """Children of a test get Ctrl-C even where the tests run in the background, which makes shells switch it off."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
