"""What is taken from env.py: the models, the version tables, the filters' places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.answers.models import EnvFacts, Models

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address

INI = "[alembic]\nscript_location = %(here)s/migrations\n"
SHOP = """\
from sqlalchemy import *
from sqlalchemy.orm import *

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

other = MetaData()
log = Table("log", other, Column("id", Integer, primary_key=True), schema="audit")
"""
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config, pool
import shop

def include_object(object, name, type_, reflected, compare_to):
    return True

class Names:
    def __call__(self, name, type_, parent_names):
        return True

engine = engine_from_config(
    context.config.get_section("alembic"), prefix="sqlalchemy.", poolclass=pool.NullPool
)
with engine.connect() as connection:
    context.configure(connection=connection, {arguments})
    with context.begin_transaction():
        context.run_migrations()
"""
ASYNC = """\
import asyncio
from alembic import context
from sqlalchemy.ext.asyncio import async_engine_from_config
import shop

def migrate(connection):
    context.configure(connection=connection, target_metadata=shop.Base.metadata)
    with context.begin_transaction():
        context.run_migrations()

async def main():
    engine = async_engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()

asyncio.run(main())
"""


def project(env: str) -> dict[str, str]:
    return {
        "alembic.ini": INI,
        "migrations/env.py": env,
        "migrations/versions/no": "",
        "shop.py": SHOP,
    }


def env(arguments: str) -> str:
    return ENV.format(arguments=arguments)


@pytest.fixture
def facts(read: Callable[..., Models], on_alembic: Callable[..., dict[str, Any]]) -> Any:
    """The models task on a project of this env.py, with its models configured or not."""

    def look(text: str, *models: str, **files: str) -> Models:
        return read({**project(text), **files}, *models or [None], source=on_alembic())

    return look


def tables(models: Models) -> list[str]:
    return [".".join(name) for name in models.tables]


def test_models_are_those_of_target_metadata(facts: Callable[..., Models]) -> None:
    models = facts(env("target_metadata=shop.Base.metadata"))
    assert tables(models) == ["public.user"]
    assert {one.entity for one in models.statements} == {"User"}
    assert models.places["public", "user"].path == "shop.py"


def test_every_metadata_of_a_list_counts(facts: Callable[..., Models]) -> None:
    models = facts(env("target_metadata=[shop.Base.metadata, shop.other]"))
    assert tables(models) == ["public.user", "audit.log"]


def test_configured_models_win_and_facts_are_told_all_the_same(
    facts: Callable[..., Models],
) -> None:
    models = facts(
        env(
            "target_metadata=shop.Base.metadata, version_table='alembic_version_fab',"
            " version_table_schema='ops', include_schemas=True,"
            " include_object=include_object, include_name=Names()"
        ),
        "shop:other",
    )
    assert tables(models) == ["audit.log"]
    assert models.facts == EnvFacts(
        version_tables=(("ops", "alembic_version_fab"),),
        include_schemas=True,
        filters=("include_object in migrations/env.py:5", "include_name in migrations/env.py:9"),
    )


def test_a_filter_is_found_behind_a_partial_and_a_builtin_where_it_is_given(
    facts: Callable[..., Models],
) -> None:
    text = env(
        "target_metadata=shop.Base.metadata,"
        " include_object=functools.partial(include_object), include_name=max"
    )
    assert facts(text.replace("import shop", "import functools, shop")).facts.filters == (
        "include_object in migrations/env.py:5",
        "include_name in migrations/env.py:16",
    )


def test_an_env_py_outside_of_the_project_is_told_by_its_whole_path(
    facts: Callable[..., Models], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("installed")
    (elsewhere / "env.py").write_text(env("target_metadata=None"), encoding="utf-8")
    ini = f"[alembic]\nscript_location = {elsewhere}\n"
    assert words(facts, "", **{"alembic.ini": ini}).startswith(
        f"{elsewhere / 'env.py'}:16: target_metadata: None, and no `models` are configured\n"
    )


def test_without_an_alembic_source_nothing_is_taken_from_env_py(
    read: Callable[..., Models],
) -> None:
    assert read({"shop.py": SHOP}, "shop:Base").facts == EnvFacts()


def test_running_env_py_changes_nothing(
    facts: Callable[..., Models], database: Address, connect: Callable[[Address], Any]
) -> None:
    facts(env("target_metadata=shop.Base.metadata"))
    with connect(database).cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        assert cursor.fetchone() == (0,)


def test_async_env_py_is_run(facts: Callable[..., Models]) -> None:
    pytest.importorskip("greenlet")
    models = facts(ASYNC)
    assert tables(models) == ["public.user"]
    assert models.facts.version_tables == (("public", "alembic_version"),)


def test_each_call_of_configure_counts(facts: Callable[..., Models]) -> None:
    twice = env("target_metadata=shop.other, version_table='second'").partition("engine =")[2]
    models = facts(env("target_metadata=shop.Base.metadata") + f"\nengine ={twice}")
    assert tables(models) == ["public.user", "audit.log"]
    assert models.facts.version_tables == (("public", "alembic_version"), ("public", "second"))


def test_schemas_are_those_to_which_the_connection_translates(
    facts: Callable[..., Models],
) -> None:
    text = env("target_metadata=shop.other").replace(
        "    context.configure",
        "    connection = connection.execution_options(\n"
        "        schema_translate_map={'audit': 'audit_1'})\n    context.configure",
    )
    assert tables(facts(text)) == ["audit_1.log"]


def test_the_inis_own_folder_is_left_again(
    read: Callable[..., Models], on_alembic: Callable[..., dict[str, Any]]
) -> None:
    before = Path.cwd()
    files = project(env("target_metadata=shop.Base.metadata"))
    moved = {f"db/{name}" if name != "shop.py" else name: text for name, text in files.items()}
    moved["db/alembic.ini"] = "[alembic]\nscript_location = migrations\n"
    assert tables(read(moved, None, source=on_alembic("db/alembic.ini"))) == ["public.user"]
    assert Path.cwd() == before


def words(facts: Callable[..., Models], text: str, **files: str) -> str:
    with pytest.raises(ProjectError) as caught:
        facts(text, **files)
    return str(caught.value)


def test_no_target_metadata_and_no_models_is_an_error(facts: Callable[..., Models]) -> None:
    assert words(facts, env("target_metadata=None")) == (
        "migrations/env.py:16: target_metadata: None, and no `models` are configured\n"
        "  next: set `models`"
    )


def test_target_metadata_without_a_table_names_the_modules(facts: Callable[..., Models]) -> None:
    text = env("target_metadata=MetaData()").replace("import shop", "from sqlalchemy import *")
    assert words(facts, text) == (
        "migrations/env.py:16: target_metadata: no tables\n"
        '  next: nothing has imported the modules that define them: models = ["shop"]'
    )


def test_env_py_that_fails_is_told_with_its_line(facts: Callable[..., Models]) -> None:
    said = words(facts, "import os\nurl = os.environ['NO_SUCH_VARIABLE']\n")
    assert said.startswith(
        "migrations/env.py:2: migrations alembic.ini: env.py failed: KeyError: 'NO_SUCH_VARIABLE'\n"
    )
    assert said.endswith(
        "  next: if 'NO_SUCH_VARIABLE' is an environment variable, set it in `env`"
    )


def test_env_py_may_read_the_command_s_options(facts: Callable[..., Models]) -> None:
    reading = "from alembic import context\nassert context.config.cmd_opts.revision == 'heads'\n"
    assert tables(facts(reading + env("target_metadata=shop.Base.metadata"))) == ["public.user"]


def test_env_py_that_configures_nothing_is_told(facts: Callable[..., Models]) -> None:
    assert words(facts, "import shop\n") == (
        "migrations/env.py: env.py: it never called context.configure(), so nothing can be"
        " migrated\n"
        "  next: call context.configure() and context.run_migrations() in it"
    )


def test_env_py_is_run_once_in_a_process(
    facts: Callable[..., Models], tmp_path: Path, on_alembic: Callable[..., dict[str, Any]]
) -> None:
    from pytest_schemaguard.project.tasks.models.targets import resolve

    counting = "from pathlib import Path\nwith Path('runs').open('a') as f: f.write('x')\n"
    facts(counting + env("target_metadata=shop.Base.metadata"))
    resolve([], tmp_path, on_alembic())
    assert (tmp_path / "runs").read_text() == "x"
