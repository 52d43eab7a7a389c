"""Which texts PostgreSQL takes for one statement."""

from __future__ import annotations

import pytest

from pytest_schemaguard.sqltext.lexer import is_one_statement


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "SELECT 1; ;",
        " SELECT a FROM t;",
        "CREATE RULE r AS ON DELETE TO t DO INSTEAD (DELETE FROM a; DELETE FROM b)",
        "SELECT ';', E'\\';', $$;$$, $a$;$a$, \";\" -- ; and more",
        "CHECK (a = ';') /* ; */",
        "",
    ],
)
def test_one(text: str) -> None:
    assert is_one_statement(text)


@pytest.mark.parametrize(
    "text",
    [
        "CHECK (true); COPY (SELECT 1) TO PROGRAM 'id'; --",
        "CHECK (true) -- \n; SELECT 1",
        "SELECT 'a\\'; SELECT 1",
        "SELECT 1); (SELECT 1",
        "(; SELECT 1",
        "CHECK (true));",
        "SELECT 'open",
        "SELECT $a$ open",
        'SELECT "open',
        "SELECT 1 /* open ; SELECT 2",
        "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS ''; COPY t TO PROGRAM 'id'",
    ],
)
def test_more_than_one_or_none_that_ends(text: str) -> None:
    assert not is_one_statement(text)
