"""Names and texts as SQL spells them. Pure."""

from __future__ import annotations

import re

KEYWORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization between bigint binary bit
    boolean both case cast char character check coalesce collate collation column concurrently
    constraint create cross current_catalog current_date current_role current_schema
    current_time current_timestamp current_user dec decimal default deferrable desc distinct do
    else end except exists extract false fetch float for foreign freeze from full grant greatest
    group grouping having ilike in initially inner inout int integer intersect interval into is
    isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query
    json_scalar json_serialize json_table json_value lateral leading least left like limit
    localtime localtimestamp merge_action national natural nchar none normalize not notnull null
    nullif numeric offset on only or order out outer overlaps overlay placing position precision
    primary real references returning right row select session_user setof similar smallint some
    substring symmetric system_user table tablesample then time timestamp to trailing treat trim
    true union unique user using values varchar variadic verbose when where window with
    xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
    """.split()  # noqa: SIM905 - a list of 160 literals is harder to read
)
"""What quote_ident() quotes: all keywords but the unreserved ones, of PostgreSQL 14 to 18.

https://www.postgresql.org/docs/current/sql-keywords-appendix.html
"""
LONGEST_NAME = 63
"""Bytes of a name: PostgreSQL cuts longer ones (NAMEDATALEN - 1)."""
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def quoted(*name: str) -> str:
    """`public."user"` for `("public", "user")`: quoted only where it must be, for people."""
    return ".".join(
        part if _PLAIN.fullmatch(part) and part not in KEYWORDS else in_quotes(part)
        for part in name
    )


def in_quotes(*name: str) -> str:
    """`"public"."user"` for `("public", "user")`, for PostgreSQL alone."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def literal(text: str) -> str:
    """An SQL string; no backslash in `text` is special (standard_conforming_strings)."""
    return "'" + text.replace("'", "''") + "'"


def element(text: str) -> str:
    """A value inside an array's, a row's or a range's text, whatever stands in it.

    https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
    https://www.postgresql.org/docs/current/rowtypes.html#ROWTYPES-IO-SYNTAX
    """
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def cut(name: str) -> str:
    """What PostgreSQL keeps of a name."""
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")


def unquoted(name: str) -> str:
    """The name that SQL spells so."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def made_up_name(table: str, columns: str, label: str) -> str:
    """PostgreSQL's makeObjectName: the longer of the two is cut until the whole fits."""
    room = LONGEST_NAME - len(label) - 1 - (1 if columns else 0)
    first, second = table.encode(), columns.encode()
    while len(first) + len(second) > room:
        if len(first) > len(second):
            first = first[:-1]
        else:
            second = second[:-1]
    parts = [first.decode(errors="ignore"), second.decode(errors="ignore"), label]
    return "_".join(part for part in parts if part)
