"""Two videos in, one video out: learn a person from half a minute of footage, then have them dance any dance.

The verbs are loaded when they are first used, so importing the package is quick:

    from dancedouble import transfer
    transfer("dance.mp4", "me.mp4", "out.mp4", budget=600, consent="Ada, told me")

``dancedouble.pipeline`` holds all of them, also ``pose``: that name, up here, is the package of poses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dancedouble import errors, pipeline
    from dancedouble.pipeline import check, evaluate, export, info, live, people, prepare, render, train, transfer

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "check",
    "errors",
    "evaluate",
    "export",
    "info",
    "live",
    "people",
    "pipeline",
    "prepare",
    "render",
    "train",
    "transfer",
]

_MODULES = {"errors", "pipeline"}
_VERBS = {"check", "evaluate", "export", "info", "live", "people", "prepare", "render", "train", "transfer"}


if not TYPE_CHECKING:  # type checkers know the names from above, and then notice the ones that do not exist

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"dancedouble.{name}")
        if name in _VERBS:
            return getattr(import_module("dancedouble.pipeline"), name)
        raise AttributeError(f"module 'dancedouble' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
