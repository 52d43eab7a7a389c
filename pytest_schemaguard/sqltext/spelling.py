"""The settings by which PostgreSQL finds names and spells values, as the guard wants them. Pure."""

from __future__ import annotations

SEARCH_PATH = "pg_catalog,pg_temp"
"""Names mean PostgreSQL's own. A temporary table is found last; unnamed, pg_temp is the first
(https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH)."""

SPELLING = {
    "quote_all_identifiers": "off",
    "DateStyle": "ISO,YMD",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
}
"""Of constants in expressions, and of rows: a database may have settings of its own."""
SPELLED_SO = tuple(f"SET LOCAL {name} = '{value}'" for name, value in SPELLING.items())
"""What has a transaction spell them so."""
