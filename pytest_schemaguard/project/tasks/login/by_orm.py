"""Logs in without the application's server: looks rows up as it does, existing ones and a new one.

Arguments: `url` (the database), and of the configuration `model` (`User` or `module:User`), `by`
(the attribute that rows are looked up by), `call` and `create`; `models` and `source` (see
tasks.models.read), `root`; optionally `commit` (keep the new row, for the request that follows) and
`request` (the configured one: the row that it names is preferred). The answer is
a LoginReport: an error of PostgreSQL, or of a function, is a result. Raises ProjectError
when the models cannot be read, have no such class or attribute, there is no such function or
command, or the database cannot be reached.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, create_engine, inspect, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstanceState, Session

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.login import Attempt, LoginReport
from pytest_schemaguard.project.child.inside import here, known_passwords
from pytest_schemaguard.project.tasks.login import attempts, creating, rows
from pytest_schemaguard.project.tasks.login.entity import Entity, NobodyError, read
from pytest_schemaguard.project.tasks.login.session_function import Function, is_nothing
from pytest_schemaguard.project.tasks.models.naming import table_name, tables_of
from pytest_schemaguard.project.tasks.models.places import class_place
from pytest_schemaguard.project.tasks.models.targets import resolve
from pytest_schemaguard.project.tasks.request.message import cut, secrets
from pytest_schemaguard.project.tasks.telling import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

CONNECT_TIMEOUT_S = 10
LONGEST_TEXT = 4000
CHECK_VIOLATION = "23514"
GUESSES_FAIL = frozenset({CHECK_VIOLATION, "23505", "23P01", "P0001"})
"""What PostgreSQL answers to values that break a rule which the model does not tell: a check, a
unique or an exclusion constraint, a trigger (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


def run(arguments: dict[str, Any]) -> LoginReport:
    root = Path(arguments["root"]).resolve()
    entity, place = None, None
    if arguments.get("model"):
        target = resolve(arguments["models"], root, arguments.get("source"))
        entity = Entity(arguments["model"], arguments["by"], target.mappers, root)
        place = class_place(entity.mapper.class_, root)
    call, create = arguments.get("call"), arguments.get("create")
    if isinstance(create, str):
        create = Function(create, key=creating.KEY, root=root)
    engine = _engine(arguments["url"])
    try:
        login = _Login(
            engine,
            root=root,
            entity=entity,
            call=Function(call, key="login.call", root=root) if call else None,
            create=create,
            request=arguments.get("request") or {},
            commit=bool(arguments.get("commit")),
        )
        found = (*login.existing(), *login.new())
    finally:
        engine.dispose()
    return LoginReport(
        entity=entity.name if entity is not None else str(call),
        by=None if entity is None else entity.by,
        table=table_name(tables_of(entity.mapper)[0]) if entity is not None else (),
        attempts=found,
        path=place and place[0],
        line=place and place[1],
    )


class _Login:
    def __init__(
        self,
        engine: Engine,
        *,
        root: Path,
        entity: Entity | None,
        call: Function | None,
        create: Function | list[str] | None,
        request: dict[str, Any],
        commit: bool,
    ) -> None:
        self._engine = engine
        self._root = root
        self._entity = entity
        self._call = call
        self._create = create
        self._named = set(_texts(request))
        """Texts of the request: the row whose `by` is among them is the one that it logs in."""
        self._secrets = secrets(request) | known_passwords()
        # What `call` does, it does in a session of its own.
        self._commit = commit or call is not None
        self._template: Any = None
        self._step = ""

    def existing(self) -> tuple[Attempt, ...]:
        """The row of the request, the first and the last one; none where there are no rows."""
        values: list[Any] = []
        if self._entity is not None:
            self._step = "choose a row"
            try:
                with Session(self._engine) as session:
                    values = self._entity.values(session, self._named)
            except Exception as error:  # noqa: BLE001 - types of the project raise anything; it is the result
                return (self._failed("existing", error),)
        elif self._call is not None and self._call.needs_value:
            return (_nothing_to_call_with("existing", self._call),)
        if values:
            self._template = values[0]
        elif self._call is not None and not self._call.needs_value:
            values = [None]  # it knows itself whom to look for
        return tuple(self._log_in_again(value) for value in values)

    def new(self) -> tuple[Attempt, ...]:
        """A row made by the project or through the model, then looked up and read.

        None where nothing is configured that could make one.
        """
        if self._create is not None:
            return (self._created(),)
        return () if self._entity is None else (self._made(self._entity),)

    def _log_in_again(self, value: Any) -> Attempt:
        shown = None if value is None else str(value)
        try:
            with Session(self._engine) as session:
                self._log_in(session, value)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the result
            return self._failed("existing", error, value=shown)
        return Attempt(kind="existing", outcome="ok", step=self._step, value=shown)

    def _log_in(self, session: Session, value: Any) -> None:
        """As the application does; then every attribute, deferred ones too."""
        call = self._call
        if self._entity is not None and value is not None and not (call and call.takes_value):
            self._step = "look up"
            found = self._entity.look_up(session, value)
            self._step = "read"
            read(found)
        if call is not None:
            self._step = "call"
            given = (value,) if call.takes_value and value is not None else ()
            with told(f"calling {call.entry}"):
                call.call(self._engine, given, _look_at)

    # The new row

    def _created(self) -> Attempt:
        """One that the project makes."""
        self._step = "create"
        template = self._template
        try:
            if isinstance(self._create, Function):
                by = None if self._entity is None else self._entity.by
                row = creating.by_function(self._create, self._engine, by=by, template=template)
            else:
                assert self._create is not None
                assert self._entity is not None
                with Session(self._engine) as session:
                    value = rows.another(self._entity.mapper, self._entity.by, template, session)
                row = creating.by_command(
                    self._create, value, template=template, root=self._root, hide=self._hide
                )
        except rows.CannotMakeError as error:
            return self._no_row(error)
        except creating.CreateError as error:
            return Attempt(
                kind="new",
                outcome="error",
                step="create",
                message=self._hide(str(error)),
                detail=error.detail,
                fix=error.fix,
            )
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the result
            return self._failed("new", error)
        shown = str(row.value)
        try:
            with Session(self._engine) as session:
                self._log_in(session, row.value)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the result
            return self._failed("new", error, value=shown)
        return Attempt(
            kind="new",
            outcome="ok",
            step=self._step,
            value=shown,
            substitute=row.substitute,
            passwords=row.passwords,
        )

    def _made(self, entity: Entity) -> Attempt:
        """One that the guard makes through the model."""
        row: rows.NewRow | None = None
        with Session(self._engine) as session:
            try:
                row = self._make(entity, session)
                self._step = "insert"
                session.add(row.instance)
                session.flush()
                value = getattr(row.instance, entity.by)
                if self._commit:
                    session.commit()
                session.expunge_all()
                self._log_in(session, value)
            except rows.CannotMakeError as error:
                return self._no_row(error)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the result
                session.rollback()
                return self._made_failed(entity, error, row, session)
        template = self._template
        return Attempt(
            kind="new",
            outcome="ok",
            step=self._step,
            value=str(value),
            substitute=None if template is None else {str(template): str(value)},
        )

    def _make(self, entity: Entity, session: Session) -> rows.NewRow:
        self._step = "make a row"
        if self._template is not None:
            try:
                template = entity.look_up(session, self._template)
                read(template)
            except Exception:  # noqa: BLE001 - the existing row's attempt has told it
                session.rollback()
            else:
                return rows.like(template, entity.by, session)
        return rows.from_nothing(entity.mapper, entity.by, session)

    def _no_row(self, error: rows.CannotMakeError) -> Attempt:
        return Attempt(
            kind="new",
            outcome="unproven",
            step=self._step,
            message=f"no row could be made: {error.column[-1]}: {error}",
            column=error.column,
            fix=rows.SEED,
        )

    def _made_failed(
        self, entity: Entity, error: BaseException, row: rows.NewRow | None, session: Session
    ) -> Attempt:
        value = None if row is None else row.instance.__dict__.get(entity.by)
        attempt = self._failed("new", error, value=None if value is None else str(value))
        invented = row.invented if row is not None else frozenset()
        guessed = self._step == "insert" and attempt.sqlstate in GUESSES_FAIL
        if guessed and self._template is not None:
            guessed = attempt.sqlstate == CHECK_VIOLATION and _checks(error, invented, session)
        # A model that refuses the values of a copy might refuse none of the application's.
        if guessed or (self._step == "make a row" and attempt.sqlstate is None):
            return replace(
                attempt,
                outcome="unproven",
                value=None,
                message=f"the guard's values were refused: {attempt.message}",
                fix=f"{rows.SEED}, or let `create` make it"
                if self._template is None
                else f"let the rule accept a copy of an existing row with another {entity.by}, "
                "or let `create` make the new row",
            )
        return attempt

    def _failed(self, kind: str, error: BaseException, value: str | None = None) -> Attempt:
        return attempts.failed(
            kind,
            self._step,
            error,
            root=self._root,
            hide=self._hide,
            entity=self._entity,
            value=value,
        )

    def _hide(self, text: str) -> str:
        return cut(text, self._secrets, limit=LONGEST_TEXT)


def _look_at(found: Any) -> None:
    """What a login query has found: something, and all of it can be read. Raises NobodyError."""
    if is_nothing(found):
        raise NobodyError(f"it found nobody: it returned {found!r:.80}")
    state = inspect(found, raiseerr=False)
    if isinstance(state, InstanceState) and state.session is not None:
        read(found)


def _nothing_to_call_with(kind: str, call: Function) -> Attempt:
    return Attempt(
        kind=kind,
        outcome="unproven",
        step="call",
        message=f"{call.entry} takes what a row is looked up by, and nothing says which row",
        fix="add `model` and `by`, or let it take the session alone",
    )


def _checks(error: BaseException, invented: frozenset[str], session: Session) -> bool:
    """Whether the check that refused the row looks at a value which the guard made up."""
    name = error.orig.diag.constraint_name if isinstance(error, DBAPIError) else None  # type: ignore[union-attr]
    definition = session.scalar(
        text(
            "SELECT string_agg(pg_get_constraintdef(oid), ' ') "
            "FROM pg_catalog.pg_constraint WHERE conname = :name"
        ),
        {"name": name},
    )
    return any(re.search(rf"\b{re.escape(one)}\b", definition or "") for one in invented)


def _engine(url: str) -> Engine:
    """An engine on psycopg2 by name: `postgresql://` means psycopg 3 from SQLAlchemy 2.1 on."""
    place = make_url(url)
    with suppress(RuntimeError):  # called as a function, not in the project's process
        # From here the server is reached over the wire; who logs in is the same.
        way = here().address.at(place.database or "")
        who = way.logged_in_as(place.username or way.user, str(place.password or ""))
        place = make_url(who.url())
    engine = create_engine(
        place.set(drivername="postgresql+psycopg2"),
        poolclass=NullPool,
        hide_parameters=True,
        # PGHOSTADDR redirects libpq otherwise; SQLAlchemy drops a blank one from a URL.
        connect_args={"hostaddr": "", "connect_timeout": CONNECT_TIMEOUT_S},
    )
    try:
        engine.connect().close()
    except DBAPIError as error:
        raise ProjectError(
            "login",
            f"the database cannot be reached: {str(error.orig).strip()}",
            fix="the checks before this one say whether the server still runs",
        ) from None
    return engine


def _texts(value: Any) -> Iterator[str]:
    """All texts of the request, of whatever depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)
