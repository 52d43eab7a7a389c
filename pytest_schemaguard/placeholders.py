"""The placeholders of `env`: what stands for the database that a project's process gets. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ConfigError
from pytest_schemaguard.redaction import secrets_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.address import Address

PLACEHOLDERS = ("url", "host", "port", "user", "password", "database", "dir")

_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")


def check_placeholders(env: Mapping[str, str]) -> None:
    """Raise ConfigError for the first placeholder in the values that nothing fills."""
    for name, value in env.items():
        for found in _PLACEHOLDER.finditer(value):
            if found[1] == "url" or (found[1] in PLACEHOLDERS and found[2] is None):
                continue
            near = difflib.get_close_matches(found[1], PLACEHOLDERS, n=1)
            known = ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
            is_secret = not near and secrets_in({name: value})  # braces of a password
            raise ConfigError(
                f"env.{name}",
                "no placeholder " + ("like what stands in its braces" if is_secret else found[0]),
                fix=(f"did you mean {{{near[0]}}}? " if near else "")
                + f"they are {known}, and {{url:driver}}",
            )


def filled(env: Mapping[str, str], address: Address, folder: str) -> dict[str, str]:
    """The values with their placeholders filled in. Raises ConfigError for an unknown one."""
    check_placeholders(env)
    values = {
        "host": address.host,
        "port": str(address.port),
        "user": address.user,
        "password": address.password,
        "database": address.database,
        "dir": folder,
    }

    def value(found: re.Match[str]) -> str:
        return address.url(found[2]) if found[1] == "url" else values[found[1]]

    return {name: _PLACEHOLDER.sub(value, text) for name, text in env.items()}


def has_placeholder(value: str) -> bool:
    return _PLACEHOLDER.search(value) is not None
