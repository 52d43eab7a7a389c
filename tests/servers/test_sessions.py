"""The guard's connections go where they are told, whatever the environment says."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.address import Address
from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.identifiers import in_quotes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_schemaguard.servers import Databases


@pytest.fixture
def decoy() -> Iterator[tuple[int, list[object]]]:
    """A listening port, and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, who = listening.accept()
                except OSError:
                    return
                came.append(who)
                connection.close()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1], came


def test_no_variable_of_libpq_redirects_or_changes_a_connection(
    databases: Databases,
    decoy: tuple[int, list[object]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    port, came = decoy
    services = tmp_path / "services"
    services.write_text(f"[elsewhere]\nhost=127.0.0.1\nport={port}\n")
    hostile = {
        "PGHOST": "127.0.0.1",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": "someone",
        "PGPASSWORD": "secret",
        "PGDATABASE": "other",
        "PGSERVICE": "elsewhere",
        "PGSERVICEFILE": str(services),
        "PGOPTIONS": "-c search_path=hostile -c default_transaction_read_only=on",
        "PGTZ": "Asia/Tokyo",
        "PGDATESTYLE": "German",
        "PGCLIENTENCODING": "LATIN1",
        "PGAPPNAME": "hostile",
        "PGSSLMODE": "verify-full",
        "PGTARGETSESSIONATTRS": "read-only",
    }
    databases.create("aimed")
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    with databases.session("aimed") as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_database(), current_setting('search_path'),"
            " current_setting('timezone'),"
            " current_setting('datestyle'), current_setting('client_encoding'),"
            " current_setting('transaction_read_only'), current_setting('application_name')"
        )
        assert cursor.fetchone() == (
            databases.full_name("aimed"),
            '"$user", public',
            "UTC",
            "ISO, MDY",
            "UTF8",
            "off",
            "schema-guard",
        )
    assert came == []
    assert {name: os.environ[name] for name in hostile} == hostile, "the environment is put back"


def test_another_server_at_the_address_is_found_out(databases: Databases) -> None:
    with pytest.raises(ServerError) as caught:
        connect(databases.server.admin, token="not this one's", owner="schema_guard_owner")
    assert str(caught.value) == (
        f"{databases.server.admin.safe}: another server than the one of this run answers there\n"
        "  next: look for a proxy or a second server at this host and port"
    )


def test_an_unreachable_address_is_said_without_the_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    address = Address(host="127.0.0.1", port=port, user="u", password="hunter2", database="d")
    with pytest.raises(ServerError) as caught:
        connect(address)
    words = str(caught.value)
    assert words.startswith(f"postgresql://u@127.0.0.1:{port}/d: cannot connect\n")
    assert "Connection refused" in words
    assert "hunter2" not in words


def test_threads_connect_at_once_and_the_environment_comes_back(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.create("threads")
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=hostile")
    silent = socket.create_server(("127.0.0.1", 0))  # it never answers: whoever connects waits
    waiting = Address(
        host="127.0.0.1",
        port=silent.getsockname()[1],
        user="u",
        password="p",
        database="d",
        options=(("connect_timeout", "5"),),
    )
    seen = []

    def connect_slowly() -> None:
        with pytest.raises(ServerError):
            connect(waiting)
        seen.append("slow")

    slow = threading.Thread(target=connect_slowly)
    slow.start()
    with silent, silent.accept()[0]:
        for _ in range(3):
            with databases.session("threads") as connection, connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('search_path')")
                seen.append(cursor.fetchone()[0])
        assert seen == ['"$user", public'] * 3, "not behind the one that waits"
    slow.join(10)
    assert seen[3:] == ["slow"]
    assert (os.environ["PGHOSTADDR"], os.environ["PGOPTIONS"]) == (
        "127.0.0.1", "-c search_path=hostile",
    )  # fmt: skip


FACTS = """
    SELECT current_setting('search_path'), current_setting('standard_conforming_strings'),
      current_setting('statement_timeout'), current_setting('default_transaction_read_only'),
      current_user = session_user
"""
AS_OWNER = (
    "search_path = evil, pg_catalog",
    "standard_conforming_strings = off",
    "statement_timeout = 7000",
    "default_transaction_read_only = on",
)


@pytest.fixture
def altered(databases: Databases) -> str:
    """A database whose owner has set things for it and for the role itself."""
    databases.create("altered")
    full = in_quotes(databases.full_name("altered"))
    with databases.session("altered") as owner, owner.cursor() as cursor:
        for setting in AS_OWNER:
            cursor.execute(f"ALTER DATABASE {full} SET {setting}")
    return "altered"


@pytest.mark.parametrize(
    ("as_admin", "settings", "expected"),
    [
        (False, None, ("evil, pg_catalog", "off", "7s", "on", True)),
        (True, Settings.OWN, ("evil, pg_catalog", "off", "7s", "on", True)),
        (False, Settings.STAND_IN, ("evil, pg_catalog", "on", "10min", "on", True)),
        (False, Settings.GUARD, ("pg_catalog,pg_temp", "on", "10min", "off", True)),
        (True, None, ("pg_catalog,pg_temp", "on", "10min", "off", True)),
    ],
)
def test_whose_settings_a_session_has(
    databases: Databases,
    altered: str,
    as_admin: bool,
    settings: Settings | None,
    expected: tuple[str, ...],
) -> None:
    with databases.session(altered, as_admin=as_admin, settings=settings) as session:
        cursor = session.cursor()
        cursor.execute(FACTS)
        assert cursor.fetchone() == expected


def test_options_of_a_url_stay_and_do_not_win(databases: Databases, altered: str) -> None:
    mine = "-c search_path=mine -c geqo=off -c standard_conforming_strings=off"
    address = replace(databases.address(altered), options=(("options", mine),))
    connection = connect(address)
    with connection.cursor() as cursor:
        cursor.execute(FACTS.replace("SELECT", "SELECT current_setting('geqo'),"))
        assert cursor.fetchone() == ("off", "pg_catalog,pg_temp", "on", "10min", "off", True)
    connection.close()


def test_a_pooler_that_drops_the_options_is_found_out(
    databases: Databases, altered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = databases.address(altered)
    monkeypatch.setattr(Settings, "options", lambda *_, **__: "-c geqo=on")  # what is left of them
    with pytest.raises(ServerError) as caught:
        connect(address)
    assert str(caught.value) == (
        f"{address.safe}: the session begins with the search_path evil, pg_catalog, and not with "
        "the one that the guard has asked for\n"
        "  next: name PostgreSQL itself, not a pooler such as PgBouncer: the guard sets what its "
        "sessions begin with in their start-up options"
    )
