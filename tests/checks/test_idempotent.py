from __future__ import annotations

from pytest_schemaguard.checks.idempotent import AGAIN, findings
from pytest_schemaguard.findings import Severity
from pytest_schemaguard.migrations.file_run import FileRun, Undone
from pytest_schemaguard.scenarios.changes import CatalogChange, Changes, RowChange
from pytest_schemaguard.scenarios.engine import Ending, Taken

NAMES = frozenset({"users"})
RUN = FileRun(statements=1, seconds=0.1, notices=(), error=None, transaction="idle")


def second_run(
    *,
    catalog: tuple[CatalogChange, ...] = (),
    rows: tuple[RowChange, ...] = (),
    run: FileRun = RUN,
) -> Ending:
    return Ending(
        taken=(Taken(), Taken(run=run)),
        changes={AGAIN: Changes(catalog=catalog, rows=rows)},
        unread=(),
    )


def row_change(*columns: str, after: int = 2, only_timestamps: bool = False) -> RowChange:
    return RowChange(
        table=("public", "users"),
        before=2,
        after=after,
        columns=columns,
        only_timestamps=only_timestamps,
        lost=0 if after > 2 else 1,
        added=1,
    )


def test_a_run_that_changes_nothing_is_told_nothing_of() -> None:
    assert list(findings(second_run(), "m.sql", NAMES)) == []


def test_a_change_of_the_catalog_is_an_error_with_both_sides() -> None:
    change = CatalogChange(
        kind="missing-primary-key", subject="public.users.pk", first="PRIMARY KEY (id)", then=None
    )
    (one,) = findings(second_run(catalog=(change,)), "m.sql", NAMES)
    assert one.code == "idempotent.catalog"
    assert one.severity is Severity.ERROR
    assert one.subject == "public.users.pk"
    assert (one.expected, one.actual, one.path) == ("PRIMARY KEY (id)", None, "m.sql")
    assert one.message.startswith("the second run of m.sql ")
    assert "missing-primary-key" in one.message


def test_changed_values_are_named_by_their_columns() -> None:
    (one,) = findings(second_run(rows=(row_change("name", "age"),)), "m.sql", NAMES)
    assert one.code == "idempotent.rows"
    assert one.severity is Severity.ERROR
    assert one.message == (
        "the second run of m.sql changes rows: 2 rows before, 2 after, values of name, age\n"
        "what an application wrote between the runs would be lost"
    )


def test_more_rows_than_before_are_an_error() -> None:
    (one,) = findings(second_run(rows=(row_change(after=4),)), "m.sql", NAMES)
    assert one.message.startswith("the second run of m.sql changes rows: 2 rows before, 4 after")


def test_timestamps_alone_are_a_warning() -> None:
    change = row_change("updated_at", only_timestamps=True)
    (one,) = findings(second_run(rows=(change,)), "m.sql", NAMES)
    assert (one.code, one.severity) == ("idempotent.timestamps", Severity.WARNING)


def test_a_run_that_was_rolled_back_did_not_succeed() -> None:
    run = FileRun(
        statements=1,
        seconds=0.1,
        notices=(),
        error=None,
        transaction="idle",
        undone=Undone(by="ROLLBACK", line=3, statements=("DROP TABLE a",)),
    )
    again = second_run(run=run)
    (one,) = findings(again, "m.sql", NAMES)
    assert one.code == "idempotent.second-run-fails"
    assert one.message == (
        "the second run fails: line 3 (ROLLBACK) undoes 1 statement, and the file does not do it "
        "again\nundone:\n  DROP TABLE a"
    )
