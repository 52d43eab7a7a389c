"""history: the migrations that production's branch has are what they were.

With `since`, what the merge base has counts as released: databases that ran a migration will not
run it again. So a file that the branch edits fails its `applies`, one that it deletes fails here,
and both say what databases that ran the old version have, or lack, from then on. A file with
another name is a warning where tools know migrations by their files' names. Other comments, another
layout, or another downgrade is an info.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Finding, Severity, Verdict
from pytest_schemaguard.findings import judge as verdict
from pytest_schemaguard.migrations.released import How
from pytest_schemaguard.scenarios.merge_base import EFFECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.catalog.difference import Difference
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.released import Touched

SHOWN = 10
"""How many differences a finding lists."""


def judge(guard: Guard, _: Migration | None) -> Verdict:
    """Fails on a released migration that was deleted, or edited without a check of its own."""
    asked = guard.config.checks
    by_itself = asked is None or "applies" in asked
    found = tuple(
        _finding(guard, one)
        for one in guard.judging.touched
        if one.how is not How.MOVED and not (by_itself and is_told_by_applies(guard, one))
    )
    return verdict(
        found,
        strict=guard.config.strict,
        reason=f"{len(guard.judging.contained)} migrations are what {guard.judging.since} has",
    )


def is_told_by_applies(guard: Guard, one: Touched) -> bool:
    """Whether it is edited, and has a nodeid of its own."""
    return one.how is How.EDITED and one.migration in guard.judging.judged


def edited(guard: Guard, migration: Migration) -> Iterator[Finding]:
    """That this migration, which the merge base has, was edited."""
    for one in guard.judging.touched:
        if one.migration == migration and is_told_by_applies(guard, one):
            yield _finding(guard, one, code="applies.edited-released")


_SAID = {
    How.EDITED: (
        Severity.ERROR,
        "was changed after {since}: databases that ran it will not run it again",
        "put the change into a migration of its own, and restore this file",
    ),
    How.DELETED: (
        Severity.ERROR,
        "was deleted after {since}: databases that ran it keep what it did, new ones never get it",
        "restore the file, and take back what it did in a migration of its own",
    ),
    How.RENAMED: (
        Severity.WARNING,
        (
            "was renamed after {since}, where it is {was}\n"
            "a tool that knows migrations by their files runs it again where it ran as that, or "
            "stops"
        ),
        "give it its name back",
    ),
    How.DOWNGRADE: (Severity.INFO, "only its downgrade was changed after {since}", None),
    How.COMMENTS: (
        Severity.INFO,
        "only its comments or its layout were changed after {since}: it does what it did",
        None,
    ),
}


def _finding(guard: Guard, one: Touched, *, code: str | None = None) -> Finding:
    severity, fact, fix = _SAID[one.how]
    was = guard.relative(one.was.path)
    path = None if one.file is None else guard.relative(one.file)
    differs = tuple(_differs(guard, one)) if severity is Severity.ERROR else ()
    return Finding(
        code=code or f"history.{one.how.value}",
        severity=severity,
        subject=path or was,
        message="\n".join((fact.format(since=guard.judging.since, was=was), *differs)),
        fix=fix,
        path=path,
    )


def _differs(guard: Guard, one: Touched) -> Iterator[str]:
    effect = guard.look(EFFECTS)[str(one.was.path)]
    version = f"{guard.judging.since}'s version" if one.file else "it"
    if effect.unknown is not None:
        yield f"what differs in the catalog is not known: {effect.unknown}"
    elif not effect.differences:
        yield (
            f"what it makes in the catalog is what {version} made; what it does to rows may differ"
            if one.file
            else "the branch's migrations make all that it made; what they do to rows may differ"
        )
    for each in effect.differences[:SHOWN]:
        yield f"{'.'.join(each.name)}{_words(each, version)}"
    if more := effect.differences[SHOWN:]:
        yield f"and {len(more)} more"


def _words(one: Difference, version: str) -> str:
    if one.actual is None:
        return f": missing in databases that ran {version}"
    if one.expected is None:
        return f": only in databases that ran {version}"
    return f" ({one.kind}): {one.actual} in databases that ran {version}, {one.expected} in others"
