"""`schema-guard check`: the same expectation, held against databases that are in use."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.cli.output import COULD_NOT_LOOK, FINDINGS, HOLDS, say, terminal
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.printable import printable

if TYPE_CHECKING:
    from pytest_schemaguard.live.fleet import Result

HELP = "compare databases that are in use, read-only, with models and migrations"
DESCRIPTION = """Compares databases, read-only, with what the models and the migrations of the
nearest pyproject.toml expect. Exit codes: 0 all hold, 1 findings, 2 could not look, 3 both."""
JOBS = 4
MOST_JOBS = 64
LONGEST_S = 86400


def arguments(check: argparse.ArgumentParser) -> None:
    """Adds those of this command."""
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


def run(options: argparse.Namespace) -> int:
    """Compares the databases and returns the exit code. Raises GuardError."""
    from pytest_schemaguard.catalog.transaction import Limits
    from pytest_schemaguard.findings import Outcome
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.live.expected import LiveExpected
    from pytest_schemaguard.live.fleet import Fleet
    from pytest_schemaguard.live.targets import targets_of
    from pytest_schemaguard.reports import live, live_json

    with ExitStack() as stack:
        progress = stack.enter_context(terminal())
        guard = stack.enter_context(
            Guard.of(
                options.config or ".",
                database=options.database,
                url=os.environ.get("SCHEMA_GUARD_URL"),
                models_alone=True,
                rows=0,  # catalogs alone are compared
                progress=progress,
                say=lambda note: say(f"schema-guard: {note}", to=sys.stderr),
            )
        )
        targets = targets_of(options.urls, options.urls_file)
        strict = options.strict or guard.config.strict
        expected = stack.enter_context(
            closing(LiveExpected(guard, schemas=options.schemas, strict=strict))
        )
        say(printable(f"schema-guard: {expected.words}"))
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
            say(live.line_of(results[-1]))
            progress.bar(len(looked_at), len(targets))
        progress.clear()
    order = {target.url: place for place, target in enumerate(targets)}
    results.sort(key=lambda one: (order[one.target.url], one.target.schema or ""))
    failed = any(one.outcome is Outcome.FAILED for one in results)
    whole = all(one.whole for one in results)
    for line in live.groups(results):
        say(line)
    say(live.last_line(results))
    if options.json:
        try:
            outcome = Outcome.FAILED if failed else Outcome.PASSED if whole else Outcome.UNPROVEN
            live_json.write(Path(options.json), outcome=outcome, results=results)
        except OSError as error:
            raise ConfigError("--json", f"no report: {error.strerror}", path=options.json) from None
    return (FINDINGS if failed else HOLDS) | (HOLDS if whole else COULD_NOT_LOOK)


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
