"""Workspaces: the files of one person in one lab, and the snapshots that outlive every server."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from labs.models.releases import Lab


class Workspace(models.Model):
    """One person's files of one lab, to learn with it or to author it.

    `wanted`: what the next server begins with (a restore or a reset that has not reached a server yet).
    `unsaved_reason`, `unsaved_since`: why and since when what is on the server's disk cannot be copied to Paja.
    """

    class Purpose(models.TextChoices):
        LEARN = "learn"
        AUTHOR = "author"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="workspaces")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="workspaces")
    purpose = models.CharField(max_length=8, choices=Purpose, default=Purpose.LEARN)
    wanted = models.ForeignKey(
        "Snapshot", null=True, blank=True, on_delete=models.SET_NULL, related_name="wanted_by"
    )
    unsaved_reason = models.CharField(max_length=64, blank=True)
    unsaved_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "lab", "purpose"], name="one_workspace_per_person_lab_and_purpose"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lab} of {self.owner_id} ({self.purpose})"

    @property
    def folder(self) -> str:
        """Where the files are in the person's home at a factory."""
        folder = f"{self.lab.course.slug}/{self.lab.slug}"
        return f"authoring/{folder}" if self.purpose == self.Purpose.AUTHOR else folder

    @property
    def current_snapshot(self) -> "Snapshot | None":
        """The work as it stands where no server holds it: what was asked for, else the newest."""
        return self.wanted or self.snapshots.first()


class Snapshot(models.Model):
    """A workspace as it was saved; `files` maps paths to digests of blobs.

    `origin` is the snapshot that a restore took its files from.
    """

    class Cause(models.TextChoices):
        TIMER = "timer"
        STOP = "stop"
        SUBMIT = "submit"
        FOUND = "found"  # stood on a factory's disk when a session began there
        RESTORE = "restore"
        RESET = "reset"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="snapshots")
    session = models.ForeignKey(
        "LabSession", null=True, blank=True, on_delete=models.SET_NULL, related_name="snapshots"
    )
    origin = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    cause = models.CharField(max_length=16, choices=Cause)
    files = models.JSONField()
    content_hash = models.CharField(max_length=64)
    byte_count = models.PositiveBigIntegerField(default=0)
    saved_at = models.DateTimeField(help_text="The newest time at which a file of it was written.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.cause} {self.created_at:%Y-%m-%d %H:%M}"


def find_saved_work(learner_id: int, lab_id: int) -> Snapshot | None:
    """A learner's work in a lab as it stands where no server holds it."""
    workspaces = Workspace.objects.filter(owner=learner_id, lab=lab_id, purpose=Workspace.Purpose.LEARN)
    workspace = workspaces.select_related("wanted").first()
    return workspace.current_snapshot if workspace else None
