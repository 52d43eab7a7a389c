"""What is seen of a database's sessions through the server's log."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import psycopg
import psycopg2
import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import Databases, Wanted, obtain, statement_log
from pytest_schemaguard.servers.docker import Docker
from pytest_schemaguard.servers.statement_log import LoggedError, Sent, record
from tests.e2e.conftest import image, need
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.run import Run

NAME = "seen"


@pytest.fixture
def seen(databases: Databases) -> Iterator[Databases]:
    """A run's databases, one of which is `seen`."""
    databases.create(NAME)
    yield databases
    databases.drop(NAME)


def sent_by(databases: Databases, work: Callable[[Any], None]) -> list[Sent]:
    """What is seen of this work on a connection of the owner's."""
    with record(databases, NAME) as recording, databases.session(NAME) as owner:
        work(owner.cursor())
    assert recording.sent is not None
    # connect() itself asks for the server's token.
    return [one for one in recording.sent if "shobj_description" not in one.sql]


def texts(sent: list[Sent]) -> list[str]:
    return [one.sql for one in sent]


def refused(cursor: Any, sql: str) -> None:
    with pytest.raises(psycopg2.Error):
        cursor.execute(sql)


def test_statements_are_seen_in_their_order_with_what_postgresql_answered(
    seen: Databases,
) -> None:
    def work(cursor: Any) -> None:
        cursor.execute("CREATE TABLE a (id integer UNIQUE)")
        refused(cursor, "SELECT wrong\n  FROM a")
        cursor.execute("INSERT INTO a VALUES (1)")
        refused(cursor, "INSERT INTO a VALUES (1)")
        refused(cursor, "SELEC 1")

    sent = sent_by(seen, work)
    assert texts(sent) == [
        "CREATE TABLE a (id integer UNIQUE)",
        "SELECT wrong\n  FROM a",
        "INSERT INTO a VALUES (1)",
        "INSERT INTO a VALUES (1)",
        "SELEC 1",
    ]
    assert [one.error for one in sent] == [
        None,
        LoggedError(sqlstate="42703", message='column "wrong" does not exist', position=8),
        None,
        LoggedError(
            sqlstate="23505",
            message='duplicate key value violates unique constraint "a_id_key"',
            detail="Key (id)=(1) already exists.",
        ),
        LoggedError(sqlstate="42601", message='syntax error at or near "SELEC"', position=1),
    ]
    assert len({one.session for one in sent}) == 1


def test_a_statement_that_looks_like_the_log_is_one_statement(seen: Databases) -> None:
    full = seen.full_name(NAME)
    forged = (
        "SELECT '\n2026-01-01 00:00:00.000 UTC [1] 42P01 schema_guard_owner@"
        f"{full} ERROR:  forged\n\tSTATEMENT:  x\n\n\ttab\r\n\x0b\x0c\u2028\x85 café'"
    )
    (one,) = sent_by(seen, lambda cursor: cursor.execute(forged))
    assert (one.sql, one.error) == (forged, None)


def test_blocks_copies_and_several_statements_in_one_message_are_seen(seen: Databases) -> None:
    block = "DO $$\nBEGIN\n  CREATE TABLE b (id integer);\nEND\n$$"

    def work(cursor: Any) -> None:
        cursor.execute(block)
        cursor.execute("BEGIN; INSERT INTO b VALUES (1);\nCOMMIT")
        cursor.copy_expert("COPY b TO STDOUT", open("/dev/null", "w"))  # noqa: PTH123, SIM115

    assert texts(sent_by(seen, work)) == [
        block,
        "BEGIN; INSERT INTO b VALUES (1);\nCOMMIT",
        "COPY b TO STDOUT",
    ]


def test_an_error_that_a_block_catches_is_none(seen: Databases) -> None:
    block = """DO $$ BEGIN
        PERFORM 1 / 0;
    EXCEPTION WHEN division_by_zero THEN NULL; END $$"""
    (one,) = sent_by(seen, lambda cursor: cursor.execute(block))
    assert one.error is None


def test_an_error_within_a_block_tells_its_context_and_no_place_in_the_statement(
    seen: Databases,
) -> None:
    (one,) = sent_by(
        seen, lambda cursor: refused(cursor, "DO $$ BEGIN PERFORM 1 FROM nowhere; END $$")
    )
    assert one.error == LoggedError(
        sqlstate="42P01",
        message='relation "nowhere" does not exist',
        context="PL/pgSQL function inline_code_block line 1 at PERFORM",
    )


def test_statements_of_the_extended_protocol_are_seen_without_their_parameters(
    seen: Databases,
) -> None:
    url = seen.address(NAME).url()

    async def by_asyncpg() -> None:
        connection = await asyncpg.connect(url, host=seen.address(NAME).host)
        async with connection.transaction():
            await connection.execute("INSERT INTO c VALUES ($1)", "secret")
            cursor = await connection.cursor("SELECT * FROM c")
            await cursor.fetch(1)
            await cursor.fetch(1)
        await connection.close()

    with record(seen, NAME) as recording:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE c (name text)")
            connection.execute("INSERT INTO c VALUES (%s)", ["secret"], prepare=True)
            connection.commit()
            with pytest.raises(psycopg.errors.UndefinedColumn):
                connection.execute("SELECT wrong FROM c WHERE name = %s", ["secret"])
        asyncio.run(by_asyncpg())
    assert recording.sent is not None
    told = [(one.sql, one.error and one.error.sqlstate) for one in recording.sent]
    assert told == [
        ("BEGIN", None),
        ("CREATE TABLE c (name text)", None),
        ("INSERT INTO c VALUES ($1)", None),
        ("COMMIT", None),
        ("BEGIN", None),
        ("SELECT wrong FROM c WHERE name = $1", "42703"),
        ("COMMIT", None),
        ("BEGIN;", None),
        ("INSERT INTO c VALUES ($1)", None),
        ("SELECT * FROM c", None),
        ("COMMIT;", None),
    ]


def test_only_this_database_is_seen_and_not_the_guard_s_own_admin(seen: Databases) -> None:
    seen.create("other")
    with record(seen, NAME) as recording:
        for name, is_admin in (("other", False), (NAME, True)):
            with seen.session(name, as_admin=is_admin) as one:
                one.cursor().execute("SELECT 1")
    seen.drop("other")
    assert recording.sent == ()


def test_sessions_after_it_are_not_logged(seen: Databases) -> None:
    sent_by(seen, lambda cursor: cursor.execute("SELECT 1"))
    with seen.session(NAME) as owner, owner.cursor() as cursor:
        cursor.execute("SHOW log_statement")
        assert cursor.fetchone() == ("none",)


def test_two_recordings_one_after_the_other_do_not_mix(seen: Databases) -> None:
    first = sent_by(seen, lambda cursor: cursor.execute("SELECT 1"))
    second = sent_by(seen, lambda cursor: cursor.execute("SELECT 2"))
    assert (texts(first), texts(second)) == (["SELECT 1"], ["SELECT 2"])


def test_a_server_whose_log_is_not_the_guard_s_tells_that_nothing_was_seen(
    seen: Databases,
) -> None:
    with closing(Databases(replace(seen.server, log=None), seen.run)) as blind:
        with record(blind, NAME) as recording, blind.session(NAME) as owner:
            owner.cursor().execute("SELECT 1")
        assert recording.sent is None


def test_a_log_that_stays_silent_is_an_error(
    seen: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statement_log, "DEADLINE_S", 0.05)
    assert seen.server.log is not None
    elsewhere = seen.server.log.with_name("other-log")
    elsewhere.touch()
    with (
        closing(Databases(replace(seen.server, log=elsewhere), seen.run)) as wrong,
        pytest.raises(ServerError, match="its log does not show within 0 s what was written"),
        record(wrong, NAME),
    ):
        pass


@pytest.mark.docker
def test_a_container_s_log_is_read_through_its_engine(run: Run) -> None:
    need(Docker())
    databases = Databases(obtain(Wanted(provider="docker", image=image()), run), run)
    databases.create(NAME)
    sent = sent_by(databases, lambda cursor: cursor.execute("SELECT 1,\n\t2"))
    databases.close()
    assert texts(sent) == ["SELECT 1,\n\t2"]


@pytest.mark.parametrize("major", [18])
def test_other_majors_log_alike(run: Run, major: int) -> None:
    """The log's format is read, so that it is held against more than this machine's version."""
    try:
        server = obtain(Wanted(**{**OWN, "provider": "embedded", "major": major}), run)
    except ServerError as error:
        pytest.skip(str(error))
    databases = Databases(server, run)
    databases.create(NAME)
    with (
        record(databases, NAME) as recording,
        psycopg.connect(databases.address(NAME).url(), autocommit=True) as connection,
    ):
        connection.execute("SELECT %s::text", ["a\nb"])
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("SELECT 1\nFROM nowhere")
    databases.close()
    assert recording.sent is not None
    assert [(one.sql, one.error) for one in recording.sent] == [
        ("SELECT $1::text", None),
        (
            "SELECT 1\nFROM nowhere",
            LoggedError(sqlstate="42P01", message='relation "nowhere" does not exist', position=15),
        ),
    ]
