"""Where statements begin and end; that PostgreSQL agrees is in tests/sources."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.lexer import next_token
from pytest_schemaguard.sqltext.statements import read, scan, split

if TYPE_CHECKING:
    from pathlib import Path


def texts(text: str) -> list[str]:
    return [statement.sql for statement in split(text, path="x.sql")]


def refusal(text: str) -> str:
    with pytest.raises(MigrationError) as caught:
        split(text, path="migrations/x.sql")
    return str(caught.value)


@pytest.mark.parametrize(
    "whole",
    [
        "SELECT ';'",
        "SELECT 'it''s;'",
        "SELECT E'it\\'s;'",
        "SELECT e'\\\\;'",
        "SELECT e'\\';'",
        "SELECT E'a'\n  'b\\';c'",
        "SELECT E'a' -- ;\n 'b\\';c'",
        "SELECT U&'\\0061;', B'1;', x'1;', n'n;'",
        'SELECT "a;""b;"',
        'SELECT U&"a;"',
        "SELECT $$;$$",
        "SELECT $a$ $$;$b$;$a$",
        "SELECT $é$;$é$",
        "SELECT /* ; /* ; */ ; */ 1",
        "SELECT 1 -- ;\n, 2",
        "SELECT 1 --;\r, 2",
        "SELECT 5 +@-- ;\n 1",
        "SELECT 5 */* ; */ 1",
        "SELECT (1; 2)",
        "CREATE RULE r AS ON DELETE TO t DO ALSO (DELETE FROM a; DELETE FROM b)",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        "create or replace procedure p() begin atomic select case when true then 1 end; end",
        "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE a WHEN 1 THEN CASE WHEN b THEN c END END;END",
    ],
)
def test_semicolon_inside_ends_no_statement(whole: str) -> None:
    assert texts(f"{whole}; SELECT 2") == [whole, "SELECT 2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ;; ; -- nothing\n/* at all */", []),
        ("SELECT 1", ["SELECT 1"]),
        ("\ufeffSELECT 1;", ["SELECT 1"]),
        ("SELECT 1;\r\nSELECT\r\n2;\r\n", ["SELECT 1", "SELECT\r\n2"]),
        ("-- a\nSELECT 1 -- b\n; /* c */ SELECT 2", ["SELECT 1", "SELECT 2"]),
        ("SELECT a$1$b;$1$;", ["SELECT a$1$b", "$1$"]),
        ("SELECT $1;SELECT $2", ["SELECT $1", "SELECT $2"]),
        ("SELECT a$b$; SELECT c$b$", ["SELECT a$b$", "SELECT c$b$"]),
        ("CREATE FUNCTION f(begin int); X", ["CREATE FUNCTION f(begin int)", "X"]),
        ("BEGIN; SELECT 1; END;", ["BEGIN", "SELECT 1", "END"]),
        ("SELECT 1 AS begin; SELECT 2", ["SELECT 1 AS begin", "SELECT 2"]),
        ("CREATE TABLE begin (a int); SELECT 2", ["CREATE TABLE begin (a int)", "SELECT 2"]),
        ("SELECT '\\'; SELECT 2", ["SELECT '\\'", "SELECT 2"]),
        ("SELECT 1); SELECT 2", ["SELECT 1)", "SELECT 2"]),
        ("SELECT 'a%b' % 2", ["SELECT 'a%b' % 2"]),
    ],
)
def test_statements_are_slices_of_the_file(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_lines_are_those_of_the_first_token() -> None:
    found = split("-- one\n\nSELECT 1;\n/* a\nb */ SELECT\n 2; SELECT 3", path="x.sql")
    assert [(one.sql, one.line) for one in found] == [
        ("SELECT 1", 3),
        ("SELECT\n 2", 5),
        ("SELECT 3", 6),
    ]


def test_rows_of_copy_are_data() -> None:
    text = "COPY t (a, b) FROM stdin; -- rows\n1\t;\n--'\n\\\\.\n\\.\nSELECT 1;"
    copy, select = split(text, path="x.sql")
    assert (copy.kind, copy.sql, copy.line) == ("copy", "COPY t (a, b) FROM stdin", 1)
    assert (copy.data, copy.data_line) == ("1\t;\n--'\n\\\\.\n", 2)
    assert (select.sql, select.line, select.kind) == ("SELECT 1", 6, "sql")


def test_rows_of_copy_with_crlf_and_without_their_end() -> None:
    copy, select = split("copy t from STDIN;\r\n1\r\n\\.\r\nSELECT 1", path="x.sql")
    assert (copy.data, select.line) == ("1\r\n", 4)
    (unended,) = split("COPY t FROM stdin;\n1\n", path="x.sql")
    assert unended.data == "1\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("COPY t TO STDOUT", "copy"),
        ("COPY (SELECT 1 FROM t) TO stdout WITH (FORMAT csv)", "copy"),
        ("COPY t FROM '/rows'", "sql"),
        ("COPY stdin FROM '/rows'", "sql"),
        ("COPY t TO '/rows'", "sql"),
        ("SELECT 1 FROM stdin", "sql"),
    ],
)
def test_copy_without_rows_in_the_file(text: str, kind: str) -> None:
    (found,) = split(text, path="x.sql")
    assert (found.kind, found.data) == (kind, None)


def test_lines_that_pg_dump_writes_for_psql_are_understood() -> None:
    found = split("\\restrict aB1\n\nSELECT 1;\n\\unrestrict aB1\n", path="x.sql")
    assert [(one.kind, one.sql, one.line) for one in found] == [
        ("meta", "\\restrict aB1", 1),
        ("sql", "SELECT 1", 3),
        ("meta", "\\unrestrict aB1", 4),
    ]


@pytest.mark.parametrize(
    ("command", "subject", "fix"),
    [
        ("\\i other.sql", "\\i", "put that file's statements here"),
        ("\\connect shop", "\\connect", "with pg_dump and without --create"),
        ("\\copy t FROM 'x'", "\\copy", "COPY ... FROM stdin"),
        ("\\echo done", "\\echo", "write it in SQL, or take it out"),
        ("SELECT 1 \\gexec", "\\gexec", "EXECUTE in a DO block"),
        ("SELECT 1\\; SELECT 2", "\\;", "plain semicolon"),
        ("\\.", "\\.", "take the line out"),
        ("SELECT\n\\restrict x", "\\restrict", "write it in SQL"),
    ],
)
def test_other_commands_of_psql_are_refused(command: str, subject: str, fix: str) -> None:
    said = refusal(f"SELECT 1;\n{command}\n")
    line = 2 + command.count("\n")
    assert said.startswith(f"migrations/x.sql:{line}: {subject}: ")
    assert fix in said


@pytest.mark.parametrize("variable", [":name", ":'name'", ':"name"', ":{?name}"])
def test_variables_of_psql_are_refused(variable: str) -> None:
    assert refusal(f"SELECT 1;\n\nSELECT {variable};") == (
        f"migrations/x.sql:3: {variable}: is a variable of psql, whose value is not in this file\n"
        "  next: write the value itself"
    )


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a::int",
        "SELECT a[1:n]",
        "SELECT a[:n]",
        'SELECT a[lo:"hi"]',
        "CALL p(a := b)",
        "SELECT ':name'",
        "SELECT $$:name$$",
        "SELECT 1 -- :name",
        "SELECT '12:30'::time",
    ],
)
def test_colons_of_sql_are_no_variables(sql: str) -> None:
    assert len(texts(sql)) == 1


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("SELECT 1;\nSELECT 'a;\nb", 2, "string"),
        ("SELECT E'a\\';", 1, "string"),
        ("\n\nSELECT $a$ $$;", 3, "dollar-quoted string $a$"),
        ('SELECT "a;', 1, "quoted identifier"),
        ("SELECT 1; /* /* */", 1, "comment"),
    ],
)
def test_unterminated_quotes_and_comments_are_refused(text: str, line: int, what: str) -> None:
    said = refusal(text)
    assert said.startswith(f"migrations/x.sql:{line}: {what}: has no end: it opens here")
    assert said.endswith("next: close it")


def test_strings_with_other_rules_are_refused() -> None:
    said = refusal("SET standard_conforming_strings = off;\nSELECT '\\'';")
    assert "standard_conforming_strings: is switched off" in refusal(
        "set local standard_conforming_strings to 'off';"
    )
    assert said.startswith("migrations/x.sql:1: standard_conforming_strings: is switched off")
    assert len(texts("SET standard_conforming_strings = on;")) == 1


def test_sql_behind_copy_on_its_line_is_refused() -> None:
    said = refusal("COPY t FROM stdin; SELECT 1;\n1\n\\.\n")
    assert said.startswith("migrations/x.sql:1: COPY ... FROM stdin: is followed by more")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (
            "SELECT 'é';".encode("latin1"),
            "x.sql:1: this file: is not UTF-8: byte 0xe9 cannot stand",
        ),
        (b"\n\n\xff", "x.sql:3: this file: is not UTF-8: byte 0xff"),
        (b"\xef\xbb\xbf\n\xff", "x.sql:2: this file: is not UTF-8: byte 0xff"),
        ("SELECT 1".encode("utf-16"), "x.sql: this file: is UTF-16, as its byte-order mark says"),
        (b"SELECT 1;\n\0", "x.sql:2: this file: holds a NUL byte"),
        (
            b"PGDMP\x01\x0e",
            (
                "x.sql: this file: is a dump in pg_dump's custom format, not SQL\n"
                "  next: pg_restore --schema-only --file=x-schema.sql x.sql"
            ),
        ),
        (b"toc.dat\0\0", "x.sql: this file: is a dump in pg_dump's tar format, not SQL\n"),
    ],
)
def test_other_encodings_are_refused(tmp_path: Path, raw: bytes, words: str) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes(raw)
    with pytest.raises(MigrationError) as caught:
        read(path, shown="x.sql")
    assert str(caught.value).startswith(words)
    assert "  next: " in str(caught.value)


def test_text_is_read_as_it_stands_but_for_its_mark(tmp_path: Path) -> None:
    path = tmp_path / "x.sql"
    path.write_bytes("\ufeffSELECT 'é';\r\n".encode())
    assert read(path) == "SELECT 'é';\r\n"


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="cannot be read: No such file or directory"):
        read(tmp_path / "gone.sql")


anything = st.text("aeE$'\";()/*-\\:[]b1 \n\r\u00e9", max_size=40)


@given(text=anything)
def test_each_token_is_in_one_statement_and_none_is_lost(text: str) -> None:
    try:
        found = split(text, path="x.sql")
        tokens = [*scan(text, path="x.sql")]
    except MigrationError:
        assume(False)
    kept = "".join(text[t.start : t.end] for t in tokens if t.kind not in {"comment", "end"})
    assert "".join("".join(_tokens(one.sql)) for one in found) == kept


@given(text=anything)
def test_a_statement_is_its_own_only_statement(text: str) -> None:
    try:
        found = split(text, path="x.sql")
    except MigrationError:
        assume(False)
    for one in found:
        assert texts(one.sql) == [one.sql]


def _tokens(text: str) -> list[str]:
    found = []
    token = next_token(text, 0)
    while token is not None:
        if token.kind != "comment":
            found.append(text[token.start : token.end])
        token = next_token(text, token.end)
    return found
