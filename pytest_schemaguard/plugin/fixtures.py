"""What the user's own tests may ask for: a private clone of the migrated database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session


@pytest.fixture
def schema_guard_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """`postgresql://...` of a clone of the migrated database, this test's own.

    Where there are several, `@pytest.mark.parametrize("schema_guard_url", ["billing"],
    indirect=True)` names the `[[database]]`; without, it is the first.
    """
    from contextlib import ExitStack

    from pytest_schemaguard.errors import GuardError
    from pytest_schemaguard.plugin.session import guard_of
    from pytest_schemaguard.reports import terminal

    with ExitStack() as stack:
        try:
            guard = guard_of(request.config, getattr(request, "param", None))
            address = stack.enter_context(guard.clone())
        except GuardError as error:
            # `from None`: pytest would print the error itself too, and its texts are not escaped.
            raise pytest.fail.Exception(terminal.words(error), pytrace=False) from None
        yield address.url()


@pytest.fixture
def schema_guard_engine(schema_guard_url: str) -> Iterator[Engine]:
    """A SQLAlchemy engine on `schema_guard_url`, disposed of after the test."""
    from sqlalchemy import create_engine, make_url

    # SQLAlchemy 2.1 takes postgresql:// for psycopg 3: name the driver that is installed.
    engine = create_engine(make_url(schema_guard_url).set(drivername="postgresql+psycopg2"))
    yield engine
    engine.dispose()


@pytest.fixture
def schema_guard_session(schema_guard_engine: Engine) -> Iterator[Session]:
    """A SQLAlchemy session on `schema_guard_engine`, rolled back after the test."""
    from sqlalchemy.orm import Session

    # The session joins a transaction of ours, so that what the test commits is rolled back too.
    with schema_guard_engine.connect() as connection, connection.begin() as transaction:
        with Session(connection, join_transaction_mode="create_savepoint") as session:
            yield session
        transaction.rollback()
