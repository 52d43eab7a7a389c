"""The SQL that mends a difference, where that loses nothing. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE
from pytest_schemaguard.checks.drift_meanings import labels_of
from pytest_schemaguard.identifiers import quoted

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.models import Models

_COLUMN = "ALTER TABLE {table} ALTER COLUMN {name} "
_CONSTRAINTS = ("primary-key", "foreign-key", "unique", "check", "exclusion")
_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}
_FIXES = {
    "not-null": _COLUMN + "SET NOT NULL",
    "null": _COLUMN + "DROP NOT NULL",
    "default": _COLUMN + "SET DEFAULT {wanted}",
    "unlogged": "ALTER TABLE {table} SET {wanted}",
    "invalid-index": "REINDEX INDEX CONCURRENTLY {own}",
    "missing-index": "CREATE {unique}INDEX CONCURRENTLY {name} ON {on}",
    "index": "DROP INDEX CONCURRENTLY {own};\nCREATE {unique}INDEX CONCURRENTLY {name} ON {on}",
    "missing-enum": "CREATE TYPE {own} AS ENUM ({wanted})",
    "missing-domain": "CREATE DOMAIN {own} AS {wanted}",
    "missing-sequence": "CREATE SEQUENCE {own} {wanted}",
    "sequence": "ALTER SEQUENCE {own} {wanted}",
    "storage": "ALTER TABLE {own} SET ({wanted})",
    "extra-column": "add it to the model, give it a DEFAULT, or drop it",
    **{
        f"missing-{kind}": "ALTER TABLE {table} ADD CONSTRAINT {name} {wanted}"
        for kind in _CONSTRAINTS
    },
    **{
        f"extra-{kind}": "ALTER TABLE {table} DROP CONSTRAINT {name}"
        for kind in _CONSTRAINTS
        if kind != "primary-key"
    },
    **dict.fromkeys(
        _CONSTRAINTS,
        "ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {wanted}",
    ),
    "extra-index": "DROP INDEX CONCURRENTLY {own}",
}


def fix_of(one: Difference, models: Models) -> str | None:
    """What makes the database what the models describe; None where that needs a person."""
    if one.relation not in {"table", "partitioned table"}:
        return None  # a view is what its query says
    if one.kind == "missing-table":
        made = [ddl.sql for ddl in models.ddl if ddl.name[:2] == one.name and len(ddl.name) > 1]
        return ";\n".join(made) or None
    special = _SPECIAL.get(one.kind)
    if special is not None:
        return special(one)
    kind = one.kind
    if kind == "nullability":
        kind = "not-null" if one.expected == "NOT NULL" else "null"
    if kind == "default" and one.expected == OWN_SEQUENCE:
        return _own_sequence(one)
    template = _FIXES.get(kind)
    if template is None or (one.expected is None and "{wanted}" in template):
        return None
    if one.relation == "partitioned table":
        template = template.replace(" CONCURRENTLY", "")  # which those do not know
    unique, _, on = (one.expected or "").partition("ON ")
    return template.format(wanted=one.expected, unique=unique, on=on, **_names(one))


def _missing_column(one: Difference) -> str:
    names, words = _names(one), one.expected or ""
    kind, _, rest = words.partition(" ")
    if kind in _SERIALS and rest == f"DEFAULT {OWN_SEQUENCE} NOT NULL":
        words = _SERIALS[kind]
    added = "ALTER TABLE {table} ADD COLUMN {name} ".format(**names)
    filled = any(word in words for word in (" DEFAULT ", " GENERATED ", "serial"))
    if filled or not words.endswith(" NOT NULL"):
        return added + words
    required = (_COLUMN + "SET NOT NULL").format(**names)
    return f"{added}{words.removesuffix(' NOT NULL')};\n-- give the rows a value, then\n{required}"


def _type(one: Difference) -> str:
    wanted = one.expected or ""
    changed = (_COLUMN + "TYPE {wanted}").format(wanted=wanted, **_names(one))
    if wanted.partition("(")[0] == (one.actual or "").partition("(")[0]:
        return changed
    return f"{changed} USING {quoted(one.name[-1])}::{wanted}"


def _identity(one: Difference) -> str | None:
    wanted, there = one.expected or "", one.actual or ""
    names = _names(one)
    if wanted and not there:
        added = (_COLUMN + "ADD {wanted}").format(wanted=wanted, **names)
        return f"{added};\n{_catch_up(one)}"
    (mode, _, options), (_, _, others) = (
        wanted.partition(" AS IDENTITY"),
        there.partition(" AS IDENTITY"),
    )
    if wanted and options == others:
        return (_COLUMN + "SET {mode}").format(mode=mode, **names)
    return None


def _own_sequence(one: Difference) -> str:
    names = _names(one)
    sequence = quoted(one.name[0], f"{one.name[1]}_{one.name[2]}_seq")
    literal = sequence.replace("'", "''")
    return (
        # It is still there where only the default was dropped.
        f"CREATE SEQUENCE IF NOT EXISTS {sequence};\n"
        f"ALTER SEQUENCE {sequence} OWNED BY {names['table']}.{names['name']};\n"
        + (_COLUMN + "SET DEFAULT nextval('{sequence}');\n").format(sequence=literal, **names)
        + _catch_up(one)
    )


def _catch_up(one: Difference) -> str:
    """The sequence goes on after the rows that are there."""
    template = (
        "SELECT setval(pg_get_serial_sequence('{table_text}', '{column_text}'), "
        "coalesce(max({name}), 0) + 1, false) FROM {table}"
    )
    names = _names(one)
    return template.format(
        table_text=names["table"].replace("'", "''"),
        column_text=one.name[2].replace("'", "''"),
        **names,
    )


def _enum_labels(one: Difference) -> str | None:
    """The labels that the database lacks, each where the model has it."""
    wanted, there = labels_of(one.expected), labels_of(one.actual)
    lacking = [label for label in wanted if label not in there]
    statements = []
    for label in lacking:
        place = wanted.index(label)
        after = f" AFTER {wanted[place - 1]}" if place else ""
        before = next((other for other in wanted if other in there), None)
        if not place and before:
            after = f" BEFORE {before}"
        statements.append(f"ALTER TYPE {quoted(*one.name)} ADD VALUE {label}{after}")
    return ";\n".join(statements) or None


def _missing_check(one: Difference) -> str:
    """Without a scan of the table while its writes wait.

    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """
    added = _FIXES[one.kind].format(wanted=one.expected, **_names(one))
    if one.relation == "partitioned table" or (one.expected or "").endswith(" NOT VALID"):
        return added
    validated = "ALTER TABLE {table} VALIDATE CONSTRAINT {name}".format(**_names(one))
    return f"{added} NOT VALID;\n{validated}"


_SPECIAL = {
    "missing-column": _missing_column,
    "type": _type,
    "identity": _identity,
    "enum-labels": _enum_labels,
    "missing-check": _missing_check,
    "missing-foreign-key": _missing_check,
}


def _names(one: Difference) -> dict[str, str]:
    return {
        "table": quoted(*one.name[:2]),
        "name": quoted(one.name[-1]),
        "own": quoted(one.name[0], one.name[-1]),
    }
