"""The application's login: production's role, its settings and search_path, and nothing altered."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.errors import ConfigError, ServerError
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Databases, Wanted, find, obtain
from pytest_schemaguard.servers.application_role import application_address, application_session
from pytest_schemaguard.servers.existing import sweep
from pytest_schemaguard.servers.sessions import connect
from pytest_schemaguard.servers.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.servers import Server

    Sql = Callable[[str], list[tuple[Any, ...]]]

WHO = "SELECT current_user::text, current_setting('search_path')"


def asked(connection: Any, sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def name(databases: Databases) -> Iterator[str]:
    """A database of the run with a table of its own."""
    name = f"of-{secrets.token_hex(3)}"
    databases.create(name)
    with databases.session(name) as owner:
        asked(owner, "CREATE TABLE item (id serial PRIMARY KEY, by text DEFAULT current_user)")
    yield name
    databases.drop(name)


@pytest.fixture
def admin(databases: Databases, name: str) -> Iterator[Sql]:
    """Runs SQL in that database as the superuser."""
    with databases.session(name, as_admin=True, settings=Settings.OWN) as connection:
        yield lambda sql: asked(connection, sql)


@pytest.fixture
def role(admin: Sql) -> str:
    """Production's role, as a dump brings it: unable to log in."""
    role = f'app "{secrets.token_hex(3)}'
    quoted = role.replace('"', '""')
    admin(f'CREATE ROLE "{quoted}"; GRANT INSERT, SELECT ON item TO "{quoted}"')
    return role


def in_quotes(role: str) -> str:
    return '"' + role.replace('"', '""') + '"'


def test_without_a_role_and_a_search_path_the_owner_logs_in(
    databases: Databases, name: str
) -> None:
    address = application_address(databases, name, role=None, search_path=None)
    assert address == databases.address(name)


def test_sessions_are_the_role_and_stay_so_whatever_is_reset(
    databases: Databases, name: str, role: str, admin: Sql
) -> None:
    before = admin("SELECT * FROM pg_authid ORDER BY oid")
    with application_session(databases, name, role=role, search_path=None) as connection:
        for reset in ("SELECT 1", "RESET ROLE", "DISCARD ALL", "SET SESSION AUTHORIZATION DEFAULT"):
            asked(connection, reset)
            assert asked(connection, WHO) == [(role, '"$user", public')]
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="for table item"):
            asked(connection, "DELETE FROM item")
        asked(connection, "SET ROLE NONE")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="for table item"):
            asked(connection, "DELETE FROM item")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="permission denied"):
            asked(connection, f"SET ROLE {databases.server.owner.user}")
    after = admin("SELECT * FROM pg_authid ORDER BY oid")
    assert after[: len(before)] == before
    assert [one[1] for one in after[len(before) :]] == [databases.full_name(f"{name}-app")]


@pytest.mark.parametrize("driver", ["psycopg2", "psycopg", "asyncpg", "pg8000"])
def test_every_driver_comes_in_as_the_role(
    databases: Databases, name: str, role: str, driver: str
) -> None:
    address = application_address(databases, name, role=role, search_path="app, public")
    told = tuple(_by_driver(driver, address))
    assert told == (role, "app, public")


def _by_driver(driver: str, address: Any) -> Any:
    if driver == "asyncpg":
        import asyncio

        import asyncpg

        async def ask() -> Any:
            connection = await asyncpg.connect(
                host=address.host,
                port=address.port,
                user=address.user,
                password=address.password,
                database=address.database,
            )
            try:
                return await connection.fetchrow(WHO)
            finally:
                await connection.close()

        return asyncio.run(ask())
    if driver == "pg8000":
        import pg8000.dbapi

        connection: Any = pg8000.dbapi.connect(
            address.user,
            password=address.password,
            database=address.database,
            unix_sock=f"{address.host}/.s.PGSQL.{address.port}",
        )
    else:
        connection = pytest.importorskip(driver).connect(address.url())
    try:
        cursor = connection.cursor()
        cursor.execute(WHO)
        return cursor.fetchone()
    finally:
        connection.close()


def test_what_the_application_writes_is_the_roles(
    databases: Databases, name: str, role: str, admin: Sql
) -> None:
    admin(f"GRANT USAGE ON SEQUENCE item_id_seq TO {in_quotes(role)}")
    with application_session(databases, name, role=role, search_path=None) as connection:
        asked(connection, "INSERT INTO item DEFAULT VALUES")
        assert asked(connection, "SELECT id, by FROM item") == [(1, role)]


@pytest.mark.parametrize(
    ("search_path", "schemas"),
    [
        ("app, public", ["app", "public"]),
        ('"$user", public', ["public"]),
        ('"a, b",App', ["a, b", "app"]),
        ("", []),
    ],
)
def test_the_search_path_is_read_as_postgresql_reads_it(
    databases: Databases, name: str, admin: Sql, search_path: str, schemas: list[str]
) -> None:
    owner = databases.server.owner.user
    admin('CREATE SCHEMA app; CREATE SCHEMA "a, b"; GRANT USAGE ON SCHEMA app, "a, b" TO public')
    with application_session(databases, name, role=None, search_path=search_path) as connection:
        assert asked(connection, f"{WHO}, current_schemas(false)::text[]") == [
            (owner, search_path, schemas)
        ]
        asked(connection, "SET search_path = pg_catalog; RESET search_path")
        assert asked(connection, WHO) == [(owner, search_path)]


def test_user_in_the_search_path_is_the_role(
    databases: Databases, name: str, role: str, admin: Sql
) -> None:
    admin(f"CREATE SCHEMA AUTHORIZATION {in_quotes(role)}")
    with application_session(databases, name, role=role, search_path='"$user"') as connection:
        assert asked(connection, "SELECT current_schema()") == [(role,)]


def test_the_migrations_owner_is_left_as_it_was(
    databases: Databases, name: str, admin: Sql
) -> None:
    settings = "SELECT setdatabase, setrole, setconfig::text FROM pg_db_role_setting"
    before = admin(settings)
    application_address(databases, name, role=None, search_path="nowhere")
    with databases.session(name) as owner:
        assert asked(owner, WHO) == [(databases.server.owner.user, '"$user", public')]
    assert len(set(admin(settings)) - set(before)) == 1


def test_what_production_set_for_the_role_holds_unless_the_configuration_says_otherwise(
    databases: Databases, name: str, role: str, admin: Sql
) -> None:
    database = databases.full_name(name)
    admin(
        f"ALTER ROLE {in_quotes(role)} SET search_path = 'a, b', public;"
        f"ALTER ROLE {in_quotes(role)} SET statement_timeout = '17s';"
        f"ALTER ROLE {in_quotes(role)} SET log_statement = 'ddl';"
        f"ALTER ROLE {in_quotes(role)} SET app.tenant = 'a=b';"
        f"ALTER ROLE {in_quotes(role)} IN DATABASE \"{database}\" SET statement_timeout = '18s';"
    )
    settings = "SELECT current_setting('search_path'), current_setting('statement_timeout'),"
    settings += " current_setting('log_statement'), current_setting('app.tenant')"
    application = application_address(databases, name, role=role, search_path=None)
    with closing(connect(application, settings=Settings.OWN)) as connection:
        assert asked(connection, settings) == [('"a, b", public', "18s", "ddl", "a=b")]
    with application_session(databases, name, role=role, search_path=None) as guard:
        assert asked(guard, settings) == [('"a, b", public', "10min", "ddl", "a=b")]
    other = f"{name}-other"
    databases.create(other)
    with application_session(databases, other, role=role, search_path="public") as connection:
        assert asked(connection, settings) == [("public", "10min", "ddl", "a=b")]
    databases.drop(other)


def test_a_role_that_production_turns_into_another_is_that_other(
    databases: Databases, name: str, role: str, admin: Sql
) -> None:
    admin(
        f"CREATE ROLE {in_quotes(f'{role}-rw')}; GRANT {in_quotes(f'{role}-rw')} TO"
        f" {in_quotes(role)}; ALTER ROLE {in_quotes(role)} SET role = {in_quotes(f'{role}-rw')}"
    )
    with application_session(databases, name, role=role, search_path=None) as connection:
        assert asked(connection, "SELECT current_user::text") == [(f"{role}-rw",)]


def test_a_role_that_is_not_there_is_told_with_those_that_are(
    databases: Databases, name: str, admin: Sql
) -> None:
    admin("CREATE ROLE webshop_reader")
    with pytest.raises(ConfigError) as caught:
        application_address(databases, name, role="webshop_readr", search_path=None)
    assert str(caught.value) == (
        "role: the server has no role webshop_readr after the migrations; it has webshop_reader\n"
        "  next: create it in `prepare` (CREATE ROLE webshop_readr;), and grant it what production "
        "grants; if it owns the tables there, leave `role` out: the owner stands for it"
    )
    assert application_address(databases, name, role="webshop_reader", search_path=None)


def test_a_superuser_proves_nothing_and_is_refused(
    databases: Databases, name: str, admin: Sql
) -> None:
    admin("CREATE ROLE almighty SUPERUSER")
    with pytest.raises(ConfigError) as caught:
        application_address(databases, name, role="almighty", search_path=None)
    assert str(caught.value) == (
        "role: almighty is a superuser, whom no missing grant stops: it would prove nothing\n"
        "  next: make it without SUPERUSER, or leave `role` out: the tables' owner stands for it"
    )


@pytest.mark.parametrize("search_path", ["app,,public", '"app', "app public"])
def test_a_search_path_that_is_no_list_is_told_and_leaves_nothing_half_made(
    databases: Databases, name: str, search_path: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        application_address(databases, name, role=None, search_path=search_path)
    assert str(caught.value) == (
        f"search-path: {search_path!r} is no list of schemas: List syntax is invalid.\n"
        "  next: write it as after SET search_path TO, such as: search-path = 'app, public'"
    )
    with application_session(databases, name, role=None, search_path="app") as connection:
        assert asked(connection, "SELECT current_setting('search_path')") == [("app",)]


def test_processes_that_ask_at_once_get_one_role(
    databases: Databases, name: str, role: str
) -> None:
    def ask(_: int) -> Any:
        own = Databases(databases.server, Run.join(databases.run.invitation))
        return application_address(own, name, role=role, search_path="public")

    with ThreadPoolExecutor(8) as pool:
        (address,) = set(pool.map(ask, range(8)))
    assert asked(psycopg2.connect(address.url()), WHO) == [(role, "public")]


# On a server that is there already


@pytest.fixture(scope="module", params=["local", "embedded"])
def there(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Two majors where there are: what CREATEROLE may changed in 16."""
    wanted = Wanted(provider=request.param, tcp=True)
    try:
        find(wanted)
    except ServerError as error:
        pytest.skip(str(error))
    run = Run.begin()
    yield obtain(wanted, run)
    run.close(wait=True)


@contextmanager
def on(server: Server, user: str, password: str) -> Iterator[Databases]:
    """A run of this user's on that server, with one database `a`."""
    run = Run.begin()
    admin = server.owner.logged_in_as(user, password).at("postgres")
    try:
        databases = Databases(obtain(Wanted(provider=admin.url()), run), run)
        databases.create("a")
        yield databases
        databases.close()
    finally:
        run.close()


@pytest.fixture
def manager(there: Server) -> Iterator[Callable[[str], Any]]:
    """A user of that server, made with these attributes, and the superuser's connection."""
    connection = connect(there.admin)
    user = f"manager_{secrets.token_hex(3)}"

    def make(attributes: str) -> Any:
        asked(connection, f"CREATE ROLE {user} LOGIN PASSWORD 'x' {attributes}")
        return user, connection

    yield make
    asked(connection, f"DROP ROLE IF EXISTS app_there; DROP ROLE IF EXISTS {user}")
    connection.close()


@pytest.mark.parametrize("attributes", ["SUPERUSER", "CREATEDB CREATEROLE"])
def test_a_real_role_is_used_and_left_and_the_login_goes_with_the_run(
    there: Server, manager: Callable[[str], Any], attributes: str
) -> None:
    user, superuser = manager(attributes)
    asked(
        superuser,
        "CREATE ROLE app_there; ALTER ROLE app_there SET search_path = a, b;"
        "ALTER ROLE app_there SET log_statement = 'ddl'",
    )
    if there.major >= 16:
        asked(superuser, f"GRANT app_there TO {user} WITH ADMIN OPTION")
    roles = "SELECT rolname, rolpassword FROM pg_authid ORDER BY 1"
    before = asked(superuser, roles)
    members = asked(superuser, "SELECT * FROM pg_auth_members")
    with on(there, user, "x") as databases:
        for search_path, expected in ((None, "a, b"), ("public", "public")):
            name = f"a{expected[0]}"
            databases.create(name)
            with application_session(
                databases, name, role="app_there", search_path=search_path
            ) as connection:
                assert asked(connection, WHO) == [("app_there", expected)]
        with application_session(databases, "a", role=None, search_path="public") as connection:
            asked(connection, "CREATE TABLE of_owner ()")
            assert asked(connection, WHO) == [(databases.server.owner.user, "public")]
        sweep(superuser, keep="00000000")
        assert len(asked(superuser, roles)) == len(before) + 4
    assert asked(superuser, roles) == before
    assert asked(superuser, "SELECT * FROM pg_auth_members") == members


def test_a_role_that_the_guards_user_may_not_grant_is_told(
    there: Server, manager: Callable[[str], Any]
) -> None:
    if there.major < 16:
        pytest.skip("before 16 CREATEROLE may grant every role")
    user, superuser = manager("CREATEDB CREATEROLE")
    asked(superuser, "CREATE ROLE app_there")
    with on(there, user, "x") as databases, pytest.raises(ServerError) as caught:
        application_address(databases, "a", role="app_there", search_path=None)
    assert caught.value.fact == (
        "it does not let the guard log in as the role app_there: "
        'permission denied to grant role "app_there"'
    )
    assert caught.value.fix == (
        f"name a superuser in the URL, or let {user} grant the role to others (CREATEROLE, and "
        "since 16 ADMIN OPTION on it)"
    )
