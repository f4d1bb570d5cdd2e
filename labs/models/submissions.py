"""What learners hand in."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from courses.models import Enrolment
from labs.models.events import StatusEvent
from labs.models.releases import Lab, LabRelease
from labs.states import SubmissionStatus


class Submission(models.Model):
    """One press of *Submit* or of *Check my work*, and the files that were collected for it.

    `press_key` comes from the page that was pressed, so that one press is one submission however often it is sent.
    `attempt` counts what was collected for a mark: a check has none. `saved_at` is when the collected work was last
    written.
    """

    class Purpose(models.TextChoices):
        ATTEMPT = "attempt"
        CHECK = "check"

    class Source(models.TextChoices):
        SERVER = "server"
        SNAPSHOT = "snapshot"
        UPLOAD = "upload"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="submissions")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="submissions")
    release = models.ForeignKey(LabRelease, on_delete=models.PROTECT, related_name="submissions")
    purpose = models.CharField(max_length=16, choices=Purpose, default=Purpose.ATTEMPT)
    status = models.CharField(max_length=16, choices=SubmissionStatus, default=SubmissionStatus.COLLECTING)
    reason = models.CharField(max_length=64, blank=True)
    press_key = models.UUIDField(default=uuid.uuid4)
    pressed_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    collected_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=16, choices=Source, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)
    files = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-pressed_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["enrolment", "lab", "purpose"],
                condition=Q(status=SubmissionStatus.COLLECTING),
                name="one_submission_being_collected",
            ),
            models.UniqueConstraint(
                fields=["enrolment", "lab", "press_key"], name="one_submission_per_press"
            ),
            models.UniqueConstraint(
                fields=["enrolment", "lab", "attempt"], name="one_submission_per_attempt"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.lab} attempt {self.attempt}"


class SubmissionEvent(StatusEvent):
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="events")
