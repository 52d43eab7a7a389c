"""Removes the containers of one attempt to start a server: the keeper runs it when a run ends.

`python -I removal.py {"path": [...], "attempt": ...}`. What it looks for may not be there yet: a
process that was killed while it asked the engine for a container leaves one a moment later.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

LABEL = "schema-guard.attempt"
PATIENCE_S = 3.0
DEADLINE_S = 30.0
POLL_S = 0.2


def main() -> None:
    request = json.loads(sys.argv[1])
    sys.path[:] = request["path"]
    import docker
    from docker.errors import APIError

    engine = docker.from_env()
    begin, seen = time.monotonic(), False
    while time.monotonic() - begin < DEADLINE_S:
        found = engine.containers.list(
            all=True, ignore_removed=True, filters={"label": f"{LABEL}={request['attempt']}"}
        )
        if not found and (seen or time.monotonic() - begin > PATIENCE_S):
            return
        for container in found:
            seen = True
            with contextlib.suppress(APIError):  # gone already, or on its way
                container.remove(force=True, v=True)
        time.sleep(POLL_S)


if __name__ == "__main__":
    main()
