"""Baselines: loaded so that the owner owns all, whatever roles production has."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.baseline.load import Loaded
from pytest_schemaguard.baseline.load import load as load_any
from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.servers.existing import drop_runs
from pytest_schemaguard.servers.sessions import connect, run_comment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.migrations.conftest import Sides

    Load = Callable[[str], Loaded]

RUN = "0123cafe"
ROLE_COMMENT = run_comment(run=RUN)


def load(path: Path, **sessions: Any) -> Loaded:
    return load_any(path, role_comment=ROLE_COMMENT, **sessions)


def drop_roles(admin: Any) -> None:
    drop_runs(admin, RUN.__eq__)


@pytest.fixture
def load_(sides: Sides, write: Callable[..., Path], tmp_path: Path) -> Load:
    def load_(text: str) -> Loaded:
        path = write("production.sql", text)
        owner = sides.connect(sides.owner)
        major = owner.info.server_version // 10000
        with closing(connect(sides.admin, major=major, superuser=True)) as admin:
            return load(path, owner=owner, admin=admin, root=tmp_path)

    return load_


@pytest.fixture
def role(sides: Sides) -> Iterator[str]:
    """A role that the server lacks, gone after the test."""
    name = f'app "{secrets.token_hex(4)}"'
    yield name
    quoted = name.replace('"', '""')
    with sides.connect(sides.admin).cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        if cursor.fetchall():
            cursor.execute(f'DROP OWNED BY "{quoted}"; DROP ROLE "{quoted}"')


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def owners(sides: Sides) -> set[str]:
    sql = """
        SELECT DISTINCT relowner::regrole::text FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
    """
    return {row[0] for row in sides.rows(sql)}


def refusal(load_: Load, text: str) -> str:
    with pytest.raises(MigrationError) as caught:
        load_(text)
    return str(caught.value)


def test_what_production_s_role_owns_belongs_to_the_owner(load_: Load, sides: Sides) -> None:
    loaded = load_(
        "\\restrict x\nSET statement_timeout = 0;\n"
        "SELECT pg_catalog.set_config('search_path', '', false);\n"
        "CREATE TABLE public.t (a int);\nALTER TABLE public.t OWNER TO nobody_here;\n"
        "CREATE SCHEMA s AUTHORIZATION nobody_here;\n\\unrestrict x\n"
    )
    assert loaded.statements == 4
    assert loaded.roles == ()
    assert owners(sides) == {sides.owner.user}
    assert sides.rows("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 's'") == [
        (sides.owner.user,)
    ]
    assert sides.rows("SELECT 1 FROM pg_roles WHERE rolname = 'nobody_here'") == []


def test_settings_of_the_dump_do_not_outlive_it(sides: Sides, write: Callable[..., Path]) -> None:
    path = write("x.sql", "SELECT pg_catalog.set_config('search_path', '', false);")
    sessions = [sides.connect(sides.owner), sides.connect(sides.admin)]
    load(path, owner=sessions[0], admin=sessions[1])
    for session in sessions:
        with session.cursor() as cursor:
            cursor.execute("SHOW search_path")
            assert cursor.fetchall() == [('"$user", public',)]


def test_roles_that_get_grants_are_made_and_dropped(load_: Load, sides: Sides, role: str) -> None:
    name = quoted(role)
    loaded = load_(
        f"CREATE TABLE t (a int);\nGRANT SELECT ON TABLE t TO {name};\n"
        f"GRANT USAGE ON SCHEMA public TO {name};\n"
        f"ALTER TABLE t ENABLE ROW LEVEL SECURITY;\nCREATE POLICY p ON t TO {name} USING (true);\n"
    )
    assert loaded.roles == (role,)
    found = sides.rows(
        "SELECT rolname::text, rolcanlogin, shobj_description(oid, 'pg_authid')"
        " FROM pg_roles WHERE rolname LIKE 'app %'"
    )
    assert (role, False, ROLE_COMMENT) in found
    literal = role.replace("'", "''")
    assert sides.rows(f"SELECT has_table_privilege('{literal}', 't', 'SELECT')") == [(True,)]
    admin = sides.connect(sides.admin)
    drop_roles(admin)  # still in use
    assert sides.rows(f"SELECT count(*) FROM pg_roles WHERE rolname = '{literal}'") == [(1,)]
    with admin.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {name}")
    drop_roles(admin)
    assert sides.rows(f"SELECT count(*) FROM pg_roles WHERE rolname = '{literal}'") == [(0,)]


def test_roles_that_were_there_are_not_ours(load_: Load, sides: Sides, role: str) -> None:
    admin = sides.connect(sides.admin)
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {quoted(role)}")
    loaded = load_(f"CREATE TABLE t (a int);\nGRANT SELECT ON TABLE t TO {quoted(role)};")
    assert loaded.roles == ()
    with admin.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {quoted(role)}")
    drop_roles(admin)
    assert sides.rows(f"SELECT count(*) FROM pg_roles WHERE rolname = '{role}'") == [(1,)]


def test_role_dropped_by_another_run_is_made_again(load_: Load, sides: Sides, role: str) -> None:
    # What the other run does between two statements of this one, the dump does itself.
    admin = sides.connect(sides.admin)
    with admin.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION others() RETURNS void SECURITY DEFINER LANGUAGE plpgsql AS"
            f" $$ BEGIN EXECUTE 'DROP ROLE {quoted(role)}'; END $$"
        )
    loaded = load_(
        f"CREATE TABLE t (a int);\nSELECT others();\nGRANT SELECT ON TABLE t TO {quoted(role)};"
    )
    assert loaded.roles == (role,)


def test_role_that_another_run_makes_at_the_same_time_is_shared(
    load_: Load, sides: Sides, role: str
) -> None:
    loaded: list[Loaded] = []
    text = f"CREATE TABLE t (a int);\nGRANT SELECT ON TABLE t TO {quoted(role)};"
    thread = threading.Thread(target=lambda: loaded.append(load_(text)))
    with sides.connect(sides.admin).cursor() as other_run:
        other_run.execute(f"BEGIN; CREATE ROLE {quoted(role)}")
        other_run.execute(f"COMMENT ON ROLE {quoted(role)} IS '{ROLE_COMMENT}'")
        thread.start()
        # It did not see the role, and waits in CREATE ROLE for the other one to commit.
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
        deadline = time.monotonic() + 10
        while not sides.rows(f"{waiting} '{sides.admin.database}'"):
            assert time.monotonic() < deadline
        other_run.execute("COMMIT")
    thread.join(20)
    assert [one.roles for one in loaded] == [(role,)]


def test_two_runs_at_once_on_one_server_load_the_same_dump(
    sides: Sides, postgres: Any, role: str, write: Callable[..., Path]
) -> None:
    names = [f"{role} {number}" for number in range(20)]
    path = write("x.sql", f"GRANT USAGE ON SCHEMA public TO {', '.join(map(quoted, names))};")
    other = f"test_{secrets.token_hex(4)}"
    admin = sides.connect(postgres)
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {other} OWNER {sides.owner.user}")
    loaded: list[Loaded] = []

    def one(database: str) -> None:
        owner = sides.connect(sides.owner.at(database))
        superuser = sides.connect(sides.admin.at(database))
        loaded.append(load(path, owner=owner, admin=superuser))
        owner.close()
        superuser.close()

    databases = (sides.owner.database, other)
    threads = [threading.Thread(target=one, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [len(one.roles) for one in loaded] == [20, 20]
    drop_roles(admin)  # both use them still
    assert sides.rows(f"SELECT count(*) FROM pg_roles WHERE rolname LIKE '{role} %'") == [(20,)]
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {other}")
    revoked = ", ".join(map(quoted, names))
    with sides.connect(sides.admin).cursor() as cursor:
        cursor.execute(f"REVOKE ALL ON SCHEMA public FROM {revoked}")
    drop_roles(admin)
    assert sides.rows(f"SELECT count(*) FROM pg_roles WHERE rolname LIKE '{role} %'") == [(0,)]


def test_admin_who_may_not_make_roles_is_told_which(
    sides: Sides, write: Callable[..., Path], role: str
) -> None:
    path = write("x.sql", f"CREATE TABLE t (a int);\nGRANT SELECT ON t TO {quoted(role)};")
    owner, also_owner = sides.connect(sides.owner), sides.connect(sides.owner)
    with pytest.raises(MigrationError) as caught:
        load(path, owner=owner, admin=also_owner)
    said = str(caught.value)
    assert f"baseline: names the role {role}, which the server lacks and did not let" in said
    assert f"next: CREATE ROLE {quoted(role)} in `prepare`" in said


def test_what_only_a_superuser_may_make_is_made(load_: Load, sides: Sides) -> None:
    load_(
        "CREATE EXTENSION IF NOT EXISTS earthdistance CASCADE;\n"
        "CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;\n"
        "COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL';\n"
        "CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN END$$;\n"
        "CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION noted();\n"
        "ALTER EVENT TRIGGER e OWNER TO prod;\n"
        "CREATE PUBLICATION p FOR ALL TABLES;\nALTER PUBLICATION p OWNER TO prod;\n"
        "CREATE EXTENSION postgres_fdw;\n"
        "CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw;\nALTER SERVER s OWNER TO prod;\n"
        "CREATE USER MAPPING FOR PUBLIC SERVER s;\n"
        "CREATE FOREIGN TABLE f (a int) SERVER s;\nALTER FOREIGN TABLE f OWNER TO prod;\n"
        "CREATE OPERATOR CLASS c FOR TYPE text USING btree AS FUNCTION 1 bttextcmp(text, text);\n"
        "CREATE OPERATOR FAMILY public.o USING hash;\n"
        "CREATE FOREIGN DATA WRAPPER nothing;\n"
        "CREATE CAST (text AS money) WITH INOUT AS ASSIGNMENT;\n"
        "CREATE TABLE t (a earth);\n"
    )
    owner = sides.owner.user
    assert sides.rows(
        "SELECT relowner::regrole::text FROM pg_class WHERE relname IN ('f', 't')"
    ) == [
        (owner,),
        (owner,),
    ]
    assert sides.rows("SELECT srvowner::regrole::text FROM pg_foreign_server") == [(owner,)]
    assert sides.rows(
        "SELECT opcowner::regrole::text FROM pg_opclass WHERE opcname = 'c'"
        " UNION ALL SELECT opfowner::regrole::text FROM pg_opfamily WHERE opfname = 'o'"
    ) == [(owner,), (owner,)]
    assert sides.rows("SELECT evtname::text FROM pg_event_trigger") == [("e",)]


@pytest.mark.parametrize(
    ("privilege", "kind", "on"),
    [
        ("EXECUTE", "function", "pg_catalog.pg_ls_dir(text)"),
        ("EXECUTE", "function", "lo_export(oid, text)"),
        ("CREATE", "schema", "pg_catalog"),
        ("SELECT", "table", "pg_catalog.pg_authid"),
    ],
)
def test_what_postgresql_keeps_from_others_no_dump_gives_away(  # noqa: PLR0917 - fixtures
    load_: Load, sides: Sides, role: str, privilege: str, kind: str, on: str
) -> None:
    loaded = load_(f"GRANT {privilege} ON {kind} {on} TO {quoted(role)};")
    (told,) = loaded.notices
    assert told.startswith(
        (
            "line 1 left out, since the owner role may not grant it (permission denied for",
            'WARNING:  no privileges were granted for "pg_catalog"',
        )
    )
    assert sides.rows(f"SELECT has_{kind}_privilege('{role}', '{on}', '{privilege}')") == [(False,)]


def test_grants_on_the_schema_public_are_made(load_: Load, sides: Sides, role: str) -> None:
    load_(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC;\n"
        f"GRANT CREATE ON SCHEMA public TO {quoted(role)};"
    )
    assert sides.rows(
        f"SELECT has_schema_privilege('{role}', 'public', 'CREATE'),"
        f" has_schema_privilege('{role}', 'public', 'USAGE')"
    ) == [(True, False)]


def test_default_privileges_of_the_owners_are_the_owner_s(
    load_: Load, sides: Sides, role: str
) -> None:
    loaded = load_(
        "CREATE TABLE t (a int);\nALTER TABLE t OWNER TO prod;\n"
        "ALTER DEFAULT PRIVILEGES FOR ROLE prod IN SCHEMA public"
        f" GRANT SELECT ON TABLES TO {quoted(role)};\n"
        "ALTER DEFAULT PRIVILEGES FOR ROLE stranger GRANT SELECT ON TABLES TO PUBLIC;\n"
    )
    with sides.connect(sides.owner).cursor() as cursor:
        cursor.execute("CREATE TABLE later (a int)")
    assert sides.rows(f"SELECT has_table_privilege('{role}', 'later', 'SELECT')") == [(True,)]
    (left_out,) = loaded.notices
    assert left_out.startswith("line 4 left out, since nothing in the dump belongs to stranger: A")


def test_what_this_server_does_not_need_or_know_is_left_out_and_told(load_: Load) -> None:
    loaded = load_(
        "SET some_setting_of_a_later_version = 0;\nCREATE SCHEMA public;\n"
        "SET default_tablespace = fast;\nBEGIN;\nCREATE TABLE public.t (a int);\nCOMMIT;\n"
        "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false);\n"
    )
    assert loaded.statements == 1
    first, second, third = loaded.notices
    assert first.startswith("line 1 left out, since PostgreSQL ")
    assert second.startswith("line 2 left out, since the schema public is there already")
    assert third.startswith("line 7 left out, since it is about more than this database")


def test_refused_statement_names_file_line_and_words(load_: Load) -> None:
    assert refusal(load_, "CREATE TABLE t (a int);\nCREATE TABLE u (\n  a nope\n);") == (
        'production.sql:3: baseline: PostgreSQL refused it: type "nope" does not exist\n'
        "    statement:\n"
        "      CREATE TABLE u (\n"
        "        a nope\n"
        "      )\n"
        "  next: mend the dump, or make what it needs with `prepare`, which the superuser runs"
    )


def test_extension_that_the_server_lacks_is_named_with_where_to_have_it(load_: Load) -> None:
    said = refusal(load_, "CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public;")
    assert said.startswith(
        'production.sql:1: baseline: PostgreSQL refused it: extension "vector" is not available'
    )
    assert 'next: server = "docker" with image = "pgvector/pgvector:pg' in said


@pytest.mark.parametrize(
    "sql", ["CREATE ROLE app", "GRANT a TO b", "CREATE DATABASE d", "ROLLBACK"]
)
def test_what_reaches_beyond_the_database_is_refused_before_anything_runs(
    load_: Load, sides: Sides, sql: str
) -> None:
    said = refusal(load_, f"CREATE TABLE t (a int);\n{sql};")
    assert said.startswith("production.sql:2: baseline: this statement reaches beyond the one data")
    assert "with pg_dump --schema-only" in said
    assert sides.rows("SELECT to_regclass('t')") == [(None,)]


AS_SUPERUSER = """
CREATE TABLE public.was (who text, what text);
CREATE FUNCTION public.look(what text) RETURNS void LANGUAGE plpgsql AS $$BEGIN
  IF current_setting('is_superuser') = 'on' THEN
    INSERT INTO public.was VALUES (current_user, what);
  END IF;
END$$;
CREATE FUNCTION public.fired() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
  PERFORM public.look(TG_TAG);
END$$;
CREATE FUNCTION public.path() RETURNS text LANGUAGE plpgsql AS $$BEGIN
  PERFORM public.look('set_config');
  RETURN 'public';
END$$;
CREATE FUNCTION public.same(name, name) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
  PERFORM public.look('operator');
  RETURN $1 OPERATOR(pg_catalog.=) $2;
END$$;
CREATE OPERATOR public.= (LEFTARG = name, RIGHTARG = name, FUNCTION = public.same);
"""
"""Who runs a function of the dump as a superuser is written down."""
FURTHER = """
CREATE EXTENSION earthdistance CASCADE;
COMMENT ON EXTENSION plpgsql IS 'x';
CREATE PUBLICATION p FOR ALL TABLES;
GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE TABLE public.later (a int);
GRANT SELECT ON public.later TO somebody_of_this_test;
"""


@pytest.mark.parametrize("event", ["ddl_command_start", "ddl_command_end", "sql_drop"])
@pytest.mark.parametrize("enabled", ["", "ENABLE ALWAYS", "ENABLE REPLICA", "DISABLE"])
def test_event_triggers_of_a_dump_are_there_and_no_superuser_has_fired_one(
    load_: Load, sides: Sides, event: str, enabled: str
) -> None:
    state = f"ALTER EVENT TRIGGER e {enabled};\n" if enabled else ""
    load_(
        f"{AS_SUPERUSER}\nCREATE EVENT TRIGGER e ON {event} EXECUTE FUNCTION public.fired();\n"
        f"{state}{FURTHER}"
    )
    assert sides.rows("SELECT * FROM public.was") == []
    letter = {"": "O", "ENABLE ALWAYS": "A", "ENABLE REPLICA": "R", "DISABLE": "D"}[enabled]
    assert sides.rows("SELECT evtenabled::text FROM pg_event_trigger") == [(letter,)]


@pytest.mark.parametrize(
    "setting",
    [
        "SELECT set_config('search_path', public.path(), false);",
        "SELECT pg_catalog.set_config('a.b', 'x', false), public.path();",
        "SET search_path = public, pg_catalog;",
        "SELECT set_config('search_path', 'public,pg_catalog', false);",
    ],
)
def test_no_setting_of_a_dump_has_a_superuser_run_its_functions(
    load_: Load, sides: Sides, setting: str
) -> None:
    load_(f"{AS_SUPERUSER}\n{setting}\n{FURTHER}")
    assert sides.rows("SELECT * FROM public.was") == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "CREATE FUNCTION f(oid, text) RETURNS int LANGUAGE internal AS 'be_lo_export'",
            "permission denied for language internal",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'nowhere', 'f'",
            "permission denied for language c",
        ),
        (
            "CREATE CAST (oid AS text) WITH FUNCTION pg_catalog.quote_literal(text)",
            "must be owner of type oid or type text",
        ),
        (
            "CREATE FOREIGN DATA WRAPPER w VALIDATOR pg_catalog.postgresql_fdw_validator",
            'permission denied to create foreign-data wrapper "w"',
        ),
        (
            "CREATE TYPE t (INPUT = int4in, OUTPUT = int4out)",
            "must be superuser to create a base type",
        ),
    ],
)
def test_what_a_dump_could_reach_out_with_is_left_to_prepare(
    load_: Load, statement: str, said: str
) -> None:
    words = refusal(load_, f"{statement};")
    assert words.startswith(f"production.sql:1: baseline: PostgreSQL refused it: {said}\n")
    assert words.endswith(
        "next: mend the dump, or take the statement out of it and into `prepare`, which the "
        "superuser runs"
    )


def test_a_program_is_no_foreign_table_of_a_dump(load_: Load, tmp_path: Path) -> None:
    out = tmp_path / "ran"
    words = refusal(
        load_,
        "CREATE EXTENSION file_fdw;\nCREATE SERVER s FOREIGN DATA WRAPPER file_fdw;\n"
        f"CREATE FOREIGN TABLE t (a text) SERVER s OPTIONS (program 'touch {out}');\n"
        "SELECT * FROM t;",
    )
    assert "production.sql:3: baseline: PostgreSQL refused it: " in words
    assert not out.exists()


def test_a_dump_gives_away_nothing_of_postgresql_s(load_: Load, sides: Sides) -> None:
    load_(
        "CREATE PUBLICATION p FOR ALL TABLES;\nALTER SCHEMA pg_catalog OWNER TO prod;\n"
        "ALTER FUNCTION pg_catalog.lo_export(oid, text) OWNER TO prod;\n"
    )
    bootstrap = 10  # BOOTSTRAP_SUPERUSERID of pg_authid.dat
    assert sides.rows(
        "SELECT nspowner::int FROM pg_namespace WHERE nspname = 'pg_catalog'"
        " UNION ALL SELECT proowner::int FROM pg_proc WHERE proname = 'lo_export'"
    ) == [(bootstrap,), (bootstrap,)]


def test_custom_format_is_refused(sides: Sides, write: Callable[..., Path]) -> None:
    path = write("production.dump", b"PGDMP\x01\x0e\x00")
    with pytest.raises(MigrationError, match="custom format"):
        load(path, owner=sides.connect(sides.owner), admin=sides.connect(sides.admin))


def test_real_dump_loads_and_dumps_again_the_same(
    load_: Load, sides: Sides, postgres: Any, role: str
) -> None:
    """All that pg_dump writes of the varied schema comes back, but for who owns it."""
    if shutil.which("pg_dump") is None or shutil.which("psql") is None:
        pytest.skip("pg_dump and psql are not on PATH")
    source = f"test_{secrets.token_hex(4)}"
    admin = sides.connect(postgres)
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {source}")
        cursor.execute(f"CREATE ROLE {quoted(role)}")
    varied = (Path(__file__).parents[1] / "migrations" / "varied.sql").read_text(encoding="utf-8")
    grants = (
        f"GRANT SELECT ON shop.customer TO {quoted(role)}; GRANT USAGE ON SCHEMA shop TO PUBLIC;"
    )
    default = f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {quoted(role)};"
    command("psql", postgres.at(source).url(), f"{varied};\n{grants}\n{default}")
    dump = command("pg_dump", postgres.at(source).url(), "")
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {source}")
        cursor.execute(f"DROP ROLE {quoted(role)}")
    loaded = load_(dump)
    assert loaded.roles == (role,)
    again = command("pg_dump", sides.admin.url(), "")
    assert without_owners(again) == without_owners(dump)


def command(name: str, url: str, stdin: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    done = subprocess.run(
        [name, "-d", url], input=stdin, env=environment, capture_output=True, check=True, text=True
    )
    return done.stdout


def without_owners(dump: str) -> list[str]:
    lines = []
    for line in dump.splitlines():
        if line.startswith(("\\restrict", "\\unrestrict")) or " OWNER TO " in line:
            continue
        if line.startswith("--"):
            continue
        words = line.split(" ")
        if line.startswith("ALTER DEFAULT PRIVILEGES FOR ROLE"):
            words[5] = "someone"
        lines.append(" ".join(words))
    return lines
