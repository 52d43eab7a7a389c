"""Logs in on the migrated database: by the ORM, and by a request to the application itself."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.evidence.models import MODELS
from pytest_schemaguard.project.answers.login import ANSWERED, Attempt, LoginReport, RequestReport
from pytest_schemaguard.project.tasks.request.message import cut, secrets
from pytest_schemaguard.redaction import secrets_in
from pytest_schemaguard.rows.prints import any_row, texts
from pytest_schemaguard.scenarios.look import Look
from pytest_schemaguard.sqltext.identifiers import in_quotes
from pytest_schemaguard.version_tables import is_version_table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot
    from pytest_schemaguard.config import Config, Login
    from pytest_schemaguard.project import Project
    from pytest_schemaguard.scenarios.look import Sight
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.wire.wire import Statement

DATABASE = "login"
ORM_TIMEOUT_S = 120.0
"""How long the functions of `call` and `create`, and what they import, may take together."""
START_TIMEOUT_S = 120.0
"""How long an application may take to be imported, besides its startup and answers, which have
`timeout-s` each."""
MOST_ERRORS = 5
LONGEST_ERROR = 1000
_TEXT = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, kw_only=True)
class LoginEvidence:
    """What became of the logins."""

    orm: LoginReport
    request: RequestReport | None
    migrated_itself: tuple[str, ...]
    """What the project's own code changed in the catalog, and in the tables of migration tools,
    while it was started, called and asked: `public.user: extra-table`."""
    answered: tuple[str, ...] = ()
    """The errors that PostgreSQL answered while the application was asked."""
    not_asked: str | None = None
    """Why the application could not be asked: it did not start."""


def _log_in(guard: Sight) -> LoginEvidence:
    """Existing rows and a new one log in."""
    _ = guard.look(MODELS)  # the process that logs in has a database to import the models on
    with guard.progress.step("logging in"):
        return _logged_in(guard)


LOGINS = Look("login", LoginEvidence, _log_in)
"""What became of the logins; a login is configured."""


def _logged_in(guard: Sight) -> LoginEvidence:
    config, databases, processes = guard.config, guard.databases, guard.processes
    login, state, progress = config.login, guard.states.migrated(), guard.progress.tell
    assert login is not None
    databases.create(DATABASE, template=state.name)
    assert state.snapshot is not None
    versions = _versions(databases, state.snapshot)
    own = login.call or login.create
    # The project's functions may ask the database that their variables name.
    project = processes.application(DATABASE) if own or login.request else None
    try:
        asking = project if project is not None and own else processes.models
        orm: LoginReport = asking.call(
            "login/by_orm",
            {
                "subject": f"login of {login.model or login.call}",
                "url": processes.application_address(DATABASE).url(),
                "model": login.model,
                "by": login.by,
                "call": login.call,
                "create": login.create,
                "models": list(config.models),
                "source": guard.source.environment,
                "root": str(config.root),
                "commit": login.request is not None,
                "request": login.request and asdict(login.request),
            },
            timeout_s=ORM_TIMEOUT_S,
            shape=LoginReport,
            progress=progress,
        )
        orm = _with_hidden(orm, databases)
        if isinstance(login.create, str):
            orm = _with_output(orm, asking, _secrets(config, login))
        if project is None:
            return LoginEvidence(orm=orm, request=None, migrated_itself=())
        request, not_asked = None, None
        log: tuple[str, ...] = ()
        if login.request is not None:
            try:
                request, log = _ask(config, login, orm, project=project, progress=progress)
            except ProjectError as error:  # what the ORM has told already must not be lost
                not_asked = str(error)
    finally:
        if project is not None:
            project.close()
    with databases.looking(DATABASE) as owner:
        after = read(owner, exclude=config.exclude)
    changes = _changes(state.snapshot, after)
    for name, rows in _versions(databases, after).items():
        if name in versions and rows != versions[name]:
            changes.append(f"{'.'.join(name)}: rows")
    return LoginEvidence(
        orm=orm,
        request=request,
        migrated_itself=tuple(changes),
        answered=log,
        not_asked=not_asked,
    )


def _with_hidden(orm: LoginReport, databases: Databases) -> LoginReport:
    """Where row-level security hides every row, nobody who was there before has logged in."""
    if not orm.table or any(one.kind == "existing" for one in orm.attempts):
        return orm
    name = in_quotes(*orm.table)
    with databases.looking(DATABASE) as guard:
        with guard.cursor() as cursor:
            cursor.execute(_SECURED, (name,))
            secured = cursor.fetchone()
        if secured != (True,) or not any_row(guard, orm.table):
            return orm
    hidden = Attempt(
        kind="existing",
        outcome="unproven",
        step="choose a row",
        message=f"row-level security hides every row of {'.'.join(orm.table)} from the application",
        fix="mend the policy; or let `login.call` be a function of a session that sets what the "
        "policy asks for, and knows whom to look for",
    )
    return replace(orm, attempts=(hidden, *orm.attempts))


_SECURED = "SELECT relrowsecurity FROM pg_catalog.pg_class WHERE oid = %s::regclass"
"""https://www.postgresql.org/docs/current/ddl-rowsecurity.html"""


def _with_output(orm: LoginReport, project: Project, known: frozenset[str]) -> LoginReport:
    """What the process has printed explains a function that made no row."""
    printed = project.stderr_tail()
    ending = f"its output ends:\n{cut(printed, known, limit=LONGEST_ERROR)}"
    attempts = tuple(
        replace(one, detail="\n".join(filter(None, [one.detail, ending])))
        if printed and one.step == "create" and one.outcome == "error"
        else one
        for one in orm.attempts
    )
    return replace(orm, attempts=attempts)


def _ask(
    config: Config,
    login: Login,
    orm: LoginReport,
    *,
    project: Project,
    progress: Callable[[str], None],
) -> tuple[RequestReport, tuple[str, ...]]:
    """What the application answers, and the errors that PostgreSQL answered it meanwhile."""
    assert login.request is not None
    attempts = _attempts(orm)
    report: RequestReport | None = None
    failure: ProjectError | None = None
    line, before = project.line, len(_sent(project))
    try:
        report = project.call(
            "request/ask",
            request_arguments(config, login, attempts),
            timeout_s=START_TIMEOUT_S + login.request.timeout_s * (1 + len(attempts)),
            shape=RequestReport,
            progress=progress,
        )
    except ProjectError as error:  # it did not start: what PostgreSQL answered may say why
        failure = error
    sent = _sent(project)[before if project.line is line else 0 :]
    log = _errors(sent, _secrets(config, login))
    if report is not None:
        return report, log
    assert failure is not None
    if log:
        failure.detail = "\n".join([*filter(None, [failure.detail]), ANSWERED, *log])
    raise failure


def _sent(project: Project) -> tuple[Statement, ...]:
    return () if project.line is None else project.line.seen().statements


def _errors(sent: Sequence[Statement], known: frozenset[str]) -> tuple[str, ...]:
    """The last errors, each once, with its hint and statement.

    The texts of a statement are cut out, since they may be secrets.
    """
    found: dict[str, None] = {}
    for one in sent:
        if one.error is not None:
            statement = " ".join(_TEXT.sub("'...'", one.sql).split())
            lines = [f"ERROR: {one.error.message}"]
            lines += [f"HINT: {one.error.hint}"] if one.error.hint else []
            lines.append(f"STATEMENT: {statement}")
            found[cut("\n".join(lines), known, limit=LONGEST_ERROR)] = None
    return tuple(found)[-MOST_ERRORS:]


def request_arguments(
    config: Config, login: Login, attempts: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the project's side needs to know to ask the application."""
    assert login.request is not None
    application = login.request.app or " ".join(login.request.serve or ())
    return {
        "subject": f"login by {application}",
        "root": str(config.root),
        "request": asdict(login.request),
        "attempts": attempts,
    }


EXISTING: dict[str, Any] = {"kind": "existing", "substitute": {}}
"""The request as it is configured."""


def _attempts(orm: LoginReport) -> list[dict[str, Any]]:
    """The request as it is configured, and once more as the new row where there is one."""
    new = [
        {"kind": "new", "substitute": dict(one.substitute or {}), "passwords": one.passwords}
        for one in orm.attempts
        if one.kind == "new" and one.outcome == "ok"
    ]
    return [EXISTING, *new]


def _secrets(config: Config, login: Login) -> frozenset[str]:
    request = secrets(asdict(login.request)) if login.request is not None else frozenset()
    return request | secrets_in(config.env)


def _changes(before: Snapshot, after: Snapshot) -> list[str]:
    """What is different; a new table's own sequence is no change of its own."""
    of_new_tables = {
        name
        for name, one in after.sequences.items()
        if one.owner is not None and one.owner[:2] not in before.relations
    }
    found = [one for one in diff(before, after) if one.name not in of_new_tables]
    return [f"{'.'.join(one.name)}: {one.kind}" for one in found]


def _versions(databases: Databases, snapshot: Snapshot) -> dict[Name, list[str]]:
    """What migration tools have noted in this database: the rows of their tables, as texts."""
    found = {}
    with databases.looking(DATABASE) as guard:
        for name, relation in snapshot.relations.items():
            if relation.is_table and is_version_table(name[1]):
                found[name] = texts(guard, name)
    return found
