"""`--schema-guard-keep`: the databases of a failed check stay, and somebody can connect to them."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import GuardError

if TYPE_CHECKING:
    from pytest_schemaguard.guard import Guard
    from pytest_schemaguard.migration import Migration


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

    from pytest_schemaguard.evidence.expectation import Expectation

    # Without it the migrated database is kept all the same.
    with suppress(GuardError, Error):
        migrated = guard.states.migrated()
        one = Expectation(guard.config, guard.databases, migrated, guard.models)
        with closing(one), one.cursor():
            pass


def _way_in(guard: Guard, database: str) -> str:
    """A psql command without a password: the user knows it, a file does, or none is asked."""
    if guard.server.provider == "existing":
        return f"psql '{guard.server.admin.at(guard.databases.full_name(database)).safe}'"
    address = guard.databases.address(database)
    command = f"psql '{address.safe}'"
    if address.is_socket:
        return command
    # https://www.postgresql.org/docs/current/libpq-pgpass.html
    passwords = guard.databases.run.folder / "pgpass"
    passwords.touch(mode=0o600)
    passwords.write_text(f"*:*:*:{address.user}:{address.password}\n", encoding="utf-8")
    return f"PGPASSFILE={passwords} {command}"
