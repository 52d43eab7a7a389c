"""A style for tests alone: both ways in one file, below `-- up` and `-- down`.

Each way is one transaction, unless its mark says `alone` or the configuration says otherwise: what
dbmate's and goose's files need.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_schemaguard.migrations.migration import Migration, Script, part
from pytest_schemaguard.sqltext.files import read, shown

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_schemaguard.migrations.folder import Contained

MARK = re.compile(r"^-- (up|down)( alone)?$", re.MULTILINE)


def migrations(
    folder: Path, *, root: Path, transaction: str | None, contained: Contained
) -> tuple[Migration, ...]:
    def migration(path: Path) -> Migration:
        text = read(path, shown=shown(path, root))
        marks = [*MARK.finditer(text)]
        ends = [*(mark.start() for mark in marks[1:]), len(text)]
        ways = {
            mark[1]: Script(
                path=path,
                line=text.count("\n", 0, mark.start()) + 1,
                sql=part(text, mark.start(), end),
                one_transaction=transaction == "file" or (transaction is None and not mark[2]),
            )
            for mark, end in zip(marks, ends, strict=True)
        }
        return Migration(revision=path.stem, up=ways["up"], down=ways.get("down"))

    paths = sorted(folder.glob("*.sql"))
    unread = [Migration(revision=one.stem, up=Script(path=one)) for one in paths]
    count = contained(unread)
    return (*unread[:count], *map(migration, paths[count:]))
