"""The variables of the processes that the guard starts and that are none of the project's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NEEDED = frozenset(
    {
        "PATH",
        "HOME",
        "TMPDIR",
        # Where the loader finds libraries: ld.so(8), dyld(1).
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "DYLD_LIBRARY_PATH",
        "DYLD_FALLBACK_LIBRARY_PATH",
        # Users that no file names: nss_wrapper(1).
        "NSS_WRAPPER_PASSWD",
        "NSS_WRAPPER_GROUP",
    }
)
_ENGINE = frozenset({"SSH_AUTH_SOCK"})


def needed(environ: Mapping[str, str]) -> dict[str, str]:
    """What PostgreSQL's programs and the keeper need, with messages in English.

    No password, token or URL: a server may run as another user, and outlives the tests. Nor what
    changes a server (PGDATA, PGPORT, TZ, ...).
    """
    kept = {name: value for name, value in environ.items() if name in NEEDED}
    return {**kept, "LC_ALL": "C"}


def needed_for_docker(environ: Mapping[str, str]) -> dict[str, str]:
    """What a client of Docker's engine needs besides: where the engine is, and the way there."""
    engine = {
        name: value
        for name, value in environ.items()
        if name in _ENGINE or name.startswith("DOCKER_") or name.lower().endswith("_proxy")
    }
    return {**needed(environ), **engine}
