"""TLS towards a user's server, as libpq does it by the parameters of the user's URL.

https://www.postgresql.org/docs/current/libpq-ssl.html
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_schemaguard.wire.ends import CHUNK, End
from pytest_schemaguard.wire.startup import SSL_REQUEST

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

_UNENCRYPTED = {"disable", "allow"}
_DEFAULTS = Path("~/.postgresql")


def encrypted(far: socket.socket, host: str, options: Mapping[str, str]) -> End:
    """The connection, by TLS where `sslmode` and the server want it; waits for it.

    Raises OSError (ssl.SSLError is one): the server has no TLS and `sslmode` asks for it, or the
    certificate is not right.
    """
    mode = options.get("sslmode", "prefer")
    if mode in _UNENCRYPTED:
        return End(far)
    if options.get("sslnegotiation") != "direct":
        far.sendall(SSL_REQUEST)
        if far.recv(1) != b"S":
            if mode == "prefer":
                return End(far)
            raise OSError("the server does not support TLS, and sslmode asks for it")
    return TlsEnd(far, _context(mode, options), host)


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


class TlsEnd(End):
    """An end whose bytes are encrypted. Raises OSError where the handshake fails."""

    def __init__(self, far: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                far.sendall(self._outgoing.read())
                self._take(far.recv(CHUNK))
            else:
                far.sendall(self._outgoing.read())
                break
        super().__init__(far)

    def read(self) -> bytes | None:
        data = super().read()
        if data is None:
            return None
        self._take(data)
        parts = []
        try:
            while part := self._tls.read(CHUNK):
                parts.append(part)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        if (
            answer := self._outgoing.read()
        ):  # the other end may have asked for something of TLS's own
            super().write(answer)
        return b"".join(parts) or (None if data else b"")

    def write(self, data: bytes) -> None:
        if data:
            self._tls.write(data)
            super().write(self._outgoing.read())

    def _take(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
