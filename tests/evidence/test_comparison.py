"""compare() as the guard calls it: as the owner and as the superuser of a run's own server."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.checks.drift import findings
from pytest_schemaguard.config import Config
from pytest_schemaguard.evidence.comparison import Comparison, compare
from pytest_schemaguard.project.answers.models import Ddl, Models
from tests.guarded import run_databases, state_of
from tests.through_json import through_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_schemaguard.servers.databases import Databases


@pytest.fixture
def databases() -> Iterator[Databases]:
    major = os.environ.get("SCHEMA_GUARD_TEST_MAJOR")
    with run_databases(int(major) if major else None) as found:
        yield found


@pytest.fixture
def compared(databases: Databases, tmp_path: Path) -> Callable[..., Comparison]:
    def look(
        migration: str, models: Models, exclude: tuple[str, ...] = (), prepare: str = ""
    ) -> Comparison:
        config = Config(
            file=tmp_path / "pyproject.toml", models=(), migrations=None, exclude=exclude
        )
        path = tmp_path / "m.sql"
        path.write_text(migration, encoding="utf-8")
        state = state_of(config, databases, "migrated", "", path, prepare=prepare)
        found = compare(config, databases, state, models)
        assert through_json(found) == found
        return found

    return look


def tables(**statements: str) -> Models:
    ddl = [
        Ddl(
            sql=f"CREATE TABLE {name} ({text})",
            kind="table",
            subject=f"public.{name}",
            name=("public", name),
        )
        for name, text in statements.items()
    ]
    return Models(tables=tuple(one.name for one in ddl), ddl=tuple(ddl))


def test_a_class_mapped_to_a_view_is_compared_by_its_columns_alone(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(
        """
        CREATE TABLE item (id integer PRIMARY KEY, name varchar(20) NOT NULL);
        CREATE VIEW seen AS SELECT id, name, 1 AS more FROM item;
        CREATE MATERIALIZED VIEW held AS SELECT id::bigint FROM item;
        """,
        tables(
            item="id integer PRIMARY KEY, name varchar(20) NOT NULL",
            seen="id integer PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x' UNIQUE",
            held="id integer PRIMARY KEY, gone text",
        ),
    )
    assert [(one.kind, ".".join(one.name)) for one in found.differences] == [
        ("missing-column", "public.held.gone"),
        ("type", "public.held.id"),
    ]
    fixes = [one.fix for one in findings(found, Models(tables=(), ddl=()))]
    assert fixes == [None, None]


def test_an_excluded_table_is_not_compared_though_the_models_have_it(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(
        "CREATE TABLE a (id integer); CREATE TABLE b (id integer);",
        tables(a="id integer", b="id text"),
        exclude=("public.b",),
    )
    assert found.differences == ()
    assert found.refused == {}
    assert found.excluded == (("public", "b"),)


def test_what_the_database_alone_has_says_whether_an_insert_needs_it(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(
        "CREATE TABLE a (id integer, x integer NOT NULL, y integer NOT NULL DEFAULT 1, z integer);",
        tables(a="id integer"),
    )
    severities = {
        one.subject: one.severity.value for one in findings(found, Models(tables=(), ddl=()))
    }
    assert severities == {
        "public.a.x": "error",
        "public.a.y": "info",
        "public.a.z": "info",
    }


def test_a_refused_object_is_named_and_the_rest_is_compared(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(
        "CREATE TABLE a (id integer); CREATE TABLE b (id integer);",
        tables(a="id nowhere", b="id integer, x integer"),
    )
    assert found.refused == {("public", "a"): 'type "nowhere" does not exist'}
    told = list(findings(found, Models(tables=(), ddl=())))
    assert [one.subject for one in told] == ["public.b.x"]


def test_tables_and_schemas_of_the_superuser_are_made_anew_as_well(
    compared: Callable[..., Comparison],
) -> None:
    audit = Ddl(
        sql="CREATE TABLE audit.log (id integer, line text)",
        kind="table",
        subject="audit.log",
        name=("audit", "log"),
    )
    found = compared(
        "SELECT 1;",
        Models(tables=(), ddl=(audit,)),
        prepare="CREATE SCHEMA audit; CREATE TABLE audit.log (id integer);",
    )
    assert found.refused == {}
    assert [(one.kind, one.name) for one in found.differences] == [
        ("missing-column", ("audit", "log", "line"))
    ]


def test_what_is_left_out_is_counted_by_pattern_and_by_filter(
    compared: Callable[..., Comparison],
) -> None:
    found = compared(
        "CREATE TABLE log_a (id integer); CREATE VIEW log_b AS SELECT 1; CREATE TABLE b (id text);",
        tables(b="id integer", log_c="id integer"),
        exclude=("public.log_*", "*.log_a", "tenant_*.*"),
    )
    assert found.left_out(("public.log_*", "*.log_a", "tenant_*.*")) == (
        "3 tables by `exclude` (public.log_*: 3; *.log_a: 1; tenant_*.*: 0, it matches nothing)"
    )
    (difference,) = found.differences
    hidden = replace(found, hidden={difference: "include_object in env.py:31"})
    filters = ("include_object in env.py:31", "include_name in env.py:40")
    assert hidden.left_out((), filters) == (
        "1 difference by include_object in env.py:31, 0 differences by include_name in env.py:40"
    )
    assert found.left_out(()) is None
