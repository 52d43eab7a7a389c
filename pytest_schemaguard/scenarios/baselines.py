"""What is there before the migrations: what `prepare` makes, production's schema, `seed`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg2

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.session import escapes, excerpt, send
from pytest_schemaguard.redaction import passwords_in, redacted
from pytest_schemaguard.servers.sessions import run_comment
from pytest_schemaguard.servers.settings import Settings
from pytest_schemaguard.sqltext.identifiers import in_quotes
from pytest_schemaguard.sqltext.statements import statements

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.config import Config
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.judging import Judging
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Source
    from pytest_schemaguard.progress import Progress
    from pytest_schemaguard.servers.databases import Databases
    from pytest_schemaguard.sqltext.statements import Statement

DUPLICATE_OBJECT = "42710"
UNIQUE_VIOLATION = "23505"
"""The same, of a role that another session created in the same moment."""
UNDEFINED_TABLE = "42P01"
_MAKES_A_ROLE = re.compile(r"\s*CREATE\s+(?:ROLE|USER|GROUP)\s+(?!MAPPING\b)", re.IGNORECASE)


class Baselines:
    """Makes the baseline of one configuration, in as many databases as are wanted."""

    def __init__(
        self,
        config: Config,
        *,
        databases: Databases,
        source: Source,
        judging: Judging,
        progress: Progress,
    ) -> None:
        self._config = config
        self._databases = databases
        self._source = source
        self._contained = judging.contained
        self._since = judging.since
        self._progress = progress

    def make(self, database: str) -> None:
        """Makes it in a new database of this name. Raises GuardError."""
        self._databases.create(database)
        config = self._config
        with self._progress.step("making the baseline"):
            self.prepare(database)
            if config.baseline.schema is not None:
                self.load(database, config.baseline.schema)
                self._source.contains(database, self._contained)
            elif self._contained:
                step = self._source.up(database, self._contained)
                if not step.run.applied:
                    if config.baseline.at is None:
                        raise self.failed_before(step.migration, step.run)
                    raise self._not_loaded("baseline", step.migration.path, step.run)
            for path in config.seed:
                run = self._load_rows(database, path)
                if not run.applied:
                    raise self._not_loaded("seed", path, run)

    def _load_rows(self, database: str, path: Path) -> FileRun:
        from pytest_schemaguard.baseline.seed import load_rows

        limit_s = self._config.statement_timeout_s
        with self._databases.session(database) as owner:
            return load_rows(path, owner=owner, statement_timeout_s=limit_s, root=self._config.root)

    def _nothing_yet(self, what: str, run: FileRun) -> str | None:
        """The next step, where `seed` has no table to go to."""
        given = self._config.baseline
        missing = run.error is not None and run.error.sqlstate == UNDEFINED_TABLE
        if what != "seed" or not missing or given.schema or given.at:
            return None
        if self._since is not None:
            return (
                f"its rows go in where the migrations of {self._since} have run, up to the first "
                "that is changed: let them fit that schema, or name production's as `baseline`"
            )
        return (
            "without a `baseline` nothing is there before the migrations: name production's "
            'schema, or the migration that it has, baseline = { at = "..." }'
        )

    def _not_loaded(self, what: str, path: Path, run: FileRun) -> MigrationError:
        place = run.place(self._relative(path))
        return MigrationError(
            what,
            f"{self._relative(path)} did not apply",
            detail=run.words,
            fix=self._nothing_yet(what, run)
            or f"mend the file; `{what}` names what is there before the migrations",
            path=place[0],
            line=place[1],
        )

    def prepare(self, database: str) -> None:
        """Runs `prepare` in this new database. Raises MigrationError."""
        if not self._config.prepare:
            return
        # The user's own SQL, in a database that nothing else was in: with its own settings.
        with self._databases.session(database, as_admin=True, settings=Settings.OWN) as admin:
            for text in self._config.prepare:
                for one in statements(text, path="prepare", escapes=lambda _: escapes(admin)):
                    self._prepare_one(admin.cursor(), one)
        with self._databases.session(database, as_admin=True) as admin:
            self._give_schemas(admin.cursor())

    def _give_schemas(self, cursor: Any) -> None:
        """The schemas that `prepare` made are the migrations' to fill, as production's are."""
        server = self._databases.server
        if not server.is_superuser:
            return  # it may give nothing away, and what it made is told by PostgreSQL's refusal
        cursor.execute(_OWN_SCHEMAS)
        for (name,) in cursor.fetchall():
            cursor.execute(
                f"ALTER SCHEMA {in_quotes(name)} OWNER TO {in_quotes(server.owner.user)}"
            )

    def _prepare_one(self, cursor: Any, statement: Statement) -> None:
        if statement.kind == "meta":
            return
        sql = statement.sql
        try:
            if statement.kind == "copy":
                send(cursor, statement)
            else:
                self._databases.execute_marking_roles(cursor, sql)
        except psycopg2.Error as error:
            # Roles are the server's, not the database's: another one of this run may have made it.
            if error.pgcode in {DUPLICATE_OBJECT, UNIQUE_VIOLATION} and _MAKES_A_ROLE.match(sql):
                return
            raise MigrationError(
                "prepare",
                redacted(
                    f"PostgreSQL refused it: {error.diag.message_primary or error}",
                    passwords_in(sql),
                ),
                detail=excerpt(sql),
                fix="`prepare` is run by the superuser in each throwaway database",
                path=self._relative(self._config.file),
            ) from None

    def load(self, database: str, schema: Path) -> None:
        """Loads a dump of a schema into this database. Raises MigrationError, ServerError."""
        from pytest_schemaguard.baseline import load as baseline

        with (
            self._databases.session(database) as owner,
            self._databases.session(database, as_admin=True) as admin,
        ):
            before = _objects(owner)
            baseline.load(
                schema,
                owner=owner,
                admin=admin,
                statement_timeout_s=self._config.statement_timeout_s,
                root=self._config.root,
                role_comment=run_comment(run=self._databases.run.id),
            )
            if _objects(owner) == before:
                raise MigrationError(
                    "baseline",
                    "it makes no table and nothing else, so all that follows would prove nothing",
                    path=self._relative(schema),
                    fix=f"see that pg_dump ended without an error, and dumped the right database: "
                    f"pg_dump --schema-only --file={schema.name} ...",
                )

    def failed_before(self, migration: Migration, run: FileRun) -> MigrationError:
        """A migration that is not judged is broken: then nothing that follows can be looked at."""
        from pytest_schemaguard.baseline.load import has_it_already

        fix = has_it_already(self._config.baseline, run.error)
        path = self._relative(migration.path)
        place = run.place(path)
        return MigrationError(
            path,
            "a migration that is not judged did not apply",
            detail=run.words,
            fix=fix or run.advice or "name the schema that it is part of as `baseline`, or mend it",
            path=place[0],
            line=place[1],
        )

    def _relative(self, path: Path) -> str:
        return self._config.relative(path)


_OWN_SCHEMAS = """
    SELECT nspname FROM pg_catalog.pg_namespace
    WHERE nspowner = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user)
      AND nspname !~ '^pg_'
      AND nspname NOT IN ('information_schema', 'public')
"""


_OBJECTS = """
    SELECT (SELECT pg_catalog.count(*) FROM pg_catalog.pg_depend) + (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_shdepend
        WHERE deptype = 'o' AND classid <> 'pg_catalog.pg_default_acl'::pg_catalog.regclass
          AND dbid = (SELECT oid FROM pg_catalog.pg_database
                      WHERE datname = pg_catalog.current_database())
    )
"""
"""How many things depend on another, or have an owner: whatever is made there does, and grants and
comments do not. https://www.postgresql.org/docs/current/catalog-pg-depend.html"""


def _objects(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_OBJECTS)
        return int(cursor.fetchone()[0])
