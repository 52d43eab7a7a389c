"""One file that holds both ways: what a style that is served later needs of everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.config import Config, SqlMigrations
from pytest_schemaguard.configuration.settings import load
from pytest_schemaguard.errors import ConfigError, MigrationError
from pytest_schemaguard.migrations import source_of, styles
from pytest_schemaguard.migrations.judging import Judging
from pytest_schemaguard.migrations.session import run_script
from pytest_schemaguard.migrations.source import Reach
from pytest_schemaguard.progress import Progress
from tests.guarded import processes
from tests.migrations.styles import both_ways
from tests.repository import Repository, without_configuration

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pytest_schemaguard.address import Address
    from pytest_schemaguard.migrations.file_run import FileRun
    from pytest_schemaguard.migrations.migration import Migration
    from pytest_schemaguard.migrations.source import Source

GOOD = """\
-- The first table
-- up
CREATE TABLE t (a integer);

-- down
DROP TABLE t;
"""


@pytest.fixture(autouse=True)
def _style(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(styles.STYLES, "both-ways", both_ways.__name__)


def source(root: Path, transaction: str | None = None) -> tuple[Config, Source]:
    folder = root / "migrations"
    where = SqlMigrations(folder=folder, style="both-ways", transaction=transaction)
    config = Config(file=root / "pyproject.toml", models=(), migrations=where)

    def unused(*_: Any, **__: Any) -> Any:
        raise AssertionError

    reach = Reach(
        config=config,
        databases=unused,
        processes=processes(config, databases=unused, wire=unused),
        once=unused,
        progress=Progress(),
    )
    return config, source_of(reach)


@pytest.fixture
def only(write: Callable[..., Path], tmp_path: Path) -> Callable[..., Migration]:
    """The migration of this text."""

    def only_(text: str, transaction: str | None = None) -> Migration:
        write("migrations/1.sql", text)
        (found,) = source(tmp_path, transaction)[1].migrations()
        return found

    return only_


@pytest.fixture
def down(
    only: Callable[..., Migration],
    database: Address,
    connect: Callable[[Address], Any],
    tmp_path: Path,
) -> Callable[..., FileRun]:
    """Runs the way back of a file, which begins in line 5."""

    def down_(text: str, transaction: str | None = None) -> FileRun:
        script = only(f"-- up\nSELECT 1;\n\nSELECT 2;\n-- down\n{text}", transaction).down
        assert script is not None
        return run_script(connect(database), script, statement_timeout_s=20, root=tmp_path)

    return down_


def test_the_configuration_knows_the_style_by_the_list(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("migrations/1.sql", GOOD)
    table = '[tool.schema-guard]\nmodels = "a:b"\nmigrations = {{ sql = "migrations", style = {} }}'
    (config,) = load(write("pyproject.toml", table.format('"both-ways"')))
    assert config.migrations == SqlMigrations(folder=tmp_path / "migrations", style="both-ways")
    with pytest.raises(ConfigError) as caught:
        load(write("pyproject.toml", table.format('"bothways"')))
    assert str(caught.value).endswith(
        "migrations.style: no 'bothways'\n"
        "  next: did you mean `both-ways`? the values are plain, both-ways"
    )


def test_each_way_is_a_script_of_its_own(only: Callable[..., Migration], tmp_path: Path) -> None:
    one = only(GOOD)
    assert one.down is not None
    assert one.files == frozenset({tmp_path / "migrations/1.sql"})
    assert (one.up.line, one.down.line) == (2, 5)
    assert one.up.sql == "\n-- up\nCREATE TABLE t (a integer);\n\n"
    assert one.down.sql == "\n\n\n\n-- down\nDROP TABLE t;\n"
    assert one.up.content != one.down.content


@pytest.mark.parametrize(
    ("transaction", "expected"),
    [(None, (True, False)), ("file", (True, True)), ("statement", (False, False))],
)
def test_a_style_says_for_each_way_whether_it_is_one_transaction(
    only: Callable[..., Migration], transaction: str | None, expected: tuple[bool, bool]
) -> None:
    one = only(GOOD.replace("-- down", "-- down alone"), transaction)
    assert one.down is not None
    assert (one.up.one_transaction, one.down.one_transaction) == expected
    assert (one.up.content[0], one.down.content[0]) == expected


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("SELECT 1/0;", 6),
        ("SELECT 1;\nSELECT\n  nope;", 8),
        ("DO $$\nBEGIN\n  PERFORM 1/0;\nEND\n$$;", 8),
        ("CREATE TABLE t (a integer);\nCOPY t FROM stdin;\n1\nx\n\\.\n", 9),
        ("SELECT '\\\\';\nSELECT 1/0;", 7),
    ],
)
def test_an_error_is_told_with_its_line_of_the_file(
    down: Callable[..., FileRun], text: str, line: int
) -> None:
    done = down(text)
    assert done.place("migrations/1.sql") == ("migrations/1.sql", line)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT 1;\nSELECT 'a\n", "migrations/1.sql:7: string: has no end"),
        ("SELECT (1;\n", "migrations/1.sql:6: parenthesis: has no end"),
        ("\n\\i x.sql\n", "migrations/1.sql:7: \\i: is a command of psql"),
        ("SELECT 1;\nSELECT :'HOST';\n", "migrations/1.sql:7: :'HOST': is a variable that psql"),
        ("COPY t FROM stdin; 1\n", "migrations/1.sql:6: COPY ... FROM stdin: is followed by more"),
    ],
)
def test_what_cannot_be_split_is_told_with_its_line_of_the_file(
    down: Callable[..., FileRun], text: str, words: str
) -> None:
    with pytest.raises(MigrationError) as caught:
        down(text)
    assert str(caught.value).startswith(words)


def test_a_commit_is_told_with_its_line_of_the_file(down: Callable[..., FileRun]) -> None:
    done = down("CREATE TABLE t ();\nCOMMIT;\nSELECT 1/0;", "file")
    assert done.words.endswith(
        "line 7 (COMMIT) ended the file's transaction, so what stands above it is kept"
    )


def test_a_change_of_either_way_has_the_migration_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_configuration(monkeypatch)
    repository = Repository.init(tmp_path / "project")
    (repository.folder / "migrations").mkdir()
    for name in ("1", "2"):
        (repository.folder / f"migrations/{name}.sql").write_text(GOOD)
    repository.git("add", ".")
    repository.git("commit", "--quiet", "-m", "begin")
    repository.git("switch", "--quiet", "--create", "branch")
    (repository.folder / "migrations/1.sql").write_text(GOOD.replace("DROP", "SELECT 1; DROP"))
    judging = Judging(*source(repository.folder), since="main")
    assert [one.revision for one in judging.judged] == ["1"]
