"""The fixtures of the migrations' tests."""

from __future__ import annotations

from tests.migrations.conftest import sides, write  # noqa: F401 - fixtures
