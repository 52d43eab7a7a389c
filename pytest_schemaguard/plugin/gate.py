"""What `--schema-guard` switches on: the checks in pytest's collection, and the run's reports."""

from __future__ import annotations

import os
import os.path
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard import ignores
from pytest_schemaguard.checks import Scope
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.findings import Outcome, Verdict
from pytest_schemaguard.plugin.kept import keep
from pytest_schemaguard.plugin.nodes import CheckItem, GuardFile, asked_for, verdict_key
from pytest_schemaguard.plugin.session import (
    guards_of,
    is_controller,
    is_worker,
    run_of,
    runs_elsewhere,
)
from pytest_schemaguard.printable import printable
from pytest_schemaguard.project.environment import INSIDE
from pytest_schemaguard.redaction import redacted
from pytest_schemaguard.reports import FORMATS, terminal
from pytest_schemaguard.reports import report as entries
from pytest_schemaguard.scenarios.look import FENCE, LEFT_OUT
from pytest_schemaguard.scenarios.on_rows import UNFILLED

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from pytest_schemaguard.checks import Check
    from pytest_schemaguard.config import Ignore
    from pytest_schemaguard.guard import Guard

_REPORT = "schema_guard"
"""The attribute of a test report with a check's entry as JSON, from xdist's workers too."""


class Gate:
    """The plugin behind the option. Raises pytest.UsageError where it cannot begin."""

    def __init__(self, config: pytest.Config) -> None:
        _refuse_what_cannot_be(config)
        # Single tests that the user names run, whatever may be wrong with the migrations.
        self._names_tests = any("::" in argument for argument in config.args)
        try:
            self._guards = guards_of(config)
        except GuardError as error:
            raise pytest.UsageError(terminal.words(error)) from None
        for guard in () if self._names_tests else self._guards:
            try:
                _ = guard.judging.judged
            except GuardError as error:
                name = f"database {guard.config.name}: " if guard.config.name else ""
                raise pytest.UsageError(f"{name}{terminal.words(error)}") from None
        self._config = config
        self._entries: list[dict[str, Any]] = []
        self._deselected = 0
        if not self._names_tests:
            _add_to_arguments(config, self._guards[0].config.file)

    # Collection

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """One error where no server can be had, rather than one from each check."""
        if self._names_tests or self._config.getoption("collectonly"):
            return
        if is_worker(self._config) or runs_elsewhere(self._config):
            return
        try:
            _ = self._guards[0].candidate
        except GuardError as error:
            raise pytest.UsageError(terminal.words(error)) from None
        may_deselect = self._config.getoption("keyword") or self._config.getoption("markexpr")
        if not may_deselect:
            self._boot((guard, check) for guard in self._guards for check in asked_for(guard))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        if file_path == self._guards[0].config.file:
            return GuardFile.from_parent(parent, path=file_path)
        return None

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        self._deselected += sum(isinstance(item, CheckItem) for item in items)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not self._config.getoption("collectonly"):
            items = [item for item in session.items if isinstance(item, CheckItem)]
            self._boot((item.guard, item.check) for item in items)

    def _boot(self, checks: Iterable[tuple[Guard, Check]]) -> None:
        """Has the project's imports under way early: they take longer than the migrations.

        Not in an xdist worker, which cannot know what it will be given, nor in its controller.
        """
        if is_worker(self._config) or is_controller(self._config):
            return
        for guard in dict.fromkeys(guard for guard, check in checks if check.needs_models):
            guard.processes.boot_models()

    # Reports

    def pytest_report_header(self) -> list[str]:
        if is_worker(self._config):
            return []
        try:
            return terminal.header(self._guards)
        except GuardError as error:  # of no matter to what runs; a check would say it again
            return [f"schema-guard: {line}" for line in terminal.words(error).split("\n")]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if isinstance(item, CheckItem) and (call.when == "call" or report.failed):
            verdict = item.stash.get(verdict_key, None)
            if verdict is None:  # the guard itself broke: that proves nothing
                reason = redacted(str(call.excinfo), item.guard.secrets)
                verdict = Verdict(outcome=Outcome.UNPROVEN, reason=reason)
            if verdict.outcome is Outcome.SKIPPED:
                reason = printable(f"Skipped: {verdict.reason}")
                report.longrepr = (printable(str(item.path)), 0, reason)
            entry = entries.entry(
                nodeid=item.nodeid,
                check=item.check.name,
                subject=item.subject,
                seconds=report.duration,
                verdict=verdict,
            )
            # As ASCII: execnet, between xdist's processes, refuses what is no Unicode text.
            setattr(report, _REPORT, entries.text_of(entry))
            if report.failed and self._config.getoption("--schema-guard-keep"):
                report.sections.append(
                    (
                        "schema-guard keeps",
                        "\n".join(map(printable, keep(item.guard, item.check, item.migration))),
                    )
                )
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        entry = getattr(report, _REPORT, None)
        if entry is not None:
            self._entries.append(entries.values_of(entry))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminal.summary(
            terminalreporter,
            self._entries,
            fence=next(iter(self._noted(FENCE)), None),
            left_out=self._noted(LEFT_OUT),
            unfilled=self._noted(UNFILLED),
            stale=[ignores.stale_words(one) for one in self._stale],
        )

    def _noted(self, name: str) -> list[str]:
        notes = (guard.noted(name) for guard in self._guards)
        return [one for one in notes if one is not None]

    @property
    def _stale(self) -> list[Ignore]:
        """The ignore rules that match nothing any more in any database that has them."""
        stale = [(guard.config.ignore, self._stale_of(guard)) for guard in self._guards]
        rules = dict.fromkeys(rule for own, _ in stale for rule in own)
        return [rule for rule in rules if all(rule in found for own, found in stale if rule in own)]

    def _stale_of(self, guard: Guard) -> tuple[Ignore, ...]:
        several = len(self._guards) > 1  # else no database is named in the nodeids
        name = f"::{guard.config.name}::"
        own = [one for one in self._entries if not several or name in one["nodeid"]]
        told = {
            ignores.Found(one["code"], one["subject"], one["severity"])
            for entry in own
            for one in entry["findings"]
        }
        return ignores.stale(guard.config.ignore, looked=_looked(guard, own), found=told)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, None, None]:
        if is_worker(self._config) or self._config.getoption("collectonly"):
            yield
            return
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not self._deselected:
            session.exitstatus = (
                pytest.ExitCode.OK if self._nothing_judged else pytest.ExitCode.USAGE_ERROR
            )
        yield
        stale = self._stale
        strict = any(
            guard.config.strict and not {*guard.config.ignore}.isdisjoint(stale)
            for guard in self._guards
        )
        if exitstatus == pytest.ExitCode.OK and strict:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        self._write(session, stale=stale, stale_fails=strict)
        if self._config.getoption("--schema-guard-keep") and any(
            map(entries.failed, self._entries)
        ):
            file = run_of(self._config).keep()
            words = "nothing is kept: the run's keeper, who would see to that, has died"
            if file is not None:
                words = f"the server is kept; to end it: rm {file}"
            terminal.last_line(self._config, f"schema-guard: {words}")
        came_to_its_end = exitstatus not in _CUT_SHORT
        if came_to_its_end and not self._entries:
            why = self._nothing_judged or _why_nothing_ran(self._config, self._deselected)
            terminal.last_line(self._config, f"schema-guard: no check ran: {why}")

    @property
    def _nothing_judged(self) -> str | None:
        """Why there is no check, where checks are of migrations alone, and none is judged."""
        if self._names_tests or self._deselected:
            return None
        found = [one.judging for one in self._guards if any(asked_for(one, Scope.MIGRATION))]
        if not found or any(one.judged for one in found):
            return None
        return f"no migration is judged ({'; '.join({one.because: 0 for one in found})})"

    def _write(self, session: pytest.Session, *, stale: list[Ignore], stale_fails: bool) -> None:
        """Writes the reports that were asked for."""
        for one in FORMATS:
            path = self._config.getoption(one.option)
            if not path:
                continue
            report = entries.Report(
                server=self._guards[0].server_used(),
                checks=self._entries,
                stale=[ignores.stale_words(rule) for rule in stale],
                stale_fails=stale_fails,
                none_due=self._nothing_judged is not None,
            )
            try:
                one.write(self._config.invocation_params.dir / path, report)
            except OSError as error:
                session.exitstatus = pytest.ExitCode.USAGE_ERROR
                terminal.last_line(
                    self._config,
                    f"schema-guard: {one.option}={path}: no report: {error.strerror}",
                )


_CUT_SHORT = (
    pytest.ExitCode.INTERRUPTED,
    pytest.ExitCode.INTERNAL_ERROR,
    pytest.ExitCode.USAGE_ERROR,
)
"""pytest has said itself why nothing ran."""


def _looked(guard: Guard, entries: Sequence[dict[str, Any]]) -> set[str]:
    """The checks that were run whole: of each migration that is pending, and none unproven."""
    outcomes = {(one["check"], one["subject"]): one["outcome"] for one in entries}
    ran = {check for check, _ in outcomes}
    found = set()
    for check in asked_for(guard):
        if check.name not in ran:
            continue
        paths = [guard.config.file]
        if check.scope is Scope.MIGRATION:
            judging = guard.judging
            if judging.judged != judging.pending:
                continue
            paths = [one.path for one in judging.judged]
        seen = {outcomes.get((check.name, guard.relative(path))) for path in paths}
        if seen <= {"passed", "failed", "skipped"}:
            found.add(check.name)
    return found


def _refuse_what_cannot_be(config: pytest.Config) -> None:
    if INSIDE in os.environ:
        raise pytest.UsageError(
            "--schema-guard: the project's code, which the guard is running, ran pytest with the "
            "guard again"
        )
    if config.getoption("--schema-guard-html"):
        raise pytest.UsageError(
            "--schema-guard-html: not yet served by this version of pytest-schemaguard"
        )
    if not config.getoption("--schema-guard"):
        raise pytest.UsageError(
            f"{', '.join(one.option for one in FORMATS)}, --schema-guard-keep and "
            "--schema-guard-since say what to do with the checks: add --schema-guard"
        )


def _add_to_arguments(config: pytest.Config, file: Path) -> None:
    """The configuration joins what pytest collects.

    Never a migration: pytest would import an Alembic revision as a test module. Where an argument
    is a folder that holds the file, pytest 8 would collect nothing of that folder but the file
    (it takes the folder for a duplicate); it finds the file in there itself.
    """
    named = [
        Path(os.path.normpath(config.invocation_params.dir / argument)) for argument in config.args
    ]
    if file in named or (pytest.version_tuple < (9,) and not set(named).isdisjoint(file.parents)):
        return
    config.args.append(str(file))


def _why_nothing_ran(config: pytest.Config, deselected: int) -> str:
    if deselected:
        return f"{deselected} were deselected"
    if any("::" in argument for argument in config.args):
        return "the arguments name other tests"
    return "nothing was collected"
