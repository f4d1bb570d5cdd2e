from django.db import migrations
from django.db.models import F, OuterRef, Subquery


def fill(apps, _schema_editor):
    """Runs until now: by the release of their submission, in line since they were queued."""
    releases = apps.get_model("labs", "Submission").objects.filter(pk=OuterRef("submission"))
    apps.get_model("labs", "GradingRun").objects.update(
        release=Subquery(releases.values("release")[:1]), in_line_since=F("queued_at")
    )


class Migration(migrations.Migration):
    dependencies = [
        ("labs", "0007_grading_queue"),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
