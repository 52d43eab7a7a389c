"""`--schema-guard-keep`: the databases of a failed check stay, and somebody can connect to them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import GuardError

if TYPE_CHECKING:
    from pytest_schemaguard.checks import Check
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration


def keep(guard: Guard, check: Check, migration: Migration | None) -> list[str]:
    """Keeps the databases that this check looked at; returns commands that connect to them."""
    with suppress(GuardError):
        names = check.looked_at(guard, migration)
        there = [name for name in names if guard.databases.exists(name)]
        for name in there:
            guard.databases.thaw(name)
        return [_way_in(guard, name) for name in there]
    return []  # there is no server to look into


def _way_in(guard: Guard, database: str) -> str:
    """A psql command without a password: the user knows it, or none is asked."""
    server, name = guard.server, guard.databases.full_name(database)
    if server.provider == "existing":
        return f"psql '{server.admin.at(name).safe}'"
    if server.container is not None:
        # The image lets everybody in who is in the container.
        psql = f"psql -h /run/postgresql -U {server.owner.user} '{name}'"
        return f"docker exec -it {server.container[:12]} {psql}"
    # Whether it listens on TCP or not: the socket asks the owner for no password.
    owner = server.admin.logged_in_as(server.owner.user, "")
    return f"psql '{owner.at(name).safe}'"
