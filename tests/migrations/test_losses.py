"""What a tool lost, and what it has rightly lived with, told from what it sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_schemaguard.migrations.losses import History, history, refused
from pytest_schemaguard.migrations.verbs import is_write, statements
from pytest_schemaguard.wire.wire import Statement, StatementError

ALTER = 'ALTER TABLE "user" ADD COLUMN a integer'
PROBE = "SELECT version FROM schema_migrations"
MAKE = "CREATE TABLE schema_migrations (version text)"
NOTE = "INSERT INTO schema_migrations VALUES ('0001')"
ABORTED = "25P02"


def sent(
    *lines: str | tuple[str, str] | tuple[int, str] | tuple[int, str, str],
) -> list[Statement]:
    """Statements; with the SQLSTATE that answered one; with another session's number before it."""
    found: list[Statement] = []
    status: dict[int, str] = {}
    for number, line in enumerate(lines, 1):
        parts: list[str | int] = [line] if isinstance(line, str) else [*line]
        session = int(parts.pop(0)) if isinstance(parts[0], int) else 1
        error = StatementError(sqlstate=str(parts[1]), message="no") if parts[1:] else None
        sql, before = str(parts[0]), status.get(session, "I")
        tags, after = answered(statements(sql), before, failing=error is not None)
        status[session] = after
        found.append(
            Statement(
                number=number,
                batch=number,
                session=session,
                sql=sql,
                tags=tags,
                error=error,
                before=before,
                after=after,
            )
        )
    return found


def answered(parts: list[str], status: str, *, failing: bool) -> tuple[tuple[str, ...], str]:
    """PostgreSQL's tags, and its transaction's status; it refuses the first that writes."""
    tags: list[str] = []
    for part in parts:
        word = part.rpartition("*/")[2].rpartition("note\n")[2].split()[0].upper()
        if failing and (is_write(part) or len(parts) == 1):
            return tuple(tags), "E" if status != "I" and word not in {"COMMIT", "END"} else "I"
        if word in {"BEGIN", "START"}:
            status = "T"
        elif word in {"COMMIT", "END", "ROLLBACK"} and " TO " not in part:
            word, status = "ROLLBACK" if status == "E" else word, "I"
        elif word == "ROLLBACK":
            status = "T"
        tags.append(word)
    return tuple(tags), status


def lost(told: History, *, of_migrations: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """(how it ended, what is lost of it) of each loss that the tool has not recovered from."""
    return [
        (one.end, "; ".join(told.left(one)))
        for one in told.losses
        if not told.recovered(one, is_migration=lambda sql: sql in of_migrations)
    ]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(["BEGIN", ALTER, NOTE, "COMMIT"], id="all goes well"),
        pytest.param([ALTER, NOTE], id="without transactions"),
        pytest.param(["BEGIN", PROBE, "ROLLBACK"], id="only reads"),
        pytest.param(["BEGIN", PROBE], id="only reads, and leaves"),
        pytest.param([(PROBE, "42P01"), MAKE, ALTER], id="looks for its table"),
        pytest.param(
            ["BEGIN", (PROBE, "42P01"), "ROLLBACK", "BEGIN", MAKE, "COMMIT"],
            id="looks for its table in a transaction",
        ),
        pytest.param(
            ["BEGIN", (PROBE, "42P01"), "COMMIT", "BEGIN", MAKE, "COMMIT"],
            id="looks for its table and commits that",
        ),
        pytest.param(
            ["BEGIN", (NOTE, "42P01"), "COMMIT", "BEGIN", MAKE, NOTE, "COMMIT"],
            id="writes into its table, and again when it has made it",
        ),
        pytest.param(["BEGIN", (MAKE, "42P07"), "ROLLBACK"], id="makes its table anew"),
        pytest.param([(MAKE, "42P07")], id="makes its table anew, without a transaction"),
        pytest.param(
            ["BEGIN", ALTER, "SAVEPOINT a", (NOTE, "23505"), "ROLLBACK TO SAVEPOINT a", "COMMIT"],
            id="goes back to a savepoint",
        ),
        pytest.param(
            [
                *("BEGIN", "SAVEPOINT a", "SAVEPOINT b", "RELEASE b", (ALTER, "42P01")),
                *("ROLLBACK TO a", "RELEASE a", "COMMIT"),
            ],
            id="goes back to the outer savepoint",
        ),
        pytest.param(
            ["BEGIN", (ALTER, "55P03"), "ROLLBACK", ALTER.replace(" ADD", "\n ADD")],
            id="tries again after a lock timeout",
        ),
        pytest.param([(1, "BEGIN"), (1, ALTER), (1, "ROLLBACK"), (2, ALTER)], id="a dry run first"),
        pytest.param(
            ["BEGIN", ("CREATE EXTENSION a", "42501"), "ROLLBACK", "BEGIN", ALTER, "COMMIT"],
            id="goes on without an extension",
        ),
        pytest.param(["PREPARE q AS SELECT 1", "BEGIN", ALTER, "END"], id="other spellings"),
        pytest.param(["BEGIN; " + ALTER + "; COMMIT"], id="in one message"),
        pytest.param([f"-- note\nBEGIN;\n/* one */ {ALTER};\nCOMMIT;"], id="with comments"),
        pytest.param(["BEGIN", "", "COMMIT"], id="an empty message"),
        pytest.param(
            [f"BEGIN; {ALTER}; ROLLBACK; BEGIN; {ALTER}; COMMIT"], id="a dry run in one message"
        ),
        pytest.param(["BEGIN", ALTER, "ROLLBACK AND CHAIN", ALTER, "COMMIT"], id="a chain"),
        pytest.param(
            ["BEGIN", "SAVEPOINT a", ALTER, "ROLLBACK TO a", ALTER, "COMMIT"],
            id="a dry run behind a savepoint",
        ),
    ],
)
def test_what_is_kept_or_recovered_is_no_loss(lines: list[str]) -> None:
    assert lost(history(sent(*lines))) == []


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            ["BEGIN", (ALTER, "42P01"), (NOTE, ABORTED), "COMMIT"],
            [("commit", f"{ALTER}; {NOTE}")],
            id="psql's BEGIN, error, COMMIT",
        ),
        pytest.param(
            ["BEGIN", ALTER, (PROBE, "42P01"), "COMMIT", MAKE],
            [("commit", ALTER)],
            id="a question that was refused takes the rest with it",
        ),
        pytest.param(
            ["BEGIN", (ALTER, "42P01"), "COMMIT", NOTE],
            [("commit", ALTER)],
            id="written down as done",
        ),
        pytest.param(
            ["BEGIN", ALTER, (NOTE, "23505"), "ROLLBACK"],
            [("rollback", f"{ALTER}; {NOTE}")],
            id="caught, and nothing more",
        ),
        pytest.param([(ALTER, "42P01")], [("alone", ALTER)], id="the only statement"),
        pytest.param(
            [(1, ALTER, "42P01"), (2, NOTE)], [("alone", ALTER)], id="noted by another session"
        ),
        pytest.param(["BEGIN", ALTER], [("open", ALTER)], id="no commit"),
        pytest.param(
            ["BEGIN", ALTER, "ROLLBACK"], [("rollback", ALTER)], id="its connection rolls back"
        ),
        pytest.param(["BEGIN", (ALTER, "42P01")], [("open", ALTER)], id="an error, and it leaves"),
        pytest.param(
            ["BEGIN", ALTER, ("COMMIT", "23503")],
            [("rollback", ALTER)],
            id="a deferred constraint",
        ),
        pytest.param(
            [(f"{MAKE}; {ALTER}", "42P01")], [("alone", f"{MAKE}; {ALTER}")], id="one message"
        ),
        pytest.param(
            [(f"BEGIN; {ALTER}; COMMIT", "42P01"), (NOTE, ABORTED)],
            [("open", f"{ALTER}; {NOTE}")],
            id="one message that began a transaction",
        ),
        pytest.param(
            ["START TRANSACTION", (ALTER, "42P01"), "END"], [("commit", ALTER)], id="END commits"
        ),
    ],
)
def test_what_is_not_kept_is_a_loss(lines: list[str], expected: list[tuple[str, str]]) -> None:
    assert lost(history(sent(*lines))) == expected


def test_a_statement_of_a_migration_is_lost_whatever_the_tool_did_next() -> None:
    told = history(sent("BEGIN", (ALTER, "42P01"), "ROLLBACK", "BEGIN", MAKE, "COMMIT"))
    assert lost(told) == []
    assert lost(told, of_migrations=(ALTER,)) == [("rollback", ALTER)]


def test_going_back_to_a_savepoint_keeps_nothing_since_and_may_not_lose_a_migration() -> None:
    told = history(
        sent("BEGIN", MAKE, "SAVEPOINT a", ALTER, (NOTE, "42P01"), "ROLLBACK TO a", "COMMIT")
    )
    assert [one.sql for one in told.kept] == [MAKE]
    assert lost(told) == []
    assert lost(told, of_migrations=(ALTER,)) == [("savepoint", f"{ALTER}; {NOTE}")]


def test_a_tool_that_fails_failed_for_what_it_lost_and_not_for_what_it_asked() -> None:
    told = history(sent((PROBE, "42P01"), MAKE, "BEGIN", (ALTER, "42703"), "ROLLBACK"))
    cause = told.cause(is_migration=lambda _: False)
    assert cause is not None
    assert cause.sqlstate == "42703"


def test_a_question_that_was_refused_last_is_why_a_tool_failed() -> None:
    told = history(sent("BEGIN", (PROBE, "42P01"), "ROLLBACK"))
    cause = told.cause(is_migration=lambda _: False)
    assert cause is not None
    assert cause.sqlstate == "42P01"
    told = history(sent("BEGIN", (PROBE, "42P01"), "ROLLBACK", MAKE))
    assert told.cause(is_migration=lambda _: False) is None


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        "(SELECT 1)",
        "show x",
        "SET a = 1",
        "WITH a AS (SELECT 1) SELECT 2",
        "fetch a",
        "BEGIN",
        "rollback to a",
        "PREPARE a AS INSERT INTO b VALUES (1)",
        "EXPLAIN SELECT 1",
    ],
)
def test_reads(sql: str) -> None:
    assert not is_write(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "insert into a values (1)",
        "DO $$BEGIN END$$",
        "WITH a AS (DELETE FROM b) SELECT 1",
        "CREATE TABLE a ()",
        "call a()",
        "COPY a FROM STDIN",
        "EXPLAIN ANALYZE UPDATE a SET b = 1",
    ],
)
def test_writes(sql: str) -> None:
    assert is_write(sql)


def test_the_statement_of_a_message_at_which_postgresql_points() -> None:
    sql = "CREATE TABLE a ();\n\nALTER TABLE a\n  ADD b wrong;\nSELECT 1"
    place = sql.index("wrong") + 1
    error = StatementError(sqlstate="42704", message="no", position=place)
    one = Statement(number=1, batch=1, session=1, sql=sql, tags=("CREATE TABLE",), error=error)
    assert refused(one) == ("ALTER TABLE a\n  ADD b wrong", 1)
    one = replace(one, error=replace(error, position=None))
    assert refused(one) == ("ALTER TABLE a\n  ADD b wrong", 0)


def test_those_of_a_pipeline_are_lost_together() -> None:
    """Up to a Sync all is one transaction, and behind an error nothing is run."""
    first, second, third = sent(MAKE, (ALTER, "42P01"), NOTE)
    pipeline = [first, replace(second, batch=1), replace(third, batch=1, tags=())]
    told = history(pipeline)
    assert told.kept == ()
    assert lost(told) == [("alone", f"{MAKE}; {ALTER}; {NOTE}")]


def test_a_statement_that_nothing_answers_is_lost_with_its_session() -> None:
    (one,) = sent(ALTER)
    assert lost(history([replace(one, tags=(), after=None)])) == [("open", ALTER)]
