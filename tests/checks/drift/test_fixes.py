"""The SQL that is told: executed, it takes the difference away, and no value silently with it."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog.diff import Depth, Difference, diff
from pytest_schemaguard.checks.drift import findings
from pytest_schemaguard.checks.drift.fixes import fix_of
from pytest_schemaguard.evidence.comparison import Comparison
from pytest_schemaguard.project.answers.models import Models
from tests.catalog.databases import connected, fresh, read_inside
from tests.checks.drift.test_consequences import SINCE
from tests.checks.proofs import PROOFS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot
    from pytest_schemaguard.findings import Finding
    from tests.checks.proofs.shape import Proof

NOTHING_SAID = Models(tables=(), ddl=())
FOR_A_PERSON = {
    # What mends it would be the model's, or lose what may be wanted.
    *("extra-table", "extra-domain", "extra-enum", "extra-sequence", "extra-column"),
    *(
        "extra-primary-key",
        "extra-index",
        "redundant-constraint",
        "redundant-index",
        "default: gained",
    ),
    *("identity: gained", "identity: gained, strict", "generated: gained"),
    # What mends it makes the table, the type or the column anew.
    *("missing-table", "relation-kind", "view", "partitioning", "partitioning: lost"),
    *("inheritance", "domain", "enum-order", "generated", "generated: lost", "collation"),
    # The same to every query.
    *("serial-or-identity", "serial-or-identity: strict", "default: not owned"),
    *("generated: stored", "unique-index-for-constraint", "unique-constraint-for-index"),
    *("primary-key: covering", "unique: covering", "index: storage", "sequence-owner"),
    *("foreign-key: valid", "check: valid", "identity: lenient", "extra-column: filled"),
    *("access-method", "constraint-comment", "missing-not-null", "domain-constraint-name"),
}


@pytest.fixture(scope="module")
def cursor(postgres: Address) -> Iterator[Any]:
    with (
        fresh(postgres) as database,
        closing(connected(database)) as connection,
        connection.cursor() as one,
    ):
        yield one


def told(expected: Snapshot, actual: Snapshot) -> dict[str, Finding]:
    """The findings by their subjects and codes."""
    differences = diff(expected, actual, depth=Depth.MODELS)
    columns = actual.columns
    filled = {one.name: columns[one.name].fills_itself for one in differences
              if one.name in columns}  # fmt: skip
    comparison = Comparison(differences=differences, refused={}, excluded=(), fills_itself=filled)
    return {f"{one.code} {one.subject}": one for one in findings(comparison, NOTHING_SAID)}


def mended(cursor: Any, proof: Proof) -> tuple[dict[str, Finding], dict[str, Finding]]:
    """What is told before and after all that mends it was executed; nothing of it stays."""
    cursor.execute("BEGIN")
    cursor.execute(proof.model or "SELECT")
    expected = read_inside(cursor)
    cursor.execute("ROLLBACK; BEGIN")
    try:
        cursor.execute(proof.database or "SELECT")
        before = told(expected, read_inside(cursor))
        if proof.key.endswith("not valid"):  # rows that break it are not hidden: it is refused
            cursor.execute("DELETE FROM public.t")
        fixes = [one.fix for one in before.values() if one.fix]
        for fix in sorted(fixes, key=lambda text: not text.startswith("CREATE")):
            # In a transaction, which can be taken back, nothing is done concurrently.
            cursor.execute(fix.replace(" CONCURRENTLY", ""))
        return before, told(expected, read_inside(cursor))
    finally:
        cursor.execute("ROLLBACK")


@pytest.mark.parametrize("proof", PROOFS, ids=[f"{n}-{one.key}" for n, one in enumerate(PROOFS)])
def test_what_mends_a_difference_takes_it_away_and_no_value_with_it(
    proof: Proof, cursor: Any
) -> None:
    if cursor.connection.server_version < SINCE.get(proof.key, 0):
        pytest.skip("this PostgreSQL has no such thing")
    before, after = mended(cursor, proof)
    kind = f"drift.{proof.key.partition(':')[0]} "
    own = [key for key in before if key.startswith(kind)]
    for one in before.values():
        assert not re.search(r"DROP (?:COLUMN|TABLE|TYPE)|(?<!DELETE )(?<!UPDATE )CASCADE|TRUNCATE|"
                             "DELETE FROM", one.fix or ""), one.fix  # fmt: skip
    if proof.key in FOR_A_PERSON:
        assert [before[key].fix for key in own] == [None] * len(own)
        return
    assert all(before[key].fix for key in own)
    if proof.key != "extra-column: required":  # it is harmless then
        assert {key for key in after if before.get(key) and before[key].fix} == set()
    else:
        assert [one.severity.value for one in after.values()] == ["info"]


def type_fix(wanted: str, there: str) -> str:
    one = Difference(kind="type", name=("public", "t", "a"), expected=wanted, actual=there)
    return str(fix_of(one, NOTHING_SAID))


LOSES = "cuts or rounds values that are there"


@pytest.mark.parametrize(
    ("wanted", "there", "value", "kept"),
    [
        ("character varying(3)", "text", "'abcd'", "refused"),
        ("character varying(3)", "integer", "1234", "refused"),
        ("character(3)", "character varying(9)", "'abcd'", "refused"),
        ("integer", "bigint", "3000000000", "refused"),
        ("integer", "text", "'x'", "refused"),
        ("numeric(4,2)", "numeric(9,2)", "100", "refused"),
        ("bit(3)", "bit varying", "B'1'", "refused"),
        ("integer", "numeric", "1.5", "said"),
        ("numeric(4,1)", "text", "'1.25'", "said"),
        ("numeric(4,1)", "numeric(4,2)", "1.25", "said"),
        ("date", "timestamp without time zone", "'2020-01-02 03:04'", "said"),
        ("time(0) without time zone", "text", "'03:04:05.678'", "said"),
        ("real", "double precision", "0.1234567890123", "said"),
        ("text", "integer", "7", "7"),
        ("integer", "text", "'7'", "7"),
        ("text[]", "character varying[]", "'{a}'", "{a}"),
        ("jsonb", "text", """'{"a": 1}'""", '{"a": 1}'),
        ("boolean", "integer", "1", "true"),
    ],
)
def test_a_value_that_does_not_fit_the_models_type_is_refused_or_its_loss_is_said(
    wanted: str, there: str, value: str, kept: str, cursor: Any
) -> None:
    fix = type_fix(wanted, there)
    assert (LOSES in fix) is (kept == "said")
    cursor.execute(f"BEGIN; CREATE TABLE t (a {there}); INSERT INTO t VALUES ({value})")
    try:
        if kept == "refused":
            with pytest.raises(psycopg2.DataError):
                cursor.execute(fix)
            return
        cursor.execute(fix)
        cursor.execute("SELECT a::text FROM t")
        (after,) = cursor.fetchone()
        if kept != "said":
            assert after == kept
    finally:
        cursor.execute("ROLLBACK")


def test_times_get_the_zone_that_is_named() -> None:
    assert type_fix("timestamp with time zone", "timestamp without time zone") == (
        "ALTER TABLE public.t ALTER COLUMN a TYPE timestamp with time zone "
        "USING a AT TIME ZONE 'UTC' -- if its values are of UTC"
    )


@pytest.mark.parametrize(
    ("kind", "wanted", "there", "fix"),
    [
        (
            "check",
            "CHECK (a > 0)",
            "CHECK (a > 0) NOT VALID",
            "ALTER TABLE public.t VALIDATE CONSTRAINT a",
        ),
        (
            "identity",
            "GENERATED ALWAYS AS IDENTITY (INCREMENT BY 2 CYCLE)",
            "GENERATED BY DEFAULT AS IDENTITY (START WITH 7)",
            (
                "ALTER TABLE public.t ALTER COLUMN a SET GENERATED ALWAYS SET INCREMENT BY 2 "
                "SET NO MINVALUE SET NO MAXVALUE SET CACHE 1 SET CYCLE SET START WITH 1"
            ),
        ),
        ("comment", "it's", None, "COMMENT ON COLUMN public.t.a IS 'it''s'"),
        ("comment", None, "x", "COMMENT ON COLUMN public.t.a IS NULL"),
    ],
)
def test_no_more_is_changed_than_what_differs(
    kind: str, wanted: str | None, there: str | None, fix: str
) -> None:
    one = Difference(kind=kind, name=("public", "t", "a"), expected=wanted, actual=there)
    assert fix_of(one, NOTHING_SAID) == fix
