import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("courses", "0003_release_variants"),
        ("labs", "0010_factory_partitions"),
    ]

    operations = [
        migrations.AddField(
            model_name="slurmjob",
            name="cohort",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="jobs",
                to="courses.cohort",
            ),
        ),
    ]
