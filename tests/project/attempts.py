"""Project code that tries to connect, by each driver; copied into a project and run as its task."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WHO = "SELECT system_identifier::text FROM pg_control_system()"


def run(arguments: dict[str, Any]) -> dict[str, str]:
    """Each driver's answer: the server's identifier, or the error."""
    if arguments.get("dotenv"):
        # What python-dotenv does: it adds what is not there yet.
        for line in Path(".env").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)
    os.environ.update(arguments.get("variables", {}))
    place: Any = arguments.get("place")
    if place == "configured":
        place = {
            name: os.environ[f"APP_{name.upper()}"]
            for name in ("url", "host", "port", "user", "password", "database")
        }
    answers = {}
    for name, attempt in ATTEMPTS.items():
        try:
            answers[name] = attempt(place)
        except Exception as error:  # noqa: BLE001 - the refusal is what is looked at
            answers[name] = f"{type(error).__name__}: {error}"
    return answers


def by_psycopg2(place: dict[str, Any] | None) -> str:
    import psycopg2

    return _ask(psycopg2.connect(place["url"] if place else ""))


def by_psycopg2_class(place: dict[str, Any] | None) -> str:
    from psycopg2.extensions import connection

    return _ask(connection(place["url"] if place else ""))


def by_psycopg(place: dict[str, Any] | None) -> str:
    import psycopg

    return _ask(psycopg.connect(place["url"] if place else ""))


def by_pq(place: dict[str, Any] | None) -> str:
    from psycopg import pq

    connection = pq.PGconn.connect(place["url"].encode() if place else b"")
    if connection.status != pq.ConnStatus.OK:
        raise ConnectionError(connection.error_message.decode())
    value = connection.exec_(WHO.encode()).get_value(0, 0)
    assert value is not None
    return value.decode()


def by_asyncpg(place: dict[str, Any] | None) -> str:
    import asyncpg

    async def ask() -> str:
        connection = await asyncpg.connect(**_keywords(place), timeout=10)
        try:
            return str(await connection.fetchval(WHO))
        finally:
            await connection.close()

    return asyncio.run(ask())


def by_pg8000(place: dict[str, Any] | None) -> str:
    from pg8000.native import Connection

    keywords = _keywords(place)
    keywords.setdefault("user", os.environ.get("PGUSER", "super"))
    if str(keywords.get("host", "")).startswith("/"):
        folder = keywords.pop("host")
        keywords["unix_sock"] = f"{folder}/.s.PGSQL.{keywords['port']}"
    elif not place:  # it reads no environment
        keywords["host"] = os.environ.get("PGHOST", "localhost")
        keywords["port"] = int(os.environ.get("PGPORT", "5432"))
    connection = Connection(**keywords, timeout=10)
    try:
        return str(connection.run(WHO)[0][0])
    finally:
        connection.close()


def by_psql(place: dict[str, Any] | None) -> str:
    command = ["psql", "-XAtw", "-c", WHO, *([place["url"]] if place else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ConnectionError(done.stderr)
    return done.stdout.strip()


ATTEMPTS: dict[str, Callable[[dict[str, Any] | None], str]] = {
    "psycopg2": by_psycopg2,
    "psycopg2-class": by_psycopg2_class,
    "psycopg": by_psycopg,
    "psycopg.pq": by_pq,
    "asyncpg": by_asyncpg,
    "pg8000": by_pg8000,
    "psql": by_psql,
}


def _ask(connection: Any) -> str:
    with connection.cursor() as cursor:
        cursor.execute(WHO)
        answer = str(cursor.fetchone()[0])
    connection.close()
    return answer


def _keywords(place: dict[str, Any] | None) -> dict[str, Any]:
    if place is None:
        return {}
    return {
        "host": place["host"],
        "port": int(place["port"]),
        "user": place["user"],
        "password": place["password"],
        "database": place["database"],
    }
