"""Runs of a course: cohorts, who teaches and who learns."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from courses.models.catalogue import CourseRelease, Factory
from courses.states import EnrolmentStatus


class Cohort(models.Model):
    """A run of one release at one factory."""

    class Policy(models.TextChoices):
        OPEN = "open", _("Open to everybody")
        CODE = "code", _("With a code")
        APPROVAL = "approval", _("By approval")
        INVITATION = "invitation", _("By invitation")

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    release = models.ForeignKey(CourseRelease, on_delete=models.PROTECT, related_name="cohorts")
    factory = models.ForeignKey(Factory, on_delete=models.PROTECT, related_name="cohorts")
    name = models.CharField(max_length=150)
    language = models.CharField(max_length=8, choices=settings.LANGUAGES)
    policy = models.CharField(max_length=16, choices=Policy, default=Policy.OPEN)
    capacity = models.PositiveIntegerField(null=True, blank=True, help_text=_("Empty: no limit."))
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    team = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="CohortTeamMember", related_name="taught_cohorts"
    )

    class Meta:
        ordering = ["starts_at", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")), name="cohort_ends_after_it_starts"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def has_started(self, now: datetime) -> bool:
        return now >= self.starts_at

    def is_over(self, now: datetime) -> bool:
        return now >= self.ends_at


class CohortMove(models.Model):
    """One row for every time that a cohort went over to another release, never changed."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="moves")
    before = models.ForeignKey(CourseRelease, on_delete=models.PROTECT, related_name="+")
    after = models.ForeignKey(CourseRelease, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=64)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.cohort}: {self.before} → {self.after}"


class CohortTeamMember(models.Model):
    """Somebody who teaches a cohort."""

    class Role(models.TextChoices):
        INSTRUCTOR = "instructor", _("Instructor")
        ASSISTANT = "assistant", _("Assistant")

    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="team_members")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="team_memberships"
    )
    role = models.CharField(max_length=16, choices=Role, default=Role.INSTRUCTOR)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["cohort", "user"], name="one_role_per_cohort")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class Enrolment(models.Model):
    """A learner in a cohort."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    cohort = models.ForeignKey(Cohort, on_delete=models.PROTECT, related_name="enrolments")
    learner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="enrolments")
    status = models.CharField(max_length=16, choices=EnrolmentStatus)
    created_at = models.DateTimeField(default=timezone.now)
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["cohort", "learner"], name="one_enrolment_per_cohort")]

    def __str__(self) -> str:
        return f"{self.learner} in {self.cohort}"


class EnrolmentEvent(models.Model):
    """One row for every change of an enrolment, never changed."""

    enrolment = models.ForeignKey(Enrolment, on_delete=models.CASCADE, related_name="events")
    before = models.CharField(max_length=16, blank=True)
    after = models.CharField(max_length=16)
    reason = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
