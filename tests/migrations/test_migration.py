"""The migration of the founding story, and its way down."""

from __future__ import annotations

import itertools
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest
from psycopg2 import errors

from tests.app import production
from tests.app.production import DOWN, UP

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection as Connection  # noqa: N812

    from pytest_schemaguard.address import Address

    Connect = Callable[[Address], Connection]

PREFERENCES = {
    "clear_previous_anomalies": ("boolean", "true"),
    "show_clear_warning": ("boolean", "true"),
    "max_reports": ("integer", "5"),
    "max_templates": ("integer", "5"),
}
CATALOG = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped AND a.attnum > 0
UNION ALL
SELECT 'constraint', conname, pg_get_constraintdef(oid), NULL, NULL, NULL, NULL
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
 ORDER BY 1, 2
"""
LOCKS = """
SELECT mode FROM pg_locks
 WHERE relation = 'public."user"'::regclass AND pid = pg_backend_pid() ORDER BY 1
"""
SMALL = """
DROP SCHEMA public CASCADE; CREATE SCHEMA public;
CREATE DOMAIN public.flag AS boolean; CREATE DOMAIN public.quota AS integer;
CREATE TABLE public."user" (id integer PRIMARY KEY, email text NOT NULL);
INSERT INTO public."user" VALUES (1, 'ada@example.com'), (2, 'grace@example.com');
"""


def run(connection: Connection, sql: str) -> list[str]:
    """The whole file in one go, as an ordinary runner sends it: what it tells (NOTICE)."""
    connection.notices.clear()
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql)
        except psycopg2.Error:
            cursor.execute("ROLLBACK")
            raise
    notices = [notice.removeprefix("NOTICE:").strip() for notice in connection.notices]
    return [notice for notice in notices if notice.startswith("public.user")]


def query(connection: Connection, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def catalog(connection: Connection) -> list[tuple[Any, ...]]:
    return query(connection, CATALOG)


def users(connection: Connection) -> list[tuple[Any, ...]]:
    return query(connection, 'SELECT to_jsonb(u) FROM public."user" AS u ORDER BY id')


def preferences(connection: Connection) -> dict[str, tuple[Any, ...]]:
    return {row[1]: row[2:5] for row in catalog(connection) if row[1] in PREFERENCES}


RIGHT = {name: (kind, True, value) for name, (kind, value) in PREFERENCES.items()}
ADDED = [
    *(f"public.user.{n}: added ({t} NOT NULL DEFAULT {v})" for n, (t, v) in PREFERENCES.items()),
    "public.user: all four preferences are as they should be",
]
ALREADY = [
    *(f"public.user.{name}: already there" for name in PREFERENCES),
    "public.user: all four preferences are as they should be",
]


@pytest.fixture
def owner(database: Address) -> Address:
    return production.load(database)


@pytest.fixture
def connection(owner: Address, connect: Connect) -> Connection:
    return connect(owner)


def test_adds_four_columns_and_tells_each_step(connection: Connection) -> None:
    assert preferences(connection) == {}
    assert run(connection, UP) == ADDED
    assert preferences(connection) == RIGHT
    assert query(
        connection,
        "SELECT DISTINCT clear_previous_anomalies, show_clear_warning, max_reports, max_templates"
        ' FROM public."user"',
    ) == [(True, True, 5, 5)]


def test_second_run_changes_neither_catalog_nor_what_users_chose(connection: Connection) -> None:
    run(connection, UP)
    run(connection, 'UPDATE public."user" SET max_reports = 50, show_clear_warning = false')
    before = catalog(connection), users(connection)
    assert run(connection, UP) == ALREADY
    assert (catalog(connection), users(connection)) == before


def test_down_and_up_restore_the_catalog(connection: Connection) -> None:
    before = catalog(connection), users(connection)
    run(connection, UP)
    migrated = catalog(connection)
    assert run(connection, DOWN) == [
        *(f"public.user.{name}: dropped" for name in PREFERENCES),
        "public.user: none of the four preferences is left",
    ]
    assert (catalog(connection), users(connection)) == before
    run(connection, UP)
    assert catalog(connection) == migrated


def test_second_run_down_has_nothing_to_do(connection: Connection) -> None:
    before = catalog(connection)
    assert run(connection, DOWN) == [
        *(f"public.user.{name}: already gone" for name in PREFERENCES),
        "public.user: none of the four preferences is left",
    ]
    assert catalog(connection) == before


@pytest.mark.parametrize("way", ["up", "down"])
def test_takes_no_lock_on_the_table_when_nothing_is_to_be_done(
    connection: Connection, way: str
) -> None:
    sql = {"up": UP, "down": DOWN}[way]
    run(connection, sql)
    run(connection, sql.replace("COMMIT;", ""))
    assert query(connection, LOCKS) == []
    run(connection, "COMMIT")


@pytest.mark.parametrize("way", ["up", "down"])
def test_gives_up_when_the_table_stays_locked_and_changes_nothing(
    owner: Address, connect: Connect, way: str
) -> None:
    connection, reader = connect(owner), connect(owner)
    if way == "down":
        run(connection, UP)
    before = catalog(connection)
    query(reader, 'BEGIN; SELECT id FROM public."user"')
    sql = {"up": UP, "down": DOWN}[way]
    impatient = sql.replace("SET LOCAL lock_timeout = '2s'", "SET LOCAL lock_timeout = '50ms'")
    assert impatient != sql
    with pytest.raises(errors.LockNotAvailable):
        run(connection, impatient)
    assert catalog(connection) == before
    run(reader, "COMMIT")
    run(connection, sql)
    assert catalog(connection) != before


# Starting states


WRONG = {
    # name: (definition of a boolean, definition of an integer, is mended)
    "another type": ("text NOT NULL DEFAULT 'true'", "text NOT NULL DEFAULT '5'", False),
    "a near type": ("smallint NOT NULL DEFAULT 1", "bigint NOT NULL DEFAULT 5", False),
    "a domain": ("public.flag NOT NULL DEFAULT true", "public.quota NOT NULL DEFAULT 5", False),
    "an array": ("boolean[]", "integer[]", False),
    "generated": ("boolean GENERATED ALWAYS AS (true) STORED",
                  "integer GENERATED ALWAYS AS (5) STORED", False),
    "an identity": ("text", "integer GENERATED BY DEFAULT AS IDENTITY", False),
    "nullable": ("boolean DEFAULT true", "integer DEFAULT 5", True),
    "bare": ("boolean", "integer", True),
    "another default": ("boolean NOT NULL DEFAULT false", "integer NOT NULL DEFAULT 10", True),
    "a cast default": ("boolean NOT NULL DEFAULT 'yes'::text::boolean",
                       "integer NOT NULL DEFAULT 5::bigint", True),
}  # fmt: skip


def in_state(state: tuple[str, ...], wrong: str) -> str:
    """SQL that makes the small table with its columns in this state; user 2 has NULL if it can."""
    made = [SMALL]
    for (name, (kind, value)), start in zip(PREFERENCES.items(), state, strict=True):
        if start == "absent":
            continue
        boolean, integer, mended = WRONG[wrong]
        definition = boolean if kind == "boolean" else integer
        if start == "right":
            definition = f"{kind} NOT NULL DEFAULT {value}"
        made.append(f'ALTER TABLE public."user" ADD COLUMN {name} {definition};')
        if start == "right" or mended:
            chosen = "false" if kind == "boolean" else "3"
            made.append(f'UPDATE public."user" SET {name} = {chosen} WHERE id = 1;')
        if start == "wrong" and mended and "NOT NULL" not in definition:
            made.append(f'UPDATE public."user" SET {name} = NULL WHERE id = 2;')
    return "\n".join(made)


@pytest.fixture
def empty(database: Address, connect: Connect) -> Connection:
    return connect(production.owned(database))


@pytest.mark.parametrize("wrong", WRONG)
def test_converges_or_refuses_from_each_of_81_states(empty: Connection, wrong: str) -> None:
    for state in itertools.product(("absent", "right", "wrong"), repeat=4):
        run(empty, in_state(state, wrong))
        if "wrong" in state and not WRONG[wrong][2]:
            refuses(empty, state)
        else:
            converges(empty, state)


def refuses(connection: Connection, state: tuple[str, ...]) -> None:
    before = catalog(connection), users(connection)
    with pytest.raises(errors.DatatypeMismatch) as raised:
        run(connection, UP)
    first = list(PREFERENCES)[state.index("wrong")]
    kind, value = PREFERENCES[first]
    found = {row[1]: row for row in before[0]}[first]
    computed = ", generated or identity" if found[5] or found[6] else ""
    assert raised.value.diag.message_primary == (
        f"public.user.{first}: is there as {found[2]}{computed}, "
        f"and should be {kind} NOT NULL DEFAULT {value}"
    )
    assert raised.value.diag.message_hint == (
        "Convert, rename or drop the column, then run this migration again."
    )
    assert (catalog(connection), users(connection)) == before


def converges(connection: Connection, state: tuple[str, ...]) -> None:
    before = users(connection)
    run(connection, UP)
    assert preferences(connection) == RIGHT, state
    defaults = {name: True if kind == "boolean" else 5 for name, (kind, _) in PREFERENCES.items()}
    assert users(connection) == [
        (defaults | {name: value for name, value in row.items() if value is not None},)
        for (row,) in before
    ], state
    assert run(connection, UP) == ALREADY


def test_mending_tells_what_was_wrong(empty: Connection) -> None:
    run(empty, in_state(("wrong", "absent", "wrong", "right"), "bare"))
    assert run(empty, UP) == [
        "public.user.clear_previous_anomalies: default was missing, is true",
        "public.user.clear_previous_anomalies: NOT NULL set, 1 rows had NULL",
        "public.user.show_clear_warning: added (boolean NOT NULL DEFAULT true)",
        "public.user.max_reports: default was missing, is 5",
        "public.user.max_reports: NOT NULL set, 1 rows had NULL",
        "public.user.max_templates: already there",
        "public.user: all four preferences are as they should be",
    ]


def test_down_refuses_to_drop_a_column_that_up_does_not_make(empty: Connection) -> None:
    run(empty, in_state(("right", "right", "wrong", "absent"), "another type"))
    before = catalog(empty), users(empty)
    with pytest.raises(errors.DatatypeMismatch) as raised:
        run(empty, DOWN)
    assert raised.value.diag.message_primary == (
        "public.user.max_reports: is there as text, and should be integer"
    )
    assert (catalog(empty), users(empty)) == before


@pytest.mark.parametrize("sql", [UP, DOWN], ids=["up", "down"])
def test_a_database_without_the_table_is_refused(empty: Connection, sql: str) -> None:
    with pytest.raises(errors.UndefinedTable) as raised:
        run(empty, sql)
    assert raised.value.diag.message_primary == 'public."user": no such table'
    assert raised.value.diag.message_hint == "Is this the right database?"


def test_same_named_table_of_another_schema_is_left_alone(connection: Connection) -> None:
    run(connection, 'CREATE SCHEMA other; CREATE TABLE other."user" (id integer)')
    run(connection, "SET search_path = other, public")
    assert run(connection, UP) == ADDED
    assert run(connection, UP) == ALREADY
    assert preferences(connection) == RIGHT
    assert query(
        connection,
        "SELECT attname FROM pg_attribute"
        " WHERE attrelid = 'other.\"user\"'::regclass AND attnum > 0",
    ) == [("id",)]


# The verification at the end


@pytest.mark.parametrize(
    ("sql", "state", "message"),
    [
        (
            UP,
            ("right", "absent", "absent", "right"),
            "public.user: the four preferences are not as they should be",
        ),
        (UP, ("absent",) * 4, "public.user: the four preferences are not as they should be"),
        (
            DOWN,
            ("right", "absent", "absent", "right"),
            "public.user: still there: clear_previous_anomalies, max_templates",
        ),
    ],
    ids=["up, two missing", "up, all missing", "down"],
)
def test_verification_raises_when_the_steps_did_not_do_it(
    empty: Connection, sql: str, state: tuple[str, ...], message: str
) -> None:
    run(empty, in_state(state, "bare"))
    without_steps = re.sub(r"DO \$migrate\$.*\$migrate\$;", "", sql, flags=re.DOTALL)
    assert without_steps != sql
    with pytest.raises(errors.RaiseException) as raised:
        run(empty, without_steps)
    assert raised.value.diag.message_primary == message


@pytest.mark.parametrize(
    "spoil",
    [
        "ALTER COLUMN max_reports DROP NOT NULL",
        "ALTER COLUMN max_reports DROP DEFAULT",
        "ALTER COLUMN max_reports SET DEFAULT 6",
        "ALTER COLUMN max_reports TYPE bigint",
        "DROP COLUMN max_reports",
    ],
)
def test_verification_looks_at_type_nullability_and_default(empty: Connection, spoil: str) -> None:
    run(empty, in_state(("right",) * 4, "bare"))
    spoiled = UP.replace("DO $verify$", f'ALTER TABLE public."user" {spoil}; DO $verify$')
    before = catalog(empty)
    with pytest.raises(errors.RaiseException, match="are not as they should be"):
        run(empty, spoiled)
    assert catalog(empty) == before


# Others at work


def wait_until(observer: Connection, waiting: str) -> None:
    deadline = time.monotonic() + 10
    while query(observer, f"SELECT EXISTS (SELECT FROM pg_locks WHERE {waiting})") != [(True,)]:
        assert time.monotonic() < deadline, f"nobody waits: {waiting}"


def test_a_null_that_comes_in_meanwhile_is_filled_too(
    empty: Connection, database: Address, connect: Connect
) -> None:
    run(empty, in_state(("wrong", "right", "right", "right"), "nullable"))
    writer, observer = connect(database), connect(database)
    run(writer, """BEGIN; INSERT INTO public."user" VALUES (3, 'new@example.com', NULL)""")
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.extend(run(empty, UP)))
    thread.start()
    wait_until(observer, "relation = 'public.\"user\"'::regclass AND NOT granted")
    run(writer, "COMMIT")
    thread.join(10)
    assert "public.user.clear_previous_anomalies: NOT NULL set, 2 rows had NULL" in told
    assert preferences(empty) == RIGHT


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_second_deployer_waits_for_the_first_and_then_finds_all_done(
    owner: Address, connect: Connect, isolation: str
) -> None:
    first, second, observer = connect(owner), connect(owner), connect(owner)
    run(second, f"SET default_transaction_isolation = '{isolation}'")
    run(first, UP.replace("COMMIT;", ""))
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.extend(run(second, UP)))
    thread.start()
    wait_until(observer, "locktype = 'advisory' AND NOT granted")
    run(first, "COMMIT")
    thread.join(10)
    assert told == ALREADY
    assert preferences(observer) == RIGHT


def test_many_deployers_at_once_all_succeed_and_one_does_the_work(
    owner: Address, connect: Connect
) -> None:
    deployers = [connect(owner) for _ in range(4)]
    barrier = threading.Barrier(len(deployers))
    told: list[list[str]] = []

    def deploy(connection: Connection) -> None:
        barrier.wait(10)
        told.append(run(connection, UP))

    threads = [threading.Thread(target=deploy, args=(one,)) for one in deployers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(told) == sorted([ADDED, ALREADY, ALREADY, ALREADY])
