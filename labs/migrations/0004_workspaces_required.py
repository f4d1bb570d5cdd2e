import uuid

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

ACTIVE = ("requested", "spawning", "ready", "stopping")


class Migration(migrations.Migration):
    dependencies = [
        ("labs", "0003_fill_workspaces"),
    ]

    operations = [
        # --- Snapshots ---
        migrations.AlterField(
            "snapshot",
            "workspace",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="snapshots", to="labs.workspace"
            ),
        ),
        migrations.AlterField(
            "snapshot", "public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
        ),
        migrations.AddField(
            "snapshot",
            "origin",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="labs.snapshot",
            ),
        ),
        migrations.AddField("snapshot", "byte_count", models.PositiveBigIntegerField(default=0)),
        migrations.AlterField(
            "snapshot",
            "session",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="snapshots",
                to="labs.labsession",
            ),
        ),
        migrations.AlterField(
            "snapshot",
            "cause",
            models.CharField(
                choices=[
                    ("timer", "Timer"),
                    ("stop", "Stop"),
                    ("submit", "Submit"),
                    ("found", "Found"),
                    ("restore", "Restore"),
                    ("reset", "Reset"),
                ],
                max_length=16,
            ),
        ),
        migrations.AlterModelOptions("snapshot", {"ordering": ["-created_at", "-pk"]}),
        migrations.RemoveIndex("snapshot", "labs_snapsh_learner_7a80e3_idx"),
        migrations.RemoveField("snapshot", "learner"),
        migrations.RemoveField("snapshot", "lab"),
        # --- Sessions ---
        migrations.RemoveConstraint("labsession", "one_active_session_per_learner_and_lab"),
        migrations.AlterField(
            "labsession",
            "workspace",
            models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="sessions", to="labs.workspace"
            ),
        ),
        migrations.AlterField(
            "labsession",
            "enrolment",
            models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="lab_sessions",
                to="courses.enrolment",
            ),
        ),
        migrations.RenameField("labsession", "work_checked_at", "visited_at"),
        migrations.AddField("labsession", "stop_reason", models.CharField(blank=True, max_length=64)),
        migrations.AddField("labsession", "is_restarting", models.BooleanField(default=False)),
        migrations.AddField("labsession", "ends_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("labsession", "active_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("labsession", "warned_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("labsession", "listing_hash", models.CharField(blank=True, max_length=64)),
        migrations.AddConstraint(
            "labsession",
            models.UniqueConstraint(
                condition=Q(status__in=ACTIVE),
                fields=("workspace",),
                name="one_active_session_per_workspace",
            ),
        ),
        migrations.AddIndex(
            "labsession",
            models.Index(fields=["learner", "lab", "-requested_at"], name="labs_labses_learner_d05b33_idx"),
        ),
        migrations.AddIndex(
            "snapshot",
            models.Index(fields=["workspace", "-created_at"], name="labs_snapsh_workspa_f2fb9c_idx"),
        ),
    ]
