from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard.errors import ServerError
from pytest_schemaguard.servers import databases as databases_module

if TYPE_CHECKING:
    from pytest_schemaguard.servers import Databases


def test_a_database_belongs_to_a_role_that_may_little(databases: Databases) -> None:
    databases.create("owned")
    with databases.session("owned") as owner, owner.cursor() as cursor:
        cursor.execute(
            "SELECT current_user = d.datdba::regrole::text, rolsuper, rolcreatedb, rolcreaterole"
            "  FROM pg_roles r, pg_database d"
            " WHERE r.rolname = current_user AND d.datname = current_database()"
        )
        assert cursor.fetchone() == (True, False, False, False)
        cursor.execute("CREATE TABLE t (); CREATE SCHEMA s; CREATE EXTENSION citext")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("COPY t TO PROGRAM 'cat'")
    with databases.session("owned", as_admin=True) as admin, admin.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (True,)


def test_a_name_carries_the_run_and_fits_postgresql(databases: Databases) -> None:
    assert databases.full_name("a") == f"schema_guard_{databases.run.id}_a"
    long = [databases.full_name(f"{'ü' * 60}{number}") for number in range(2)]
    assert all(len(name.encode()) <= 63 for name in long)
    assert len(set(long)) == 2
    databases.create(f"{'ü' * 60}1")
    assert databases.exists(f"{'ü' * 60}1")


def test_a_clone_has_what_its_template_has(databases: Databases) -> None:
    databases.create("template")
    with databases.session("template") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t AS SELECT 7 AS seven")
    databases.freeze("template")
    databases.create("clone", template="template")
    with databases.session("clone") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT seven FROM t")
        assert cursor.fetchone() == (7,)


def test_nobody_connects_to_a_frozen_database(databases: Databases) -> None:
    databases.create("frozen")
    databases.freeze("frozen")
    with pytest.raises(ServerError, match="is not currently accepting connections"):
        databases.connect("frozen")


def test_a_clone_waits_until_its_template_is_quiet(databases: Databases) -> None:
    databases.create("busy")
    connection = databases.connect("busy")
    begin = time.monotonic()
    threading.Timer(0.3, connection.close).start()
    databases.create("of_busy", template="busy")
    assert time.monotonic() - begin < 2, "CREATE DATABASE itself would have waited for 5 s"
    assert databases.exists("of_busy")


def test_a_template_that_stays_busy_is_an_error_that_names_who(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases_module, "QUIET_DEADLINE_S", 0.05)
    databases.create("held")
    with databases.session("held") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 'mine'")
        with pytest.raises(ServerError) as caught:
            databases.create("of_held", template="held")
    words = str(caught.value)
    assert f"{databases.full_name('held')}: 1 sessions are still connected after 0 s, " in words
    assert "so that it cannot be cloned" in words
    assert "schema_guard_owner, schema-guard, idle: SELECT 'mine'" in words
    assert "next: close these connections" in words


def test_drop_disconnects_and_does_not_mind_absence(databases: Databases) -> None:
    databases.create("dropped")
    connection = databases.connect("dropped")
    databases.drop("dropped")
    databases.drop("dropped")
    assert not databases.exists("dropped")
    with pytest.raises(psycopg2.OperationalError):
        connection.cursor().execute("SELECT 1")


def test_what_postgresql_refuses_is_said_with_the_statement_and_the_log(
    databases: Databases,
) -> None:
    with pytest.raises(ServerError) as caught:
        databases.create("clone", template="nowhere")
    name, nowhere = databases.full_name("clone"), databases.full_name("nowhere")
    words = str(caught.value)
    assert words.startswith(f'{databases.server.origin}: CREATE DATABASE "{name}": it failed\n')
    assert f'    template database "{nowhere}" does not exist\n' in words
    assert "ERROR:" in words, "the server's log"


def test_an_address_is_a_url_for_the_owner(databases: Databases) -> None:
    databases.create("addressed")
    address = databases.address("addressed")
    assert address.user == "schema_guard_owner"
    assert address.is_socket
    assert int(address.password, 16) >= 0
    psycopg2.connect(address.url()).close()


def test_the_admin_connection_survives_being_cut(databases: Databases) -> None:
    databases.create("before")
    with databases.session("before", as_admin=True) as admin, admin.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = 'postgres' AND application_name = 'schema-guard'"
        )
    with pytest.raises(ServerError, match="it failed"):
        databases.create("cut")
    databases.create("after")
    assert databases.exists("after")


def test_what_a_killed_process_of_the_run_left_is_replaced(databases: Databases) -> None:
    databases.create("half_made")
    with databases.session("half_made") as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE half ()")
        databases.create("half_made")
    with databases.session("half_made") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('half')")
        assert cursor.fetchone() == (None,)
