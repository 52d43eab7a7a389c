"""Which databases and dumps are to be looked at: from the command line and from files of URLs."""

from __future__ import annotations

import os.path
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ConfigError, ServerError
from pytest_schemaguard.servers.url import parse_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_schemaguard.address import Address

_NEITHER = "is no postgresql:// URL and no file"
EXAMPLE = "postgresql://user@host:5432/database"


@dataclass(frozen=True, kw_only=True)
class Target:
    """A database, or one schema of it, or a dump."""

    address: Address | None = None
    dump: Path | None = None
    """A `pg_dump --schema-only` file."""
    schema: str | None = None
    """The one schema that is looked at, where there is one for each tenant."""

    @property
    def url(self) -> str:
        """The URL without its password and its further parameters, or the dump's path."""
        if self.address is None:
            return str(self.dump)
        return replace(self.address, options=()).safe

    @property
    def name(self) -> str:
        """For people, and different for every target."""
        return self.url if self.schema is None else f"{self.url} schema {self.schema}"


def targets_of(arguments: Sequence[str], urls_files: Sequence[str]) -> tuple[Target, ...]:
    """Each once, in the order of the arguments and then of the files.

    A file holds a URL, or the path of a dump, on each line; `#` begins a comment line, and `-` is
    standard input. Raises ConfigError, which never repeats what may hold a password.
    """
    found = [_target(one, subject=f"URL {n}") for n, one in enumerate(arguments, start=1)]
    for file in urls_files:
        found += _of_file(file)
    if not found:
        raise ConfigError(
            "URL",
            "no database is named",
            fix=f"name one or more: schema-guard check {EXAMPLE}, or --urls-file FILE",
        )
    return tuple(dict.fromkeys(found))


def _of_file(file: str) -> Iterator[Target]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError("--urls-file", why or "unreadable", path=file) from None
    name = "standard input" if file == "-" else file
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1)]
    named = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if not named:
        raise ConfigError(
            "--urls-file", "it names no database", path=name, fix=f"a line each: {EXAMPLE}"
        )
    for n, line in named:
        yield _target(line, subject="--urls-file", path=name, line=n)


def _target(text: str, *, subject: str, path: str | None = None, line: int | None = None) -> Target:
    if re.match(r"\w+(\+\w+)?://", text):
        try:
            return Target(address=parse_url(text))
        except ServerError as error:
            raise ConfigError(subject, error.fact, fix=error.fix, path=path, line=line) from None
    # Path's own is_file() and is_dir() raise where a name is too long to be one.
    if not os.path.isfile(text):  # noqa: PTH113 - see above
        # It may be a URL without its beginning, with a password in it.
        shown = repr(text) if re.fullmatch(r"[\w./-]*", text) else "it"
        fact = "is a folder" if os.path.isdir(text) else _NEITHER  # noqa: PTH112 - see above
        raise ConfigError(
            subject,
            f"{shown} {fact}",
            fix=f"name a database, {EXAMPLE}, or a file written by pg_dump --schema-only",
            path=path,
            line=line,
        )
    return Target(dump=Path(text))
