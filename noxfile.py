"""What somebody who changes this project runs, by name: `nox -s fast`.

The sessions use .venv, the environment of the README's commands, and make it where it is missing.
.ci/run has the same commands, and needs no nox.
"""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.sessions = ["lint", "fast"]
BIN = Path(__file__).parent / ".venv" / "bin"
TESTS = ("-n", "3", "--dist", "worksteal")


def run(session: nox.Session, program: str, *arguments: str) -> None:
    if not (BIN / program).exists():
        session.run("python3", "-m", "venv", ".venv", external=True)
        session.run(f"{BIN}/pip", "install", "-q", "-e", ".[test]", external=True)
    session.run(f"{BIN}/{program}", *arguments, external=True)


@nox.session(venv_backend="none")
def lint(session: nox.Session) -> None:
    """The rules and the format of ruff, and the types of mypy."""
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")
    run(session, "mypy")


@nox.session(venv_backend="none")
def fast(session: nox.Session) -> None:
    """The tests that start no server and no other pytest (tests/conftest.py): within a minute."""
    run(session, "pytest", "-m", "fast", *TESTS, *session.posargs)


@nox.session(venv_backend="none")
def tests(session: nox.Session) -> None:
    """All tests; `nox -s tests -- tests/catalog` for those of a folder."""
    run(session, "pytest", *TESTS, *session.posargs)


@nox.session(venv_backend="none")
def guard(session: nox.Session) -> None:
    """The guard on this repository's own application."""
    run(session, "pytest", "--schema-guard", "pyproject.toml", *session.posargs)
