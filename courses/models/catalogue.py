"""What can be taught and where: factories, courses and their immutable releases."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Factory(models.Model):
    """An AI factory: a site with a supercomputer, staff, and a hub (labs.Hub)."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100)
    machine = models.CharField(max_length=100, help_text=_("The supercomputer, as people call it."))
    city = models.CharField(max_length=100)
    country = models.CharField(max_length=2)
    time_zone = models.CharField(max_length=64)
    languages = models.JSONField(default=list)
    staff = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="FactoryMembership", related_name="factories"
    )

    class Meta:
        ordering = ["name"]
        verbose_name_plural = _("factories")

    def __str__(self) -> str:
        return self.name


class FactoryMembership(models.Model):
    """A member of a factory's staff."""

    factory = models.ForeignKey(Factory, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["factory", "user"], name="one_membership_per_factory")]

    def __str__(self) -> str:
        return f"{self.user} at {self.factory}"


class Course(models.Model):
    """A course through all its releases."""

    class Level(models.TextChoices):
        INTRODUCTORY = "introductory", _("Introductory")
        INTERMEDIATE = "intermediate", _("Intermediate")
        ADVANCED = "advanced", _("Advanced")

    slug = models.SlugField(unique=True)
    is_listed = models.BooleanField(default=True, help_text=_("Shown in the catalogue."))

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class CourseRelease(models.Model):
    """One immutable version of a course; equal content is the same release.

    Made from a package, or from another release by exchanging units in it; then `origin` is the release of the
    package that it all began with.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    languages = models.JSONField(help_text=_("The first is the language the course was written in."))
    hours = models.DecimalField(max_digits=5, decimal_places=1)
    level = models.CharField(max_length=16, choices=Course.Level)
    skills = models.JSONField(default=list, help_text=_("Addresses of ESCO skills."))
    completion = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    origin = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="variants"
    )

    class Meta:
        ordering = ["course", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["course", "content_hash"], name="one_release_per_content"),
            models.UniqueConstraint(fields=["course", "number"], name="one_release_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.course.slug} {self.number}"

    @property
    def source_language(self) -> str:
        return str(self.languages[0])


class CourseText(models.Model):
    """Title, summary and description of a release in one language; `about_html` is sanitised."""

    release = models.ForeignKey(CourseRelease, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=8)
    title = models.CharField(max_length=200)
    summary = models.TextField()
    about_html = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "language"], name="one_course_text_per_language")
        ]

    def __str__(self) -> str:
        return self.title
