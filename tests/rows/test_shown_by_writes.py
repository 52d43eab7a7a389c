"""Whether what an application wrote shows what a second run does to it: PostgreSQL says."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.rows.application_writes import write_as_an_application
from pytest_schemaguard.rows.fill import Kind, fill

if TYPE_CHECKING:
    from collections.abc import Callable

BEFORE = """
CREATE TYPE st AS ENUM ('new', 'paid', 'void');
CREATE TABLE team (id integer PRIMARY KEY, label text);
CREATE TABLE cache (k text PRIMARY KEY, v text);
CREATE TABLE t (
  id serial PRIMARY KEY, name text NOT NULL, shown text, n integer, m integer, price numeric(10,2),
  share real, prefs jsonb, raw_prefs json, ref uuid, st st, tags text[], team_id integer
  REFERENCES team, email text UNIQUE, note text, code char(3), short varchar(3), raw bytea, ip inet,
  dur interval, flag boolean, born date, seen timestamptz, clock time, bits bit(4), span int4range,
  cost money, doc xml, amount text, payload text, at text, key text, yes text, status text,
  kind text CHECK (kind IN ('a', 'b', 'c'))
);
CREATE SEQUENCE inv;
INSERT INTO team VALUES (1, 'x'), (2, 'y'), (3, 'z');
INSERT INTO t (name, shown, n, m, price, share, prefs, raw_prefs, ref, st, tags, team_id, email,
  code, short, raw, ip, dur, flag, born, seen, clock, bits, span, cost, doc, amount, payload, at,
  key, yes, status, kind) VALUES
('Ada', 'Ada', 1, 2, 1.5, 0.5, '{"x": 1}', '{"x": 1}', '00000000-0000-4000-8000-000000000001',
  'new', '{q}', 1, 'a@example.com', 'abc', 'abc', '\\x01', '10.0.0.1', '1 hour', true, '2020-01-01',
  '2020-01-01 10:00Z', '10:00', '1010', '[1,5)', 1.5, '<a/>', '12.5', '{"x": 1}', '2020-01-01',
  '00000000-0000-4000-8000-000000000001', 'true', 'active', 'a'),
('Bob', 'Bob', 3, 4, 2.5, 0.25, '{"x": 2}', '{"x": 2}', '00000000-0000-4000-8000-000000000002',
  'paid', '{q,r}', 2, 'b@example.com', 'abd', 'abd', '\\x02', '10.0.0.2', '2 hours', false,
  '2020-01-02',
  '2020-01-02 10:00Z', '11:00', '1011', '[5,9)', 2.5, '<b/>', '7', '{"x": 2}', '2020-01-02',
  '00000000-0000-4000-8000-000000000002', 'false', 'inactive', 'b');
"""

OVERWRITES = {
    "jsonb": """UPDATE t SET prefs = '{"theme": "dark"}'""",
    "one key of a jsonb": """UPDATE t SET prefs = coalesce(prefs, '{}') || '{"theme": "dark"}'""",
    "json": """UPDATE t SET raw_prefs = '{"theme": "dark"}'""",
    "an empty jsonb": "UPDATE t SET prefs = '{}'",
    "uuid": "UPDATE t SET ref = '00000000-0000-4000-8000-000000000009'",
    "enum": "UPDATE t SET st = 'new'",
    "array": "UPDATE t SET tags = '{x}'",
    "an empty array": "UPDATE t SET tags = '{}'",
    "foreign key": "UPDATE t SET team_id = 1",
    "unique": "UPDATE t SET email = id || '@example.com'",
    "NULL": "UPDATE t SET note = NULL",
    "NULL over values": "UPDATE t SET n = NULL",
    "NULL over keys": "UPDATE t SET team_id = NULL",
    "char": "UPDATE t SET code = 'zzz'",
    "varchar": "UPDATE t SET short = 'zzz'",
    "bytea": r"UPDATE t SET raw = '\x00'",
    "inet": "UPDATE t SET ip = '10.0.0.9'",
    "interval": "UPDATE t SET dur = '0'",
    "boolean": "UPDATE t SET flag = true",
    "integer": "UPDATE t SET n = 0",
    "numeric": "UPDATE t SET price = 9.99",
    "real": "UPDATE t SET share = 0",
    "money": "UPDATE t SET cost = 0",
    "date": "UPDATE t SET born = '2000-01-01'",
    "timestamp": "UPDATE t SET seen = '2000-01-01Z'",
    "time": "UPDATE t SET clock = '00:00'",
    "bit": "UPDATE t SET bits = '0000'",
    "range": "UPDATE t SET span = 'empty'",
    "xml": "UPDATE t SET doc = '<c/>'",
    "text": "UPDATE t SET name = 'x'",
    "text with a check": "UPDATE t SET kind = 'a'",
    "a number in text": "UPDATE t SET amount = '1'",
    "JSON in text": "UPDATE t SET payload = '{}'",
    "a copy of a text": "UPDATE t SET shown = name",
    "a copy in lower case": "UPDATE t SET shown = lower(name)",
    "a copy of a number": "UPDATE t SET n = m",
    "a sum": "UPDATE t SET n = m + 1",
    "an opposite": """ALTER TABLE t ADD COLUMN IF NOT EXISTS off boolean;
        UPDATE t SET off = NOT flag""",
    "one row": "UPDATE t SET price = 10 WHERE name = 'Ada'",
    "the other row": "UPDATE t SET prefs = '[]' WHERE id = 2",
    "a mapping": "UPDATE t SET n = CASE kind WHEN 'a' THEN 1 WHEN 'b' THEN 2 ELSE 3 END",
    "another table's": "UPDATE t SET note = label FROM team WHERE team.id = team_id",
    "a default again": "UPDATE t SET status = DEFAULT",
    "by another column": "UPDATE t SET flag = true WHERE status = 'active'",
    "an upsert": "INSERT INTO team VALUES (1, 'one') ON CONFLICT (id) DO UPDATE SET label = 'one'",
    "DELETE": "DELETE FROM t",
    "DELETE of a part": "DELETE FROM t WHERE n IS NOT NULL",
    "TRUNCATE": "TRUNCATE cache",
    "TRUNCATE of rows": "TRUNCATE t",
    "a table made anew": "DROP TABLE IF EXISTS route; CREATE TABLE route (id serial, name text)",
    "a column made anew": "ALTER TABLE t DROP note; ALTER TABLE t ADD note text DEFAULT 'x'",
    "doubled rows": "INSERT INTO cache SELECT gen_random_uuid(), name FROM t",
    "deleted and inserted": "DELETE FROM team WHERE id > 2; INSERT INTO team VALUES (3, 'z')",
    "a sequence set back": "SELECT setval('inv', 1)",
    "a sequence restarted": "ALTER SEQUENCE inv RESTART WITH 1",
    "a serial column's sequence": "ALTER SEQUENCE t_id_seq RESTART WITH 1",
    "a sequence made anew": "DROP SEQUENCE IF EXISTS extra; CREATE SEQUENCE extra",
}

HARMLESS = {
    "fill what is NULL": """UPDATE t SET note = 'x' WHERE note IS NULL;
        UPDATE t SET n = 0 WHERE n IS NULL""",
    "a column with a backfill": """ALTER TABLE t ADD COLUMN IF NOT EXISTS full_name text;
        UPDATE t SET full_name = name || '!' WHERE full_name IS NULL""",
    "text as a number": """CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, amount numeric);
        INSERT INTO u SELECT id, amount::numeric FROM t ON CONFLICT DO NOTHING""",
    "text as JSON": """CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, x integer NOT NULL);
        INSERT INTO u SELECT id, (payload::jsonb->>'x')::integer FROM t ON CONFLICT DO NOTHING""",
    "text as a date": """CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, at date);
        INSERT INTO u SELECT id, at::date FROM t ON CONFLICT DO NOTHING""",
    "text as a uuid": """CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, key uuid);
        INSERT INTO u SELECT id, key::uuid FROM t ON CONFLICT DO NOTHING""",
    "text as a boolean": """CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, yes boolean);
        INSERT INTO u SELECT id, yes::boolean FROM t ON CONFLICT DO NOTHING""",
    "text as an enum": """DO $$BEGIN CREATE TYPE active AS ENUM ('active', 'inactive');
        EXCEPTION WHEN duplicate_object THEN NULL; END$$;
        CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, status active);
        INSERT INTO u SELECT id, status::active FROM t ON CONFLICT DO NOTHING""",
    "text by CASE": """CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, s integer NOT NULL);
        INSERT INTO u SELECT id, CASE status WHEN 'active' THEN 1 WHEN 'inactive' THEN 2 END FROM t
        ON CONFLICT DO NOTHING""",
    "a column's type": "ALTER TABLE t ALTER amount TYPE numeric USING amount::numeric",
    "a label renamed": "UPDATE t SET st = 'paid' WHERE st = 'new'",
    "a text renamed": "UPDATE t SET status = 'on' WHERE status = 'active'",
    "a checked text renamed": "UPDATE t SET kind = 'c' WHERE kind = 'a'",
    "all texts of a check renamed": "UPDATE t SET kind = 'b' WHERE kind = 'a'",
    "parents that become one": "UPDATE t SET team_id = 1 WHERE team_id = 2",
    "negative numbers": "UPDATE t SET n = 0 WHERE n < 0; UPDATE t SET price = 0 WHERE price < 0",
    "a check": """ALTER TABLE t DROP CONSTRAINT IF EXISTS positive;
        ALTER TABLE t ADD CONSTRAINT positive CHECK (n > 0 AND share < 1)""",
    "NOT NULL": "ALTER TABLE t ALTER name SET NOT NULL, ALTER team_id SET NOT NULL",
    "a unique index": "CREATE UNIQUE INDEX IF NOT EXISTS one ON t (email)",
    "rows where there are none": """INSERT INTO team VALUES (7, 'seven') ON CONFLICT DO NOTHING;
        INSERT INTO cache SELECT 'k', 'v' WHERE NOT EXISTS (SELECT FROM cache WHERE k = 'k')""",
    "a row by its name": """CREATE TABLE IF NOT EXISTS role (id serial PRIMARY KEY, name text);
        INSERT INTO role (name) SELECT 'admin' WHERE NOT EXISTS
        (SELECT FROM role WHERE name = 'admin')""",
    "lower case": "UPDATE t SET email = lower(email)",
    "digits alone": r"UPDATE t SET amount = regexp_replace(amount, '[^0-9.]', '', 'g')",
    "orphans": "DELETE FROM t WHERE team_id NOT IN (SELECT id FROM team)",
    "setval to the maximum": "SELECT setval('t_id_seq', (SELECT max(id) FROM t))",
}


def written(connection: Any) -> Any:
    """All tables, as the guard writes them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname::text FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        tables = [("public", name) for (name,) in cursor.fetchall()]
    return write_as_an_application(connection, tables, guard=connection, kind=Kind.MILD)


def contents(connection: Any) -> tuple[Counter[tuple[str, str]], dict[str, tuple[int, bool]]]:
    """Every row as text with its table, and where each sequence is."""
    rows: Counter[tuple[str, str]] = Counter()
    places = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname::text, relkind::text FROM pg_class WHERE relkind IN ('r', 'S')"
            " AND relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for name, kind in cursor.fetchall():
            if kind == "S":
                cursor.execute(f'SELECT last_value, is_called FROM "{name}"')
                places[name] = cursor.fetchone()
            else:
                cursor.execute(f'SELECT ROW(t.*)::text FROM "{name}" AS t')
                rows.update((name, row) for (row,) in cursor.fetchall())
    return rows, places


SEEDED = ("a sum", "one row", "by another column", "deleted and inserted")
"""They ask for one of the two rows, or for small numbers."""


@pytest.mark.parametrize("made", [False, True], ids=["two rows", "rows of fill"])
@pytest.mark.parametrize("statement", OVERWRITES)
def test_a_second_run_that_does_harm_shows(
    connection: Any, run: Callable[[str], None], statement: str, made: bool
) -> None:
    migration = OVERWRITES[statement]
    run(BEFORE)
    if made and statement not in SEEDED:
        run("TRUNCATE t, team, cache RESTART IDENTITY")
        fill(connection, rows=20)
    run(migration)
    written(connection)
    before = contents(connection)
    run(migration)
    assert contents(connection) != before


@pytest.mark.parametrize("migration", HARMLESS.values(), ids=HARMLESS)
def test_a_second_run_that_does_none_leaves_what_was_written(
    connection: Any, run: Callable[[str], None], migration: str
) -> None:
    run(BEFORE)
    run(migration)
    written(connection)
    rows, places = contents(connection)
    run(migration)
    left, sequences = contents(connection)
    assert rows - left == Counter()
    assert sequences == places
