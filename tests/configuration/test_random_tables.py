"""Random tables of TOML: each is read, or refused in words; nothing else is raised."""

from __future__ import annotations

import contextlib
import json
import math
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_schemaguard.configuration.settings import load
from pytest_schemaguard.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

KEYS = [
    *("name", "models", "migrations", "baseline", "since", "postgres", "server", "image", "tcp"),
    *("prepare", "role", "search-path", "seed", "env", "setup", "exclude", "checks", "strict"),
    *("statement-timeout-s", "login", "ignore", "database", "rows", "html"),
]
INNER = [
    *("sql", "alembic", "command", "python", "section", "target", "versions", "schema", "at"),
    *("model", "by", "call", "create", "request", "app", "serve", "method", "path", "json"),
    *("form", "basic", "body", "headers", "status", "lifespan", "timeout-s", "code", "subject"),
    *("reason", "until", "name", "style", "variables", "transaction"),
]
TEXTS = [
    *("", " ", "m", "a.ini", "app:Base", "bin.sql", "dir.sql", "nope", "../..", "/", "\0", "\n"),
    *("a\tb", "{url}", "{hots}", "{url:x}", "{", "}", "{}", "postgresql://u:p@h/d", "mysql://x"),
    *("auto", "local", "drift", "drift.*", "*", "[", "SELECT 1", "CREATE ROLE x", "python x.py"),
    *("python 'x", "x {version}", "x {value}", "2027-01-01", "nan", "\u540d", "\u202e", "x" * 300),
    *("GET", "/login", "~", "$HOME", "a:b:c", ":", "%s", "\\", "'", '"', "a" * 300 + ".sql"),
]
scalars = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.floats(),
    st.sampled_from(
        [
            date(2027, 1, 1),
            datetime(2027, 1, 1, 1, tzinfo=timezone.utc),
            time(1, 2),
        ]
    ),
)
names = st.sampled_from([*KEYS, *INNER, *INNER, "", "A=B", "\0", "x y"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
databases = st.lists(
    st.dictionaries(st.sampled_from(["name", *KEYS]), values, max_size=3), max_size=3
)
tables = st.builds(
    lambda start, more, several: {**start, **more, **({"database": several} if several else {})},
    st.sampled_from([{}, {"models": "app:Base", "migrations": "m"}]),
    st.dictionaries(st.sampled_from(KEYS), values, max_size=5),
    st.none() | st.none() | databases,
)
pieces = st.sampled_from([*"[]{}\"=\n.,'#1-\\\0\x1b", '"""', "true", "[[", "tool", "\u00e9"])
edits = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6), pieces), max_size=4)


def toml(value: Any) -> str:  # noqa: PLR0911 - a kind of value a line
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value)
        case float() if not math.isfinite(value):
            return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
        case float() | int():
            return repr(value)
        case date() | time():
            return value.isoformat()
        case list():
            return f"[{', '.join(map(toml, value))}]"
    return f"{{{', '.join(f'{json.dumps(key)} = {toml(one)}' for key, one in value.items())}}}"


def written(table: dict[str, Any], changes: list[tuple[int, int, str]]) -> str:
    lines = [f"{key} = {toml(value)}" for key, value in table.items()]
    text = "\n".join(["[tool.schema-guard]", *lines])
    for place, gone, piece in changes:
        at = place % (len(text) + 1)
        text = f"{text[:at]}{piece}{text[at + gone :]}"
    return text


@settings(
    max_examples=400,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(table=tables, changes=st.just([]) | edits, alone=st.booleans())
def test_a_table_is_read_or_refused_in_words(
    tmp_path: Path, table: dict[str, Any], changes: list[tuple[int, int, str]], *, alone: bool
) -> None:
    (tmp_path / "m").mkdir(exist_ok=True)
    (tmp_path / "dir.sql").mkdir(exist_ok=True)
    (tmp_path / "bin.sql").write_bytes(b"\xff\xfe\0")
    (tmp_path / "a.ini").write_text("[alembic]\n")
    file = tmp_path / "pyproject.toml"
    file.write_bytes(written(table, changes).encode())
    with contextlib.suppress(ConfigError):
        assert load(file, models_alone=alone)
        return
    try:
        load(file, models_alone=alone)
    except ConfigError as error:
        subject, *steps = str(error).splitlines()
        assert subject.startswith(str(file))
        assert not steps or steps[0].startswith(("  next: ", "    "))
