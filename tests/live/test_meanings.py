"""What a difference from the migrations means, done on a server: on both sides, and held apart."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog.diff import Depth, Difference, diff
from pytest_schemaguard.findings import Severity
from pytest_schemaguard.live import meanings
from pytest_schemaguard.live.comparable import comparable
from pytest_schemaguard.live.meanings import meaning_of_migrated
from tests.catalog.databases import connected, execute, fresh, read_inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address

BEFORE = """
CREATE TABLE t (id integer, n integer); INSERT INTO t VALUES (1, 1), (2, 2);
GRANT ALL ON t TO live_reader;
CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN new.n = new.n * 2; RETURN new; END';
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
  $$BEGIN RAISE EXCEPTION 'refused'; END$$;
"""
POLICIES = "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY all_rows ON t USING (true); "
COUNT = "SET ROLE live_reader; SELECT count(*)::text FROM t"
INSERT = "INSERT INTO t VALUES (3, 3) RETURNING n::text"
TRIGGER = "CREATE TRIGGER d BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION double()"
RULE = "CREATE RULE r AS ON UPDATE TO t DO INSTEAD NOTHING"
UPDATE = "UPDATE t SET n = 9; SELECT max(n)::text FROM t"
VIEW = "CREATE MATERIALIZED VIEW m AS SELECT 1 AS one"
EVENT = "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION refuse()"


@dataclass(frozen=True)
class Proof:
    """What the migrations make, what the database has, and what a statement then says of each."""

    migrated: str
    live: str
    statement: str
    there: str
    """The result, or the error's class, where the migrations have run."""
    here: str
    """The same on the database."""


MISSING = {
    "schema": Proof(
        "CREATE SCHEMA s; CREATE TABLE s.t ()", "", "SELECT 'x' FROM s.t", "nothing",
        "UndefinedTable",
    ),
    "row-security": Proof(
        "CREATE POLICY p ON t USING (id = 1); ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY p ON t USING (id = 1)", COUNT, "1", "2",
    ),
    "policy": Proof(POLICIES, POLICIES + "DROP POLICY all_rows ON t", COUNT, "2", "0"),
    "trigger": Proof(TRIGGER, "", INSERT, "6", "3"),
    "rule": Proof(RULE, "", UPDATE, "2", "9"),
    "function": Proof(
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$", "", "SELECT f()", "x",
        "UndefinedFunction",
    ),
    "composite-type": Proof(
        "CREATE TYPE pair AS (a integer)", "", "SELECT 'x' WHERE NULL::pair IS NULL", "x",
        "UndefinedObject",
    ),
    "extension": Proof(
        "CREATE EXTENSION citext", "", "SELECT 'x'::citext::text", "x", "UndefinedObject"
    ),
    "privileges": Proof(
        "GRANT SELECT ON t TO live_reader", "REVOKE ALL ON t FROM live_reader", COUNT, "2",
        "InsufficientPrivilege",
    ),
    "unpopulated": Proof(
        f"{VIEW} WITH NO DATA", VIEW, "SELECT one::text FROM m", "ObjectNotInPrerequisiteState", "1"
    ),
    "event-trigger": Proof(EVENT, "", "CREATE TABLE u ()", "RaiseException", "nothing"),
}  # fmt: skip
CHANGED = {
    "row-security": Proof(
        POLICIES, POLICIES + "ALTER TABLE t FORCE ROW LEVEL SECURITY", "SELECT relforcerowsecurity"
        "::text FROM pg_class WHERE relname = 't'", "false", "true",
    ),
    "policy": Proof(POLICIES, POLICIES.replace("true", "id = 1"), COUNT, "2", "1"),
    "trigger": Proof(
        TRIGGER, TRIGGER.replace("EXECUTE", "WHEN (new.id = 1) EXECUTE"), INSERT, "6", "3"
    ),
    "rule": Proof(
        RULE, RULE.replace("NOTHING", "DELETE FROM t WHERE id = 2"), UPDATE, "2", "1"
    ),
    "function": Proof(
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$SELECT 'y'$$", "SELECT f()", "x", "y",
    ),
    "composite-type": Proof(
        "CREATE TYPE pair AS (a integer)", "CREATE TYPE pair AS (a text)",
        "SELECT pg_typeof((ROW(1)::pair).a)::text", "integer", "text",
    ),
    "privileges": Proof(
        "", "REVOKE SELECT ON t FROM live_reader", COUNT, "2", "InsufficientPrivilege"
    ),
}  # fmt: skip
EXTRA = {
    "unpopulated": Proof(
        VIEW, f"{VIEW} WITH NO DATA", "SELECT one::text FROM m", "1", "ObjectNotInPrerequisiteState"
    ),
    "privileges": Proof(
        "REVOKE ALL ON t FROM live_reader", "", COUNT, "InsufficientPrivilege", "2"
    ),
    "row-security": Proof(
        "CREATE POLICY p ON t USING (id = 1)",
        "CREATE POLICY p ON t USING (id = 1); ALTER TABLE t ENABLE ROW LEVEL SECURITY", COUNT, "2",
        "1",
    ),
    "policy": Proof(
        POLICIES.replace("true", "id = 1"),
        POLICIES.replace("true", "id = 1") + "CREATE POLICY more ON t USING (true)", COUNT, "1",
        "2",
    ),
    "trigger": Proof("", TRIGGER, INSERT, "3", "6"),
    "rule": Proof("", RULE, UPDATE, "9", "2"),
}  # fmt: skip
NOT_SHOWN = {
    "missing": {"statistics", "publication", "replica-identity"},
    "changed": {"extension"},
    "extra": {"replica-identity"},
}
"""What a plan, a subscriber or nobody sees: never an error."""
PROOFS = [
    *(("missing-", kind, proof) for kind, proof in MISSING.items()),
    *(("", kind, proof) for kind, proof in CHANGED.items()),
    *(("extra-", kind, proof) for kind, proof in EXTRA.items()),
]


@pytest.fixture(scope="module")
def sides(postgres: Address) -> Iterator[tuple[Any, Any]]:
    with (
        fresh(postgres) as one,
        fresh(postgres) as other,
        closing(connected(one)) as migrated,
        closing(connected(other)) as live,
    ):
        execute(migrated, "CREATE ROLE live_reader")
        for connection in (migrated, live):
            execute(connection, BEFORE)
        yield migrated, live
    with closing(connected(postgres)) as admin:
        execute(admin, "DROP ROLE live_reader")


def said(connection: Any, statement: str) -> str:
    """The last value of the statement, or the class of its error; undone."""
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT proof")
        try:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return str(row[0]) if row else "nothing"
        except psycopg2.Error as error:
            return type(error).__name__
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT proof")


def differences(migrated: Any, live: Any) -> dict[str, Difference]:
    """Of two connections in a transaction each, by kind."""
    snapshots = [comparable(read_there(one)) for one in (migrated, live)]
    return {one.kind: one for one in diff(*snapshots, depth=Depth.CATALOG)}


def read_there(connection: Any) -> Any:
    with connection.cursor() as cursor:
        snapshot = read_inside(cursor)
        cursor.execute("SET LOCAL search_path = public")
        return snapshot


@pytest.mark.parametrize(
    ("way", "kind", "proof"), PROOFS, ids=[f"{way}{kind}" for way, kind, _ in PROOFS]
)
def test_the_consequence_is_what_a_statement_sees(
    sides: tuple[Any, Any], way: str, kind: str, proof: Proof
) -> None:
    try:
        for connection, sql in zip(sides, (proof.migrated, proof.live), strict=True):
            execute(connection, f"BEGIN; {sql}")
        found = differences(*sides)
        assert f"{way}{kind}" in found
        meaning = meaning_of_migrated(found[f"{way}{kind}"], fills_itself=True)
        assert [said(one, proof.statement) for one in sides] == [proof.there, proof.here]
    finally:
        for connection in sides:
            execute(connection, "ROLLBACK")
    if proof.here.istitle() or proof.here in vars(psycopg2.errors):
        assert meaning.severity is Severity.ERROR
        told = meaning.consequence
        assert proof.here in told or "REFRESH" in told or "not there" in told


@pytest.mark.parametrize("table", ["missing", "changed", "extra"])
def test_every_meaning_has_its_proof(table: str) -> None:
    stated = getattr(meanings, f"_{table.upper()}")
    proven = {"missing": MISSING, "changed": CHANGED, "extra": EXTRA}[table]
    assert stated.keys() == proven.keys() | NOT_SHOWN[table]
    errors = {kind for kind, (severity, _) in stated.items() if severity is Severity.ERROR}
    assert errors <= proven.keys()


def test_more_rights_than_the_migrations_give_are_no_error() -> None:
    one = Difference(kind="privileges", name=("public", "t"), expected="a=r", actual="a=rw b=r")
    assert meaning_of_migrated(one, fills_itself=True).severity is Severity.INFO


def test_what_is_not_known_by_name_is_told_all_the_same() -> None:
    for way, severity in (
        ("missing-", Severity.ERROR), ("", Severity.WARNING), ("extra-", Severity.INFO),
    ):  # fmt: skip
        one = Difference(
            kind=f"{way}text-search-dictionary", name=("public", "d"), expected=None, actual=None
        )
        assert meaning_of_migrated(one, fills_itself=True).severity is severity
