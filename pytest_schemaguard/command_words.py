"""The words of a command, with the placeholders in them filled in. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_schemaguard import placeholders
from pytest_schemaguard.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.address import Address

VERSION = "{version}"
_TAKEN = re.compile(r"(\$\{\w+\}|\{version\})")
"""What `env` does not know: `${NAME}` is the shell's, in `sh -c "..."`."""


def takes_version(command: Sequence[str]) -> bool:
    """Whether the command is told which migration to run."""
    return any(VERSION in word for word in command)


def check(command: Sequence[str]) -> None:
    """Raise ConfigError for the first placeholder in the words that nothing fills."""
    for word in command:
        for text in _TAKEN.split(word)[::2]:
            try:
                placeholders.check_placeholders({"": text})
            except ConfigError as error:
                raise ConfigError(
                    "migrations.command", error.fact, fix=f"{error.fix}, and {VERSION}"
                ) from None


def filled(
    command: Sequence[str], address: Address, folder: str, *, version: str | None
) -> list[str]:
    """The words as they are run; the placeholders are those of `env`, and `{version}`."""

    def word(parts: list[str]) -> str:
        for place, part in enumerate(parts):
            if place % 2 == 0:
                parts[place] = placeholders.filled({"": part}, address, folder)[""]
            elif part == VERSION and version is not None:
                parts[place] = version
        return "".join(parts)

    return [word(_TAKEN.split(one)) for one in command]
