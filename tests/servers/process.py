"""A process of a run, to be killed: `python process.py begin|join SPECIFICATION`.

It prints what it has as one JSON line, and then waits; `close` on its input ends it in order.
"""

from __future__ import annotations

import json
import os
import resource
import sys

from pytest_schemaguard import run as run_module
from pytest_schemaguard.errors import GuardError
from pytest_schemaguard.run import Run
from pytest_schemaguard.servers import Databases, Wanted, obtain, release_at_end


def main() -> None:
    what, specification = sys.argv[1], json.loads(sys.argv[2])
    if specification.get("apart"):  # beside no run of others
        run_module.MEMORY, run_module.OTHERS = "", ()
    run_module.ROOM_BYTES = specification.get("room", run_module.ROOM_BYTES)
    report: dict[str, object] = {"pid": os.getpid()}
    files = specification.get("files")
    if files is not None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if specification.get("python"):
        sys.executable = specification["python"]
    try:
        run = Run.begin() if what == "begin" else Run.join(specification["invitation"])
        report["folder"] = str(run.folder)
        report["invitation"] = run.invitation
        if specification.get("released") is not None:
            release_at_end(Wanted(**specification["released"]), run)
        if specification.get("wanted") is not None:
            server = obtain(Wanted(**specification["wanted"]), run)
            databases = Databases(server, run)
            databases.create(f"of_{os.getpid()}")
            report["server"] = server.to_json()
            report["database"] = databases.address(f"of_{os.getpid()}").url()
        report["notes"] = run.notes
    except GuardError as error:
        report["error"] = str(error)
    print(json.dumps(report), flush=True)
    if sys.stdin.readline().strip() == "close":
        run.close(wait=True)
        print(json.dumps(run.notes), flush=True)


if __name__ == "__main__":
    main()
