"""What `models` may name, and what is said when it names nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.project.tasks.models import unimported as unimported_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.project.answers.models import Models

USER = """\
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)

"""
BASE = """\
from sqlalchemy.orm import DeclarativeBase

class Base(DeclarativeBase):
    pass
"""


def child(name: str) -> str:
    return (
        "from app.base import Base\nfrom sqlalchemy.orm import Mapped, mapped_column\n"
        f"class {name.title()}(Base):\n    __tablename__ = '{name}'\n"
        "    id: Mapped[int] = mapped_column(primary_key=True)\n"
    )


PACKAGE = {
    "app/__init__.py": "",
    "app/base.py": BASE,
    "app/users/__init__.py": "",
    "app/users/models.py": child("user"),
    "app/posts/models.py": child("post"),
    "app/posts/deep/models.py": child("deep"),
    "app/broken.py": "raise RuntimeError('nobody asked for this one')\n",
}


def tables(models: Models) -> set[str]:
    return {name[-1] for name in models.tables}


@pytest.mark.parametrize(
    ("more", "entry"),
    [
        ("", "models:Base"),
        ("", "models:Base.metadata"),
        ("", "models:User"),
        ("", "models:Base.registry"),
        ("", "models"),
        ("def get():\n    return Base.metadata\n", "models:get"),
        ("def get():\n    return [Base, MetaData()]\n", "models:get"),
        ("class db:\n    Model = Base\n    metadata = Base.metadata\ndb = db()\n", "models:db"),
        ("every = [Base]\n", "models:every"),
    ],
)
def test_every_form_finds_the_tables(read: Callable[..., Models], more: str, entry: str) -> None:
    assert tables(read(USER + more, entry)) == {"user"}


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["app.base:Base", "app.*.models"], {"user", "post"}),
        (["app.*.models"], {"user", "post"}),
        (["app.**.models"], {"user", "post", "deep"}),
        (["app.posts.**"], {"post", "deep"}),
        (["app.base:Base", "app.us?rs.models"], {"user"}),
        (["app.base:Base", "app.users.models", "app.posts.models"], {"user", "post"}),
    ],
)
def test_globs_import_modules_for_their_effect(
    read: Callable[..., Models], entries: list[str], expected: set[str]
) -> None:
    assert tables(read(PACKAGE, *entries)) == expected


def test_bare_tables_without_a_class_are_found(read: Callable[..., Models]) -> None:
    text = (
        "from sqlalchemy import *\nmeta = MetaData()\n"
        "t = Table('t', meta, Column('id', Integer, primary_key=True))\n"
    )
    assert tables(read(text, "models")) == {"t"}


def wrong(read: Callable[..., Models], texts: dict[str, str] | str, *entries: str) -> ProjectError:
    with pytest.raises(ProjectError) as caught:
        read(texts, *entries)
    return caught.value


def test_no_tables_names_the_modules_that_would_bring_them(read: Callable[..., Models]) -> None:
    error = wrong(
        read,
        {
            "app/__init__.py": "",
            "app/base.py": BASE,
            "app/users.py": child("user"),
            "tests/test_users.py": child("no"),
        },
        "app.base:Base",
    )
    assert str(error) == (
        "models app.base:Base: no tables\n"
        "  next: nothing has imported the modules that define them: "
        'models = ["app.base:Base", "app.users"]'
    )


def test_one_entry_without_tables_is_an_error_beside_others(read: Callable[..., Models]) -> None:
    error = wrong(read, {**PACKAGE, "empty.py": BASE}, "app.users.models", "empty:Base")
    assert (error.subject, error.fact) == ("models empty:Base", "no tables")


def test_no_tables_suggests_a_glob_for_modules_of_one_package(
    read: Callable[..., Models],
) -> None:
    texts = {"app/__init__.py": "", "app/base.py": BASE, "app/db/__init__.py": ""}
    texts |= {"app/db/a.py": child("a"), "app/db/b.py": child("b")}
    error = wrong(read, texts, "app.base:Base")
    assert (error.fix or "").endswith('models = ["app.base:Base", "app.db.*"]')


def test_module_not_found_tells_the_nearest(read: Callable[..., Models]) -> None:
    error = wrong(read, PACKAGE, "app.bsae:Base")
    assert str(error) == (
        "models app.bsae:Base: no module 'app.bsae'\n  next: did you mean 'app.base'?"
    )
    assert wrong(read, PACKAGE, "ap.base:Base").fix == "did you mean 'app'?"


def test_module_in_src_says_to_install_the_project(read: Callable[..., Models]) -> None:
    error = wrong(read, {"src/shop/__init__.py": BASE}, "shop:Base")
    assert error.fix == "it is in src/: install the project where pytest runs (pip install -e .)"


def test_glob_that_matches_nothing_lists_what_is_there(read: Callable[..., Models]) -> None:
    error = wrong(read, PACKAGE, "app.*.modles")
    assert error.fact == "no module matches"
    assert error.fix == "app has app.base, app.broken, app.posts, app.users"


def test_name_not_found_tells_the_nearest(read: Callable[..., Models]) -> None:
    error = wrong(read, USER, "models:Bsae")
    assert str(error) == (
        "models.py: models models:Bsae: the module models has no 'Bsae'\n"
        "  next: did you mean 'Base'?"
    )


def test_module_that_fails_names_its_line(read: Callable[..., Models]) -> None:
    text = "import os\n\ndef url():\n    return os.environ['NOT_SET_ANYWHERE']\n\nurl()\n"
    error = wrong(read, text, "models:Base")
    assert str(error).startswith(
        "models.py:4: models models:Base: failed as it was imported: KeyError: 'NOT_SET_ANYWHERE'"
    )
    assert error.fix is not None
    assert "`env`" in error.fix


def test_library_that_is_missing_is_named_with_the_line(read: Callable[..., Models]) -> None:
    error = wrong(read, "x = 1\nimport no_such_library\n", "models:Base")
    assert (error.path, error.line) == ("models.py", 2)
    assert error.fix == "install 'no_such_library' where pytest runs, or mend the import"


def test_syntax_error_names_its_line(read: Callable[..., Models]) -> None:
    error = wrong(read, {"models.py": "import other\n", "other.py": "x = 1\nx = = 2\n"})
    assert (error.path, error.line) == ("other.py", 2)
    assert "SyntaxError: invalid syntax" in error.fact


def test_module_that_ends_the_process_is_told(read: Callable[..., Models]) -> None:
    error = wrong(read, "import sys\nsys.exit(3)\n")
    assert (error.path, error.line) == ("models.py", 2)
    assert "sys.exit(3)" in error.fact


def test_value_that_is_no_metadata_is_told(read: Callable[..., Models]) -> None:
    error = wrong(read, "Base = 3\n")
    assert error.fact == "int 3 is no MetaData and has no .metadata"


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("def Base(settings): ...\n", "the function cannot be called without arguments"),
        ("def Base():\n    raise ValueError('no')\n", "failed as it was called: ValueError: no"),
    ],
)
def test_function_that_cannot_be_called_is_told(
    read: Callable[..., Models], text: str, fact: str
) -> None:
    error = wrong(read, text)
    assert error.fact.startswith(fact)
    assert error.path == "models.py"


def test_relationship_to_a_class_that_nobody_imported_is_told(
    read: Callable[..., Models],
) -> None:
    text = (
        USER.replace("registry\n", "registry, relationship\n")
        + "    posts: Mapped[list['Post']] = relationship()\n"
    )
    error = wrong(read, text)
    assert error.fact.startswith("SQLAlchemy cannot configure the mapped classes")
    assert "'Post'" in (error.detail or "")
    assert "list the module of the class that it names in `models`" in (error.fix or "")


def test_modules_with_tables_that_nothing_imports_are_told_with_their_tables(
    write: Callable[..., Path],
) -> None:
    root = write(
        {
            "models.py": USER,
            "app/__init__.py": "",
            "app/old.py": (
                "class Old(Base):\n    __tablename__ = 'old'\n"
                'class Older(Base):\n    __tablename__: str = "older"\n'
                "link = Table(\n    'link', Base.metadata)\n"
            ),
            "app/hero.py": "class Hero(SQLModel, table=True):\n    id: int\n",
            "app/made.py": "class Made(Base):\n    __tablename__ = f'{PREFIX}_made'\n",
            "app/none.py": "x = 1\n",
            "tests/models.py": "class Old(Base):\n    __tablename__ = 'old'\n",
        }
    )
    found = unimported_task.run({"models": ["models:Base"], "root": str(root), "source": None})
    assert found == {
        "app.hero": ("hero",),
        "app.made": (),
        "app.old": ("old", "older", "link"),
    }
