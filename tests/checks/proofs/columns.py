"""Of columns."""

from __future__ import annotations

from tests.checks.proofs.shape import (
    AB,
    ALWAYS,
    AS,
    DOMAIN,
    ID,
    INSERT_1,
    LABELS,
    NOTHING,
    T,
    let_in,
    proof,
    refused,
    same,
)

PROOFS = [
    proof("missing-column", AB, T, ("SELECT a, b FROM t", NOTHING, "UndefinedColumn")),
    same(
        "extra-column", T, AB, (INSERT_1, NOTHING), ("SELECT to_json(t) ->> 'b' FROM t", [(None,)])
    ),
    *(
        proof(
            "extra-column: filled",
            T,
            f"CREATE TABLE t (a int, b int {how})",
            (INSERT_1, NOTHING),
            ("SELECT a FROM t", [(1,)]),
            ("SELECT to_json(t) ->> 'b' FROM t", [(None,)], [("1",)]),
        )
        for how in (
            *("NOT NULL DEFAULT 1", "DEFAULT 1", "GENERATED ALWAYS AS IDENTITY"),
            "GENERATED ALWAYS AS (a) STORED",
        )
    ),
    refused(
        "extra-column: required",
        T,
        "CREATE TABLE t (a int, b int NOT NULL)",
        INSERT_1,
        "NotNullViolation",
    ),
    refused(
        "type",
        "CREATE TABLE t (a int)",
        "CREATE DOMAIN d AS int CHECK (VALUE > 1); CREATE TABLE t (a d)",
        INSERT_1,
        "CheckViolation",
    ),
    *(
        proof(
            "type",
            f"CREATE TABLE t (a {type_})",
            f"CREATE DOMAIN d AS {other}; CREATE TABLE t (a d)",
            (f"INSERT INTO t VALUES ('{value}'::{type_})", NOTHING),
            (
                f"SELECT pg_typeof(a)::text <> 'd', a::text = '{value}' FROM t",
                [(True, True)],
                [(False, other == "text")],
            ),
        )
        for type_, other, value in (("int", "text", "1"), ("numeric", "numeric(3,1)", "1.25"))
    ),
    proof(
        "type: incomparable",
        "CREATE TABLE t (a text)",
        LABELS.format("'x'"),
        ("SELECT a FROM t WHERE a = 'x'::varchar", NOTHING, "UndefinedFunction"),
    ),
    proof(
        "type: incomparable",
        T,
        "CREATE TABLE t (a text)",
        ("SELECT a FROM t WHERE a = 1", NOTHING, "UndefinedFunction"),
    ),
    *(
        refused(
            "type: narrower",
            f"CREATE TABLE t (a {type_})",
            f"CREATE TABLE t (a {other})",
            f"INSERT INTO t VALUES ({value})",
            error,
        )
        for type_, other, value, error in (
            ("bigint", "int", "3000000000", "NumericValueOutOfRange"),
            ("varchar(9)", "varchar(3)", "'1234'", "StringDataRightTruncation"),
            ("numeric(9, 2)", "numeric(4, 2)", "100", "NumericValueOutOfRange"),
            ("bit(3)", "bit(5)", "B'101'", "StringDataLengthMismatch"),
        )
    ),
    *(
        proof(
            key,
            f"CREATE TABLE t (a {type_})",
            f"CREATE TABLE t (a {other})",
            (f"INSERT INTO t VALUES ({value}::{type_})", NOTHING),
            (f"SELECT {read} FROM t", [(one,)], [(another,)]),
        )
        for key, type_, other, value, read, one, another in (
            ("type: rounded", "numeric(9, 2)", "numeric(9, 1)", "1.25", "a::text", "1.25", "1.3"),
            (
                "type: rounded",
                "timestamp",
                "date",
                "'2020-01-02 03:04'",
                "to_char(a, 'HH24:MI')",
                "03:04",
                "00:00",
            ),
            ("type: read", "int", "numeric", "1", "pg_typeof(a)::text", "integer", "numeric"),
            ("type: padded", "varchar(5)", "char(5)", "'x'", "octet_length(a)", 1, 5),
            ("type: unpadded", "char(5)", "varchar(5)", "'x'", "octet_length(a)", 5, 1),
            (
                "type: binary json",
                "json",
                "jsonb",
                """'{"b": 1, "a": 2, "a": 3}'""",
                "a::text",
                '{"b": 1, "a": 2, "a": 3}',
                '{"a": 3, "b": 1}',
            ),
        )
    ),
    proof(
        "type: zone",
        "CREATE TABLE t (a timestamp)",
        "CREATE TABLE t (a timestamptz)",
        ("SET timezone = 'UTC'", NOTHING),
        ("INSERT INTO t VALUES ('2020-01-02 03:00')", NOTHING),
        ("SET timezone = 'Asia/Tokyo'", NOTHING),
        ("SELECT extract(hour FROM a)::int FROM t", [(3,)], [(12,)]),
    ),
    let_in(
        "type: domain",
        DOMAIN.format(" CHECK (VALUE > 0)"),
        T,
        "INSERT INTO t VALUES (0)",
        "CheckViolation",
    ),
    proof(
        "type: wider",
        "CREATE TABLE t (a varchar(3))",
        "CREATE TABLE t (a varchar(5))",
        ("INSERT INTO t VALUES ('abc')", NOTHING),
        ("SELECT a FROM t", [("abc",)]),
        ("INSERT INTO t VALUES ('abcd')", "StringDataRightTruncation", NOTHING),
    ),
    let_in(
        "nullability: lost",
        "CREATE TABLE t (a int NOT NULL)",
        T,
        "INSERT INTO t VALUES (NULL)",
        "NotNullViolation",
    ),
    refused(
        "nullability: gained",
        T,
        "CREATE TABLE t (a int NOT NULL DEFAULT 1)",
        "INSERT INTO t VALUES (NULL)",
        "NotNullViolation",
    ),
    *(
        proof(
            key,
            f"CREATE TABLE t (a int, b int {model})",
            f"CREATE TABLE t (a int, b int {database})",
            (INSERT_1, NOTHING),
            ("SELECT b FROM t", [(one,)], [(other,)]),
        )
        for key, model, database, one, other in (
            ("default: lost", "DEFAULT 1", "", 1, None),
            ("default: gained", "", "DEFAULT 1", None, 1),
            ("default: another", "DEFAULT 1", "DEFAULT 2", 1, 2),
            ("identity", ID, f"{ID} (START 5)", 1, 5),
            ("identity: lost", ID, "", 1, None),
            ("generated", f"{AS} (a + 1) STORED", f"{AS} (a + 2) STORED", 2, 3),
            ("generated: lost", f"{AS} (a + 1) STORED", "", 2, None),
        )
    ),
    *(
        refused(
            key,
            f"CREATE TABLE t (a int, b int NOT NULL {model})",
            "CREATE TABLE t (a int, b int NOT NULL)",
            INSERT_1,
            "NotNullViolation",
        )
        for key, model in (
            ("default: lost, required", "DEFAULT 1"),
            ("identity: lost, required", ID),
        )
    ),
    proof(
        "default: not owned",
        "CREATE TABLE t (a serial, b int)",
        "CREATE SEQUENCE t_a_seq AS int;"
        "CREATE TABLE t (a int NOT NULL DEFAULT nextval('t_a_seq'), b int)",
        ("INSERT INTO t (b) VALUES (1)", NOTHING),
        ("SELECT a, b FROM t", [(1, 1)]),
        ("DROP TABLE t", NOTHING),
        ("SELECT to_regclass('t_a_seq') IS NULL", [(True,)], [(False,)]),
    ),
    same(
        "serial-or-identity",
        "CREATE TABLE t (b serial, a int)",
        f"CREATE TABLE t (b int {ID}, a int)",
        (INSERT_1, NOTHING),
        ("INSERT INTO t (b) VALUES (7)", NOTHING),
        ("SELECT a, b FROM t", [(1, 1), (None, 7)]),
    ),
    *(
        proof(
            key,
            f"CREATE TABLE t (a int {model}, b int)",
            f"CREATE TABLE t (a int {database}, b int)",
            (INSERT_1, NOTHING, "GeneratedAlways"),
        )
        for key, model, database in (
            ("identity: strict", ID, ALWAYS),
            ("identity: gained, strict", "NOT NULL", ALWAYS),
            ("generated: gained", "", f"{AS} (1) STORED"),
        )
    ),
    refused(
        "serial-or-identity: strict",
        "CREATE TABLE t (a serial)",
        f"CREATE TABLE t (a int {ALWAYS})",
        INSERT_1,
        "GeneratedAlways",
    ),
    proof(
        "identity: gained",
        "CREATE TABLE t (a int NOT NULL, b int)",
        f"CREATE TABLE t (a int {ID}, b int)",
        ("INSERT INTO t (b) VALUES (1)", "NotNullViolation", NOTHING),
    ),
    proof(
        "identity: lenient",
        f"CREATE TABLE t (a int {ALWAYS}, b int)",
        f"CREATE TABLE t (a int {ID}, b int)",
        ("INSERT INTO t (b) VALUES (1)", NOTHING),
        ("SELECT a FROM t", [(1,)]),
        (INSERT_1, "GeneratedAlways", NOTHING),
    ),
    same(
        "generated: stored",
        f"CREATE TABLE t (a int, b int {AS} (a + 1) STORED)",
        f"CREATE TABLE t (a int, b int {AS} (a + 1) VIRTUAL)",
        (INSERT_1, NOTHING),
        ("SELECT b FROM t", [(2,)]),
    ),
    proof(
        "collation",
        'CREATE TABLE t (a text COLLATE "C")',
        'CREATE TABLE t (a text COLLATE "und-x-icu")',
        ("INSERT INTO t VALUES ('B'), ('a')", NOTHING),
        ("SELECT a FROM t ORDER BY a", [("B",), ("a",)], [("a",), ("B",)]),
        ("SELECT count(*) FROM t WHERE a >= 'a'", [(1,)], [(2,)]),
        ("SELECT count(*) FROM t WHERE a < 'a'", [(1,)], [(0,)]),
    ),
]
