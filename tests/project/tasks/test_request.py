"""Real requests to small real applications: WSGI, ASGI, and commands that serve."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks.request import ask as request_task
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.project.answers.login import RequestReport

FLASK = """\
import logging
from flask import Flask, jsonify, request

app = Flask(__name__)

@app.post("/login")
def login():
    body = request.get_json(silent=True) or request.form
    if body["email"] == "boom@example.org":
        return users[body["email"]]
    if body["password"] != "correct horse":
        return jsonify(error="wrong password"), 401
    return jsonify(access_token="eyJhbGci.eyJzdWIi.sig", email=body["email"])

users = {}

def create_app(name=None):
    return app

def needs(settings):
    return app
"""
FASTAPI = """\
from contextlib import asynccontextmanager
import asyncio
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

events = []

@asynccontextmanager
async def lifespan(app):
    events.append("start")
    yield {"greeting": "hello"}
    events.append("stop")

app = FastAPI(lifespan=lifespan)

class Login(BaseModel):
    email: str
    password: str

@app.post("/login")
def login(body: Login, request: Request):
    if body.email == "boom@example.org":
        raise KeyError("no such user")
    return {"greeting": getattr(request.state, "greeting", None), "email": body.email}

@app.post("/stream")
async def stream():
    async def parts():
        for part in "abc":
            await asyncio.sleep(0.01)
            yield part
    return StreamingResponse(parts())

async def raw(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("what is a lifespan?")
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 201, "headers": []})
    await send({"type": "http.response.body", "body": scope["raw_path"] + body})
    assert (await receive())["type"] == "http.disconnect"

@asynccontextmanager
async def failing(app):
    raise ValueError("the column is missing")
    yield

broken = FastAPI(lifespan=failing)
"""
ADA = {"email": "ada@example.org", "password": "correct horse"}


@pytest.fixture
def ask(write: Callable[..., Path]) -> Callable[..., RequestReport]:
    """Writes a project and asks its application."""

    def run(text: str, *attempts: dict[str, Any], **request: Any) -> RequestReport:
        root = write({"web.py": text})
        given = {"method": "POST", "path": "/login", "timeout_s": 10.0, **request}
        return through_json(
            request_task.run(
                {
                    "request": given,
                    "attempts": list(attempts) or [{"kind": "existing", "substitute": {}}],
                    "root": str(root),
                }
            )
        )

    return run


def new(name: str) -> dict[str, Any]:
    return {"kind": "new", "substitute": {"ada@example.org": name}}


@pytest.mark.parametrize("app", ["web:app", "web:create_app"])
@pytest.mark.parametrize("body", ["json", "form"])
def test_wsgi_application_or_factory_answers(
    ask: Callable[..., RequestReport], app: str, body: str
) -> None:
    report = ask(FLASK, {"kind": "existing"}, new("bob@example.org"), app=app, **{body: ADA})
    assert (report.application, report.protocol) == (app, "wsgi")
    assert [(one.kind, one.status, one.problem) for one in report.answers] == [
        ("existing", 200, None),
        ("new", 200, None),
    ]
    assert '"email":"bob@example.org"' in report.answers[1].excerpt
    assert "eyJ" not in report.answers[0].excerpt
    assert "***" in report.answers[0].excerpt
    assert report.answers[0].seconds > 0


def test_other_status_comes_with_its_body(ask: Callable[..., RequestReport]) -> None:
    (answer,) = ask(FLASK, app="web:app", json={**ADA, "password": "wrong one"}).answers
    assert (answer.status, answer.excerpt) == (401, '{"error":"wrong password"}')


def test_exception_that_the_application_only_logs_is_told(
    ask: Callable[..., RequestReport],
) -> None:
    answer = ask(FLASK, new("boom@example.org"), app="web:app", json=ADA).answers[0]
    assert (answer.status, answer.problem) == (500, None)
    assert (answer.error or "").startswith("web.py:10: KeyError: 'boom@example.org'")
    assert "correct horse" not in str(answer)


def test_request_that_names_no_row_is_not_sent(ask: Callable[..., RequestReport]) -> None:
    attempt = {"kind": "new", "substitute": {"eve@example.org": "x@example.org"}}
    (answer,) = ask(FLASK, attempt, app="web:app", json=ADA).answers
    assert (answer.status, answer.problem) == (None, "no-substitution")


def test_asgi_application_is_started_asked_and_stopped(
    ask: Callable[..., RequestReport],
) -> None:
    report = ask(FASTAPI, {"kind": "existing"}, new("b@example.org"), app="web:app", json=ADA)
    assert report.protocol == "asgi"
    assert [one.status for one in report.answers] == [200, 200]
    assert report.answers[1].excerpt == '{"greeting":"hello","email":"b@example.org"}'
    assert sys.modules["web"].events == ["start", "stop"]


def test_lifespan_false_skips_the_startup(ask: Callable[..., RequestReport]) -> None:
    (answer,) = ask(FASTAPI, app="web:app", json=ADA, lifespan=False).answers
    assert answer.excerpt == '{"greeting":null,"email":"ada@example.org"}'
    assert sys.modules["web"].events == []


def test_streamed_answer_is_read_to_its_end(ask: Callable[..., RequestReport]) -> None:
    """An application that hears too early that its client is gone stops to answer."""
    (answer,) = ask(FASTAPI, app="web:app", path="/stream").answers
    assert (answer.status, answer.excerpt, answer.error) == (200, "abc", None)


def test_application_without_a_lifespan_is_asked(ask: Callable[..., RequestReport]) -> None:
    (answer,) = ask(FASTAPI, app="web:raw", body="hello", path="/a%20b").answers
    assert (answer.status, answer.excerpt, answer.problem) == (201, "/a%20bhello", None)


def test_exception_that_an_asgi_application_lets_through_is_told(
    ask: Callable[..., RequestReport],
) -> None:
    (answer,) = ask(FASTAPI, new("boom@example.org"), app="web:app", json=ADA).answers
    assert (answer.status, answer.problem) == (500, "raised")
    assert (answer.error or "").startswith("web.py:24: KeyError: 'no such user'")


def test_exception_that_a_wsgi_application_lets_through_is_told(
    ask: Callable[..., RequestReport],
) -> None:
    text = "def app(environ, start_response):\n    raise ValueError('no')\n"
    (answer,) = ask(text, app="web:app").answers
    assert (answer.status, answer.problem) == (500, "raised")
    assert (answer.error or "").startswith("web.py:2: ValueError: no")


def test_application_that_hangs_has_no_answer_and_tells_where(
    ask: Callable[..., RequestReport],
) -> None:
    text = "import threading\n\ndef app(environ, start_response):\n    threading.Event().wait(60)\n"
    (answer,) = ask(text, app="web:app", timeout_s=0.3).answers
    assert (answer.status, answer.problem) == (None, "no-answer")
    assert (answer.error or "").startswith("no answer within 0.3 s; it is here:")
    assert 'web.py", line 4' in (answer.error or "")


def test_asgi_application_that_hangs_has_no_answer(ask: Callable[..., RequestReport]) -> None:
    text = "import asyncio\n\nasync def app(scope, receive, send):\n    await asyncio.sleep(60)\n"
    (answer,) = ask(text, app="web:app", timeout_s=0.3, lifespan=False).answers
    assert (answer.problem, answer.error) == ("no-answer", "no answer within 0.3 s")


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("wbe:app", "login.request wbe:app: no module 'wbe'\n  next: did you mean 'web'?"),
        ("web:ap", "web.py: login.request web:ap: the module web has no 'ap'"),
        ("web:users", "login.request web:users: web:users is neither a WSGI nor an ASGI"),
        ("web:needs", "login.request web:needs: web:needs is neither a WSGI nor an ASGI"),
    ],
)
def test_application_that_is_not_there_is_told(
    ask: Callable[..., RequestReport], app: str, words: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        ask(FLASK, app=app)
    assert str(caught.value).startswith(words)


def test_application_that_fails_as_it_is_imported_names_the_line(
    ask: Callable[..., RequestReport],
) -> None:
    with pytest.raises(ProjectError) as caught:
        ask("x = 1\nx.y\n", app="web:app")
    assert str(caught.value).startswith(
        "web.py:2: login.request web:app: failed as it was imported: AttributeError: 'int'"
    )


def test_factory_that_fails_names_the_line(ask: Callable[..., RequestReport]) -> None:
    with pytest.raises(ProjectError) as caught:
        ask("def make():\n    raise ValueError('no settings')\n", app="web:make")
    assert str(caught.value).startswith(
        "web.py:2: login.request web:make: the factory failed: ValueError: no settings"
    )


def test_startup_that_fails_is_told(ask: Callable[..., RequestReport]) -> None:
    with pytest.raises(ProjectError) as caught:
        ask(FASTAPI, app="web:broken")
    error = caught.value
    assert (error.subject, error.fact) == (
        "login.request web:broken",
        "its startup failed: ValueError: the column is missing",
    )
    assert "in failing" in (error.detail or "")


def test_startup_that_never_ends_is_told(ask: Callable[..., RequestReport]) -> None:
    text = "async def app(scope, receive, send):\n    await receive()\n    await receive()\n"
    with pytest.raises(ProjectError) as caught:
        ask(text, app="web:app", timeout_s=0.2)
    assert caught.value.fact == "its startup failed: its startup did not end within 0.2 s"


UVICORN = ["uvicorn", "web:app", "--port", "{port}"]


def alive(text: str) -> list[str]:
    """Command lines of living processes that contain the text."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_text().replace("\0", " ")
        except OSError:
            continue
        if text in line and path.parent.name != str(os.getpid()):
            found.append(line)
    return found


def test_command_serves_and_is_stopped(ask: Callable[..., RequestReport], tmp_path: Path) -> None:
    # The folder's name in the command line tells this test's processes from others.
    command = [*UVICORN, "--app-dir", str(tmp_path)]
    report = ask(FASTAPI, {"kind": "existing"}, new("b@example.org"), serve=command, json=ADA)
    assert report.protocol == "http"
    assert report.application.startswith("uvicorn web:app --port {port}")
    assert [(one.status, one.error) for one in report.answers] == [(200, None), (200, None)]
    assert alive(str(tmp_path)) == []


def test_output_explains_a_server_error(ask: Callable[..., RequestReport]) -> None:
    report = ask(FASTAPI, {"kind": "existing"}, new("boom@example.org"), serve=UVICORN, json=ADA)
    fine, wrong = report.answers
    assert (fine.status, fine.error) == (200, None)
    assert wrong.status == 500
    assert "KeyError: 'no such user'" in (wrong.error or "")


def test_command_that_ends_early_is_told_with_its_output(
    ask: Callable[..., RequestReport],
) -> None:
    text = "raise ValueError('no such column')\n"
    with pytest.raises(ProjectError) as caught:
        ask(text, serve=["python", "-m", "web", "{port}"])
    error = caught.value
    assert error.fact == "the command ended with exit code 1 before it listened"
    assert "ValueError: no such column" in (error.detail or "")


def test_command_that_never_listens_is_told_and_stopped(
    ask: Callable[..., RequestReport], tmp_path: Path
) -> None:
    # What it starts is deaf to SIGTERM, and outlives it.
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"
    script = (
        "import subprocess, sys\nprint('waiting for the queue', flush=True)\n"
        f"subprocess.run([sys.executable, '-c', {deaf!r}, *sys.argv])\n"
    )
    start = time.monotonic()
    with pytest.raises(ProjectError) as caught:
        ask(script, serve=["python", "web.py", "{port}", str(tmp_path)], timeout_s=2.0)
    assert caught.value.fact.startswith("nothing listens on 127.0.0.1:")
    assert caught.value.fact.endswith(" after 2 s")
    assert caught.value.detail == "waiting for the queue"
    assert time.monotonic() - start < 20
    assert alive(str(tmp_path)) == []


def test_server_that_closes_the_connection_has_no_answer(
    ask: Callable[..., RequestReport],
) -> None:
    text = (
        "import socket, sys\nserver = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "while True:\n    server.accept()[0].close()\n"
    )
    (answer,) = ask(text, serve=["python", "web.py", "{port}"]).answers
    assert answer.problem == "no-answer"
    assert (answer.error or "").startswith("it closed the connection without an answer")


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        (["uvicorn", "web:app"], "the command has no {port}"),
        (["no-such-server", "{port}"], "no command 'no-such-server'"),
    ],
)
def test_command_that_cannot_be_run_is_told(
    ask: Callable[..., RequestReport], command: list[str], fact: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        ask(FLASK, serve=command)
    assert caught.value.fact == fact
