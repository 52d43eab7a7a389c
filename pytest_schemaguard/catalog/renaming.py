"""A schema's snapshot under another name: the tenants of one database, compared as one. Pure."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from pytest_schemaguard.sqltext.identifiers import quoted

if TYPE_CHECKING:
    from pytest_schemaguard.catalog.snapshot import Snapshot


def renamed(snapshot: Snapshot, old: str, new: str) -> Snapshot:
    """The snapshot of schema `old` alone, as it would be if that were called `new`.

    Also in PostgreSQL's own text, where `old.` stands before a name; and in the text of a literal,
    since `nextval('tenant_1.ids')` is one.
    """
    # An identifier that only ends in the name is none of its mentions.
    mention = re.compile(rf"(?<![\w$.\"]){re.escape(quoted(old))}(?=\.)")
    target = quoted(new)

    def name_of(name: tuple[str, ...], place: int = 0) -> tuple[str, ...]:
        if len(name) > place and name[place] == old:
            return (*name[:place], new, *name[place + 1 :])
        return name

    def value_of(value: Any) -> Any:
        if isinstance(value, str):
            return mention.sub(lambda _: target, value)
        if is_dataclass(value) and not isinstance(value, type):
            parts = {one.name: value_of(getattr(value, one.name)) for one in fields(value)}
            if parts.get("owner"):  # of a sequence: a column's name
                parts["owner"] = name_of(parts["owner"])
            return replace(value, **parts)
        return value

    parts = ("relations", "columns", "constraints", "indexes", "domains", "sequences")
    return replace(
        snapshot,
        **{
            part: {name_of(name): value_of(one) for name, one in getattr(snapshot, part).items()}
            for part in parts
        },
        enums={name_of(name): labels for name, labels in snapshot.enums.items()},
        others={name_of(name, 1): value_of(text) for name, text in snapshot.others.items()},
        partitions={name_of(name): name_of(of) for name, of in snapshot.partitions.items()},
        excluded=tuple(name_of(name) for name in snapshot.excluded),
    )
