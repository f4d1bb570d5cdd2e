import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labs", "0008_fill_grading_queue"),
    ]

    operations = [
        migrations.AlterField(
            "gradingrun",
            "release",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="runs", to="labs.labrelease"
            ),
        ),
    ]
