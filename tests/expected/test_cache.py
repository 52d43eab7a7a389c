"""Which snapshots are kept, for how long, and which are believed."""

from __future__ import annotations

import multiprocessing
import os
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_schemaguard.address import Address
from pytest_schemaguard.catalog.snapshot import Column, Relation, Snapshot
from pytest_schemaguard.config import Config
from pytest_schemaguard.expected import cache
from pytest_schemaguard.expected.surroundings import Thing, surroundings
from pytest_schemaguard.project.answers.models import Ddl, Models
from pytest_schemaguard.servers.provider import Server
from tests.catalog.databases import connected, execute, fresh

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "0" * 64
TABLE = Ddl(sql="CREATE TABLE t (id integer)", kind="table", subject="t", name=("public", "t"))
MODELS = Models(tables=(), ddl=(TABLE,))
CONFIG = Config(file=Path("/p/pyproject.toml"), models=(), migrations=None)


def snapshot(name: str = "t") -> Snapshot:
    table = Relation(kind="table", unlogged=False, partitioned_by=None, comment=None)
    column = Column(
        type="integer",
        nullable=True,
        default=None,
        identity=None,
        generated=None,
        collation=None,
        comment="é\u2028",
    )
    return Snapshot(
        relations={("public", name): table},
        columns={("public", name, "id"): column},
        constraints={},
        indexes={},
        enums={},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def entry(folder: Path, key: str = KEY) -> Path:
    return folder / f"models-{key}"


def test_what_is_kept_is_found_by_its_key_alone(folder: Path) -> None:
    assert cache.look(folder, KEY) is None
    cache.keep(folder, KEY, snapshot())
    assert cache.look(folder, KEY) == snapshot()
    assert cache.look(folder, "1" * 64) is None
    assert entry(folder).stat().st_mode & 0o777 == 0o600
    cache.keep(None, KEY, snapshot())
    assert cache.look(None, KEY) is None


def pipe(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry)


def link(entry: Path) -> None:
    entry.rename(entry.parent.parent / "elsewhere")
    entry.symlink_to(entry.parent.parent / "elsewhere")


def foreign(entry: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(entry, 65534, 65534)


def foreign_folder(entry: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(entry.parent, 65534, 65534)


@pytest.mark.parametrize(
    "harm",
    [
        lambda entry: entry.write_bytes(entry.read_bytes()[:-1]),
        lambda entry: entry.write_bytes(entry.read_bytes() + b"x"),
        lambda entry: entry.write_bytes(b""),
        lambda entry: entry.write_bytes(entry.read_bytes().replace(b"x", b"y", 1)[::-1]),
        lambda entry: entry.chmod(0o620),
        lambda entry: entry.chmod(0o602),
        lambda entry: entry.parent.chmod(0o770),
        lambda entry: (entry.unlink(), entry.mkdir()),
        pipe,
        link,
        foreign,
        foreign_folder,
    ],
    ids=[
        "cut",
        "longer",
        "empty",
        "damaged",
        "group-writable",
        "world-writable",
        "group-writable-folder",
        "folder",
        "pipe",
        "link",
        "foreign",
        "foreign-folder",
    ],
)
def test_a_damaged_or_foreign_file_is_not_believed(
    folder: Path, harm: Callable[[Path], object]
) -> None:
    cache.keep(folder, KEY, snapshot())
    harm(entry(folder))
    assert cache.look(folder, KEY) is None
    folder.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(folder, 0, 0)
    cache.keep(folder, KEY, snapshot())
    assert cache.look(folder, KEY) == snapshot(), "made anew, whatever was in its place"


def test_a_file_under_another_key_is_not_believed(folder: Path) -> None:
    cache.keep(folder, KEY, snapshot())
    entry(folder).rename(entry(folder, "1" * 64))
    assert cache.look(folder, "1" * 64) is None


def test_nothing_is_kept_in_a_folder_that_others_write_to(folder: Path) -> None:
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    cache.keep(folder, KEY, snapshot())
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache.keep(tmp_path / "file" / "models", KEY, snapshot())
    assert cache.look(tmp_path / "file" / "models", KEY) is None


def test_what_was_unused_for_longest_goes_first(folder: Path) -> None:
    for number in range(cache.ENTRIES):
        cache.keep(folder, f"{number:064}", snapshot())
        os.utime(entry(folder, f"{number:064}"), (number, number))
    assert cache.look(folder, f"{0:064}") is not None  # and so it was used
    cache.keep(folder, "f" * 64, snapshot())
    left = {path.name.removeprefix("models-") for path in folder.iterdir()}
    assert len(left) == cache.ENTRIES
    assert f"{1:064}" not in left
    assert {f"{0:064}", "f" * 64} <= left


def keep_often(folder: Path, name: str) -> None:
    for _ in range(50):
        cache.keep(folder, KEY, snapshot(name))


def test_two_processes_at_once_leave_one_whole_entry(folder: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=keep_often, args=(folder, name)) for name in ("t", "u")]
    for one in processes:
        one.start()
    seen = []
    while any(one.is_alive() for one in processes):
        found = cache.look(folder, KEY)
        if found is not None:
            seen.append(found)
    for one in processes:
        one.join()
        assert one.exitcode == 0
    assert seen
    assert all(one in (snapshot("t"), snapshot("u")) for one in seen)
    assert [*folder.iterdir()] == [entry(folder)]


def server(**other: Any) -> Server:
    address = Address(host="h", port=1, user="owner_role", password="", database="d")
    values: dict[str, Any] = {
        "provider": "local",
        "version": "15.1",
        "major": 15,
        "origin": "",
        "admin": address,
        "is_superuser": True,
        "owner": address,
        "token": "",
        "reach": "",
    }
    return Server(**{**values, **other})


def test_every_part_that_is_told_makes_another_key() -> None:
    there: dict[tuple[str, str], Thing] = {}
    keys = [
        cache.key_of(there, CONFIG, MODELS, server()),
        cache.key_of(there, replace(CONFIG, exclude=("a.*",)), MODELS, server()),
        cache.key_of(there, CONFIG, MODELS, server(version="15.2")),
        cache.key_of(there, CONFIG, MODELS, server(is_superuser=False)),
        cache.key_of(there, CONFIG, replace(MODELS, ddl=()), server()),
        *(
            cache.key_of(there, CONFIG, replace(MODELS, ddl=(replace(TABLE, **part),)), server())
            for part in ({"sql": "CREATE TABLE t ()"}, {"kind": "other"}, {"name": ("a", "t")})
        ),
    ]
    assert len(set(keys)) == len(keys)
    assert cache.key_of(there, CONFIG, MODELS, server()) == keys[0]


def test_this_package_s_own_text_is_a_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.key_of({}, CONFIG, MODELS, server())
    monkeypatch.setattr(cache, "_own_text", lambda: "another version's")
    assert cache.key_of({}, CONFIG, MODELS, server()) != before
    monkeypatch.undo()
    monkeypatch.setattr(cache, "version", lambda _: "0.0.0")
    assert cache.key_of({}, CONFIG, MODELS, server()) != before


AROUND = {
    "extension": "CREATE EXTENSION citext",
    "where the extension is": "CREATE EXTENSION citext SCHEMA pg_catalog",
    "function": "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "function's body": "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 2'",
    "function's volatility": "CREATE FUNCTION f() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'",
    "procedure": "CREATE PROCEDURE f() LANGUAGE sql AS 'SELECT 1'",
    "aggregate": "CREATE AGGREGATE total (integer) (sfunc = int4pl, stype = integer)",
    "aggregate's start": "CREATE AGGREGATE total (integer)"
    " (sfunc = int4pl, stype = integer, initcond = '5')",
    "domain": "CREATE DOMAIN d AS integer",
    "domain's check": "CREATE DOMAIN d AS integer CHECK (VALUE > 1)",
    "enum": "CREATE TYPE e AS ENUM ('a', 'b')",
    "enum's order": "CREATE TYPE e AS ENUM ('b', 'a')",
    "composite type": "CREATE TYPE c AS (a integer)",
    "composite type's column": "CREATE TYPE c AS (a bigint)",
    "range": "CREATE TYPE r AS RANGE (subtype = float8)",
    "schema": "CREATE SCHEMA s",
    "schema's privileges": "CREATE SCHEMA s; GRANT ALL ON SCHEMA s TO public",
    "no schema": "DROP SCHEMA public",
    "sequence": "CREATE SEQUENCE n",
    "sequence's start": "CREATE SEQUENCE n START 5",
    "sequence's owner": "CREATE SEQUENCE n; ALTER SEQUENCE n OWNER TO pg_read_all_data",
    "collation": "CREATE COLLATION c (provider = libc, locale = 'C')",
    "cast": "CREATE TYPE e AS ENUM ('a', 'b'); CREATE CAST (e AS text) WITH INOUT",
    "operator": "CREATE OPERATOR === (function = int4eq, leftarg = integer, rightarg = integer)",
    "operator's function": "CREATE OPERATOR ==="
    " (function = int4ne, leftarg = integer, rightarg = integer)",
    "operator class": "CREATE OPERATOR CLASS o FOR TYPE integer USING btree AS"
    " OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 btint4cmp(integer, integer)",
    "text search": "CREATE TEXT SEARCH CONFIGURATION t (COPY = english)",
    "text search's mapping": "CREATE TEXT SEARCH CONFIGURATION t (COPY = english);"
    "ALTER TEXT SEARCH CONFIGURATION t DROP MAPPING FOR word",
    "default privileges": "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO public",
    "event trigger": "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
    "CREATE EVENT TRIGGER x ON ddl_command_end EXECUTE FUNCTION f()",
    "foreign server": "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w",
    "setting": "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = s',"
    " current_database()); END $$",
}


def key_in(postgres: Address, statement: str) -> str:
    with fresh(postgres) as address:
        with closing(connected(address)) as connection:
            execute(connection, statement)
        with closing(connected(address)) as connection:
            return cache.key_of(surroundings(connection), CONFIG, MODELS, server())


def test_everything_around_the_tables_makes_another_key(postgres: Address) -> None:
    keys = {what: key_in(postgres, statement) for what, statement in AROUND.items()}
    keys["nothing"] = key_in(postgres, "SELECT 1")
    same = {what: [one for one in keys if keys[one] == key] for what, key in keys.items()}
    assert {what: others for what, others in same.items() if others != [what]} == {}


def test_tables_and_what_belongs_to_them_make_no_other_key(postgres: Address) -> None:
    """So that a migration that is being written does not make it anew."""
    with_tables = """
        CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TABLE t (id serial PRIMARY KEY, a integer GENERATED ALWAYS AS IDENTITY, b text);
        CREATE INDEX ON t (b); CREATE VIEW v AS SELECT * FROM t; COMMENT ON TABLE t IS 'x';
        CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION g(); GRANT SELECT ON t TO public;
        CREATE POLICY p ON t; ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    """
    function = with_tables.partition(";\n")[0]
    assert key_in(postgres, with_tables) == key_in(postgres, function)


def test_a_role_of_the_run_has_no_part_in_the_key(postgres: Address) -> None:
    with fresh(postgres) as address, closing(connected(address)) as connection:
        execute(connection, "CREATE ROLE schema_guard_owner_1")
        try:
            one = surroundings(connection)
            execute(connection, "CREATE ROLE schema_guard_owner_2")
            assert surroundings(connection) == one
            execute(connection, "CREATE ROLE of_production")
            assert surroundings(connection) != one
        finally:
            execute(
                connection,
                "DROP ROLE schema_guard_owner_1; DROP ROLE schema_guard_owner_2;"
                "DROP ROLE IF EXISTS of_production",
            )
