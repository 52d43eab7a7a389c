"""Which edits of a file change what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_schemaguard.migrations.sense import DOWNGRADE, revision_in, sense

SQL, PYTHON, OTHER = Path("0001_x.sql"), Path("a1_x.py"), Path("0001.go")
OLD_SQL = "CREATE TABLE t (id int, note text DEFAULT 'a  b');\nINSERT INTO t VALUES (1);\n"
OLD_PYTHON = '''"""Old words."""
import sqlalchemy as sa
from alembic import op

revision = "a1"
down_revision = None


def upgrade():
    """Makes t."""
    op.create_table("t", sa.Column("id", sa.Integer))


def downgrade():
    op.drop_table("t")
'''
SAME = {
    "comments": (SQL, OLD_SQL.replace("INSERT", "-- rows\n/* a /* nested */ one */ INSERT")),
    "layout": (SQL, OLD_SQL.replace(" (id", "\n\t(\n  id").replace("\n", "\r\n")),
    "a byte-order mark": (SQL, "\ufeff" + OLD_SQL),
    "words in capitals": (SQL, OLD_SQL.replace("INSERT INTO t", "insert into T")),
    "docstrings": (PYTHON, OLD_PYTHON.replace("Old words", "New").replace("Makes", "It makes")),
    "no docstring": (PYTHON, OLD_PYTHON.replace('    """Makes t."""\n', "")),
    "no docstring of the module": (PYTHON, OLD_PYTHON.replace('"""Old words."""\n', "")),
    "Python's comments": (PYTHON, OLD_PYTHON.replace("    op.create", "    # t\n\n    op.create")),
    "Python's layout": (PYTHON, OLD_PYTHON.replace('"t", sa', "\n    't',\n    sa")),
    "annotations": (
        PYTHON,
        OLD_PYTHON.replace("revision =", "revision: str =", 1).replace("():", "() -> None:"),
    ),
    "the order of imports": (
        PYTHON,
        OLD_PYTHON.replace("import sqlalchemy as sa\n", "").replace(
            "import op\n", "import op\nimport sqlalchemy as sa\n"
        ),
    ),
    "pass": (PYTHON, OLD_PYTHON.replace('op.drop_table("t")', 'op.drop_table("t")\n    pass')),
}
OTHERWISE = {
    "in a string": (SQL, OLD_SQL.replace("a  b", "a b")),
    "a quoted name": (SQL, OLD_SQL.replace(" t ", ' "T" ')),
    "a statement": (SQL, OLD_SQL + "SELECT 1;"),
    "what a comment hides": (SQL, OLD_SQL.replace("INSERT", "-- INSERT")),
    "the order": (SQL, "\n".join(reversed(OLD_SQL.splitlines()))),
    "an argument": (PYTHON, OLD_PYTHON.replace("sa.Integer", "sa.BigInteger")),
    "the downgrade": (PYTHON, OLD_PYTHON.replace('drop_table("t")', 'drop_table("u")')),
    "what it follows": (PYTHON, OLD_PYTHON.replace("down_revision = None", "down_revision = 'z'")),
    "an import": (PYTHON, OLD_PYTHON.replace("import op", "import op, context")),
    "text of another kind": (OTHER, OLD_SQL.replace("INSERT", "-- rows\nINSERT")),
    "what cannot be split": (SQL, OLD_SQL + "SELECT '"),
    "what cannot be parsed": (PYTHON, OLD_PYTHON + "def"),
}


def old(path: Path) -> bytes:
    return (OLD_PYTHON if path == PYTHON else OLD_SQL).encode()


@pytest.mark.parametrize("edit", SAME)
def test_an_edit_that_changes_nothing(edit: str) -> None:
    path, text = SAME[edit]
    assert text.encode() != old(path)
    assert sense(path, text.encode()) == sense(path, old(path))


@pytest.mark.parametrize("edit", OTHERWISE)
def test_an_edit_that_changes_something(edit: str) -> None:
    path, text = OTHERWISE[edit]
    assert sense(path, text.encode()) != sense(path, old(path))


def test_line_ends_are_those_of_the_checkout() -> None:
    body = b"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$\nSELECT 1;\n$$;\n"
    assert sense(SQL, body.replace(b"\n", b"\r\n")) == sense(SQL, body)


def test_a_downgrade_is_told_apart() -> None:
    _, edited = OTHERWISE["the downgrade"]
    texts = (edited, OLD_PYTHON)
    first, then = (sense(PYTHON, one.encode(), without=[DOWNGRADE]) for one in texts)
    assert first == then
    _, edited = OTHERWISE["an argument"]
    assert sense(PYTHON, edited.encode(), without=[DOWNGRADE]) != first


def test_bytes_that_are_no_text_are_compared_as_they_are() -> None:
    assert sense(SQL, b"SELECT '\xff'") != sense(SQL, b"SELECT '\xfe'")


@pytest.mark.parametrize(
    ("text", "revision"),
    [
        (OLD_PYTHON, "a1"),
        ("revision: str = 'b2'", "b2"),
        ("revision = make()", None),
        ("other = 'b2'", None),
        ("def f():\n    revision = 'b2'", None),
        ("revision = (", None),
        ("\0", None),
    ],
)
def test_the_id_that_a_revision_gives_itself(text: str, revision: str | None) -> None:
    assert revision_in(text.encode()) == revision
