"""Logs in by the ORM: looks rows up as the application does, existing ones and a new one.

Arguments: `url` (the database), `model` (`User` or `module:User`), `by` (the attribute that rows
are looked up by), `models`, `root`; optionally `commit` (keep the new row, for the request that
follows) and `request` (the configured one: the row that it names is preferred). The answer is
LoginReport.to_json(): an error of PostgreSQL is a result. Raises ProjectError when the models
cannot be read, have no such class or attribute, or the database cannot be reached.
"""

from __future__ import annotations

import difflib
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import NullPool, String, cast, create_engine, inspect, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Mapper, Session, object_mapper

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.login import Attempt, LoginReport
from pytest_schemaguard.project.inside import here
from pytest_schemaguard.project.tasks import loading, rows
from pytest_schemaguard.project.tasks.ddl import words
from pytest_schemaguard.project.tasks.naming import table_name, tables_of
from pytest_schemaguard.project.tasks.places import class_place
from pytest_schemaguard.project.tasks.targets import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

CONNECT_TIMEOUT_S = 10
LONGEST_STATEMENT = 300
CHECK_VIOLATION = "23514"
GUESSES_FAIL = frozenset({CHECK_VIOLATION, "23505", "23P01", "P0001"})
"""What PostgreSQL answers to values that break a rule which the model does not tell: a check, a
unique or an exclusion constraint, a trigger (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


def run(arguments: dict[str, Any]) -> Any:
    root = Path(arguments["root"]).resolve()
    target = resolve(arguments["models"], root)
    mapper = _mapper(arguments["model"], target.mappers, root)
    by = _attribute(mapper, arguments["by"])
    place = class_place(mapper.class_, root)
    engine = _engine(arguments["url"])
    try:
        login = _Login(engine, mapper, by, named=set(_texts(arguments.get("request"))))
        attempts = (*login.existing(), login.new(commit=bool(arguments.get("commit"))))
    finally:
        engine.dispose()
    return LoginReport(
        entity=mapper.class_.__name__,
        by=by,
        table=table_name(tables_of(mapper)[0]),
        attempts=attempts,
        path=place and place[0],
        line=place and place[1],
    ).to_json()


class _Login:
    def __init__(self, engine: Engine, mapper: Mapper[Any], by: str, *, named: set[str]) -> None:
        self._engine = engine
        self._mapper = mapper
        self._by = by
        self._attribute = getattr(mapper.class_, by)
        self._named = named
        """Texts of the request: the row whose `by` is among them is the one that it logs in."""
        self._template: Any = None
        self._step = ""

    def existing(self) -> tuple[Attempt, ...]:
        """The row of the request, the first and the last one; none where there are no rows."""
        try:
            values = self._choose()
        except Exception as error:  # noqa: BLE001 - types of the project raise anything; it is the result
            return (self._failed("existing", error),)
        if values:
            self._template = values[0]
        return tuple(self._look_up_again(value) for value in values)

    def new(self, *, commit: bool) -> Attempt:
        """A row made through the model, then looked up and read."""
        template = self._template
        shown = None if template is None else str(template)
        row: rows.NewRow | None = None
        with Session(self._engine) as session:
            try:
                self._step = "make a row"
                row = self._make(session)
                value = getattr(row.instance, self._by)
                self._step = "insert"
                session.add(row.instance)
                session.flush()
                value = getattr(row.instance, self._by)
                session.expunge_all()
                self._look_up(session, value)
                if commit:
                    session.commit()
            except rows.CannotMakeError as error:
                return Attempt(
                    kind="new",
                    outcome="unproven",
                    step=self._step,
                    message=f"no row could be made: {error.column[-1]}: {error}",
                    column=error.column,
                    fix=rows.SEED,
                    template=shown,
                )
            except Exception as error:  # noqa: BLE001 - it is the result
                session.rollback()
                return self._new_failed(error, row, session)
            return Attempt(
                kind="new", outcome="ok", step=self._step, value=str(value), template=shown
            )

    def _choose(self) -> list[Any]:
        self._step = "choose a row"
        attribute = self._attribute
        some = select(attribute).where(attribute.is_not(None)).limit(1)
        keys = self._mapper.primary_key
        with Session(self._engine) as session:
            found: list[Any] = []
            if self._named:
                named = some.where(cast(attribute, String).in_(sorted(self._named)))
                found += session.scalars(named).all()
            found += session.scalars(some.order_by(*keys)).all()
            found += session.scalars(some.order_by(*(key.desc() for key in keys))).all()
        return [value for number, value in enumerate(found) if value not in found[:number]]

    def _look_up_again(self, value: Any) -> Attempt:
        try:
            with Session(self._engine) as session:
                self._look_up(session, value)
        except Exception as error:  # noqa: BLE001 - it is the result
            return self._failed("existing", error, value=str(value))
        return Attempt(kind="existing", outcome="ok", step=self._step, value=str(value))

    def _look_up(self, session: Session, value: Any) -> Any:
        """As the application does; then every attribute, deferred ones too."""
        self._step = "look up"
        model = self._mapper.class_
        found = session.scalars(select(model).where(self._attribute == value)).unique().first()
        if found is None:
            raise LookupError(f"no row has {self._by} = {str(value)!r}")
        self._step = "read"
        for attribute in object_mapper(found).column_attrs:
            if not getattr(attribute, "raiseload", False):  # the model forbids to load it later
                getattr(found, attribute.key)
        return found

    def _make(self, session: Session) -> rows.NewRow:
        if self._template is not None:
            try:
                template = self._look_up(session, self._template)
            except Exception:  # noqa: BLE001 - the existing row's attempt has told it
                session.rollback()
            else:
                self._step = "make a row"
                return rows.like(template, self._by, session)
        self._step = "make a row"
        return rows.from_nothing(self._mapper, self._by, session)

    def _new_failed(self, error: Exception, row: rows.NewRow | None, session: Session) -> Attempt:
        value = None if row is None else row.instance.__dict__.get(self._by)
        attempt = self._failed("new", error, value=None if value is None else str(value))
        invented = row.invented if row is not None else frozenset()
        sqlstate = attempt.sqlstate
        guessed = self._step == "insert" and sqlstate in GUESSES_FAIL
        if guessed and self._template is not None:
            guessed = sqlstate == CHECK_VIOLATION and self._checks(error, invented, session)
        # A model that refuses the values of a copy might refuse none of the application's.
        if guessed or (self._step == "make a row" and sqlstate is None):
            return Attempt(
                kind="new",
                outcome="unproven",
                step=attempt.step,
                message=f"the guard's values were refused: {attempt.message}",
                error=attempt.error,
                sqlstate=sqlstate,
                statement=attempt.statement,
                column=attempt.column,
                fix=rows.SEED
                if self._template is None
                else f"let the rule accept a copy of an existing row with another {self._by}",
                template=None if self._template is None else str(self._template),
            )
        return attempt

    def _checks(self, error: Exception, invented: frozenset[str], session: Session) -> bool:
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

    def _failed(self, kind: str, error: Exception, value: str | None = None) -> Attempt:
        cause: Any = error.orig if isinstance(error, DBAPIError) else error
        message = words(error)
        statement = None
        if isinstance(error, DBAPIError):
            diagnosis = getattr(cause, "diag", None)
            message = getattr(diagnosis, "message_primary", None) or str(cause).strip()
            flat = " ".join((error.statement or "").split())
            cut = len(flat) > LONGEST_STATEMENT
            statement = (f"{flat[:LONGEST_STATEMENT]} ..." if cut else flat) or None
        return Attempt(
            kind=kind,
            outcome="error",
            step=self._step,
            value=value,
            error=type(cause).__name__,
            sqlstate=getattr(cause, "pgcode", None),
            message=message,
            statement=statement,
            column=self._column(message, cause),
        )

    def _column(self, message: str, cause: Any) -> tuple[str, ...] | None:
        """The model's column that PostgreSQL names, where it names one."""
        named = getattr(getattr(cause, "diag", None), "column_name", None)
        found = re.match(r'column (?:"?\w+"?\.)*"?([^".]+?)"? (?:of relation .*)?does not', message)
        wanted = named or (found and found[1])
        for table in tables_of(self._mapper):
            for column in table.columns:
                if column.name == wanted:
                    return (*table_name(table), str(column.name))
        return None


def _mapper(name: str, mappers: Sequence[Mapper[Any]], root: Path) -> Mapper[Any]:
    subject = f"login.model {name}"
    if ":" in name:
        value = loading.find(name, subject=subject, root=root)
        mapper = inspect(value, raiseerr=False)
        if isinstance(mapper, Mapper) and tables_of(mapper):
            return mapper
        raise ProjectError(subject, "it is no mapped class", fix="name a class with a table")
    known = [mapper for mapper in mappers if tables_of(mapper)]
    found = [mapper for mapper in known if mapper.class_.__name__ == name]
    if len(found) == 1:
        return found[0]
    names = [f"{one.class_.__module__}:{one.class_.__qualname__}" for one in found]
    if found:
        raise ProjectError(
            subject, f"{len(found)} mapped classes of this name", fix=f"write {' or '.join(names)}"
        )
    classes = sorted({mapper.class_.__name__ for mapper in known})
    raise ProjectError(
        subject, "no mapped class of this name", fix=_nearest(name, classes, "the models have")
    )


def _attribute(mapper: Mapper[Any], by: str) -> str:
    """The name of the column's attribute, also by a synonym of it."""
    synonym = mapper.synonyms.get(by)
    name = synonym.name if synonym is not None else by
    if name in mapper.column_attrs:
        return name
    entity = mapper.class_.__name__
    names = [one.key for one in mapper.column_attrs]
    raise ProjectError(
        f"login.by {by}",
        f"{entity} has no column attribute of this name",
        fix=_nearest(by, names, f"{entity} has"),
    )


def _nearest(name: str, names: Sequence[str], holder: str) -> str:
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"{holder} {', '.join(names) or 'none'}"


def _engine(url: str) -> Engine:
    """An engine on psycopg2 by name: `postgresql://` means psycopg 3 from SQLAlchemy 2.1 on."""
    place = make_url(url)
    with suppress(RuntimeError):  # called as a function, not in the project's process
        # A relay may stand between this process and the guard's server.
        place = make_url(here().address.at(place.database or "").url())
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
