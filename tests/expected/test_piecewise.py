"""A table that PostgreSQL refuses as a whole, made of the parts that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_schemaguard.catalog.read import read
from pytest_schemaguard.expected.make import build
from pytest_schemaguard.project.answers.models import Ddl, Models

if TYPE_CHECKING:
    from collections.abc import Callable


def models(*statements: str, name: str = "t") -> Models:
    ddl = tuple(
        Ddl(sql=one, kind="table", subject=f"public.{name}", name=("public", name))
        for one in statements
    )
    return Models(tables=(), ddl=ddl)


WHOLE = """
CREATE TABLE t (
	id SERIAL NOT NULL, 
	"odd, name" nowhere(1, 2) DEFAULT 'a, b' NOT NULL, 
	note VARCHAR(9) DEFAULT 'x, (y' , 
	twice INTEGER GENERATED ALWAYS AS (id * 2) STORED, 
	PRIMARY KEY (id), 
	CONSTRAINT "it's" CHECK (note <> ', '), 
	CONSTRAINT "it's" CHECK (id > 0), 
	UNIQUE ("odd, name", note), 
	FOREIGN KEY(id, note) REFERENCES nothing (a, b), 
	CHECK (gone > 0)
)

"""  # noqa: W291 - SQLAlchemy's own text


def test_all_is_made_but_the_parts_at_fault(connection: Any) -> None:
    assert build(connection, models(WHOLE)) == {
        ("public", "t", "odd, name"): 'type "nowhere" does not exist',
        ("public", "t", "it's"): 'constraint "it\'s" for relation "t" already exists',
        ("public", "t", "t_id_note_fkey"): 'relation "nothing" does not exist',
        ("public", "t", "CHECK (gone > 0)"): 'column "gone" does not exist',
    }
    found = read(connection)
    assert [name[2] for name in found.columns] == ["id", "odd, name", "note", "twice"]
    assert found.columns["public", "t", "odd, name"].type == "text"  # a stand-in
    assert found.columns["public", "t", "note"].default == "'x, (y'::character varying"
    assert {name[2]: one.definition for name, one in found.constraints.items()} == {
        "t_pkey": "PRIMARY KEY (id)",
        "it's": "CHECK (((note)::text <> ', '::text))",
        "t_odd, name_note_key": 'UNIQUE ("odd, name", note)',
    }


def test_a_table_that_is_partitioned_from_its_beginning_is_so(
    connection: Any, run: Callable[[str], None]
) -> None:
    text = "CREATE TABLE t (\n\ta INTEGER, \n\tb gone, \n\tCHECK (a > 0)\n)\n PARTITION BY LIST (a)"
    assert build(connection, models(text)) == {
        ("public", "t", "b"): 'type "gone" does not exist',
    }
    run("CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1)")
    assert read(connection).relations["public", "t"].partitioned_by == "LIST (a)"


def test_a_table_that_cannot_be_made_at_all_is_refused_whole(connection: Any) -> None:
    message = {("public", "t"): 'schema "gone" does not exist'}
    assert build(connection, models("CREATE TABLE gone.t (\n\ta INTEGER\n)")) == message
    assert build(connection, models("CREATE TABLE t AS SELECT * FROM gone")) == {
        ("public", "t"): 'relation "gone" does not exist'
    }
    partitioned = "CREATE TABLE t (\n\ta INTEGER, \n\tb gone\n)\n PARTITION BY LIST (c)"
    assert list(build(connection, models(partitioned))) == [("public", "t")]
    assert read(connection).relations == {}
