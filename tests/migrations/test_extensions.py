"""Where an extension can be had that a server lacks."""

from __future__ import annotations

import pytest

from pytest_schemaguard.migrations.extensions import missing, where


@pytest.mark.parametrize(
    ("extension", "major", "words"),
    [
        ("vector", 16, ['image = "pgvector/pgvector:pg16"', "apt install postgresql-16-pgvector"]),
        ("postgis_topology", 15, ['"postgis/postgis:15-3.5"', "postgresql-15-postgis-3"]),
        ("postgis", 18, ['"postgis/postgis:18-3.6"']),
        ("timescaledb", 15, ['"timescale/timescaledb:latest-pg15"']),
        (
            "pgcrypto",
            15,
            ["postgresql-15 has it", 'server = "embedded" on Python 3.12', "postgres:15"],
        ),
        ("pg_cron", 15, ["apt install postgresql-15-cron", "an `image` that has it"]),
        ("some_thing", 15, ["on Debian probably: apt install postgresql-15-some-thing"]),
    ],
)
def test_next_step_names_image_and_package(extension: str, major: int, words: list[str]) -> None:
    said = where(extension, major=major)
    assert all(word in said for word in words)


def test_only_a_missing_extension_is_one() -> None:
    sql = 'create extension IF NOT EXISTS "uuid-ossp"'
    assert "uuid-ossp is part of" in (missing(sql, sqlstate="0A000", major=15) or "")
    assert "uuid-ossp is part of" in (missing(sql, sqlstate="58P01", major=14) or "")
    assert missing(sql, sqlstate="42501", major=15) is None
    assert missing("CREATE TABLE t ()", sqlstate="0A000", major=15) is None
