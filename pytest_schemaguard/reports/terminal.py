"""A verdict in words: subject first, then the fact, then the fix.

What stands in a text may come from outside: each line goes through `printable` here.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_schemaguard import ignores
from pytest_schemaguard.findings import Finding, Outcome, Severity
from pytest_schemaguard.printable import INDENT, paragraph, printable, printable_lines
from pytest_schemaguard.redaction import redacted, secrets_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pytest

    from pytest_schemaguard.errors import GuardError
    from pytest_schemaguard.findings import Verdict
    from pytest_schemaguard.guard import Guard

FEW = 3
LONGEST = 600
"""Of a fact's characters: a CHECK can have thousands, told for both sides."""
SPOKEN = 20
"""Of a check's notices."""
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def failure(verdict: Verdict) -> str:
    """What pytest prints of a check that failed or is unproven, below the check's nodeid."""
    lines: list[str] = []
    if verdict.outcome is Outcome.UNPROVEN:
        lines.append(paragraph(f"unproven: {verdict.reason or 'the guard could not look'}"))
    elif verdict.reason and not verdict.findings:
        lines.append(paragraph(verdict.reason))
    return "\n".join([*lines, *findings(verdict.findings)])


def words(error: GuardError) -> str:
    """What pytest, or a command, says of an error that keeps the guard from its work."""
    return paragraph(redacted(str(error), secrets_in(os.environ)))


def findings(found: Sequence[Finding], *, all_in: str = "--schema-guard-json") -> Iterator[str]:
    """The lines of these findings, the worst first; the ignored ones are counted.

    Of infos with one code the first few are told; `all_in` is the option that has them all.
    """
    counting = [one for one in found if not one.ignored]
    infos: Counter[str] = Counter()
    for finding in sorted(counting, key=lambda finding: _ORDER.index(finding.severity)):
        infos[finding.code] += finding.severity is Severity.INFO
        if infos[finding.code] > FEW:
            continue
        mark = "" if finding.severity is Severity.ERROR else f"{finding.severity.value}: "
        fact, *rest = _lines(finding, finding.message)
        yield f"{mark}{_subject(finding)}: {_cut(fact)}"
        if finding.fix:
            first, *more = _lines(finding, f"fix: {finding.fix}")
            rest = [f"{rest[0]}; {first}"] if len(rest) == 1 else [*rest, first]
            rest += more
        yield from (f"{INDENT}{line}" for line in rest)
    for code, count in infos.items():
        if count > FEW:
            yield f"info: {count - FEW} more of {code}; {all_in} has them all"
    yield from map(printable, ignores.counted(found))


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]} ... ({len(text) - LONGEST} more characters)"


def _lines(finding: Finding, text: str) -> list[str]:
    """The lines of one of its texts. A line end within its subject's names is none of ours."""
    for name in finding.subject.split("."):
        if "\n" in name:
            text = text.replace(name, printable(name))
    return printable_lines(text)


def _subject(finding: Finding) -> str:
    """A file with its line, where the finding is about a file."""
    is_place = finding.path == finding.subject and finding.line is not None
    subject = printable(finding.subject)
    # In quotes it cannot be taken for a line of ours.
    shown = f'"{subject}"' if " " in subject else subject
    return f"{shown}:{finding.line}" if is_place else shown


def header(guards: Sequence[Guard]) -> list[str]:
    """The run's header: which server and why, what is judged and why, what is left out."""
    lines = [f"schema-guard: {guards[0].candidate.words}"]
    for guard in guards:
        who = f"schema-guard: {guard.config.name}: " if guard.config.name else "schema-guard: "
        judged = ", ".join(guard.relative(one.path) for one in guard.judging.judged)
        lines.append(f"{who}judged: {judged or 'no migration'} ({guard.judging.because})")
        if guard.config.exclude:
            lines.append(f"{who}excluded: {', '.join(guard.config.exclude)}")
    return [printable(line) for line in lines]


def summary(
    reporter: pytest.TerminalReporter,
    entries: Sequence[dict[str, Any]],
    *,
    fence: str | None,
    left_out: Iterable[str] = (),
    unfilled: Iterable[str] = (),
    stale: Sequence[str] = (),
) -> None:
    """Warnings of checks that passed: they fail nothing, and must not pass unseen.

    With -v, what PostgreSQL said of the migrations. Below them ignore rules that match nothing any
    more, and what is known only when the checks have run: how the project's code and the server
    were fenced in, and what was not compared, for each database.
    """
    told = [
        (entry["nodeid"], list(findings(_to_be_told(entry))))
        for entry in entries
        if entry["outcome"] == Outcome.PASSED
    ]
    told = [(nodeid, lines) for nodeid, lines in told if lines]
    if told or stale:
        reporter.section("schema-guard warnings")
    for nodeid, lines in told:
        reporter.write_line("\n".join([nodeid, *lines]))
    for one in stale:
        reporter.write_line(paragraph(one))
    spoken = [entry for entry in entries if entry["notices"]] if reporter.verbosity > 0 else []
    if spoken:
        reporter.section("schema-guard: what PostgreSQL said")
    for entry in spoken:
        reporter.write_line("\n".join([printable(entry["nodeid"]), *notices(entry["notices"])]))
    if fence is not None:
        reporter.write_line(printable(f"schema-guard: {fence}"))
    for one in left_out:
        reporter.write_line(paragraph(f"schema-guard: not compared: {one}"))
    for one in unfilled:
        reporter.write_line(paragraph(f"schema-guard: rows: {one}"))


def notices(said: Sequence[str]) -> Iterator[str]:
    """The lines of these notices: the first of them, and how many there are more."""
    for one in said[:SPOKEN]:
        yield from (f"{INDENT}{line}" for line in printable_lines(_cut(one)))
    if len(said) > SPOKEN:
        yield f"{INDENT}... ({len(said) - SPOKEN} more; --schema-guard-json has them)"


def _to_be_told(entry: dict[str, Any]) -> list[Finding]:
    """Warnings, and what is ignored."""
    found = [Finding(**{**one, "severity": Severity(one["severity"])}) for one in entry["findings"]]
    return [one for one in found if one.ignored or one.severity is Severity.WARNING]


def last_line(config: pytest.Config, text: str) -> None:
    """Says it after everything else that pytest prints."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(printable(text), yellow=True)
