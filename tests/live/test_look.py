"""What a look at a database may do, and what it says where it cannot look."""

from __future__ import annotations

from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog.transaction import Limits
from pytest_schemaguard.live import look
from pytest_schemaguard.live.catalogs import Catalog, catalog_of
from pytest_schemaguard.live.deadlines import Deadlines
from pytest_schemaguard.live.look import CannotLookError, newer_than_known
from pytest_schemaguard.live.targets import Target
from tests.catalog.databases import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address

LIMITS = Limits(statement_ms=500, lock_ms=50)
SCHEMA = """
CREATE SCHEMA private;
CREATE TYPE private.status AS ENUM ('a');
CREATE TABLE private.t (id serial PRIMARY KEY, s private.status DEFAULT 'a', n int CHECK (n > 0));
CREATE VIEW private.v AS SELECT * FROM private.t;
CREATE FUNCTION private.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE INDEX ON private.t ((n + 1));
REVOKE ALL ON SCHEMA public FROM PUBLIC;
"""


@pytest.fixture
def stranger(database: Address, connect: Callable[[Address], Any]) -> Iterator[Address]:
    """A role that may log in, and nothing else; the database has a schema that it may not use."""
    admin = connect(database)
    execute(admin, SCHEMA)
    execute(admin, "CREATE ROLE stranger LOGIN PASSWORD 'secret'")
    yield database.logged_in_as("stranger", "secret")
    execute(admin, "DROP ROLE stranger")


def looking_at(target: Target, *, limits: Limits) -> AbstractContextManager[Any]:
    return look.looking_at(target, limits=limits, deadlines=Deadlines(), turn=nullcontext)


def read_by(cursor: Any) -> Catalog:
    return catalog_of(cursor, exclude=(), limits=LIMITS)


def said(target: Target) -> str:
    with pytest.raises(CannotLookError) as caught, looking_at(target, limits=LIMITS) as cursor:
        read_by(cursor)
    return str(caught.value)


def test_every_role_that_may_connect_may_look(stranger: Address, database: Address) -> None:
    seen = []
    for address in (stranger, database):
        with looking_at(Target(address=address), limits=LIMITS) as cursor:
            seen.append(read_by(cursor))
    assert seen[0] == seen[1]
    assert ("private", "t") in seen[0].snapshot().relations


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE other ()",
        "SELECT nextval('private.t_id_seq')",
        "INSERT INTO private.t DEFAULT VALUES",
        "SELECT 1; SET LOCAL transaction_read_only = off",
    ],
)
def test_whoever_looks_can_write_nothing(
    database: Address, connect: Callable[[Address], Any], statement: str
) -> None:
    execute(connect(database), SCHEMA)
    with (
        pytest.raises(CannotLookError, match=r"refused to be read: .*read-(only|write)"),
        looking_at(Target(address=database), limits=LIMITS) as cursor,
    ):
        cursor.execute(statement)


def test_a_look_leaves_no_trace(stranger: Address, connect: Callable[[Address], Any]) -> None:
    """No transaction that wrote, no session, no setting: a pooler hands the session on."""
    admin = connect(stranger)
    with admin.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())")
        before = cursor.fetchone()
        with looking_at(Target(address=stranger), limits=LIMITS) as looking:
            read_by(looking)
            looking.execute("SELECT pg_current_xact_id_if_assigned()")
            assert looking.fetchone() == (None,)
            session = looking.connection
        cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())")
        assert cursor.fetchone() == before
    assert session.closed


def test_a_server_that_nobody_answers_on_is_told(database: Address) -> None:
    target = Target(address=replace(database, host="127.0.0.1", port=1, user="app", database="d"))
    text = said(target)
    assert text.splitlines()[0] == "postgresql://app@127.0.0.1:1/d: cannot connect"
    assert "Connection refused" in text
    assert text.splitlines()[-1] == (
        "  next: look at the host, the role and its password (in the URL, or in ~/.pgpass)"
    )


def test_a_wrong_password_is_told_and_never_repeated(database: Address) -> None:
    text = said(Target(address=database.logged_in_as("nobody", "se'cret")))
    assert "cannot connect" in text
    assert "se'cret" not in text


def test_a_lock_is_not_waited_for(database: Address, connect: Callable[[Address], Any]) -> None:
    execute(connect(database), SCHEMA)
    with closing(psycopg2.connect(database.url())) as other, other.cursor() as ddl:
        ddl.execute("LOCK TABLE pg_catalog.pg_enum IN ACCESS EXCLUSIVE MODE")
        name = Target(address=database).name
        assert said(Target(address=database)) == (
            f"{name}: a table was locked for longer than 0.05 s: DDL is running there\n"
            "  next: run the check again when it has ended"
        )


def test_a_query_that_takes_too_long_is_ended(database: Address) -> None:
    with (
        pytest.raises(CannotLookError) as caught,
        looking_at(Target(address=database), limits=Limits(statement_ms=50)) as cursor,
    ):
        cursor.execute("SELECT pg_sleep(10)")
    assert (
        str(caught.value).splitlines()[0].endswith("a query of its catalog took longer than 0.05 s")
    )
    assert str(caught.value).splitlines()[1] == "  next: --statement-timeout-s gives it more"


def test_a_connection_that_is_lost_is_told(
    database: Address, connect: Callable[[Address], Any]
) -> None:
    admin = connect(database)
    with (  # noqa: PT012 - the end of the session is part of the look
        pytest.raises(CannotLookError) as caught,
        looking_at(Target(address=database), limits=LIMITS) as cursor,
    ):
        execute(admin, f"SELECT pg_terminate_backend({cursor.connection.info.backend_pid}, 5000)")
        read_by(cursor)
    text = str(caught.value)
    assert text.splitlines()[0].endswith("the connection was lost while its catalog was read")
    assert text.splitlines()[-1] == (
        "  next: run the check again; a pooler or the server ended the session"
    )


def test_a_catalog_that_was_closed_to_a_role_is_told(
    stranger: Address, database: Address, connect: Callable[[Address], Any]
) -> None:
    execute(connect(database), "REVOKE SELECT ON pg_catalog.pg_proc FROM PUBLIC")
    text = said(Target(address=stranger))
    assert "the role stranger may not read the catalog: permission denied for table pg_proc" in text
    assert text.splitlines()[-1] == (
        "  next: every role may, unless that was revoked: GRANT SELECT on what is named to it"
    )


def test_versions_that_are_not_known_are_told(
    database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looking_at(Target(address=database), limits=LIMITS) as cursor:
        assert newer_than_known(cursor) is None
        major = cursor.connection.info.server_version // 10000
        monkeypatch.setattr(look, "NEWEST_MAJOR", major - 1)
        assert newer_than_known(cursor) == (
            f"it runs PostgreSQL {major}, newer than the {major - 1} that this version of "
            "pytest-schemaguard knows: what is new there is not compared"
        )
    monkeypatch.setattr(look, "OLDEST_MAJOR", major + 1)
    assert said(Target(address=database)) == (
        f"{Target(address=database).name}: it runs PostgreSQL {major}: its catalog has not what "
        f"the comparison asks for\n  next: PostgreSQL {major + 1} and newer are compared"
    )


def test_libpq_variables_lead_nowhere_else(
    database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=evil")
    with looking_at(Target(address=database), limits=LIMITS) as cursor:
        cursor.execute("SELECT current_database(), current_setting('search_path')")
        assert cursor.fetchone() == (database.database, "pg_catalog, pg_temp")
