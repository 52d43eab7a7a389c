"""For each meaning of drift, what an application's queries do."""

from __future__ import annotations

from tests.checks.proofs import columns, constraints, indexes, relations

PROOFS = [*relations.PROOFS, *columns.PROOFS, *constraints.PROOFS, *indexes.PROOFS]
