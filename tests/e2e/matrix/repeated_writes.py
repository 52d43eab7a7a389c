"""Second runs of what writes to rows."""

from __future__ import annotations

from tests.e2e.matrix import HARMFUL, HARMLESS, SCHEMA, SEED, Case
from tests.e2e.matrix.tables import (
    JSON,
    LOGGED,
    LOOP,
    NEXT_OF_OTHER,
    NEXT_SETTING,
    NUMBERS,
    OF_JSON,
    SET_SETTINGS,
    SETTING,
    SETTINGS,
    WRITE_JSON,
    WRITE_NUMBERS,
)

ROWS = (
    Case(HARMLESS, "backfill-of-nulls", "UPDATE t SET v = 'unknown' WHERE v IS NULL;"),
    Case(HARMLESS, "backfill-by-coalesce", "UPDATE t SET v = coalesce(v, 'unknown');"),
    Case(
        HARMLESS,
        "new-column-filled-where-null",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS k text; UPDATE t SET k = name WHERE k IS NULL;",
        writes="UPDATE t SET k = 'written ' || id; INSERT INTO t (name, k) VALUES ('new', 'k');",
    ),
    Case(
        HARMLESS,
        "value-renamed",
        "UPDATE t SET v = 'xx' WHERE v = 'x';",
    ),
    Case(
        HARMLESS,
        "insert-do-nothing",
        "INSERT INTO s VALUES ('a', '0'), ('d', '4') ON CONFLICT DO NOTHING;",
        schema=SETTING,
        seed=SETTINGS,
        writes=SET_SETTINGS,
        next=NEXT_SETTING,
    ),
    Case(
        HARMLESS,
        "insert-where-not-exists",
        "INSERT INTO s SELECT 'd', '4' WHERE NOT EXISTS (SELECT FROM s WHERE key = 'd');",
        schema=SETTING,
        seed=SETTINGS,
        writes=SET_SETTINGS,
        next=NEXT_SETTING,
    ),
    Case(
        HARMLESS,
        "rows-of-rows-do-nothing",
        "CREATE TABLE IF NOT EXISTS u (id integer PRIMARY KEY, v text);"
        " INSERT INTO u SELECT id, v FROM t ON CONFLICT DO NOTHING;",
        writes="UPDATE u SET v = 'written ' || id; INSERT INTO t (name) VALUES ('new');",
    ),
    Case(
        HARMLESS,
        "number-of-a-text",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS k numeric;"
        " UPDATE t SET k = v::numeric WHERE k IS NULL;",
        seed=NUMBERS,
        writes=WRITE_NUMBERS,
    ),
    Case(
        HARMLESS,
        "type-of-a-number",
        "ALTER TABLE t ALTER v TYPE numeric USING v::numeric;",
        seed=NUMBERS,
        writes="UPDATE t SET v = id + 0.25; INSERT INTO t (name, v) VALUES ('new', 7.5);",
    ),
    Case(
        HARMLESS,
        "json-of-a-text",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS k json;"
        " UPDATE t SET k = v::json WHERE v IS NOT NULL AND k IS NULL;",
        seed="""INSERT INTO t (name, v) VALUES ('a', '{"b": [1]}'), ('b', NULL), ('c', '[2]');""",
        writes="""
        UPDATE t SET v = '{"written": true}', k = '[7]';
        INSERT INTO t (name, v, k) VALUES ('new', '[]', '{}');
        """,
    ),
    Case(
        HARMLESS,
        "date-of-a-text",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS k date; UPDATE t SET k = v::date WHERE k IS NULL;",
        seed="INSERT INTO t (name, v) VALUES ('a', '2020-01-31'), ('b', '2021-12-01');",
        writes="UPDATE t SET v = '2022-02-03', k = '2023-03-04';"
        " INSERT INTO t (name, v, k) VALUES ('n', '1999-09-09', '1999-09-10');",
    ),
    Case(
        HARMLESS,
        "rows-of-a-trigger",
        "UPDATE t SET n = n;",
        schema=LOGGED,
        told=frozenset({"log"}),
    ),
    Case(
        HARMLESS,
        "time-of-the-run",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS at timestamptz; UPDATE t SET at = now();",
        writes="UPDATE t SET at = '2020-02-02', v = 'written';",
        told=frozenset({"at"}),
    ),
    Case(
        HARMLESS,
        "array-element-added-once",
        "UPDATE t SET a = array_append(a, 'new') WHERE NOT 'new' = ANY (a);",
        schema="CREATE TABLE t (id serial PRIMARY KEY, name text, a text[] NOT NULL);",
        seed="INSERT INTO t (name, a) VALUES ('a', '{x,y}'), ('b', '{z}'), ('c', '{}');",
        writes="UPDATE t SET a = array_append(a, 'written');",
        next="INSERT INTO t (name, a) VALUES ('next', '{}')",
    ),
    Case(
        HARMLESS,
        "json-key-under-what-is-there",
        """UPDATE t SET j = '{"theme": "dark"}' || j WHERE NOT j ? 'theme';""",
        schema=JSON,
        seed=OF_JSON,
        writes=WRITE_JSON,
    ),
    Case(
        HARMLESS,
        "key-to-another-table",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS s_key text REFERENCES s;"
        " UPDATE t SET s_key = 'a' WHERE s_key IS NULL;",
        schema=SETTING + SCHEMA,
        seed=SETTINGS + SEED,
        writes="UPDATE t SET s_key = 'b';",
    ),
    Case(HARMFUL, "truncate", "TRUNCATE t;"),
    Case(
        HARMFUL,
        "truncate-that-cascades",
        "TRUNCATE s CASCADE;",
        schema=f"{SETTING} CREATE TABLE t (id serial PRIMARY KEY, name text, k text REFERENCES s);",
        seed=f"{SETTINGS} INSERT INTO t (name, k) VALUES ('x', 'a');",
        writes="INSERT INTO t (name) VALUES ('new');",
    ),
    Case(HARMFUL, "in-a-loop", f"DO $$ DECLARE r record; {LOOP} $$;"),
    Case(HARMFUL, "dynamic", "DO $$ BEGIN EXECUTE $q$UPDATE t SET v = 'set'$q$; END $$;"),
    Case(
        HARMFUL,
        "by-a-function",
        "SELECT f();",
        schema=f"{SCHEMA} CREATE FUNCTION f() RETURNS void LANGUAGE sql AS"
        " $$ UPDATE t SET v = 'set' $$;",
    ),
    Case(
        HARMFUL,
        "through-a-view",
        "UPDATE w SET v = 'set';",
        schema=f"{SCHEMA} CREATE VIEW w AS SELECT id, v FROM t;",
    ),
    Case(
        HARMFUL,
        "of-another-table",
        "UPDATE t SET v = s.value FROM s WHERE s.key = t.name;",
        schema=SCHEMA + SETTING,
        seed=f"{SETTINGS} INSERT INTO t (name) VALUES ('a'), ('b');",
        writes="UPDATE t SET v = 'written';",
    ),
    Case(
        HARMFUL,
        "numbered-anew",
        "UPDATE t SET n = o.n FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM t) o"
        " WHERE o.id = t.id;",
    ),
    Case(
        HARMFUL,
        "schema-anew",
        "DROP SCHEMA IF EXISTS apart CASCADE; CREATE SCHEMA apart;"
        " CREATE TABLE apart.log (id serial PRIMARY KEY, name text);",
        writes="INSERT INTO apart.log (name) VALUES ('x');",
    ),
    Case(HARMFUL, "delete", "DELETE FROM t;"),
    Case(
        HARMFUL,
        "rows-reset",
        f"DELETE FROM s; {SETTINGS}",
        schema=SETTING,
        seed=SETTINGS,
        writes=SET_SETTINGS,
        next=NEXT_SETTING,
    ),
    Case(
        HARMFUL,
        "rows-moved-away",
        "CREATE TABLE IF NOT EXISTS u (id integer, name text);"
        " INSERT INTO u SELECT id, name FROM t; DELETE FROM t;",
    ),
    Case(
        HARMFUL,
        "new-column-filled",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS k integer; UPDATE t SET k = 5;",
        writes="UPDATE t SET k = 100 + id; INSERT INTO t (name, k) VALUES ('new', 3);",
    ),
    Case(
        HARMFUL,
        "column-copied",
        "ALTER TABLE t ADD COLUMN IF NOT EXISTS k text; UPDATE t SET k = name;",
        writes="UPDATE t SET k = 'written ' || id; INSERT INTO t (name, k) VALUES ('new', 'k');",
    ),
    Case(HARMFUL, "set-to-null", "UPDATE t SET v = NULL;"),
    Case(HARMFUL, "number-times-hundred", "UPDATE t SET n = n * 100;"),
    Case(HARMFUL, "text-appended", "UPDATE t SET v = v || '!';"),
    Case(HARMFUL, "columns-exchanged", "UPDATE t SET v = name, name = coalesce(v, '');"),
    Case(
        HARMFUL,
        "flag-turned",
        "UPDATE t SET b = NOT b;",
        schema="CREATE TABLE t (id serial PRIMARY KEY, name text, b boolean NOT NULL);",
        seed="INSERT INTO t (name, b) VALUES ('a', true), ('b', false), ('c', true);",
        writes="UPDATE t SET b = true;",
        next="INSERT INTO t (name, b) VALUES ('next', true)",
    ),
    Case(
        HARMFUL,
        "json-key-over-what-is-there",
        """UPDATE t SET j = j || '{"theme": "dark"}';""",
        schema=JSON,
        seed=OF_JSON,
        writes=WRITE_JSON,
    ),
    Case(
        HARMFUL,
        "array-element-added",
        "UPDATE t SET a = array_append(a, 'new');",
        schema="CREATE TABLE t (id serial PRIMARY KEY, name text, a text[] NOT NULL);",
        seed="INSERT INTO t (name, a) VALUES ('a', '{x,y}'), ('b', '{z}'), ('c', '{}');",
        writes="UPDATE t SET a = '{written}';",
        next="INSERT INTO t (name, a) VALUES ('next', '{}')",
    ),
    Case(
        HARMFUL,
        "insert-do-update",
        "INSERT INTO s VALUES ('a', '0'), ('d', '4')"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value;",
        schema=SETTING,
        seed=SETTINGS,
        writes=SET_SETTINGS,
        next=NEXT_SETTING,
    ),
    Case(HARMFUL, "insert", "INSERT INTO t (name) VALUES ('admin');"),
    Case(HARMFUL, "insert-of-rows", "INSERT INTO t (name, v) SELECT name, v FROM t;"),
    Case(
        HARMFUL,
        "insert-of-another-s-rows",
        "CREATE TABLE IF NOT EXISTS u (id serial PRIMARY KEY, name text);"
        " INSERT INTO u (name) SELECT name FROM t;",
        next=NEXT_OF_OTHER,
    ),
)
