"""The peer project's conftest.py: a server and, for each test, a database by pytest-postgresql."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@pytest.fixture
def alembic_engine(postgresql: Any) -> Iterator[Engine]:
    info = postgresql.info
    engine = create_engine(
        f"postgresql+psycopg://{info.user}@{info.host}:{info.port}/{info.dbname}"
    )
    yield engine
    engine.dispose()
