"""Of constraints."""

from __future__ import annotations

from tests.checks.proofs.shape import (
    ADDED,
    AT_COMMIT,
    BY_A,
    CHILD,
    DEFERRED,
    DOUBLED,
    INDEX,
    INSERT_1,
    KEYED,
    MANY,
    NOTHING,
    PARENT,
    REFERS,
    REFUSALS,
    TWO,
    UNIQUE_INDEX,
    WHOLE,
    T,
    let_in,
    proof,
    refused,
    same,
)

PROOFS = [
    let_in(
        "missing-primary-key",
        "CREATE TABLE t (a int PRIMARY KEY)",
        "CREATE TABLE t (a int NOT NULL)",
        DOUBLED,
        "UniqueViolation",
    ),
    let_in(
        "missing-foreign-key",
        REFERS.format(""),
        CHILD.format(""),
        "INSERT INTO t VALUES (7)",
        "ForeignKeyViolation",
    ),
    proof(
        "missing-foreign-key",
        REFERS.format(" ON DELETE CASCADE"),
        CHILD.format(""),
        (INSERT_1, NOTHING),
        ("DELETE FROM p", NOTHING),
        ("SELECT a FROM t", NOTHING, [(1,)]),
    ),
    let_in("missing-unique", T + "; ALTER TABLE t ADD UNIQUE (a)", T, DOUBLED, "UniqueViolation"),
    let_in("missing-check", "CREATE TABLE t (a int CHECK (a > 1))", T, INSERT_1, "CheckViolation"),
    let_in(
        "missing-exclusion",
        "CREATE TABLE t (a int, EXCLUDE (a WITH =))",
        T,
        DOUBLED,
        "ExclusionViolation",
    ),
    refused(
        "extra-primary-key",
        "CREATE TABLE t (a int NOT NULL)",
        "CREATE TABLE t (a int PRIMARY KEY)",
        DOUBLED,
        "UniqueViolation",
    ),
    refused(
        "extra-foreign-key",
        CHILD.format(""),
        REFERS.format(""),
        "INSERT INTO t VALUES (7)",
        "ForeignKeyViolation",
    ),
    refused("extra-unique", T, "CREATE TABLE t (a int UNIQUE)", DOUBLED, "UniqueViolation"),
    refused("extra-check", T, "CREATE TABLE t (a int CHECK (a > 1))", INSERT_1, "CheckViolation"),
    refused(
        "extra-exclusion",
        T,
        "CREATE TABLE t (a int, EXCLUDE (a WITH =))",
        DOUBLED,
        "ExclusionViolation",
    ),
    let_in(
        "unenforced-constraint",
        REFERS.format(""),
        REFERS.format("") + "; ALTER TABLE t DISABLE TRIGGER ALL",
        "INSERT INTO t VALUES (7)",
        "ForeignKeyViolation",
    ),
    same(
        "constraint-comment",
        "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0)); COMMENT ON CONSTRAINT c ON t IS 'x'",
        "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0))",
    ),
    same(
        "missing-not-null",
        T + "; ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
        "CREATE TABLE t (a int CONSTRAINT n NOT NULL)",
    ),
    proof(
        "extra-not-null",
        "CREATE TABLE t (a int CONSTRAINT n NOT NULL)",
        T + "; INSERT INTO t VALUES (NULL); ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
        ("INSERT INTO t VALUES (NULL)", "NotNullViolation"),
        ("SELECT a FROM t", NOTHING, [(None,)]),
    ),
    same(
        "redundant-constraint",
        "CREATE TABLE t (a int UNIQUE)",
        "CREATE TABLE t (a int UNIQUE); ALTER TABLE t ADD CONSTRAINT again UNIQUE (a)",
        (INSERT_1, NOTHING),
        (INSERT_1, "UniqueViolation"),
    ),
    same(
        "renamed-constraint",
        "CREATE TABLE t (a int CONSTRAINT one UNIQUE)",
        "CREATE TABLE t (a int CONSTRAINT other UNIQUE)",
        (INSERT_1, NOTHING),
        (INSERT_1, "UniqueViolation"),
    ),
    *(
        same(key, *sides, (INSERT_1, NOTHING), (INSERT_1, "UniqueViolation"))
        for key, *sides in (
            ("unique-index-for-constraint", "CREATE TABLE t (a int UNIQUE)", UNIQUE_INDEX),
            ("unique-constraint-for-index", UNIQUE_INDEX, "CREATE TABLE t (a int UNIQUE)"),
        )
    ),
    let_in(
        "primary-key",
        "CREATE TABLE t (a int, b int NOT NULL DEFAULT random() * 1e9, PRIMARY KEY (a))",
        "CREATE TABLE t (a int, b int NOT NULL DEFAULT random() * 1e9, PRIMARY KEY (a, b))",
        DOUBLED,
        "UniqueViolation",
    ),
    let_in(
        "unique",
        "CREATE TABLE t (a int, b int, CONSTRAINT u UNIQUE (a))",
        "CREATE TABLE t (a int, b int, CONSTRAINT u UNIQUE (b))",
        DOUBLED,
        "UniqueViolation",
    ),
    *(
        one
        for kind, key in (("primary-key", "PRIMARY KEY"), ("unique", "UNIQUE"))
        for one in (
            proof(
                f"{kind}: reordered",
                KEYED.format(f"{key} (a, b)") + MANY,
                KEYED.format(f"{key} (b, a)") + MANY,
                (BY_A, INDEX, WHOLE),
                ("INSERT INTO t VALUES (1, 1)", "UniqueViolation"),
            ),
            same(
                f"{kind}: covering",
                KEYED.format(f"{key} (a)") + MANY,
                KEYED.format(f"{key} (a) INCLUDE (b)") + MANY,
                ("INSERT INTO t VALUES (1, 7)", "UniqueViolation"),
                (BY_A, INDEX),
            ),
            proof(
                f"{kind}: not covering",
                KEYED.format(f"{key} (a) INCLUDE (b)") + MANY,
                KEYED.format(f"{key} (a)") + MANY,
                ("INSERT INTO t VALUES (1, 7)", "UniqueViolation"),
                (BY_A, "Index Only Scan", "Index Scan"),
            ),
            proof(
                f"{kind}: deferred",
                KEYED.format(f"{key} (a)"),
                KEYED.format(f"{key} (a) {DEFERRED}"),
                ("INSERT INTO t VALUES (1, 1)", NOTHING),
                (
                    "INSERT INTO t VALUES (2, 2) ON CONFLICT (a) DO NOTHING",
                    NOTHING,
                    "ObjectNotInPrerequisiteState",
                ),
                ("INSERT INTO t VALUES (1, 1)", "UniqueViolation", NOTHING),
                (AT_COMMIT, NOTHING, "UniqueViolation"),
            ),
            proof(
                f"{kind}: not deferred",
                KEYED.format(f"{key} (a) {DEFERRED}") + TWO,
                KEYED.format(f"{key} (a)") + TWO,
                ("UPDATE t SET a = a + 1", NOTHING, "UniqueViolation"),
            ),
        )
    ),
    proof(
        "foreign-key",
        REFERS.format("") + "; CREATE TABLE q (a int PRIMARY KEY)",
        PARENT
        + "CREATE TABLE q (a int PRIMARY KEY); CREATE TABLE t (a int CONSTRAINT fk REFERENCES q)",
        (INSERT_1, NOTHING, "ForeignKeyViolation"),
        ("INSERT INTO q VALUES (7)", NOTHING),
        ("INSERT INTO t VALUES (7)", "ForeignKeyViolation", NOTHING),
    ),
    proof(
        "foreign-key: action",
        REFERS.format(" ON DELETE CASCADE"),
        REFERS.format(" ON DELETE SET NULL"),
        (INSERT_1, NOTHING),
        ("DELETE FROM p", NOTHING),
        ("SELECT a FROM t", NOTHING, [(None,)]),
    ),
    proof(
        "foreign-key: action",
        REFERS.format(" ON UPDATE CASCADE"),
        REFERS.format(""),
        (INSERT_1, NOTHING),
        ("UPDATE p SET a = 2", NOTHING, "ForeignKeyViolation"),
    ),
    proof(
        "foreign-key: deferred",
        REFERS.format(""),
        REFERS.format(DEFERRED),
        ("INSERT INTO t VALUES (7)", "ForeignKeyViolation", NOTHING),
        (AT_COMMIT, NOTHING, "ForeignKeyViolation"),
    ),
    proof(
        "foreign-key: not deferred",
        REFERS.format(DEFERRED),
        REFERS.format(""),
        ("INSERT INTO t VALUES (7)", NOTHING, "ForeignKeyViolation"),
        ("INSERT INTO p VALUES (7)", NOTHING),
        (AT_COMMIT, NOTHING),
    ),
    *(
        one
        for kind, made in (
            ("foreign-key", "FOREIGN KEY (a) REFERENCES p"),
            ("check", "CHECK (a = 1)"),
        )
        for one in (
            proof(
                f"{kind}: not valid",
                PARENT + T + ADDED.format(made, ""),
                PARENT + T + "; INSERT INTO t VALUES (7)" + ADDED.format(made, " NOT VALID"),
                ("SELECT a FROM t", NOTHING, [(7,)]),
                ("INSERT INTO t VALUES (8)", REFUSALS[kind]),
            ),
            same(
                f"{kind}: valid",
                PARENT + T + ADDED.format(made, " NOT VALID"),
                PARENT + T + ADDED.format(made, ""),
                ("INSERT INTO t VALUES (8)", REFUSALS[kind]),
                (INSERT_1, NOTHING),
            ),
        )
    ),
    let_in(
        "check",
        "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 1))",
        "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0))",
        INSERT_1,
        "CheckViolation",
    ),
    proof(
        "check: inherited",
        "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 1)); CREATE TABLE u () INHERITS (t)",
        "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 1) NO INHERIT);"
        "CREATE TABLE u () INHERITS (t)",
        (INSERT_1, "CheckViolation"),
        ("INSERT INTO u VALUES (1)", "CheckViolation", NOTHING),
    ),
    let_in(
        "exclusion",
        "CREATE TABLE t (a int, CONSTRAINT x EXCLUDE (a WITH =))",
        "CREATE TABLE t (a int, CONSTRAINT x EXCLUDE (a WITH =) WHERE (a > 1))",
        DOUBLED,
        "ExclusionViolation",
    ),
]
