"""Runs of the grading box over submissions, and what came out of them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labs.models.events import StatusEvent
from labs.models.submissions import Submission
from labs.states import ACTIVE_GRADING_STATUSES, GradingOutcome, GradingStatus


class GradingRun(models.Model):
    """One run over one submission. `status` says where it is, `outcome` what came out.

    `heartbeat_at` is written every few seconds by the worker that holds the run; `notebooks` holds per notebook
    its outcome, reason, faulty cell and damage; `evidence`, which no learner may see, what the twin run found (per
    cell what its test expects, and what else it took); `phase_seconds` where the time went.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="runs")
    status = models.CharField(max_length=16, choices=GradingStatus, default=GradingStatus.QUEUED)
    outcome = models.CharField(max_length=32, choices=GradingOutcome, blank=True)
    reason = models.CharField(max_length=64, blank=True)
    try_number = models.PositiveIntegerField(default=1)
    queued_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    score = models.FloatField(null=True, blank=True)
    max_score = models.FloatField(null=True, blank=True)
    late_penalty = models.FloatField(default=0)
    needs_manual_grade = models.BooleanField(default=False)
    notebooks = models.JSONField(default=list)
    evidence = models.JSONField(default=list)
    phase_seconds = models.JSONField(default=dict)

    class Meta:
        ordering = ["-queued_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["submission"],
                condition=Q(status__in=ACTIVE_GRADING_STATUSES),
                name="one_active_run_per_submission",
            )
        ]

    def __str__(self) -> str:
        return f"run {self.try_number} of {self.submission}"


class GradingRunEvent(StatusEvent):
    run = models.ForeignKey(GradingRun, on_delete=models.CASCADE, related_name="events")


class CellGrade(models.Model):
    """The points of one grade cell in one run.

    `message` stands literally in the author's source, or is empty; `comment` is a person's. A cell is unanswered when
    it reads as it was released, and tampered when its points were not to be trusted: then a person gives them.
    """

    run = models.ForeignKey(GradingRun, on_delete=models.CASCADE, related_name="cells")
    notebook = models.CharField(max_length=255)
    grade_id = models.CharField(max_length=255)
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=16)
    max_score = models.FloatField()
    auto_score = models.FloatField(null=True, blank=True)
    manual_score = models.FloatField(null=True, blank=True)
    extra_credit = models.FloatField(null=True, blank=True)
    needs_manual_grade = models.BooleanField(default=False)
    was_run = models.BooleanField(default=True)
    is_unanswered = models.BooleanField(default=False)
    is_tampered = models.BooleanField(default=False)
    message = models.TextField(blank=True)
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "notebook", "grade_id"], name="one_grade_per_cell")
        ]

    def __str__(self) -> str:
        return f"{self.notebook}:{self.grade_id}"

    @property
    def score(self) -> float | None:
        """A person's score if there is one, else the automatic one, with extra credit; None while it waits."""
        own = self.manual_score if self.manual_score is not None else self.auto_score
        if own is None:
            return None
        return own + (self.extra_credit or 0)


class ScoreChange(models.Model):
    """A person's change of a cell's points or comment: who, when, why, from what to what. Never changed itself."""

    cell = models.ForeignKey(CellGrade, on_delete=models.CASCADE, related_name="changes")
    before = models.FloatField(null=True)
    after = models.FloatField(null=True)
    comment = models.TextField(blank=True)
    reason = models.CharField(max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return f"{self.cell}: {self.before} → {self.after}"


class Feedback(models.Model):
    """What the learner sees of a run: `content` is the digest of a JSON blob, sanitised when it is shown."""

    run = models.OneToOneField(GradingRun, on_delete=models.CASCADE, related_name="feedback")
    content = models.CharField(max_length=64)

    def __str__(self) -> str:
        return self.content
