"""What a dump's statements ask for."""

from __future__ import annotations

import pytest

from pytest_schemaguard.baseline.dump import Route, roles, route, without_authorization
from pytest_schemaguard.sqltext.statements import split


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE public.t OWNER TO prod", {"prod"}),
        ('ALTER FUNCTION public.f(a integer, b text) OWNER TO "Prod ""x"""', {'Prod "x"'}),
        ("ALTER SCHEMA s OWNER TO Prod", {"prod"}),
        (
            'GRANT SELECT(a, b), INSERT ON TABLE t TO app, "Read Only" WITH GRANT OPTION',
            {"app", "Read Only"},
        ),
        ("GRANT ALL ON FUNCTION f(x text) TO PUBLIC", set()),
        ("GRANT USAGE ON SCHEMA s TO GROUP app, CURRENT_USER", {"app"}),
        ("REVOKE ALL ON TABLE t FROM app CASCADE", {"app"}),
        ("REVOKE GRANT OPTION FOR SELECT ON t FROM app", {"app"}),
        (
            "ALTER DEFAULT PRIVILEGES FOR ROLE prod IN SCHEMA s GRANT SELECT ON TABLES TO app",
            {"prod", "app"},
        ),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE a, b REVOKE ALL ON TABLES FROM c", {"a", "b", "c"}),
        (
            "CREATE POLICY p ON t AS PERMISSIVE FOR SELECT TO app, other USING ((a = 1))",
            {"app", "other"},
        ),
        ('CREATE POLICY "to" ON t TO app', {"app"}),
        ("CREATE POLICY p ON t USING (true)", set()),
        ("ALTER POLICY p ON t RENAME TO q", set()),
        ("CREATE USER MAPPING FOR app SERVER s OPTIONS (user 'x')", {"app"}),
        ("CREATE SCHEMA IF NOT EXISTS s AUTHORIZATION prod", {"prod"}),
        ("SET ROLE prod", {"prod"}),
        ("SET SESSION AUTHORIZATION 'prod'", {"prod"}),
        ("SET SESSION AUTHORIZATION DEFAULT", set()),
        ("SET search_path TO app", set()),
        ("ALTER TABLE t RENAME TO app", set()),
        ("CREATE TABLE t (a text DEFAULT 'GRANT x TO app')", set()),
        ("SELECT 1", set()),
    ],
)
def test_roles_are_read_from_each_statement(sql: str, expected: set[str]) -> None:
    assert roles(split(f"SELECT 1; {sql};", path="dump.sql")) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("\\restrict abc", Route.SKIP),
        ("SET statement_timeout = 0", Route.SETTING),
        ("SELECT pg_catalog.set_config('search_path', '', false)", Route.SETTING),
        ("SELECT pg_catalog.setval('s', 1, false)", Route.OWNER),
        ("SET default_tablespace = fast", Route.SKIP),
        ("SET SESSION AUTHORIZATION 'prod'", Route.SKIP),
        ("RESET ROLE", Route.SKIP),
        ("BEGIN", Route.SKIP),
        ("COMMIT", Route.SKIP),
        ("CREATE TABLE t (a int)", Route.OWNER),
        ("CREATE SCHEMA s AUTHORIZATION prod", Route.OWNER),
        ("CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public", Route.OWNER_THEN_ADMIN),
        ("COMMENT ON EXTENSION citext IS 'x'", Route.OWNER_THEN_ADMIN),
        ("CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE x", Route.OWNER_THEN_ADMIN),
        ("CREATE TRUSTED LANGUAGE x HANDLER plpython3_call_handler", Route.OWNER),
        ("CREATE CAST (a AS b) WITHOUT FUNCTION", Route.OWNER_THEN_ADMIN),
        ("CREATE CAST (a AS b) WITH INOUT AS IMPLICIT", Route.OWNER_THEN_ADMIN),
        ("CREATE CAST (oid AS text) WITH FUNCTION public.f(oid)", Route.OWNER),
        ("CREATE FUNCTION f(int) RETURNS int LANGUAGE c AS 'x', 'y'", Route.OWNER),
        ("CREATE FOREIGN DATA WRAPPER x", Route.OWNER_THEN_ADMIN),
        ("CREATE FOREIGN DATA WRAPPER x HANDLER file_fdw_handler", Route.OWNER),
        ("CREATE FOREIGN DATA WRAPPER x VALIDATOR public.f", Route.OWNER),
        ("ALTER FOREIGN DATA WRAPPER x NO VALIDATOR", Route.OWNER),
        ("CREATE FOREIGN TABLE f (a text) SERVER s OPTIONS (program 'id')", Route.OWNER),
        ("CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw", Route.OWNER_THEN_ADMIN),
        ("ALTER EXTENSION x DROP FUNCTION f()", Route.OWNER),
        ("CREATE OPERATOR CLASS c FOR TYPE t USING btree AS STORAGE t", Route.OWNER_THEN_ADMIN),
        ("CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION f()", Route.OWNER_THEN_ADMIN),
        ("CREATE PUBLICATION p FOR ALL TABLES", Route.OWNER_THEN_ADMIN),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", Route.LEAVE_OUT),
        ("GRANT SELECT ON t TO app", Route.GRANT),
        ("GRANT ALL ON SCHEMA public TO app", Route.ADMIN),
        ("REVOKE CREATE ON SCHEMA public FROM PUBLIC", Route.ADMIN),
        ("GRANT CREATE ON SCHEMA public, pg_catalog TO app", Route.GRANT),
        ("GRANT CREATE ON SCHEMA pg_catalog TO app", Route.GRANT),
        ("GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text) TO PUBLIC", Route.GRANT),
        ("GRANT CONNECT ON DATABASE app TO PUBLIC", Route.REFUSE),
        ("GRANT CREATE ON TABLESPACE fast TO app", Route.REFUSE),
        ("GRANT ALTER SYSTEM ON PARAMETER archive_command TO app", Route.REFUSE),
        ("COMMENT ON DATABASE app IS 'x'", Route.LEAVE_OUT),
        ("COMMENT ON ROLE app IS 'x'", Route.LEAVE_OUT),
        ("ALTER EVENT TRIGGER e ENABLE ALWAYS", Route.ADMIN_AT_THE_END),
        ("ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT SELECT ON TABLES TO y", Route.DEFAULTS),
        ("ALTER TABLE t OWNER TO prod", Route.SKIP),
        ("ALTER DATABASE d OWNER TO prod", Route.REFUSE),
        ("CREATE ROLE app", Route.REFUSE),
        ("CREATE USER app", Route.REFUSE),
        ("CREATE USER MAPPING FOR app SERVER s", Route.OWNER),
        ("GRANT a TO b", Route.REFUSE),
        ("CREATE DATABASE d", Route.REFUSE),
        ("ROLLBACK", Route.REFUSE),
        ("REASSIGN OWNED BY a TO b", Route.REFUSE),
    ],
)
def test_who_runs_a_statement(sql: str, expected: Route) -> None:
    (statement,) = split(sql, path="dump.sql")
    assert route(statement) is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE SCHEMA s AUTHORIZATION prod", "CREATE SCHEMA s"),
        ("CREATE SCHEMA AUTHORIZATION prod", 'CREATE SCHEMA "prod"'),
        ('CREATE SCHEMA IF NOT EXISTS AUTHORIZATION "A"', 'CREATE SCHEMA IF NOT EXISTS "A"'),
        ("CREATE SCHEMA s", "CREATE SCHEMA s"),
        ("CREATE TABLE authorization_ (a int)", "CREATE TABLE authorization_ (a int)"),
    ],
)
def test_schemas_lose_their_foreign_owner(sql: str, expected: str) -> None:
    assert without_authorization(sql) == expected
