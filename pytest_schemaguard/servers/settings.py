"""The settings that the guard's own sessions begin with, whatever a database or a role sets.

They stand in the start-up options of a connection. Those win over ALTER DATABASE and ALTER ROLE,
which belong to whoever owns the database
(https://www.postgresql.org/docs/current/config-setting.html#CONFIG-SETTING-SHELL).
"""

from __future__ import annotations

from enum import Enum

from pytest_schemaguard.sqltext.spelling import SEARCH_PATH, SPELLING

STATEMENT_TIMEOUT_S = 600
"""How long one statement of the guard's own may take, with its waits for locks."""

_STAND_IN = {
    # What a text of SQL means.
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "array_nulls": "on",
    "transform_null_equals": "off",
    # Errors and long statements are answers, and end no session.
    "exit_on_error": "off",
    "statement_timeout": str(STATEMENT_TIMEOUT_S * 1000),
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "client_min_messages": "notice",
    "local_preload_libraries": "",
}
_ALL = {
    **_STAND_IN,
    "search_path": SEARCH_PATH,
    "role": "none",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "row_security": "off",
    **SPELLING,
    "timezone_abbreviations": "Default",
    "xmloption": "content",
    # Where things are made.
    "default_tablespace": "",
    "temp_tablespaces": "",
    "default_table_access_method": "heap",
    "default_toast_compression": "pglz",
    "check_function_bodies": "on",
}
_SINCE_17 = {"transaction_timeout": "0"}
_EVENT_TRIGGERS_SINCE = 17


class Settings(Enum):
    """Whose settings a session has."""

    OWN = "the database's and the role's own, as production's sessions have them"
    STAND_IN = "their own, but for what a text of SQL means and how long it may take"
    """Where the guard stands in for the application: its names are found as production's are."""
    GUARD = "the guard's, for what it asks and what it does itself"

    def options(self, *, major: int | None, superuser: bool) -> str:
        """For libpq's parameter `options`; None: a server of which the version is not known yet.

        A superuser's session fires no event trigger: whoever owns its function would be a
        superuser in it. (Before 17 those are fired all the same that are ENABLE ALWAYS or REPLICA.)
        """
        if self is Settings.OWN:
            return ""
        chosen = dict(_ALL if self is Settings.GUARD else _STAND_IN)
        if major is not None and major >= _EVENT_TRIGGERS_SINCE:
            chosen |= _SINCE_17
        if superuser and major is not None:
            if major >= _EVENT_TRIGGERS_SINCE:
                chosen["event_triggers"] = "off"
            else:
                chosen["session_replication_role"] = "replica"
        return " ".join(f"-c {name}={_escaped(value)}" for name, value in chosen.items())


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace(" ", r"\ ")
