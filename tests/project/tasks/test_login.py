"""The login by the ORM on a real database: existing rows and a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks.login import by_orm as login_task
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project.answers.login import LoginReport

USER = """\
import enum, uuid
from datetime import datetime
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(40))
    hashed_password: Mapped[str]
    bio: Mapped[str | None] = mapped_column(deferred=True)
    max_reports: Mapped[int] = mapped_column(server_default="5")
    active: Mapped[bool] = mapped_column(default=True)
"""
TABLE = """\
CREATE TABLE "user" (id serial PRIMARY KEY, email varchar(40) UNIQUE NOT NULL,
    hashed_password text NOT NULL, bio text, max_reports int NOT NULL DEFAULT 5,
    active boolean NOT NULL);
"""
ROWS = """\
INSERT INTO "user" (email, hashed_password, active) VALUES
    ('ada@example.org', 'secret', true), ('bob@example.org', 'secret', true),
    ('eve@example.org', 'secret', true);
"""


@pytest.fixture
def log_in(
    write: Callable[..., Path], database: Address, connect: Callable[[Address], Any]
) -> Callable[..., LoginReport]:
    """Writes models, executes SQL, and logs in."""

    def run(text: str, sql: str, **arguments: Any) -> LoginReport:
        root = write({"models.py": text})
        with connect(database).cursor() as cursor:
            cursor.execute(sql or "SELECT 1")
        given = {"model": "User", "by": "email", "models": ["models:Base"], **arguments}
        report = login_task.run({"url": database.url(), "root": str(root), **given})
        return through_json(report)

    return run


def told(report: LoginReport) -> list[tuple[str, str, str]]:
    return [(one.kind, one.outcome, one.step) for one in report.attempts]


def test_existing_rows_and_a_new_one_log_in(
    log_in: Callable[..., LoginReport], database: Address, connect: Callable[[Address], Any]
) -> None:
    report = log_in(USER, TABLE + ROWS)
    assert told(report) == [
        ("existing", "ok", "read"),
        ("existing", "ok", "read"),
        ("new", "ok", "read"),
    ]
    assert [one.value for one in report.attempts[:2]] == ["ada@example.org", "eve@example.org"]
    new = report.attempts[2]
    assert new.substitute == {"ada@example.org": new.value}
    assert (new.value or "").endswith("@example.org")
    assert (report.entity, report.by, report.table) == ("User", "email", ("public", "user"))
    assert (report.path, report.line) == ("models.py", 9)
    with connect(database).cursor() as cursor:
        cursor.execute('SELECT count(*) FROM "user"')
        assert cursor.fetchone() == (3,)


def test_row_of_the_request_is_preferred_and_the_new_one_stays(
    log_in: Callable[..., LoginReport], database: Address, connect: Callable[[Address], Any]
) -> None:
    request = {"json": {"login": {"email": "bob@example.org", "password": "secret"}}}
    report = log_in(USER, TABLE + ROWS, request=request, commit=True)
    assert [one.value for one in report.attempts[:3]] == [
        "bob@example.org",
        "ada@example.org",
        "eve@example.org",
    ]
    new = report.attempts[3]
    assert new.substitute == {"bob@example.org": new.value}
    with connect(database).cursor() as cursor:
        cursor.execute(
            'SELECT hashed_password, max_reports, active FROM "user" WHERE email = %s', [new.value]
        )
        assert cursor.fetchone() == ("secret", 5, True)


def test_missing_column_fails_every_login_and_is_named(log_in: Callable[..., LoginReport]) -> None:
    report = log_in(USER, (TABLE + ROWS).replace(", max_reports int NOT NULL DEFAULT 5", ""))
    assert told(report) == [
        ("existing", "error", "look up"),
        ("existing", "error", "look up"),
        ("new", "error", "insert"),
    ]
    for one in report.attempts:
        assert one.error == "UndefinedColumn"
        assert one.sqlstate == "42703"
        assert one.column == ("public", "user", "max_reports")
        assert "max_reports" in (one.message or "")
        assert one.statement
        assert "secret" not in str(one)
    assert report.attempts[0].message == "column user.max_reports does not exist"


def test_deferred_column_is_read_too(log_in: Callable[..., LoginReport]) -> None:
    report = log_in(USER, (TABLE + ROWS).replace(" bio text,", ""))
    assert told(report)[0] == ("existing", "error", "read")
    assert report.attempts[0].column == ("public", "user", "bio")


def test_missing_table_is_an_error(log_in: Callable[..., LoginReport]) -> None:
    report = log_in(USER, "")
    assert told(report) == [("existing", "error", "choose a row"), ("new", "error", "insert")]
    assert report.attempts[0].error == "UndefinedTable"


def test_default_that_the_database_lacks_fails_the_new_row_alone(
    log_in: Callable[..., LoginReport],
) -> None:
    sql = TABLE.replace("max_reports int NOT NULL DEFAULT 5", "max_reports int NOT NULL")
    rows = ROWS.replace("active)", "active, max_reports)").replace("true)", "true, 3)")
    report = log_in(USER, sql + rows)
    assert told(report)[1:] == [("existing", "ok", "read"), ("new", "error", "insert")]
    new = report.attempts[2]
    assert (new.error, new.column) == ("NotNullViolation", ("public", "user", "max_reports"))


def test_column_that_the_model_lacks_fails_the_new_row_alone(
    log_in: Callable[..., LoginReport],
) -> None:
    sql = TABLE.replace("bio text", "bio text, extra int NOT NULL")
    rows = ROWS.replace("active)", "active, extra)").replace("true)", "true, 3)")
    report = log_in(USER, sql + rows)
    assert told(report)[1:] == [("existing", "ok", "read"), ("new", "error", "insert")]


def test_foreign_enum_value_fails_the_existing_row(log_in: Callable[..., LoginReport]) -> None:
    text = USER.replace("class User", 'class Kind(enum.Enum):\n    a = "a"\n\nclass User') + (
        "    kind: Mapped[Kind] = mapped_column(Enum(Kind, native_enum=False))\n"
    )
    sql = TABLE.replace("bio text", "bio text, kind varchar DEFAULT 'z'")
    report = log_in(text, sql + ROWS)
    assert told(report)[0] == ("existing", "error", "look up")
    assert report.attempts[0].error == "LookupError"


RICH = (
    "import sqlalchemy\n"
    + USER.replace("class User", 'class Kind(enum.Enum):\n    a = "x"\n\nclass User')
    + """\
    kind: Mapped[Kind]
    team_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("team.id"))
    code: Mapped[str] = mapped_column(String(6), unique=True)
    number: Mapped[int]
    settings: Mapped[dict] = mapped_column(JSON)
    tags: Mapped[list[str]] = mapped_column(ARRAY(String))
    seen: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    price: Mapped[float] = mapped_column(Numeric(2, 2))
    key: Mapped[bytes]
    boss_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    __table_args__ = (
        UniqueConstraint("team_id", "number"),
        sqlalchemy.Index("lowered", sqlalchemy.text("lower(code)"), unique=True),
    )

class Team(Base):
    __tablename__ = "team"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
"""
)
CREATE = """\
import os
from sqlalchemy import create_engine, make_url
from models import Base
Base.metadata.create_all(create_engine(make_url(os.environ["URL"]).set(
    drivername="postgresql+psycopg2")))
"""


@pytest.fixture
def created(
    write: Callable[..., Path],
    log_in: Callable[..., LoginReport],
    database: Address,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., LoginReport]:
    """Creates the models in the database, then logs in."""
    import importlib

    monkeypatch.setenv("URL", database.url())

    def run(text: str, sql: str = "", **arguments: Any) -> LoginReport:
        write({"models.py": text, "create.py": CREATE})
        importlib.import_module("create")
        return log_in(text, sql, **arguments)

    return run


def test_row_is_made_from_nothing_with_its_parents(created: Callable[..., LoginReport]) -> None:
    report = created(RICH)
    assert told(report) == [("new", "ok", "read")]
    assert "@example.org" in (report.attempts[0].value or "")


def test_copy_of_a_row_is_fresh_where_it_must_be_unique(
    created: Callable[..., LoginReport], database: Address, connect: Callable[[Address], Any]
) -> None:
    report = created(
        RICH,
        """\
INSERT INTO team VALUES ('8e6e8d9c-6a1e-4d2f-a3d3-111111111111', 'a');
INSERT INTO "user" (email, hashed_password, kind, team_id, code, number, settings, tags, seen,
    price, key, active) VALUES ('ada@example.org', 'h', 'a',
    '8e6e8d9c-6a1e-4d2f-a3d3-111111111111', 'abc', 7, '{}', '{}', now(), 0.5, 'x', true);
CREATE UNIQUE INDEX ON "user" (lower(hashed_password));
""",
        commit=True,
    )
    assert told(report) == [("existing", "ok", "read"), ("new", "ok", "read")]
    with connect(database).cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT (code, lower(hashed_password))), "
            'count(DISTINCT (team_id, number)), count(DISTINCT price) FROM "user"'
        )
        assert cursor.fetchone() == (2, 2, 1)


@pytest.mark.parametrize(
    ("addition", "column"),
    [
        ("    place: Mapped[str] = mapped_column(INT4RANGE)\n", "place"),
        ('    boss_id: Mapped[int] = mapped_column(ForeignKey("user.id"))\n', "boss_id"),
    ],
)
def test_value_that_nobody_knows_is_unproven_and_named(
    created: Callable[..., LoginReport], addition: str, column: str
) -> None:
    text = "from sqlalchemy.dialects.postgresql import INT4RANGE\n" + USER + addition
    (new,) = created(text).attempts
    assert (new.outcome, new.step) == ("unproven", "make a row")
    assert new.column == ("public", "user", column)
    assert (new.message or "").startswith(f"no row could be made: {column}: ")
    assert new.fix == "add a row to `seed`: the new one is then made like it"


def test_check_that_refuses_made_up_values_is_unproven(
    created: Callable[..., LoginReport],
) -> None:
    text = USER + "    __table_args__ = (CheckConstraint(\"email ~ '^[a-z]+$'\", name='plain'),)\n"
    (new,) = created(text).attempts
    assert (new.outcome, new.error) == ("unproven", "CheckViolation")
    assert (new.message or "").startswith("the guard's values were refused: ")


def test_check_on_copied_values_is_an_error(created: Callable[..., LoginReport]) -> None:
    report = created(
        USER,
        ROWS + 'ALTER TABLE "user" ADD CONSTRAINT nobody CHECK (active IS FALSE) NOT VALID;',
    )
    assert report.attempts[-1].outcome == "error"
    report = through_json(report)
    assert report.attempts[-1].error == "CheckViolation"


def test_check_on_the_invented_value_of_a_copy_is_unproven(
    created: Callable[..., LoginReport],
) -> None:
    check = "CHECK (email !~ '^guard') NOT VALID"
    report = created(USER, ROWS + f'ALTER TABLE "user" ADD CONSTRAINT plain {check};')
    assert report.attempts[-1].outcome == "unproven"


def test_inheritance_dataclasses_and_versions(created: Callable[..., LoginReport]) -> None:
    text = """\
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(MappedAsDataclass, DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    email: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(init=False)
    version: Mapped[int] = mapped_column(init=False)
    level: Mapped[int] = mapped_column(default=3)
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), default_factory=list)
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "user",
        "version_id_col": version}

class Admin(User):
    __tablename__ = "admin"
    id: Mapped[int] = mapped_column(ForeignKey("user.id"), primary_key=True, init=False)
    office: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "admin"}
"""
    # SQLAlchemy wants fields without defaults first.
    text = text.replace(
        "    office: Mapped[str]\n", "    office: Mapped[str] = mapped_column(kw_only=True)\n"
    )
    report = created(
        text,
        """INSERT INTO "user" VALUES (100, 'ada', 'admin', 1, 4, '{}');
        INSERT INTO admin VALUES (100, 'north');""",
    )
    assert told(report) == [("existing", "ok", "read"), ("new", "ok", "read")]
    assert told(created(text, model="Admin"))[-1] == ("new", "ok", "read")


def test_natural_key_is_made_fresh(created: Callable[..., LoginReport]) -> None:
    text = """\
from sqlalchemy import *
from sqlalchemy.orm import *
Base = declarative_base()
class User(Base):
    __tablename__ = "user"
    tenant = Column(String(3), primary_key=True)
    name = Column(String(5), primary_key=True)
    login = synonym("name")
"""
    report = created(text, "INSERT INTO \"user\" VALUES ('a', 'ada')", by="login")
    assert told(report) == [("existing", "ok", "read"), ("new", "ok", "read")]
    assert report.by == "name"


def test_model_that_refuses_made_up_values_is_unproven(
    created: Callable[..., LoginReport],
) -> None:
    text = USER + (
        '    @validates("email")\n    def check(self, key, value):\n'
        '        raise ValueError("not like this")\n'
    )
    (new,) = created(text).attempts
    assert (new.outcome, new.step) == ("unproven", "make a row")
    assert new.message == "the guard's values were refused: ValueError: not like this"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"model": "Usr"},
            "login.model Usr: no mapped class of this name\n  next: did you mean User?",
        ),
        (
            {"by": "emial"},
            (
                "login.by emial: User has no column attribute of this name\n"
                "  next: did you mean email?"
            ),
        ),
        ({"model": "models:enum"}, "login.model models:enum: it is no mapped class"),
        ({"model": "models:Usr"}, "models.py: login.model models:Usr: the module models has no"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(
    log_in: Callable[..., LoginReport], arguments: dict[str, str], words: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        log_in(USER, "", **arguments)
    assert str(caught.value).startswith(words)


def test_two_classes_of_one_name_are_told_apart(log_in: Callable[..., LoginReport]) -> None:
    text = USER + (
        "\nclass Inner:\n    class User(Base):\n        __tablename__ = 'other'\n"
        "        id: Mapped[int] = mapped_column(primary_key=True)\n"
    )
    with pytest.raises(ProjectError) as caught:
        log_in(text, TABLE)
    assert caught.value.fact == "2 mapped classes of this name"
    assert caught.value.fix == "write models:Inner.User or models:User"
    assert told(log_in(text, ROWS, model="models:User"))[-1] == ("new", "ok", "read")


def test_database_that_is_not_there_is_no_result(
    write: Callable[..., Path], database: Address
) -> None:
    root = write({"models.py": USER})
    with pytest.raises(ProjectError) as caught:
        login_task.run(
            {
                "url": database.at("nowhere").url(),
                "root": str(root),
                "model": "User",
                "by": "email",
                "models": ["models:Base"],
            }
        )
    assert 'database "nowhere" does not exist' in caught.value.fact
