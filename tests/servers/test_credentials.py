"""What a server of the guard's own asks for, and where passwords are not."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard import cache
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Databases, Server, Wanted, find, obtain
from pytest_schemaguard.servers.account import UNUSED
from pytest_schemaguard.servers.application_role import application_address
from pytest_schemaguard.servers.datafolder import set_password
from pytest_schemaguard.servers.owner import create_owner
from pytest_schemaguard.servers.scram import NOBODY
from pytest_schemaguard.servers.sessions import connect
from tests.servers.conftest import OWN, processes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers.conftest import Process

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="takes root")


@pytest.fixture(scope="module", params=["local", "embedded"])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Run]]:
    """One of our own, of two majors where there are: 18 has checksums unless it is told not to."""
    wanted = Wanted(provider=request.param, tcp=True, settings=(("log_statement", "all"),))
    try:
        find(wanted)
    except ServerError as error:
        pytest.skip(str(error))
    run = Run.begin()
    yield obtain(wanted, run), run
    run.close(wait=True)


PASSWORDS = ("", "x", "postgres", "schema_guard_superuser", NOBODY)


@pytest.mark.parametrize("host", ["socket", "127.0.0.1"])
@pytest.mark.parametrize("password", [*PASSWORDS, "the owner's"])
@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_the_superuser_logs_in_with_the_password_of_the_run_alone(
    server: tuple[Server, Run], host: str, password: str, database: str
) -> None:
    one, run = server
    place = one.admin if host == "socket" else one.owner.logged_in_as(one.admin.user, "")
    place = place.at(database)
    if password == "the owner's":
        password = one.owner.password
    with pytest.raises(psycopg2.OperationalError, match=r"authentication failed|no password"):
        psycopg2.connect(place.logged_in_as(one.admin.user, password).url())
    own = place.logged_in_as(one.admin.user, run.password(one.admin.user))
    psycopg2.connect(own.url()).close()


def test_a_superuser_that_prepare_makes_is_not_let_in_either(server: tuple[Server, Run]) -> None:
    one, _ = server
    admin = connect(one.admin)
    admin.cursor().execute("CREATE ROLE boss SUPERUSER LOGIN")
    try:
        with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
            psycopg2.connect(one.admin.logged_in_as("boss", "").url())
    finally:
        admin.cursor().execute("DROP ROLE boss")
        admin.close()


def test_the_owner_who_may_do_nothing_else_needs_no_password_on_the_socket(
    server: tuple[Server, Run],
) -> None:
    """--schema-guard-keep prints how to look into what is kept, without one."""
    one, _ = server
    owner = psycopg2.connect(one.admin.logged_in_as(one.owner.user, "").url())
    with owner.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False,)
    owner.close()
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(one.owner.logged_in_as(one.owner.user, "").at("postgres").url())


def test_no_password_is_in_a_file_a_log_an_environment_or_a_command_line(
    server: tuple[Server, Run],
) -> None:
    one, run = server
    databases = Databases(one, run)
    name = f"of-{secrets.token_hex(3)}"
    databases.create(name)
    address = application_address(databases, name, role=None, search_path="public")
    psycopg2.connect(address.url()).close()
    databases.close()
    told = {run.invitation[1], one.admin.password, one.owner.password, address.password}
    assert len({text for text in told if len(text) >= 32}) == 4
    assert not found_in_files(run.folder, told)
    assert not found_in_processes(run.folder, told)
    assert one.log is not None
    log = one.log.read_text()
    assert f'CREATE ROLE "{address.user}" LOGIN' in log
    assert "PASSWORD 'SCRAM-SHA-256$4096:" in log


def found_in_files(folder: Path, told: set[str]) -> list[str]:
    found = []
    for parent, _, files in os.walk(folder):
        for name in files:
            # No socket; nor a lock, which the process that opens and closes it lets go.
            if not Path(parent, name).is_file() or name.endswith(".lock"):
                continue
            with suppress(FileNotFoundError):  # a server removes files
                content = Path(parent, name).read_bytes()
                found += [f"{parent}/{name}" for text in told if text.encode() in content]
    return found


def found_in_processes(folder: Path, told: set[str]) -> list[str]:
    found = []
    for line in processes_of(folder):
        process = Path("/proc", line.split()[0])
        content = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        found += [line for text in told if text.encode() in content]
    assert processes_of(folder)
    return found


# What the run's processes tell each other


def test_each_process_of_a_run_has_the_same_passwords_and_no_other_run_has(run: Run) -> None:
    joined, other = Run.join(run.invitation), Run.begin()
    assert joined.password("a") == run.password("a")
    assert len({run.password("a"), run.password("b"), other.password("a")}) == 3
    assert int(run.password("a"), 16) >= 0
    assert len(run.password("a")) == 32
    assert run.invitation[1] not in repr(vars(run).keys())
    other.close()


def test_a_urls_password_is_in_no_file_and_cannot_be_guessed_from_a_name(
    server: tuple[Server, Run],
) -> None:
    one, _ = server
    admin = connect(one.admin)
    admin.cursor().execute("CREATE ROLE manager LOGIN PASSWORD 'geheim' CREATEDB CREATEROLE")
    url = one.owner.logged_in_as("manager", "geheim").at("postgres").url() + "?sslpassword=geheim"
    names = set()
    for _ in range(2):
        run = Run.begin()
        own = obtain(Wanted(provider=url), run)
        again = obtain(Wanted(provider=url), Run.join(run.invitation))
        assert again == own
        assert dict(again.owner.options) == {"sslpassword": "geheim"}
        (file,) = run.folder.glob("server-*.json")
        names.add(file.name)
        values = json.loads(file.read_text())
        for who in ("admin", "owner"):
            assert not {"password", "options"} & set(values[who])
        assert not found_in_files(run.folder, {"geheim", own.owner.password})
        run.close()
    assert len(names) == 2, "the name of the file is the same for the same URL"
    admin.cursor().execute("DROP ROLE manager")
    admin.close()


def test_a_create_role_that_fails_shows_neither_its_password_nor_its_verifier(
    server: tuple[Server, Run], run: Run
) -> None:
    one, _ = server
    admin = connect(one.admin)
    admin.cursor().execute("SET default_transaction_read_only = on")
    with pytest.raises(ServerError) as caught:
        create_owner(admin, "some_owner", run)
    admin.close()
    assert str(caught.value) == (
        "PostgreSQL: it did not let the guard create its role some_owner: cannot execute "
        "CREATE ROLE in a read-only transaction\n"
        '  next: find out why it refuses CREATE ROLE "some_owner" LOGIN PASSWORD '
        "'SCRAM-SHA-256$...', or name another server"
    )
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_data_folder_that_has_no_place_for_the_password_is_told(tmp_path: Path) -> None:
    roles = tmp_path / "global" / "1260"
    roles.parent.mkdir()
    roles.write_bytes(b"x" * len(NOBODY))
    with pytest.raises(ServerError) as caught:
        set_password(tmp_path, "secret")
    assert str(caught.value) == (
        f"data folder: {roles} is not as initdb made it, so that the superuser cannot get a "
        "password\n  next: choose another `server`"
    )


def test_one_in_the_cache_that_has_none_is_made_anew(
    process: Callable[..., Process], tmp_path: Path
) -> None:
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    process("begin", wanted=OWN, environ=environ).close()
    folder = tmp_path / "pytest-schemaguard"
    (entry,) = folder.glob("data-*[0-9a-f]")
    packed = cache.get(folder, entry.name)
    assert packed is not None
    cache.put(folder, entry.name, packed.replace(NOBODY.encode(), b"x" * len(NOBODY)))
    one = process("begin", wanted=OWN, environ=environ)
    assert one.report["notes"] == [f"no server started from {entry} in the cache; it was made anew"]
    one.close()


# The account


@as_root
def test_the_servers_account_has_no_entry_and_no_rights(shared_server: Server) -> None:
    assert shared_server.log is not None
    data = shared_server.log.parent / "data"
    uid = data.stat().st_uid
    assert uid in UNUSED
    with pytest.raises(KeyError):
        pwd.getpwuid(uid)
    pid = (data / "postmaster.pid").read_text().split()[0]
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    assert set(status["Uid"].split()) == {str(uid)}
    assert set(status["Gid"].split()) == {str(data.stat().st_gid)}
    assert status["Groups"].split() == []
    for parent, _, files in os.walk(data):
        assert {Path(parent, name).stat().st_uid for name in files} <= {uid}


IN_A_USER_NAMESPACE = """
import ctypes, os, sys
entered, mapped = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    if ctypes.CDLL(None, use_errno=True).unshare(0x10000000):  # CLONE_NEWUSER
        sys.exit("no user namespaces here")
    os.write(entered[1], b"x")
    os.read(mapped[0], 1)
    os.execvp(sys.argv[2], sys.argv[2:])
os.read(entered[0], 1)
for kind in ("uid", "gid"):
    with open(f"/proc/{child}/{kind}_map", "w") as file:
        file.write(f"0 0 {sys.argv[1]}")
os.write(mapped[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@as_root
@pytest.mark.parametrize(("mapped", "uids"), [(65536, UNUSED), (1000, range(900, 1000))])
def test_root_of_a_user_namespace_takes_an_account_that_is_mapped(
    process: Callable[..., Process], mapped: int, uids: range, tmp_path_factory: Any
) -> None:
    cache = tmp_path_factory.mktemp("cache")
    prefix = (sys.executable, "-c", IN_A_USER_NAMESPACE, str(mapped))
    need(prefix)
    for _ in range(2):  # initdb, and a copy of what it made
        one = process("begin", wanted=OWN, prefix=prefix, environ={"XDG_CACHE_HOME": str(cache)})
        assert "error" not in one.report, one.report["error"]
        log = one.server.log
        assert log is not None
        assert (log.parent / "data").stat().st_uid in uids
        psycopg2.connect(one.report["database"]).close()
        one.close()


@as_root
def test_root_that_can_become_nobody_else_is_told(process: Callable[..., Process]) -> None:
    prefix = ("unshare", "--user", "--map-root-user")
    need(prefix)
    one = process("begin", wanted=OWN, prefix=prefix)
    assert one.report["error"] == (
        "server: this process is root, as whom PostgreSQL does not run, and its user namespace "
        "has no uid that it could run as (/proc/self/uid_map)\n"
        "  next: start the guard as another user, or map more uids into the namespace"
    )
    one.close()


def need(prefix: tuple[str, ...]) -> None:
    if shutil.which(prefix[0]) is None:
        pytest.skip(f"no {prefix[0]}")
    done = subprocess.run([*prefix, sys.executable, "-c", ""], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip(done.stderr.decode())
