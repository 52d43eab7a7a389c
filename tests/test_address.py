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
        options=(("sslmode", "require"), ("sslpassword", "s%w")),
    )
    assert tcp.url("asyncpg") == (
        "postgresql+asyncpg://a%20b:p%25w@[::1]:5433/x?sslmode=require&sslpassword=s%25w"
    )
    assert tcp.safe == "postgresql://a%20b@[::1]:5433/x?sslmode=require"
    assert "%w" not in repr(tcp)


def test_a_folder_with_a_space_is_escaped_as_libpq_reads_it() -> None:
    address = Address(host="/a folder", port=1, user="u", password="p", database="d")
    assert address.safe == "postgresql://u@localhost/d?host=/a%20folder&port=1"
