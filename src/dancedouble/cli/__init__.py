"""The command line, a thin skin over :mod:`dancedouble.pipeline`. The console script calls ``main``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code: 0, 1 after an error, 2 for a wrong command, 130 after Ctrl-C."""
    import typer

    from dancedouble.cli.commands import app
    from dancedouble.cli.output import print_json

    # The class of "the command is wrong" has no public name of its own: it is what BadParameter is one of.
    usage_error: type[typer.BadParameter] = typer.BadParameter.__mro__[1]
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show a letter of a file name is no reason to fail.
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="backslashreplace")
    if os.environ.get("RANK", "0") != "0":
        # torchrun starts this command several times over; the first one speaks for all.
        arguments = [*arguments, "--quiet"]
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="dancedouble", standalone_mode=False)
        sys.stdout.flush()
    except usage_error as error:
        error.show()
        if "--json" in arguments:
            print_json({"error": {"type": "UsageError", "message": error.format_message()}})
        return 2
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone, as with `| head`; nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0
