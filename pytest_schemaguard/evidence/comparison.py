"""The models' schema beside the migrated database: the evidence of drift."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import psycopg2

from pytest_schemaguard.catalog.diff import Difference  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.catalog.snapshot import Name  # noqa: TC001 - codec.py reads it
from pytest_schemaguard.evidence.models import MODELS, hidden
from pytest_schemaguard.expected.expectation import Expectation
from pytest_schemaguard.scenarios.look import LEFT_OUT, Look

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.project.answers.models import Models
    from pytest_schemaguard.scenarios.look import Sight
    from pytest_schemaguard.scenarios.states import State
    from pytest_schemaguard.servers.databases import Databases


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How the migrated database differs from what the models describe."""

    differences: tuple[Difference, ...]
    refused: Mapping[Name, str]
    """What of the models PostgreSQL, or SQLAlchemy itself, refuses to make, and why."""
    excluded: tuple[Name, ...]
    """Tables, views and their like, of the database or of the models, that `exclude` leaves out."""
    fills_itself: Mapping[Name, bool]
    """Of the database's columns that differ: whether an INSERT without them succeeds."""
    hidden: Mapping[Difference, str] = field(default_factory=dict)
    """Those that a filter of Alembic's env.py hides: `include_object in alembic/env.py:31`."""

    def left_out(self, patterns: Sequence[str], filters: Sequence[str] = ()) -> str | None:
        """What `exclude` and these filters of env.py keep from sight, counted; None: no such thing.

        A pattern that matches nothing is told as such: it is misspelt, or was of use once.
        """
        counts = {
            pattern: sum(fnmatchcase(".".join(name), pattern) for name in self.excluded)
            for pattern in patterns
        }
        by_pattern = "; ".join(
            f"{pattern}: {count or '0, it matches nothing'}" for pattern, count in counts.items()
        )
        tables = _counted(len(self.excluded), "table")
        parts = [f"{tables} by `exclude` ({by_pattern})"] if patterns else []
        hidden = Counter(self.hidden.values())
        parts += [
            f"{_counted(hidden[one], 'difference')} by {one}"
            for one in dict.fromkeys([*filters, *hidden])
        ]
        return ", ".join(parts) or None


def compare(config: Config, databases: Databases, state: State, models: Models) -> Comparison:
    """What the models describe, held against the migrated database's catalog.

    Raises ServerError, and psycopg2.Error where a connection fails.
    """
    assert state.snapshot is not None
    with closing(Expectation(config, databases, state, models)) as expectation:
        expected, refused = expectation.snapshot, expectation.refused
        differences = expectation.differences(state.snapshot)
    columns = state.snapshot.columns
    return Comparison(
        differences=differences,
        refused=refused,
        excluded=tuple(sorted({*state.snapshot.excluded, *expected.excluded})),
        fills_itself={
            one.name: columns[one.name].fills_itself for one in differences if one.name in columns
        },
    )


def _counted(count: int, thing: str) -> str:
    return f"1 {thing}" if count == 1 else f"{count} {thing}s"


def _compared(guard: Sight) -> Comparison:
    models = guard.look(MODELS)
    with guard.progress.step("comparing the models with the database"):
        found = compare(guard.config, guard.databases, guard.states.migrated(), models)
        found = replace(found, hidden=hidden(guard, found.differences))
    left_out = found.left_out(guard.config.exclude, models.facts.filters)
    if left_out is not None:
        guard.note(LEFT_OUT, left_out)
    return found


COMPARISON = Look("comparison", Comparison, _compared)


def make(config: Config, databases: Databases, state: State, models: Models) -> None:
    """Makes the models' schema in its database, as far as PostgreSQL takes it."""
    with (
        suppress(psycopg2.Error),
        closing(Expectation(config, databases, state, models)) as expectation,
        expectation.cursor(),
    ):
        pass
