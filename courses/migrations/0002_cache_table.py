"""The table of the cache, so that `migrate` is all that a deployment has to run."""

from django.core.management import call_command
from django.db import migrations


def create_cache_table(_apps: object, schema_editor: object) -> None:
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("courses", "0001_initial")]
    operations = [migrations.RunPython(create_cache_table, migrations.RunPython.noop)]
