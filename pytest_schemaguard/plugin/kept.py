"""`--schema-guard-keep`: the databases of a failed check stay, and somebody can connect to them."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import GuardError

if TYPE_CHECKING:
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migrations.migration import Migration


def keep(guard: Guard, check: str, migration: Migration | None) -> list[str]:
    """Keeps the databases that this check looked at; returns commands that connect to them."""
    with suppress(GuardError):
        names = _looked_at(guard, check, migration)
        there = [name for name in names if guard.databases.exists(name)]
        for name in there:
            guard.databases.thaw(name)
        return [_way_in(guard, name) for name in there]
    return []  # there is no server to look into


def _looked_at(guard: Guard, check: str, migration: Migration | None) -> list[str]:
    if migration is None:
        if check == "drift":
            _make_models_schema(guard)
        own = {"drift": "models", "queries": "queries", "login": "login"}.get(check)
        return [guard.states.migrated().name, own] if own else []
    if check == "reversible":
        return [f"back-{guard.states.before(migration).name}"]
    state = guard.states.after(migration).name
    return [state] if check == "applies" else [f"again-{state}"]


def _make_models_schema(guard: Guard) -> None:
    """What the cache had told of it was not made; whoever looks into it wants to see it."""
    from psycopg2 import Error

    from pytest_schemaguard.expected.expectation import Expectation

    # Without it the migrated database is kept all the same.
    with suppress(GuardError, Error):
        migrated = guard.states.migrated()
        one = Expectation(guard.config, guard.databases, migrated, guard.models)
        with closing(one), one.cursor():
            pass


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
