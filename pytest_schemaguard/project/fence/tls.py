"""TLS towards a user's server, as libpq does it by the parameters of the user's URL.

https://www.postgresql.org/docs/current/libpq-ssl.html
"""

from __future__ import annotations

import ssl
import struct
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
"""https://www.postgresql.org/docs/current/protocol-message-formats.html"""
_UNENCRYPTED = {"disable", "allow"}
_DEFAULTS = Path("~/.postgresql")
_CHUNK = 1 << 16


def encrypted(far: socket.socket, host: str, options: Mapping[str, str]) -> Tls | None:
    """The connection by TLS, once it stands; None where it goes on without.

    Raises OSError (ssl.SSLError is one): the server has no TLS and `sslmode` asks for it, or the
    certificate is not right.
    """
    mode = options.get("sslmode", "prefer")
    if mode in _UNENCRYPTED:
        return None
    if options.get("sslnegotiation") != "direct":
        far.sendall(SSL_REQUEST)
        if far.recv(1) != b"S":
            if mode == "prefer":
                return None
            raise OSError("the server does not support TLS, and sslmode asks for it")
    tls = Tls(far, _context(mode, options), host)
    tls.begin()
    return tls


def _context(mode: str, options: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.set_alpn_protocols(["postgresql"])
    roots = _file(options, "sslrootcert", "root.crt")
    if options.get("sslrootcert") == "system":
        context.load_default_certs()
        mode = "verify-full"
    elif roots is not None:
        context.load_verify_locations(roots)
    if mode in {"verify-ca", "verify-full"} or (mode == "require" and roots is not None):
        context.check_hostname = mode == "verify-full"
    else:
        context.verify_mode = ssl.CERT_NONE
    revoked = _file(options, "sslcrl", "root.crl")
    if revoked is not None:
        context.load_verify_locations(revoked)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    certificate = _file(options, "sslcert", "postgresql.crt")
    if certificate is not None:
        key = _file(options, "sslkey", "postgresql.key")
        context.load_cert_chain(certificate, key, options.get("sslpassword", ""))
    return context


def _file(options: Mapping[str, str], name: str, default: str) -> Path | None:
    if options.get(name):
        return Path(options[name]).expanduser()
    path = (_DEFAULTS / default).expanduser()
    return path if path.exists() else None


class Tls:
    """What the relay needs of a socket; one thread may read while another writes."""

    def __init__(self, far: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._far = far
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._state = threading.Lock()
        self._sending = threading.Lock()

    def begin(self) -> None:
        """Shake hands. Raises OSError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._receive()
            else:
                self._flush()
                return

    def recv(self, size: int) -> bytes:
        while True:
            try:
                with self._state:
                    return self._tls.read(size)
            except ssl.SSLWantReadError:
                self._flush()  # the other end may have asked for something of TLS's own
                self._receive()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def sendall(self, data: bytes) -> None:
        with self._state:
            self._tls.write(data)
        self._flush()

    def settimeout(self, timeout_s: float | None) -> None:
        self._far.settimeout(timeout_s)

    def shutdown(self, how: int) -> None:
        self._far.shutdown(how)

    def close(self) -> None:
        self._far.close()

    def _flush(self) -> None:
        with self._sending:
            with self._state:
                data = self._outgoing.read()
            if data:
                self._far.sendall(data)

    def _receive(self) -> None:
        data = self._far.recv(_CHUNK)
        with self._state:
            if data:
                self._incoming.write(data)
            else:
                self._incoming.write_eof()
