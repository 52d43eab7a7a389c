"""The project's side: a child process for the project's code, behind a fence.

Models, env.py, runners and the application run here and never in pytest's process. What is
imported here is imported in the child too, so this file imports nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_schemaguard.project.process import Project

__all__ = ["Project"]


def __getattr__(name: str) -> Any:
    if name == "Project":
        from pytest_schemaguard.project.process import Project

        return Project
    raise AttributeError(name)
