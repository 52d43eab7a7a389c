"""Changes of one property each, of a schema that the models describe; also what is no change.

A case is the SQL that changes it, and what is told: each kind with its severity, and `fixed` where
the fix that is told mends the database. All are seen from the other side too, as if the models had
changed: what is missing is then extra. OTHER_SIDE has those of which something else is told there.
"""

from __future__ import annotations

from pathlib import Path

from tests.catalog.mutations import (
    columns,
    constraints,
    indexes,
    newer,
    relations,
    types,
    types_of_their_own,
)

SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
CASES = [
    *((0, *case) for case in relations.CASES),
    *((0, *case) for case in columns.CASES),
    *((0, *case) for case in types.CASES),
    *((0, *case) for case in types_of_their_own.CASES),
    *((0, *case) for case in constraints.CASES),
    *((0, *case) for case in indexes.CASES),
    *((since, *case) for since, cases in newer.SINCE.items() for case in cases),
]
"""The `server_version_num` that first knows it, the SQL, and what is told."""
OTHER_SIDE = {
    # A type that changes takes its check along; the text of the check is then PostgreSQL's own.
    "price TYPE double precision": {"type"},
    "big TYPE numeric": {"type"},
    # What a sequence of its own is called and counts is told, of a serial column's only how.
    "parent_id_seq OWNED BY NONE": {"default", "sequence-owner"},
    "numbers OWNED BY thing.number": {"default"},
    "DROP SEQUENCE numbers": {"default"},
    'numbers SET SCHEMA "Shop"': {"default", "missing-sequence"},
    "CREATE UNIQUE INDEX ux ON child (parent_id, name)": {"unique-constraint-for-index"},
    # A class may be mapped to a partition or a view, of which only the columns are compared.
    "DETACH PARTITION listed_eu": set(),
    "CREATE TABLE listed_eu": set(),
    "CREATE VIEW derived": {"relation-kind", "inheritance", "view", "extra-column"},
    "CREATE MATERIALIZED VIEW derived": {"relation-kind", "inheritance", "view", "type"},
    # Of what the database lacks it is not told that it would not hold.
    "ON ONLY listed (n)": {"missing-index"},
    "ON ONLY listed (region)": {"missing-index"},
    "ALTER TABLE ONLY listed": {"missing-unique"},
}
HARMLESS = [
    "ALTER TABLE child ALTER COLUMN at SET DEFAULT CURRENT_TIMESTAMP",
    "ALTER TABLE child ALTER COLUMN at SET DEFAULT transaction_timestamp()",
    "ALTER TABLE child ALTER COLUMN price SET DEFAULT 0.00",
    "ALTER SEQUENCE parent_id_seq RENAME TO another",
    "ALTER SEQUENCE parent_id_seq AS bigint",
    "SELECT nextval('parent_id_seq'), nextval('numbers')",
    "ALTER TABLE child DROP COLUMN day; ALTER TABLE child ADD COLUMN day date",
    "ALTER TABLE child SET (fillfactor = 50)",
    "ALTER TABLE child ALTER COLUMN name SET STATISTICS 500",
    "ALTER TABLE child ALTER COLUMN name SET STORAGE EXTERNAL",
    "ALTER TABLE child REPLICA IDENTITY FULL",
    "ALTER TABLE child CLUSTER ON ix_name",
    "ALTER TABLE child ENABLE ROW LEVEL SECURITY",
    "COMMENT ON INDEX ix_name IS 'x'; COMMENT ON TYPE status IS 'x'",
    "GRANT SELECT ON child TO PUBLIC",
    "CREATE VIEW seen AS SELECT * FROM child",
    "CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM child",
    "DROP TABLE derived; CREATE VIEW derived AS SELECT 1 AS a, 2 AS b",
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
    'CREATE TABLE "Shop".alembic_version_shop (version_num varchar(32) PRIMARY KEY)',
    "CREATE TABLE flyway_schema_history (installed_rank integer PRIMARY KEY)",
    "CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE TYPE couple_of AS (a integer, b text)",
    "CREATE SCHEMA empty",
    "CREATE EXTENSION hstore",
    "INSERT INTO parent (code) VALUES ('x')",
]
"""What an application and a model see nothing of."""
