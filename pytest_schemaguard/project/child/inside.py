"""What a task on the project's side may ask: where the database is, and how to tell progress."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.redaction import secrets_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address


class Inside:
    """This project process, as its tasks see it."""

    def __init__(
        self,
        *,
        address: Address,
        root: Path,
        folder: Path,
        ports: tuple[int, ...],
        tell: Callable[[str], None],
        ask: Callable[[str], bool],
    ) -> None:
        self.address = address
        """The guard's database as it is reached from here: over the wire."""
        self.root = root
        """The configuration's folder."""
        self.folder = folder
        """The writable folder that `{dir}` stands for."""
        self.tell = tell
        """Say what a long step is doing, for the terminal."""
        self.ask = ask
        """Ask the guard a question that this task is known to have, and wait for the answer."""
        self._ports = list(ports)

    def serving_port(self) -> int:
        """A free port on 127.0.0.1 for an application, which the fence lets this process reach.

        Raises ProjectError when all are taken.
        """
        for port in list(self._ports):
            # The one that was given away last comes last: it may be about to be listened on.
            self._ports.append(self._ports.pop(0))
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    one.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port
        raise ProjectError(
            "the application",
            f"all ports kept for it are taken: {', '.join(map(str, self._ports))}",
            fix="end what it has started before",
        )


_here: list[Inside] = []


def here() -> Inside:
    """This project process. RuntimeError outside of one."""
    if not _here:
        raise RuntimeError("this is not the project's side")
    return _here[0]


def known_passwords() -> frozenset[str]:
    """What a task must not tell: of the variables, and of the database whatever holds it."""
    own = {one.address.password for one in _here}
    return secrets_in(os.environ) | own


def enter(inside: Inside) -> None:
    """Called once, by the child."""
    _here[:] = [inside]
