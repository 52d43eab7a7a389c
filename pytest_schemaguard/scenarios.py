"""Scenarios: a starting state, a schedule of runs and writes, and the end compared.

The second run is the first of them; runs that are killed and runs side by side will join it here.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.application_writes import write_as_an_application
from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.catalog.rows import fingerprints
from pytest_schemaguard.sources.session import FileRun, run_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_schemaguard.catalog.rows import RowPrint
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.config import Config
    from pytest_schemaguard.models import Name
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.states import State


@dataclass(frozen=True, kw_only=True)
class CatalogChange:
    """One difference of the catalog between the first run's end and the second's."""

    kind: str
    subject: str
    first: str | None
    second: str | None


@dataclass(frozen=True, kw_only=True)
class RowChange:
    """A table whose rows the second run changed."""

    table: tuple[str, ...]
    before: int
    """Rows before the second run."""
    after: int
    columns: tuple[str, ...]
    """Whose values changed, where the rows are as many as before."""
    only_timestamps: bool


@dataclass(frozen=True, kw_only=True)
class SecondRun:
    """What a migration's second run did to a database that an application had used since."""

    run: FileRun
    differences: tuple[CatalogChange, ...]
    changed: tuple[RowChange, ...]
    written: int
    """How many columns the application had written between the runs."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SecondRun:
        changed = [
            {**one, "table": tuple(one["table"]), "columns": tuple(one["columns"])}
            for one in values["changed"]
        ]
        return cls(
            run=FileRun.from_json(values["run"]),
            differences=tuple(CatalogChange(**one) for one in values["differences"]),
            changed=tuple(RowChange(**one) for one in changed),
            written=values["written"],
        )


def run_again(config: Config, databases: Databases, state: State, path: Path) -> SecondRun:
    """Runs the file on the state it left, after the writes of an application.

    Raises GuardError where the server or the file cannot be used.
    """
    assert state.snapshot is not None
    database = f"again-{state.name}"
    databases.create(database, template=state.name)
    with databases.session(database, as_admin=True) as admin:
        before = fingerprints(admin, state.snapshot)
        with databases.session(database) as owner:
            filled = {name for name, rows in before.items() if rows.count}
            written = write_as_an_application(owner, filled)
        if written:
            before = fingerprints(admin, state.snapshot)
        with databases.session(database) as owner:
            run = run_file(
                owner, path, statement_timeout_s=config.statement_timeout_s, root=config.root
            )
        snapshot = read(admin, exclude=config.exclude)
        after = fingerprints(admin, snapshot)
    return SecondRun(
        run=run,
        differences=tuple(_catalog_changes(state.snapshot, snapshot)),
        changed=tuple(_row_changes(before, after, snapshot)),
        written=written,
    )


def _catalog_changes(first: Snapshot, second: Snapshot) -> Iterator[CatalogChange]:
    for one in diff(first, second):
        yield CatalogChange(
            kind=one.kind, subject=".".join(one.name), first=one.expected, second=one.actual
        )


def _row_changes(
    before: Mapping[Name, RowPrint], after: Mapping[Name, RowPrint], snapshot: Snapshot
) -> Iterator[RowChange]:
    for table in before.keys() & after.keys():
        first, second = before[table], after[table]
        if first == second:
            continue
        values, columns = dict(second.columns), []
        if first.count == second.count:
            columns = [name for name, total in first.columns if values.get(name, total) != total]
        known = snapshot.columns_of(table)
        types = [known[(table[0], table[1], name)].type for name in columns]
        yield RowChange(
            table=table,
            before=first.count,
            after=second.count,
            columns=tuple(columns),
            only_timestamps=bool(types) and all(one.startswith("timestamp") for one in types),
        )
