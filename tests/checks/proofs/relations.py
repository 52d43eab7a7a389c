"""Of tables, types and sequences."""

from __future__ import annotations

from tests.checks.proofs.shape import (
    DOMAIN,
    DRAW,
    INSERT_1,
    LABELS,
    NOTHING,
    PARTED,
    T,
    let_in,
    proof,
    refused,
    same,
)

PROOFS = [
    proof("missing-table", T, "", ("SELECT a FROM t", NOTHING, "UndefinedTable")),
    same("extra-table", T, T + "; CREATE TABLE old (a int)"),
    proof("relation-kind", "CREATE VIEW t AS SELECT 1 AS a", T, ("SELECT a FROM t", [(1,)], [])),
    proof(
        "partitioning",
        T,
        PARTED + "; CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (2)",
        ("INSERT INTO t VALUES (2)", NOTHING),
        (INSERT_1, NOTHING, "CheckViolation"),
    ),
    proof(
        "partitioning: lost",
        PARTED
        + "; CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1);"
        + "CREATE TABLE t_2 PARTITION OF t FOR VALUES IN (2)",
        T,
        ("EXPLAIN SELECT a FROM t WHERE a = 1", "Seq Scan on t_1", "Seq Scan on t "),
    ),
    proof(
        "inheritance",
        "CREATE TABLE p (a int); CREATE TABLE t (a int)",
        "CREATE TABLE p (a int); CREATE TABLE t () INHERITS (p)",
        (INSERT_1, NOTHING),
        ("SELECT a FROM p", NOTHING, [(1,)]),
        ("SELECT a FROM t", [(1,)]),
    ),
    same("storage", T + " WITH (fillfactor = 50)", T + " WITH (fillfactor = 90)"),
    same(
        "access-method",
        "CREATE ACCESS METHOD am TYPE TABLE HANDLER heap_tableam_handler; " + T + " USING am",
        T,
    ),
    same("comment", T + "; COMMENT ON TABLE t IS 'x'", T),
    proof(
        "view",
        "CREATE VIEW t AS SELECT 1 AS a",
        "CREATE VIEW t AS SELECT 2 AS a",
        ("SELECT a FROM t", [(1,)], [(2,)]),
    ),
    proof(
        "missing-domain",
        DOMAIN.format(""),
        T,
        ("SELECT a FROM t WHERE a = 1::positive", NOTHING, "UndefinedObject"),
    ),
    same(
        "domain-constraint-name",
        DOMAIN.format(" CONSTRAINT c CHECK (VALUE > 0)"),
        DOMAIN.format(" CONSTRAINT d CHECK (VALUE > 0)"),
    ),
    same("extra-domain", T, T + "; CREATE DOMAIN positive AS int"),
    let_in(
        "domain",
        DOMAIN.format(" CHECK (VALUE > 0)"),
        DOMAIN.format(""),
        "INSERT INTO t VALUES (0)",
        "CheckViolation",
    ),
    proof(
        "missing-enum",
        LABELS.format("'x'"),
        "CREATE TABLE t (a text)",
        ("SELECT a FROM t WHERE a = 'x'::mood", NOTHING, "UndefinedObject"),
    ),
    same("extra-enum", T, T + "; CREATE TYPE mood AS ENUM ('x')"),
    refused(
        "enum-labels",
        LABELS.format("'x', 'y'"),
        LABELS.format("'x'"),
        "INSERT INTO t VALUES ('y')",
        "InvalidTextRepresentation",
    ),
    proof(
        "enum-order",
        LABELS.format("'x', 'y'"),
        LABELS.format("'y', 'x'"),
        ("INSERT INTO t VALUES ('y'), ('x')", NOTHING),
        ("SELECT a FROM t ORDER BY a", [("x",), ("y",)], [("y",), ("x",)]),
        ("SELECT count(*) FROM t WHERE a < 'y'", [(1,)], [(0,)]),
        ("SELECT count(*) FROM t WHERE a = 'y'", [(1,)]),
    ),
    proof("missing-sequence", "CREATE SEQUENCE s", "", (DRAW, [(1,)], "UndefinedTable")),
    *(
        proof("sequence", "CREATE SEQUENCE s MAXVALUE 9", f"CREATE SEQUENCE s {options}", *queries)
        for options, *queries in (
            ("MAXVALUE 9 START 5", (DRAW, [(1,)], [(5,)])),
            ("MAXVALUE 9 INCREMENT 2", (DRAW, [(1,)]), (DRAW, [(2,)], [(3,)])),
            (
                "MINVALUE 0 MAXVALUE 1 START 1",
                (DRAW, [(1,)]),
                (DRAW, [(2,)], "SequenceGeneratorLimitExceeded"),
            ),
            ("MINVALUE 0 MAXVALUE 1 START 1 CYCLE", (DRAW, [(1,)]), (DRAW, [(2,)], [(0,)])),
            (
                "AS bigint",
                (
                    "SELECT nextval('s') FROM generate_series(1, 10)",
                    "SequenceGeneratorLimitExceeded",
                    [(n,) for n in range(1, 11)],
                ),
            ),
        )
    ),
    same("extra-sequence", T, T + "; CREATE SEQUENCE s"),
    proof(
        "sequence-owner",
        T + "; CREATE SEQUENCE s",
        T + "; CREATE SEQUENCE s OWNED BY t.a",
        (DRAW, [(1,)]),
        ("DROP TABLE t", NOTHING),
        ("SELECT to_regclass('s') IS NULL", [(False,)], [(True,)]),
    ),
]
