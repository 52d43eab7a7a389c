"""Evidence without pytest: a Guard in a run of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.evidence.comparison import COMPARISON
from pytest_schemaguard.guard import Guard
from tests.servers.conftest import OWN

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
from sqlalchemy import Column, Integer, MetaData, Table

metadata = MetaData()
Table("users", metadata, Column("id", Integer, primary_key=True), Column("age", Integer))
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.schema-guard]\nmodels = "models:metadata"\nmigrations = "migrations"\n'
        f'server = "{OWN["provider"]}"\n'
    )
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations/1.sql").write_text("CREATE TABLE users (id serial PRIMARY KEY);")
    return tmp_path


def test_the_evidence_of_one_check_in_three_lines(project: Path) -> None:
    with Guard.of(project / "migrations") as guard:
        (difference,) = guard.look(COMPARISON).differences
        postgres = guard.server.admin
    assert (difference.kind, difference.name) == ("missing-column", ("public", "users", "age"))
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(postgres.url())


def test_a_database_that_is_not_there(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"no \[\[database\]\] is called billing"):
        Guard.of(project, database="billing").__enter__()
