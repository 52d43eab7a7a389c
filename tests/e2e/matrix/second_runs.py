"""For `idempotent`: harmful where a second run fails, or undoes what an application wrote."""

from __future__ import annotations

from tests.e2e.matrix.overwritten import NOT_OF_THE_FORM, OVERWRITTEN
from tests.e2e.matrix.repeated_ddl import DDL
from tests.e2e.matrix.repeated_sequences import OF_SEQUENCES
from tests.e2e.matrix.repeated_writes import ROWS

SECOND_RUNS = (*DDL, *ROWS, *OF_SEQUENCES, *OVERWRITTEN, *NOT_OF_THE_FORM)
