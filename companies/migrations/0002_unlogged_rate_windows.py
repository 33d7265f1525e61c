"""Counters of the current minute need not survive a crash of the database, and each use of a key
would otherwise wait for the disk.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def unlog(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE companies_ratewindow SET UNLOGGED")


class Migration(migrations.Migration):
    dependencies = [("companies", "0001_initial")]  # noqa: RUF012

    operations = [migrations.RunPython(unlog, migrations.RunPython.noop)]  # noqa: RUF012
