"""The SQL that mends a difference, where that loses nothing. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pytest_schemaguard.catalog.snapshot import OWN_SEQUENCE
from pytest_schemaguard.checks.drift.meanings import labels_of
from pytest_schemaguard.checks.drift.types import fit_of, without_modifier
from pytest_schemaguard.findings import Severity
from pytest_schemaguard.sqltext.identifiers import quoted

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.diff import Difference
    from pytest_schemaguard.project.answers.models import Models

_COLUMN = "ALTER TABLE {table} ALTER COLUMN {name} "
_CONSTRAINTS = ("primary-key", "foreign-key", "unique", "check", "exclusion")
_SERIALS = {"smallint": "smallserial", "integer": "serial", "bigint": "bigserial"}
_FIXES = {
    "not-null": _COLUMN + "SET NOT NULL",
    "null": _COLUMN + "DROP NOT NULL",
    "default": _COLUMN + "SET DEFAULT {wanted}",
    "not-valid": "ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
    "unlogged": "ALTER TABLE {table} SET {wanted}",
    "invalid-index": "REINDEX INDEX CONCURRENTLY {own}",
    "extra-not-null": "ALTER TABLE {table} VALIDATE CONSTRAINT {name}",
    "missing-index": "CREATE {unique}INDEX CONCURRENTLY {name} ON {on}",
    "index": "DROP INDEX CONCURRENTLY {own};\nCREATE {unique}INDEX CONCURRENTLY {name} ON {on}",
    "missing-enum": "CREATE TYPE {own} AS ENUM ({wanted})",
    "missing-domain": "CREATE DOMAIN {own} AS {wanted}",
    "missing-sequence": "CREATE SEQUENCE {own} {wanted}",
    "sequence": "ALTER SEQUENCE {own} {wanted}",
    "extra-column": _COLUMN + "DROP NOT NULL -- or add it to the model; to drop it loses values",
    "renamed-constraint": "ALTER TABLE {table} RENAME CONSTRAINT {name} TO {new}",
    "renamed-index": "ALTER INDEX {own} RENAME TO {new}",
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


_OF_INFO = {"renamed-constraint", "renamed-index", "comment", "storage", "unlogged"}


def is_mended(one: Difference, severity: Severity) -> bool:
    """Whether to tell what mends it: of what no query sees, only where that costs nothing."""
    return severity is not Severity.INFO or one.kind in _OF_INFO


def fix_of(one: Difference, models: Models) -> str | None:
    """What makes the database what the models describe; None where that needs a person.

    What loses values is not told, or says so.
    """
    if one.relation not in {"table", "partitioned table"}:
        return None  # a view is what its query says
    if one.kind == "missing-table":
        made = [ddl.sql for ddl in models.ddl if ddl.name[:2] == one.name and len(ddl.name) > 1]
        return ";\n".join(made) or None
    special = _SPECIAL.get(one.kind)
    return _by_template(one) if special is None else special(one)


def _by_template(one: Difference) -> str | None:
    kind = one.kind
    if kind == "nullability":
        kind = "not-null" if one.expected == "NOT NULL" else "null"
    if kind == "default" and one.expected == OWN_SEQUENCE:
        return _own_sequence(one)
    if kind in _CONSTRAINTS and (one.actual or "") == f"{one.expected} NOT VALID":
        kind = "not-valid"
    template = _FIXES.get(kind)
    if template is None or (one.expected is None and "{wanted}" in template):
        return None
    if one.relation == "partitioned table":
        if one.kind == "invalid-index":
            return None  # it is valid once each partition has its own
        template = template.replace(" CONCURRENTLY", "")  # which those do not know
    unique, _, on = (one.expected or "").partition("ON ")
    new = quoted(one.expected or "")
    return template.format(wanted=one.expected, unique=unique, on=on, new=new, **_names(one))


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
    """By the cast that PostgreSQL makes on assignment, which refuses what does not fit.

    An explicit one to the whole type would cut it: `text::varchar(3)`.
    https://www.postgresql.org/docs/current/sql-createcast.html
    """
    wanted, there, name = one.expected or "", one.actual or "", quoted(one.name[-1])
    changed = (_COLUMN + "TYPE {wanted}").format(wanted=wanted, **_names(one))
    fit = fit_of(there, wanted)
    if fit == "zone" and wanted.startswith("timestamp"):
        return f"{changed} USING {name} AT TIME ZONE 'UTC' -- if its values are of UTC"
    if fit in {"incomparable", "binary json", None}:
        changed += f" USING {name}::{without_modifier(wanted)}"
    if fit in {"rounded", "zone"} or (fit == "incomparable" and _MODIFIED.search(wanted)):
        changed += " -- cuts or rounds values that are there"
    if fit == "binary json":
        changed += " -- keeps of doubled keys the last"
    return changed


_MODIFIED = re.compile(r"^(?:numeric|time|interval)\w*\(")


def _storage(one: Difference) -> str:
    """Sets what the model says, and no other."""
    wanted, there = (
        dict(part.split("=", 1) for part in (side or "").split(", ") if part)
        for side in (one.expected, one.actual)
    )
    table = quoted(*one.name)
    set_ = ", ".join(f"{key} = {value}" for key, value in wanted.items())
    reset = ", ".join(key for key in there if key not in wanted)
    statements = [f"ALTER TABLE {table} SET ({set_})"] if set_ else []
    statements += [f"ALTER TABLE {table} RESET ({reset})"] if reset else []
    return ";\n".join(statements)


def _comment(one: Difference) -> str | None:
    kinds = {2: "TABLE", 3: "COLUMN"}
    text = "NULL" if one.expected is None else "'" + one.expected.replace("'", "''") + "'"
    return f"COMMENT ON {kinds[len(one.name)]} {quoted(*one.name)} IS {text}"


def _identity(one: Difference) -> str | None:
    wanted, there = one.expected or "", one.actual or ""
    names = _names(one)
    if wanted and not there:
        required = (_COLUMN + "SET NOT NULL").format(**names)
        added = (_COLUMN + "ADD {wanted}").format(wanted=wanted, **names)
        return f"{required};\n{added};\n{_catch_up(one)}"
    (mode, _, options), (mode_there, _, others) = (
        wanted.partition(" AS IDENTITY"),
        there.partition(" AS IDENTITY"),
    )
    if not wanted or ("INCREMENT BY -" in wanted) != ("INCREMENT BY -" in there):
        return None  # nothing might fill the column; it would have to begin anew
    if any(one.startswith(" (AS ") for one in (options, others)):
        return None  # only ALTER SEQUENCE changes that, and its name is nowhere told
    set_ = [f"SET {mode}"] if mode != mode_there else []
    if options != others:
        set_ += [f"SET {one}" for one in _identity_options(options)]
    return (_COLUMN + "{set_}").format(set_=" ".join(set_), **names)


_OPTION = re.compile(r"(START WITH|INCREMENT BY|MINVALUE|MAXVALUE|CACHE) (-?\d+)|(CYCLE)")
_UNSET = {
    "INCREMENT BY": "INCREMENT BY 1",
    "MINVALUE": "NO MINVALUE",
    "MAXVALUE": "NO MAXVALUE",
    "CACHE": "CACHE 1",
    "CYCLE": "NO CYCLE",
}


def _identity_options(options: str) -> list[str]:
    """All of them, since those that the text leaves out are PostgreSQL's own choice."""
    said = {found[1] or found[3]: found[0] for found in _OPTION.finditer(options)}
    every = [said.get(name, unset) for name, unset in _UNSET.items()]
    first = re.search(r"-?\d+", said.get("MINVALUE", "1"))
    descends = said.get("INCREMENT BY", "").startswith("INCREMENT BY -")
    if descends:
        first = re.search(r"-?\d+", said.get("MAXVALUE", "-1"))
    assert first is not None
    return [*every, said.get("START WITH", f"START WITH {first[0]}")]


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


def _enforced(one: Difference) -> str | None:
    """Only where it is the triggers that are off; ALL, since theirs have names of numbers."""
    found = _DISABLED.fullmatch(one.actual or "")
    tables = found[1].split(", ") if found else ()
    return ";\n".join(f"ALTER TABLE {table} ENABLE TRIGGER ALL" for table in tables) or None


_DISABLED = re.compile("its triggers on (.*) are disabled")
_SPECIAL = {
    "unenforced-constraint": _enforced,
    "missing-column": _missing_column,
    "type": _type,
    "storage": _storage,
    "comment": _comment,
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
