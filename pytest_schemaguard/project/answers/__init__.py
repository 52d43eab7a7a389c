"""What the project's process may say: the project's code can write into its channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.codec import MisfitError, decode

if TYPE_CHECKING:
    from collections.abc import Mapping

ERROR = {
    "subject": str,
    "fact": str,
    "fix": str | None,
    "detail": str | None,
    "path": str | None,
    "line": int | None,
}
"""A GuardError as JSON has it."""
MESSAGES: Mapping[str, Any] = {
    "progress": str,
    "fence": str,
    "question": str,
    "result": Any,
    "error": ERROR,
    "ended": int,
}
"""What the process says, by the key that tells them apart."""


def wrong_message(message: Any) -> bool:
    """Whether it is none of MESSAGES."""
    if not isinstance(message, dict):
        return True
    kinds = {kind: shape for kind, shape in MESSAGES.items() if kind in message}
    try:
        decode(kinds, message)
    except MisfitError:
        return True
    return not kinds
