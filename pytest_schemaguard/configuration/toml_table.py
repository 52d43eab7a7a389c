"""Reads one TOML table: every complaint names the file, the line and the key."""

from __future__ import annotations

import difflib
import re
import shlex
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TABLE = "tool.schema-guard"


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
        return ConfigError(
            redacted(f"[{section}] {key}"),
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
            found = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", text)
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
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"{told(value)} is no text", 'write it in quotes: "..."')
        return value

    def flag(self, key: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.wrong(key, f"{told(value)} is neither true nor false", "write true or false")
        return value

    def seconds(self, key: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
            raise self.wrong(
                key, f"{told(value)} is no number of seconds", "write a number above 0"
            )
        return float(value)

    def names(self, key: str, value: Any) -> tuple[str, ...]:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise self.wrong(key, "an empty list", "name at least one")
        return tuple(self.text(key, one) for one in values)

    def existing(self, key: str, value: Any) -> Path:
        path = (self.root / self.text(key, value)).resolve()
        if not path.exists():
            raise self.wrong(
                key, f"{value} does not exist", f"paths are relative to {self.root}: {path}"
            )
        return path

    def files(self, key: str, value: Any) -> tuple[Path, ...]:
        values = value if isinstance(value, list) else [value]
        return tuple(self.file_of(key, one) for one in values)

    def file_of(self, key: str, value: Any, *, what: str = "a file of SQL") -> Path:
        path = self.existing(key, value)
        if not path.is_file():
            raise self.wrong(key, f"{value} is no file", f"name {what}")
        return path

    def sql(self, key: str, value: Any) -> tuple[str, ...]:
        """Each is SQL, or the path of a file of SQL."""
        texts = []
        for one in self.names(key, value):
            if one.endswith(".sql") and "\n" not in one:
                texts.append(self.file_of(key, one).read_text(encoding="utf-8-sig"))
            else:
                texts.append(one)
        return tuple(texts)

    def table(self, key: str, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(key, f"{kind(value)} is no table", f"write [{TABLE}.{key}]")
        return value

    def texts(self, key: str, value: Any) -> dict[str, str]:
        table = self.table(key, value)
        for name, one in table.items():
            if not isinstance(one, str):
                raise self.wrong(
                    key, f"{name} is {kind(one)}, and no text", 'write it in quotes: "..."'
                )
        return dict(table)

    def function(self, key: str, value: Any) -> str:
        if not re.fullmatch(r"[\w.]+:[\w.]+", self.text(key, value)):
            raise self.wrong(
                key, f"{told(value)} is no module:function", 'such as "app.guard:setup"'
            )
        return str(value)

    def choice(self, key: str, value: Any, known: tuple[str, ...]) -> str:
        if value not in known:
            near = difflib.get_close_matches(str(value), known, n=1)
            hint = f"did you mean `{near[0]}`? " if near else ""
            raise self.wrong(key, f"no {told(value)}", f"{hint}the values are {', '.join(known)}")
        return str(value)

    def command(self, key: str, value: Any) -> tuple[str, ...]:
        if isinstance(value, str):
            return tuple(shlex.split(self.text(key, value)))
        return self.names(key, value)


def told(value: Any) -> str:
    """The value for people; of what holds several values its kind alone: secrets may be in it."""
    return kind(value) if isinstance(value, (list, dict)) else repr(value)


def kind(value: Any) -> str:
    """What TOML calls such a value."""
    kinds = {list: "a list", dict: "a table", str: "a text", bool: "a boolean"}
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else "a date")


def _holder_of(full: str) -> tuple[str, str]:
    """`tool.schema-guard.login.by` -> the key `login` of the section `tool.schema-guard`."""
    section, _, key = full.rpartition(".")[0].rpartition(".")
    return key, section
