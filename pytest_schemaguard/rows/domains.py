"""Domains, by what they stand upon: a base type, or another domain. Pure.

https://www.postgresql.org/docs/current/domains.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.rows.conditions import Spelled
from pytest_schemaguard.rows.tables import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.rows.tables import Type

    Types = Mapping[int, Type]
    """By oid."""

VALUE = "value"
"""What a check of a domain's is about; outside of a domain it is the name of a column."""


def plain(types: Types, oid: int) -> Type:
    """The type without the domains above it."""
    one = types[oid]
    return plain(types, one.of) if one.form == "d" else one


def checks(types: Types, oid: int) -> list[Check]:
    """Those of a domain, and of the domains that it stands upon."""
    one = types[oid]
    own = [Check(expression=check, columns=(VALUE,)) for check in one.checks]
    return own + (checks(types, one.of) if one.form == "d" else [])


def spelled(types: Types, oid: int, exact: str) -> Spelled:
    """The type without the domains above it, in SQL; `exact` is the column's spelling."""
    one = types[oid]
    return spelled(types, one.of, one.of_spelled) if one.of_spelled else Spelled(one.spelled, exact)
