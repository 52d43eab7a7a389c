"""`schema-guard check`, as its user runs it: exit codes, and every word that is printed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.catalog.databases import dumped, load
from tests.e2e.conftest import MODELS
from tests.live.conftest import FIRST, SECOND

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.live.conftest import Fleet

LACKS = """\
public.user.max_reports: in the model User (app/models.py:14), missing in the database
  every query for User fails (UndefinedColumn); fix: ALTER TABLE public."user" ADD COLUMN \
max_reports integer DEFAULT 5 NOT NULL"""


def test_a_database_as_the_migrations_make_it_holds(fleet: Fleet) -> None:
    assert fleet.check(fleet.database()) == (0, "db1: holds\nschema-guard: 1 holds")


def test_a_column_that_is_missing_is_told_with_the_models_place(fleet: Fleet) -> None:
    one = fleet.database(FIRST, SECOND.partition("\n")[2])
    code, said = fleet.check(one)
    assert (code, said) == (
        1,
        f"db1: 1 error\n{LACKS}\nschema-guard: 1 differs",
    )


def test_what_no_model_can_express_is_expected_of_the_migrations(fleet: Fleet) -> None:
    changed = (
        SECOND.replace("SELECT 1", "SELECT 2")
        + 'DROP VIEW emails; GRANT SELECT ON "user" TO PUBLIC'
    )
    code, said = fleet.check(fleet.database(FIRST, changed))
    assert code == 1
    assert said.splitlines()[0] == "db1: 1 error, 1 warning, 1 info"
    assert "public.emails: in the migrations, missing in the database\n" in said
    assert (
        "warning: public.one(): another function than in the migrations\n"
        "  a call of it does something else\n"
    ) in said
    assert (
        "info: public.user: privileges PUBLIC=r in the database, but in no migration\n"
        "  roles may do more than the migrations let them\n"
    ) in said


def test_many_are_told_apart_and_together(fleet: Fleet) -> None:
    good, lacking, other = (
        fleet.database(), fleet.database(FIRST, SECOND.partition("\n")[2]),
        fleet.database(FIRST, SECOND.partition("\n")[2] + "CREATE TABLE extra (id integer)"),
    )  # fmt: skip
    code, said = fleet.check(good, lacking, other, "--jobs", "1")
    assert code == 1
    assert said == (
        "db1: holds\n"
        "db2: 1 error\n"
        "db3: 1 error, 1 warning\n"
        "2 of 3 lack public.user.max_reports\n"
        "  in the model User (app/models.py:14), missing in the database\n"
        '  every query for User fails (UndefinedColumn); fix: ALTER TABLE public."user" ADD '
        "COLUMN max_reports integer DEFAULT 5 NOT NULL\n"
        "  in db2, db3\n"
        "warning: 1 of 3 has public.extra besides\n"
        "  in the database, but in no model\n"
        "  is a module of the models not imported?\n"
        "  in db3\n"
        "schema-guard: of 3 databases 1 holds, 2 differ"
    )


def test_one_that_cannot_be_reached_fails_and_the_others_are_looked_at(fleet: Fleet) -> None:
    code, said = fleet.check("postgresql://app:secret@127.0.0.1:1/gone", fleet.database())
    assert code == 2
    assert "postgresql://app@127.0.0.1:1/gone: unproven: cannot connect\n" in said
    assert "db1: holds\n" in said
    assert said.splitlines()[-1] == (
        "schema-guard: of 2 databases 1 holds, 1 could not be looked at"
    )
    assert "secret" not in said


def test_findings_and_what_could_not_be_looked_at_are_told_apart(fleet: Fleet) -> None:
    gone, lacking = "postgresql://app:secret@127.0.0.1:1/gone", fleet.database(FIRST)
    assert fleet.check(gone)[0] == 2
    assert fleet.check(lacking)[0] == 1
    code, said = fleet.check(gone, lacking)
    assert code == 3
    assert said.splitlines()[-1] == (
        "schema-guard: of 2 databases 1 differs, 1 could not be looked at"
    )


def test_warnings_fail_where_they_are_asked_to(fleet: Fleet) -> None:
    one = fleet.database(FIRST, SECOND + "CREATE TABLE extra (id integer)")
    assert [fleet.check(one)[0], fleet.check(one, "--strict")[0]] == [0, 1]


def test_without_migrations_the_models_alone_are_expected(fleet: Fleet) -> None:
    fleet.write("pyproject.toml", '[tool.schema-guard]\nmodels = "app.models:Base"\n')
    assert fleet.check(fleet.database(FIRST, SECOND + "DROP VIEW emails"))[0] == 0
    code, said = fleet.check(fleet.database(FIRST))
    assert (code, said.splitlines()[1]) == (1, LACKS.splitlines()[0])


def test_a_baseline_that_holds_everything_is_an_expectation(fleet: Fleet) -> None:
    with Path("pyproject.toml").open("a") as file:
        file.write('baseline = { at = "0002_reports" }\n')
    assert fleet.check(fleet.database()) == (0, "db1: holds\nschema-guard: 1 holds")


def test_models_alone_are_looked_for_where_production_looks(fleet: Fleet) -> None:
    fleet.write(
        "pyproject.toml",
        """
        [tool.schema-guard]
        models = "app.models:Base"
        prepare = "CREATE SCHEMA app"
        search-path = "app, public"
        """,
    )
    one = fleet.database(FIRST, SECOND)
    assert fleet.check(one)[0] == 0


def test_a_dump_stands_for_a_database(fleet: Fleet, bindir: str) -> None:
    Path("good.sql").write_text(dumped(fleet.database(), bindir))
    Path("old.sql").write_text(dumped(fleet.database(FIRST), bindir))
    code, said = fleet.check("good.sql", "old.sql", "--jobs", "1")
    assert code == 1
    assert said.splitlines()[:2] == ["good.sql: holds", "old.sql: 3 errors"]
    assert "1 of 2 lacks public.user.max_reports\n" in said
    assert "  in old.sql\n" in said


SPELLED = """
CREATE VIEW chosen AS SELECT email FROM "user" WHERE email IN ('a', 'b') OR email LIKE 'c%';
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM "user" WHERE email IN ('a', 'b');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER "Touch it" BEFORE UPDATE ON "user" FOR EACH ROW
  WHEN (NEW.email IN ('a', 'b')) EXECUTE FUNCTION touch();
ALTER TABLE "user" DISABLE TRIGGER "Touch it";
ALTER TABLE "user" ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON "user" FOR SELECT USING (email IN ('a', 'b'));
CREATE POLICY q ON "user" FOR INSERT WITH CHECK (email IN ('a', 'b'));
CREATE RULE r AS ON DELETE TO "user" WHERE OLD.email IN ('a', 'b') DO INSTEAD NOTHING;
CREATE DOMAIN letter AS varchar CHECK (VALUE IN ('x', 'y'));
CREATE INDEX i ON "user" (lower(email)) WHERE email IN ('a', 'b');
"""


def test_what_a_dump_spells_otherwise_is_no_difference(fleet: Fleet, bindir: str) -> None:
    fleet.write("migrations/0003_more.sql", SPELLED)
    one, other = fleet.database(FIRST, SECOND, SPELLED), fleet.database("SELECT 1")
    load(other, dumped(one, bindir), bindir)
    Path("dump.sql").write_text(dumped(one, bindir))
    assert fleet.check("dump.sql") == (0, "dump.sql: holds\nschema-guard: 1 holds")
    assert fleet.check(other)[1] == (
        "db2: 1 error\n"
        "public.counted: unpopulated in the database, but in no migration\n"
        "  a SELECT of it fails until REFRESH MATERIALIZED VIEW has run\n"
        "schema-guard: 1 differs"
    )
    changed = fleet.database(FIRST, SECOND, SPELLED.replace("'b')", "'c')"))
    _, said = fleet.check(changed)
    lines = [line.replace('"public.user.Touch it"', "public.user.Touch it") for line in
             said.splitlines()]  # fmt: skip
    told = {line.split(":")[0] for line in lines if line.startswith("public")}
    assert told == {"public.user.p", "public.user.q", "public.user.r", "public.user.Touch it"}
    warned = {line.split(":")[1] for line in said.splitlines() if line.startswith("warning")}
    assert warned == {" public.chosen", " public.counted", " public.user.i"}
    assert "info" not in said


def test_what_is_no_dump_is_told_with_the_command_that_helps(fleet: Fleet) -> None:
    Path("rows.sql").write_text("SELECT 1;\n")
    Path("custom.dump").write_bytes(b"PGDMP\x01\x0e\x00")
    code, said = fleet.check("rows.sql", "custom.dump", "--jobs", "1")
    assert code == 2
    assert said == (
        "rows.sql: unproven: this dump: it makes no table and nothing else, so all that follows "
        "would prove nothing\n"
        "  next: see that pg_dump ended without an error, and dumped the right database: "
        "pg_dump --schema-only --file=rows.sql ...\n"
        "custom.dump: unproven: this file: is a dump in pg_dump's custom format, not SQL\n"
        "  next: pg_restore --schema-only --file=custom-schema.sql custom.dump\n"
        "schema-guard: of 2 databases 2 could not be looked at"
    )


def test_a_schema_for_each_tenant(fleet: Fleet) -> None:
    def tenant(name: str, more: str = "") -> str:
        return f"CREATE SCHEMA {name}; SET search_path = {name}; {FIRST}{SECOND}{more};"

    whole = fleet.database(
        tenant("tenant_1"),
        tenant("tenant_2", 'ALTER TABLE "user" DROP COLUMN max_reports'),
        tenant("other", "DROP VIEW emails"),
    )
    code, said = fleet.check(whole, "--schemas", "tenant_*", "--jobs", "1")
    assert code == 1
    assert said == (
        "db1 schema tenant_1: holds\n"
        "db1 schema tenant_2: 1 error\n"
        "1 of 2 lacks public.user.max_reports\n"
        "  in the model User (app/models.py:14), missing in the database\n"
        '  every query for User fails (UndefinedColumn); fix: ALTER TABLE public."user" ADD '
        "COLUMN max_reports integer DEFAULT 5 NOT NULL\n"
        "  in tenant_2\n"
        "schema-guard: of 2 schemas 1 holds, 1 differs"
    )


def test_a_pattern_that_no_schema_matches_is_told(fleet: Fleet) -> None:
    code, said = fleet.check(fleet.database(), "--schemas", "tenant_*")
    assert code == 2
    assert said == (
        "db1: unproven: no schema matches tenant_*\n"
        "  next: it has public\n"
        "schema-guard: 1 could not be looked at"
    )


def test_which_schema_stands_for_a_tenants_must_be_clear(fleet: Fleet) -> None:
    fleet.write("migrations/0003_more.sql", "CREATE SCHEMA more; CREATE TABLE more.t (a int);")
    code, said = fleet.check(fleet.database(), "--schemas", "tenant_*")
    assert code == 2
    assert said == (
        "schema-guard: --schemas: models and migrations have the schemas more, public, and none "
        "of them matches tenant_*\n"
        "  next: one schema has to stand for a tenant's: give it a name that the pattern matches"
    )


def test_the_report_has_every_database_in_order_and_no_password(fleet: Fleet) -> None:
    Path("urls").write_text("postgresql://app:secret@127.0.0.1:1/gone\n")
    one = fleet.database(FIRST, SECOND.partition("\n")[2])
    report = fleet.report(one, "--urls-file", "urls")
    assert (report["version"], report["outcome"]) == ("schema-guard-check/1", "failed")
    first, second = report["databases"]
    assert (first["url"], first["schema"], first["outcome"]) == (one.safe, None, "failed")
    (finding,) = first["findings"]
    assert (finding["code"], finding["subject"], finding["path"], finding["line"]) == (
        "drift.missing-column", "public.user.max_reports", "app/models.py", 14,
    )  # fmt: skip
    assert (second["url"], second["outcome"], second["findings"]) == (
        "postgresql://app@127.0.0.1:1/gone", "unproven", [],
    )  # fmt: skip
    assert "secret" not in json.dumps(report)


def test_a_report_that_cannot_be_written_fails_the_run(fleet: Fleet) -> None:
    code, said = fleet.check(fleet.database(), "--json", "app/models.py/report.json")
    assert code == 2
    assert said.splitlines()[-1] == (
        "schema-guard: app/models.py/report.json: --json: no report: File exists"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "URL: no database is named"),
        (["x", "--database", "billing"], "no [[database]] is called billing"),
        (["x", "-c", "/"], "configuration: no [tool.schema-guard] table"),
        (["x"], "URL 1: 'x' is no postgresql:// URL and no file"),
    ],
)
def test_what_cannot_begin_says_why(fleet: Fleet, arguments: list[str], words: str) -> None:
    code, said = fleet.check(*arguments)
    assert code == 2
    assert words in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--jobs", "0"], "argument --jobs: 0 is no number from 1 to 64"),
        (["--statement-timeout-s", "x"], "x is no number of seconds up to 86400"),
        (["--nothing"], "unrecognized arguments: --nothing"),
    ],
)
def test_options_that_cannot_be_are_refused(
    fleet: Fleet, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        fleet.check("x", *arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_a_migration_that_fails_leaves_no_expectation(fleet: Fleet) -> None:
    fleet.write("migrations/0003_bad.sql", "SELECT 1 / 0;")
    code, said = fleet.check(fleet.database())
    assert code == 2
    assert "migrations/0003_bad.sql" in said


def test_ctrl_c_ends_it_and_leaves_nothing(fleet: Fleet) -> None:
    fleet.write(
        "app/models.py",
        f"import os, pathlib, time\npathlib.Path('url').write_text(os.environ['DATABASE_URL'])\n"
        f"time.sleep(30)\n{MODELS}",
    )
    command = [str(Path(sys.executable).with_name("schema-guard")), "check", "postgresql://u@h/d"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    started = Path("url")
    until(lambda: process.poll() is not None or (started.exists() and started.stat().st_size))
    assert process.poll() is None
    (folder,) = re.findall(r"=(/[^&]*/schema-guard-\w+)", started.read_text())
    assert Path(folder).exists()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert (process.returncode, said) == (130, "schema-guard: interrupted\n")
    until(lambda: not Path(folder).exists())


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_nobody_foresaw_is_no_finding(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(options: object) -> int:
        raise KeyError(options)

    monkeypatch.setattr("pytest_schemaguard.cli.check.run", fail)
    code, said = fleet.check("x")
    assert code == 2
    assert "Traceback (most recent call last):" in said
    assert said.splitlines()[-1] == (
        "schema-guard: it failed: report the lines above as a bug of pytest-schemaguard"
    )


def test_whoever_reads_may_go(fleet: Fleet) -> None:
    command = [str(Path(sys.executable).with_name("schema-guard")), "check", fleet.database().url()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (2, "")
    process.stderr.close()
