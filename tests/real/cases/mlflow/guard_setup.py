"""mlflow's auth application reads its database from an ini file that a variable names."""

from pathlib import Path

INI = """\
[mlflow]
default_permission = READ
database_uri = {url}
admin_username = admin
admin_password = a-password-of-sixteen
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""


def setup(url, folder):
    named = url.replace("postgresql://", "postgresql+psycopg2://", 1).replace("%", "%%")
    (Path(folder) / "auth.ini").write_text(INI.format(url=named))
