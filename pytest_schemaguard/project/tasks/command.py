"""A command of the project's, once: its migration runner as the project runs it.

Arguments: `subject`, `root`, `command` (its words), `version` (what `{version}` in them stands for,
or None) and `timeout_s`. The answer: `{"exit_code" (null: it was ended when its time was up;
negative: that signal ended it), "seconds", "output" (its last lines, without secrets)}`.
Raises ProjectError: no such command, one that cannot be started.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pytest_schemaguard import command_words
from pytest_schemaguard.project import programs
from pytest_schemaguard.project.child.inside import here, known_passwords
from pytest_schemaguard.project.tasks.telling import told
from pytest_schemaguard.redaction import redacted


def run(arguments: dict[str, Any]) -> dict[str, Any]:
    words = command_words.filled(
        arguments["command"],
        here().address,
        str(here().folder),
        version=arguments["version"],
    )
    began = time.perf_counter()
    with (
        told(f"running {words[0]}"),
        programs.without_orphans(),
        programs.of_the_project(
            words,
            subject=arguments["subject"],
            root=Path(arguments["root"]),
            hide=lambda text: redacted(text, known_passwords()),
        ) as program,
    ):
        ended = program.ended(within_s=arguments["timeout_s"])
        code = program.code if ended else None
        program.kill()  # with all that it has started: a session that stays would hold its locks
        return {
            "exit_code": code,
            "seconds": time.perf_counter() - began,
            "output": program.tail(),
        }
