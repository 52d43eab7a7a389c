"""Values that checks, domains and exclusion constraints accept, and how different they are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.fill import Filled, Kind, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    Select = Callable[[str], list[tuple[Any, ...]]]

CHECKS = {
    # What the columns are, and how many different values of the first there are at least.
    "one of some texts": ("a text NOT NULL CHECK (a IN ('new', 'it''s', 'old'))", 3),
    "one of some numbers": ("a integer NOT NULL CHECK (a = ANY (ARRAY[100, 200]))", 2),
    "not one of some": ("a text NOT NULL CHECK (a <> 'gone' AND a <> '')", 15),
    "above nothing": ("a numeric(10,2) NOT NULL CHECK (a > 0)", 15),
    "below nothing": ("a integer CHECK (a < 0)", 10),
    "a share": ("a numeric NOT NULL CHECK (a BETWEEN 0 AND 1)", 3),
    "a far range": ("a bigint NOT NULL UNIQUE CHECK (a BETWEEN 10000 AND 10050)", 20),
    "a small one": ("a smallint NOT NULL CHECK (a >= 32760)", 8),
    "a length": ("a text NOT NULL UNIQUE CHECK (char_length(a) = 12)", 20),
    "at least so long": ("a varchar(64) NOT NULL UNIQUE CHECK (length(a) >= 40)", 20),
    "at most so long": ("a text CHECK (length(a) <= 4)", 15),
    "upper case": ("a char(2) NOT NULL CHECK (a = upper(a))", 15),
    "lower case": ("a text NOT NULL UNIQUE CHECK (a = lower(a))", 20),
    "trimmed and not empty": ("a text NOT NULL CHECK (btrim(a) <> '' AND a = btrim(a))", 15),
    "like": ("a text NOT NULL UNIQUE CHECK (a LIKE 'user-%')", 20),
    "a pattern": (r"a text NOT NULL UNIQUE CHECK (a ~ '^\d{3}-[A-Z]{2}$')", 20),
    "an address": (r"a text CHECK (a ~* '^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$')", 15),
    "no match": ("a text NOT NULL CHECK (a !~ '[0-9]')", 15),
    "a date after another": ("a date NOT NULL, b date NOT NULL, CHECK (a < b)", 15),
    "at least a day later": (
        "a timestamptz NOT NULL, b timestamptz NOT NULL, CHECK (b >= a + interval '1 day')",
        10,
    ),
    "since a date": ("a date NOT NULL CHECK (a >= '2035-01-01')", 15),
    "up to today": ("a timestamptz NOT NULL CHECK (a <= now())", 15),
    "three in order": ("a integer, b integer, c integer, CHECK (a < b), CHECK (b <= c)", 5),
    "one of two": ("a text, b integer, CHECK ((a IS NULL) <> (b IS NULL))", 5),
    "one of six": (
        "a text, b text, c date, d text, e date, f date, CHECK (num_nulls(a, b, c, d, e, f) = 5)",
        1,
    ),
    "with another": (
        "a text CHECK (a IN ('open', 'done')), b date, CHECK ((a = 'done') = (b IS NOT NULL))",
        2,
    ),
    "a sum": ("a integer NOT NULL, b integer NOT NULL, CHECK (a + b = 100)", 1),
    "an object with a key": ("a jsonb NOT NULL CHECK (a ? 'kind')", 3),
    "a list": ("a jsonb NOT NULL CHECK (jsonb_typeof(a) = 'array')", 2),
    "an array of some": ("a text[] NOT NULL CHECK (a <@ ARRAY['x', 'y']::text[])", 2),
    "a long array": ("a integer[] NOT NULL CHECK (cardinality(a) >= 3)", 1),
    "a flag": ("a boolean NOT NULL CHECK (a)", 1),
    "a range that is not empty": ("a int4range NOT NULL CHECK (NOT isempty(a))", 15),
    "what may fail": ("a integer NOT NULL CHECK (100 / a >= 10)", 5),
    "a cast that may fail": ("a text NOT NULL CHECK (a::integer > 5)", 10),
    "no check at all": ("a integer CHECK (true)", 15),
    "padded": ("a char(2) NOT NULL CHECK (a ~ '^[A-Z]+$')", 10),
    "longer than the column": ("a varchar(3) NOT NULL CHECK (a <> 'forbidden')", 10),
    "no NULL": ("a integer CHECK (a IS NOT NULL)", 15),
}


@pytest.mark.parametrize("kind", Kind)
def test_rows_satisfy_checks(owner: Any, select: Select, kind: Kind) -> None:
    names = [f"t{n}" for n in range(len(CHECKS))]
    for name, (columns, _) in zip(names, CHECKS.values(), strict=True):
        select(f"CREATE TABLE {name} (id serial, {columns})")
    filled = fill(owner, rows=20, kind=kind)
    assert filled.refused == {}
    short = {name for name in names if filled.rows["public", name] < 20}
    assert short == set()
    for name, (case, (_, least)) in zip(names, CHECKS.items(), strict=True):
        last, different = select(f"SELECT max(id), count(DISTINCT a) FROM {name}")[0]
        assert different >= least, case
        assert last == 20, case  # no row was refused


DOMAINS = {
    "positive": ("integer CHECK (VALUE > 1000)", 15),
    "share": ("numeric(5, 4) CHECK (VALUE BETWEEN 0 AND 1)", 3),
    "narrow": ("positive CHECK (VALUE < 1010)", 9),
    "postcode": (r"text NOT NULL CHECK (VALUE ~ '^\d{5}$')", 15),
    "address": ("citext CHECK (VALUE ~ '^[^@]+@[^@]+$' AND length(VALUE) <= 30)", 15),
    "states": ("text[] CHECK (VALUE <@ ARRAY['on', 'off'])", 2),
    "place": ("pair CHECK ((VALUE).x > 0)", 15),
    "plain": ("varchar(3)", 15),
    "day": ("date CHECK (VALUE > '2030-01-01')", 15),
    "padded": ("char(4) CHECK (VALUE ~ '^[A-Z]{4}$')", 15),
    "mood": ("moods CHECK (VALUE <> 'sad')", 2),
}


@pytest.mark.parametrize("kind", Kind)
def test_rows_satisfy_domains(
    owner: Any, select: Select, prepare: Callable[[str], None], kind: Kind
) -> None:
    prepare("CREATE EXTENSION citext")
    select("CREATE TYPE pair AS (x integer, y text)")
    select("CREATE TYPE moods AS ENUM ('ok', 'sad', 'glad')")
    for name, (base, _) in DOMAINS.items():
        select(f"CREATE DOMAIN d_{name} AS {base.replace('positive ', 'd_positive ')}")
        select(f"CREATE TABLE {name} (id serial, a d_{name}, b d_{name} NOT NULL, c d_{name}[])")
    filled = fill(owner, rows=20, kind=kind)
    assert filled == Filled(rows={("public", name): 20 for name in sorted(DOMAINS)}, refused={})
    for name, (_, least) in DOMAINS.items():
        last, different = select(f"SELECT max(id), count(DISTINCT b) FROM {name}")[0]
        assert different >= least, name
        assert last == 20, name  # no row was refused


def test_a_domain_that_refuses_all_is_told_by_its_check(owner: Any, select: Select) -> None:
    select(
        """
        CREATE FUNCTION never(integer) RETURNS boolean LANGUAGE sql STRICT AS 'SELECT false';
        CREATE DOMAIN never AS integer CONSTRAINT is_known CHECK (never(VALUE));
        CREATE TABLE t (a never NOT NULL); CREATE TABLE free (id serial, a never);
        """
    )
    filled = fill(owner, rows=20)
    assert filled.refused == {
        ("public", "t"): 'value for domain never violates check constraint "is_known"'
    }
    assert select("SELECT count(*), count(a) FROM free") == [(20, 0)]


def test_checked_columns_have_extreme_values_too(owner: Any, select: Select) -> None:
    select("CREATE TABLE t (a integer CHECK (a > 0), b numeric(4,2) CHECK (b <> 1))")
    fill(owner, rows=20)
    assert select("SELECT max(a), min(b), max(b) FROM t") == [
        (2147483647, Decimal("-99.99"), Decimal("99.99"))
    ]


def test_exclusion_constraints_get_values_that_do_not_meet(
    owner: Any, select: Select, prepare: Callable[[str], None]
) -> None:
    prepare("CREATE EXTENSION btree_gist")
    select(
        """
        CREATE TABLE booking (room integer NOT NULL, during tstzrange NOT NULL,
          EXCLUDE USING gist (room WITH =, during WITH &&));
        CREATE TABLE only_one (id serial, during daterange NOT NULL,
          EXCLUDE USING gist (during WITH &&));
        CREATE TABLE places (at point, EXCLUDE USING gist (at WITH ~=));
        CREATE TABLE kinds (a "char" NOT NULL CHECK (a IN ('a', 'b')), EXCLUDE (a WITH =));
        """
    )
    filled = fill(owner, rows=20)
    assert filled.refused == {}
    assert filled.rows == {
        ("public", "booking"): 20,
        ("public", "kinds"): 2,
        ("public", "only_one"): 20,
        ("public", "places"): 20,
    }
    assert select("SELECT max(id) FROM only_one") == [(20,)]  # none was refused


def test_unique_expressions_and_partial_keys(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE t (email text NOT NULL, active boolean NOT NULL, "user" integer NOT NULL);
        CREATE UNIQUE INDEX ON t (lower(email)); CREATE UNIQUE INDEX ON t ("user") WHERE active;
        CREATE TABLE u (a text NOT NULL, b text NOT NULL); CREATE UNIQUE INDEX ON u ((a || b));
        CREATE TABLE v (name text NOT NULL); CREATE UNIQUE INDEX ON v (left(name, 1));
        """
    )
    filled = fill(owner, rows=20)
    assert filled == Filled(
        rows={
            ("public", "t"): 20,
            ("public", "u"): 20,
            ("public", "v"): filled.rows["public", "v"],
        },
        refused={},
    )


def test_a_check_and_a_foreign_key_on_the_same_column(owner: Any, select: Select) -> None:
    select(
        """
        CREATE TABLE p (id integer PRIMARY KEY);
        INSERT INTO p SELECT generate_series(1, 30);
        CREATE TABLE c (low integer NOT NULL REFERENCES p, high integer NOT NULL REFERENCES p,
          CHECK (low < high), CHECK (high > 20));
        """
    )
    assert fill(owner, rows=20) == Filled(rows={("public", "c"): 20}, refused={})
    assert select("SELECT count(DISTINCT high) >= 9 FROM c") == [(True,)]
