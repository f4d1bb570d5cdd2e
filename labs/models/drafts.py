"""What authors bring back from their sessions: drafts of a lab's next release."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from courses.models import Cohort, CourseRelease
from labs.models.events import StatusEvent
from labs.models.releases import Lab, LabRelease
from labs.models.workspaces import Workspace
from labs.states import WORKING_DRAFT_STATUSES, DraftStatus


class LabDraft(models.Model):
    """The source of a lab as an author brought it back for a cohort; its files never change.

    `base`: the release that it was compared with, and that the cohort has while it may be released.
    `began_with`: the release whose source the author's session had begun with; empty where no session runs.
    `claimed_at`: a lease of the worker that checks it, renewed while it works.
    `problems`: what is wrong, and hints, as `labs.nbgrader.SourceProblem` with the name of its cell.
    `comparison`: digest of a blob, what differs from `base` (`labs.nbgrader.comparing`); empty until checked.
    `learner_files`, `gradebook`, `grade_cells`: nbgrader's release of it, where nothing was wrong.
    `same_as`: the draft that held the same content already; then this one is discarded.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="lab_drafts")
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="drafts")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="lab_drafts"
    )
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.SET_NULL, related_name="drafts"
    )
    base = models.ForeignKey(LabRelease, on_delete=models.PROTECT, related_name="drafts")
    began_with = models.ForeignKey(LabRelease, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=DraftStatus, default=DraftStatus.COLLECTING)
    reason = models.CharField(max_length=64, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    claimed_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    collected_at = models.DateTimeField(null=True, blank=True)
    saved_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    released_at = models.DateTimeField(null=True, blank=True)
    files = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64, blank=True)
    problems = models.JSONField(default=list)
    comparison = models.CharField(max_length=64, blank=True)
    learner_files = models.JSONField(default=dict)
    gradebook = models.CharField(max_length=64, blank=True)
    grade_cells = models.JSONField(default=list)
    same_as = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    released = models.ForeignKey(
        LabRelease, null=True, blank=True, on_delete=models.PROTECT, related_name="released_drafts"
    )
    course_release = models.ForeignKey(
        CourseRelease, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        ordering = ["-requested_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["cohort", "workspace"],
                condition=Q(status=DraftStatus.COLLECTING),
                name="one_draft_being_collected",
            ),
            models.UniqueConstraint(
                fields=["cohort", "base", "content_hash"],
                condition=Q(status__in=[DraftStatus.CHECKING, DraftStatus.CHECKED, DraftStatus.RELEASING]),
                name="one_draft_per_content",
            ),
        ]
        indexes = [models.Index(fields=["cohort", "lab", "-requested_at"])]

    def __str__(self) -> str:
        return f"draft of {self.lab} ({self.status})"

    @property
    def is_moving(self) -> bool:
        """Whether a worker has something to do with it."""
        return self.status in WORKING_DRAFT_STATUSES

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The problems without those that are hints."""
        return [problem for problem in self.problems if not problem.get("is_hint")]

    @property
    def hints(self) -> list[dict[str, Any]]:
        return [problem for problem in self.problems if problem.get("is_hint")]

    @property
    def is_releasable(self) -> bool:
        return self.status == DraftStatus.CHECKED and not self.errors


class LabDraftEvent(StatusEvent):
    draft = models.ForeignKey(LabDraft, on_delete=models.CASCADE, related_name="events")
