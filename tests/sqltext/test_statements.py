"""Where statements begin and end; that PostgreSQL agrees is in tests/migrations."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.sqltext.lexer import next_token
from pytest_schemaguard.sqltext.statements import scan, split, statements


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


@pytest.mark.parametrize(
    "variable", [":DBNAME", ":'USER'", ':"HOST"', ":{?VERSION}", ":ON_ERROR_STOP", ":ROW_COUNT"]
)
@pytest.mark.parametrize("around", ["SELECT {}", "SELECT a[1{}]", "SELECT JSON_OBJECT('a'{})"])
def test_variables_that_psql_sets_are_refused(variable: str, around: str) -> None:
    assert refusal(f"SELECT 1;\n\n{around.format(variable)};") == (
        f"migrations/x.sql:3: {variable}: is a variable that psql sets, and its value is not in "
        "this file\n"
        "  next: write the value itself, or a space after the colon where it is no variable"
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
        "SELECT JSON_OBJECT('id':id, 'n':1, 'a':\"b\", 'c':'d')",
        "SELECT :name, :'name', :\"name\", :1, :é",
        "SELECT :error, :user, :'dbname', :Version",
        "SELECT a::USER, ':DBNAME', \":DBNAME\", $$:DBNAME$$ -- :DBNAME",
        "CALL p(a :=DBNAME)",
        "SELECT :DBNAMES",
    ],
)
def test_colons_of_sql_and_variables_that_nothing_sets_stay(sql: str) -> None:
    code = sql.partition(" -- ")[0]
    assert (
        texts(f"{sql};\nSELECT 2" if code == sql else sql)
        == [code, "SELECT 2"][: 1 + (code == sql)]
    )


def test_the_question_whether_a_variable_is_set_is_answered_as_psql_answers_it() -> None:
    (asked,) = split("\nSELECT :{?name},\n :{?n}, ':{?n}' FROM nowhere", path="x.sql")
    assert asked.sql == "SELECT FALSE   ,\n FALSE, ':{?n}' FROM nowhere"
    assert asked.line == 2


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


OFF = "SET standard_conforming_strings = off"


@pytest.mark.parametrize(
    ("before", "escapes"),
    [
        ([OFF], True),
        (["set local standard_conforming_strings to 'OFF'"], True),
        (["SET SESSION standard_conforming_strings TO false"], True),
        (["SELECT pg_catalog.set_config('standard_conforming_strings', 'off', false)"], True),
        ([OFF, "SET standard_conforming_strings = on"], False),
        ([OFF, "RESET standard_conforming_strings"], False),
        ([OFF, "SET standard_conforming_strings TO DEFAULT"], False),
        ([OFF, "RESET ALL"], False),
        ([OFF, "DISCARD ALL"], False),
        (["BEGIN", OFF, "COMMIT"], True),
        (["BEGIN", OFF, "ROLLBACK"], False),
        (["BEGIN", "SAVEPOINT a", OFF, "ROLLBACK TO a", OFF], True),
        (["BEGIN", "SET LOCAL standard_conforming_strings = off", "END"], False),
        (["START TRANSACTION", "SET LOCAL standard_conforming_strings = off"], True),
        (["SET escape_string_warning = off", "SELECT 'off'"], False),
    ],
)
def test_strings_end_as_the_file_has_set_it(before: list[str], *, escapes: bool) -> None:
    first = "SELECT 'it\\'s;'" if escapes else "SELECT 'a\\'"
    whole = [*before, first, "SELECT b'\\'" if not escapes else "SELECT b'1'", "SELECT ';'"]
    assert texts(";\n".join(whole)) == whole
    other = "SELECT 'a\\';" if escapes else "SELECT 'it\\'s';"
    assert "x.sql:" in refusal(";\n".join([*before, other]))


def test_strings_end_as_the_database_has_set_it() -> None:
    text = "SELECT 'it\\'s;';RESET ALL; SELECT '\\''"
    found = split(text, path="x.sql", escapes=True)
    assert [one.sql for one in found] == ["SELECT 'it\\'s;'", "RESET ALL", "SELECT '\\''"]
    assert "is a command of psql" in refusal(text)


def test_before_each_statement_it_is_asked_how_strings_end() -> None:
    answers = {"": True, "SELECT 'a\\';'": False, "SELECT 'b\\'": True, "SELECT 'c\\';'": True}
    text = ";".join([*answers][1:])
    found = statements(text, path="x.sql", escapes=answers.__getitem__)
    assert [one.sql for one in found] == [*answers][1:]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1;\nCREATE TABLE a (\n id int;\nSELECT 2;", 2),
        ("SELECT (1", 1),
        ("SELECT\n(1, (2), (3;", 2),
        ("COPY t (a FROM stdin;\n1\n", 1),
    ],
)
def test_parentheses_without_their_end_are_refused(text: str, line: int) -> None:
    said = refusal(text)
    assert said.startswith(f"migrations/x.sql:{line}: parenthesis: has no end: it opens here")
    assert said.endswith("next: close it")


def test_sql_behind_copy_on_its_line_is_refused() -> None:
    said = refusal("COPY t FROM stdin; SELECT 1;\n1\n\\.\n")
    assert said.startswith("migrations/x.sql:1: COPY ... FROM stdin: is followed by more")


anything = st.text("aeE$'\";()/*-\\:[]b1{}?N \n\r\u00e9", max_size=40)


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
