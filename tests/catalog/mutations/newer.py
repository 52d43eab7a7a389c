"""What PostgreSQL first knows since some version (`server_version_num`)."""
# ruff: noqa: ISC004 - of each case the first is SQL, over as many lines as it takes

from __future__ import annotations

SINCE = {
    15_0000: [
        (
            "ALTER TABLE thing DROP CONSTRAINT thing_number, ADD CONSTRAINT thing_number "
            "UNIQUE NULLS NOT DISTINCT (number) INCLUDE (big)",
            "unique error fixed",
        ),
        (
            "DROP INDEX ux_expr; CREATE UNIQUE INDEX ux_expr ON thing (lower(letter)) NULLS "
            "NOT DISTINCT",
            "index error fixed",
        ),
        ("CREATE UNIQUE INDEX ON thing (uid) NULLS NOT DISTINCT", "extra-index error fixed"),
        (
            "ALTER TABLE thing ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (uid)",
            "extra-unique error fixed",
        ),
        (
            "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
            'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET NULL (other)',
            "foreign-key error fixed",
        ),
        (
            "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
            'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET DEFAULT (other)',
            "foreign-key error fixed",
        ),
    ],
    18_0000: [
        (
            "ALTER TABLE child DROP COLUMN lowered; "
            "ALTER TABLE child ADD COLUMN lowered text GENERATED ALWAYS AS (lower(name)) VIRTUAL",
            "generated info",
        ),
        (
            "ALTER TABLE thing ADD COLUMN x integer GENERATED ALWAYS AS (1) VIRTUAL",
            "extra-column info",
        ),
        (
            "ALTER TABLE thing DROP CONSTRAINT thing_check, ADD CONSTRAINT thing_check CHECK "
            "(big > 0) NO INHERIT NOT ENFORCED",
            "check error, constraint-comment info",
        ),
        (
            "ALTER TABLE thing DROP CONSTRAINT thing_other, ADD CONSTRAINT thing_other "
            'FOREIGN KEY (other) REFERENCES "Shop"."Order" ("Id") ON DELETE SET NULL NOT ENFORCED',
            "foreign-key error fixed",
        ),
        (
            "ALTER TABLE child ALTER COLUMN name DROP NOT NULL; "
            "ALTER TABLE child ADD CONSTRAINT child_name NOT NULL name NOT VALID",
            "extra-not-null error fixed",
        ),
        (
            "ALTER TABLE child ADD CONSTRAINT child_day NOT NULL day NOT VALID",
            "extra-not-null error, nullability error, fixed",
        ),
        (
            "CREATE EXTENSION btree_gist; "
            "ALTER TABLE child ADD CONSTRAINT child_when UNIQUE (small, during WITHOUT OVERLAPS)",
            "extra-unique error fixed",
        ),
        (
            "CREATE EXTENSION btree_gist; "
            "ALTER TABLE child DROP CONSTRAINT child_pkey, ADD CONSTRAINT child_pkey PRIMARY "
            "KEY (id, during WITHOUT OVERLAPS)",
            "primary-key error, nullability error, fixed",
        ),
    ],
}
