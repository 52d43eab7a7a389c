"""A process that has imported the libraries, and runs each task in a fork: JSON lines in and out.

The fence is left out here; what runs behind it is in test_alembic_through_project.py.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from pytest_schemaguard.address import Address
from pytest_schemaguard.codec import dumps
from pytest_schemaguard.project.child import TASKS, forks, preload
from pytest_schemaguard.project.child.inside import Inside, enter

LIBRARIES = ("alembic.command", "psycopg", "psycopg2", "asyncpg", "sqlalchemy.ext.asyncio")


def agree(question: str) -> bool:
    """The guard of these tests has every task go on."""
    return bool(question)


def main() -> None:
    preload(list(LIBRARIES))
    answers = os.fdopen(int(sys.argv[1]), "w", buffering=1)

    def say(message: dict[str, Any]) -> None:
        answers.write(dumps(message) + "\n")

    for line in sys.stdin:
        order = json.loads(line)
        forks.answer_in_fork(lambda order=order: say(answered(**order)), say)  # type: ignore[misc]


def answered(
    root: str, env: dict[str, str], address: dict[str, Any], task: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    from pytest_schemaguard.errors import GuardError
    from pytest_schemaguard.project.failure import words

    os.chdir(root)
    os.environ.update(env)
    sys.path.insert(0, root)
    sys.dont_write_bytecode = True
    place = Path(root)
    told: list[str] = []
    enter(
        Inside(
            address=Address(**address),
            root=place,
            folder=place,
            ports=(),
            tell=told.append,
            ask=agree,
        )
    )
    try:
        module = importlib.import_module(f"{TASKS}.{task.replace('/', '.')}")
        return {"result": module.run(arguments), "told": told}
    except GuardError as error:
        return {"error": error.fields()}
    except BaseException as error:  # noqa: BLE001 - told as the child does
        return {"error": words(error, subject=task, root=place).fields()}


if __name__ == "__main__":
    main()
