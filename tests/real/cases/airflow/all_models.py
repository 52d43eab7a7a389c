"""Airflow loads its models lazily; this loads all of them."""

import airflow.models
from airflow.models.base import Base

airflow.models.import_all_models()
metadata = Base.metadata
