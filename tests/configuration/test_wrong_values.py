"""Values that no table should hold: each is told in one line, with the next step."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from pytest_schemaguard.config import Config
from pytest_schemaguard.configuration.settings import find, load
from pytest_schemaguard.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
"""
LOGIN = """
[tool.schema-guard.login]
call = "app:find"
"""
REQUEST = f"""{LOGIN}
[tool.schema-guard.login.request]
app = "app:app"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    (tmp_path / ".git").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "production.sql").write_text("CREATE TABLE t ();")
    return tmp_path


def complaint(project: Path, text: str | bytes) -> str:
    file = project / "pyproject.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load(find(project))
    return str(caught.value).replace(str(project), "PROJECT")


def wrong(project: Path, line: str, words: str, *, base: str = GOOD) -> None:
    said = complaint(project, f"{base}{line}\n")
    number = base.count("\n") + 1
    assert said == f"PROJECT/pyproject.toml:{number}: [tool.schema-guard] {words}"


SECONDS = "seconds from 0.001 to 2147483\n  next: write such a number; PostgreSQL takes none above"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("inf", "inf"),
        ("-inf", "-inf"),
        ("nan", "nan"),
        ("0", "0"),
        ("-1", "-1"),
        ("1e-9", "1e-09"),
        ("2147484", "2147484"),
        ("1e308", "1e+308"),
        (f"1{'0' * 400}", f"1{'0' * 79}..."),
        ("true", "True"),
        ("'5'", "'5'"),
        ("[5]", "a list"),
        ("2027-01-01", "datetime.date(2027, 1, 1)"),
    ],
)
@pytest.mark.parametrize(
    ("base", "key"), [(GOOD, "statement-timeout-s"), (f"{GOOD}{REQUEST}", "timeout-s")]
)
def test_times_that_postgresql_cannot_keep(
    project: Path, base: str, key: str, value: str, told: str
) -> None:
    said = complaint(project, f"{base}{key} = {value}\n")
    assert said.partition("] ")[2].split(": ", 1)[1] == f"{told} is no number of {SECONDS}"
    assert f"pyproject.toml:{base.count(chr(10)) + 1}: " in said
    assert f"{key}: " in said


@pytest.mark.parametrize("value", ["0.001", "5", "2147483", "2147483.0"])
def test_times_that_it_can(project: Path, value: str) -> None:
    (project / "pyproject.toml").write_text(f"{GOOD}statement-timeout-s = {value}\n")
    (config,) = load(project / "pyproject.toml")
    assert config.statement_timeout_s == float(value)


ENV = "a name is not empty, and has no `=` and no NUL in it"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('env = { "A=B" = "x" }', f"env: 'A=B' cannot be the name of a variable\n  next: {ENV}"),
        ('env = { "" = "x" }', f"env: '' cannot be the name of a variable\n  next: {ENV}"),
        (
            'env = { "A\\u0000" = "x" }',
            f"env: 'A\\x00' cannot be the name of a variable\n  next: {ENV}",
        ),
        (
            'env = { A = "\\u0000" }',
            "env.A: it holds a NUL character\n  next: remove \\u0000 from it",
        ),
        (
            'env = { A_PASSWORD = ["geheim"] }',
            'env.A_PASSWORD: it is no text\n  next: write it in quotes: "..."',
        ),
        ('role = "\\u0000"', "role: it holds a NUL character\n  next: remove \\u0000 from it"),
        (
            'search-path = "a\\u0000"',
            "search-path: it holds a NUL character\n  next: remove \\u0000 from it",
        ),
        ('image = "\\u0000"', "image: it holds a NUL character\n  next: remove \\u0000 from it"),
        ('since = "\\u0000"', "since: it holds a NUL character\n  next: remove \\u0000 from it"),
        (
            'prepare = "\\u0000"',
            "prepare: it holds a NUL character\n  next: remove \\u0000 from it",
        ),
        ('seed = "\\u0000"', "seed: it holds a NUL character\n  next: remove \\u0000 from it"),
        (
            'server = "postgresql://u@h/\\u0000"',
            "server: it holds a NUL character\n  next: remove \\u0000 from it",
        ),
        (
            'server = "user:geheim@host/db"',
            (
                "server: it is no provider and no PostgreSQL URL\n"
                "  next: write postgresql://user:***@host:5432/database"
            ),
        ),
        (
            'baseline = ""',
            "baseline: it is empty\n  next: write a value between the quotes, or remove it",
        ),
        (
            'role = " \\t"',
            "role: it is empty\n  next: write a value between the quotes, or remove it",
        ),
        (
            'setup = "...:..."',
            "setup: '...:...' is no module:function\n  next: such as \"app.guard:setup\"",
        ),
        (
            'role = ["geheim"]',
            'role: a list is no text\n  next: write it in quotes: "..."',
        ),
        ('name = "a::b"', "name: 'a::b' is no name\n  next: such as: name = \"billing\""),
    ],
)
def test_texts_that_nothing_can_hold(project: Path, line: str, words: str) -> None:
    said = complaint(project, f"{GOOD}{line}\n")
    assert said.partition("[tool.schema-guard] ")[2] == words
    assert "geheim" not in said


def test_an_unknown_key_is_told_with_those_that_there_are(project: Path) -> None:
    said = complaint(project, f'{GOOD}"a\\u001b[2J" = 1\n')
    fact, _, keys = said.partition("[tool.schema-guard] ")[2].partition("the keys are ")
    assert fact == "'a\\x1b[2J': no such key\n  next: "
    fields = {name.replace("_", "-") for name in Config.__dataclass_fields__} - {"file"}
    assert sorted(keys.split(", ")) == sorted(fields)


@pytest.mark.parametrize(
    ("command", "fact"),
    [
        ('"python \'x"', '"python \'x" cannot be split into words: no closing quotation'),
        ("'python \"x'", "'python \"x' cannot be split into words: no closing quotation"),
        ('"python x\\\\"', "'python x\\\\' cannot be split into words: no escaped character"),
    ],
)
@pytest.mark.parametrize(
    "around",
    [
        '[tool.schema-guard]\nmodels = "a:b"\nmigrations = {{ command = {} }}\n',
        f"{GOOD}{LOGIN}create = {{}}\n",
        f"{GOOD}{LOGIN}[tool.schema-guard.login.request]\nserve = {{}}\n",
    ],
)
def test_quotes_without_their_end(project: Path, around: str, command: str, fact: str) -> None:
    said = complaint(project, around.format(command))
    fix = 'close the quote, or write the words as a list: ["python", "migrate.py"]'
    assert said.endswith(f": {fact}\n  next: {fix}")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ('" "', "it is empty\n  next: write a value between the quotes, or remove it"),
        ('""', "it is empty\n  next: write a value between the quotes, or remove it"),
        ('[""]', "it is empty\n  next: write a value between the quotes, or remove it"),
        ("[]", "an empty list\n  next: name at least one"),
        ("\"'' x\"", "\"'' x\" names no program\n  next: write the program first"),
        ('"a\\u0000b"', "it holds a NUL character\n  next: remove \\u0000 from it"),
    ],
)
def test_commands_without_a_program(project: Path, command: str, words: str) -> None:
    base = '[tool.schema-guard]\nmodels = "a:b"\n'
    wrong(
        project,
        f"migrations = {{ command = {command} }}",
        f"migrations.command: {words}",
        base=base,
    )


SQL = [
    "INSERT INTO thing (id) VALUES " + "(1), " * 80,
    "select 1",
    "-- rows\nSELECT 1",
    "CREATE TABLE t (a int)",
    "id,name\n1,a",
]


@pytest.mark.parametrize("sql", SQL)
@pytest.mark.parametrize("key", ["seed", "baseline"])
def test_sql_where_a_file_is_expected(project: Path, key: str, sql: str) -> None:
    said = complaint(project, f'{GOOD}{key} = """{sql}"""\n')
    told = repr(sql) if len(repr(sql)) <= 80 else f"{sql!r:.80}..."
    assert said == (
        f"PROJECT/pyproject.toml:4: [tool.schema-guard] {key}: {told} looks like SQL, and a path "
        "is needed\n  next: write it into a file and name that; only `prepare` takes SQL itself"
    )


@pytest.mark.parametrize("sql", [*SQL[:4], "SELECT 1 -- as in other.sql"])
def test_prepare_takes_both(project: Path, sql: str) -> None:
    (project / "other.sql").write_text("SELECT 2;")
    (project / "roles.psql").write_text("SELECT 3;")
    (project / "pyproject.toml").write_text(
        f'{GOOD}prepare = ["""{sql}""", "other.sql", "roles.psql"]\n'
    )
    (config,) = load(project / "pyproject.toml")
    assert config.prepare == (sql, "SELECT 2;", "SELECT 3;")


@pytest.mark.parametrize(
    ("raw", "fact", "fix"),
    [
        (
            b"SELECT 1;\n--\xff",
            "x.sql:2 is not UTF-8: byte 0xff cannot stand here (byte 3 of the line)",
            "if it is Latin-1: iconv -f LATIN1 -t UTF-8 x.sql",
        ),
        (
            "SELECT 1".encode("utf-16"),
            "x.sql is UTF-16, as its byte-order mark says, and PostgreSQL reads UTF-8",
            "iconv -f UTF-16 -t UTF-8 x.sql",
        ),
        (
            b"SELECT 1;\0",
            "x.sql:1 holds a NUL byte, which PostgreSQL cannot read",
            "save it as UTF-8 text",
        ),
    ],
)
def test_a_file_for_prepare_that_is_no_text(project: Path, raw: bytes, fact: str, fix: str) -> None:
    (project / "x.sql").write_bytes(raw)
    wrong(project, 'prepare = ["SELECT 1", "x.sql"]', f"prepare: {fact}\n  next: {fix}")


@pytest.mark.parametrize("key", ["baseline", "seed", "prepare"])
def test_what_is_no_file(project: Path, key: str) -> None:
    os.mkfifo(project / "fifo.sql")
    (project / "zero.sql").symlink_to("/dev/zero")
    (project / "folder.sql").mkdir()
    (project / "loop.sql").symlink_to("loop.sql")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.sql")
        for name, words in {
            "fifo.sql": "fifo.sql is a named pipe, not a file\n  next: name a file of SQL",
            "zero.sql": "zero.sql is a device, not a file\n  next: name a file of SQL",
            "folder.sql": "folder.sql is a folder, not a file\n  next: name a file of SQL",
            "socket.sql": "socket.sql is a socket, not a file\n  next: name a file of SQL",
            "loop.sql": (
                "'loop.sql' cannot be reached: Too many levels of symbolic links\n"
                "  next: check the path and the rights on its folders"
            ),
            "production.sql/x.sql": (
                "'production.sql/x.sql' cannot be reached: Not a directory\n"
                "  next: check the path and the rights on its folders"
            ),
            f"{'x' * 300}.sql": (
                f"'{'x' * 79}... cannot be reached: File name too long\n"
                "  next: check the path and the rights on its folders"
            ),
            "prodution.sql": (
                "prodution.sql does not exist\n  next: did you mean `production.sql`? "
                "paths are relative to PROJECT: PROJECT/prodution.sql"
            ),
        }.items():
            wrong(project, f'{key} = "{name}"', f"{key}: {words}")


def test_a_dump_of_many_files(project: Path) -> None:
    (project / "dump").mkdir()
    (project / "dump" / "toc.dat").write_bytes(b"PGDMP")
    wrong(
        project,
        'baseline = "dump"',
        "baseline: dump is a dump in pg_dump's directory format, not SQL\n"
        "  next: pg_restore --schema-only --file=dump-schema.sql dump",
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody who may not read")
def test_what_may_not_be_read(project: Path) -> None:
    (project / "secret.sql").write_text("SELECT 1;")
    (project / "secret.sql").chmod(0)
    (project / "closed").mkdir(mode=0o700)
    (project / "pyproject.toml").write_text("")
    for above in (project, *project.parents[:3]):
        above.chmod(above.stat().st_mode | 0o755)
    (project / "pyproject.toml").chmod(0o666)
    os.seteuid(65534)
    try:
        wrong(
            project,
            'seed = "secret.sql"',
            "seed: secret.sql cannot be read: Permission denied\n  next: check its path and rights",
        )
        wrong(
            project,
            'seed = "closed/x.sql"',
            "seed: 'closed/x.sql' cannot be reached: Permission denied\n"
            "  next: check the path and the rights on its folders",
        )
        os.seteuid(0)
        (project / "pyproject.toml").chmod(0)
        os.seteuid(65534)
        with pytest.raises(ConfigError) as caught:
            find(project)
    finally:
        os.seteuid(0)
    assert str(caught.value) == (
        f"{project}/pyproject.toml: configuration: cannot be read: Permission denied\n"
        "  next: check the file's rights"
    )


NO_JSON = (
    "it holds what JSON has no word for: a date, a time, inf or nan\n"
    "  next: write dates in quotes, and numbers that end"
)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "json = { a = 2027-01-01 }",
            f"json: {NO_JSON}",
        ),
        (
            "json = [nan]",
            f"json: {NO_JSON}",
        ),
        (
            'headers = { "a b" = "x" }',
            "headers: 'a b' is no name of a header\n  next: such as \"X-Token\"",
        ),
        (
            'headers = { A = "x\\r\\nB: y" }',
            (
                "headers: the value of A has characters that no header can hold\n"
                "  next: write it on one line, in Latin-1"
            ),
        ),
        (
            'method = "GET /"',
            'method: \'GET /\' is no HTTP method\n  next: write "POST", "GET" ...',
        ),
        (
            'path = "http://localhost/login"',
            'path: a whole URL\n  next: write the path alone: "/login"',
        ),
        ("status = []", "status: an empty list\n  next: write 200, or [200, 302]"),
    ],
)
def test_requests_that_cannot_be_sent(project: Path, line: str, words: str) -> None:
    said = complaint(project, f"{GOOD}{REQUEST}{line}\n")
    assert said.endswith(f"request.{words}")
    assert said.startswith(f"PROJECT/pyproject.toml:{(GOOD + REQUEST).count(chr(10)) + 1}: ")


def test_form_fields_may_be_empty(project: Path) -> None:
    (project / "pyproject.toml").write_text(f'{GOOD}{REQUEST}form = {{ scope = "" }}\n')
    (config,) = load(project / "pyproject.toml")
    assert config.login is not None
    assert config.login.request is not None
    assert config.login.request.form == {"scope": ""}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool]\nschema-guard = 3\n", "[tool.schema-guard]: it is no table"),
        ("[[tool.schema-guard]]\n", "[tool.schema-guard]: it is no table"),
        (f"{GOOD}x = {'[' * 20_000}\n", "configuration: not valid TOML: "),
        (f"{GOOD}x = {'{a=' * 20_000}\n", "configuration: not valid TOML: "),
        (f"{GOOD}x = {'1' * 5000}\n", "configuration: not valid TOML: "),
        (f"{GOOD}x = \x00\n", "configuration: not valid TOML: "),
        (GOOD.encode() + b"# \xff\n", "configuration: not valid TOML: "),
        (f"\ufeff{GOOD}", "configuration: not valid TOML: "),
    ],
)
def test_files_that_hold_no_table(project: Path, text: str | bytes, words: str) -> None:
    assert complaint(project, text).startswith(f"PROJECT/pyproject.toml: {words}")


def test_a_list_without_a_database_is_none(project: Path) -> None:
    assert complaint(project, f"{GOOD}database = []\n") == (
        "PROJECT/pyproject.toml:4: [tool.schema-guard] database: an empty list\n"
        "  next: add [[tool.schema-guard.database]], or remove it"
    )


def test_a_table_of_another_kind_is_no_table_of_ours(project: Path) -> None:
    said = complaint(project, "tool = 3 # schema-guard\n")
    assert said.startswith("configuration: no [tool.schema-guard] table (PROJECT/pyproject.toml)")


def test_nothing_is_deeper_than_python_can_follow(project: Path) -> None:
    """Just below the depth at which the TOML is refused, a value is still shown."""
    deep = sys.getrecursionlimit() // 8
    said = complaint(project, f"{GOOD}role = {'[' * deep}{']' * deep}\n")
    assert "is no text" in said or "not valid TOML" in said
