"""What a release consists of: modules, units, their text per language and the files they show."""

from django.core.files.storage import Storage, default_storage
from django.db import models

from courses.models.catalogue import CourseRelease


def content_storage() -> Storage:
    return default_storage


class Module(models.Model):
    """A chapter of a release."""

    release = models.ForeignKey(CourseRelease, on_delete=models.CASCADE, related_name="modules")
    slug = models.SlugField()
    position = models.PositiveIntegerField()

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["release", "slug"], name="one_module_per_slug")]

    def __str__(self) -> str:
        return self.slug


class ModuleText(models.Model):
    """A module's title in one language."""

    module = models.ForeignKey(Module, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=8)
    title = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["module", "language"], name="one_module_text_per_language")
        ]

    def __str__(self) -> str:
        return self.title


class Unit(models.Model):
    """One step of a course. `slug` is unique in the course, so progress outlives a move to a newer release."""

    release = models.ForeignKey(CourseRelease, on_delete=models.CASCADE, related_name="units")
    module = models.ForeignKey(Module, on_delete=models.CASCADE, related_name="units")
    slug = models.SlugField()
    kind = models.CharField(max_length=16)
    position = models.PositiveIntegerField(help_text="Counted through the whole release.")
    minutes = models.PositiveIntegerField(null=True, blank=True)
    is_optional = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["release", "slug"], name="one_unit_per_slug")]

    def __str__(self) -> str:
        return self.slug


class UnitText(models.Model):
    """A unit in one language: `html` is sanitised when imported; `quiz` is a `courses.quizzes.Quiz` as JSON."""

    unit = models.ForeignKey(Unit, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=8)
    title = models.CharField(max_length=200)
    source = models.TextField(blank=True)
    html = models.TextField(blank=True)
    quiz = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["unit", "language"], name="one_unit_text_per_language")
        ]

    def __str__(self) -> str:
        return self.title


class UnitFile(models.Model):
    """A file that a unit's text shows or links to; `path` is relative to the module's folder."""

    module = models.ForeignKey(Module, on_delete=models.CASCADE, related_name="files")
    path = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    content = models.FileField(storage=content_storage, upload_to="unit-files/")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["module", "path"], name="one_unit_file_per_path")]

    def __str__(self) -> str:
        return self.path
