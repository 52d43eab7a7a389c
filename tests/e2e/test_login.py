"""The login as a user of pytest meets it: what is configured, shown, and kept secret."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.e2e.conftest import LOGIN, MODELS, report_in, text_of

if TYPE_CHECKING:
    from tests.e2e.conftest import Project

GUARD = """\
from sqlalchemy import select
from app.models import User

def look(session, email):
    return session.scalars(select(User).where(User.email == email)).one()

def make(session):
    session.add(User(email="new@example.com"))
    return {"ada@example.com": "new@example.com", "hunter22": "hunter23"}

def fail(session):
    session.add(User(email="ada@example.com"))
    session.flush()
"""
WEB = """\
import time
time.sleep(SLOW)
from flask import Flask, redirect, request

app = Flask(__name__)
PASSWORDS = {"ada@example.com": "hunter22", "new@example.com": "hunter23"}

@app.post("/login")
def login():
    assert PASSWORDS[request.form["email"]] == request.form["password"], request.form["password"]
    return redirect("/home")
"""
REQUEST = """
[tool.schema-guard.login.request]
app = "web:app"
path = "/login"
form = { email = "ada@example.com", password = "hunter22" }
status = [200, 302]
"""


def configure(project: Project, *lines: str, slow: str = "0") -> None:
    project.write("guard.py", GUARD)
    project.write("web.py", WEB.replace("SLOW", slow))
    project.append("pyproject.toml", LOGIN + "\n".join(lines) + "\n" + REQUEST)


def test_call_and_create_and_a_form_that_redirects(project: Project) -> None:
    configure(project, 'call = "guard:look"', 'create = "guard:make"')
    result = project.guard("-k", "login", "--schema-guard-json=report.json")
    assert result.ret == 0, text_of(result)
    (check,) = report_in(project)["checks"]
    assert (check["outcome"], check["findings"]) == ("passed", [])
    assert check["reason"] == "2 existing and 1 new rows by the ORM, 2 requests to web:app"


def test_create_that_fails_is_shown_with_its_line_and_without_passwords(project: Project) -> None:
    configure(project, 'create = "guard:fail"')
    # A password of which the application tells nobody but its log.
    project.write("web.py", WEB.replace("SLOW", "0").replace('"hunter22",', '"hunter24",'))
    result = project.guard("-k", "login", "--schema-guard-json=report.json")
    assert result.ret == 1
    text = text_of(result)
    assert (
        "login.create: guard:fail fails, so that nobody new can log in: duplicate key value "
        'violates unique constraint "user_email_key" (UniqueViolation)'
    ) in text
    assert "fix: mend it there; it runs on the migrated database" in text
    assert '"POST /login": web:app answers 500, not 200 or 302 to an existing row' in text
    found = report_in(project)["checks"][0]["findings"]
    assert (found[0]["path"], found[0]["line"]) == ("guard.py", 13)
    for secret in ("hunter22", "hunter24"):
        assert secret not in text
        assert secret not in (project.root / "report.json").read_text()


def test_an_application_that_starts_slowly_is_told_on_a_terminal(project: Project) -> None:
    configure(project, slow="1.2")
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "--schema-guard", "-k", "login"],
        cwd=project.root,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                read = os.read(ours, 4096)
            except OSError:  # Linux: nobody holds the other end any more
                break
            if not read:
                break
            shown += read
        process.wait(30)
    os.close(ours)
    assert "schema-guard: starting web:app" in shown.decode()
    assert "schema-guard: logging in ... 1 s" in shown.decode()


def test_a_model_that_moved_away_from_the_query_is_red(project: Project) -> None:
    configure(project, 'call = "guard:look"', 'create = "guard:make"')
    project.write("app/models.py", MODELS + "    nickname: Mapped[str | None]\n")
    result = project.guard("-k", "login")
    assert result.ret == 1
    assert (
        "public.user.nickname: User: an existing row (email = 'ada@example.com') cannot log in, "
        "guard:look fails: column user.nickname does not exist (UndefinedColumn)"
    ) in text_of(result)
