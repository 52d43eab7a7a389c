"""A plain folder of .sql files, each of them one migration.

Plain means that the files are what PostgreSQL gets, whole and in the order of their names. Folders
of other tools look the same from outside, and run as if they were plain they do the wrong thing
without an error (a goose file creates its tables and drops them again). So whatever tells of a tool
is refused by name.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import MigrationError
from pytest_schemaguard.migrations.migration import Migration, Script
from pytest_schemaguard.migrations.styles.marks import refuse_marks
from pytest_schemaguard.sqltext.files import read, shown
from pytest_schemaguard.sqltext.in_a_transaction import may_need_one, needs_one
from pytest_schemaguard.sqltext.statements import split

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from pytest_schemaguard.migrations.folder import Contained


@dataclass(frozen=True, kw_only=True)
class _File:
    path: Path
    stem: str
    """The name without `.sql`, `.up.sql` or `.down.sql`."""
    goes_up: bool


def migrations(
    folder: Path, *, root: Path, transaction: str | None, contained: Contained
) -> tuple[Migration, ...]:
    """The migrations of a folder: `x.sql` or `x.up.sql`, each with an `x.down.sql` if it has one.

    In natural order, by version where the name begins with one (`0002_x.sql`, `V2__x.sql`,
    `V1.1__x.sql`), so that V2 comes before V10. A file is one transaction where `transaction` says
    so; where it says nothing, if a statement of the file works in one alone. Raises MigrationError
    for a folder that is not plain.
    """
    return _Folder(folder, root=root).migrations(transaction=transaction, contained=contained)


class _Folder:
    def __init__(self, path: Path, *, root: Path) -> None:
        self._path = path
        self._root = root

    def migrations(self, *, transaction: str | None, contained: Contained) -> tuple[Migration, ...]:
        files = self._files()
        self._refuse_names_of_other_tools(files)
        ups = sorted((file for file in files if file.goes_up), key=lambda file: order(file.stem))
        downs = {file.stem: file for file in files if not file.goes_up}
        for stem in downs.keys() - {file.stem for file in ups}:
            raise self._error(
                downs[stem].path,
                f"goes down, and neither {stem}.sql nor {stem}.up.sql is there to go up",
                fix="put the upgrade beside it, or take the file out",
            )

        def made(file: _File, script: Callable[[_File], Script]) -> Migration:
            down = downs.get(file.stem)
            return Migration(
                revision=file.stem, up=script(file), down=None if down is None else script(down)
            )

        unread = [made(file, lambda one: Script(path=one.path)) for file in ups]
        count = contained(unread)
        rest = ups[max(0, count - 1) :]  # and the one that they follow
        self._refuse_pairs(rest, lambda file: file.stem, "the same migration")
        self._refuse_pairs(rest, lambda file: _without_dialect(file.stem), "the same migration")
        self._refuse_pairs(rest, lambda file: version(file.stem), "the same version number")

        def script(file: _File) -> Script:
            name = shown(file.path, self._root)
            sql = read(file.path, shown=name)
            refuse_marks(sql, path=name)
            needs = None
            if transaction is None and may_need_one(sql):
                needs = needs_one(split(sql, path=name))
            return Script(
                path=file.path,
                sql=sql,
                one_transaction=transaction == "file" or needs is not None,
                needs_one=needs,
            )

        return (*unread[:count], *(made(file, script) for file in ups[count:]))

    def _files(self) -> tuple[_File, ...]:
        if not self._path.is_dir():
            fact = "is a file, not a folder" if self._path.exists() else "is not there"
            raise self._error(
                self._path, fact, fix="set `migrations` to the folder that holds the .sql files"
            )
        below: list[Path] = []
        paths: list[Path] = []
        for folder, folders, names in os.walk(self._path, onerror=self._unreadable):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if name.lower().endswith(".sql") and not name.startswith("."):
                    inside = Path(folder) == self._path
                    (paths if inside else below).append(Path(folder) / name)
        if below:
            more = "" if len(below) == 1 else f" and {len(below) - 1} more"
            raise self._error(
                self._path,
                f"holds SQL in sub-folders ({below[0].relative_to(self._path)}{more}), "
                "whose place in the order nothing tells",
                fix="put all migrations into one folder, or set `migrations` to the sub-folder "
                "that holds them",
            )
        if not paths:
            raise self._error(
                self._path,
                f"no migration files: the folder holds {_holds(self._path)} and no .sql file",
                fix="set `migrations` to the folder that holds the .sql files",
            )
        return tuple(_file(path) for path in paths)

    def _unreadable(self, error: OSError) -> None:
        raise self._error(
            Path(error.filename), f"cannot be read: {error.strerror}", fix="check its rights"
        ) from error

    def _refuse_names_of_other_tools(self, files: Iterable[_File]) -> None:
        names = {file.path.name.lower() for file in files}
        for file in files:
            last = file.stem.rpartition(".")[2].lower() if "." in file.stem else ""
            if last in _DIALECTS:
                raise self._error(
                    file.path,
                    f"is for {last}, so the folder holds several dialects, or another one",
                    fix="set `migrations` to a folder with PostgreSQL's files alone",
                )
            if last in _WAYS_BACK:
                raise self._error(
                    file.path,
                    f"is a downgrade, as .{last} says, and would run as a migration of its own",
                    fix=f"name it {file.stem.rpartition('.')[0]}.down.sql",
                )
            if flyway := _FLYWAY.match(file.stem):
                raise self._error(
                    file.path,
                    f"is {_FLYWAY_KINDS[flyway[0][0]]} of Flyway, which no plain folder has",
                    fix="name downgrades x.down.sql, and give each migration a version of its own",
                )
            down = _DOWN.fullmatch(file.stem)
            if down and f"{down[1]}{down[2]}up.sql".lower() in names:
                raise self._error(
                    file.path,
                    f"is the downgrade of {down[1]}{down[2]}up.sql, and would run as a migration "
                    "of its own",
                    fix=f"name them {down[1]}.up.sql and {down[1]}.down.sql",
                )

    def _refuse_pairs(
        self, files: Iterable[_File], key: Callable[[_File], Hashable], what: str
    ) -> None:
        seen: dict[Hashable, _File] = {}
        for file in files:
            value = key(file)
            if value and value in seen:
                raise self._error(
                    file.path,
                    f"is {what} as {seen[value].path.name}",
                    fix="keep one of the two, or give each a version of its own",
                )
            seen[value] = file

    def _error(self, path: Path, fact: str, *, fix: str) -> MigrationError:
        return MigrationError(shown(path, self._root), fact, fix=fix)


_DIALECTS = frozenset(
    """clickhouse cockroach cockroachdb crdb db2 derby duckdb firebird h2 hana hsqldb mariadb mssql
    mysql oracle snowflake spanner sqlite sqlite3 sqlserver tidb""".split()  # noqa: SIM905 - a table of names reads better so
)
_POSTGRES = frozenset({"pg", "pgsql", "postgres", "postgresql", "psql"})
_WAYS_BACK = frozenset({"revert", "rollback", "undo"})
_FLYWAY = re.compile(r"R__|[UB][0-9][0-9._]*__")
_FLYWAY_KINDS = {"R": "a repeatable migration", "U": "an undo migration", "B": "a baseline"}
_DOWN = re.compile(r"(.*)([_-])down", re.IGNORECASE)
_VERSION = re.compile(r"[Vv]?([0-9]+(?:[._-][0-9]+)*)(?![0-9A-Za-z])")
_DATE = re.compile(r"(?:19|20)[0-9]{2}[._-]?[01][0-9][._-]?[0-3][0-9]")
_DIGITS = re.compile(r"([0-9]+)")
_SHOWN = 8


def _file(path: Path) -> _File:
    name = path.name[: -len(".sql")]
    way = name.lower().rpartition(".")[2] if "." in name else ""
    stem = name.rpartition(".")[0] if way in {"up", "down"} else name
    return _File(path=path, stem=stem, goes_up=way != "down")


def version(stem: str) -> tuple[int, ...] | None:
    """The version that the name begins with; None where there is none, or only a day's date.

    Two migrations of one day are no conflict, two of one version are.
    """
    match = _VERSION.match(stem)
    if match is None or _DATE.fullmatch(match[1]):
        return None
    return _numbers(match[1])


def order(stem: str) -> tuple[object, ...]:
    """What natural order sorts by: versions first, in each other's order, then names."""
    match = _VERSION.match(stem)
    # With the split at digits, texts and numbers alternate, so that like compares with like.
    parts = _DIGITS.split(stem.casefold())
    natural = [int(part) if index % 2 else part for index, part in enumerate(parts)]
    return (match is None, _numbers(match[1]) if match else (), natural, stem)


def _numbers(text: str) -> tuple[int, ...]:
    numbers = [int(part) for part in re.split(r"[._-]", text)]
    while len(numbers) > 1 and numbers[-1] == 0:  # 1.0 is 1
        numbers.pop()
    return tuple(numbers)


def _without_dialect(stem: str) -> str:
    before, _, last = stem.rpartition(".")
    return before if last.lower() in _POSTGRES else stem


def _holds(folder: Path) -> str:
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    if not names:
        return "nothing"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
