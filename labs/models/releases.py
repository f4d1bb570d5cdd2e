"""Labs and their immutable releases. Files are maps from path to the digest of a blob (`labs/blobs.py`)."""

from django.db import models

from courses.models import Course, Unit


class Lab(models.Model):
    """An nbgrader assignment as a unit of a course, through all releases; `slug` is the unit's."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="labs")
    slug = models.SlugField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["course", "slug"], name="one_lab_per_unit")]

    def __str__(self) -> str:
        return f"{self.course.slug}/{self.slug}"


class LabRelease(models.Model):
    """One immutable version of a lab.

    `gradebook` is the digest of nbgrader's, an SQLite file; `grade_cells` lists nbgrader's cells with their maximum;
    `needs`, `limits` and `session` are lab.toml's tables (GPUs, gigabytes, minutes; seconds and megabytes;
    minutes without activity, sessions at once, tools of JupyterLab). `grading` is the part of its `[grading]` that is
    no limit of the box: `feedback` (points, messages, full), `attempts` and `pace_minutes` (limits; none if missing),
    `late_penalty` (none, zero).
    """

    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    source_files = models.JSONField()
    learner_files = models.JSONField()
    gradebook = models.CharField(max_length=64)
    grade_cells = models.JSONField()
    needs = models.JSONField(default=dict)
    limits = models.JSONField(default=dict)
    session = models.JSONField(default=dict)
    grading = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lab", "content_hash"], name="one_lab_release_per_content"),
            models.UniqueConstraint(fields=["lab", "number"], name="one_lab_release_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.lab} {self.number}"

    @property
    def notebooks(self) -> list[str]:
        """Paths of the assignment's notebooks in nbgrader's order, the one to open first at the front.

        They lie at the top level. Sorted here, because PostgreSQL keeps the keys of JSON in an order of its own.
        """
        return sorted(path for path in self.learner_files if path.endswith(".ipynb") and "/" not in path)

    @property
    def max_score(self) -> float:
        return float(sum(cell["max_score"] for cell in self.grade_cells))

    @property
    def is_practice(self) -> bool:
        """Whether it has no grade cells: then it is completed by being submitted."""
        return not self.grade_cells


class LabUnit(models.Model):
    """Which release of a lab a unit shows."""

    unit = models.OneToOneField(Unit, on_delete=models.CASCADE, related_name="lab_unit")
    release = models.ForeignKey(LabRelease, on_delete=models.PROTECT, related_name="lab_units")

    def __str__(self) -> str:
        return str(self.release)
