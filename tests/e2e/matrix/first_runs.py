"""For `applies`: harmful where the file fails, or something of it is not kept."""

from __future__ import annotations

from tests.e2e.matrix import HARMFUL, HARMLESS, SCHEMA, Case

TEXT = "INSERT INTO t (name, v) VALUES ('a', '1'), ('b', 'not a number');"

FIRST_RUNS = (
    Case(HARMLESS, "several-statements", "ALTER TABLE t ADD k integer; UPDATE t SET k = 1;"),
    Case(HARMLESS, "empty", ""),
    Case(HARMLESS, "comments", "-- nothing yet\n/* nor here */\n", revision=False),
    Case(HARMLESS, "name-that-is-not-there", "DROP TABLE IF EXISTS usr; DROP INDEX IF EXISTS i;"),
    Case(
        HARMLESS,
        "transaction-of-its-own",
        "BEGIN; ALTER TABLE t ADD k integer; COMMIT;",
        revision=False,
    ),
    Case(HARMLESS, "index-concurrently", "CREATE INDEX CONCURRENTLY i ON t (v);", revision=False),
    Case(
        HARMLESS,
        "rolled-back-and-done-again",
        "BEGIN; ALTER TABLE t ADD k integer; ROLLBACK; BEGIN; ALTER TABLE t ADD k integer; COMMIT;",
        revision=False,
    ),
    Case(
        HARMLESS,
        "not-null-with-a-default",
        "ALTER TABLE t ADD k integer NOT NULL DEFAULT 1;",
        seeded=False,
    ),
    Case(
        HARMLESS, "check-of-values", "ALTER TABLE t ADD CONSTRAINT c CHECK (n < 7);", seeded=False
    ),
    Case(HARMLESS, "unique-of-values", "ALTER TABLE t ADD UNIQUE (n);", seeded=False),
    Case(
        HARMLESS,
        "ids-behind-their-sequence",
        "INSERT INTO t (id, name) VALUES (9, 'x'); SELECT setval('t_id_seq', 9);",
    ),
    Case(
        HARMLESS,
        "swallowed-and-not-needed",
        "DO $$ BEGIN CREATE SCHEMA public; EXCEPTION WHEN duplicate_schema THEN NULL; END $$;",
    ),
    Case(HARMFUL, "ids-ahead-of-their-sequence", "INSERT INTO t (id, name) VALUES (6, 'x');"),
    Case(HARMFUL, "syntax-error", "ALTER TABLE t ADD k integr;"),
    Case(HARMFUL, "table-that-is-not-there", "UPDATE tt SET v = 1;"),
    Case(HARMFUL, "there-already", SCHEMA),
    Case(HARMFUL, "runtime-error", "SELECT 1 / (n - n) FROM t;"),
    Case(HARMFUL, "raised", "DO $$ BEGIN RAISE 'no'; END $$;"),
    Case(HARMFUL, "not-null-without-a-default", "ALTER TABLE t ADD k integer NOT NULL;"),
    Case(
        HARMFUL,
        "not-null-without-a-default-on-any-row",
        "ALTER TABLE t ADD k integer NOT NULL;",
        seeded=False,
    ),
    Case(HARMFUL, "set-not-null", "ALTER TABLE t ALTER v SET NOT NULL;"),
    Case(HARMFUL, "check-that-a-row-breaks", "ALTER TABLE t ADD CHECK (n > 3);"),
    Case(
        HARMFUL,
        "unique-that-rows-break",
        "ALTER TABLE t ADD UNIQUE (n);",
        seed="INSERT INTO t (name, n) VALUES ('a', 1), ('b', 1);",
    ),
    Case(
        HARMFUL,
        "key-that-a-row-breaks",
        "CREATE TABLE k (id integer PRIMARY KEY); ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES k;",
    ),
    Case(
        HARMFUL,
        "cast-that-a-row-breaks",
        "ALTER TABLE t ALTER v TYPE integer USING v::integer;",
        seed=TEXT,
    ),
    Case(HARMFUL, "superuser-s", "COPY t TO PROGRAM 'cat';"),
    Case(
        HARMFUL,
        "concurrently-in-a-transaction",
        "BEGIN; CREATE INDEX CONCURRENTLY i ON t (v); COMMIT;",
        revision=False,
    ),
    Case(HARMFUL, "transaction-left-open", "BEGIN; ALTER TABLE t ADD k integer;", revision=False),
    Case(HARMFUL, "rolled-back", "BEGIN; ALTER TABLE t ADD k integer; ROLLBACK;", revision=False),
    Case(
        HARMFUL,
        "rolled-back-and-something-else",
        "BEGIN; ALTER TABLE t ADD k integer; ROLLBACK; CREATE INDEX i ON t (v);",
        revision=False,
    ),
    Case(
        HARMLESS,
        "rolled-back-and-done-in-other-words",
        "BEGIN; ALTER TABLE t ADD k integer; ROLLBACK;"
        " ALTER TABLE t ADD COLUMN IF NOT EXISTS k integer;",
        revision=False,
    ),
)
