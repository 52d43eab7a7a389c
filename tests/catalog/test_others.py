"""What no model can express: each change of it is seen, by a role that may do nothing at all."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.catalog.diff import Depth, diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.codec import dumps
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from pytest_schemaguard.address import Address
    from pytest_schemaguard.catalog.snapshot import Snapshot

SCHEMA = """
CREATE SCHEMA s;
COMMENT ON SCHEMA s IS 'x';
CREATE TABLE t (id integer PRIMARY KEY, a text, b text);
ALTER TABLE t ALTER b SET STORAGE EXTERNAL;
CREATE TABLE s.t (id integer PRIMARY KEY);
CREATE INDEX ix ON t (a);
COMMENT ON INDEX ix IS 'x';
CREATE SEQUENCE numbers;
CREATE FUNCTION f(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
COMMENT ON FUNCTION f IS 'x';
CREATE PROCEDURE p() LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE FUNCTION ends() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE TRIGGER audit BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION touch();
COMMENT ON TRIGGER audit ON t IS 'x';
CREATE EVENT TRIGGER late ON ddl_command_end EXECUTE FUNCTION ends();
CREATE POLICY own ON t USING (id > 0);
CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING;
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE floats AS RANGE (subtype = float8);
CREATE TYPE mood AS ENUM ('x');
CREATE DOMAIN code AS text CONSTRAINT long CHECK (VALUE > '');
CREATE COLLATION plain (locale = 'C');
CREATE FUNCTION same(pair, pair) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR === (LEFTARG = pair, RIGHTARG = pair, PROCEDURE = same);
CREATE OPERATOR CLASS whole FOR TYPE integer USING hash AS OPERATOR 1 =;
CREATE FUNCTION number(pair) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE CAST (pair AS integer) WITH FUNCTION number(pair);
CREATE TEXT SEARCH CONFIGURATION words (COPY = simple);
CREATE TEXT SEARCH DICTIONARY few (template = simple);
CREATE STATISTICS linked ON id, a FROM t;
CREATE FOREIGN DATA WRAPPER w OPTIONS (debug 'hush-1');
CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (host 'a', password 'hush-2');
CREATE USER MAPPING FOR PUBLIC SERVER far OPTIONS (password 'hush-3');
CREATE FOREIGN TABLE remote (a integer) SERVER far OPTIONS (name 'hush-4');
CREATE PUBLICATION news FOR TABLE t;
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM t;
ALTER TABLE t REPLICA IDENTITY FULL;
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC;
"""
CHANGES = {
    # functions and what calls them
    "DROP PROCEDURE p": "missing-function public.p()",
    "ALTER PROCEDURE p() SET work_mem = '1MB'": "function public.p()",
    "ALTER FUNCTION f(integer) VOLATILE COST 5": "function public.f(integer)",
    "ALTER FUNCTION f(integer) OWNER TO pg_monitor": "owner public.f(integer)",
    "ALTER TABLE t ENABLE REPLICA TRIGGER audit": "trigger public.t.audit",
    "ALTER EVENT TRIGGER late DISABLE": "event-trigger late",
    "ALTER TABLE t DISABLE RULE quiet": "rule public.t.quiet",
    "ALTER POLICY own ON t WITH CHECK (id > 1)": "policy public.t.own",
    "ALTER POLICY own ON t TO pg_monitor": "policy public.t.own",
    # grants and owners
    "GRANT USAGE ON SCHEMA s TO PUBLIC": "extra-privileges s",
    "GRANT USAGE ON SEQUENCE numbers TO PUBLIC": "extra-privileges public.numbers",
    "GRANT SELECT (a) ON t TO PUBLIC": "extra-privileges public.t.a",
    "REVOKE USAGE ON TYPE mood FROM PUBLIC": "privileges public.mood",
    "REVOKE ALL ON t FROM CURRENT_USER": "extra-privileges public.t",
    "GRANT USAGE ON FOREIGN SERVER far TO PUBLIC": "extra-privileges far.foreign-server",
    "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO pg_monitor": "extra-default-privileges",
    "ALTER SCHEMA s OWNER TO pg_monitor": "owner s",
    "ALTER SEQUENCE numbers OWNER TO pg_monitor": "owner public.numbers",
    "ALTER TYPE mood OWNER TO pg_monitor": "owner public.mood",
    "ALTER TYPE pair OWNER TO pg_monitor": "owner public.pair",
    "ALTER STATISTICS linked OWNER TO pg_monitor": "owner public.linked.statistics",
    # comments
    "COMMENT ON SCHEMA s IS NULL": "missing-comment s.schema",
    "COMMENT ON INDEX ix IS 'y'": "comment public.t.ix.index",
    "COMMENT ON FUNCTION f IS NULL": "missing-comment public.f(integer).function",
    "COMMENT ON TRIGGER audit ON t IS 'y'": "comment public.t.audit.trigger",
    "COMMENT ON POLICY own ON t IS 'y'": "extra-comment public.t.own.policy",
    "COMMENT ON TYPE mood IS 'y'": "extra-comment public.mood.enum",
    "COMMENT ON CONSTRAINT long ON DOMAIN code IS 'y'": (
        "extra-comment public.code.long.domain-constraint"
    ),
    "COMMENT ON SEQUENCE numbers IS 'y'": "extra-comment public.numbers.sequence",
    "COMMENT ON PUBLICATION news IS 'y'": "extra-comment news.publication",
    "COMMENT ON COLUMN pair.a IS 'y'": "composite-type public.pair",
    # types, operators, text search
    "ALTER TYPE pair ALTER ATTRIBUTE b TYPE varchar": "composite-type public.pair",
    "CREATE TYPE more AS RANGE (subtype = float4)": "extra-range-type public.more",
    "CREATE TYPE shell": "extra-base-type public.shell",
    "DROP COLLATION plain": "missing-collation public.plain",
    "DROP COLLATION plain; CREATE COLLATION plain (locale = 'POSIX')": "collation public.plain",
    "ALTER OPERATOR === (pair, pair) SET (RESTRICT = eqsel)": (
        "operator public.===(public.pair,public.pair)"
    ),
    "ALTER OPERATOR FAMILY whole USING hash ADD FUNCTION 1 hashint4(integer)": (
        "operator-family public.whole.hash"
    ),
    "DROP OPERATOR CLASS whole USING hash": (
        "missing-operator-class public.whole.hash, operator-family public.whole.hash"
    ),
    "DROP CAST (pair AS integer)": "missing-cast public.pair.integer",
    "ALTER TEXT SEARCH CONFIGURATION words DROP MAPPING FOR email": (
        "text-search-configuration public.words"
    ),
    "ALTER TEXT SEARCH DICTIONARY few (accept = false)": "text-search-dictionary public.few",
    # foreign data
    "ALTER SERVER far OPTIONS (ADD port '1')": "foreign-server far",
    "ALTER SERVER far VERSION '2'": "foreign-server far",
    "ALTER FOREIGN DATA WRAPPER w OPTIONS (DROP debug)": "foreign-data-wrapper w",
    "DROP USER MAPPING FOR PUBLIC SERVER far": "missing-user-mapping far.public",
    "ALTER FOREIGN TABLE remote OPTIONS (DROP name)": "foreign-table public.remote",
    # tables
    "ALTER TABLE s.t FORCE ROW LEVEL SECURITY": "extra-row-security s.t",
    "ALTER TABLE t REPLICA IDENTITY USING INDEX t_pkey": "replica-identity public.t",
    "ALTER TABLE t CLUSTER ON ix": "extra-clustered public.t",
    "ALTER TABLE t ALTER a SET STORAGE EXTERNAL": "extra-column-storage public.t.a",
    "ALTER TABLE t ALTER b SET STORAGE MAIN": "column-storage public.t.b",
    "ALTER TABLE t ALTER a SET STATISTICS 500": "extra-column-storage public.t.a",
    "ALTER TABLE t ALTER a SET (n_distinct = 5)": "extra-column-storage public.t.a",
    "ALTER STATISTICS linked SET STATISTICS 7": "statistics public.linked",
    "REFRESH MATERIALIZED VIEW counted WITH NO DATA": "extra-unpopulated public.counted",
    "CREATE TYPE row AS (id integer); ALTER TABLE s.t OF row": (
        "extra-composite-type public.row, extra-of-type s.t"
    ),
    "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id) WITH (fillfactor = 50)": (
        "constraint-index public.t.t_pkey"
    ),
    # publications and settings
    "ALTER PUBLICATION news SET (publish = 'insert')": "publication news",
    "ALTER PUBLICATION news ADD TABLE s.t": "extra-publication-table s.t.news",
    "DROP PUBLICATION news": "missing-publication news",
    "DROP TABLE s.t": "missing-table s.t",
}
SINCE_15 = {
    "ALTER PUBLICATION news SET TABLE t WHERE (id > 3)": "publication-table public.t.news",
    "ALTER PUBLICATION news SET TABLE t (id)": "publication-table public.t.news",
    "ALTER PUBLICATION news ADD TABLES IN SCHEMA s": "publication news",
}


@pytest.mark.parametrize("change", [*CHANGES, *SINCE_15])
def test_a_change_is_seen_between_two_databases_and_not_as_drift_of_models(
    postgres: Address, base: tuple[Address, Snapshot], change: str
) -> None:
    database, before = base
    with fresh(postgres, template=database.database) as other, closing(connected(other)) as one:
        if change in SINCE_15 and one.server_version < 150000:
            pytest.skip("since PostgreSQL 15")
        assert diff(before, read(one)) == ()
        execute(one, change)
        after = read(one)
    told = [f"{it.kind} {'.'.join(it.name)}" for it in diff(before, after)]
    wanted = {**CHANGES, **SINCE_15}[change]
    if wanted == "extra-default-privileges":
        assert [text.split()[0] for text in told] == [wanted]
        return
    assert ", ".join(told) == wanted
    assert [it.kind for it in diff(before, after, depth=Depth.MODELS)] in ([], ["missing-table"])


def test_a_role_that_may_do_nothing_reads_all_of_it_and_no_password(
    postgres: Address, base: tuple[Address, Snapshot]
) -> None:
    database, _ = base
    with fresh(postgres, template=database.database) as other, closing(connected(other)) as admin:
        secret = "ALTER DATABASE {} SET \"app.jwt_secret\" = 'hush-5'"
        execute(admin, secret.format(f'"{other.database}"'))
        execute(admin, "REVOKE ALL ON SCHEMA public, s FROM PUBLIC")
        execute(admin, "REVOKE ALL ON ALL TABLES IN SCHEMA public, s FROM PUBLIC")
        execute(
            admin,
            "CREATE SUBSCRIPTION far CONNECTION 'host=a password=hush-6' PUBLICATION b"
            " WITH (connect = false, slot_name = NONE)",
        )
        execute(admin, "CREATE ROLE nobody")
        try:
            everything = read(admin)
            execute(admin, "SET ROLE nobody")
            seen = read(admin)
        finally:
            execute(admin, "RESET ROLE; DROP ROLE nobody")
            execute(admin, "DROP SUBSCRIPTION far")
    assert seen == everything
    assert diff(everything, seen) == ()
    assert ("user-mapping", "far", "public") in seen.others
    assert ("subscription", "far") in seen.others
    assert seen.others["setting", "", "app.jwt_secret"] == "(not read)"
    assert "hush" not in dumps(seen)


def test_what_an_extension_owns_is_told_by_its_version_alone(connection: Any) -> None:
    before = read(connection)
    execute(connection, "CREATE EXTENSION hstore; CREATE EXTENSION citext")
    told = [f"{it.kind} {it.name[0]}" for it in diff(before, read(connection))]
    assert told == ["extra-extension citext", "extra-extension hstore"]


def test_what_comes_and_goes_with_a_thing_is_not_told_besides(connection: Any) -> None:
    execute(connection, SCHEMA)
    before = read(connection)
    execute(
        connection,
        "DROP TABLE t CASCADE; DROP SCHEMA s CASCADE; DROP FUNCTION f; DROP TYPE mood;"
        "DROP SEQUENCE numbers; DROP PUBLICATION news",
    )
    kinds = {it.kind for it in diff(before, read(connection))}
    assert kinds == {
        *("missing-table", "missing-schema", "missing-function", "missing-enum"),
        *("missing-sequence", "missing-publication", "missing-default-privileges"),
        "missing-statistics",
    }


def test_a_database_that_sorts_texts_otherwise_reads_the_same(postgres: Address) -> None:
    # In the order of bytes `1` is before `_`, in that of English after it.
    made = """
        CREATE TABLE t_ (); CREATE TABLE t1 (); GRANT SELECT ON t TO sorted1, sorted_;
        CREATE POLICY theirs ON t TO sorted1, sorted_;
        ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO sorted1, sorted_;
    """
    with closing(connected(postgres)) as admin, admin.cursor() as cursor:
        if admin.server_version < 150000:
            pytest.skip("since PostgreSQL 15")
        cursor.execute("CREATE ROLE sorted1; CREATE ROLE sorted_")
        try:
            snapshots = [
                read_made(cursor, postgres.at("sorted"), provider, SCHEMA + made)
                for provider in ("LOCALE_PROVIDER icu ICU_LOCALE 'en-US'", "")
            ]
        except psycopg2.errors.FeatureNotSupported:
            pytest.skip("this PostgreSQL is built without ICU")
        finally:
            cursor.execute("DROP ROLE sorted1, sorted_")
    assert snapshots[0] == snapshots[1]
    assert list(snapshots[0].others) == list(snapshots[1].others)
    assert list(snapshots[0].columns) == list(snapshots[1].columns)


def read_made(cursor: Any, address: Address, provider: str, schema: str) -> Snapshot:
    name = address.database
    cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {provider}")
    try:
        with closing(connected(address)) as connection:
            execute(connection, schema)
            return read(connection)
    finally:
        cursor.execute(f"DROP DATABASE {name}")
