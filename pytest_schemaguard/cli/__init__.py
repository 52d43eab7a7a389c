"""`schema-guard`: one file a command, and the list of them here.

Each module has HELP, DESCRIPTION, `arguments(parser)` and `run(options)`, which returns the exit
code and may raise GuardError. Exit codes: 0 all hold, 1 findings, 2 something could not be looked
at, or nothing could run, 3 both findings and something that could not be looked at.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from pytest_schemaguard.cli.output import COULD_NOT_LOOK, INTERRUPTED, say
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.printable import paragraph, printable_lines
from pytest_schemaguard.redaction import redacted, secrets_in
from pytest_schemaguard.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = ("check",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command of these arguments and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command.run(options)
    except GuardError as error:
        say(f"schema-guard: {terminal.words(error)}", to=sys.stderr)
        return COULD_NOT_LOOK
    except KeyboardInterrupt:
        say("schema-guard: interrupted", to=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as `| head` does: nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_LOOK
    except Exception:  # noqa: BLE001 - Python would exit with 1, which means findings
        import traceback

        told = redacted(traceback.format_exc(), secrets_in(os.environ))
        say("\n".join(printable_lines(told)), to=sys.stderr)
        say(
            "schema-guard: it failed: report the lines above as a bug of pytest-schemaguard",
            to=sys.stderr,
        )
        return COULD_NOT_LOOK
    return code


class _Parser(argparse.ArgumentParser):
    """argparse repeats what it does not understand: that may be a URL with its password."""

    def error(self, message: str) -> NoReturn:
        super().error(paragraph(redacted(message, secrets_in(os.environ))))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="schema-guard", description="Holds databases against what models and migrations say."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        command = import_module(f"{__name__}.{name}")
        own = commands.add_parser(name, help=command.HELP, description=command.DESCRIPTION)
        command.arguments(own)
        own.set_defaults(command=command)
    return parser
