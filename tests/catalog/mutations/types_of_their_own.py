"""Of enums, domains and sequences."""
# ruff: noqa: ISC004 - of each case the first is SQL, over as many lines as it takes

from __future__ import annotations

CASES = [
    ("ALTER TYPE status ADD VALUE 'more'", "enum-labels warning"),
    ("ALTER TYPE status ADD VALUE 'more' BEFORE 'new'", "enum-labels warning"),
    ("ALTER TYPE status RENAME VALUE 'new' TO 'fresh'", "default warning, enum-labels error"),
    ("ALTER TYPE status RENAME TO st", "type error, extra-enum info, missing-enum error"),
    (
        "ALTER TYPE status RENAME TO before; "
        "CREATE TYPE status AS ENUM ('it''s old', 'new');ALTER TABLE child ALTER COLUMN "
        "state DROP DEFAULT;ALTER TABLE child ALTER COLUMN state TYPE status USING "
        "state::text::status;ALTER TABLE child ALTER COLUMN state SET DEFAULT 'new'; "
        "DROP TYPE before",
        "enum-order warning",
    ),
    (
        "ALTER TABLE child ALTER COLUMN state DROP DEFAULT;ALTER TABLE child ALTER "
        "COLUMN state TYPE text;DROP TYPE status; "
        "CREATE TYPE status AS ENUM ('it''s old');ALTER TABLE child ALTER COLUMN state "
        "TYPE status USING state::status;ALTER TABLE child ALTER COLUMN state SET "
        "DEFAULT 'it''s old'",
        "default warning, enum-labels error",
    ),
    ("ALTER TYPE \"Shop\".color ADD VALUE 'blue'", "enum-labels warning"),
    ("ALTER TYPE \"Shop\".color RENAME VALUE 'red' TO 'rouge'", "enum-labels error"),
    (
        'ALTER TYPE "Shop".color SET SCHEMA public',
        "missing-enum error, extra-enum info, type error",
    ),
    ("CREATE TYPE \"Shop\".size AS ENUM ('s')", "extra-enum info"),
    ("CREATE TYPE size AS ENUM ()", "extra-enum info"),
    (
        'ALTER TABLE thing DROP COLUMN color, DROP COLUMN colors; DROP TYPE "Shop".color',
        "missing-enum error, missing-column error, fixed",
    ),
    ("ALTER DOMAIN positive SET NOT NULL", "domain error"),
    ("ALTER DOMAIN positive SET DEFAULT 5", "domain error"),
    ("ALTER DOMAIN small DROP DEFAULT", "domain error"),
    ("ALTER DOMAIN small SET DEFAULT 2", "domain error"),
    ("ALTER DOMAIN code DROP NOT NULL", "domain error"),
    ("ALTER DOMAIN positive DROP CONSTRAINT is_positive", "domain error"),
    (
        "ALTER DOMAIN positive DROP CONSTRAINT is_positive; "
        "ALTER DOMAIN positive ADD CONSTRAINT is_positive CHECK (VALUE >= 0)",
        "domain error",
    ),
    ("ALTER DOMAIN positive ADD CONSTRAINT again CHECK (VALUE < 9)", "domain error"),
    (
        "ALTER DOMAIN small DROP CONSTRAINT is_small; "
        "ALTER DOMAIN small ADD CONSTRAINT is_small CHECK (VALUE < 100) NOT VALID",
        "domain error",
    ),
    (
        "ALTER DOMAIN positive RENAME CONSTRAINT is_positive TO other",
        "domain-constraint-name info",
    ),
    (
        "ALTER TABLE thing DROP COLUMN how; DROP DOMAIN small; "
        "CREATE DOMAIN small AS integer DEFAULT 1 CONSTRAINT is_small CHECK (VALUE < "
        "100); ALTER TABLE thing ADD COLUMN how small",
        "domain error",
    ),
    ("CREATE DOMAIN extra AS text", "extra-domain info"),
    (
        "ALTER TABLE thing DROP COLUMN how; DROP DOMAIN small",
        "missing-domain error, missing-column error, fixed",
    ),
    (
        "ALTER DOMAIN small RENAME TO little",
        "extra-domain info, missing-domain error, type error",
    ),
    (
        "ALTER TABLE thing DROP COLUMN named; DROP DOMAIN code; "
        'CREATE DOMAIN code AS varchar(11) COLLATE "C" NOT NULL; '
        "ALTER TABLE thing ADD COLUMN named code; "
        'CREATE INDEX ix_named ON thing (named COLLATE "POSIX")',
        "domain error",
    ),
    (
        "ALTER TABLE thing DROP COLUMN named; DROP DOMAIN code; "
        "CREATE DOMAIN code AS varchar(10) NOT NULL; "
        "ALTER TABLE thing ADD COLUMN named code; "
        'CREATE INDEX ix_named ON thing (named COLLATE "POSIX")',
        "domain error",
    ),
    ("ALTER SEQUENCE numbers AS bigint", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers START WITH 6", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers INCREMENT BY 1", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers MINVALUE 0", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers MAXVALUE 2000", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers CACHE 1", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers CYCLE", "sequence warning fixed"),
    ("ALTER SEQUENCE numbers OWNED BY thing.number", "sequence-owner info, default warning"),
    (
        "ALTER TABLE thing ALTER COLUMN number DROP DEFAULT; DROP SEQUENCE numbers",
        "missing-sequence error, default warning, fixed",
    ),
    ("CREATE SEQUENCE surplus", "extra-sequence info"),
    ('ALTER SEQUENCE numbers SET SCHEMA "Shop"', "missing-sequence error, default warning"),
    ("ALTER SEQUENCE thing_id_seq INCREMENT BY 2", "sequence warning fixed"),
    ("ALTER SEQUENCE thing_id_seq MAXVALUE 100", "sequence warning fixed"),
    ("ALTER SEQUENCE parent_id_seq START WITH 5", "sequence warning fixed"),
    ("ALTER SEQUENCE parent_id_seq CYCLE", "sequence warning fixed"),
    ("ALTER SEQUENCE parent_id_seq CACHE 9", "sequence warning fixed"),
    ("ALTER SEQUENCE parent_id_seq AS smallint", "sequence warning fixed"),
]
