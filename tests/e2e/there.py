"""A server that was there before the guard, and what is on it."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from pytest_schemaguard.servers import Server


class There:
    """A server that was there before the guard, with somebody's database on it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._connection = connect(server.admin)
        self._roles: list[str] = []
        self.sql("CREATE DATABASE customers")
        self.sql("CREATE ROLE schema_guard_0123abcd_owner")
        customers = connect(server.admin.at("customers"), settings=Settings.OWN)
        with customers.cursor() as cursor:
            cursor.execute("CREATE TABLE customer (id int); INSERT INTO customer VALUES (1), (2)")
        customers.close()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def url(self, attributes: str = "SUPERUSER") -> str:
        """The URL of a new role with these attributes, which logs in by a password."""
        name = f"user_{secrets.token_hex(3)}"
        self.sql(f"CREATE ROLE {name} LOGIN PASSWORD 'geheim' {attributes}")
        self._roles.append(name)
        return self.server.owner.logged_in_as(name, "geheim").at("postgres").url()

    def runs(self) -> set[str]:
        """The ids of the runs that have databases or roles there."""
        names = self.sql("SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles")
        found = (re.match("schema_guard_([0-9a-f]{8})_", name) for (name,) in names)
        return {one[1] for one in found if one} - {"0123abcd"}

    def sleeping(self) -> set[str]:
        """The ids of the runs whose migration sleeps."""
        rows = self.sql(
            "SELECT datname FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND state = 'active'"
        )
        return {name.split("_")[2] for (name,) in rows}

    def all_of_it(self) -> list[Any]:
        """What must be the same afterwards."""
        customers = connect(self.server.admin.at("customers"), settings=Settings.OWN)
        with customers.cursor() as cursor:
            cursor.execute("SELECT xmin::text, id FROM customer ORDER BY id")
            rows = cursor.fetchall()
        customers.close()
        return [
            rows,
            self.sql(
                "SELECT oid, datname, datdba, datallowconn, datconnlimit, datacl::text,"
                " shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1"
            ),
            self.sql("SELECT oid, rolname, shobj_description(oid, 'pg_authid') FROM pg_roles"),
            self.sql("SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting"),
            self.sql("SELECT roleid, member FROM pg_auth_members ORDER BY 1, 2"),
        ]

    def forget_roles(self) -> None:
        for name in self._roles:
            self.sql(f"DROP ROLE {name}")
        self._roles = []
