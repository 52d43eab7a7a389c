"""`role`, `search-path` and `exclude`: what production's application may and where it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import FILE, LOGIN, MIGRATION, PRODUCTION, report_in, text_of

if TYPE_CHECKING:
    from typing import Any

    from tests.e2e.conftest import Project
    from tests.e2e.there import There

GRANTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON "user" TO app;
GRANT USAGE ON SEQUENCE user_id_seq TO app;
"""
REPORT = """

class Report(Base):
    __tablename__ = "report"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
"""
NEW_TABLE = """
CREATE TABLE IF NOT EXISTS report (id serial PRIMARY KEY, title varchar NOT NULL);
"""
APPLICATION = """\
import json
import os

import psycopg2


def app(environ, start_response):
    sent = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    with psycopg2.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        cursor.execute("RESET ROLE; SELECT current_user, current_setting('search_path')")
        who = cursor.fetchone()
        cursor.execute('SELECT max_reports FROM "user" WHERE email = %s', (sent["email"],))
        found = cursor.fetchone()
    start_response("200 OK" if found == (5,) else "401 Unauthorized", [])
    if who != ("app", "public, pg_temp"):
        raise RuntimeError(f"logged in as {who}")
    return [b""]
"""


def by_check(project: Project) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in report_in(project)["checks"]}


@pytest.fixture
def shop(project: Project) -> Project:
    """A project whose application logs in as the role `app`, and a migration with a new table."""
    project.write("production.sql", PRODUCTION + GRANTS)
    project.append("pyproject.toml", 'role = "app"\n')
    project.checks("applies", "queries", "login")
    project.append("app/models.py", REPORT)
    project.write(FILE, MIGRATION + NEW_TABLE)
    return project


def test_a_new_table_without_the_grant_fails_queries_and_the_grant_mends_it(
    shop: Project,
) -> None:
    result = shop.guard("--schema-guard-json=report.json")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    queries = by_check(shop)["queries"]
    assert [(one["code"], one["subject"]) for one in queries["findings"]] == [
        ("queries.missing-grant", "public.report"),
        ("queries.missing-grant", "public.report_id_seq"),
    ]
    fixes = [one["fix"] for one in queries["findings"]]
    assert fixes == [
        "GRANT SELECT, INSERT, UPDATE, DELETE ON public.report TO app;",
        "GRANT USAGE ON SEQUENCE public.report_id_seq TO app;",
    ]
    result.stdout.fnmatch_lines(
        [
            "public.report: role app may not SELECT, INSERT, UPDATE and DELETE",
            (
                "  every SELECT, INSERT, UPDATE and DELETE of Report (app/models.py:*) fails:"
                " permission denied for table report (InsufficientPrivilege); fix: GRANT SELECT, *"
            ),
        ]
    )
    shop.append(FILE, "\n".join(fixes))
    shop.append("pyproject.toml", LOGIN)
    mended = shop.guard("--schema-guard-json=report.json")
    mended.assert_outcomes(passed=3)
    assert by_check(shop)["queries"]["reason"].endswith("statements planned as app")


def test_default_privileges_of_the_dump_grant_what_is_new(shop: Project) -> None:
    defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE boss IN SCHEMA public GRANT"
    shop.append(
        "production.sql",
        f"""
        ALTER TABLE "user" OWNER TO boss;
        {defaults} ALL ON TABLES TO app;
        {defaults} USAGE ON SEQUENCES TO app;
        """,
    )
    shop.guard().assert_outcomes(passed=2, skipped=1)


def test_the_login_and_the_request_are_the_roles(shop: Project) -> None:
    shop.append("pyproject.toml", 'search-path = "public, pg_temp"\n')
    shop.append("production.sql", 'REVOKE UPDATE, DELETE ON "user" FROM app;')
    shop.login_by_request("app.main:app")
    shop.write("app/main.py", APPLICATION)
    result = shop.guard("-k", "login", "--schema-guard-json=report.json")
    assert by_check(shop)["login"]["outcome"] == "passed", text_of(result)
    shop.append("production.sql", 'REVOKE SELECT ON "user" FROM app;')
    result = shop.guard("-k", "login")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(["*permission denied for table user*"])


def test_a_policy_that_hides_who_was_there_is_no_login(shop: Project) -> None:
    shop.append("pyproject.toml", LOGIN)
    shop.append(
        FILE,
        """
        GRANT ALL ON report, report_id_seq TO app;
        ALTER TABLE "user" ENABLE ROW LEVEL SECURITY;
        DROP POLICY IF EXISTS new_ones ON "user";
        CREATE POLICY new_ones ON "user" TO app USING (email LIKE 'guard-%');
        """,
    )
    result = shop.guard("-k", "login")
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "unproven: User: existing row: row-level security hides every row of public.user from*",
            "  next: mend the policy; *",
        ]
    )


def test_workers_and_a_server_that_others_use_have_one_role_which_goes_with_the_run(
    shop: Project, there: There
) -> None:
    """The fixture looks that nothing of the run is left."""
    shop.append(FILE, "GRANT ALL ON report, report_id_seq TO app;")
    shop.login_by_request("app.main:app")
    shop.append("pyproject.toml", "status = 200\n")
    shop.write("app/main.py", APPLICATION.replace('"public, pg_temp"', "who[1]"))
    result = shop.guard(f"--schema-guard-url={there.url()}", "-n", "2")
    result.assert_outcomes(passed=3)


def test_a_role_that_nobody_made_leaves_queries_and_login_unproven(shop: Project) -> None:
    shop.write("production.sql", PRODUCTION)
    shop.append("pyproject.toml", LOGIN)
    result = shop.guard("--schema-guard-json=report.json")
    outcomes = {name: check["outcome"] for name, check in by_check(shop).items()}
    assert outcomes == {"applies": "passed", "queries": "unproven", "login": "unproven"}
    result.stdout.fnmatch_lines(
        [
            "unproven: role: the server has no role app after the migrations",
            (
                "  next: create it in `prepare` (CREATE ROLE app;), and grant it what production "
                "grants; if it owns the tables there, leave `role` out: the owner stands for it"
            ),
        ]
    )


def test_tables_are_looked_for_where_production_looks(project: Project) -> None:
    project.write("production.sql", f"CREATE SCHEMA shop;\nSET search_path = shop;\n{PRODUCTION}")
    project.write("rows.sql", "INSERT INTO shop.user (email) VALUES ('ada@example.com');")
    project.write(FILE, MIGRATION.replace('"user"', "shop.user"))
    project.checks("drift", "queries", "login")
    project.guard("--schema-guard-json=report.json")
    (found,) = by_check(project)["queries"]["findings"][:1]
    assert found["code"] == "queries.missing-table"
    assert found["message"].splitlines()[:2] == [
        (
            "every SELECT, INSERT, UPDATE and DELETE of User (app/models.py:9) fails: "
            'relation "user" does not exist (UndefinedTable)'
        ),
        'the search_path is "$user", public; there is shop."user"',
    ]
    project.append("pyproject.toml", 'search-path = "shop, public"\n')
    project.append("pyproject.toml", LOGIN)
    project.guard().assert_outcomes(passed=3)


def test_a_search_path_that_is_no_list_is_told(project: Project) -> None:
    project.append("pyproject.toml", 'search-path = "a,,b"\n')
    project.checks("queries")
    result = project.guard()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "unproven: search-path: 'a,,b' is no list of schemas: List syntax is invalid.",
            "  next: write it as after SET search_path TO, such as: search-path = 'app, public'",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_what_exclude_left_out_is_counted_after_the_checks(
    project: Project, workers: tuple[str, ...]
) -> None:
    project.append("production.sql", "CREATE TABLE log_a (); CREATE TABLE log_b ();")
    project.append("pyproject.toml", 'exclude = ["public.log_*", "tenant_*.*"]\n')
    result = project.guard(*workers)
    result.stdout.fnmatch_lines(
        [
            (
                "schema-guard: not compared: 2 tables by `exclude` "
                "(public.log_[*]: 2; tenant_[*].[*]: 0, it matches nothing)"
            )
        ]
    )
    assert result.ret == 0


def test_drift_that_exclude_leaves_nothing_of_is_unproven(project: Project) -> None:
    project.append("pyproject.toml", 'exclude = "*"\n')
    result = project.guard("-k", "drift")
    result.assert_outcomes(failed=1, deselected=5)
    assert "unproven: `exclude` leaves out every table of the models" in text_of(result)
