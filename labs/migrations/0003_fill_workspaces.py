import uuid

from django.db import migrations


def make_workspaces(apps, _schema_editor):
    """One workspace for every person and lab that has a session or a snapshot."""
    workspaces = apps.get_model("labs", "Workspace")
    for name in ("LabSession", "Snapshot"):
        rows = apps.get_model("labs", name).objects
        for learner_id, lab_id in rows.values_list("learner", "lab").order_by().distinct():
            workspace, _ = workspaces.objects.get_or_create(
                owner_id=learner_id, lab_id=lab_id, purpose="learn"
            )
            rows.filter(learner=learner_id, lab=lab_id).update(workspace=workspace)


def number_snapshots(apps, _schema_editor):
    """A public id for each: the column was made with one and the same for all."""
    for snapshot in apps.get_model("labs", "Snapshot").objects.only("pk"):
        snapshot.public_id = uuid.uuid4()
        snapshot.save(update_fields=["public_id"])


class Migration(migrations.Migration):
    dependencies = [
        ("labs", "0002_workspaces"),
    ]

    operations = [
        migrations.RunPython(make_workspaces, migrations.RunPython.noop),
        migrations.RunPython(number_snapshots, migrations.RunPython.noop),
    ]
