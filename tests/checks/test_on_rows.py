"""What the checks of a migration have in common about rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.checks.on_rows import names_in
from pytest_schemaguard.migrations.migration import Migration, Script

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('UPDATE Users SET "Full Name" = 1', {"users", "Full Name"}),
        ("""op.execute("UPDATE users SET name = 'x'")""", {"users", "name"}),
        ('''op.execute("""UPDATE "User" SET name = 1""")''', {"User", "name"}),
        ("""op.execute('UPDATE "Us""er" SET name = 1')""", {'Us"er', "name"}),
        ("""op.add_column("Users", sa.Column('k'))""", {"Users", "k"}),
    ],
)
def test_the_names_in_a_migration_are_found(tmp_path: Path, text: str, names: set[str]) -> None:
    path = tmp_path / "m"
    path.write_text(text)
    migration = Migration(revision="m", up=Script(path=path), down=None)
    assert names_in(migration) >= names
