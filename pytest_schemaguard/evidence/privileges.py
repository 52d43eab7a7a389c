"""Which privileges a role lacks for a statement that PostgreSQL would not plan, or would not run.

Asked of the catalog by oid: a look at a schema that the role may not use is an error in itself.
https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-ACCESS
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.evidence.search_path import schemas_in
from pytest_schemaguard.project.answers.models import Name  # noqa: TC001 - codec.py reads it

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg2.extensions import cursor as Cursor  # noqa: N812

    from pytest_schemaguard.project.answers.models import OrmStatement

    _Spelling = tuple[str | None, str]
    """A table as a statement writes it: its schema, where it names one, and its name."""

_WORD = r'(?:"(?:[^"]|"")+"|[A-Za-z_$][\w$]*)'
_IDENTIFIER = re.compile(_WORD)
_TABLE = re.compile(rf"\b(?:FROM|JOIN|INTO|UPDATE)\s+\(*(?:({_WORD})\.)?({_WORD})")
_NEXTVAL = re.compile(r"nextval\('((?:[^']|'')+)'\)")

_RELATION = """
    SELECT c.oid, n.nspname, c.relkind, pg_relation_is_updatable(c.oid, true),
           has_schema_privilege(n.oid, 'USAGE')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND n.nspname = ANY (%s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY has_schema_privilege(n.oid, 'USAGE') DESC, array_position(%s, n.nspname::text)
    LIMIT 1
"""
"""What PostgreSQL would find there: it passes over schemas of the search_path that are barred."""

_ELSEWHERE = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    ORDER BY 1
"""

_COLUMNS = """
    SELECT attname, has_column_privilege(attrelid, attnum, %s) FROM pg_attribute
    WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""

_BARRED_SEQUENCES = """
    SELECT n.nspname, s.relname, d.adrelid, a.attname
    FROM pg_class s
    JOIN pg_namespace n ON n.oid = s.relnamespace
    LEFT JOIN pg_depend uses ON uses.refclassid = 'pg_class'::regclass AND uses.refobjid = s.oid
      AND uses.classid = 'pg_attrdef'::regclass
    LEFT JOIN pg_attrdef d ON d.oid = uses.objid
    LEFT JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE CASE WHEN s.relkind = 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE, UPDATE') END
"""
"""Those that the role may not draw from (nextval wants one of the two), with the columns whose
default does; an identity's sequence is the column's own affair. CASE, since the function fails on
what is no sequence."""


@dataclass(frozen=True, kw_only=True)
class Relation:
    """What a name of the models stands for in the database."""

    oid: int
    name: Name
    kind: str
    """pg_class.relkind."""
    updatable: int
    """pg_relation_is_updatable's bits."""
    is_reachable: bool
    """Whether the role may use its schema."""


@dataclass(frozen=True, kw_only=True)
class Lack:
    """A privilege that a role lacks."""

    kind: str
    """`schema`, `table` or `sequence`, of which GRANT speaks."""
    name: Name
    privilege: str
    columns: tuple[str, ...] = ()
    """Where the role has the privilege on other columns of the table."""


class Privileges:
    """What the cursor's role may do with what statements name.

    Needs a transaction in which statements succeed. Raises psycopg2.Error where the connection
    fails.
    """

    def __init__(self, cursor: Cursor, tables: Iterable[Name]) -> None:
        self._cursor = cursor
        self._tables = frozenset(name[-1] for name in tables)
        cursor.execute("SELECT current_setting('search_path'), current_user")
        path, user = cursor.fetchone() or ("", "")
        self.search_path: str = path
        self._path = list(schemas_in(path, user=user))
        self._known: dict[_Spelling, Relation | None] = {}
        cursor.execute(_BARRED_SEQUENCES)
        self._barred = cursor.fetchall()

    def target(self, statement: OrmStatement) -> Relation | None:
        """What the statement's own table is, as it spells it."""
        return self._relation(_target(statement))

    def lacking(self, statement: OrmStatement) -> tuple[Lack, ...]:
        """What the role would need to have this statement planned, besides what it has."""
        found = []
        for spelling, relation in self._named(statement):
            if relation is None:
                continue
            if not relation.is_reachable:
                found.append(Lack(kind="schema", name=relation.name[:1], privilege="USAGE"))
            for privilege, columns in _needs(statement, is_target=spelling == _target(statement)):
                found += self._of_table(relation, privilege, columns)
        return tuple(dict.fromkeys(found))

    def barred_sequences(self, statement: OrmStatement) -> tuple[Lack, ...]:
        """The sequences that an INSERT draws from and the role may not: told when it runs only."""
        if statement.verb != "insert":
            return ()
        before, _, returned = statement.sql.partition(" RETURNING ")
        sent = _identifiers(before.partition(" VALUES ")[0].partition("(")[2])
        # A key that is returned is sent only where the application chooses it.
        drawn = set(_identifiers(returned))
        relation = self.target(statement)
        named = [_identifiers(one) for one in _NEXTVAL.findall(before)]
        found = []
        for schema, sequence, oid, column in self._barred:
            is_default = relation is not None and oid == relation.oid
            is_named = (schema, sequence) in named or (
                (sequence,) in named and schema in self._path
            )
            if is_named or (is_default and (column in drawn or column not in sent)):
                found.append(Lack(kind="sequence", name=(schema, sequence), privilege="USAGE"))
        return tuple(dict.fromkeys(found))

    def elsewhere(self, statement: OrmStatement) -> tuple[Name, ...]:
        """Tables of the same name, out of the statement's sight, for those it does not see."""
        found: list[Name] = []
        for (_, table), relation in self._named(statement):
            if relation is None:
                self._cursor.execute(_ELSEWHERE, (table,))
                found += self._cursor.fetchall()
        return tuple(found)

    def _named(self, statement: OrmStatement) -> Iterator[tuple[_Spelling, Relation | None]]:
        """The models' tables that the statement names."""
        for spelling in _tables(statement.sql):
            if spelling[1] in self._tables:
                yield spelling, self._relation(spelling)

    def _relation(self, spelling: _Spelling) -> Relation | None:
        if spelling not in self._known:
            schema, table = spelling
            schemas = self._path if schema is None else [schema]
            self._cursor.execute(_RELATION, (table, schemas, schemas))
            row = self._cursor.fetchone()
            self._known[spelling] = row and Relation(
                oid=row[0],
                name=(row[1], table),
                kind=row[2],
                updatable=row[3],
                is_reachable=row[4],
            )
        return self._known[spelling]

    def _of_table(
        self, relation: Relation, privilege: str, words: tuple[str, ...]
    ) -> Iterator[Lack]:
        if privilege == "DELETE":  # it has no columns
            sql = "SELECT has_table_privilege(%s, %s), false"
        else:
            sql = "SELECT has_table_privilege(%s, %s), has_any_column_privilege(%s, %s)"
        values = (relation.oid, privilege)
        self._cursor.execute(sql, values * (sql.count("%s") // 2))
        on_all, on_some = self._cursor.fetchone() or (True, True)
        if on_all:
            return
        if not on_some:
            yield Lack(kind="table", name=relation.name, privilege=privilege)
            return
        self._cursor.execute(_COLUMNS, (privilege, relation.oid))
        missing = [name for name, has in self._cursor.fetchall() if name in words and not has]
        if missing:
            yield Lack(
                kind="table", name=relation.name, privilege=privilege, columns=tuple(missing)
            )


def _needs(statement: OrmStatement, *, is_target: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The privileges that the statement takes, each with the words that may be its columns."""
    sql = statement.sql
    if statement.verb == "select" or not is_target:
        yield "SELECT", _identifiers(sql)
        return
    before, _, returned = sql.partition(" RETURNING ")
    written, _, where = before.partition(" WHERE ")
    yield statement.verb.upper(), _identifiers(written)
    read = _identifiers(where) + _identifiers(returned)
    if read:
        yield "SELECT", read


def _target(statement: OrmStatement) -> _Spelling:
    schema, table = statement.table
    return (schema if (schema, table) in _tables(statement.sql) else None, table)


def _tables(sql: str) -> tuple[_Spelling, ...]:
    """The tables in this statement of SQLAlchemy's."""
    return tuple(
        dict.fromkeys(
            (_plain(schema) if schema else None, _plain(table))
            for schema, table in _TABLE.findall(sql)
        )
    )


def _identifiers(sql: str) -> tuple[str, ...]:
    return tuple(_plain(word) for word in _IDENTIFIER.findall(sql))


def _plain(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()
