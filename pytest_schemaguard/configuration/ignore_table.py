"""Reads `[[ignore]]`: every rule has a code that some check can report, and a reason."""

from __future__ import annotations

import difflib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.checks import LATER, NAMES
from pytest_schemaguard.config import Ignore
from pytest_schemaguard.configuration.toml_table import TABLE, TableReader, shown
from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.ignores import can_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NEEDED = {
    "code": 'such as: code = "drift.extra-index", subject = "public.user.*"',
    "reason": "say why it is accepted: who reads it in a year has to know",
}


class IgnoreReader(TableReader):
    """The rules that have findings fail nothing."""

    place: int | None = None
    """Which database's own rules are read, from 0; None: those of `[tool.schema-guard]`."""

    def ignores(self, key: str, value: Any) -> tuple[Ignore, ...]:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self.wrong(key, "it is no list of tables", f"write [[{TABLE}.{key}]]")
        section = f"{TABLE}.{key}" if self.place is None else f"{TABLE}.database.{key}"
        lines = self.lines_of(section)
        if self.place is not None:
            # The database that the line is in is the last whose header stands above it.
            headers = self.lines_of(f"{TABLE}.database")
            above = [sum(header < line for header in headers) for line in lines]
            lines = [
                line for line, number in zip(lines, above, strict=True) if number == self.place + 1
            ]
        places = lines if len(lines) == len(value) else [self.line(key, self.inner or TABLE)]
        found = []
        for number, one in enumerate(value):
            line = places[min(number, len(places) - 1)]
            found.append(self.ignore(one, section, line))
        return tuple(found)

    def ignore(self, table: Mapping[str, Any], section: str, line: int | None) -> Ignore:
        readers: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
            "code": ("code", self.code),
            "subject": ("subject", self.text),
            "reason": ("reason", self.reason),
            "until": ("until", self.day),
        }
        try:
            values = self.read(section, table, readers)
            for key, fix in _NEEDED.items():
                if key not in values:
                    raise self.wrong(f"ignore.{key}", "missing in a rule", fix)
        except ConfigError as error:
            error.line = line
            raise
        where = self.file.name if line is None else f"{self.file.name}:{line}"
        return Ignore(**values, place=where)

    def code(self, key: str, value: Any) -> str:
        """A pattern of codes that some check can report."""
        pattern = self.text(key, value)
        if any(can_report(one, pattern) for one in NAMES):
            return pattern
        for one in LATER:
            if can_report(one, pattern):
                fact = f"{one}: not yet served by this version of pytest-schemaguard"
                raise self.wrong(key, fact, f"the checks are {', '.join(NAMES)}")
        check, _, kind = pattern.partition(".")
        near = difflib.get_close_matches(check, NAMES, n=1)
        hint = f"did you mean `{near[0]}.{kind or '*'}`? " if near else ""
        raise self.wrong(
            key, f"no check reports {shown(pattern)}", f"{hint}codes read drift.extra-index"
        )

    def reason(self, key: str, value: Any) -> str:
        text = self.any_text(key, value)
        if not text.strip():
            raise self.wrong(key, "it is empty", _NEEDED["reason"])
        return text

    def day(self, key: str, value: Any) -> date:
        if isinstance(value, datetime):
            return value.date()
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.wrong(
                key, f"{shown(value)} is no date", "write until = 2026-12-31"
            ) from None
