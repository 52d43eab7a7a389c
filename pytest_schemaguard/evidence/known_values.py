"""Values of columns that the models' own types accept, for the rows that the guard makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_schemaguard.errors import ProjectError
from pytest_schemaguard.evidence.models import TIMEOUT_S
from pytest_schemaguard.evidence.search_path import UNNAMED, schemas_in
from pytest_schemaguard.project.answers.models import KnownValues
from pytest_schemaguard.scenarios.look import Look

if TYPE_CHECKING:
    from pytest_schemaguard.scenarios.look import Sight

DATABASE = "known-values"


def _read(guard: Sight) -> KnownValues:
    models, source = guard.config.models, guard.source.environment
    if not models and source is None:
        return KnownValues()
    # Without `models` an env.py is run, which connects. (Rows are made before there is a state.)
    database = None if models else DATABASE
    if database is not None:
        guard.databases.create(database)
    try:
        found: KnownValues = guard.processes.apart(
            "models/known",
            {
                "subject": f"models {', '.join(models) or 'of env.py'}",
                "models": list(models),
                "source": source,
                "server_version": [guard.databases.server.major, 0],
            },
            database=database,
            beside_models=True,
            timeout_s=TIMEOUT_S,
            shape=KnownValues,
        )
    except ProjectError:
        return KnownValues()  # whoever needs the models tells why they cannot be read
    if guard.config.search_path is None:
        return found
    schemas = schemas_in(guard.config.search_path, user=guard.config.role)
    return KnownValues(
        of={
            (schema, *name[1:]): texts
            for name, texts in found.of.items()
            for schema in ((name[0], *schemas) if name[0] == UNNAMED else name[:1])
        }
    )


KNOWN_VALUES = Look("known-values", KnownValues, _read)
"""Of models that cannot be imported it has none. A model without a schema is in each one of the
search_path: which one has its table, nobody knows before there is a state."""
