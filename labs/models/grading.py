"""Runs of the grading box over submissions, and what came out of them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from courses.models import Factory
from labs.models.events import StatusEvent
from labs.models.factories import Hub
from labs.models.releases import Lab, LabRelease
from labs.models.submissions import Submission
from labs.states import (
    ACTIVE_GRADING_STATUSES,
    ACTIVE_SESSION_STATUSES,
    GradingOutcome,
    GradingStatus,
    SessionStatus,
)


class GradingRun(models.Model):
    """One run over one submission. `status` says where it is, `outcome` what came out.

    `release` is the one whose tests grade; a regrade may have another than the submission. `factory` is set where the
    lab needs a GPU: then that factory's grader runs the notebooks. `in_line_since` is the place in the queue, which a
    newer attempt takes over from the one that it replaces; `worker` is who holds or held the run.
    `heartbeat_at` is written every few seconds by the worker that holds the run; `notebooks` holds per notebook
    its outcome, reason, faulty cell and damage; `evidence`, which no learner may see, what the twin run found (per
    cell what its test expects, and what else it took); `phase_seconds` where the time went.
    """

    class Lane(models.IntegerChoices):
        """Whose turn comes first: people who wait for an answer go before everything else."""

        LEARNERS = 0
        REGRADES = 1

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="runs")
    release = models.ForeignKey(LabRelease, on_delete=models.PROTECT, related_name="runs")
    lane = models.PositiveSmallIntegerField(choices=Lane, default=Lane.LEARNERS)
    factory = models.ForeignKey(
        Factory, null=True, blank=True, on_delete=models.PROTECT, related_name="grading_runs"
    )
    in_line_since = models.DateTimeField(default=timezone.now)
    worker = models.CharField(max_length=128, blank=True)
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
        indexes = [
            models.Index(fields=["status", "lane", "in_line_since"], name="grading_queue"),
            models.Index(fields=["finished_at"], name="grading_finished"),
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


class GradingPause(models.Model):
    """A time in which the runs of a lab wait because staff said so. An open one has no end; both ends name who."""

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="grading_pauses")
    note = models.CharField(max_length=500, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["lab"], condition=Q(ended_at=None), name="one_open_grading_pause_per_lab"
            )
        ]

    def __str__(self) -> str:
        return f"{self.lab} since {self.started_at:%Y-%m-%d %H:%M}"


class Grader(models.Model):
    """One named server of a factory's grader account, which runs notebooks that need a GPU, one run after another.

    It goes through the states of a session. `used_at` is when a run last needed it; one that nobody needs is stopped.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="graders")
    status = models.CharField(max_length=16, choices=SessionStatus, default=SessionStatus.REQUESTED)
    reason = models.CharField(max_length=64, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["hub"],
                condition=Q(status__in=ACTIVE_SESSION_STATUSES),
                name="one_active_grader_per_hub",
            )
        ]

    def __str__(self) -> str:
        return f"grader of {self.hub}"

    @property
    def server_name(self) -> str:
        """Unlike any session's, so that no sweep of sessions takes it for one of theirs."""
        return f"g-{self.public_id.hex[:8]}"


class GraderEvent(StatusEvent):
    grader = models.ForeignKey(Grader, on_delete=models.CASCADE, related_name="events")
