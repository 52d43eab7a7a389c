"""The tasks in the process that they are written for, behind its fence."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project import Project
from pytest_schemaguard.project.answers.login import LoginReport, RequestReport
from pytest_schemaguard.project.answers.models import Models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.address import Address

WEB = """\
import os
from flask import Flask, request
from sqlalchemy import create_engine, make_url, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    limit: Mapped[int] = mapped_column(server_default="5")

url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
app = Flask(__name__)

@app.post("/login")
def login():
    with Session(create_engine(url)) as session:
        found = session.scalars(select(User).where(User.email == request.json["email"])).one()
        return {"limit": found.limit}
"""
TABLE = 'CREATE TABLE "user" (id serial PRIMARY KEY, email text{column});'
SEED = "INSERT INTO \"user\" (email) VALUES ('ada@example.org');"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users can enter: the fence may change the user."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        yield place


@pytest.fixture
def project(folder: Path, database: Address) -> Iterator[Project]:
    root = folder / "root"
    root.mkdir()
    (root / "web.py").write_text(WEB)
    config = Config(file=root / "pyproject.toml", models=("web:Base",), migrations=None)
    with Project(config, database, folder=folder / "own") as one:
        yield one


def log_in(project: Project, root: Path, database: Address) -> LoginReport:
    report: LoginReport = project.call(
        "login/by_orm",
        {
            "url": database.url(),
            "model": "User",
            "by": "email",
            "models": ["web:Base"],
            "root": str(root),
            "commit": True,
        },
        timeout_s=60,
        shape=LoginReport,
    )
    return report


def ask(
    project: Project, root: Path, report: LoginReport, **request: Any
) -> tuple[RequestReport, list[str]]:
    told: list[str] = []
    new = report.attempts[-1]
    values = project.call(
        "request/ask",
        {
            "request": {"path": "/login", "json": {"email": "ada@example.org"}, **request},
            "attempts": [{"kind": "existing"}, {"kind": "new", "substitute": new.substitute}],
            "root": str(root),
        },
        timeout_s=60,
        shape=RequestReport,
        progress=told.append,
    )
    return values, told


@pytest.mark.parametrize(
    "request_",
    [{"app": "web:app"}, {"serve": ["flask", "--app", "web", "run", "--port", "{port}"]}],
)
def test_founding_story_is_red_without_its_column_and_green_with_it(
    project: Project,
    folder: Path,
    database: Address,
    connect: Callable[[Address], Any],
    request_: dict[str, Any],
) -> None:
    root = folder / "root"
    given = {"models": ["web:Base"], "root": str(root)}
    models = project.call("models/read", given, timeout_s=60, shape=Models)
    assert models.tables == (("public", "user"),)
    assert models.places["public", "user", "limit"].path == "web.py"
    with connect(database).cursor() as cursor:
        cursor.execute(TABLE.format(column="") + SEED)
        red = log_in(project, root, database)
        assert {one.error for one in red.attempts} == {"UndefinedColumn"}
        answers, _ = ask(project, root, red, **request_)
        assert [(one.status, one.problem) for one in answers.answers] == [
            (500, None),
            (None, "no-substitution"),
        ]
        assert "UndefinedColumn" in (answers.answers[0].error or "")
        cursor.execute('ALTER TABLE "user" ADD COLUMN "limit" int NOT NULL DEFAULT 5')
        green = log_in(project, root, database)
        assert [one.outcome for one in green.attempts] == ["ok", "ok"]
        answers, told = ask(project, root, green, **request_)
        assert [one.status for one in answers.answers] == [200, 200]
        assert told[0].startswith("starting ")


def test_who_logs_in_is_who_the_url_names(
    project: Project, folder: Path, database: Address, connect: Callable[[Address], Any]
) -> None:
    role = f"mere_{database.database}"
    with connect(database).cursor() as cursor:
        cursor.execute(TABLE.format(column=', "limit" int') + SEED)
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'abcdef0123456789'")
        try:
            who = database.logged_in_as(role, "abcdef0123456789")
            report = log_in(project, folder / "root", who)
        finally:
            cursor.execute(f"DROP ROLE {role}")
    assert {one.message for one in report.attempts} == {"permission denied for table user"}


def test_error_of_a_task_crosses_whole(project: Project, folder: Path) -> None:
    with pytest.raises(ProjectError) as caught:
        project.call(
            "models/read", {"models": ["wbe:Base"], "root": str(folder / "root")}, timeout_s=60
        )
    assert str(caught.value) == ("models wbe:Base: no module 'wbe'\n  next: did you mean 'web'?")
