"""New rows that the project makes itself: by its function of a session, or by its command."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.project import programs
from pytest_schemaguard.project.tasks.telling import told

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Engine

    from pytest_schemaguard.project.tasks.login.session_function import Function

COMMAND_TIMEOUT_S = 60.0
KEY = "login.create"
RETURN = "return what the new row is looked up by, an object that has it, or a mapping "
RETURN += "{text of the request: what the new row's has in its place}"


class CreateError(Exception):
    """The project's command failed, or its function returned nothing to go by."""

    def __init__(self, fact: str, *, fix: str | None = None, detail: str | None = None) -> None:
        super().__init__(fact)
        self.fix = fix
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class Created:
    """A row that is in the database now."""

    value: Any
    """What it is looked up by."""
    substitute: Mapping[str, str] | None
    """What its request says in place of the existing row's; None: nothing tells."""
    passwords: bool = False
    """Whether that names passwords and the like too."""


def by_function(function: Function, engine: Engine, *, by: str | None, template: Any) -> Created:
    """Raises CreateError, and whatever the function raises."""
    with told(f"calling {function.entry}"):
        return function.call(engine, (), lambda found: _told(found, by, template))


def _told(found: Any, by: str | None, template: Any) -> Created:
    if isinstance(found, Mapping) and found:
        pairs = {str(old): str(new) for old, new in found.items()}
        named = pairs.get(str(template), next(iter(pairs.values())))
        return Created(value=named, substitute=pairs, passwords=True)
    value = getattr(found, by, found) if by is not None else found
    if isinstance(value, (str, int, uuid.UUID)) and value != "" and not isinstance(value, bool):
        return Created(value=value, substitute=_in_place_of(template, value))
    what = repr(found) if type(found).__module__ == "builtins" else f"a {type(found).__name__}"
    missing = f", which has no {by!r} to go by" if by is not None and found is not None else ""
    raise CreateError(f"it returned {what:.80}{missing}", fix=RETURN)


def by_command(
    command: list[str], value: Any, *, template: Any, root: Path, hide: Callable[[str], str]
) -> Created:
    """Raises CreateError: it failed or took too long; ProjectError: there is no such command."""
    shown = " ".join(command)
    words = [command[0], *(one.replace("{value}", str(value)) for one in command[1:])]
    with (
        told(f"running {shown}"),
        programs.of_the_project(words, subject=f"{KEY} {shown}", root=root, hide=hide) as program,
    ):
        late = not program.ended(within_s=COMMAND_TIMEOUT_S)
        if late or program.code:
            raise CreateError(
                f"it did not end within {COMMAND_TIMEOUT_S:g} s" if late else program.end,
                fix=f"run it in {root}; its exit code must be 0",
                detail=program.tail() or "it printed nothing",
            )
    return Created(value=value, substitute=_in_place_of(template, value))


def _in_place_of(template: Any, value: Any) -> Mapping[str, str] | None:
    return None if template is None else {str(template): str(value)}
