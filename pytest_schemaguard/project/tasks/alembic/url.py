"""The URL that env.py is given, with a driver that it can use."""

from __future__ import annotations

import re
from importlib.util import find_spec

ASYNC = re.compile(r"\b(?:async_engine_from_config|create_async_engine|AsyncEngine)\b")
_NAMED = re.compile(r"\s*postgres(?:ql)?\+(\w+)://")
_MODULES = {"psycopg_async": "psycopg", "psycopg2cffi": "psycopg2cffi"}


def with_driver(url: str, *, own: str | None, env_text: str) -> str:
    """The plain `postgresql://...` with a driver named: with the project's own where it works.

    `own` is the URL that the project's configuration holds. Without a driver in it, env.py's text
    says whether an async one is needed. SQLAlchemy 2.1 takes psycopg 3 for a URL that names none,
    2.0 psycopg2: hence never none.
    """
    named = _NAMED.match(own or "")
    wanted = [named[1]] if named else []
    if ASYNC.search(env_text):
        wanted += ["asyncpg", "psycopg"]
    wanted += ["psycopg2", "psycopg"]
    driver = next((one for one in wanted if _is_importable(one)), "psycopg2")
    return f"postgresql+{driver}{url[url.index(':') :]}"


def _is_importable(driver: str) -> bool:
    return find_spec(_MODULES.get(driver, driver)) is not None
