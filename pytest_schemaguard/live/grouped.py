"""What many databases have in common: each difference once, with those that have it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_schemaguard.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_schemaguard.findings import Finding
    from pytest_schemaguard.live.fleet import Result
    from pytest_schemaguard.live.targets import Target

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True, kw_only=True)
class Group:
    """One finding, and where it was found."""

    finding: Finding
    targets: tuple[Target, ...]
    of: int
    """How many were looked at."""

    @property
    def words(self) -> str:
        """`37 of 400 lack public.user.max_reports`."""
        kind = self.finding.code.partition(".")[2]
        first, _, rest = kind.partition("-")
        count, many = f"{len(self.targets)} of {self.of}", len(self.targets) != 1
        what = self.finding.subject
        if rest not in {"table", "column"}:
            what = f"{rest.replace('-', ' ')} {what}"
        if first == "missing":
            return f"{count} {'lack' if many else 'lacks'} {what}"
        if first == "extra":
            return f"{count} {'have' if many else 'has'} {what} besides"
        return f"{count} {'differ' if many else 'differs'} in {self.finding.subject} ({kind})"


def grouped(results: Iterable[Result]) -> tuple[Group, ...]:
    """The worst first, and of these what most databases have."""
    found: dict[Finding, list[Target]] = {}
    looked_at = 0
    for one in results:
        looked_at += one.looked
        for finding in one.findings:
            found.setdefault(finding, []).append(one.target)
    groups = [
        Group(finding=finding, targets=tuple(targets), of=looked_at)
        for finding, targets in found.items()
    ]
    groups.sort(
        key=lambda one: (
            _ORDER.index(one.finding.severity),
            -len(one.targets),
            one.finding.subject,
            one.finding.code,
        )
    )
    return tuple(groups)
