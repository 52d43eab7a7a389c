"""What the statements of a run tell of whether it did anything."""

from __future__ import annotations

import pytest

from pytest_schemaguard.migrations.deeds import Deeds, deeds
from pytest_schemaguard.migrations.losses import history
from pytest_schemaguard.wire.wire import Statement

BLOCK = "DO $$ BEGIN NULL; END $$"


def ran(*lines: tuple[str, str, int] | tuple[str, str]) -> Deeds:
    """Of statements, each with its tag, and how many notices came with it."""
    sent = [
        Statement(
            number=number,
            batch=number,
            session=1,
            sql=line[0],
            tags=(line[1],),
            after="T" if line[0] == "BEGIN" else "I",
            notices=line[2] if len(line) == 3 else 0,
        )
        for number, line in enumerate(lines, 1)
    ]
    return deeds(history(sent).kept, sent)


@pytest.mark.parametrize(
    "line",
    [
        ("CREATE TABLE a ()", "CREATE TABLE"),
        ("DROP INDEX a", "DROP INDEX"),
        ("ALTER DATABASE a SET work_mem = 1", "ALTER DATABASE"),
        ("ALTER ROLE a SET work_mem = 1", "ALTER ROLE"),
        ("GRANT SELECT ON a TO b", "GRANT"),
        ("COMMENT ON TABLE a IS 'b'", "COMMENT", 1),
        ("ANALYZE", "ANALYZE", 1),
        ("VACUUM", "VACUUM"),
        ("REFRESH MATERIALIZED VIEW a", "REFRESH MATERIALIZED VIEW"),
        ("REINDEX TABLE a", "REINDEX"),
        ("NOTIFY a", "NOTIFY"),
        ("INSERT INTO a VALUES (1)", "INSERT 0 1"),
        ("UPDATE a SET b = 1", "UPDATE 10"),
        ("DELETE FROM a", "DELETE 3"),
        ("WITH x AS (DELETE FROM a RETURNING *) INSERT INTO b SELECT * FROM x", "INSERT 0 2"),
    ],
)
def test_what_does_something_wherever_it_is_run(line: tuple[str, str]) -> None:
    assert ran(line).something
    assert ran(("DROP TABLE IF EXISTS x", "DROP TABLE", 1), line).something


@pytest.mark.parametrize(
    "line",
    [
        ("CREATE TABLE IF NOT EXISTS a ()", "CREATE TABLE", 1),
        ("DROP TABLE IF EXISTS a", "DROP TABLE", 1),
        ("ALTER TABLE a ALTER b SET NOT NULL", "ALTER TABLE"),
        ("GRANT SELECT ON a TO b", "GRANT", 1),
        (BLOCK, "DO"),
        ("CALL a()", "CALL"),
        ("SELECT a()", "SELECT 1"),
        ("COPY a FROM STDIN", "COPY 3"),
        ("TRUNCATE a", "TRUNCATE TABLE"),
        ("INSERT INTO schema_migrations VALUES ('1')", "INSERT 0 1"),
        ('CREATE TABLE "alembic_version" ()', "CREATE TABLE"),
        ("UPDATE a SET b = 1", "UPDATE 0"),
        ("INSERT INTO a SELECT 1 WHERE false", "INSERT 0 0"),
    ],
)
def test_of_what_only_the_database_tells(line: tuple[str, str]) -> None:
    found = ran(line)
    assert (found.something, found.perhaps) == (False, True)
    assert found.rows_wanted == line[1].endswith(" 0")
    assert found.blocks == (line[1] in {"DO", "CALL"})


def test_what_is_made_and_dropped_may_be_nothing() -> None:
    made, dropped = ("CREATE TABLE a ()", "CREATE TABLE"), ("DROP TABLE a", "DROP TABLE")
    assert not ran(made, dropped).something
    assert ran(made, dropped, ("GRANT a TO b", "GRANT ROLE")).something


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [("SET search_path = a", "SET"), ("SHOW a", "SHOW")],
        [("BEGIN", "BEGIN"), ("LOCK TABLE a", "LOCK TABLE"), ("COMMIT", "COMMIT")],
        [("BEGIN", "BEGIN"), ("CREATE TABLE a ()", "CREATE TABLE"), ("ROLLBACK", "ROLLBACK")],
    ],
)
def test_what_certainly_did_nothing(lines: list[tuple[str, str]]) -> None:
    found = ran(*lines)
    assert found == Deeds(something=False)


def test_a_sequence_that_is_set_may_have_stood_there() -> None:
    assert ran(("SELECT pg_catalog.setval('a', 1)", "SELECT 1")).rows_wanted


@pytest.mark.parametrize(
    ("sql", "looks"),
    [
        ("SELECT id FROM users WHERE name IS NULL", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("SELECT 1", False),
        ("select pg_catalog.version()", False),
        ("SELECT relname FROM pg_class", False),
        ("SELECT table_name FROM information_schema.tables", False),
        ("SELECT version_num FROM alembic_version", False),
    ],
)
def test_what_looks_for_rows_may_have_found_none(sql: str, looks: bool) -> None:
    assert ran((sql, "SELECT 0")).rows_wanted is looks
