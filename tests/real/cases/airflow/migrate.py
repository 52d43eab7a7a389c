"""Airflow's two chains of revisions, as `airflow db migrate` runs them on a database that exists."""

from pathlib import Path

from alembic import command
from alembic.config import Config


def main(url, version):
    import airflow
    import airflow.providers.fab

    package = {"1_core": airflow, "2_fab": airflow.providers.fab}[version]
    folder = Path(package.__file__).parent
    config = Config(folder / "alembic.ini")
    config.set_main_option("script_location", str(folder / "migrations"))
    command.upgrade(config, "heads")
