"""The login on a migrated database of a run, by the processes that it is meant for."""

from __future__ import annotations

import itertools
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.checks.login import verdict_on
from pytest_schemaguard.configuration.settings import load
from pytest_schemaguard.evidence.logins import LOGINS
from pytest_schemaguard.findings import Outcome
from pytest_schemaguard.guard import Guard
from pytest_schemaguard.progress import Progress
from pytest_schemaguard.run import Run
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.findings import Verdict

MODELS = """\
import os
from sqlalchemy import ForeignKey, create_engine, make_url, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]

def engine():
    return create_engine(make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2"))
"""
MIGRATION = """\
CREATE TABLE "user" (id serial PRIMARY KEY, email text NOT NULL UNIQUE, password text NOT NULL);
INSERT INTO "user" (email, password) VALUES ('ada@example.org', 'correct horse');
"""
FLASK = """\
from flask import Flask, request
from models import *

app = Flask(__name__)

@app.post("/login")
def login():
    with Session(engine()) as session:
        found = session.scalars(select(User).where(User.email == request.json["email"])).first()
        if found is None or found.password != request.json["password"]:
            return {"detail": "who?"}, 401
        return {"id": found.id}
"""
ASGI = """\
from contextlib import asynccontextmanager
from fastapi import FastAPI
from models import *

@asynccontextmanager
async def lifespan(app):
    Base.metadata.create_all(engine())
    yield

app = FastAPI(lifespan=lifespan)

@app.post("/login")
def login():
    return {"id": 1}
"""
REQUEST = """
[tool.schema-guard.login.request]
path = "/login"
json = { email = "ada@example.org", password = "correct horse" }
timeout-s = 20
"""
BY = 'model = "User"\nby = "email"\n'


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """One run, whose server all tests here share; their databases have names of their own."""
    one = Run.begin()
    yield one
    one.close(wait=True)


NUMBERS = itertools.count()


@pytest.fixture
def log_in(run: Run) -> Iterator[Callable[..., Verdict]]:
    """Writes a project, and says what the check says of it."""
    folder = Path(tempfile.mkdtemp(prefix="logins-"))
    folder.chmod(0o755)  # the project may run as another user
    guards: list[Guard] = []

    def verdict(
        login: str, *, files: dict[str, str] | None = None, request: str = "", rest: str = ""
    ) -> Verdict:
        texts = {"models.py": MODELS, "migrations/1.sql": MIGRATION, "web.py": FLASK}
        for name, text in {**texts, **(files or {})}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        asked = f"{REQUEST}{request}\n" if request else ""
        (folder / "pyproject.toml").write_text(
            f'[tool.schema-guard]\nname = "n{next(NUMBERS)}"\nmodels = "models:Base"\n'
            f'migrations = "migrations"\nserver = "{OWN["provider"]}"\n{rest}\n'
            f"[tool.schema-guard.login]\n{login}\n{asked}"
        )
        (config,) = load(folder / "pyproject.toml")
        guard = Guard(config, run=run, url=None, shared=False, progress=Progress())
        guards.append(guard)
        assert config.login is not None
        return verdict_on(guard.look(LOGINS), config.login, strict=False)

    yield verdict
    for guard in guards:
        guard.close()
    shutil.rmtree(folder)


def words(verdict: Verdict) -> list[tuple[str, str, str]]:
    return [(one.code, one.subject, one.message.splitlines()[0]) for one in verdict.findings]


def migrated(*subjects: str, by: str, what: str = "the schema itself: extra-table") -> list[Any]:
    return [("login.migrates-itself", one, f"{by} changed {what}") for one in subjects]


def test_application_answers_both_rows(log_in: Callable[..., Verdict]) -> None:
    verdict = log_in(BY, request='app = "web:app"')
    assert (verdict.outcome, verdict.findings) == ("passed", ())
    assert verdict.reason == ("1 existing and 1 new rows by the ORM, 2 requests to web:app")


CREATE = """\
from models import *

def make(session):
    session.add(User(email="new@example.org", password="battery staple"))
    return {"ada@example.org": "new@example.org", "correct horse": "battery staple"}

def hashed(session):
    session.add(User(email="new@example.org", password="battery staple"))
    return "new@example.org"

def look(session, email):
    return session.scalars(select(User).where(User.email == email)).first()

def boom(session):
    print("making password=hunter22")
    raise RuntimeError("no room for ada, password=hunter22")
"""


def test_new_row_that_the_project_makes_logs_in_with_its_own_password(
    log_in: Callable[..., Verdict],
) -> None:
    login = f'{BY}call = "making:look"\ncreate = "making:make"'
    verdict = log_in(login, files={"making.py": CREATE}, request='app = "web:app"')
    assert (verdict.outcome, verdict.findings) == ("passed", ())


def test_answer_to_a_new_row_with_another_password_tells_none_of_them(
    log_in: Callable[..., Verdict],
) -> None:
    login = f'{BY}create = "making:hashed"'
    verdict = log_in(login, files={"making.py": CREATE}, request='app = "web:app"')
    assert words(verdict) == [
        (
            "login.status",
            "POST /login",
            "web:app answers 401, not 200 to a new row that logs in: POST /login",
        )
    ]
    for secret in ("correct horse", "battery staple"):
        assert secret not in str(verdict)


def test_create_that_fails_is_told_with_its_place_and_its_output(
    log_in: Callable[..., Verdict],
) -> None:
    verdict = log_in(f'{BY}create = "making:boom"', files={"making.py": CREATE})
    (one,) = verdict.findings
    assert (one.code, one.subject, one.path, one.line) == (
        "login.create",
        "login.create",
        "making.py",
        16,
    )
    assert re.sub(r'"/.*/making', '"making', one.message).splitlines() == [
        (
            "making:boom fails, so that nobody new can log in: RuntimeError: no room for ada, "
            "password=***"
        ),
        'File "making.py", line 16, in boom',
        '    raise RuntimeError("no room for ada, password=***',
        "its output ends:",
        "making password=***",
    ]
    assert one.fix == "mend it there; it runs on the migrated database"


COMMAND = """\
import sys
from models import *

assert "hunter22" in os.environ["ADMIN_PASSWORD"], "the variables of env are there"
with Session(engine()) as session:
    session.add(User(email=sys.argv[1], password="correct horse"))
    session.commit()
print("hunter22")
if len(sys.argv) > 2:
    sys.exit("the queue is down")
"""


def test_command_makes_the_new_row_in_the_project_environment(
    log_in: Callable[..., Verdict],
) -> None:
    env = 'env = { DATABASE_URL = "{url}", ADMIN_PASSWORD = "hunter22" }'
    login = f'{BY}create = "python add.py {{value}}"'
    files = {"add.py": COMMAND}
    verdict = log_in(login, files=files, request='app = "web:app"', rest=env)
    assert (verdict.outcome, verdict.findings) == ("passed", ())
    verdict = log_in(f'{login[:-1]} fail"', files=files, rest=env)
    (one,) = verdict.findings
    assert one.code == "login.create"
    assert one.message.splitlines() == [
        "python add.py {value} fail fails, so that nobody new can log in: exit code 1",
        "***",
        "the queue is down",
    ]


def test_call_alone_tells_that_no_new_row_was_looked_at(log_in: Callable[..., Verdict]) -> None:
    query = (
        "from models import *\ndef ada(session):\n    return session.scalars(select(User)).all()\n"
    )
    verdict = log_in('call = "query:ada"', files={"query.py": query})
    assert verdict.outcome == "passed"
    assert [(one.code, one.severity) for one in verdict.findings] == [
        ("login.no-new-row", "warning")
    ]


def test_call_that_fails_is_told_with_its_place(log_in: Callable[..., Verdict]) -> None:
    query = (
        "from sqlalchemy import text\ndef ada(session, email=None):\n"
        '    return session.execute(text("SELECT nothing")).all()\n'
    )
    verdict = log_in('call = "query:ada"', files={"query.py": query})
    one = verdict.findings[0]
    assert (one.code, one.subject, one.path, one.line) == (
        "login.existing-row",
        "login.call query:ada",
        "query.py",
        3,
    )
    assert one.message.startswith(
        'query:ada: an existing row cannot log in, query:ada fails: column "nothing" does not '
        "exist (UndefinedColumn)\nthe statement: SELECT nothing\n"
    )


HIDING = """\
from models import *
def app(environ, start_response):
    from sqlalchemy import text
    try:
        with engine().connect() as connection:
            connection.execute(text("SELECT hidden FROM \\"user\\" WHERE email = 'geheim'"))
    except Exception:
        start_response("500 INTERNAL SERVER ERROR", [])
        return [b"sorry"]
"""


def test_error_that_the_application_hides_is_in_the_log_of_the_server(
    log_in: Callable[..., Verdict],
) -> None:
    verdict = log_in(BY, files={"web.py": HIDING}, request='app = "web:app"')
    assert [one.code for one in verdict.findings] == ["login.status", "login.status"]
    for one in verdict.findings:
        assert one.message.splitlines()[1:] == [
            "it says: sorry",
            "PostgreSQL answered it:",
            'ERROR: column "hidden" does not exist',
            "STATEMENT: SELECT hidden FROM \"user\" WHERE email = '...'",
        ]


def test_error_of_the_server_explains_an_application_that_does_not_start(
    log_in: Callable[..., Verdict],
) -> None:
    text = HIDING.replace("def app(environ, start_response):", "def app():").replace(
        'start_response("500 INTERNAL SERVER ERROR", [])',
        'raise SystemExit("no database") from None',
    )
    verdict = log_in(BY, files={"web.py": text}, request='app = "web:app"')
    assert verdict.outcome is Outcome.UNPROVEN
    told = (verdict.reason or "").splitlines()
    assert "the factory failed" in told[0]
    start = told.index("    PostgreSQL answered it:")
    assert told[start + 1 : start + 3] == [
        '    ERROR: column "hidden" does not exist',
        "    STATEMENT: SELECT hidden FROM \"user\" WHERE email = '...'",
    ]


def test_what_the_orm_told_is_not_lost_with_an_application_that_does_not_start(
    log_in: Callable[..., Verdict],
) -> None:
    text = "def app():\n    raise SystemExit('no database')\n"
    models = MODELS.replace("    email:", "    lost: Mapped[int]\n    email:")
    verdict = log_in(BY, files={"web.py": text, "models.py": models}, request='app = "web:app"')
    assert verdict.outcome is Outcome.FAILED
    codes = [one.code for one in verdict.findings]
    assert codes[0] == "login.existing-row"
    assert codes[-1] == "login.not-asked"
    assert verdict.findings[-1].message.startswith(
        "it did not start, so it was not asked to log anybody in\n"
    )
    assert "the factory failed: it called sys.exit('no database')" in verdict.findings[-1].message


MORE = (
    MODELS
    + """
class Token(Base):
    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
"""
)
SERVE = "python -m uvicorn web:app --port {port}"


@pytest.mark.parametrize(
    ("application", "text"),
    [
        (f'serve = "{SERVE}"', ASGI),
        ('app = "web:app"', ASGI),
        ('app = "web:app"', "from models import *\nBase.metadata.create_all(engine())\n" + FLASK),
    ],
    ids=["serve", "lifespan", "import"],
)
def test_application_that_migrates_as_it_starts_is_found_out(
    log_in: Callable[..., Verdict], application: str, text: str
) -> None:
    verdict = log_in(BY, files={"models.py": MORE, "web.py": text}, request=application)
    name = SERVE if "serve" in application else "web:app"
    assert words(verdict) == migrated("public.token", by=f"the application {name}")


OWN_SCHEMA = """\
from sqlalchemy import text
from models import *
with engine().begin() as connection:
    connection.execute(text("CREATE SCHEMA own CREATE TABLE account (id int)"))
    connection.execute(text("UPDATE alembic_version SET version_num = 'two'"))
"""


def test_own_schema_and_what_a_migration_tool_has_noted_are_told(
    log_in: Callable[..., Verdict],
) -> None:
    version = (
        "CREATE TABLE alembic_version (version_num text);\n"
        "INSERT INTO alembic_version VALUES ('one');\n"
    )
    files = {"web.py": OWN_SCHEMA + FLASK, "migrations/1.sql": MIGRATION + version}
    verdict = log_in(BY, files=files, request='app = "web:app"')
    assert words(verdict) == [
        *migrated("own", by="the application web:app", what="the schema itself: extra-schema"),
        *migrated("own.account", by="the application web:app"),
        *migrated(
            "public.alembic_version",
            by="the application web:app",
            what="what a migration tool has noted there: its rows are others",
        ),
    ]


def test_first_start_on_an_empty_database_is_found_out_whatever_it_answers(
    log_in: Callable[..., Verdict],
) -> None:
    files = {"models.py": MORE, "web.py": ASGI, "migrations/1.sql": "SELECT 1;\n"}
    verdict = log_in(BY, files=files, request='app = "web:app"')
    assert words(verdict)[-2:] == migrated(
        "public.token", "public.user", by="the application web:app"
    )
    assert {one.actual for one in verdict.findings[:-2]} == {"42P01"}


def test_function_that_migrates_is_found_out(log_in: Callable[..., Verdict]) -> None:
    text = "from models import *\ndef ada(session):\n    Base.metadata.create_all(engine())\n"
    files = {"models.py": MORE, "query.py": f"{text}    return 1\n"}
    verdict = log_in(f'{BY}call = "query:ada"', files=files)
    assert words(verdict) == migrated("public.token", by="query:ada")


def test_new_row_that_the_request_does_not_name_is_unproven(
    log_in: Callable[..., Verdict],
) -> None:
    login = 'call = "making:look_at_ada"\ncreate = "making:hashed"'
    text = CREATE + "def look_at_ada(session):\n    return look(session, 'ada@example.org')\n"
    verdict = log_in(login, files={"making.py": text}, request='app = "web:app"')
    assert verdict.outcome == "unproven"
    assert verdict.reason == (
        "web:app: the request names no existing row, so no new one can log in by it\n"
        "  next: let `create` be a function that returns {text of the request: what the new row's "
        "has in its place}"
    )
