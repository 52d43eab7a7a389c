"""A project on a server that has other databases: what is reached, and what is told of the rest."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import psycopg2
import pytest

from pytest_schemaguard.project.process import FENCES
from tests.project.conftest import HERE

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.project import Project
    from tests.project.conftest import Server

    Make = Callable[..., Project]

DRIVERS = {"psycopg2", "psycopg2-class", "psycopg", "psycopg.pq", "asyncpg", "pg8000", "psql"}
OWN, OTHER = "schema_guard_0a1b2c3d_of_the_run", "precious"
ROLE = "schema_guard_0a1b2c3d_owner"
BEGINS = "schema_guard_0a1b2c3d_"
NAMES = f'alone that this run made, whose names begin with "{BEGINS}"'
REFUSED = f"it lets the project through to databases {NAMES}"
ANOTHER_RUNS = "schema_guard_0a1b2c3e_of_the_run"


@pytest.fixture(scope="module")
def there(foreign: Server) -> Server:
    """A server of the user's: with a database and a role of the run, and a database of his own."""
    connection = psycopg2.connect(foreign.by_tcp.url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE} LOGIN; GRANT pg_read_all_settings TO {ROLE}")
        for name in (OWN, OTHER, ROLE):
            cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {ROLE}")
    connection.close()
    in_own = psycopg2.connect(foreign.by_tcp.at(OWN).url())
    with in_own, in_own.cursor() as cursor:
        cursor.execute(f"GRANT EXECUTE ON FUNCTION pg_control_system() TO {ROLE}")
    in_own.close()
    return foreign


def of_the_run(server: Server, way: str) -> Address:
    address: Address = getattr(server, way)
    return dataclasses.replace(address.at(OWN), user=ROLE, confined_to=BEGINS)


ATTEMPTS = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import attempts, dataclasses
from pytest_schemaguard.project.child import inside

def run(arguments):
    own = inside.here().address
    answers = {{}}
    for name, changes in arguments["places"].items():
        address = dataclasses.replace(own, **changes)
        place = {{**dataclasses.asdict(address), "url": address.url()}}
        answers[name] = attempts.run({{"place": place}})
    answers["reached at"] = own.host
    return answers
"""


@pytest.mark.parametrize("fence", FENCES)
@pytest.mark.parametrize("way", ["by_socket", "by_tcp"])
def test_every_driver_reaches_the_runs_database_and_no_other_of_that_server(
    there: Server, project: Make, fence: str, way: str
) -> None:
    one = project(ATTEMPTS, address=of_the_run(there, way), fences=(fence,))
    logged = len(there.log.read_text())
    answers = one.call(
        "inside.task",
        {
            "places": {
                "own": {},
                "by localhost": {"host": "localhost"},
                "another": {"database": OTHER},
                "postgres": {"database": "postgres"},
                "another run's": {"database": ANOTHER_RUNS},
                "as another": {"user": "super"},
            }
        },
        timeout_s=120,
    )
    assert answers.pop("reached at") == "127.0.0.1"
    for name in ("own", "by localhost"):
        assert answers.pop(name) == dict.fromkeys(DRIVERS, there.identifier)
    as_another = answers.pop("as another")
    for by_driver in answers.values():
        for text in by_driver.values():
            assert REFUSED in text
    for text in as_another.values():
        assert f"it lets the project log in as roles {NAMES}" in text
    seen = there.log.read_text()[logged:]
    assert "connection authorized: user=super" not in seen
    assert f"database={OTHER}" not in seen
    refused = [
        f'tried to connect to the database "{name}"' for name in (OTHER, "postgres", ANOTHER_RUNS)
    ]
    assert sorted(one.refused()) == sorted(
        [*refused, 'tried to connect to its database as "super"']
    )
