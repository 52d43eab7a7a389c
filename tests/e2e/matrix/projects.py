"""The cases as projects of the guard's users: several in each database of the configuration."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.e2e.conftest import Project
    from tests.e2e.matrix import Case

    Key = tuple[str, str]
    """The check that judges it, and the case's name."""
    Write = Callable[[Project, str, Sequence[tuple[str, str, str | None]]], str]
    """Writes migrations (name, up, down) into a folder; returns the value of `migrations`."""

_AT_ONCE = 6
"""Cases in one database: each has objects of its own, so one does not meet the other's."""
_OBJECT = re.compile(
    r"\b(t|s|u|p|p1|p2|q|w|w2|i|c|f|g|log|log_it|mood|dom|pair|old)"
    r"(?=(?:_id_seq|_pkey|_t_id_fkey)?\b)"
)
"""What a case calls its objects, and how PostgreSQL calls what belongs to them."""
_ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool

with engine_from_config(
    context.config.get_section(context.config.config_ini_section),
    prefix="sqlalchemy.",
    poolclass=pool.NullPool,
).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
_REVISION = """\
from alembic import op

revision = {revision!r}
down_revision = {follows!r}


def upgrade():
    {up}


def downgrade():
    {down}
"""


def sql_files(
    project: Project, folder: str, migrations: Sequence[tuple[str, str, str | None]]
) -> str:
    for name, up, down in migrations:
        project.write(f"{folder}/{name}.sql", up)
        if down is not None:
            project.write(f"{folder}/{name}.down.sql", down)
    return f'"{folder}"'


def alembic(
    project: Project, folder: str, migrations: Sequence[tuple[str, str, str | None]]
) -> str:
    ini = f"[alembic]\nscript_location = alembic\nversion_locations = {folder}\n"
    project.write("alembic/env.py", _ENV)
    project.write(f"{folder}/alembic.ini", ini)
    follows = None
    for place, (name, *both) in enumerate(migrations):
        up, down = (f"op.execute({one!r})" if one else "pass" for one in both)
        text = _REVISION.format(revision=f"r{place}", follows=follows, up=up, down=down)
        project.write(f"{folder}/{name}.py", text)
        follows = f"r{place}"
    return f'"{folder}/alembic.ini"'


def command(
    project: Project, folder: str, migrations: Sequence[tuple[str, str, str | None]]
) -> str:
    """One that keeps no table of versions."""
    for name, up, _ in migrations:
        project.write(f"{folder}/{name}.sql", up)
    words = f"psql {{url}} -Xqv ON_ERROR_STOP=1 -f {folder}/{{version}}.sql"
    return f'{{ command = "{words}", versions = "{folder}/*.sql" }}'


def verdicts(
    project: Project, cases: Sequence[tuple[str, Case]], write: Write, check: str | None = None
) -> dict[Key, tuple[str, str]]:
    """Of each case: the outcome, and what is told. `check` is another than psql's truth is of."""
    tables = ["[tool.schema-guard]\n"]
    keys: dict[str, Key] = {}
    for number, group in enumerate(_groups(cases)):
        folder, migrations, baseline, seed = f"database{number}", [], "", ""
        for place, (of, case) in enumerate(group):
            apart = partial(_OBJECT.sub, rf"\g<1>{place}")
            name = f"{place}-{case.name}"
            keys[f"{folder}/{name}"] = of, case.name
            down = None if case.down is None else apart(case.down)
            migrations.append((name, apart(case.up), down))
            baseline += apart(case.schema)
            seed += apart(case.seed) if case.seeded else ""
        project.write(f"baselines/{folder}.sql", baseline)
        project.write(f"seeds/{folder}.sql", seed)
        tables.append(
            "[[tool.schema-guard.database]]\n"
            f'name = "{folder}"\nmodels = "app.models:Base"\nchecks = ["{check or group[0][0]}"]\n'
            f"migrations = {write(project, folder, migrations)}\n"
            f'baseline = "baselines/{folder}.sql"\nseed = "seeds/{folder}.sql"\n'
        )
    project.write("pyproject.toml", "\n".join(tables))
    ran = project.guard("--schema-guard-json=report.json", timeout=600)
    assert (project.root / "report.json").exists(), ran.stdout.str() + ran.stderr.str()
    found = {}
    for one in json.loads((project.root / "report.json").read_text())["checks"]:
        told = [f"{finding['code']} {finding['message']}" for finding in one["findings"]]
        path = one["nodeid"].split("::")[-2].rpartition(".")[0]
        found[keys[path]] = one["outcome"], "\n".join([str(one["reason"]), *told])
    return found


def _groups(cases: Sequence[tuple[str, Case]]) -> Iterator[Sequence[tuple[str, Case]]]:
    """Cases of one check, where one that does not apply has no other behind it."""
    group: list[tuple[str, Case]] = []
    for check, case in cases:
        if group and (group[0][0] != check or len(group) == _AT_ONCE or case.extension):
            yield group
            group = []
        group.append((check, case))
        if check == "applies" and case.harmful:
            yield group
            group = []
    if group:
        yield group
