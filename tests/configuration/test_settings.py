from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pytest_schemaguard import checks
from pytest_schemaguard.config import (
    PROVIDERS,
    AlembicMigrations,
    Baseline,
    CommandMigrations,
    Login,
    PythonMigrations,
    SqlMigrations,
)
from pytest_schemaguard.configuration.settings import LATER, find, load
from pytest_schemaguard.errors import ConfigError

GOOD = """\
[project]
name = "x"

[tool.schema-guard]
models = "app.models:Base"
migrations = "migrations"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "migrations").mkdir()
    (tmp_path / "production.sql").write_text("SELECT 1;")
    (tmp_path / "pyproject.toml").write_text(GOOD)
    return tmp_path


def complaint(project: Path, more: str, *, base: str = GOOD) -> str:
    file = project / "pyproject.toml"
    file.write_text(base + more)
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value).replace(str(project), "PROJECT")


def test_three_lines_suffice(project: Path) -> None:
    (config,) = load(project / "pyproject.toml")
    assert config.models == ("app.models:Base",)
    assert config.migrations == SqlMigrations(folder=project / "migrations")
    assert config.root == project
    assert config.env == {"DATABASE_URL": "{url}"}
    assert (config.server, config.postgres, config.login) == ("auto", None, None)


def test_the_nearest_file_with_the_table_is_found_from_below(project: Path) -> None:
    below = project / "service" / "api"
    below.mkdir(parents=True)
    (project / "service" / "pyproject.toml").write_text("[tool.other]\nx = 'schema-guard'\n")
    assert find(below) == project / "pyproject.toml"


def test_looking_ends_at_the_repository_root(project: Path) -> None:
    inner = project / "vendored"
    (inner / ".git").mkdir(parents=True)
    with pytest.raises(ConfigError) as caught:
        find(inner)
    assert str(caught.value) == (
        f"configuration: no [tool.schema-guard] table (no pyproject.toml from {inner} upward)\n"
        "  next: add to your pyproject.toml:\n"
        "    [tool.schema-guard]\n"
        '    models = "app.models:Base"\n'
        '    migrations = "migrations"\n'
    )


def test_all_of_the_keys(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        GOOD
        + """
baseline = { schema = "production.sql", at = "0001" }
postgres = 15
server = "postgresql://u:p@h/d"
image = "postgres:15"
tcp = true
prepare = ["CREATE EXTENSION citext", "production.sql"]
seed = "production.sql"
setup = "app.guard:setup"
exclude = ["public.audit_*"]
role = "app"
search-path = "app, public"
since = "origin/main"
checks = ["drift", "login"]
strict = true
statement-timeout-s = 2.5
env = { URL = "{url:asyncpg}" }

[tool.schema-guard.login]
model = "User"
by = "email"

[tool.schema-guard.login.request]
serve = "uvicorn app:app --port {port}"
path = "/login"
json = { email = "a" }
status = [200, 302]
timeout-s = 90
"""
    )
    (config,) = load(project / "pyproject.toml")
    assert config.baseline == Baseline(schema=project / "production.sql", at="0001")
    assert config.prepare == ("CREATE EXTENSION citext", "SELECT 1;")
    assert (config.role, config.search_path) == ("app", "app, public")
    assert config.since == "origin/main"
    assert config.seed == (project / "production.sql",)
    assert config.statement_timeout_s == 2.5
    assert config.login is not None
    assert config.login.request is not None
    assert config.login.request.serve == ("uvicorn", "app:app", "--port", "{port}")
    assert config.login.request.status == (200, 302)
    assert config.login.request.method == "POST"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            "model = 1\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] model: no such key\n"
                "  next: did you mean `models`?"
            ),
        ),
        (
            "postgres = '15'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] postgres: '15' is no major version "
                "of PostgreSQL served here\n  next: one of 14 to 18"
            ),
        ),
        (
            "server = 'dokcer'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] server: no 'dokcer'\n"
                "  next: did you mean `docker`? the values are "
                f"{', '.join(('auto', *PROVIDERS))}"
            ),
        ),
        (
            "server = 'mysql://u:geheim@h/d'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] server: a URL that is not "
                "postgresql://\n  next: name a PostgreSQL server"
            ),
        ),
        (
            "baseline = 'prod.sql'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] baseline: prod.sql does not exist\n"
                "  next: did you mean `production.sql`? paths are relative to PROJECT: "
                "PROJECT/prod.sql"
            ),
        ),
        (
            "tcp = 1\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] tcp: 1 is neither true nor false\n"
                "  next: write true or false"
            ),
        ),
        (
            "env = { URL = '{ulr}' }\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] env.URL: no placeholder {ulr}\n"
                "  next: did you mean {url}? they are {url}, {host}, {port}, {user}, {password}, "
                "{database}, {dir}, and {url:driver}"
            ),
        ),
        (
            "checks = ['drfit']\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] checks: no 'drfit'\n"
                "  next: did you mean `drift`? the values are "
                f"{', '.join(checks.NAMES)}"
            ),
        ),
        (
            "[tool.schema-guard.login]\nmodel = 'User'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] login: `by` is missing\n"
                '  next: such as: model = "User", by = "email"; or call = "module:function" of a '
                "Session"
            ),
        ),
        (
            "[tool.schema-guard.login]\ncreate = 'app:make'\n",
            (
                "PROJECT/pyproject.toml:7: [tool.schema-guard] login: `model` is missing\n"
                '  next: such as: model = "User", by = "email"; or call = "module:function" of a '
                "Session"
            ),
        ),
        (
            "[tool.schema-guard.login]\ncall = 'app'\n",
            (
                "PROJECT/pyproject.toml:8: [tool.schema-guard] login.call: 'app' is no "
                'module:function\n  next: such as "app.guard:setup"'
            ),
        ),
        (
            "[tool.schema-guard.login]\ncall = 'app:ada'\ncreate = 'flask add-user'\n",
            (
                "PROJECT/pyproject.toml:9: [tool.schema-guard] login.create: 'flask add-user' is "
                "no module:function, and no command with {value}\n  next: put {value} where the "
                'command takes the new row\'s `by`: "flask add-user {value}"'
            ),
        ),
        (
            "[tool.schema-guard.login]\ncall = 'app:ada'\ncreate = 'flask add-user {value}'\n",
            (
                "PROJECT/pyproject.toml:9: [tool.schema-guard] login.create: nothing says what "
                "{value} is like\n  next: add `model` and `by`, whose value it is"
            ),
        ),
        (
            (
                "[tool.schema-guard.login]\nmodel = 'User'\nby = 'email'\n"
                "[tool.schema-guard.login.request]\npath = '/'\n"
            ),
            (
                "PROJECT/pyproject.toml:10: [tool.schema-guard] login.request: neither `app` nor "
                '`serve`\n  next: name one: app = "app.main:app"'
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(project: Path, more: str, words: str) -> None:
    assert complaint(project, more) == words


@pytest.mark.parametrize("key", LATER)
def test_keys_that_come_later_are_refused_by_name(project: Path, key: str) -> None:
    words = complaint(project, f"{key} = 1\n")
    assert words == (
        f"PROJECT/pyproject.toml:7: [tool.schema-guard] {key}: not yet served by this version of "
        f"pytest-schemaguard\n  next: remove it; for now {LATER[key]}"
    )


@pytest.mark.parametrize("name", checks.LATER)
def test_checks_that_come_later_are_refused_by_name(project: Path, name: str) -> None:
    words = complaint(project, f"checks = ['{name}']\n")
    assert f"checks: {name}: not yet served by this version of pytest-schemaguard" in words


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('"alembic.ini"', AlembicMigrations(ini=Path("alembic.ini"))),
        ('{ alembic = "alembic.ini" }', AlembicMigrations(ini=Path("alembic.ini"))),
        (
            '{ alembic = "alembic.ini", section = "billing", target = "heads" }',
            AlembicMigrations(ini=Path("alembic.ini"), section="billing", target="heads"),
        ),
        ('{ alembic = "app.db:config" }', AlembicMigrations(function="app.db:config")),
        (
            '{ command = "python manage.py migrate", versions = "*/migrations/0*.py" }',
            CommandMigrations(
                command=("python", "manage.py", "migrate"), versions=("*/migrations/0*.py",)
            ),
        ),
        ('{ command = ["./migrate", "a b"] }', CommandMigrations(command=("./migrate", "a b"))),
        ('{ python = "migrate:main" }', PythonMigrations(function="migrate:main")),
        ('{ sql = "migrations" }', SqlMigrations(folder=Path("migrations"))),
        (
            '{ sql = "migrations", style = "plain", transaction = "file" }',
            SqlMigrations(folder=Path("migrations"), style="plain", transaction="file"),
        ),
        (
            '{ transaction = "statement", sql = "migrations" }',
            SqlMigrations(folder=Path("migrations"), transaction="statement"),
        ),
    ],
)
def test_what_migrates_has_several_forms(project: Path, value: str, expected: object) -> None:
    (project / "alembic.ini").write_text("[alembic]\n")
    (project / "pyproject.toml").write_text(GOOD.replace('"migrations"', value))
    (config,) = load(project / "pyproject.toml")
    found = config.migrations
    if isinstance(expected, SqlMigrations):
        assert found == replace(expected, folder=project / expected.folder)
    elif isinstance(expected, AlembicMigrations) and expected.ini:
        assert found == replace(expected, ini=project / expected.ini)
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (
            '{ sql = "migrations", command = "./migrate" }',
            ("migrations: both `sql` and `command`\n  next: name one of sql, alembic"),
        ),
        ("{ }", "migrations: nothing that migrates\n  next: name one of sql, alembic"),
        (
            '{ command = "./migrate", section = "x" }',
            (
                "[tool.schema-guard.migrations] section: it goes with `alembic`, not with "
                "`command`\n  next: the keys are command, versions"
            ),
        ),
        (
            '{ alembic = "alembic.ini", transaction = "file" }',
            (
                "migrations] transaction: it goes with `sql`, not with `alembic`\n"
                "  next: the keys are alembic, section, target"
            ),
        ),
        (
            '{ sql = "migrations", versions = "*.sql" }',
            (
                "migrations] versions: it goes with `command` and `python`, not with `sql`\n"
                "  next: the keys are sql, style, transaction"
            ),
        ),
        (
            '{ sql = "migrations", transactions = "file" }',
            "migrations] transactions: no such key\n  next: did you mean `transaction`?",
        ),
        (
            '{ sql = "migrations", transaction = "files" }',
            (
                "PROJECT/pyproject.toml:6: [tool.schema-guard] migrations.transaction: no 'files'\n"
                "  next: did you mean `file`? the values are statement, file"
            ),
        ),
        (
            '{ sql = "migrations", transaction = true }',
            "migrations.transaction: no True\n  next: the values are statement, file",
        ),
        (
            '{ sql = "migrations", style = "plan" }',
            "migrations.style: no 'plan'\n  next: did you mean `plain`? the values are plain",
        ),
        *(
            (
                f'{{ sql = "migrations", style = "{style}" }}',
                (
                    f"migrations.style: {style}: not yet served by this version of "
                    "pytest-schemaguard\n  next: for now give each way a file of its own: x.up.sql "
                    "and x.down.sql"
                ),
            )
            for style in ("dbmate", "goose")
        ),
        (
            '{ sql = "migrations", variables = { a = "b" } }',
            (
                "variables: not yet served by this version of pytest-schemaguard\n"
                "  next: remove it; for now write out the files as the tool does"
            ),
        ),
        (
            '{ command = "./migrate {ulr}" }',
            (
                "[tool.schema-guard] migrations.command: no placeholder {ulr}\n"
                "  next: did you mean {url}? they are {url}, {host}, "
            ),
        ),
        (
            '"production.sql"',
            (
                "migrations: production.sql is no folder\n  next: name a folder of .sql files, an "
                'alembic.ini, or a table such as { command = "python manage.py migrate" }'
            ),
        ),
        (
            '{ alembic = "migrations" }',
            "migrations.alembic: migrations is a folder, not a file\n  next: name an alembic.ini",
        ),
    ],
)
def test_what_migrates_is_refused_with_the_next_step(project: Path, value: str, words: str) -> None:
    assert words in complaint(project, "", base=GOOD.replace('"migrations"', value))


def test_models_may_be_left_to_env_py(project: Path) -> None:
    (project / "alembic.ini").write_text("[alembic]\n")
    (project / "pyproject.toml").write_text('[tool.schema-guard]\nmigrations = "alembic.ini"\n')
    (config,) = load(project / "pyproject.toml")
    assert config.models == ()


SEVERAL = (
    GOOD
    + """
[[tool.schema-guard.database]]
name = "users"

[[tool.schema-guard.database]]
name = "billing"
models = "billing.models:Base"
strict = true
"""
)


def test_several_databases_share_what_they_do_not_say(project: Path) -> None:
    (project / "pyproject.toml").write_text(SEVERAL)
    users, billing = load(project / "pyproject.toml")
    assert (users.name, billing.name) == ("users", "billing")
    assert (users.models, billing.models) == (("app.models:Base",), ("billing.models:Base",))
    assert users.migrations == billing.migrations == SqlMigrations(folder=project / "migrations")
    assert (users.strict, billing.strict) == (False, True)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            "name = 'users'\n",
            "[tool.schema-guard.database] name: 'users' stands twice\n  next: give each its own",
        ),
        ("", 'name: a database without a name\n  next: such as: name = "billing"'),
        ("name = 'a b'\n", "name: 'a b' is no name"),
        (
            "name = 'c'\nserver = 'local'\n",
            (
                "[tool.schema-guard.database] server: one server serves all databases\n"
                "  next: write it once, in [tool.schema-guard]"
            ),
        ),
        (
            "name = 'c'\nmodel = 'x'\n",
            "[tool.schema-guard.database] model: no such key\n  next: did you mean `models`?",
        ),
    ],
)
def test_a_database_of_several_that_is_wrong_is_told(project: Path, more: str, words: str) -> None:
    assert words in complaint(
        project, "", base=f"{SEVERAL}\n[[tool.schema-guard.database]]\n{more}"
    )


def test_databases_that_are_no_list_are_refused(project: Path) -> None:
    words = complaint(project, "[tool.schema-guard.database]\nname = 'x'\n")
    assert (
        "database: it is no list of tables\n  next: write [[tool.schema-guard.database]]" in words
    )


def test_a_table_without_models_is_refused(project: Path) -> None:
    words = complaint(project, "", base=GOOD.replace('models = "app.models:Base"', ""))
    assert words.startswith("PROJECT/pyproject.toml: models: missing in [tool.schema-guard]")


def test_broken_toml_is_told_with_its_file(project: Path) -> None:
    words = complaint(project, "x = \n")
    assert words.startswith("PROJECT/pyproject.toml: configuration: not valid TOML: ")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"app.guard:make"', "app.guard:make"),
        (
            "\"flask add-user {value} --role 'the user'\"",
            ("flask", "add-user", "{value}", "--role", "the user"),
        ),
        ('["./add", "--mail={value}"]', ("./add", "--mail={value}")),
    ],
)
def test_create_is_a_function_or_a_command(
    project: Path, written: str, read: str | tuple[str, ...]
) -> None:
    (project / "pyproject.toml").write_text(
        f"{GOOD}[tool.schema-guard.login]\nmodel = 'User'\nby = 'email'\n"
        f"call = 'app:look'\ncreate = {written}\n"
    )
    (config,) = load(project / "pyproject.toml")
    assert config.login == Login(model="User", by="email", call="app:look", create=read)


def test_secrets_do_not_show_in_the_values(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        GOOD
        + "[tool.schema-guard.login]\nmodel = 'User'\nby = 'email'\n"
        + "[tool.schema-guard.login.request]\napp = 'a:b'\njson = { password = 'geheim' }\n"
        + "basic = ['u', 'geheim']\n"
    )
    assert "geheim" not in repr(load(project / "pyproject.toml"))


RULE = """
[[tool.schema-guard.ignore]]
code = "drift.extra-index"
reason = "it is known"
"""


def test_ignore_rules(project: Path) -> None:
    file = project / "pyproject.toml"
    file.write_text(
        GOOD
        + RULE
        + RULE.replace("reason", 'subject = "public.*"\nuntil = 2027-01-31\nreason')
        + RULE.replace("reason", 'until = "2027-01-31"\nreason')
    )
    (config,) = load(file)
    assert [(one.subject, one.until, one.place) for one in config.ignore] == [
        ("*", None, "pyproject.toml:8"),
        ("public.*", date(2027, 1, 31), "pyproject.toml:12"),
        ("*", date(2027, 1, 31), "pyproject.toml:18"),
    ]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            'code = "drift.type"',
            (
                "[tool.schema-guard] ignore.reason: missing in a rule\n"
                "  next: say why it is accepted: who reads it in a year has to know"
            ),
        ),
        (
            'code = "drift.type"\nreason = ""',
            (
                "[tool.schema-guard] ignore.reason: it is empty\n"
                "  next: say why it is accepted: who reads it in a year has to know"
            ),
        ),
        (
            'reason = "x"',
            (
                "[tool.schema-guard] ignore.code: missing in a rule\n"
                '  next: such as: code = "drift.extra-index", subject = "public.user.*"'
            ),
        ),
        (
            'code = "drfit.type"\nreason = "x"',
            (
                "[tool.schema-guard] ignore.code: no check reports 'drfit.type'\n"
                "  next: did you mean `drift.type`? codes read drift.extra-index"
            ),
        ),
        (
            'code = "drift"\nreason = "x"',
            (
                "[tool.schema-guard] ignore.code: no check reports 'drift'\n"
                "  next: did you mean `drift.*`? codes read drift.extra-index"
            ),
        ),
        (
            'code = "zzz*"\nreason = "x"',
            (
                "[tool.schema-guard] ignore.code: no check reports 'zzz*'\n"
                "  next: codes read drift.extra-index"
            ),
        ),
        (
            'code = "locks.*"\nreason = "x"',
            (
                "[tool.schema-guard] ignore.code: locks: not yet served by this version of "
                "pytest-schemaguard\n  next: the checks are "
                f"{', '.join(checks.NAMES)}"
            ),
        ),
        (
            'code = "drift.type"\nreason = " "',
            (
                "[tool.schema-guard] ignore.reason: it is empty\n"
                "  next: say why it is accepted: who reads it in a year has to know"
            ),
        ),
        (
            'code = "drift.type"\nreason = "x"\nuntil = "next year"',
            (
                "[tool.schema-guard] ignore.until: 'next year' is no date\n"
                "  next: write until = 2026-12-31"
            ),
        ),
        (
            'code = "drift.type"\nreason = "x"\nwhen = 1',
            (
                "[tool.schema-guard.ignore] when: no such key\n"
                "  next: the keys are code, subject, reason, until"
            ),
        ),
    ],
)
def test_an_ignore_rule_that_is_wrong_is_told_with_its_line(
    project: Path, rule: str, words: str
) -> None:
    said = complaint(project, f"{RULE}\n[[tool.schema-guard.ignore]]\n{rule}")
    assert said == f"PROJECT/pyproject.toml:12: {words}"


def test_of_several_databases_each_rule_has_its_own_line(project: Path) -> None:
    own = RULE.replace("guard.ignore", "guard.database.ignore")
    name = '[[tool.schema-guard.database]]\nname = "{}"\n'
    file = project / "pyproject.toml"
    file.write_text(
        GOOD + RULE + name.format("a") + own + name.format("b") + name.format("c") + own + own
    )
    assert [[one.place for one in config.ignore] for config in load(file)] == [
        ["pyproject.toml:14"],
        ["pyproject.toml:8"],  # those of all databases
        ["pyproject.toml:22", "pyproject.toml:26"],
    ]


def test_rules_that_are_no_list_are_refused(project: Path) -> None:
    assert complaint(project, 'ignore = "drift.type"').endswith(
        "[tool.schema-guard] ignore: it is no list of tables\n"
        "  next: write [[tool.schema-guard.ignore]]"
    )
