"""What a learner did. Rows name a unit by slug, so that they stay when a cohort moves to a newer release."""

import uuid

from django.db import models
from django.db.models import Q

from courses.models.cohorts import Enrolment


class UnitProgress(models.Model):
    """A learner's state in one unit; `score` is kept here whoever computed it, in points of `max_score`."""

    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="progress")
    unit_slug = models.SlugField()
    opened_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    score = models.FloatField(null=True, blank=True)
    max_score = models.FloatField(null=True, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["enrolment", "unit_slug"], name="one_progress_per_unit"),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(max_score__isnull=False), name="a_score_has_a_maximum"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit_slug} of {self.enrolment_id}"


class QuizAttempt(models.Model):
    """One answered quiz: `answers` maps question ids to option ids; the score was computed on the server."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="quiz_attempts")
    unit_slug = models.SlugField()
    answers = models.JSONField()
    score = models.FloatField()
    max_score = models.FloatField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["enrolment", "unit_slug", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.score}/{self.max_score}"
