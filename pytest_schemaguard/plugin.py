"""pytest's hooks: no logic, no heavy import, since every project pays for this file."""

from __future__ import annotations
