"""jupyterhub's alembic.ini is a template that `jupyterhub upgrade-db` fills in."""

import os

from alembic.config import Config
from jupyterhub.dbutil import write_alembic_ini


def config(url):
    path = os.path.join(os.environ["GUARD_DIR"], "alembic.ini")
    write_alembic_ini(path, url)
    return Config(path)
