"""Starts the application as it is deployed, and logs in by real requests.

Arguments: `request` (the fields of config.Request), `attempts` (each with `kind` and, for a new
row, `substitute`: `{"text of an existing row's request": "what the new one's says"}`, and
`passwords`: whether that names passwords too), `root`. The answer is a RequestReport.

Each may take `timeout_s`: the startup (a lifespan's, or until a command listens), and every answer.
How long the import of an application may take, says who calls this task. Raises ProjectError when
the application does not start.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.login import SERVER_ERROR, Answer, RequestReport
from pytest_schemaguard.project.child.inside import known_passwords
from pytest_schemaguard.project.failure import words
from pytest_schemaguard.project.tasks.request import application
from pytest_schemaguard.project.tasks.request.asgi import Asgi, StartError
from pytest_schemaguard.project.tasks.request.message import (
    cut,
    message,
    secrets,
    substituted,
)
from pytest_schemaguard.project.tasks.request.serving import Serving
from pytest_schemaguard.project.tasks.request.wsgi import Wsgi
from pytest_schemaguard.project.tasks.telling import told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_schemaguard.project.tasks.request.message import Message, Response

    _Ask = Callable[[Message], tuple[Response, str | None]]
    """Sends a request; the response, and what lies behind an error where that is known."""

REDIRECTS = range(300, 400)
LONGEST_ERROR = 4000


def run(arguments: dict[str, Any]) -> RequestReport:
    request = arguments["request"]
    root = Path(arguments["root"]).resolve()
    asking = _Asking(request, root, arguments["attempts"])
    if request.get("app"):
        report = asking.application(request["app"])
    else:
        report = asking.command(list(request["serve"]))
    return report


class _Asking:
    def __init__(self, request: dict[str, Any], root: Path, attempts: list[dict[str, Any]]) -> None:
        self._request = request
        self._root = root
        self._attempts = attempts
        self._timeout_s = float(request.get("timeout_s") or 30.0)
        self._secrets = secrets(request) | known_passwords()

    def application(self, entry: str) -> RequestReport:
        """Answers of an application in this process."""
        subject = f"login.request {entry}"
        with told(f"starting {entry}"):
            value, protocol = application.load(entry, subject=subject, root=self._root)
        answers: list[Answer] = []
        if protocol == "wsgi":
            with Wsgi(value) as started:
                answers += self._answers(self._in_process(started))
        else:
            lifespan = bool(self._request.get("lifespan", True))
            try:
                with ExitStack() as stack:
                    with told(f"starting {entry}"):
                        asgi = Asgi(value, lifespan=lifespan, timeout_s=self._timeout_s)
                        running = stack.enter_context(asgi)
                    answers += self._answers(self._in_process(running))
            except StartError as error:
                lines = str(error).strip().splitlines()
                raise ProjectError(
                    subject,
                    f"its startup failed: {self._hide(lines[-1])}",
                    detail=self._hide("\n".join(lines[-12:])) if len(lines) > 1 else None,
                    fix="it must start on the migrated schema within `timeout-s`; "
                    "`lifespan = false` skips this",
                ) from None
        return RequestReport(application=entry, protocol=protocol, answers=tuple(answers))

    def command(self, command: list[str]) -> RequestReport:
        """Answers of a command that serves HTTP."""
        shown = " ".join(command)
        serving = Serving(
            command,
            subject=f"login.request {shown}",
            root=self._root,
            timeout_s=self._timeout_s,
            hide=self._hide,
        )
        with ExitStack() as stack:
            with told(f"starting {shown}"):
                stack.enter_context(serving)
            places = []

            def ask(sent: Message) -> tuple[Response, str | None]:
                places.append(serving.program.printed)
                return serving.ask(sent, timeout_s=self._timeout_s), None

            answers = list(self._answers(ask))
            serving.program.stop()  # it prints its last words
            ends = [*places[1:], serving.program.printed]
            tails = iter([serving.program.tail(*pair) for pair in zip(places, ends, strict=True)])
            explained = [
                answer if answer.problem == "no-substitution" else _with_tail(answer, next(tails))
                for answer in answers
            ]
        return RequestReport(application=shown, protocol="http", answers=tuple(explained))

    def _answers(self, ask: _Ask) -> Iterator[Answer]:
        for attempt in self._attempts:
            kind, request = attempt["kind"], self._request
            if kind == "new":
                pairs = attempt.get("substitute") or {}
                passwords = bool(attempt.get("passwords"))
                changed = substituted(request, pairs, passwords=passwords) if pairs else None
                if changed is None:
                    yield Answer(kind=kind, problem="no-substitution")
                    continue
                request = changed
                self._secrets |= secrets(changed)
            with told(f"logging in as {'an existing' if kind == 'existing' else 'the new'} row"):
                answer = self._answer(kind, message(request), ask)
            yield answer

    def _answer(self, kind: str, sent: Message, ask: _Ask) -> Answer:
        start = time.monotonic()
        try:
            response, error = ask(sent)
        except TimeoutError as late:
            fact = f"no answer within {self._timeout_s:g} s"
            return Answer(
                kind=kind,
                problem="no-answer",
                error=self._hide(f"{fact}; {late}" if str(late) else fact),
                seconds=time.monotonic() - start,
            )
        except OSError as closed:
            return Answer(
                kind=kind,
                problem="no-answer",
                error=f"it closed the connection without an answer: {closed}",
                seconds=time.monotonic() - start,
            )
        return Answer(
            kind=kind,
            status=response.status,
            excerpt=cut(_readable(response), self._secrets),
            seconds=time.monotonic() - start,
            problem="raised" if response.raised is not None else None,
            error=error,
        )

    def _in_process(self, started: Wsgi | Asgi) -> _Ask:
        def ask(sent: Message) -> tuple[Response, str | None]:
            with application.overheard() as ear:
                response = started.ask(sent, timeout_s=self._timeout_s)
            raised = response.raised or ear.error
            if response.status < SERVER_ERROR:
                return response, None
            if raised is None and isinstance(started, Asgi):
                raised = started.unsupported
            if raised is not None:
                return response, self._hide(self._words(raised))
            return response, ear.text and self._hide(ear.text)

        return ask

    def _words(self, error: BaseException) -> str:
        said = words(error, subject="", root=self._root)
        where = f"{said.path}:{said.line}: " if said.path else ""
        return f"{where}{said.fact}\n{said.detail or ''}".rstrip()

    def _hide(self, text: str) -> str:
        return cut(text, self._secrets, limit=LONGEST_ERROR)


def _with_tail(answer: Answer, tail: str) -> Answer:
    """What the command printed while it was asked, where its answer needs explaining."""
    if not tail or (answer.status is not None and answer.status < SERVER_ERROR):
        return answer
    printed = f"it printed:\n{tail}"
    return replace(answer, error=f"{answer.error}\n{printed}" if answer.error else printed)


def _readable(response: Response) -> str:
    headers = {name.lower(): value for name, value in response.headers}
    where = headers.get("location")
    text = response.body.decode("utf-8", errors="replace")
    return f"Location: {where} {text}" if where and response.status in REDIRECTS else text
