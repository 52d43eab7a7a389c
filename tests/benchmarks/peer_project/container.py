"""The peer project's conftest.py: a server by testcontainers, a database for each test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import create_engine, make_url
from testcontainers.community.postgres import PostgresContainer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine


@pytest.fixture(scope="session")
def container() -> Iterator[Any]:
    with PostgresContainer(os.environ["PEER_IMAGE"], driver=None) as started:
        yield started


@pytest.fixture
def alembic_engine(container: Any, request: pytest.FixtureRequest) -> Iterator[Engine]:
    url = container.get_connection_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{request.node.name}"')
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg", database=request.node.name)
    )
    yield engine
    engine.dispose()
