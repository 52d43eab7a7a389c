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


def test_roles_of_a_baseline_go_with_the_run(there: Server, sql: Callable[..., list[Any]]) -> None:
    with_run = Run.begin()
    databases = Databases(obtain(Wanted(provider=there.admin.url()), with_run), with_run)
    databases.create("a")
    with databases.session("a", as_admin=True) as admin:
        admin.cursor().execute(
            "CREATE ROLE app_reader; CREATE TABLE t (); GRANT ALL ON t TO app_reader"
        )
    databases.adopt_roles(["app_reader"])
    databases.close()
    with_run.close()
    assert sql("SELECT rolname FROM pg_roles WHERE rolname = 'app_reader'") == []


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
