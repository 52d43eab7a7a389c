"""`schema-guard check` in words: a line for each database, then what they have in common."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Outcome, Severity, mapped
from pytest_schemaguard.live.grouped import grouped
from pytest_schemaguard.printable import INDENT, paragraph, printable, printable_lines
from pytest_schemaguard.redaction import redacted
from pytest_schemaguard.reports import terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pytest_schemaguard.live.fleet import Result
    from pytest_schemaguard.live.grouped import Group
    from pytest_schemaguard.live.targets import Target

NAMES = 5
"""How many databases a group names; the JSON has all."""


def line_of(result: Result) -> str:
    """One database: `postgresql://app@db1/shard_7: 2 errors, 1 info`."""
    name = _shown(result.target.name)
    if not result.looked:
        return paragraph(f"{name}: unproven: {result.reason or ''}")
    counted = Counter(one.severity for one in result.findings if not one.ignored)
    words = ", ".join(_counted(counted[one], one.value) for one in Severity if counted[one])
    ignored = sum(one.ignored for one in result.findings)
    parts = [words or "holds", *([f"{ignored} ignored"] if ignored else [])]
    lines = [f"{name}: {', '.join(parts)}"]
    if result.outcome is Outcome.UNPROVEN:
        lines[0] = f"{name}: unproven: {', '.join(parts)}"
    if result.reason:
        lines.append(INDENT + paragraph(result.reason))
    return "\n".join(lines)


def groups(results: Sequence[Result]) -> Iterator[str]:
    """Each difference once, the worst first; for one database without the counting."""
    found = [one for one in grouped(results) if not one.finding.ignored]
    if len(results) == 1:
        yield from terminal.findings([one.finding for one in found], all_in="--json")
        return
    names = _short([one.target for one in results])
    infos: Counter[str] = Counter()
    for group in found:
        infos[group.finding.code] += group.finding.severity is Severity.INFO
        if infos[group.finding.code] <= terminal.FEW:
            yield from _group(group, names)
    for code, count in infos.items():
        if count > terminal.FEW:
            yield f"info: {count - terminal.FEW} more of {code}; --json has them all"


def last_line(results: Sequence[Result]) -> str:
    """`schema-guard: of 400 databases 361 hold, 37 differ, 2 could not be looked at`."""
    looked = [one for one in results if one.looked]
    differ = sum(one.outcome is not Outcome.PASSED for one in looked)
    parts = [
        (len(looked) - differ, "holds", "hold"),
        (differ, "differs", "differ"),
        (len(results) - len(looked), "could not be looked at", "could not be looked at"),
    ]
    told = [f"{count} {one if count == 1 else many}" for count, one, many in parts if count]
    what = "schemas" if any(one.target.schema for one in results) else "databases"
    whole = "" if len(results) == 1 else f"of {len(results)} {what} "
    return f"schema-guard: {whole}{', '.join(told)}"


def _short(targets: Sequence[Target]) -> dict[Target, str]:
    """By what tells them apart: the schema, the database, or all of the URL."""
    ways: tuple[Callable[[Target], str | None], ...] = (
        lambda one: one.schema,
        lambda one: one.address.database if one.address else None,
    )
    for short in ways:
        names = {one: name for one in targets if (name := short(one))}
        if len(set(names.values())) == len(targets):
            return names
    return {one: one.name for one in targets}


def _group(group: Group, names: Mapping[Target, str]) -> Iterator[str]:
    """In full, but for what has no consequence: a line each."""
    severity = group.finding.severity
    where = ""
    if len(group.targets) < group.of:
        named = [names[one] for one in group.targets[:NAMES]]
        more = len(group.targets) - len(named)
        where = f"in {', '.join(named)}" + (f" and {more} more" if more else "")
    if severity is Severity.INFO:
        yield printable(f"{severity.value}: {group.words}" + (f", {where}" if where else ""))
        return
    mark = "" if severity is Severity.ERROR else f"{severity.value}: "
    yield printable(f"{mark}{group.words}")
    fact, *_ = printable_lines(group.finding.message)
    _, *rest = terminal.findings((group.finding,))
    yield f"{INDENT}{fact}"
    yield from rest
    if where:
        yield f"{INDENT}{printable(where)}"


def without_passwords(result: Result, secrets: frozenset[str]) -> Result:
    """The same for people and programs; the target's URL has no password anyway."""

    def hide(text: str) -> str:
        return redacted(text, secrets)

    return replace(
        result,
        findings=tuple(mapped(one, hide) for one in result.findings),
        reason=None if result.reason is None else hide(result.reason),
    )


def _shown(name: str) -> str:
    # A dump's name in quotes cannot be taken for a line of ours.
    return printable(f'"{name}"' if " " in name and "://" not in name else name)


def _counted(count: int, word: str) -> str:
    plural = word if word == Severity.INFO else f"{word}s"
    return f"{count} {word if count == 1 else plural}"
