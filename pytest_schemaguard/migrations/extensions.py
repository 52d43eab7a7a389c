"""Where an extension that the server lacks can be had. Pure.

Debian's names: https://packages.debian.org and the PostgreSQL project's https://apt.postgresql.org.
Contrib's list: https://www.postgresql.org/docs/current/contrib.html.
"""

from __future__ import annotations

import re

_NAME = re.compile(
    r"""create\s+extension\s+(?:if\s+not\s+exists\s+)?(?:"([^"]+)"|([a-z0-9_]+))""", re.IGNORECASE
)
_CONTRIB = frozenset(
    """adminpack amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn
    earthdistance file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree
    moddatetime old_snapshot pageinspect pg_buffercache pg_freespacemap pg_prewarm
    pg_stat_statements pg_surgery pg_trgm pg_visibility pg_walinspect pgcrypto pgrowlocks
    pgstattuple postgres_fdw refint seg sslinfo tablefunc tcn tsm_system_rows tsm_system_time
    unaccent uuid-ossp xml2""".split()  # noqa: SIM905 - a table of names reads better so
)
_POSTGIS = frozenset(
    """address_standardizer address_standardizer_data_us postgis postgis_raster postgis_sfcgal
    postgis_tiger_geocoder postgis_topology""".split()  # noqa: SIM905 - as above
)
_PACKAGES = {
    "pg_cron": "postgresql-{major}-cron",
    "pg_hint_plan": "postgresql-{major}-pg-hint-plan",
    "pg_partman": "postgresql-{major}-partman",
    "pg_repack": "postgresql-{major}-repack",
    "plperl": "postgresql-plperl-{major}",
    "plperlu": "postgresql-plperl-{major}",
    "plpython3u": "postgresql-plpython3-{major}",
    "pltcl": "postgresql-pltcl-{major}",
    "pltclu": "postgresql-pltcl-{major}",
    "vector": "postgresql-{major}-pgvector",
}
_IMAGES = {
    "timescaledb": "timescale/timescaledb:latest-pg{major}",
    "vector": "pgvector/pgvector:pg{major}",
}
_POSTGIS_36_SINCE = 18


def missing(statement: str, *, sqlstate: str, major: int) -> str | None:
    """Where to find the extension that this CREATE EXTENSION did not find; None for other errors.

    PostgreSQL says feature_not_supported since 15, undefined_file before.
    """
    name = _NAME.match(statement)
    if name is None or sqlstate not in {"0A000", "58P01"}:
        return None
    return where(name[1] or name[2].lower(), major=major)


def where(extension: str, *, major: int) -> str:
    """The next step for somebody whose server lacks this extension."""
    if extension in _CONTRIB:
        return (
            f"{extension} is part of PostgreSQL's contrib: Debian's package postgresql-{major} "
            f'has it, docker\'s image too (server = "docker", image = "postgres:{major}"), '
            'and so has server = "embedded" on Python 3.12 and newer'
        )
    package = _PACKAGES.get(extension, f"postgresql-{major}-{extension.removeprefix('pg_')}")
    image = _IMAGES.get(extension)
    if extension in _POSTGIS:
        package = "postgresql-{major}-postgis-3"
        image = f"postgis/postgis:{{major}}-{'3.6' if major >= _POSTGIS_36_SINCE else '3.5'}"
    install = f"apt install {package.format(major=major)}".replace("_", "-")
    if image is None:
        return (
            f"install it beside PostgreSQL {major} (on Debian probably: {install}), or server = "
            f'"docker" with an `image` that has it'
        )
    return f'server = "docker" with image = "{image.format(major=major)}", or on Debian: {install}'
