"""Runs one task in a Project, as whichever user this program runs: JSON on stdin and stdout."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from pytest_schemaguard.address import Address
from pytest_schemaguard.config import Config
from pytest_schemaguard.project import Project
from pytest_schemaguard.project.fence.watch import LOG
from pytest_schemaguard.wire.wire import Wire


def main() -> None:
    order = json.load(sys.stdin)
    root = Path(order["root"])
    config = Config(
        file=root / "pyproject.toml", models=("app:Base",), migrations=None, env=order["env"]
    )
    folder = Path(order["folder"])
    wire = Wire(Path(tempfile.mkdtemp(dir=folder)))
    with Project(
        config,
        lambda: wire.listen(Address(**order["address"]), log=folder / LOG),
        folder=folder,
        fences=order["fences"],
        preload=(),
    ) as project:
        answers = [project.call("inside.attempts", one, timeout_s=60) for one in order["calls"]]
        json.dump(
            {"fence": project.fence, "answers": answers, "refused": project.refused()}, sys.stdout
        )


main()
