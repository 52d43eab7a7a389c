"""What the project's code finds of the guard's passwords: nothing that lets it in anywhere."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import MODELS

if TYPE_CHECKING:
    from tests.e2e.conftest import Project
    from tests.e2e.there import There

TRIES = """
import glob, json, os, pathlib
import psycopg2

found = {"refused": {}, "in": [], "seen": []}
place = json.loads(os.environ["PLACE"])
host, port = place["host"], place["port"]
sockets = glob.glob("/dev/shm/schema-guard-*/s*/.s.PGSQL.*")
sockets += glob.glob("/tmp/schema-guard-*/s*/.s.PGSQL.*")
places = [(host, port), *((os.path.dirname(one), one.rpartition(".")[2]) for one in sockets)]
for host, port in places:
    for password in ("", "x", "schema_guard_superuser", place["password"]):
        who = f"{host} {password}"
        try:
            psycopg2.connect(
                host=host, port=port, user="schema_guard_superuser", password=password,
                dbname="postgres",
            )
            found["in"].append(who)
        except psycopg2.OperationalError as error:
            found["refused"][who] = str(error)

folders = glob.glob("/dev/shm/schema-guard-*") + glob.glob("/tmp/schema-guard-*")
files = [path for one in folders for path in pathlib.Path(one).rglob("*")]
for name in ("environ", "cmdline"):
    files += pathlib.Path("/proc").glob(f"[0-9]*/{name}")
for file in files:
    try:
        content = file.read_bytes() if file.is_file() else b""
    except OSError:
        continue
    if b"geh" b"eim" in content:
        found["seen"].append(str(file))
path = pathlib.Path(__file__).parent.parent / "found.json"
path.write_text(json.dumps(found))
"""


def found_by(project: Project, *arguments: str) -> dict[str, Any]:
    project.write("app/models.py", TRIES + MODELS)
    project.append(
        "pyproject.toml",
        """
        [tool.schema-guard.env]
        PLACE = '{"host": "{host}", "port": "{port}", "password": "{password}"}'
        """,
    )
    project.guard(*arguments).assert_outcomes(passed=5, skipped=1)
    found: dict[str, Any] = json.loads((project.root / "found.json").read_text())
    return found


@pytest.mark.parametrize(
    ("table", "workers"),
    [("", ()), ("", ("-n", "2")), ("tcp = true\n", ())],
    ids=["socket", "workers", "tcp"],
)
def test_the_projects_code_is_not_let_in_as_the_superuser(
    project: Project, table: str, workers: tuple[str, ...]
) -> None:
    project.append("pyproject.toml", table)
    found = found_by(project, *workers)
    assert found["in"] == []
    assert len(found["refused"]) >= 4


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with-workers"])
def test_the_password_of_a_url_is_nowhere_that_the_projects_code_can_look(
    project: Project, there: There, workers: tuple[str, ...]
) -> None:
    url = there.url()
    user = re.sub("postgresql://(.*):geheim@.*", r"\1", url)
    there.sql(f"ALTER ROLE {user} SET log_statement = 'all'")
    project.append("pyproject.toml", f'server = "{url}"\n')
    assert found_by(project, *workers)["seen"] == []
    assert there.server.log is not None
    log = there.server.log.read_text()
    passwords = re.findall("PASSWORD '([^']*)'", log[log.index("schema_guard_") :])
    assert passwords
    assert {one[:19] for one in passwords} == {"SCRAM-SHA-256$4096:"}
