"""The one server that a line leads to, and the way there."""

from __future__ import annotations

import socket

from pytest_schemaguard.wire.ends import End

CONNECT_S = 30.0
_UNENCRYPTED = {"disable", "allow"}


class Server:
    """By its socket in the folder `host`, or by TCP; `name` is what its certificate is for."""

    def __init__(self, *, host: str, name: str, port: int, options: dict[str, str]) -> None:
        self._host, self._name, self._port, self._options = host, name, port, options
        self.is_encrypted = not host.startswith("/")
        """Whether it may be: then it offers what the client cannot do without."""

    def __str__(self) -> str:
        return f"{self._host}:{self._port}"

    def connect_at_once(self) -> End | None:
        """To a server by its socket; None where that must be waited for."""
        if self.is_encrypted:
            return None
        try:
            return self._by_socket(0)
        except OSError:
            return None

    def connect(self) -> End:
        """To the server; waits for it. Raises OSError."""
        if not self.is_encrypted:
            return self._by_socket(CONNECT_S)
        far = socket.create_connection((self._host, self._port), CONNECT_S)
        try:
            if self._options.get("sslmode") in _UNENCRYPTED:
                return End(far)
            from pytest_schemaguard.wire import tls

            return tls.encrypted(far, self._name, self._options)
        except BaseException:
            far.close()
            raise

    def _by_socket(self, timeout_s: float) -> End:
        far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            far.settimeout(timeout_s)
            far.connect(f"{self._host}/.s.PGSQL.{self._port}")
        except BaseException:
            far.close()
            raise
        return End(far)
