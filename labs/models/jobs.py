"""Slurm's jobs as their hub reported them: what a waiting learner is told, and the ledger of what was used."""

from datetime import timedelta

from django.db import models

from courses.models import Cohort
from labs.models.factories import Hub
from labs.models.sessions import LabSession


class SlurmJob(models.Model):
    """One job of one named server; all times are Slurm's own.

    `state` and `reason` are Slurm's words; `UNKNOWN` is one that it no longer has, and of whose end it has not
    told. `place` counts from 1 among Paja's waiting jobs of the partition; empty when it does not wait.
    `expected_start_at` is empty while Slurm does not know it. `session` is empty for a grader's job, for one that
    tries an account out, and for one whose session is gone. `is_ended_by_us`: Paja or its hub cancelled it.
    `weight` is the flavour's at the start, so that later prices change no old account. `cohort` is whose GPU-hours
    it costs, also when its session or what allowed it is gone; empty for a grader's and one that tries out.
    """

    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="jobs")
    job_id = models.CharField(max_length=32)
    server_name = models.CharField(max_length=32)
    session = models.ForeignKey(
        LabSession, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    cohort = models.ForeignKey(Cohort, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs")
    partition_name = models.CharField(max_length=64)
    flavour_slug = models.CharField(max_length=64, blank=True)
    unix_account = models.CharField(max_length=32, blank=True)
    gpus = models.PositiveIntegerField(default=0)
    weight = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    state = models.CharField(max_length=32)
    reason = models.CharField(max_length=128, blank=True)
    place = models.PositiveIntegerField(null=True, blank=True)
    expected_start_at = models.DateTimeField(null=True, blank=True)
    submitted_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    is_ended_by_us = models.BooleanField(default=False)
    read_at = models.DateTimeField()

    class Meta:
        ordering = ["-submitted_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["hub", "job_id", "submitted_at"], name="one_row_per_slurm_job")
        ]
        indexes = [
            models.Index(fields=["hub", "ended_at"], name="slurm_jobs_by_end"),
            models.Index(fields=["server_name"], name="slurm_jobs_by_server"),
        ]

    def __str__(self) -> str:
        return f"job {self.job_id} ({self.state})"

    @property
    def ran_for(self) -> timedelta | None:
        """How long it ran; None for one that has not begun or not ended."""
        return self.ended_at - self.started_at if self.started_at and self.ended_at else None
