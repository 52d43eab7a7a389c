"""A runner as many projects have one, written by hand."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg2

MIGRATIONS = Path(__file__).with_name("migrations")


def main() -> None:
    connection = psycopg2.connect(os.environ["DATABASE_URL"])
    cursor = connection.cursor()
    try:
        cursor.execute("SELECT version FROM schema_migrations")
    except psycopg2.errors.UndefinedTable:
        connection.rollback()
        cursor.execute("CREATE TABLE schema_migrations (version text PRIMARY KEY)")
        connection.commit()
        done = set()
    else:
        done = {version for (version,) in cursor.fetchall()}
    for path in sorted(MIGRATIONS.glob("*.sql")):
        if path.stem not in done:
            cursor.execute(path.read_text())
            cursor.execute("INSERT INTO schema_migrations VALUES (%s)", (path.stem,))
            connection.commit()
            print("applied", path.stem)
    connection.close()


if __name__ == "__main__":
    main()
