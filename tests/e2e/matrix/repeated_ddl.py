"""Second runs of DDL."""

from __future__ import annotations

from tests.e2e.matrix import HARMFUL, HARMLESS, SCHEMA, Case
from tests.e2e.matrix.tables import (
    MOOD,
    NEXT_OF_OTHER,
    NEXT_PART,
    OF_OTHER,
    OF_PARTS,
    OTHER,
    PARTS,
    WRITE_PARTS,
)

DDL = (
    Case(
        HARMLESS, "column-if-not-exists", "ALTER TABLE t ADD COLUMN IF NOT EXISTS k int DEFAULT 5;"
    ),
    Case(
        HARMLESS,
        "table-if-not-exists",
        f"{OTHER.replace('TABLE', 'TABLE IF NOT EXISTS')}"
        " CREATE INDEX IF NOT EXISTS i ON u (name);",
        writes=OF_OTHER,
        next=NEXT_OF_OTHER,
    ),
    Case(
        HARMLESS,
        "index-concurrently-if-not-exists",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (v);",
        revision=False,
    ),
    Case(HARMLESS, "view-or-replace", "CREATE OR REPLACE VIEW w AS SELECT id, v FROM t;"),
    Case(
        HARMLESS,
        "view-anew",
        "DROP VIEW IF EXISTS w; CREATE VIEW w AS SELECT id, v FROM t;",
    ),
    Case(
        HARMLESS,
        "materialized-view-anew",
        "DROP MATERIALIZED VIEW IF EXISTS w; CREATE MATERIALIZED VIEW w AS SELECT id, v FROM t;",
    ),
    Case(
        HARMLESS,
        "function-and-trigger-anew",
        "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n := 7;"
        " RETURN NEW; END $$; DROP TRIGGER IF EXISTS g ON t;"
        " CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();",
    ),
    Case(
        HARMLESS,
        "constraint-anew",
        "ALTER TABLE t DROP CONSTRAINT IF EXISTS c;"
        " ALTER TABLE t ADD CONSTRAINT c CHECK (length(name) > 0);",
    ),
    Case(HARMLESS, "index-anew", "DROP INDEX IF EXISTS i; CREATE INDEX i ON t (v, n);"),
    Case(
        HARMLESS,
        "type-in-a-do-block",
        "DO $$ BEGIN CREATE TYPE mood AS ENUM ('sad'); EXCEPTION WHEN duplicate_object THEN NULL;"
        " END $$; ALTER TABLE t ADD COLUMN IF NOT EXISTS m mood;",
    ),
    Case(
        HARMLESS,
        "constraint-in-a-do-block",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'c') THEN"
        " ALTER TABLE t ADD CONSTRAINT c UNIQUE (name); END IF; END $$;",
    ),
    Case(
        HARMLESS,
        "rename-in-a-do-block",
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 't'::regclass AND"
        " attname = 'v') THEN ALTER TABLE t RENAME v TO w; END IF; END $$;",
        writes="UPDATE t SET w = 'written ' || id; INSERT INTO t (name, w) VALUES ('new', 'w');",
    ),
    Case(
        HARMLESS,
        "enum-value-if-not-exists",
        "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'happy';",
        schema=f"{MOOD} {SCHEMA} ALTER TABLE t ADD m mood;",
        writes="UPDATE t SET m = 'happy'; INSERT INTO t (name, m) VALUES ('new', 'sad');",
    ),
    Case(HARMLESS, "defaults-set", "ALTER TABLE t ALTER v SET DEFAULT 'd', ALTER n DROP NOT NULL;"),
    Case(
        HARMLESS,
        "drops-if-exists",
        "ALTER TABLE t DROP COLUMN IF EXISTS v; DROP TABLE IF EXISTS u;",
        writes="UPDATE t SET n = 100 + id; INSERT INTO t (name) VALUES ('new');",
    ),
    Case(
        HARMLESS,
        "comment-and-grant",
        "COMMENT ON TABLE t IS 'people'; GRANT SELECT ON t TO PUBLIC;",
    ),
    Case(HARMFUL, "column", "ALTER TABLE t ADD COLUMN k int;"),
    Case(HARMFUL, "table", OTHER),
    Case(HARMFUL, "index", "CREATE INDEX i ON t (v);"),
    Case(HARMFUL, "type", MOOD),
    Case(HARMFUL, "constraint", "ALTER TABLE t ADD CONSTRAINT c CHECK (length(name) > 0);"),
    Case(HARMFUL, "check-without-a-name", "ALTER TABLE t ADD CHECK (length(name) > 0);"),
    Case(HARMFUL, "index-without-a-name", "CREATE INDEX ON t (v);"),
    Case(HARMFUL, "view", "CREATE VIEW w AS SELECT id, v FROM t;"),
    Case(
        HARMFUL,
        "rename",
        "ALTER TABLE t RENAME v TO w;",
        writes="UPDATE t SET w = 'written ' || id; INSERT INTO t (name, w) VALUES ('new', 'w');",
    ),
    Case(HARMFUL, "enum-value", "ALTER TYPE mood ADD VALUE 'happy';", schema=MOOD + SCHEMA),
    Case(
        HARMFUL,
        "table-anew",
        f"DROP TABLE IF EXISTS u; {OTHER}",
        writes=OF_OTHER,
        next=NEXT_OF_OTHER,
    ),
    Case(
        HARMFUL,
        "table-anew-from-a-query",
        "DROP TABLE IF EXISTS u; CREATE TABLE u AS SELECT id, v FROM t;",
        writes="UPDATE u SET v = 'written'; INSERT INTO u VALUES (77, 'new');",
    ),
    Case(
        HARMFUL,
        "column-anew",
        "ALTER TABLE t DROP COLUMN IF EXISTS k; ALTER TABLE t ADD COLUMN k text DEFAULT 'd';",
        writes="UPDATE t SET k = 'written ' || id; INSERT INTO t (name, k) VALUES ('new', 'k');",
    ),
    Case(
        HARMFUL,
        "partition-anew",
        "DROP TABLE IF EXISTS p1;"
        " CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');",
        schema=PARTS,
        seed=OF_PARTS,
        writes=WRITE_PARTS,
        next=NEXT_PART,
    ),
)
