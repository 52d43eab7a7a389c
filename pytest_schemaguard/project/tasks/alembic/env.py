"""Runs env.py with steps of the guard's choosing, and sees what they do."""

from __future__ import annotations

import functools
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.revisions import Applied, Context
from pytest_schemaguard.project.child.inside import here
from pytest_schemaguard.project.tasks.alembic.failure import env_failed, failed_in, is_of_database
from pytest_schemaguard.project.tasks.alembic.history import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alembic.runtime.migration import MigrationContext, MigrationStep
    from alembic.script import ScriptDirectory

    from pytest_schemaguard.project.answers.revisions import Failure, Revision
    from pytest_schemaguard.project.tasks.alembic.config import Prepared

    Choose = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]
    """The steps, given the heads in the version table: alembic's own `fn`."""


class Watch:
    """What the steps of one process did, over one or more runs of env.py."""

    def __init__(self, prepared: Prepared, script: ScriptDirectory) -> None:
        self._prepared = prepared
        self._script = script
        self.applied: list[Applied] = []
        self.contexts: list[Context] = []
        self.error: Failure | None = None

    def run(self, choose: Choose, *, action: str, target: str, apart: bool = False) -> None:
        """Run env.py once, as `alembic <action> <target>` does.

        With `apart` each step is a transaction of its own, as if each were a command of its own.
        Afterwards `error` holds what a step raised. Raises ProjectError for all other errors.
        """
        from alembic.config import CommandLine
        from alembic.runtime.environment import EnvironmentContext

        config = self._prepared.config
        if config.cmd_opts is None:  # some env.py files read it
            command = "downgrade" if action == "revert" else action
            config.cmd_opts = CommandLine("alembic").parser.parse_args([command, target])
        environment = EnvironmentContext(
            config,
            self._script,
            fn=functools.partial(self._steps, choose, action),
            as_sql=False,
            starting_rev=None,
            destination_rev=target,
            tag=None,
        )
        configure = environment.configure

        def configured(*positional: Any, **named: Any) -> None:
            configure(*positional, **{**named, **_APART} if apart else named)
            connection = environment.get_context().connection
            # No statement here: it would begin a transaction that env.py means to begin itself.
            if connection is not None and not _is_ours(
                connection.dialect.name, connection.engine.url.database
            ):
                environment.get_context().opts["dont_mutate"] = True

        environment.configure = configured  # type: ignore[method-assign]
        done = len(self.applied)
        try:
            with environment:
                self._script.run_env()
            self._prepared.attributes.close(commit=self.error is None)
        except ProjectError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - env.py can raise anything
            if self.error is not None:
                return
            if len(self.applied) == done or not is_of_database(error):
                raise env_failed(error, self._prepared) from None
            # Of the version table, or of the commit: constraints can be deferred until then.
            last = self.applied.pop()
            self.error = failed_in(error, self._described(last.revision))
        finally:
            self._prepared.attributes.close(commit=False)

    def _described(self, revision: str) -> Revision:
        return described(self._script.get_revision(revision), self._script)

    def _steps(
        self, choose: Choose, action: str, heads: tuple[str, ...], context: MigrationContext
    ) -> Iterator[MigrationStep]:
        where = context_of(context)
        self.contexts.append(where)
        if not _is_ours(where.dialect, where.database):
            return  # told afterwards: a file of SQLite is behind no fence, and must stay as it is
        index = len(self.contexts) - 1
        for step in choose(heads, context):
            if action != "stamp":
                step.migration_fn = self._watched(step)
            yield step
        ended = tuple(sorted(context.get_current_heads()))
        self.contexts[index] = replace(self.contexts[index], heads=ended)

    def _watched(self, step: Any) -> Callable[..., None]:
        function, revision = step.migration_fn, step.revision.revision
        direction = "upgrade" if step.is_upgrade else "downgrade"

        @functools.wraps(function)
        def watched(**keywords: Any) -> None:
            here().tell(f"{direction} {revision}")
            started = time.perf_counter()
            try:
                function(**keywords)
            except (Exception, SystemExit) as error:
                self.error = failed_in(error, self._described(revision))
                raise
            self.applied.append(
                Applied(
                    revision=revision,
                    direction=direction,
                    seconds=time.perf_counter() - started,
                )
            )

        return watched


_APART = {"transaction_per_migration": True}


def _is_ours(dialect: str, database: str | None) -> bool:
    return dialect == "postgresql" and database == here().address.database


def context_of(context: MigrationContext) -> Context:
    """Where it runs, without a password."""
    connection = context.connection
    assert connection is not None
    url = connection.engine.url
    database = url.database
    if connection.dialect.name == "postgresql":
        database = connection.exec_driver_sql("SELECT current_database()").scalar()
    host = url.query.get("host") or url.host  # libpq prefers the former
    return Context(
        dialect=connection.dialect.name,
        driver=connection.dialect.driver,
        database=database,
        host=host if isinstance(host, str) or host is None else host[0],
        version_table=context.version_table,
        version_table_schema=context.version_table_schema,
        transactional_ddl=bool(context.impl.transactional_ddl),
        transaction_per_migration=bool(context.opts.get("transaction_per_migration")),
        heads=None,
    )
