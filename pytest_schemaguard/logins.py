"""Logs in on the migrated database: by the ORM, and by a request to the application itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.diff import diff
from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.login import LoginReport, RequestReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_schemaguard.config import Config, Login
    from pytest_schemaguard.project import Project
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.states import State

DATABASE = "login"
ORM_TIMEOUT_S = 60.0
START_TIMEOUT_S = 120.0
"""How long an application may take to be imported, besides `timeout-s` for each request."""


@dataclass(frozen=True, kw_only=True)
class LoginEvidence:
    """What became of the logins."""

    orm: LoginReport
    request: RequestReport | None
    migrated_itself: tuple[str, ...]
    """What the application changed in the catalog when it was started and asked."""

    def to_json(self) -> dict[str, Any]:
        return {
            "orm": self.orm.to_json(),
            "request": self.request and self.request.to_json(),
            "migrated_itself": list(self.migrated_itself),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> LoginEvidence:
        request = values["request"]
        return cls(
            orm=LoginReport.from_json(values["orm"]),
            request=request and RequestReport.from_json(request),
            migrated_itself=tuple(values["migrated_itself"]),
        )


def log_in(
    config: Config,
    login: Login,
    *,
    databases: Databases,
    state: State,
    models_project: Project,
    application: Callable[[str], Project],
    progress: Callable[[str], None],
) -> LoginEvidence:
    """Existing rows and a new one log in. Raises GuardError where the project's side fails.

    `models_project` has imported the models; `application` starts a process on a database.
    """
    databases.create(DATABASE, template=state.name)
    orm = LoginReport.from_json(
        models_project.call(
            "login",
            {
                "subject": f"login of {login.model}",
                "url": databases.address(DATABASE).url(),
                "model": login.model,
                "by": login.by,
                "models": list(config.models),
                "root": str(config.root),
                "commit": login.request is not None,
                "request": login.request and asdict(login.request),
            },
            timeout_s=ORM_TIMEOUT_S,
        )
    )
    if login.request is None:
        return LoginEvidence(orm=orm, request=None, migrated_itself=())
    project = application(DATABASE)
    attempts = _attempts(orm)
    try:
        request = RequestReport.from_json(
            project.call(
                "request",
                request_arguments(config, login, attempts),
                timeout_s=START_TIMEOUT_S + login.request.timeout_s * len(attempts),
                progress=progress,
            )
        )
    finally:
        project.close()
    with databases.session(DATABASE, as_admin=True) as admin:
        after = read(admin, exclude=config.exclude)
    assert state.snapshot is not None
    changes = diff(state.snapshot, after)
    return LoginEvidence(
        orm=orm,
        request=request,
        migrated_itself=tuple(f"{'.'.join(one.name)}: {one.kind}" for one in changes),
    )


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
        {"kind": "new", "substitute": {one.template: one.value}}
        for one in orm.attempts
        if one.kind == "new" and one.outcome == "ok" and one.template and one.value
    ]
    return [EXISTING, *new]
