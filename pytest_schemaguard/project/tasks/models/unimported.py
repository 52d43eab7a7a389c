"""Which modules of the project define tables, and the models do not come to import them.

Arguments: `models`, `root` and `source`, as of `models/read`. The answer is
`{"app.billing": ["invoice"]}`, by module the names of its tables as far as its text tells them.
Raises ProjectError.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_schemaguard.project.tasks.models.targets import resolve, unimported


def run(arguments: dict[str, Any]) -> Any:
    root = Path(arguments["root"]).resolve()
    # Another process of the run may have read the models: here they may not be imported yet.
    resolve(arguments["models"], root, arguments["source"])
    return unimported(root)
