"""What is printed at the end: the result on stdout, as prose or one JSON object; an error on stderr."""

from __future__ import annotations

import json as json_format
import math
import sys
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from dancedouble.cli.formats import one_line
from dancedouble.errors import Cancelled, DancedoubleError


class Result(Protocol):
    """What every call of the library returns."""

    def to_dict(self) -> dict[str, Any]: ...


AnyResult = TypeVar("AnyResult", bound=Result)


def print_result(result: AnyResult, describe: Callable[[AnyResult], str], *, json: bool) -> None:
    """The result on stdout; its warnings, for people, on stderr."""
    if json:
        print_json(result.to_dict())
        return
    for warning in result.to_dict().get("warnings", []):
        print(f"warning: {one_line(str(warning))}", file=sys.stderr)
    if text := describe(result):
        print(text, flush=True)


def print_error(error: Exception, *, json: bool) -> None:
    """One line on stderr, and with ``json`` the contract's object on stdout."""
    message = one_line(str(error)) or type(error).__name__
    if isinstance(error, Cancelled):
        line = message
    elif isinstance(error, DancedoubleError):
        line = f"error: {message}"
    else:
        line = (
            f"error: unexpected {type(error).__name__}: {message}; this is a fault of dancedouble, "
            "please report it together with what --debug shows"
        )
    print(line, file=sys.stderr, flush=True)
    if json:
        print_json({"error": {"type": type(error).__name__, "message": message}})


def print_json(content: dict[str, Any]) -> None:
    """``content`` as strict JSON: paths, fractions and the like as text, numbers that are none as null."""
    print(json_format.dumps(strict(content), indent=2, allow_nan=False), flush=True)


def strict(value: Any) -> Any:
    """``value`` with only what JSON knows."""
    if isinstance(value, dict):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def outline(content: dict[str, Any], indent: str = "") -> str:
    """``content`` as indented lines, for people: names, values, and what is nested a step further in."""
    lines = []
    for name, value in content.items():
        label = indent + str(name)
        if isinstance(value, dict) and value:
            lines += [label, outline(value, indent + "  ")]
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            lines.append(label)
            lines += [f"{indent}  - " + outline(item, indent + "    ").lstrip() for item in value]
        elif value not in (None, {}, [], (), ""):
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else show(value)
            lines.append(f"{label}: {text}")
    return "\n".join(lines)


def show(value: Any) -> str:
    """One value for people: large counts in groups of three, yes and no, few decimals."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
