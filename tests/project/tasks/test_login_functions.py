"""The application's own login query, and its own ways to make a new row, on a real database."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks.login import by_orm as login_task
from pytest_schemaguard.project.tasks.login import creating, session_function
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.login import Attempt, LoginReport

MODELS = """\
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(DeclarativeBase):
    pass

class Tenant(Base):
    __tablename__ = "tenant"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))
    email: Mapped[str] = mapped_column(unique=True)
    bio: Mapped[str | None] = mapped_column(deferred=True)
"""
TABLES = """\
CREATE TABLE tenant (id serial PRIMARY KEY, name text NOT NULL);
CREATE TABLE "user" (id serial PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenant,
    email text UNIQUE NOT NULL, bio text);
INSERT INTO tenant (name) VALUES ('north');
INSERT INTO "user" (tenant_id, email) VALUES (1, 'ada@example.org'), (1, 'eve@example.org');
"""
JOIN = """\
from sqlalchemy import select
from models import Tenant, User

def of(email):
    return select(User, Tenant.name).join(Tenant).where(User.email == email)

def ada(session):
    return session.execute(of("ada@example.org")).first()

def row(session, email):
    return session.execute(of(email)).one()

def row_or_ada(session, email="ada@example.org"):
    return session.scalars(of(email)).one()

async def waking(session, email):
    return (await session.scalars(of(email))).one()

async def nobody_awake(session):
    return (await session.scalars(of("nobody"))).all()

def awaited(session):
    return nobody_awake(session)

def nobody(session):
    return session.scalars(of("nobody")).all()

def unread(session):
    return session.scalars(of("nobody"))

def no(session):
    return False

def none(session):
    pass

def raises(session):
    password = "geheim"
    raise ValueError(f"wrong password: {password}")

def leaves(session):
    raise SystemExit(3)

def missing(session):
    from sqlalchemy import text
    return session.execute(text("SELECT nothing FROM \\"user\\"")).all()

def three(session, one, two):
    pass

number = 3
"""
CREATE = """\
from models import User

def text(session):
    session.add(User(tenant_id=1, email="new@example.org"))
    session.commit()
    return "new@example.org"

def instance(session):
    one = User(tenant_id=1, email="new@example.org")
    session.add(one)
    return one

def pairs(session):
    session.add(User(tenant_id=1, email="new@example.org"))
    return {"ada@example.org": "new@example.org", "alt": "neu"}

async def waking(session):
    session.add(User(tenant_id=1, email="new@example.org"))
    return "new@example.org"

def lost(session):
    return "new@example.org"

def none(session):
    session.add(User(tenant_id=1, email="new@example.org"))

def tenant(session):
    from models import Tenant
    return Tenant(name="x")

def raises(session):
    raise ValueError("no such tenant, password=geheim")

def refused(session):
    session.add(User(email="new@example.org"))
    return "new@example.org"
"""
AWAKE = pytest.mark.skipif(
    importlib.util.find_spec("greenlet") is None or importlib.util.find_spec("psycopg") is None,
    reason="AsyncSession needs greenlet and a driver",
)
LOGIN_BY = {"model": "User", "by": "email"}


@pytest.fixture
def log_in(
    write: Callable[..., Path], database: Address, connect: Callable[[Address], Any]
) -> Callable[..., LoginReport]:
    """Executes SQL, and logs in as configured."""

    def run(sql: str = TABLES, **arguments: Any) -> LoginReport:
        files = {"models.py": MODELS, "queries.py": JOIN, "making.py": CREATE}
        root = write({**files, **arguments.pop("files", {})})
        with connect(database).cursor() as cursor:
            cursor.execute(sql)
        given = {"models": ["models:Base"], "root": str(root), "url": database.url()}
        return through_json(login_task.run({**given, **arguments}))

    return run


def told(report: LoginReport) -> list[tuple[str, str, str, str | None]]:
    return [(one.kind, one.outcome, one.step, one.value) for one in report.attempts]


ADA, EVE = "ada@example.org", "eve@example.org"


def test_function_alone_is_called_once(log_in: Callable[..., LoginReport]) -> None:
    report = log_in(call="queries:ada")
    assert told(report) == [("existing", "ok", "call", None)]
    assert (report.entity, report.by, report.table) == ("queries:ada", None, ())


@pytest.mark.parametrize("function", ["row", "row_or_ada", pytest.param("waking", marks=AWAKE)])
def test_function_is_told_which_row_is_meant(
    log_in: Callable[..., LoginReport], function: str
) -> None:
    report = log_in(call=f"queries:{function}", **LOGIN_BY)
    new = report.attempts[-1]
    assert told(report) == [
        ("existing", "ok", "call", ADA),
        ("existing", "ok", "call", EVE),
        ("new", "ok", "call", new.value),
    ]
    assert new.substitute == {ADA: new.value}


def test_function_that_takes_no_row_is_called_beside_the_model(
    log_in: Callable[..., LoginReport],
) -> None:
    report = log_in(TABLES.replace(", bio text", ""), call="queries:ada", **LOGIN_BY)
    assert {(one.error, one.column) for one in report.attempts} == {
        ("UndefinedColumn", ("public", "user", "bio"))
    }
    report = log_in('ALTER TABLE "user" ADD COLUMN bio text', call="queries:none", **LOGIN_BY)
    assert {(one.outcome, one.step) for one in report.attempts} == {("error", "call")}


@pytest.mark.parametrize("function", ["row_or_ada", pytest.param("waking", marks=AWAKE)])
def test_what_the_function_has_found_is_read_whole(
    log_in: Callable[..., LoginReport], function: str
) -> None:
    sql = TABLES.replace(", bio text", "")
    report = log_in(sql, call=f"queries:{function}", **LOGIN_BY)
    assert report.attempts[0].error == "UndefinedColumn"
    assert report.attempts[0].column == ("public", "user", "bio")


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_async_function_has_a_session_on_the_driver_that_is_there(
    log_in: Callable[..., LoginReport], monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    for needed in ("greenlet", driver):
        pytest.importorskip(needed)
    monkeypatch.setattr(session_function, "ASYNC_DRIVERS", (driver,))
    report = log_in(call="queries:waking", create="making:waking", **LOGIN_BY)
    assert {(one.outcome, one.step) for one in report.attempts} == {("ok", "call")}


def test_async_function_without_a_driver_is_told(
    log_in: Callable[..., LoginReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_function, "ASYNC_DRIVERS", ("no_such_driver",))
    with pytest.raises(ProjectError) as caught:
        log_in(call="queries:nobody_awake")
    assert str(caught.value) == (
        "login.call queries:nobody_awake: an AsyncSession needs greenlet, and psycopg or asyncpg\n"
        "  next: install them where pytest runs, or write a function of a Session"
    )


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nobody", "it found nobody: it returned []"),
        pytest.param("nobody_awake", "it found nobody: it returned []", marks=AWAKE),
        ("unread", "it found nobody: it returned <sqlalchemy.engine.result.ScalarResult object"),
        ("no", "it found nobody: it returned False"),
        ("none", "it found nobody: it returned None"),
        ("raises", "ValueError: wrong password: ***"),
        ("leaves", "it called sys.exit(3)"),
        (
            "awaited",
            "TypeError: it returned something to be awaited: write it as `async def`",
        ),
        ("missing", 'column "nothing" does not exist'),
    ],
)
def test_function_that_finds_nobody_or_fails_is_an_error(
    log_in: Callable[..., LoginReport], function: str, message: str
) -> None:
    (one,) = log_in(call=f"queries:{function}").attempts
    assert (one.kind, one.outcome, one.step) == ("existing", "error", "call")
    assert (one.message or "").startswith(message)
    assert "geheim" not in str(one)


def test_failing_function_names_its_line_and_its_statement(
    log_in: Callable[..., LoginReport],
) -> None:
    (one,) = log_in(call="queries:missing").attempts
    assert (one.error, one.sqlstate, one.path, one.line) == (
        "UndefinedColumn",
        "42703",
        "queries.py",
        46,
    )
    assert one.statement == 'SELECT nothing FROM "user"'
    assert "queries.py" in (one.detail or "")


def test_function_that_needs_a_row_without_a_model_is_unproven(
    log_in: Callable[..., LoginReport],
) -> None:
    (one,) = log_in(call="queries:row").attempts
    assert (one.kind, one.outcome) == ("existing", "unproven")
    assert one.message == (
        "queries:row takes what a row is looked up by, and nothing says which row"
    )
    existing, new = log_in("SELECT 1", call="queries:row", create="making:text").attempts
    assert (existing.outcome, new.outcome, new.value) == ("unproven", "ok", "new@example.org")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("queries:rwo", "queries.py: login.call queries:rwo: the module queries has no 'rwo'"),
        ("queries:three", "login.call queries:three: it is no function of a session: <function"),
        ("queries:number", "login.call queries:number: it is no function of a session: 3"),
    ],
)
def test_what_is_no_function_of_a_session_is_told(
    log_in: Callable[..., LoginReport], name: str, words: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        log_in(call=name)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    "function", ["text", "instance", "pairs", pytest.param("waking", marks=AWAKE)]
)
def test_row_that_the_project_makes_logs_in(
    log_in: Callable[..., LoginReport],
    database: Address,
    connect: Callable[[Address], Any],
    function: str,
) -> None:
    new = log_in(create=f"making:{function}", **LOGIN_BY).attempts[-1]
    assert (new.kind, new.outcome, new.step, new.value) == ("new", "ok", "read", "new@example.org")
    names_more = {"alt": "neu"} if function == "pairs" else {}
    assert new.substitute == {ADA: "new@example.org", **names_more}
    assert new.passwords is (function == "pairs")
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM \"user\" WHERE email = 'new@example.org'")
        assert cursor.fetchone() == (1,)


def test_row_that_the_project_makes_logs_in_by_its_function(
    log_in: Callable[..., LoginReport],
) -> None:
    report = log_in(call="queries:row_or_ada", create="making:pairs")
    assert told(report) == [
        ("existing", "ok", "call", None),
        ("new", "ok", "call", "new@example.org"),
    ]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("none", "it returned None"),
        ("tenant", "it returned a Tenant, which has no 'email' to go by"),
        ("raises", "ValueError: no such tenant, password=***"),
    ],
)
def test_function_that_makes_no_row_is_an_error(
    log_in: Callable[..., LoginReport], function: str, message: str
) -> None:
    new = log_in(create=f"making:{function}", **LOGIN_BY).attempts[-1]
    assert (new.kind, new.outcome, new.step, new.message) == ("new", "error", "create", message)


def test_function_that_fails_names_its_line(log_in: Callable[..., LoginReport]) -> None:
    new = log_in(create="making:raises", **LOGIN_BY).attempts[-1]
    assert (new.path, new.line) == ("making.py", 32)
    assert "in raises" in (new.detail or "")
    assert "geheim" not in str(new)


def test_row_that_postgresql_refuses_is_an_error_of_create(
    log_in: Callable[..., LoginReport],
) -> None:
    new = log_in(create="making:refused", **LOGIN_BY).attempts[-1]
    assert (new.step, new.error, new.column) == (
        "create",
        "NotNullViolation",
        ("public", "user", "tenant_id"),
    )


def test_row_that_was_never_added_is_not_found(log_in: Callable[..., LoginReport]) -> None:
    new = log_in(create="making:lost", **LOGIN_BY).attempts[-1]
    assert (new.step, new.message) == ("look up", "no row has email = 'new@example.org'")


COMMAND = """\
import os, sys, psycopg2
connection = psycopg2.connect(os.environ["URL"])
with connection, connection.cursor() as cursor:
    cursor.execute('INSERT INTO "user" (tenant_id, email) VALUES (1, %s)', [sys.argv[1]])
print("password: geheim")
sys.exit(int(sys.argv[2]))
"""


def make_by(code: int = 0) -> list[str]:
    return [sys.executable, "add.py", "{value}", str(code)]


def test_command_makes_a_row_like_the_existing_one(
    log_in: Callable[..., LoginReport], database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL", database.url())
    new = log_in(files={"add.py": COMMAND}, create=make_by(), **LOGIN_BY).attempts[-1]
    assert (new.kind, new.outcome) == ("new", "ok")
    assert (new.value or "").startswith("guard-")
    assert (new.value or "").endswith("@example.org")
    assert new.substitute == {ADA: new.value}


def test_command_that_fails_is_an_error_with_its_output(
    log_in: Callable[..., LoginReport], database: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URL", database.url())
    new = log_in(files={"add.py": COMMAND}, create=make_by(4), **LOGIN_BY).attempts[-1]
    assert (new.outcome, new.step, new.message) == ("error", "create", "exit code 4")
    assert new.detail == "password: ***"
    assert (new.fix or "").endswith("; its exit code must be 0")


def test_command_that_does_not_end_is_an_error(
    log_in: Callable[..., LoginReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(creating, "COMMAND_TIMEOUT_S", 0.3)
    command = [sys.executable, "-c", "import time; time.sleep(60)", "{value}"]
    new: Attempt = log_in(create=command, **LOGIN_BY).attempts[-1]
    assert (new.step, new.message) == ("create", "it did not end within 0.3 s")
    assert new.detail == "it printed nothing"


def test_command_that_is_not_there_is_no_result(log_in: Callable[..., LoginReport]) -> None:
    with pytest.raises(ProjectError) as caught:
        log_in(create=["no-such-command", "{value}"], **LOGIN_BY)
    assert str(caught.value).startswith(
        "login.create no-such-command {value}: no command 'no-such-command'\n  next: install it"
    )
