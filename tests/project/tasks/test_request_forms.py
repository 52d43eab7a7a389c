"""How applications are logged in to: forms, basic, headers and cookies, with their statuses."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.project.tasks.request import ask as request_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLASK = """\
import base64
from flask import Flask, redirect, request

app = Flask(__name__)
PASSWORDS = {"ada": "correct horse", "bob": "correct horse", "eve": "battery staple"}
asked = []

@app.post("/form")
def form():
    if PASSWORDS.get(request.form["user"]) != request.form["password"]:
        return f"no {request.form['password']}", 403
    answer = redirect("/home")
    answer.set_cookie("session", request.form["user"])
    return answer

@app.get("/basic")
def basic():
    asked.append("basic")
    if PASSWORDS.get(request.authorization.username) != request.authorization.password:
        return "no", 401
    return request.authorization.username

@app.get("/header")
def header():
    user = request.headers["X-Remote-User"]
    return user, 200 if user in PASSWORDS else 403

@app.get("/home")
def home():
    asked.append("home")
    user = request.cookies.get("session")
    return (f"hello {user}", 200) if user in PASSWORDS else ("who?", 401)
"""
FASTAPI = """\
from urllib.parse import parse_qs
from fastapi import Cookie, Depends, FastAPI, Header, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.security import HTTPBasic

app = FastAPI()
PASSWORDS = {"ada": "correct horse", "bob": "correct horse", "eve": "battery staple"}
asked = []

@app.post("/form")
async def form(request: Request):
    # FastAPI's own Form() needs another package.
    sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    if PASSWORDS.get(sent["user"]) != sent["password"]:
        return Response(f"no {sent['password']}", 403)
    answer = RedirectResponse("/home", 302)
    answer.set_cookie("session", sent["user"])
    return answer

@app.get("/basic")
def basic(given=Depends(HTTPBasic())):
    asked.append("basic")
    if PASSWORDS.get(given.username) != given.password:
        return Response("no", 401)
    return Response(given.username)

@app.get("/header")
def header(x_remote_user: str = Header()):
    return Response(x_remote_user, 200 if x_remote_user in PASSWORDS else 403)

@app.get("/home")
def home(session: str = Cookie("")):
    asked.append("home")
    return Response(f"hello {session}") if session in PASSWORDS else Response("who?", 401)
"""
UVICORN = ["python", "-m", "uvicorn", "web:app", "--port", "{port}"]


@pytest.fixture(params=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest, write: Callable[..., Path]) -> Callable[..., Any]:
    """Asks the application as the existing row `ada`, and as a new one in its place."""
    text = FLASK if request.param == "wsgi" else FASTAPI

    def run(pairs: dict[str, str], *, passwords: bool = False, **given: Any) -> list[Any]:
        root = write({"web.py": text})
        new = {"kind": "new", "substitute": pairs, "passwords": passwords}
        report = request_task.run(
            {
                "request": {"app": "web:app", "timeout_s": 10.0, **given},
                "attempts": [{"kind": "existing"}, new],
                "root": str(root),
            }
        )
        return [(one.status, one.excerpt, one.problem) for one in report.answers]

    return run


def test_form_that_redirects_is_not_followed(ask: Callable[..., Any]) -> None:
    sent = {"user": "ada", "password": "correct horse"}
    answers = ask({"ada": "bob"}, path="/form", form=sent)
    assert [status for status, _, _ in answers] == [302, 302]
    assert answers[0][1].startswith("Location: /home")
    assert "home" not in _asked()


def test_new_row_of_a_form_may_have_a_password_of_its_own(ask: Callable[..., Any]) -> None:
    sent = {"user": "ada", "password": "correct horse"}
    pairs = {"ada": "eve", "correct horse": "battery staple"}
    answers = ask(pairs, passwords=True, path="/form", form=sent)
    assert [status for status, _, _ in answers] == [302, 302]
    answers = ask(pairs, passwords=False, path="/form", form=sent)
    assert [status for status, _, _ in answers] == [302, 403]


def test_password_of_the_new_row_is_cut_out_of_what_it_is_answered(
    ask: Callable[..., Any],
) -> None:
    sent = {"user": "ada", "password": "correct horse"}
    pairs = {"ada": "bob", "correct horse": "battery staple"}
    answers = ask(pairs, passwords=True, path="/form", form=sent)
    assert answers[1] == (403, "no ***", None)


def test_basic_logs_in_both(ask: Callable[..., Any]) -> None:
    given = {"method": "GET", "path": "/basic", "basic": ["ada", "correct horse"]}
    assert ask({"ada": "bob"}, **given) == [(200, "ada", None), (200, "bob", None)]
    pairs = {"ada": "eve", "correct horse": "battery staple"}
    assert ask(pairs, passwords=True, **given)[1] == (200, "eve", None)
    assert ask(pairs, **given)[1] == (401, "no", None)


def test_header_names_the_row(ask: Callable[..., Any]) -> None:
    given = {"method": "GET", "path": "/header", "headers": {"X-Remote-User": "ada"}}
    assert ask({"ada": "bob"}, **given) == [(200, "ada", None), (200, "bob", None)]
    assert ask({"ada": "zoe"}, **given)[1][0] == 403


def test_cookie_of_a_session_is_sent(ask: Callable[..., Any]) -> None:
    given = {"method": "GET", "path": "/home", "headers": {"Cookie": "session=ada"}}
    answers = ask({"ada": "bob"}, passwords=True, **given)
    assert answers == [(200, "hello ada", None), (200, "hello bob", None)]
    # Whose session it is, only `create` can say: a cookie is as secret as a password.
    assert ask({"ada": "bob"}, **given)[1] == (None, "", "no-substitution")


def test_command_is_asked_alike(write: Callable[..., Path]) -> None:
    root = write({"web.py": FASTAPI})
    base = {"serve": UVICORN, "timeout_s": 20.0}
    statuses = []
    for given in (
        {"path": "/form", "form": {"user": "ada", "password": "correct horse"}},
        {"path": "/basic", "method": "GET", "basic": ["ada", "correct horse"]},
    ):
        report = request_task.run(
            {
                "request": {**base, **given},
                "attempts": [{"kind": "existing"}, {"kind": "new", "substitute": {"ada": "eve"}}],
                "root": str(root),
            }
        )
        statuses.append([one.status for one in report.answers])
    assert statuses == [[302, 403], [200, 401]]


def _asked() -> list[str]:
    return list(sys.modules["web"].asked)
