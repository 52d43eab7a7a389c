"""On a server that is there already: the run's own databases and roles, and nothing else."""

from __future__ import annotations

import json
import secrets
import socket
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Databases, Server, Wanted, find, obtain
from pytest_schemaguard.servers.existing import sweep
from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.servers.settings import Settings
from tests.servers.conftest import assert_gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address
    from tests.servers.conftest import Process


@pytest.fixture(scope="module", params=["local", "embedded"])
def there(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that a URL can name; two majors where there are: CREATEROLE changed in 16."""
    wanted = Wanted(provider=request.param, tcp=True)
    try:
        find(wanted)
    except ServerError as error:
        pytest.skip(str(error))
    run = Run.begin()
    yield obtain(wanted, run)
    run.close(wait=True)


@pytest.fixture
def sql(there: Server) -> Iterator[Callable[..., list[Any]]]:
    """Runs SQL on that server as its superuser; the first column of the result."""
    connection = connect(there.admin)

    def run_sql(statement: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return [row[0] for row in cursor.fetchall()] if cursor.description else []

    yield run_sql
    connection.close()


@pytest.fixture
def role(there: Server, sql: Callable[..., list[Any]]) -> Iterator[Callable[[str], Address]]:
    """Makes roles on that server, which log in with a password."""
    made = []

    def make(attributes: str) -> Address:
        name, password = f"user_{secrets.token_hex(3)}", secrets.token_hex(8)
        sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}' {attributes}")
        made.append(name)
        return there.owner.logged_in_as(name, password).at("postgres")

    yield make
    for name in made:
        sql(f"DROP ROLE {name}")


def ours(sql: Callable[..., list[Any]]) -> tuple[list[str], list[str]]:
    """Databases and roles of runs on that server."""
    return (
        sql("SELECT datname FROM pg_database WHERE datname LIKE 'schema\\_guard\\_%' ORDER BY 1"),
        sql("SELECT rolname FROM pg_roles WHERE rolname ~ '^schema_guard_[0-9a-f]{8}' ORDER BY 1"),
    )


def test_a_run_makes_its_own_and_takes_it_away(
    there: Server, sql: Callable[..., list[Any]]
) -> None:
    before = sql("SELECT datname FROM pg_database ORDER BY 1")
    run = Run.begin()
    server = obtain(Wanted(provider=there.admin.url()), run)
    assert (server.provider, server.version) == ("existing", there.version)
    assert server.origin == there.admin.safe
    assert server.owner.confined_to == f"schema_guard_{run.id}_"
    assert obtain(Wanted(provider=there.admin.url()), run) == server  # read from the run's folder
    databases = Databases(server, run)
    databases.create("a")
    databases.freeze("a")
    databases.create("b", template="a")
    databases.connect("b").close()
    assert ours(sql) == (
        [f"schema_guard_{run.id}_a", f"schema_guard_{run.id}_b"],
        [f"schema_guard_{run.id}_owner"],
    )
    (comment,) = sql(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE '%_b'"
    )
    assert json.loads(comment) == {"schema-guard": run.id}
    databases.close()
    run.close()
    assert ours(sql) == ([], [])
    assert sql("SELECT datname FROM pg_database ORDER BY 1") == before


@pytest.mark.parametrize("attributes", ["CREATEDB CREATEROLE", "SUPERUSER"])
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE ROLE app_reader",
        "CREATE USER app_reader",
        "CREATE GROUP app_reader",
        "DO $$ BEGIN IF true THEN CREATE ROLE app_reader; END IF; END $$",
        "DO $$ BEGIN CREATE ROLE app_reader; COMMIT; END $$",
        "SELECT make_reader()",
    ],
)
def test_roles_that_a_statement_creates_go_with_the_run_and_no_others(
    there: Server,
    sql: Callable[..., list[Any]],
    role: Callable[[str], Address],
    attributes: str,
    statement: str,
) -> None:
    """Somebody else creates one in the same moment."""
    with_run = Run.begin()
    server = obtain(Wanted(provider=role(attributes).url()), with_run)
    databases = Databases(server, with_run)
    databases.create("a")
    sees = "SELECT rolname FROM pg_roles WHERE rolname IN ('app_reader', 'somebodys') ORDER BY 1"
    with databases.session("a") as owner:
        owner.cursor().execute(
            "CREATE FUNCTION make_reader() RETURNS void LANGUAGE plpgsql AS"
            " 'BEGIN CREATE ROLE app_reader; END'; GRANT ALL ON SCHEMA public TO public"
        )
    with (
        databases.session("a", as_admin=True, settings=Settings.OWN) as admin,
        admin.cursor() as cursor,
    ):

        class Late:
            """A cursor, before whose statement somebody else creates a role."""

            connection = admin
            fetchall = cursor.fetchall

            def execute(self, text: str) -> None:
                if text == statement and "somebodys" not in sql(sees):
                    sql("CREATE ROLE somebodys")
                cursor.execute(text)

        databases.execute_marking_roles(Late(), statement)
    databases.close()
    assert sql(sees) == ["app_reader", "somebodys"]
    with_run.close()
    unseen = ["app_reader"] if "COMMIT" in statement else []  # it refuses a transaction
    try:
        assert sql(sees) == [*unseen, "somebodys"]
    finally:
        for name in sql(sees):
            sql(f"DROP ROLE {name}")


@pytest.mark.parametrize(
    "statement", ["CREATE DATABASE schema_guard_test_x", "VACUUM", "BEGIN", "SET lock_timeout = 5"]
)
def test_what_refuses_a_transaction_or_makes_one_runs_all_the_same(
    there: Server, sql: Callable[..., list[Any]], statement: str
) -> None:
    with_run = Run.begin()
    databases = Databases(obtain(Wanted(provider=there.admin.url()), with_run), with_run)
    databases.create("a")
    with (
        databases.session("a", as_admin=True, settings=Settings.OWN) as admin,
        admin.cursor() as cursor,
    ):
        databases.execute_marking_roles(cursor, statement)
        databases.execute_marking_roles(cursor, "CREATE TABLE t ()")
        databases.execute_marking_roles(cursor, "COMMIT")
        with pytest.raises(psycopg2.errors.DuplicateTable):
            databases.execute_marking_roles(cursor, "CREATE TABLE t ()")
        databases.execute_marking_roles(cursor, "SHOW lock_timeout")
        assert cursor.description is None or cursor.rowcount == 1
    databases.close()
    with_run.close()
    sql("DROP DATABASE IF EXISTS schema_guard_test_x")


def test_what_another_users_dead_run_left_is_left_to_that_user(
    there: Server,
    process: Callable[..., Process],
    sql: Callable[..., list[Any]],
    role: Callable[[str], Address],
) -> None:
    """Who may not drop it has a run all the same."""
    one = process("begin", wanted={"provider": there.admin.url()})
    folder = one.folder
    one.end()
    assert_gone(folder)
    left = ours(sql)
    run = Run.begin()
    databases = Databases(obtain(Wanted(provider=role("CREATEDB CREATEROLE").url()), run), run)
    databases.create("a")
    databases.close()
    run.close()
    kept = ours(sql)
    assert kept[0] == left[0]
    if there.major >= 16:  # before, CREATEROLE may drop every role that owns nothing
        assert kept[1] == left[1]
    run = Run.begin()
    obtain(Wanted(provider=there.admin.url()), run)
    run.close()
    assert ours(sql) == ([], [])


def test_a_run_that_cannot_drop_its_own_says_so(
    there: Server, sql: Callable[..., list[Any]], role: Callable[[str], Address]
) -> None:
    run = Run.begin()
    user = role("CREATEDB CREATEROLE")
    server = obtain(Wanted(provider=user.url()), run)
    databases = Databases(server, run)
    databases.create("a")
    databases.close()
    full = databases.full_name("a")
    sql(f'ALTER DATABASE "{full}" OWNER TO {there.admin.user}')
    with pytest.raises(ServerError) as caught:
        run.close()
    assert str(caught.value) == (
        f"{user.safe}: what this run made there could not be dropped: must be owner of database "
        f"{full}\n"
        "  next: drop the databases and roles whose names begin with "
        f"schema_guard_{run.id}_, or let the next run do it"
    )
    sql(f'DROP DATABASE "{full}"')
    sql(f'DROP ROLE "{server.owner.user}"')


@pytest.mark.parametrize("attributes", ["CREATEDB CREATEROLE", "SUPERUSER"])
def test_a_user_who_may_create_databases_and_roles_is_enough(
    role: Callable[[str], Address], sql: Callable[..., list[Any]], attributes: str
) -> None:
    run = Run.begin()
    server = obtain(Wanted(provider=role(attributes).url()), run)
    assert server.is_superuser == (attributes == "SUPERUSER")
    databases = Databases(server, run)
    databases.create("a")
    with databases.session("a") as owner, owner.cursor() as cursor:
        cursor.execute("CREATE TABLE t ()")
        databases.drop("a")
    databases.create("c")
    databases.freeze("c")
    databases.create("d", template="c")
    databases.close()
    run.close()
    assert ours(sql) == ([], [])


@pytest.mark.parametrize(
    ("attributes", "lacking", "grant"),
    [
        ("", "CREATEDB and CREATEROLE", "CREATEDB CREATEROLE"),
        ("CREATEDB", "CREATEROLE", "CREATEROLE"),
        ("CREATEROLE", "CREATEDB", "CREATEDB"),
    ],
)
def test_a_user_who_may_not_is_told_what_is_lacking_and_how_to_grant_it(
    role: Callable[[str], Address], run: Run, attributes: str, lacking: str, grant: str
) -> None:
    address = role(attributes)
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider=address.url()), run)
    assert str(caught.value) == (
        f"{address.safe}: the role {address.user} lacks {lacking}: "
        "the guard makes databases and a role of its own there\n"
        f'  next: run as a superuser: ALTER ROLE "{address.user}" {grant};'
    )


def test_the_wrong_major_is_said_with_both(there: Server, run: Run) -> None:
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider=there.admin.url(), major=there.major + 1), run)
    assert str(caught.value) == (
        f"{there.admin.safe}: it runs PostgreSQL {there.version}, "
        f"but `postgres = {there.major + 1}` is configured\n"
        "  next: name a server of that version, or none: a throwaway one is started"
    )


def test_an_unreachable_url_is_said_without_its_password(run: Run) -> None:
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider="postgresql://u:hunter2@127.0.0.1:1/d"), run)
    words = str(caught.value)
    assert words.startswith("postgresql://u@127.0.0.1:1/d: cannot connect\n")
    assert "Connection refused" in words
    assert "hunter2" not in words


def test_a_wrong_password_is_said_without_it(there: Server, run: Run) -> None:
    address = there.owner.logged_in_as(there.owner.user, "hunter2")
    with pytest.raises(ServerError) as caught:
        obtain(Wanted(provider=address.url()), run)
    assert "password authentication failed" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_a_killed_run_left_is_swept_by_the_next_and_not_what_lives(
    there: Server, process: Callable[..., Process], sql: Callable[..., list[Any]]
) -> None:
    wanted = {"provider": there.admin.url()}
    foreign = "schema_guard_0123abcd_mine"
    sql(f"CREATE DATABASE {foreign}")
    sql("CREATE ROLE schema_guard_0123abcd_owner")
    dead, living = process("begin", wanted=wanted), process("begin", wanted=wanted)
    of_dead, of_living = dead.report["database"], living.report["database"]
    dead.end()
    assert_gone(dead.folder)
    assert len(ours(sql)[0]) == 3, "nobody has swept yet"
    run = Run.begin()
    obtain(Wanted(provider=there.admin.url()), run)
    psycopg2.connect(of_living).close()
    with pytest.raises(psycopg2.OperationalError, match=r"does not exist|authentication failed"):
        psycopg2.connect(of_dead)
    run.close()
    living.close()
    assert ours(sql) == ([foreign], ["schema_guard_0123abcd_owner"])
    sql(f"DROP DATABASE {foreign}")
    sql("DROP ROLE schema_guard_0123abcd_owner")


def test_two_runs_at_once_on_one_server_leave_each_other_alone(
    there: Server, process: Callable[..., Process], sql: Callable[..., list[Any]]
) -> None:
    wanted = {"provider": there.admin.url()}
    runs = [process("begin", wanted=wanted) for _ in range(2)]
    for one in runs:
        psycopg2.connect(one.report["database"]).close()
    runs[0].close()
    psycopg2.connect(runs[1].report["database"]).close()
    runs[1].close()
    assert ours(sql) == ([], [])


def test_a_run_is_alive_by_its_lock_alone(
    there: Server,
    process: Callable[..., Process],
    sql: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As seen from another machine, and from another database of the server."""
    one = process("begin", wanted={"provider": there.admin.url()})
    psycopg2.connect(one.report["database"]).close()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    elsewhere = connect(there.admin.at("template1"))
    sweep(elsewhere, keep="00000000")
    elsewhere.close()
    psycopg2.connect(one.report["database"]).close()
    one.close()
    assert ours(sql) == ([], [])


def test_a_run_is_alive_by_its_keeper_alone(
    there: Server, process: Callable[..., Process], sql: Callable[..., list[Any]]
) -> None:
    """The process that took the lock was a worker, and was killed."""
    wanted = {"provider": there.admin.url()}
    owner = process("begin", released=wanted)
    worker = process("join", wanted=wanted, invitation=owner.invitation)
    made = worker.report["database"].partition("?")[0].rpartition("/")[2]
    worker.end()
    run = Run.begin()
    obtain(Wanted(provider=there.admin.url()), run)
    run.close()
    assert made in ours(sql)[0]
    owner.close()
    assert ours(sql) == ([], []), "the owner drops what its workers made"


def test_a_killed_worker_leaves_the_databases_to_the_others(
    there: Server, process: Callable[..., Process], sql: Callable[..., list[Any]]
) -> None:
    wanted = {"provider": there.admin.url()}
    owner = process("begin", released=wanted)
    workers = [process("join", wanted=wanted, invitation=owner.invitation) for _ in range(2)]
    assert workers[0].report["server"] == workers[1].report["server"]
    workers[0].end()
    psycopg2.connect(workers[1].report["database"]).close()
    owner.close()
    assert ours(sql) == ([], [])
