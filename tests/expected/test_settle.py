from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.expected.settle import settled_differences
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.diff import Difference

TABLE = 'CREATE TABLE "It\'s %s" ("a %" varchar(9), t text[], at timestamptz, n numeric{})'
AS_DUMPED = (
    """(("a %")::text = ANY (ARRAY[('x'::character varying)::text,"""
    """ ('y'::character varying)::text]))"""
)
ALTER = 'ALTER TABLE "It\'s %s" '


def compared(postgres: Address, model: str, migrated: str) -> tuple[Difference, ...]:
    """The differences of two databases, and that the comparison left nothing behind."""
    with (
        fresh(postgres) as first,
        fresh(postgres) as second,
        closing(connected(first)) as scratch,
        closing(connected(second)) as there,
    ):
        execute(scratch, model)
        execute(there, migrated)
        expected = read(scratch)
        found = settled_differences(scratch, expected, read(there))
        assert read(scratch) == expected
        return found


@pytest.mark.parametrize(
    ("model", "dump"),
    [
        (
            """CHECK ("a %" IN ('x', 'y'))""",
            f"CHECK ({AS_DUMPED})",
        ),
        ("CHECK (at < now())", "CHECK (at < CURRENT_TIMESTAMP)"),
        (
            """EXCLUDE (n WITH =) WHERE ("a %" IN ('x', 'y'))""",
            f"EXCLUDE (n WITH =) WHERE ({AS_DUMPED})",
        ),
    ],
)
def test_a_constraint_in_the_words_of_a_dump_is_the_same(
    postgres: Address, model: str, dump: str
) -> None:
    name = ' ADD CONSTRAINT "c %s" '
    table = TABLE.format("") + ";" + ALTER
    assert compared(postgres, table + name + model, table + name + dump) == ()
    renamed = compared(postgres, table + name + model, f"{table} ADD CONSTRAINT d {dump}")
    assert [(one.kind, one.expected, one.actual) for one in renamed] == [
        ("renamed-constraint", "c %s", "d")
    ]


def test_an_index_in_the_words_of_a_dump_is_the_same(postgres: Address) -> None:
    table = TABLE.format("") + ';CREATE UNIQUE INDEX {} ON "It\'s %s" (n) WHERE '
    model = table.format('"ix %s"') + """"a %" IN ('x', 'y')"""
    assert compared(postgres, model, table.format('"ix %s"') + AS_DUMPED) == ()
    renamed = compared(postgres, model, table.format("other") + AS_DUMPED)
    assert [one.kind for one in renamed] == ["renamed-index"]
    different = compared(postgres, model, table.format('"ix %s"') + AS_DUMPED.replace("'y'", "'z'"))
    assert [one.kind for one in different] == ["index"]


@pytest.mark.parametrize(
    ("column", "model", "dump"),
    [
        ("at", "now()", "CURRENT_TIMESTAMP"),
        ("t", "'{}'", "ARRAY[]::text[]"),
        ("n", "0", "0.00"),
        ('"a %"', "'100%'", "'100%'::text"),
        ("n", "CASE WHEN 'x'::varchar IN ('x', 'y') THEN 1 END", None),
    ],
)
def test_a_default_in_the_words_of_a_dump_is_the_same(
    postgres: Address, column: str, model: str, dump: str | None
) -> None:
    table = TABLE.format("") + ";" + ALTER + f"ALTER COLUMN {column} SET DEFAULT "
    with fresh(postgres) as other, closing(connected(other)) as there:
        execute(there, table + model)
        (deparsed,) = [one.default for one in read(there).columns.values() if one.default]
    assert compared(postgres, table + model, table + (dump or str(deparsed))) == ()


def test_a_generated_column_in_the_words_of_a_dump_is_the_same(postgres: Address) -> None:
    made = ", g boolean GENERATED ALWAYS AS ({}) STORED"
    model = TABLE.format(made.format("""n > 1 AND "a %" IN ('x', 'y')"""))
    with fresh(postgres) as other, closing(connected(other)) as there:
        execute(there, model)
        (words,) = [one.generated for one in read(there).columns.values() if one.generated]
    dump = TABLE.format(f", g boolean {words}")
    assert dump != model
    assert compared(postgres, model, dump) == ()


def test_what_really_differs_is_still_told_with_both_texts(postgres: Address) -> None:
    table = TABLE.format("") + ";" + ALTER + 'ADD CONSTRAINT c CHECK ("a %" IN ({}))'
    found = compared(postgres, table.format("'x', 'y'"), table.format("'x', 'z'"))
    (one,) = found
    assert one.kind == "check"
    assert "'y'" in str(one.expected)
    assert "'z'" in str(one.actual)


def test_a_default_is_never_evaluated(postgres: Address) -> None:
    base = (
        "CREATE SEQUENCE s; CREATE FUNCTION bad() RETURNS integer LANGUAGE plpgsql"
        " AS $$BEGIN RAISE 'called'; END$$;"
        "CREATE TABLE t (a integer DEFAULT nextval('s') + {}, b integer DEFAULT bad() + {},"
        " CHECK (bad() > {}));"
    )
    with (
        fresh(postgres) as first,
        fresh(postgres) as second,
        closing(connected(first)) as scratch,
        closing(connected(second)) as there,
    ):
        execute(scratch, base.format(1, 1, 1))
        execute(there, base.format(2, 2, 2))
        found = settled_differences(scratch, read(scratch), read(there))
        assert sorted(one.kind for one in found) == ["check", "default", "default"]
        with scratch.cursor() as cursor:
            cursor.execute("SELECT is_called FROM s")
            assert cursor.fetchone() == (False,)


def test_a_connection_that_breaks_is_told(postgres: Address) -> None:
    with fresh(postgres) as first, closing(connected(first)) as scratch:
        execute(scratch, "CREATE TABLE t (a integer DEFAULT 1)")
        expected = read(scratch)
        execute(scratch, "ALTER TABLE t ALTER COLUMN a SET DEFAULT 2")
        actual = read(scratch)
        with closing(connected(postgres)) as admin:
            execute(admin, f"SELECT pg_terminate_backend({scratch.info.backend_pid})")
        with pytest.raises(psycopg2.Error):
            settled_differences(scratch, expected, actual)


LOUD = """
CREATE TABLE heard (what text); CREATE SEQUENCE drawn;
CREATE FUNCTION loud(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN PERFORM nextval('public.drawn'); RETURN $1; END $$;
CREATE FUNCTION bad(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN RAISE 'called'; END $$;
CREATE FUNCTION worse() RETURNS integer LANGUAGE plpgsql AS $$
BEGIN INSERT INTO heard VALUES ('default'); RAISE 'called'; END $$;
CREATE TABLE t (v varchar(9), n integer, g boolean GENERATED ALWAYS AS (bad(v) IN ({0})) STORED,
  CHECK (loud('x') <> v AND v IN ({0})));
ALTER TABLE t ALTER n SET DEFAULT worse() + {1};
ALTER TABLE t ADD CONSTRAINT of_row CHECK (bad(v) IN ({0}));
CREATE INDEX ON t (bad(v)) WHERE loud(v) IN ({0});
"""


@pytest.mark.parametrize("other", [("'x', 'y'", "1"), ("'x', 'z'", "2")])
def test_no_function_is_called_while_texts_settle(
    postgres: Address, other: tuple[str, str]
) -> None:
    """Declared immutable, and they are not: what they did, or raised, would be seen."""
    dumped = LOUD.format("'x', 'y'", "1")
    with (
        fresh(postgres) as first,
        fresh(postgres) as second,
        closing(connected(first)) as scratch,
        closing(connected(second)) as there,
    ):
        execute(scratch, dumped)
        execute(there, LOUD.format(*other))
        found = settled_differences(scratch, read(scratch), read(there))
        same = other[1] == "1"
        assert {one.kind for one in found} == (
            set() if same else {"check", "default", "generated", "index"}
        )
        for connection in (scratch, there):
            with connection.cursor() as cursor:
                cursor.execute("SELECT (SELECT count(*) FROM heard), (SELECT is_called FROM drawn)")
                assert cursor.fetchone() == (0, False)


def test_what_an_index_of_constants_calls_is_called_in_the_scratch_database_alone(
    postgres: Address,
) -> None:
    """CREATE INDEX itself asks an immutable function of constants, the models' own too."""
    index = LOUD.format("'x', 'y'", "1") + "CREATE INDEX ix ON t (n) WHERE v = loud('{}');"
    with (
        fresh(postgres) as first,
        fresh(postgres) as second,
        closing(connected(first)) as scratch,
        closing(connected(second)) as there,
    ):
        execute(scratch, index.format("a"))
        execute(there, index.format("b") + "SELECT setval('drawn', 1, false)")
        found = settled_differences(scratch, read(scratch), read(there))
        assert [one.kind for one in found] == ["index"]
        with there.cursor() as cursor:
            cursor.execute("SELECT is_called FROM drawn")
            assert cursor.fetchone() == (False,)
