"""A small project of Django's, as files."""

from __future__ import annotations

ENV = """\
env = { DB_NAME = "{database}", DB_USER = "{user}", DB_PASSWORD = "{password}", DB_HOST = "{host}", DB_PORT = "{port}" }
"""  # noqa: E501 - one line of TOML

FILES = {
    "manage.py": """
        import os
        import sys

        from django.core.management import execute_from_command_line

        os.environ["DJANGO_SETTINGS_MODULE"] = "shop.settings"
        execute_from_command_line(sys.argv)
        """,
    "shop/__init__.py": "",
    "shop/settings.py": """
        import os

        DATABASES = {
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                **{
                    name: os.environ[f"DB_{name}"]
                    for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")
                },
            }
        }
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "shop"]
        USE_TZ = True
        """,
    "shop/migrations/__init__.py": "",
    "shop/migrations/0001_initial.py": """
        from django.db import migrations, models


        class Migration(migrations.Migration):
            initial = True
            operations = [
                migrations.CreateModel(
                    "Customer",
                    [
                        ("id", models.BigAutoField(primary_key=True)),
                        ("email", models.CharField(max_length=200, unique=True)),
                    ],
                )
            ]
        """,
    # A row that is there already: Django meets the unique constraint, and lives with it.
    "shop/migrations/0002_max_reports.py": """
        from django.db import IntegrityError, migrations, models, transaction


        def add_ada(apps, schema_editor):
            customers = apps.get_model("shop", "Customer").objects
            customers.create(email="ada@example.com")
            try:
                with transaction.atomic():
                    customers.create(email="ada@example.com")
            except IntegrityError:
                pass


        class Migration(migrations.Migration):
            dependencies = [("shop", "0001_initial")]
            operations = [
                migrations.AddField("customer", "max_reports", models.IntegerField(default=5)),
                migrations.RunPython(add_ada, migrations.RunPython.noop),
            ]
        """,
}
