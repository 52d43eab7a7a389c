"""Airflow loads its models lazily; this loads all of them, and those of the FAB provider."""

import airflow.models
import airflow.providers.fab.auth_manager.models
from airflow.models.base import Base

airflow.models.import_all_models()
metadata = Base.metadata
