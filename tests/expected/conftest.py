"""The fixtures of the catalog's tests."""

from __future__ import annotations

from tests.catalog.conftest import bindir, connection, run  # noqa: F401 - fixtures
