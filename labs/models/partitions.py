"""What a factory's batch system offers, as its hub last reported it, and what cohorts may use of it."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from courses.models import Cohort
from labs.models.factories import Hub


class Partition(models.Model):
    """A partition as its hub reported it at `read_at`; one that is no longer reported is not offered.

    `reservations` lists `name`, `starts_at`, `ends_at`, `nodes`, `accounts` and `is_maintenance`.
    `is_unconfirmed`: the site has not published its numbers.
    """

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="partitions")
    name = models.CharField(max_length=64)
    is_offered = models.BooleanField(default=True)
    is_up = models.BooleanField(default=True)
    is_unconfirmed = models.BooleanField(default=False)
    time_limit_minutes = models.PositiveIntegerField(null=True, blank=True)
    nodes_total = models.PositiveIntegerField(default=0)
    nodes_idle = models.PositiveIntegerField(default=0)
    nodes_down = models.PositiveIntegerField(default=0)
    gpus_total = models.PositiveIntegerField(default=0)
    gpus_used = models.PositiveIntegerField(default=0)
    gpus_free = models.PositiveIntegerField(default=0)
    jobs_pending = models.PositiveIntegerField(default=0)
    jobs_running = models.PositiveIntegerField(default=0)
    reservations = models.JSONField(default=list, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["hub", "name"]
        constraints = [models.UniqueConstraint(fields=["hub", "name"], name="one_partition_per_name")]

    def __str__(self) -> str:
        return f"{self.hub.factory.slug} {self.name}"


class Flavour(models.Model):
    """A size of session in a partition, from the factory's own configuration file.

    `weight` is what an hour of it costs in GPU-hours. `expected_wait_seconds` is how long a start now would wait by
    the hub's reckoning; empty means not known.
    """

    partition = models.ForeignKey(Partition, on_delete=models.CASCADE, related_name="flavours")
    slug = models.SlugField(max_length=64)
    position = models.PositiveIntegerField(default=0)
    is_offered = models.BooleanField(default=True)
    gpus = models.PositiveIntegerField(default=0)
    gpu_name = models.CharField(max_length=64, blank=True)
    gpu_memory_gb = models.PositiveIntegerField(null=True, blank=True)
    is_slice = models.BooleanField(default=False, help_text=_("A part of a GPU instead of whole ones."))
    cores = models.PositiveIntegerField(default=1)
    memory_gb = models.PositiveIntegerField(default=1)
    minutes_max = models.PositiveIntegerField(default=60)
    weight = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    expected_wait_seconds = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["partition", "position", "slug"]
        constraints = [models.UniqueConstraint(fields=["partition", "slug"], name="one_flavour_per_slug")]

    def __str__(self) -> str:
        return f"{self.partition} {self.slug}"


class AccountKind(models.TextChoices):
    """Whose Unix account a session has at its factory."""

    OWN = "own", _("The learner’s own account")
    POOL = "pool", _("A training account, lent for the time of the work")
    ROBOT = "robot", _("The platform’s robot account")


class Allocation(models.Model):
    """What a cohort may use of one partition, and on whose account: Slurm's account, QOS and reservation.

    `gpu_hours` is what was granted; empty means no limit of ours. The first by `position` is preferred where two
    would begin equally soon.
    """

    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="allocations")
    partition = models.ForeignKey(Partition, on_delete=models.PROTECT, related_name="allocations")
    flavours = models.ManyToManyField(Flavour, related_name="allocations")
    account_kind = models.CharField(max_length=8, choices=AccountKind)
    slurm_account = models.CharField(max_length=64, blank=True)
    qos = models.CharField(max_length=64, blank=True)
    reservation = models.CharField(max_length=64, blank=True)
    gpu_hours = models.DecimalField(null=True, blank=True, max_digits=10, decimal_places=2)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["cohort", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["cohort", "partition"], name="one_allocation_per_partition")
        ]

    def __str__(self) -> str:
        return f"{self.cohort}: {self.partition}"


class AllocationChange(models.Model):
    """One row for every change of what a cohort may use, never changed: `before` and `after` as texts by field."""

    cohort = models.ForeignKey(Cohort, on_delete=models.CASCADE, related_name="allocation_changes")
    partition = models.ForeignKey(Partition, on_delete=models.PROTECT, related_name="+")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.CharField(max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.cohort}: {self.partition}"
