from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.address import Address

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg2.extensions


def test_a_socket_url_reaches_the_database(
    database: Address, connect: Callable[..., psycopg2.extensions.connection]
) -> None:
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == (database.database,)


def test_url_forms() -> None:
    tcp = Address(
        host="::1",
        port=5433,
        user="a b",
        password="p%w",
        database="x",
        options=(("sslmode", "require"),),
    )
    assert tcp.url("asyncpg") == "postgresql+asyncpg://a%20b:p%25w@[::1]:5433/x?sslmode=require"
    assert tcp.safe == "postgresql://a%20b@[::1]:5433/x?sslmode=require"
    assert "p%w" not in repr(tcp)
