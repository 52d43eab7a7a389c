"""What psql and pg_dump show of a migration, with nothing of the guard's."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.e2e.matrix import Case

_COMMENT = re.compile(r"^--\n-- .*\n--\n", re.MULTILINE)
_ROWS = Path(__file__).with_name("rows.sql")


@dataclass(frozen=True)
class Moment:
    """What is there."""

    rows: Counter[str]
    catalog: tuple[str, ...]
    """What pg_dump writes of each object; the order of a table's columns does not count."""


class Database:
    """One that a case has to itself."""

    def __init__(self, url: str, case: Case, folder: Path) -> None:
        self._url = url
        self._case = case
        self._folder = folder
        for part in ("schema", "seed", "up", "down", "writes", "next"):
            (folder / part).write_text(getattr(case, part) or "")
        committing = case.up.replace("ROLLBACK", "COMMIT") + "\nCOMMIT;"
        committing = f"\\set ON_ERROR_STOP 0\n{committing}"
        (folder / "committing").write_text(committing)
        self.has_its_own_transaction = "BEGIN;" in case.up

    def run(self, *parts: str) -> str | None:
        """What psql says, if one of these parts of the case fails."""
        return self._psql(*self._files(parts))[1]

    def run_well(self, *parts: str) -> None:
        self._well(self.run(*parts))

    def look(self, *parts: str) -> Moment:
        """What is there after these parts, which go well."""
        rows, error = self._psql("-c\\o /dev/null", *self._files(parts), "-c\\o", f"-f{_ROWS}")
        self._well(error)
        dumped = _run(_program("pg_dump"), "--schema-only", f"--dbname={self._url}")
        assert dumped.returncode == 0, dumped.stderr
        objects = sorted(_without_order(one) for one in _COMMENT.split(dumped.stdout)[1:])
        return Moment(rows=Counter(rows.splitlines()), catalog=tuple(objects))

    def next_insert(self) -> str | None:
        """Why it fails; of it nothing stays."""
        error = self._psql("-cBEGIN", *self._files(["next"]), "-cROLLBACK")[1]
        return error and f"the next INSERT fails: {error}"

    def _files(self, parts: Sequence[str]) -> Iterator[str]:
        return (f"-f{self._folder / part}" for part in parts)

    def _well(self, error: str | None) -> None:
        assert error is None, f"{self._case.name}: {error}"

    def _psql(self, *arguments: str) -> tuple[str, str | None]:
        told = "|".join(self._case.told)
        options = ("-XAtq", "-vON_ERROR_STOP=1", f"-vtold={told}", f"-d{self._url}")
        done = _run(_program("psql"), *options, *arguments)
        return done.stdout, done.stderr.strip() if done.returncode else None


def of_a_second_run(new: Callable[[], Database]) -> str | None:
    """The harm that it does; None: it does none."""
    database = new()
    written = database.look("schema", "seed", "up", "writes")
    error = database.run("up")
    if error:
        return f"the second run fails: {error}"
    second = database.look()
    if second.catalog != written.catalog:
        return "the catalog is another"
    if written.rows - second.rows:
        lost = _values(written.rows - second.rows) - _values(second.rows - written.rows)
        return f"lost: values of {', '.join(sorted({column for column, _ in lost}))}"
    if second.rows - written.rows:
        more = database.look("up").rows - second.rows
        if more:
            return f"each run adds rows: {more}"
    return database.next_insert()


def of_a_way_back(new: Callable[[], Database]) -> str | None:
    """The harm that up, down and up do; None: they do none."""
    database = new()
    before = database.look("schema", "seed")
    database.run_well("up")
    error = database.run("down")
    if error:
        return f"down fails: {error}"
    back = database.look()
    if back.catalog != before.catalog:
        return f"the catalog is another: {sorted({*back.catalog} ^ {*before.catalog})}"
    if back.rows != before.rows:
        return f"lost: {before.rows - back.rows}, more: {back.rows - before.rows}"
    return database.next_insert() or database.run("up")


def of_a_first_run(new: Callable[[], Database]) -> str | None:
    """Why it fails, or keeps not all that it did; None: it does neither."""
    database = new()
    database.run_well("schema", "seed")
    error = database.run("up")
    if error:
        return error
    if database.has_its_own_transaction:
        other = new()
        other.run_well("schema", "seed")
        other.run("committing")
        if database.look() != other.look():
            return "something of it is not kept"
    return database.next_insert()


def _without_order(text: str) -> str:
    lines = [one.rstrip(",") for one in text.split("\n") if not one.startswith(("--", "\\"))]
    return "\n".join(sorted(lines) if "CREATE TABLE" in text else lines)


def _values(rows: Counter[str]) -> set[tuple[str, str]]:
    """Each column with each value in it."""
    return {pair for row in rows for pair in json.loads(row.partition(" ")[2]).items()}


@cache
def _program(name: str) -> str:
    """PostgreSQL's own: what Debian has in PATH is a script that takes longer than it."""
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(places[-1]) if places else name


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
