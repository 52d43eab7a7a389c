"""Of tables."""
# ruff: noqa: ISC004 - of each case the first is SQL, over as many lines as it takes

from __future__ import annotations

CASES = [
    ("DROP TABLE child", "missing-table error"),
    ("CREATE TABLE other (id integer)", "extra-table warning"),
    (
        "ALTER TABLE parent RENAME TO p",
        "foreign-key error, extra-table warning, missing-table error",
    ),
    ("ALTER TABLE child SET UNLOGGED", "unlogged warning fixed"),
    ("COMMENT ON TABLE child IS 'another'", "comment info fixed"),
    ("COMMENT ON COLUMN child.name IS 'x'", "comment info fixed"),
    ('ALTER TABLE child SET SCHEMA "Shop"', "extra-table warning, missing-table error"),
    ("DROP TABLE fast", "missing-table error"),
    ("ALTER TABLE fast SET LOGGED", "unlogged info fixed"),
    ("DROP TABLE listed", "missing-table error"),
    ('DROP TABLE "Shop"."Order" CASCADE', "missing-table error, missing-foreign-key error"),
    ("CREATE UNLOGGED TABLE other (id integer)", "extra-table warning"),
    ('CREATE TABLE "Shop".other (id integer)', "extra-table warning"),
    (
        "DROP TABLE listed; CREATE TABLE listed (region text NOT NULL, n integer)",
        "partitioning warning",
    ),
    (
        "DROP TABLE listed; CREATE TABLE listed (region text NOT NULL, n integer) "
        "PARTITION BY RANGE (region)",
        "partitioning warning",
    ),
    (
        "DROP TABLE listed; CREATE TABLE listed (region text NOT NULL, n integer) "
        "PARTITION BY LIST (n)",
        "partitioning warning",
    ),
    (
        "DROP TABLE listed; CREATE TABLE listed (region text NOT NULL, n integer) "
        "PARTITION BY LIST (lower(region))",
        "partitioning warning",
    ),
    (
        "DROP TABLE listed; CREATE TABLE listed (region text NOT NULL, n integer) "
        "PARTITION BY HASH (region)",
        "partitioning warning",
    ),
    (
        "DROP TABLE fast; CREATE TABLE fast (id integer) PARTITION BY HASH (id)",
        "partitioning warning, unlogged info, nullability error",
    ),
    ("ALTER TABLE derived NO INHERIT base", "inheritance warning"),
    (
        "ALTER TABLE fast ADD COLUMN a integer; ALTER TABLE fast INHERIT base",
        "inheritance warning, extra-column info",
    ),
    (
        "CREATE TABLE second (a integer); ALTER TABLE derived INHERIT second",
        "inheritance warning, extra-table warning",
    ),
    ("ALTER TABLE thing RESET (fillfactor)", "storage info fixed"),
    ("ALTER TABLE thing SET (fillfactor = 80)", "storage info fixed"),
    ("ALTER TABLE thing SET (autovacuum_enabled = off)", "storage info fixed"),
    ("ALTER TABLE thing SET (toast.autovacuum_enabled = on)", "storage info fixed"),
    ("ALTER TABLE thing RESET (toast.autovacuum_enabled)", "storage info fixed"),
    ("COMMENT ON TABLE child IS NULL", "comment info fixed"),
    ("COMMENT ON TABLE parent IS 'new'", "comment info fixed"),
    ("COMMENT ON COLUMN thing.big IS NULL", "comment info fixed"),
    ("COMMENT ON COLUMN thing.big IS 'large'", "comment info fixed"),
    ("ALTER TABLE listed DETACH PARTITION listed_eu", "extra-table warning"),
    (
        "DROP TABLE listed_eu; CREATE TABLE listed_eu (region text NOT NULL, n integer)",
        "extra-table warning",
    ),
    ("DROP TABLE derived; CREATE VIEW derived AS SELECT 1 AS a", "missing-column error"),
    (
        "DROP TABLE derived; CREATE MATERIALIZED VIEW derived AS SELECT 1::bigint AS a, 2 AS b",
        "type warning",
    ),
]
