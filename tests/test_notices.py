from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from pytest_schemaguard.notices import FIRST, LAST, LONGEST, Notices, bound
from tests.servers.conftest import databases, shared_run, shared_server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_schemaguard.servers import Databases

FLOOD = "DO $$BEGIN FOR i IN 1..{} LOOP RAISE NOTICE 'number %', i; END LOOP; END$$"


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:  # noqa: F811 - a fixture
    databases.create("noticed")
    yield databases.address("noticed").url()
    databases.drop("noticed")


@pytest.fixture
def connection(url: str) -> Iterator[Any]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    yield connection
    connection.close()


def run(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("bounded", [False, True], ids=["psycopg2's own", "bounded"])
@pytest.mark.parametrize("count", [3, 70])
def test_the_list_is_as_psycopg2_has_it(connection: Any, count: int, bounded: bool) -> None:
    if bounded:
        bound(connection)
    run(connection, FLOOD.format(count))
    first = max(1, count - 49)
    assert connection.notices == [
        f"NOTICE:  number {number}\n" for number in range(first, count + 1)
    ]


def test_the_first_and_the_last_are_kept_and_the_others_counted(connection: Any) -> None:
    connection.notices = kept = Notices()
    bound(connection)
    run(connection, FLOOD.format(FIRST + LAST))
    assert kept.told == tuple(f"NOTICE:  number {one}" for one in range(1, FIRST + LAST + 1))
    run(connection, "DO $$BEGIN RAISE WARNING '%', repeat('x', 5000); END$$")
    run(connection, FLOOD.format(5))
    *first, between = kept.told[: FIRST + 1]
    assert first == [f"NOTICE:  number {one}" for one in range(1, FIRST + 1)]
    assert between == "... (6 more notices)"
    assert kept.told[-1] == "NOTICE:  number 5"
    long = kept.told[-6]
    assert long.startswith("WARNING:  xxx")
    assert long.endswith(f"x ... ({5000 + len('WARNING:  ') - LONGEST} more characters)")


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SJIS"])
def test_each_is_read_in_the_encoding_that_the_session_has_set(
    connection: Any, encoding: str
) -> None:
    bound(connection)
    run(connection, f"SET client_encoding = {encoding}")
    text = "±" if encoding == "SJIS" else "é"
    run(connection, f"DO $$BEGIN RAISE NOTICE '%', chr({ord(text)}); END$$")
    assert connection.notices == [f"NOTICE:  {text}\n"]


def test_each_connection_has_its_own_and_one_that_is_gone_none(url: str) -> None:
    connections = [psycopg2.connect(url) for _ in range(3)]
    for one in connections:
        bound(one)
        bound(one)
    for number, one in enumerate(connections, 1):
        run(one, FLOOD.format(number))
        assert len(one.notices) == number
    connections.pop().close()
    gc.collect()
    for number, one in enumerate(connections, 1):
        run(one, FLOOD.format(1))
        assert len(one.notices) == number + 1
        one.close()


MEASURED = """
import re, sys, psycopg2
from pathlib import Path
from pytest_schemaguard.notices import bound

def peak_kb():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])

connection = psycopg2.connect(sys.argv[1])
if sys.argv[2] == "bounded":
    bound(connection)
before = peak_kb()
connection.cursor().execute(sys.argv[3])
print(peak_kb() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
def test_one_statement_that_raises_300_000_takes_no_memory(url: str) -> None:
    grown_kb = {
        how: int(
            subprocess.run(
                [sys.executable, "-c", MEASURED, url, how, FLOOD.format(300_000)],
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for how in ("bounded", "as it is")
    }
    assert grown_kb["bounded"] < 10_000, grown_kb
    assert grown_kb["as it is"] > 20_000, "psycopg2 has been mended: this is needed no more"
