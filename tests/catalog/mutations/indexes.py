"""Of indexes."""
# ruff: noqa: ISC004 - of each case the first is SQL, over as many lines as it takes

from __future__ import annotations

CASES = [
    (
        "ALTER TABLE child DROP CONSTRAINT child_names;CREATE UNIQUE INDEX ux_part ON child "
        "(parent_id, name) WHERE small > 0",
        "missing-unique error, extra-index error, fixed",
    ),
    ("DROP INDEX ix_name", "missing-index warning fixed"),
    ("DROP INDEX ux_small", "missing-index error fixed"),
    ("DROP INDEX ix_measured", "missing-index warning fixed"),
    ('DROP INDEX "Shop"."ix %s"', "missing-index warning fixed"),
    ("CREATE INDEX ix ON child (day)", "extra-index info"),
    ("CREATE UNIQUE INDEX ux ON child (day)", "extra-index error fixed"),
    ("CREATE UNIQUE INDEX ux ON child (id)", "redundant-index info"),
    ("CREATE INDEX again ON child (name)", "redundant-index info"),
    ("ALTER INDEX ix_name RENAME TO ix", "renamed-index info fixed"),
    ("ALTER INDEX ix_name SET (fillfactor = 50)", "index info"),
    ("DROP INDEX ix_name; CREATE INDEX ix_name ON child (name DESC)", "index warning fixed"),
    (
        "DROP INDEX ix_name; CREATE INDEX ix_name ON child (name NULLS FIRST)",
        "index warning fixed",
    ),
    ("DROP INDEX ix_name; CREATE INDEX ix_name ON child (lower(name))", "index warning fixed"),
    ("DROP INDEX ix_name; CREATE INDEX ix_name ON child (name, day)", "index warning fixed"),
    (
        "DROP INDEX ix_name; CREATE INDEX ix_name ON child (name) INCLUDE (day)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_name; CREATE INDEX ix_name ON child (name) WHERE small > 0",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_name; CREATE INDEX ix_name ON child (name varchar_pattern_ops)",
        "index warning fixed",
    ),
    (
        'DROP INDEX ix_name; CREATE INDEX ix_name ON child (name COLLATE "C")',
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_name; CREATE INDEX ix_name ON child USING hash (name)",
        "index warning fixed",
    ),
    ("DROP INDEX ix_name; CREATE UNIQUE INDEX ix_name ON child (name)", "index error fixed"),
    ("DROP INDEX ux_small; CREATE UNIQUE INDEX ux_small ON child (small)", "index error fixed"),
    (
        "DROP INDEX ux_small; CREATE UNIQUE INDEX ux_small ON child (small) WHERE small > 1",
        "index error fixed",
    ),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ux_small'::regclass",
        "invalid-index error fixed",
    ),
    ("DROP INDEX ix_cover", "missing-index warning fixed"),
    ("DROP INDEX ix_part", "missing-index warning fixed"),
    ("DROP INDEX ux_expr", "missing-index error fixed"),
    ("DROP INDEX ix_doc", "missing-index warning fixed"),
    ("DROP INDEX ix_cover; CREATE INDEX ix_cover ON thing (big)", "index warning fixed"),
    (
        "DROP INDEX ix_cover; CREATE INDEX ix_cover ON thing (big) INCLUDE (number)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_cover; CREATE INDEX ix_cover ON thing (big) INCLUDE (ratio, number)",
        "index warning fixed",
    ),
    ("DROP INDEX ix_cover; CREATE INDEX ix_cover ON thing (big, ratio)", "index warning fixed"),
    (
        "DROP INDEX ix_mixed; CREATE INDEX ix_mixed ON thing (lower(letter), big DESC)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_mixed; CREATE INDEX ix_mixed ON thing (lower(letter), big)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_mixed; CREATE INDEX ix_mixed ON thing (lower(letter), big ASC NULLS FIRST)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_mixed; CREATE INDEX ix_mixed ON thing (upper(letter), big DESC NULLS LAST)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_mixed; CREATE INDEX ix_mixed ON thing (big DESC NULLS LAST, lower(letter))",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_mixed; CREATE INDEX ix_mixed ON thing (lower(letter))",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_part; CREATE INDEX ix_part ON thing (big) WHERE NOT flag",
        "index warning fixed",
    ),
    ("DROP INDEX ix_part; CREATE INDEX ix_part ON thing (big)", "index warning fixed"),
    (
        "DROP INDEX ix_part; CREATE INDEX ix_part ON thing (big) WHERE flag AND big > 0",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_part; CREATE INDEX ix_part ON thing (number) WHERE flag",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_doc; CREATE INDEX ix_doc ON thing USING gin (doc) WITH (fastupdate = off)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ix_doc; CREATE INDEX ix_doc ON thing USING gin (doc jsonb_path_ops)",
        "index info",
    ),
    (
        "DROP INDEX ix_doc; CREATE INDEX ix_doc ON thing USING gin (doc jsonb_path_ops) "
        "WITH (fastupdate = on)",
        "index info",
    ),
    (
        "DROP INDEX ix_doc; CREATE INDEX ix_doc ON thing USING gin (doc jsonb_path_ops) "
        "WITH (fastupdate = off, gin_pending_list_limit = 128)",
        "index info",
    ),
    ("DROP INDEX ix_named; CREATE INDEX ix_named ON thing (named)", "index warning fixed"),
    (
        'DROP INDEX ix_named; CREATE INDEX ix_named ON thing (named COLLATE "POSIX" '
        "varchar_pattern_ops)",
        "index warning fixed",
    ),
    ("DROP INDEX ix_uid; CREATE INDEX ix_uid ON thing (uid)", "index warning fixed"),
    (
        "DROP INDEX ix_uid; CREATE INDEX ix_uid ON thing USING hash (uid) WITH (fillfactor = 50)",
        "index info",
    ),
    ("DROP INDEX ix_brin; CREATE INDEX ix_brin ON thing USING brin (big)", "index info"),
    (
        "DROP INDEX ix_brin; CREATE INDEX ix_brin ON thing USING brin (big) WITH "
        "(pages_per_range = 32)",
        "index info",
    ),
    (
        "DROP INDEX ix_brin; CREATE INDEX ix_brin ON thing USING brin (big "
        "int8_minmax_multi_ops) WITH (pages_per_range = 16)",
        "index warning fixed",
    ),
    ("DROP INDEX ux_expr; CREATE INDEX ux_expr ON thing (lower(letter))", "index error fixed"),
    (
        "DROP INDEX ux_expr; CREATE UNIQUE INDEX ux_expr ON thing (upper(letter))",
        "index error fixed",
    ),
    ("DROP INDEX ux_expr; CREATE UNIQUE INDEX ux_expr ON thing (letter)", "index error fixed"),
    (
        "DROP INDEX ux_expr; CREATE UNIQUE INDEX ux_expr ON thing (lower(letter)) INCLUDE (big)",
        "index warning fixed",
    ),
    (
        "DROP INDEX ux_expr; CREATE UNIQUE INDEX ux_expr ON thing (lower(letter), big)",
        "index error fixed",
    ),
    ("CREATE INDEX ON thing (ratio)", "extra-index info"),
    ("CREATE INDEX ON listed (n)", "extra-index info"),
    ("CREATE INDEX ix ON ONLY listed (n)", "extra-index info, invalid-index error"),
    ("CREATE UNIQUE INDEX ux ON ONLY listed (region)", "extra-index error, invalid-index error"),
    (
        "ALTER TABLE ONLY listed ADD CONSTRAINT listed_key UNIQUE (region)",
        "extra-unique error, unenforced-constraint error",
    ),
    ("CREATE INDEX again ON thing USING hash (uid)", "redundant-index info"),
    ("ALTER INDEX ux_expr RENAME TO ux", "renamed-index info fixed"),
    ("DROP INDEX ix_measured; CREATE INDEX ix_measured ON measured (at)", "index warning fixed"),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_cover'::regclass",
        "invalid-index error fixed",
    ),
]
