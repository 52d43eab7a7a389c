"""Histories as their files say them, and the words for those that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.project.tasks.alembic_project import (  # noqa: F401 - two of them are fixtures
    INI,
    LOGGING,
    AlembicProject,
    Tasks,
    make,
    small_fixture,
    tasks_fixture,
)
from tests.through_json import through_json

if TYPE_CHECKING:
    from pathlib import Path

SELECT = "op.execute('SELECT 1')"


def test_revisions_come_in_the_order_of_upgrade_heads_with_file_and_line(
    tasks: Tasks, small: AlembicProject
) -> None:
    small.add("two", SELECT, SELECT, after="one")
    path = small.add("one", SELECT, None, branch_labels=("main",))
    small.add("left", SELECT, "raise NotImplementedError('no way')", after="two")
    small.add("right", SELECT, "'''None.'''\npass", after="two")
    small.add("merge", after=("left", "right"))
    small.add("far", SELECT, SELECT, depends_on=("main", "left"), branch_labels="other")
    history = tasks.history(small)
    assert history == through_json(history)
    names = [one.revision for one in history.revisions]
    assert sorted(names) == ["far", "left", "merge", "one", "right", "two"]
    for one in history.revisions:
        for below in (*one.down, *one.depends_on):
            assert names.index(below) < names.index(one.revision)
    by_name = {one.revision: one for one in history.revisions}
    first = by_name["one"]
    assert (first.path, first.line, first.message) == (str(path), 7, "The one revision.")
    assert (first.branch_labels, by_name["two"].branch_labels) == (("main",), ())
    assert by_name["merge"].down == ("left", "right")
    assert by_name["far"].depends_on == ("one", "left")
    assert {name for name, one in by_name.items() if one.has_way_back} == {"two", "merge", "far"}
    assert sorted(history.heads) == ["far", "merge"]
    assert history.target == tuple(names)
    assert history.env == str(small.root / "migrations/env.py")
    assert history.script_location == str(small.root / "migrations")
    assert history.folder == "root"


def test_target_is_what_upgrade_to_it_would_run(tasks: Tasks, tmp_path: Path) -> None:
    small = make(tmp_path, target="other@head")
    small.add("one", SELECT)
    small.add("two", SELECT, after="one")
    small.add("far", SELECT, branch_labels="other", depends_on="one")
    history = tasks.history(small)
    assert history.target == ("one", "far")
    assert len(history.revisions) == 3


@pytest.mark.parametrize("setting", ["recursive", "several"])
def test_version_locations_are_all_read(tasks: Tasks, small: AlembicProject, setting: str) -> None:
    lines = {
        "recursive": "recursive_version_locations = true\n",
        "several": "path_separator = space\n"
        "version_locations = migrations/versions %(here)s/migrations/versions/deep\n",
    }
    small.write("alembic.ini", INI + lines[setting])
    small.add("one", SELECT)
    small.add("two", SELECT, after="one", folder="migrations/versions/deep")
    assert [one.revision for one in tasks.history(small).revisions] == ["one", "two"]


@pytest.mark.parametrize("layout", ["inside", "here", "package", "flask-migrate", "pyproject"])
def test_script_location_is_found_from_the_root_or_from_the_inis_folder(
    tasks: Tasks, tmp_path: Path, layout: str
) -> None:
    inis = {
        "inside": INI,
        "here": INI.replace("migrations", "%(here)s/migrations"),
        "package": INI.replace("migrations", "service:migrations"),
        "flask-migrate": LOGGING.replace(
            "[loggers]", "[alembic]\n# file_template = x\n\n[loggers]"
        ),
        "pyproject": None,
    }
    ini = tmp_path / "service" / "alembic.ini"
    small = make(tmp_path, ini=None, env=None)
    service = make(tmp_path / "service", ini=inis[layout])
    source = {**small.source, "ini": str(ini)}
    if layout == "flask-migrate":
        service.write("migrations/alembic.ini", inis[layout] or "")
        source["ini"] = str(tmp_path / "service/migrations/alembic.ini")
    if layout == "pyproject":
        pytest.importorskip("alembic", minversion="1.16")
        source["ini"] = str(
            service.write(
                "pyproject.toml", '[tool.alembic]\nscript_location = "%(here)s/migrations"'
            )
        )
    service.add("one", SELECT)
    history = tasks.history(AlembicProject(root=tmp_path, source=source))
    assert history.script_location == str(tmp_path / "service/migrations")
    assert history.folder == ("ini" if layout == "inside" else "root")


def failure(tasks: Tasks, small: AlembicProject) -> str:
    return tasks.failing(small).replace(str(small.root), "ROOT")


def test_history_without_a_revision_has_no_head(tasks: Tasks, small: AlembicProject) -> None:
    assert failure(tasks, small) == (
        "migrations alembic.ini: no head: there is no revision in ROOT/migrations/versions\n"
        "  next: `version_locations` names the folders of revisions, if not versions/"
    )


def test_missing_revision_is_told_with_the_file_that_names_it(
    tasks: Tasks, small: AlembicProject
) -> None:
    small.add("ae10", SELECT)
    small.add("ae11", SELECT, after="ae01")
    assert failure(tasks, small) == (
        "migrations/versions/ae11.py:5: migrations alembic.ini: down_revision 'ae01' of ae11 is"
        " missing: no file has that revision\n"
        "  next: did you mean 'ae10'?"
    )
    small.add("ae11", SELECT, after="ae10", depends_on="zzz")
    assert failure(tasks, small) == (
        "migrations/versions/ae11.py:6: migrations alembic.ini: depends_on 'zzz' of ae11 is"
        " missing: no file has that revision\n"
        "  next: restore its file, or mend the name"
    )


def test_cycle_names_the_revisions_in_it(tasks: Tasks, small: AlembicProject) -> None:
    small.add("one", SELECT)
    small.add("two", SELECT, after=("one", "four"))
    small.add("three", SELECT, after="two")
    small.add("four", SELECT, after="three")
    small.add("five", SELECT, after="four")
    assert failure(tasks, small) == (
        "migrations/versions/four.py:5: migrations alembic.ini: a cycle:"
        " four -> three -> two -> four, each after the next\n"
        "  next: mend the down_revision or depends_on of one of them"
    )


def test_two_files_with_one_revision_are_both_named(tasks: Tasks, small: AlembicProject) -> None:
    small.add("one", SELECT, file="a")
    small.add("one", SELECT, file="b")
    assert failure(tasks, small) == (
        "migrations/versions/b.py:4: migrations alembic.ini: two files have the revision one:"
        " migrations/versions/a.py and migrations/versions/b.py\n"
        "  next: give one of them an id of its own: alembic takes the one that it reads last"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("def upgrade(:", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "it called sys.exit(3)"),
    ],
)
def test_revision_that_fails_as_it_is_imported_is_told_with_its_line(
    tasks: Tasks, small: AlembicProject, text: str, words: str
) -> None:
    small.write("migrations/versions/bad.py", f"revision = 'bad'\ndown_revision = None\n{text}\n")
    assert failure(tasks, small).startswith(
        "migrations/versions/bad.py:3: migrations alembic.ini: a revision failed as it was"
        f" imported: {words}"
    )


def test_file_without_a_revision_is_told(tasks: Tasks, small: AlembicProject) -> None:
    small.write("migrations/versions/stray.py", "x = 1\n")
    assert "Could not determine revision id from filename stray.py" in failure(tasks, small)


def test_script_location_that_is_nowhere_names_both_places_tried(
    tasks: Tasks, tmp_path: Path
) -> None:
    make(tmp_path / "service", ini=INI.replace("migrations", "alembik"))
    source = make(tmp_path, ini=None).source
    small = AlembicProject(
        root=tmp_path, source={**source, "ini": str(tmp_path / "service/alembic.ini")}
    )
    assert failure(tasks, small) == (
        "service/alembic.ini: migrations service/alembic.ini: no script_location alembik: tried"
        " from ROOT and ROOT/service\n"
        "  next: `script_location = %(here)s/migrations`"
    )


def test_missing_section_lists_those_of_the_ini(tasks: Tasks, tmp_path: Path) -> None:
    small = make(tmp_path, ini=INI + "[billing]\nscript_location = x\n" + LOGGING, section="biling")
    assert failure(tasks, small) == (
        'migrations alembic.ini: no section [biling]\n  next: did you mean section = "billing"?'
    )
    small = make(tmp_path, ini=INI + "[billing]\n" + LOGGING, section="other")
    assert failure(tasks, small) == (
        "migrations alembic.ini: no section [other]\n  next: it has [alembic], [billing]"
    )


def test_section_is_the_one_that_is_named(tasks: Tasks, tmp_path: Path) -> None:
    ini = "[alembic]\nscript_location = nowhere\n[billing]\nscript_location = migrations\n"
    small = make(tmp_path, ini=ini, section="billing")
    small.add("one", SELECT)
    assert tasks.history(small).heads == ("one",)


@pytest.mark.parametrize(
    ("ini", "words"),
    [
        (
            "[alembic]\nprepend_sys_path = .\n",
            (
                "migrations alembic.ini: no script_location in [alembic]\n"
                "  next: write `script_location = %(here)s/migrations` below [alembic]"
            ),
        ),
        (
            "script_location = migrations\n",
            (
                "ROOT/alembic.ini:1: migrations alembic.ini: File contains no section headers."
                " file: 'ROOT/alembic.ini', line: 1 'script_location = migrations\\n'\n"
                "  next: mend the file: https://docs.python.org/3/library/configparser.html"
            ),
        ),
        (
            "[alembic]\nscript_location = 100%\n",
            (
                "migrations alembic.ini: '%' must be followed by '%' or '(', found: '%'\n"
                "  next: mend `script_location`"
            ),
        ),
        (
            None,
            "migrations alembic.ini: no file ROOT/alembic.ini\n  next: did you mean other.ini?",
        ),
    ],
)
def test_ini_that_cannot_be_used_is_told(
    tasks: Tasks, tmp_path: Path, ini: str | None, words: str
) -> None:
    small = make(tmp_path, ini=ini)
    small.write("other.ini", INI)
    assert failure(tasks, small) == words


def test_script_location_without_env_py_is_told(tasks: Tasks, tmp_path: Path) -> None:
    small = make(tmp_path, env=None)
    small.add("one", SELECT)
    assert failure(tasks, small) == (
        "migrations alembic.ini: no env.py in ROOT/migrations\n"
        "  next: `script_location` names the folder that `alembic init` made"
    )


def test_target_that_is_several_heads_is_told(tasks: Tasks, tmp_path: Path) -> None:
    small = make(tmp_path, target="head")
    small.add("one", SELECT)
    small.add("two", SELECT)
    assert failure(tasks, small) == (
        "target head: Multiple head revisions are present for given argument 'head'; please"
        " specify a specific target revision, '<branchname>@head' to narrow to a specific head,"
        " or 'heads' for all heads\n"
        '  next: target = "heads" for all; there are one, two'
    )


FUNCTIONS = """
from alembic.config import Config
import os

def good():
    config = Config()
    config.set_main_option("script_location", os.path.abspath("migrations"))
    return config

def given(url):
    assert url.startswith("postgresql+psycopg2://app:secret@")
    return good()

def two(a, b): ...

def other():
    return {"script_location": "migrations"}

def lacking():
    return Config()

def failing():
    raise LookupError("no settings")
"""


@pytest.mark.parametrize("name", ["good", "given"])
def test_config_of_a_function_is_used(tasks: Tasks, tmp_path: Path, name: str) -> None:
    small = make(tmp_path, ini=None, function=f"factory:{name}")
    small.write("factory.py", FUNCTIONS)
    small.add("one", SELECT)
    assert (tasks.history(small).heads, tasks.history(small).folder) == (("one",), "function")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "two",
            (
                "migrations factory:two: the function takes 2 arguments\n"
                "  next: name a function of no argument, or of one: the database's URL"
            ),
        ),
        (
            "other",
            (
                "migrations factory:other: it returned dict {'script_location': 'migrations'}, no"
                " alembic Config\n  next: return alembic.config.Config(...)"
            ),
        ),
        (
            "lacking",
            (
                "migrations factory:lacking: the Config that it returned has no script_location\n"
                '  next: config.set_main_option("script_location", ...)'
            ),
        ),
        (
            "failing",
            (
                "factory.py:23: migrations factory:failing: failed as it was called:"
                " LookupError: no settings"
            ),
        ),
        ("gone", "factory.py: migrations factory:gone: the module factory has no 'gone'"),
    ],
)
def test_function_that_makes_no_config_is_told(
    tasks: Tasks, tmp_path: Path, name: str, words: str
) -> None:
    small = make(tmp_path, ini=None, function=f"factory:{name}")
    small.write("factory.py", FUNCTIONS)
    assert failure(tasks, small).startswith(words)
