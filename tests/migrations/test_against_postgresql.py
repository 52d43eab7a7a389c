"""The splitter held against PostgreSQL's own log of what psql sent it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.session import escapes, send
from pytest_schemaguard.sqltext.lexer import next_token
from pytest_schemaguard.sqltext.statements import scan, split, statements

if TYPE_CHECKING:
    from tests.migrations.conftest import LoggingServer

VARIED = (Path(__file__).parent / "varied.sql").read_text(encoding="utf-8")
LINE_ENDS = re.compile(r"[\r\n]+")
CONTINUED = re.compile(r"'[ \t\f]*(?:--[^\n\r]*)?[\n\r]")

letters = st.sampled_from(
    ["a", "e", "E", "u", "é", "_x", "b", "$", "1", ";", "'", " ", "\n", "-", "/*"]
)
inside = st.lists(letters, max_size=6).map("".join)
plain = st.builds(lambda text: "'" + text.replace("'", "''") + "'", inside | st.just("\\"))
escaped = inside.map(lambda text: "E'" + text.replace("'", "\\'") + "\\\\'/**/")
unicode_ = st.builds("U&'{}'".format, st.sampled_from(["d;", "''", "\\0061;", ""]))
quoted = inside.map(lambda text: '"' + text + '"')
tags = st.sampled_from(["$$", "$a$", "$é$", "$_1$", "$A$"])
dollar = st.builds(lambda tag, text: f"{tag}{text.replace('$', '')} $b$;{tag}", tags, inside)
comment = st.sampled_from(
    ["-- it's;\n", "--\n", "/* ; */", "/* /* ' ; */ $$ */", "/**/", "/***/", "/*/ */", "--+;\n"]
)
word = st.sampled_from(
    """select create CREATE or replace function procedure Function begin BEGIN atomic case end END
    from to as e E u b x N a$1$b a$b é $ $b $1 $2$a$ ; ; ; ; ;""".split()  # noqa: SIM905 - it is long
)
operator = st.text("+-*/<>=~!@#%^&|`?", min_size=1, max_size=4)
other = st.sampled_from(["1 ", "1.5 ", "::int", ":=", "=>", "..", ",", ".", "[1:2]", "[a: b]"])
variable = st.sampled_from(
    [":a", ":'a'", ':"a"', "'a':b", ":1", ":{?a}", ":{?ab_1}", ":'a b'", ": a"]
)
piece = st.one_of(
    plain, escaped, unicode_, quoted, dollar, comment, word, word, operator, other, variable
)
bracketed = st.lists(piece, max_size=5).map(lambda some: "(" + " ".join(some) + ")")
gap = st.sampled_from(["", " ", " ", "\n", "\r\n", "\t", "\n\n"])
rare = st.sampled_from([")", "(", "create function begin ; end ;"])
text = st.lists(
    st.tuples(st.one_of(piece, piece, piece, piece, bracketed, rare), gap).map("".join),
    min_size=5,
    max_size=60,
).map("".join)

statement = st.one_of(
    st.sampled_from(
        [
            "SELECT 1 -- ;\n",
            "SELECT ';' /* ; */",
            "CREATE RULE r AS ON INSERT TO t DO ALSO (DELETE FROM t; SELECT ';')",
            "CREATE FUNCTION f() BEGIN ATOMIC SELECT 1; SELECT CASE 1 WHEN 1 THEN 2 END; END",
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$",
            "CREATE TABLE begin (a int)",
            "DO $x$ BEGIN PERFORM $$;$$; END $x$",
            "COPY (SELECT ';') TO STDOUT",
            "",
        ]
    ),
    plain.map("SELECT {}".format),
    dollar.map("SELECT {}".format),
)
rows = st.lists(st.sampled_from(["a;b", "'", "$$", "-- x", "/* y", "\\\\.", "\\N", ""]), max_size=4)
copying = st.builds(
    lambda head, some, end: "\n".join([head, *some, ""]) + end,
    st.sampled_from(
        ["COPY t FROM stdin;", "copy t (a) from STDIN; -- rows", "COPY t FROM STDOUT;"]
    ),
    rows,
    st.sampled_from(["\\.\n", "\\.\r\n"]),
)
well_formed = st.lists(
    st.one_of(
        st.tuples(statement, gap).map(lambda two: two[0] + ";" + two[1]), copying.map("\n{}".format)
    ),
    min_size=3,
    max_size=30,
).map("".join)


def only_comments(text: str) -> bool:
    position = 0
    while (token := next_token(text, position)) is not None:
        if token.kind != "comment" and text[token.start : token.end] != ";":
            return False
        position = token.end
    return True


def without_leading_comments(text: str) -> str:
    token = next_token(text, 0)
    while token is not None and token.kind == "comment":
        text = text[token.end :]
        token = next_token(text, 0)
    return text[token.start :] if token else ""


def agree(ours: list[str], theirs: list[str]) -> None:
    """The same statements, but for comments around them and empty lines, which psql takes out."""
    ours = [re.sub(r"\bFALSE\s*", "FALSE ", LINE_ENDS.sub("\n", one)) for one in ours]
    theirs = [re.sub(r"\bFALSE\s*", "FALSE ", one) for one in theirs]
    theirs = [LINE_ENDS.sub("\n", one) for one in theirs if not only_comments(one)]
    theirs = [without_leading_comments(one) for one in theirs]
    for mine, sent in zip(ours, theirs, strict=False):
        assert sent.startswith(mine)
        assert only_comments(sent[len(mine) :]), f"psql sent {sent!r}, and the splitter {mine!r}"
    assert len(ours) == len(theirs)


bounded = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@settings(bounded, max_examples=90)
@given(text=text)
def test_generated_texts_are_split_as_psql_splits_them(
    logging_server: LoggingServer, tmp_path: Path, text: str
) -> None:
    sent, errors = logging_server.sent_by_psql(text, tmp_path)
    refused = None
    try:
        strings = [text[t.start : t.end] for t in scan(text, path="x.sql") if t.kind == "string"]
        statements = split(text, path="x.sql")
    except MigrationError as error:
        refused = str(error)
    if refused is not None:
        # PostgreSQL tells of the missing end too, or of what stands before it; a backslash outside
        # quotes is a command, which psql does not send.
        assert errors or "is a command of psql" in refused
        return
    # psql forgets, from one line to the next, that an E'' string goes on; the server does not.
    assume(not any(one[0] in "eE" and CONTINUED.search(one) for one in strings))
    # An escape in U&'' that is wrong beside a letter of two bytes: an error without its statement.
    assume(not any("invalid byte sequence" in one for one in errors))
    agree([one.sql for one in statements], sent)


@settings(bounded, max_examples=50)
@given(text=well_formed)
def test_generated_files_with_copy_are_split_as_psql_splits_them(
    logging_server: LoggingServer, tmp_path: Path, text: str
) -> None:
    text = f"CREATE TEMPORARY TABLE t (a text);\n{text}"
    sent, _ = logging_server.sent_by_psql(text, tmp_path)
    agree([one.sql for one in split(text, path="x.sql")], sent)


switch = st.sampled_from(
    [
        "SET standard_conforming_strings = off",
        "SET SESSION standard_conforming_strings TO on",
        "SET LOCAL standard_conforming_strings = 'off'",
        "SELECT set_config('standard_conforming_strings', 'off', false)",
        "DO $$ BEGIN SET standard_conforming_strings = off; END $$",
        "RESET ALL",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
    ]
)
backslashed = st.lists(
    st.sampled_from(["\\'", "\\", "\\\\", "''", ";", "a", "\n"]), max_size=5
).map(lambda some: f"SELECT '{''.join(some)}'")
switched = st.lists(st.one_of(switch, backslashed, backslashed), min_size=3, max_size=12).map(
    ";\n".join
)


@settings(bounded, max_examples=80)
@given(text=switched)
def test_strings_end_where_the_servers_own_setting_ends_them(
    logging_server: LoggingServer, tmp_path: Path, text: str
) -> None:
    """Run on the server as the guard runs a file: each statement is split when the last has run."""
    sent, _ = logging_server.sent_by_psql(text, tmp_path)
    connection = psycopg2.connect(logging_server.admin.url())
    connection.autocommit = True
    ours = []
    try:
        for one in statements(text, path="x.sql", escapes=lambda _: escapes(connection)):
            ours.append(one.sql)
            with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
                send(cursor, one)
    except MigrationError:
        sent = sent[: len(ours)]  # psql goes on: it reports a command that it does not know
    finally:
        connection.close()
    agree(ours, sent)


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_varied_schema_is_split_as_psql_splits_it(
    logging_server: LoggingServer, tmp_path: Path, line_end: str
) -> None:
    database = "varied_" + str(len(line_end))
    logging_server_at = _with_database(logging_server, database)
    text = VARIED.replace("\n", line_end)
    sent, errors = logging_server_at.sent_by_psql(text, tmp_path)
    statements = split(text, path="varied.sql")
    assert errors == []
    agree([one.sql for one in statements], sent)
    assert len(statements) == 41
    for one in statements:
        line = text.split("\n")[one.line - 1]
        assert one.sql.split("\n")[0].strip() in line


def test_dump_of_the_varied_schema_is_split_as_psql_splits_it(
    logging_server: LoggingServer, tmp_path: Path
) -> None:
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not on PATH")
    source = _with_database(logging_server, "dumped")
    source.sent_by_psql(VARIED, tmp_path)
    dump = subprocess.run(
        ["pg_dump", "-d", source.admin.url()],
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
        capture_output=True,
        check=True,
        timeout=60,
        text=True,
    ).stdout
    target = _with_database(logging_server, "loaded")
    sent, errors = target.sent_by_psql(dump, tmp_path)
    statements = split(dump, path="dump.sql")
    assert errors == []
    agree([one.sql for one in statements if one.kind != "meta"], sent)
    copies = [one for one in statements if one.kind == "copy"]
    assert any(one.data and "a;b" in one.data for one in copies)


def _with_database(server: LoggingServer, name: str) -> LoggingServer:
    connection = psycopg2.connect(server.admin.url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return type(server)(admin=server.admin.at(name), log=server.log)
