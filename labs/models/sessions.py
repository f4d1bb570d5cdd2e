"""Lab sessions: one named server of one person each."""

import re
import secrets
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from courses.models import Enrolment
from labs.models.accounts import FactoryAccount
from labs.models.events import StatusEvent
from labs.models.factories import Hub
from labs.models.partitions import Allocation, Flavour
from labs.models.releases import Lab, LabRelease
from labs.models.workspaces import Workspace
from labs.states import ACTIVE_SESSION_STATUSES, SessionStatus


def make_server_name() -> str:
    """The name of a session's server; never used again, so an old stop cannot meet a new server."""
    return f"s-{secrets.token_hex(4)}"


def is_server_name(name: str) -> bool:
    """Whether a server's name is one that Paja makes; others at a hub are none of its business."""
    return re.fullmatch(r"s-[0-9a-f]{8}", name) is not None


class LabSession(models.Model):
    """One session of a person in a lab; `enrolment` is empty where they author it.

    `asked_at`: when the hub accepted the start; empty in `spawning` means that the worker may have died before.
    `delivery_claimed_at`: a lease, so that two workers do not put the files in place at once.
    `visited_at`: when a worker was last sent to the server, to see what is done there and to copy it.
    `work_saved_at`: the newest time at which the server wrote a file of the lab, as last seen.
    `listing_hash`: names, sizes and times of the files at the last snapshot; another one means new work.
    `active_at`: when somebody last worked in it: a kernel ran, a file was written, a press said so.
    `warned_at`: when it was said that the session ends for want of activity; empty once there is some.
    `ends_at`: the end of the time that the lab grants; of a job, of the time that Slurm gives it.
    `time_warned_minutes`: how many minutes were left when its end was last announced.
    `allocation`, `flavour`, `account`: where Slurm runs it, in which size, as which Unix account; empty where a hub
    has no Slurm.
    `stop_reason`: why it was stopped; kept when it has ended.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    enrolment = models.ForeignKey(
        Enrolment, null=True, blank=True, on_delete=models.CASCADE, related_name="lab_sessions"
    )
    learner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="lab_sessions"
    )
    lab = models.ForeignKey(Lab, on_delete=models.PROTECT, related_name="sessions")
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="sessions")
    release = models.ForeignKey(LabRelease, on_delete=models.PROTECT, related_name="sessions")
    hub = models.ForeignKey(Hub, on_delete=models.PROTECT, related_name="sessions")
    allocation = models.ForeignKey(
        Allocation, null=True, blank=True, on_delete=models.SET_NULL, related_name="sessions"
    )
    flavour = models.ForeignKey(
        Flavour, null=True, blank=True, on_delete=models.PROTECT, related_name="sessions"
    )
    account = models.ForeignKey(
        FactoryAccount, null=True, blank=True, on_delete=models.PROTECT, related_name="sessions"
    )
    server_name = models.CharField(max_length=32, unique=True, default=make_server_name)
    status = models.CharField(max_length=16, choices=SessionStatus, default=SessionStatus.REQUESTED)
    reason = models.CharField(max_length=64, blank=True)
    requested_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)
    asked_at = models.DateTimeField(null=True, blank=True)
    delivery_claimed_at = models.DateTimeField(null=True, blank=True)
    delivery_tries = models.PositiveIntegerField(default=0)
    ready_at = models.DateTimeField(null=True, blank=True)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=64, blank=True)
    is_restarting = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    time_warned_minutes = models.PositiveIntegerField(null=True, blank=True)
    visited_at = models.DateTimeField(null=True, blank=True)
    active_at = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    work_saved_at = models.DateTimeField(null=True, blank=True)
    listing_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-requested_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"],
                condition=Q(status__in=ACTIVE_SESSION_STATUSES),
                name="one_active_session_per_workspace",
            )
        ]
        indexes = [
            models.Index(fields=["hub", "status"]),
            models.Index(fields=["learner", "lab", "-requested_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.server_name} ({self.status})"

    @property
    def is_active(self) -> bool:
        return self.status in ACTIVE_SESSION_STATUSES

    @property
    def idle_minutes(self) -> int:
        """How long nothing may happen in it: what the lab says, and never more than the factory allows."""
        return min(
            int(self.release.session.get("idle_minutes", self.hub.idle_minutes)), self.hub.idle_minutes
        )

    @property
    def idle_ends_at(self) -> datetime | None:
        """When it is stopped if nothing happens in it until then."""
        return self.active_at + timedelta(minutes=self.idle_minutes) if self.active_at else None

    @property
    def minutes(self) -> int:
        """How long it may last: what the lab needs, and never more than the factory allows."""
        return min(int(self.release.needs.get("minutes", self.hub.minutes_max)), self.hub.minutes_max)

    @property
    def url_path(self) -> str:
        """The server's path on the learner's origin."""
        return f"/user/{self.learner.hub_name}/{self.server_name}/"


class LabSessionEvent(StatusEvent):
    session = models.ForeignKey(LabSession, on_delete=models.CASCADE, related_name="events")
