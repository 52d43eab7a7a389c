"""Dumps that something has damaged: each is read, or refused in words; nothing else is raised."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.baseline import dump
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.verbs import is_write
from pytest_schemaguard.migrations.verbs import statements as in_message
from pytest_schemaguard.sqltext.files import read
from pytest_schemaguard.sqltext.statements import split

REAL = (Path(__file__).parents[1] / "app" / "production.sql").read_bytes()
EVERY = rb"""SET standard_conforming_strings = off;
CREATE SCHEMA app AUTHORIZATION "o'x";
ALTER TABLE a OWNER TO "b";
COMMENT ON TABLE a IS 'it\'s; a (table';
GRANT SELECT ON a TO b, GROUP c WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE x IN SCHEMA y GRANT SELECT ON TABLES TO z;
CREATE POLICY p ON t TO a, b USING (true);
SET ROLE x;
CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'x');
REVOKE ALL ON a FROM PUBLIC;
CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p;
CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;
COPY a (b) FROM stdin;
1	2
\.
SELECT pg_catalog.set_config('search_path', '', false);
"""
WORDS = rb"""' " $$ ; ( ) -- /* */ \ \. OWNER TO AUTHORIZATION FOR ROLE GRANT ALTER DEFAULT
PRIVILEGES \connect , GROUP "" '' $a$ CREATE
SCHEMA SET standard_conforming_strings E' U&' :a""".split()
pieces = st.sampled_from(WORDS).map(lambda word: b" %b " % word) | st.binary(max_size=3)
edits = st.lists(
    st.tuples(st.integers(0, 20_000), st.integers(0, 60), pieces | st.just(b"\n\\.\n")),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=300,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(start=st.sampled_from([REAL, EVERY, EVERY, b"PGDMP", b"\x1f\x8b", b""]), changes=edits)
def test_a_dump_is_read_or_refused_in_words(
    tmp_path: Path, start: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    raw = start
    for place, gone, piece in changes:
        at = place % (len(raw) + 1)
        raw = raw[:at] + piece + raw[at + gone :]
    path = tmp_path / "x.sql"
    path.write_bytes(raw)
    try:
        statements = split(read(path, shown="x.sql"), path="x.sql")
    except MigrationError as error:
        first, *rest = str(error).splitlines()
        assert first.startswith("x.sql")
        assert rest[-1].startswith("  next: ")
        return
    roles = dump.roles(statements)
    for one in statements:
        if one.kind == "meta":
            continue
        assert dump.route(one)
        assert {mention.role for mention in dump.mentions(one.sql)} <= roles or one.kind == "copy"
        for answer in (
            dump.creates_schema_public(one.sql),
            is_write(one.sql),
        ):
            assert answer in {True, False}
        assert dump.without_authorization(one.sql)
        assert in_message(one.sql)
