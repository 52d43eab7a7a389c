"""What of two databases can be compared at all, when one is a throwaway of ours. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from pytest_schemaguard.catalog.snapshot import PARTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_schemaguard.catalog.snapshot import Name, Snapshot

_NEVER = frozenset(
    {"owner", "setting", "default-privileges", "user-mapping", "extension-schema"},
)
"""On the throwaway server one role owns everything; settings of a database are not cloned; where an
extension is kept, whoever installs it decides."""
_NOT_IN_DUMPS = "unpopulated"
"""A dump of the schema alone fills no materialized view."""
_ITEM = re.compile(r'((?:[^\s"=]|"[^"]*")*)=([^/\s]*)/((?:[^\s"]|"[^"]*")+)')
"""An aclitem: `grantee=privileges/grantor`; nobody before `=` is PUBLIC.
https://www.postgresql.org/docs/current/ddl-priv.html"""

_Value = TypeVar("_Value")


def comparable(snapshot: Snapshot) -> Snapshot:
    """The snapshot without what depends on who owns what.

    Of grants, those to others than the owner stay, whoever gave them: owners grant their own.
    Partitions come and go by themselves.
    """
    others = {}
    for name, text in snapshot.others.items():
        kind = name[0]
        if kind in _NEVER or name[1:3] in snapshot.partitions:
            continue
        told = "" if kind == "schema" else text
        if kind == "privileges":
            told = " ".join(sorted(grants_of(text)))
            if not told:
                continue
        others[name] = told
    return replace(snapshot, others=others, partitions={})


def of_dump(snapshot: Snapshot) -> Snapshot:
    """What a dump's database says of the one that was dumped."""
    others = {name: one for name, one in snapshot.others.items() if name[0] != _NOT_IN_DUMPS}
    return replace(snapshot, others=others)


def grants_of(acl: str) -> frozenset[str]:
    """`reader=r` of `owner=arwdDxt/owner reader=r/owner`: without what the owner has anyway."""
    return frozenset(
        f"{grantee or 'PUBLIC'}={privileges}"
        for grantee, privileges, grantor in _ITEM.findall(acl)
        if grantee != grantor
    )


def only(snapshot: Snapshot, schema: str, *, rest: Snapshot) -> Snapshot:
    """The snapshot in this schema, and `rest` in all others: they are not what is compared.

    Nor are the schema's own grants and comment: each database's `public` has some from its birth.
    """

    def chosen(mine: Mapping[Name, _Value], others: Mapping[Name, _Value]) -> dict[Name, _Value]:
        return {
            **{name: one for name, one in others.items() if name[0] != schema},
            **{name: one for name, one in mine.items() if name[0] == schema},
        }

    own = {("privileges", schema), ("comment", schema, "schema")}
    return replace(
        snapshot,
        **{
            part: chosen(getattr(snapshot, part), getattr(rest, part))
            for part in PARTS.keys() - {"others"}
        },
        others={
            **{name: one for name, one in rest.others.items() if name[1] != schema or name in own},
            **{
                name: one
                for name, one in snapshot.others.items()
                if name[1] == schema and name not in own
            },
        },
        excluded=tuple(sorted({*snapshot.excluded, *rest.excluded})),
    )
