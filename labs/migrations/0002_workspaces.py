import uuid

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("labs", "0001_initial"),
    ]

    operations = [
        # --- Hubs ---
        migrations.AddField("hub", "down_since", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("hub", "probe_at", models.DateTimeField(editable=False, null=True)),
        migrations.AddField(
            "hub",
            "sessions_max",
            models.PositiveIntegerField(default=200, help_text="Sessions at once, of everybody."),
        ),
        migrations.AddField(
            "hub",
            "sessions_per_learner",
            models.PositiveIntegerField(default=3, help_text="Sessions at once, of one person."),
        ),
        migrations.AddField(
            "hub",
            "idle_minutes",
            models.PositiveIntegerField(
                default=60,
                help_text="A session in which nothing runs and nothing is written is stopped after so many minutes.",
            ),
        ),
        migrations.AddField(
            "hub",
            "minutes_max",
            models.PositiveIntegerField(
                default=480, help_text="The longest session, whatever a lab asks for."
            ),
        ),
        migrations.CreateModel(
            name="HubOutage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=64)),
                (
                    "hub",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="outages", to="labs.hub"
                    ),
                ),
            ],
            options={"ordering": ["-began_at"]},
        ),
        migrations.CreateModel(
            name="SignOut",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("requested_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "hub",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sign_outs", to="labs.hub"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_outs",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("user", "hub"), name="one_sign_out_per_user_and_hub")
                ]
            },
        ),
        # --- Releases ---
        migrations.AddField("labrelease", "session", models.JSONField(default=dict)),
        # --- Workspaces ---
        migrations.CreateModel(
            name="Workspace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "purpose",
                    models.CharField(
                        choices=[("learn", "Learn"), ("author", "Author")], default="learn", max_length=8
                    ),
                ),
                ("unsaved_reason", models.CharField(blank=True, max_length=64)),
                ("unsaved_since", models.DateTimeField(blank=True, null=True)),
                (
                    "lab",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="workspaces", to="labs.lab"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="workspaces",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "wanted",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="wanted_by",
                        to="labs.snapshot",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("owner", "lab", "purpose"), name="one_workspace_per_person_lab_and_purpose"
                    )
                ]
            },
        ),
        migrations.AddField(
            "labsession",
            "workspace",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sessions",
                to="labs.workspace",
            ),
        ),
        migrations.AddField(
            "snapshot",
            "workspace",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="snapshots",
                to="labs.workspace",
            ),
        ),
        migrations.AddField(
            "snapshot", "public_id", models.UUIDField(default=uuid.uuid4, editable=False, null=True)
        ),
    ]
