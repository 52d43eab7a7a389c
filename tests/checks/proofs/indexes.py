"""Of indexes."""

from __future__ import annotations

from tests.checks.proofs.shape import (
    AB,
    BY_A,
    DOUBLED,
    INDEX,
    INDEXED,
    INDEXED_BY_A,
    INSERT_1,
    INVALID,
    MANY,
    NOTHING,
    UNIQUE_INDEX,
    WHOLE,
    T,
    let_in,
    proof,
    refused,
    same,
)

PROOFS = [
    proof(
        "missing-index", AB + INDEXED.format("(a)") + MANY, AB + ";" + MANY, (BY_A, INDEX, WHOLE)
    ),
    let_in("missing-index: unique", UNIQUE_INDEX, T, DOUBLED, "UniqueViolation"),
    proof(
        "extra-index",
        T,
        T + "; CREATE INDEX ix ON t (a)",
        (INSERT_1, NOTHING),
        ("SELECT a FROM t", [(1,)]),
        ("SELECT pg_indexes_size('t') > 8192", [(False,)], [(True,)]),
    ),
    refused("extra-index: unique", T, UNIQUE_INDEX, DOUBLED, "UniqueViolation"),
    same("redundant-index", INDEXED_BY_A, INDEXED_BY_A + "; CREATE INDEX again ON t (a)"),
    same("renamed-index", INDEXED_BY_A, T + "; CREATE INDEX another ON t (a)"),
    *(
        proof("index", AB + INDEXED.format(one) + MANY, AB + INDEXED.format(other) + MANY, query)
        for one, other, query in (
            ("(a)", "(b)", (BY_A, INDEX, WHOLE)),
            ("(a)", "(a) WHERE b > 1", (BY_A, INDEX, WHOLE)),
            ("(a)", "(abs(a))", (BY_A, INDEX, WHOLE)),
            ("(a)", "USING hash (a)", ("EXPLAIN SELECT * FROM t WHERE a < 5", INDEX, WHOLE)),
        )
    ),
    proof(
        "index: storage",
        AB + INDEXED.format("(a) WITH (fillfactor = 50)") + MANY,
        AB + INDEXED.format("(a)") + MANY,
        (BY_A, INDEX),
    ),
    let_in(
        "index: unique",
        UNIQUE_INDEX,
        UNIQUE_INDEX + " WHERE a > 1",
        DOUBLED,
        "UniqueViolation",
    ),
    let_in("index: unique, lost", UNIQUE_INDEX, INDEXED_BY_A, DOUBLED, "UniqueViolation"),
    refused("index: unique, gained", INDEXED_BY_A, UNIQUE_INDEX, DOUBLED, "UniqueViolation"),
    proof(
        "invalid-index",
        "CREATE TABLE t (a int, b int); CREATE UNIQUE INDEX ix ON t (a);" + MANY,
        "CREATE TABLE t (a int, b int); CREATE UNIQUE INDEX ix ON t (a);" + MANY + INVALID,
        (BY_A, INDEX, WHOLE),
        ("INSERT INTO t VALUES (1, 1)", "UniqueViolation", NOTHING),
    ),
]
