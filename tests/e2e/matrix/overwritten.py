"""Second runs that overwrite values of each type, and such as have not the form that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.e2e.matrix import HARMFUL, Case
from tests.e2e.matrix.tables import JSON, MOOD, OF_JSON, WRITE_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

_VALUES = {
    "text": ("'set'", "'written'"),
    "varchar(20)": ("'set'", "'written'"),
    "char(8)": ("'set'", "'written'"),
    "json": ("""'{"a": 1}'""", "'[2]'"),
    "jsonb": ("""'{"a": 1}'""", "'[2]'"),
    "mood": ("'sad'", "'ok'"),
    "uuid": (
        "'11111111-1111-1111-1111-111111111111'",
        "'22222222-2222-2222-2222-222222222222'",
    ),
    "integer[]": ("'{1}'", "'{2,3}'"),
    "bytea": (r"'\x01'", r"'\x0203'"),
    "inet": ("'10.0.0.1'", "'10.0.0.2'"),
    "interval": ("'1 day'", "'2 hours'"),
    "boolean": ("true", "false"),
    "smallint": ("1", "2"),
    "numeric(8,2)": ("1.5", "2.25"),
    "double precision": ("1.5", "2.25"),
    "date": ("'2020-01-01'", "'2021-02-03'"),
    "time": ("'10:00'", "'11:30'"),
    "timestamptz": ("'2020-01-01 10:00+00'", "'2021-02-03 11:00+00'"),
    "int4range": ("'[1,2)'", "'[5,9)'"),
    "bit(4)": ("B'0001'", "B'0110'"),
    "point": ("'(1,1)'", "'(2,3)'"),
    "dom": ("3", "8"),
    "pair": ("'(1,x)'", "'(2,y)'"),
}
"""By type: the value that a migration sets, and one that the application writes."""
_TYPES = f"""{MOOD}
CREATE DOMAIN dom AS integer CHECK (VALUE BETWEEN 1 AND 9);
CREATE TYPE pair AS (a integer, b text);
"""


def _overwritten(name: str, types: Sequence[str], made: str = "", **more: Any) -> Case:
    """A column of each type, v10 and so on, which the migration sets."""
    columns = [(f"v{number}", one) for number, one in enumerate(types, 10)]
    names = ", ".join(column for column, _ in columns)
    ours, theirs = (
        [(column, _VALUES.get(one, _VALUES["text"])[place]) for column, one in columns]
        for place in (0, 1)
    )
    written = ", ".join(value for _, value in theirs)
    insert = f"INSERT INTO t ({names}) VALUES ({written});"
    return Case(
        HARMFUL,
        f"overwritten-{name}",
        f"UPDATE t SET {_set(ours)};",
        schema=f"{made} CREATE TABLE t (id serial PRIMARY KEY, "
        + ", ".join(f"{column} {one}" for column, one in columns)
        + ");",
        seed=f"{insert} {insert} INSERT INTO t DEFAULT VALUES;",
        writes=f"UPDATE t SET {_set(theirs)}; {insert}",
        next="INSERT INTO t DEFAULT VALUES",
        columns=tuple(column for column, _ in columns),
        **more,
    )


def _set(values: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{column} = {value}" for column, value in values)


OVERWRITTEN = (
    _overwritten("values-of-every-type", tuple(_VALUES), _TYPES),
    _overwritten("time", ("timestamptz",)),
    _overwritten("citext", ("citext",), "CREATE EXTENSION citext;", extension="citext"),
)
NOT_OF_THE_FORM = (
    Case(HARMFUL, "text-in-capitals", "UPDATE t SET v = upper(v);"),
    Case(HARMFUL, "rows-deleted-by-a-condition", "DELETE FROM t WHERE n > 3;"),
    Case(
        HARMFUL,
        "json-key-removed",
        "UPDATE t SET j = j - 'theme';",
        schema=JSON,
        seed=OF_JSON,
        writes=WRITE_JSON,
    ),
    Case(
        HARMFUL,
        "time-of-a-column-anew",
        "ALTER TABLE t DROP COLUMN IF EXISTS at; ALTER TABLE t ADD at timestamptz DEFAULT now();",
        writes="UPDATE t SET at = '2020-01-01';",
    ),
)
"""An application is not sure to write values that the migration has done away with."""
