"""What one line has seen, and what it is to do: for the sessions on it, and for the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pytest_schemaguard.notices import Notices
from pytest_schemaguard.wire.conductor import Conductor, Order
from pytest_schemaguard.wire.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_schemaguard.wire.loop import Loop

MOST_BYTES = 256 << 20
"""Of statements' texts, for one line: they are kept in memory."""


class Held(Protocol):
    """A session that waits for the guard."""

    @property
    def told(self) -> dict[str, Any]:
        """Where it is."""

    def release(self) -> None: ...

    def cut(self) -> None: ...


class Line:
    """Of one run of something."""

    def __init__(
        self,
        loop: Loop,
        *,
        server: dict[str, Any],
        confined_to: str,
        is_read: bool,
        log: str | None,
        orders: Sequence[Sequence[Any]],
    ) -> None:
        self.loop = loop
        self.server = Server(**server)
        self.confined_to = confined_to
        self.is_read = is_read
        self.conductor = Conductor([Order(*one) for one in orders])
        self.sent = 0
        self.notices = Notices()
        self.begun = 0
        self.refused: list[str] = []
        self.late: list[str] = []
        self.lost: list[int] = []
        self.cut: list[int] = []
        self.held: dict[int, Held] = {}
        """By number of the hold."""
        self._log = log
        self._holds = 0
        self._statements: list[dict[str, Any]] = []
        self._bytes = 0

    def keep(self, told: dict[str, Any]) -> None:
        """A statement, as it is sent."""
        self.sent += 1
        told["number"] = self.sent
        self._bytes += len(told["sql"]) if self.is_read else 0
        if self.is_read and self._bytes <= MOST_BYTES:
            self._statements.append(told)

    def refuse(self, tried: str) -> None:
        """Note what was refused, for the guard to tell."""
        self.refused.append(tried)
        if self._log is not None:
            with open(self._log, "a", encoding="utf-8", errors="backslashreplace") as log:  # noqa: PTH123 - no pathlib here
                log.write(f"{tried}\n")

    def hold(self, session: Held) -> None:
        self._holds += 1
        self.held[self._holds] = session

    def let_go(self, session: Held) -> None:
        """It has ended."""
        self.held = {number: one for number, one in self.held.items() if one is not session}

    @property
    def told(self) -> dict[str, Any]:
        """All of it, but for the sessions that are open."""
        return {
            "statements": self._statements,
            "bytes": self._bytes,
            "is_too_much": self._bytes > MOST_BYTES,
            "notices": self.notices.told,
            "begun": self.begun,
            "refused": self.refused,
            "late": self.late,
            "lost": self.lost,
            "cut": self.cut,
        }
