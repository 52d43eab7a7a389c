"""Reads one TOML table: every complaint names the file, the line and the key."""

from __future__ import annotations

import difflib
import errno
import re
import shlex
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ConfigError, MigrationError
from pytest_schemaguard.redaction import redacted
from pytest_schemaguard.sqltext.files import read, why_no_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TABLE = "tool.schema-guard"
_DOTTED = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
FUNCTION = re.compile(f"{_DOTTED}:{_DOTTED}")
"""`module:function`."""
SHORTEST_S, LONGEST_S = 0.001, 2_147_483
"""What statement_timeout takes, which is milliseconds in 32 bits.
https://www.postgresql.org/docs/current/runtime-config-client.html"""
MOST = 10_000
"""Of what a key counts."""
_SQL = re.compile(
    r"\s*(?:--|/\*|(?:alter|begin|call|comment|copy|create|delete|do|drop|grant|insert|select|set"
    r"|truncate|update|values|with)\s)",
    re.IGNORECASE,
)
_SHOWN = 80


def shown(value: Any) -> str:
    """A value as messages repeat it: on one line, and its beginning only where it is long.

    Of what holds several values its kind alone: secrets may be in it.
    """
    text = kind(value) if isinstance(value, list | dict) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


class TableReader:
    """The types that keys have; what is a key, its subclass says."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.root = file.parent
        self.inner: str | None = None
        """The section whose keys override those of ours, while it is read."""

    def read(
        self,
        section: str,
        table: Mapping[str, Any],
        readers: Mapping[str, tuple[str, Callable[[str, Any], Any]]],
        *,
        later: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        values = {}
        for key, value in table.items():
            if later and key in later:
                raise self.wrong(
                    key,
                    "not yet served by this version of pytest-schemaguard",
                    f"remove it; for now {later[key]}",
                    section=section,
                )
            if key not in readers:
                raise self.unknown(key, readers, section)
            name, reader = readers[key]
            label = key if section == TABLE else f"{section.removeprefix(TABLE + '.')}.{key}"
            values[name] = reader(label, value)
        return values

    # Complaints

    def wrong(self, key: str, fact: str, fix: str, *, section: str = TABLE) -> ConfigError:
        if self.inner and section == TABLE:
            section = self.inner
        name = key if key.isprintable() and len(key) <= _SHOWN else shown(key)
        return ConfigError(
            redacted(f"[{section}] {name}"),
            redacted(fact),
            fix=redacted(fix),
            path=self.file,
            line=self.line(key, section),
        )

    def unknown(self, key: str, known: Mapping[str, Any], section: str) -> ConfigError:
        near = difflib.get_close_matches(key, known, n=1)
        fix = f"did you mean `{near[0]}`?" if near else f"the keys are {', '.join(known)}"
        return self.wrong(key, "no such key", fix, section=section)

    def line(self, key: str, section: str) -> int | None:
        """The line where the key stands, for people; None where it cannot be told."""
        full = f"{section}.{key}"
        parent, _, last = full.rpartition(".")
        header = ""
        for number, text in enumerate(self.file.read_text(encoding="utf-8").splitlines(), 1):
            found = re.match(r"\s*\[{1,2}\s*([^\]]+?)\s*\]", text)
            if found:
                header = found[1].replace('"', "")
                if header == full:
                    return number
            elif header == parent and re.match(rf'\s*"?{re.escape(last)}"?\s*[.=]', text):
                return number
        # An inline table, `login = { model = ... }`: the line of what holds it.
        return None if section == TABLE and "." not in key else self.line(*_holder_of(full))

    def lines_of(self, section: str) -> list[int]:
        """The lines of the headers of a list of tables: `[[tool.schema-guard.ignore]]`."""
        lines = self.file.read_text(encoding="utf-8").splitlines()
        header = re.compile(rf"\s*\[\[\s*{re.escape(section)}\s*\]\]")
        return [number for number, text in enumerate(lines, 1) if header.match(text)]

    # Types

    def text(self, key: str, value: Any) -> str:
        if isinstance(value, str) and not value.strip():
            raise self.wrong(key, "it is empty", "write a value between the quotes, or remove it")
        return self.any_text(key, value)

    def any_text(self, key: str, value: Any) -> str:
        """Any but one that no program, file or database can be given."""
        if not isinstance(value, str):
            raise self.wrong(key, f"{shown(value)} is no text", 'write it in quotes: "..."')
        if "\0" in value:
            raise self.wrong(key, "it holds a NUL character", "remove \\u0000 from it")
        return value

    def flag(self, key: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(
                key, f"{shown(value)} is neither true nor false", "write true or false"
            )
        return value

    def seconds(self, key: str, value: Any) -> float:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not SHORTEST_S <= value <= LONGEST_S:  # nan is neither
            raise self.wrong(
                key,
                f"{shown(value)} is no number of seconds from {SHORTEST_S} to {LONGEST_S}",
                "write such a number; PostgreSQL takes none above",
            )
        return float(value)

    def count(self, key: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
            raise self.wrong(
                key, f"{shown(value)} is no whole number from 0 to {MOST}", "write such a number"
            )
        return value

    def names(self, key: str, value: Any) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise self.wrong(key, "an empty list", "name at least one")
        return tuple(self.text(key, one) for one in values)

    def existing(self, key: str, value: Any) -> Path:
        name = self.text(key, value)
        path = self.root / name
        try:
            path.stat()
        except OSError as error:
            raise self._not_there(key, name, error) from None
        return path.resolve()

    def _not_there(self, key: str, name: str, error: OSError) -> ConfigError:
        if "\n" in name or _SQL.match(name):
            fix = "write it into a file and name that; only `prepare` takes SQL itself"
            return self.wrong(key, f"{shown(name)} looks like SQL, and a path is needed", fix)
        if error.errno != errno.ENOENT:
            fix = "check the path and the rights on its folders"
            return self.wrong(key, f"{shown(name)} cannot be reached: {error.strerror}", fix)
        path = self.root / name
        near = difflib.get_close_matches(path.name, _names_in(path.parent), n=1)
        hint = f"did you mean `{PurePath(name).with_name(near[0])}`? " if near else ""
        fix = f"{hint}paths are relative to {self.root}: {path.resolve()}"
        return self.wrong(key, f"{name} does not exist", fix)

    def files(self, key: str, value: Any) -> tuple[Path, ...]:
        values = value if isinstance(value, list) else [value]
        return tuple(self.file_of(key, one) for one in values)

    def file_of(self, key: str, value: Any, *, what: str = "a file of SQL") -> Path:
        path = self.existing(key, value)
        if why := why_no_file(path, value):
            fact, fix = why
            named = f"name {what}" if fix == "name the file itself" else fix
            raise self.wrong(key, f"{value} {fact}", named)
        return path

    def sql(self, key: str, value: Any) -> tuple[str, ...]:
        """Each is SQL, or the path of a file of SQL."""
        return tuple(
            self._file_text(key, one) if self._is_path(one) else one
            for one in self.names(key, value)
        )

    def _is_path(self, text: str) -> bool:
        try:
            (self.root / text).stat()
        except OSError:
            return text.lower().endswith(".sql") and "\n" not in text and not _SQL.match(text)
        return True

    def _file_text(self, key: str, name: str) -> str:
        try:
            return read(self.file_of(key, name), shown=name)
        except MigrationError as error:
            place = name if error.line is None else f"{name}:{error.line}"
            raise self.wrong(key, f"{place} {error.fact}", error.fix or "") from None

    def table(self, key: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(key, f"{kind(value)} is no table", f"write [{TABLE}.{key}]")
        return value

    def texts(self, key: str, value: Any) -> dict[str, str]:
        return {name: self.any_text(key, one) for name, one in self.table(key, value).items()}

    def function(self, key: str, value: Any) -> str:
        if not FUNCTION.fullmatch(self.text(key, value)):
            fact = f"{shown(value)} is no module:function"
            raise self.wrong(key, fact, 'such as "app.guard:setup"')
        return str(value)

    def choice(self, key: str, value: Any, known: tuple[str, ...]) -> str:
        if value not in known:
            near = difflib.get_close_matches(str(value)[:_SHOWN], known, n=1)
            hint = f"did you mean `{near[0]}`? " if near else ""
            raise self.wrong(key, f"no {shown(value)}", f"{hint}the values are {', '.join(known)}")
        return str(value)

    def command(self, key: str, value: Any) -> tuple[str, ...]:
        if not isinstance(value, str):
            return self.names(key, value)
        try:
            words = shlex.split(self.text(key, value))
        except ValueError as error:
            fact = f"{shown(value)} cannot be split into words: {str(error).lower()}"
            fix = 'close the quote, or write the words as a list: ["python", "migrate.py"]'
            raise self.wrong(key, fact, fix) from None
        if not words[0]:
            raise self.wrong(key, f"{shown(value)} names no program", "write the program first")
        return tuple(words)


def _names_in(folder: Path) -> list[str]:
    try:
        return sorted(one.name for one in folder.iterdir())
    except OSError:
        return []


def kind(value: Any) -> str:
    """What TOML calls such a value."""
    kinds = {list: "a list", dict: "a table", str: "a text", bool: "a boolean"}
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else "a date")


def _holder_of(full: str) -> tuple[str, str]:
    """`tool.schema-guard.login.by` -> the key `login` of the section `tool.schema-guard`."""
    section, _, key = full.rpartition(".")[0].rpartition(".")
    return key, section
