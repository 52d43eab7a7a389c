"""`schema-guard`: the same expectation, held against databases that are in use.

Exit codes: 0 all hold, 1 findings, 2 something could not be looked at, or nothing could run, 3 both
findings and something that could not be looked at.
"""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from pytest_schemaguard.errors import ConfigError, GuardError
from pytest_schemaguard.printable import paragraph, printable, printable_lines
from pytest_schemaguard.redaction import redacted, secrets_in
from pytest_schemaguard.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.live.fleet import Result
    from pytest_schemaguard.progress import Progress

HOLDS, FINDINGS, COULD_NOT_LOOK = 0, 1, 2
BOTH = FINDINGS | COULD_NOT_LOOK
INTERRUPTED = 130
"""As shells say of a command that Ctrl-C ended."""
JOBS = 4
MOST_JOBS = 64
LONGEST_S = 86400


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command of these arguments and returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _check(options)
    except GuardError as error:
        _say(f"schema-guard: {terminal.words(error)}", to=sys.stderr)
        return COULD_NOT_LOOK
    except KeyboardInterrupt:
        _say("schema-guard: interrupted", to=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as `| head` does: nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COULD_NOT_LOOK
    except Exception:  # noqa: BLE001 - Python would exit with 1, which means findings
        import traceback

        told = redacted(traceback.format_exc(), secrets_in(os.environ))
        _say("\n".join(printable_lines(told)), to=sys.stderr)
        _say(
            "schema-guard: it failed: report the lines above as a bug of pytest-schemaguard",
            to=sys.stderr,
        )
        return COULD_NOT_LOOK


def _say(text: str, *, to: TextIO | None = None) -> None:
    """Prints what is printable; a character that the stream cannot encode is escaped."""
    stream = to or sys.stdout
    encoding = stream.encoding or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)


class _Parser(argparse.ArgumentParser):
    """argparse repeats what it does not understand: that may be a URL with its password."""

    def error(self, message: str) -> NoReturn:
        super().error(paragraph(redacted(message, secrets_in(os.environ))))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="schema-guard", description="Holds databases against what models and migrations say."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help="compare databases that are in use, read-only, with models and migrations",
        description="Compares databases, read-only, with what the models and the migrations of "
        "the nearest pyproject.toml expect. Exit codes: 0 all hold, 1 findings, 2 could not look, "
        "3 both.",
    )
    check.add_argument("urls", nargs="*", metavar="URL", help="a database, or a schema-only dump")
    check.add_argument(
        "--urls-file",
        action="append",
        default=[],
        metavar="FILE",
        help="more of them, a line each; - is standard input",
    )
    check.add_argument(
        "--schemas", metavar="PATTERN", help="a schema for each tenant: 'tenant_*', each compared"
    )
    check.add_argument("--json", metavar="PATH", help="write all findings there")
    check.add_argument("--strict", action="store_true", help="warnings fail too")
    check.add_argument(
        "--jobs", type=_jobs, default=JOBS, metavar="N", help="databases at a time (%(default)s)"
    )
    check.add_argument(
        "--statement-timeout-s",
        type=_seconds,
        default=30.0,
        metavar="S",
        help="for each query of a database's catalog (%(default)s)",
    )
    check.add_argument("--database", metavar="NAME", help="which [[database]] of pyproject.toml")
    check.add_argument(
        "-c", "--config", metavar="PATH", help="a pyproject.toml, or its folder (the nearest)"
    )
    return parser


def _jobs(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to {MOST_JOBS}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds up to {LONGEST_S}")
    return number


def _check(options: argparse.Namespace) -> int:
    from pytest_schemaguard.catalog.transaction import Limits
    from pytest_schemaguard.findings import Outcome
    from pytest_schemaguard.live.expected import LiveExpected
    from pytest_schemaguard.live.fleet import Fleet
    from pytest_schemaguard.live.targets import targets_of
    from pytest_schemaguard.reports import live, live_json

    config = _config(options)
    targets = targets_of(options.urls, options.urls_file)
    with (
        _terminal() as progress,
        _guard(config, progress) as guard,
        closing(
            LiveExpected(guard, schemas=options.schemas, strict=options.strict or config.strict)
        ) as expected,
    ):
        _say(printable(f"schema-guard: {expected.words}"))
        fleet = Fleet(
            expected=expected,
            limits=Limits(statement_ms=round(options.statement_timeout_s * 1000)),
            jobs=options.jobs,
            schemas=options.schemas,
        )
        results: list[Result] = []
        looked_at: set[str] = set()
        for one in fleet.look(targets):
            results.append(live.without_passwords(one, guard.secrets))
            looked_at.add(one.target.url)
            progress.clear()
            _say(live.line_of(results[-1]))
            progress.bar(len(looked_at), len(targets))
        progress.clear()
    order = {target.url: place for place, target in enumerate(targets)}
    results.sort(key=lambda one: (order[one.target.url], one.target.schema or ""))
    failed = any(one.outcome is Outcome.FAILED for one in results)
    whole = all(one.whole for one in results)
    for line in live.groups(results):
        _say(line)
    _say(live.last_line(results))
    if options.json:
        try:
            outcome = Outcome.FAILED if failed else Outcome.PASSED if whole else Outcome.UNPROVEN
            live_json.write(Path(options.json), outcome=outcome, results=results)
        except OSError as error:
            raise ConfigError("--json", f"no report: {error.strerror}", path=options.json) from None
    return (FINDINGS if failed else HOLDS) | (HOLDS if whole else COULD_NOT_LOOK)


def _config(options: argparse.Namespace) -> Config:
    """The configuration of one database. Raises ConfigError."""
    from pytest_schemaguard.configuration.settings import find, load

    named = Path(options.config).resolve() if options.config else Path.cwd()
    databases = load(named if named.is_file() else find(named), models_alone=True)
    names = ", ".join(one.name for one in databases if one.name)
    if options.database is None:
        if len(databases) > 1:
            raise ConfigError("--database", "there are several", fix=f"name one of {names}")
        return databases[0]
    for one in databases:
        if one.name == options.database:
            return one
    raise ConfigError(
        "--database",
        f"no [[database]] is called {options.database}",
        fix=f"the names are {names or 'none'}",
    )


@contextmanager
def _guard(config: Config, progress: Progress) -> Iterator[Guard]:
    """The throwaway server and what is on it; gone at the end, however that comes about."""
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.run import Run

    run = Run.begin()
    try:
        guard = Guard(
            config,
            run=run,
            url=os.environ.get("SCHEMA_GUARD_URL"),
            shared=False,
            progress=progress,
        )
        try:
            yield guard
        finally:
            guard.close()
    finally:
        try:
            run.close()
        finally:
            for note in run.notes:
                print(f"schema-guard: {note}", file=sys.stderr)  # noqa: T201 - a command's output


@contextmanager
def _terminal() -> Iterator[Progress]:
    """Progress goes to a terminal on standard error, so that the output can go to a file."""
    from pytest_schemaguard.progress import Progress

    def write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    yield Progress(write if sys.stderr.isatty() else None)
