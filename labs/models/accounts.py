"""Unix accounts at factories: a person's own, lent from a pool, or the platform's robot."""

import re
import secrets
import uuid
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from labs.models.events import StatusEvent
from labs.models.factories import Hub
from labs.models.partitions import AccountKind
from labs.states import AccountStatus


def make_check_name() -> str:
    """The name of a server whose job tries an own account out; never used again."""
    return f"v-{secrets.token_hex(4)}"


HELD: Final = ~Q(name="") & (~Q(kind=AccountKind.OWN) | Q(status=AccountStatus.VERIFIED) | Q(is_vouched=True))
"""Accounts whose name is somebody's for certain. A name that was only told shuts out nobody whose it is."""


def is_check_name(name: str) -> bool:
    return re.fullmatch(r"v-[0-9a-f]{8}", name) is not None


class FactoryAccount(models.Model):
    """A Unix account at a factory.

    One of kind `own` belongs to `user`, and `name` is empty until they have told it. With `is_vouched` the factory's
    staff have said that it is theirs; else they prove it by a code (`labs/work/account_codes.py`). Those of a pool and
    robots are `verified` from the first: the hub names them. `slurm_account` is the project that an own account was
    invited to. `check_server_name` is the hub's server whose job tries an own account out; `is_shared`: a robot whose
    site keeps several people apart in it.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    hub = models.ForeignKey(Hub, on_delete=models.CASCADE, related_name="accounts")
    kind = models.CharField(max_length=8, choices=AccountKind)
    name = models.CharField(max_length=32, blank=True)
    is_vouched = models.BooleanField(default=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="factory_accounts",
    )
    slurm_account = models.CharField(max_length=64, blank=True)
    is_shared = models.BooleanField(default=False)
    is_offered = models.BooleanField(default=True)
    status = models.CharField(max_length=16, choices=AccountStatus, default=AccountStatus.INVITED)
    reason = models.CharField(max_length=64, blank=True)
    invited_at = models.DateTimeField(default=timezone.now)
    check_server_name = models.CharField(max_length=32, blank=True)
    check_requested_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["hub", "kind", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["hub", "name"], condition=HELD, name="one_factory_account_per_name"
            ),
            models.UniqueConstraint(
                fields=["hub", "user"], condition=Q(kind=AccountKind.OWN), name="one_own_account_per_hub"
            ),
            models.CheckConstraint(
                condition=Q(kind=AccountKind.OWN, user__isnull=False)
                | (~Q(kind=AccountKind.OWN) & Q(user__isnull=True)),
                name="own_accounts_have_a_user",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or '?'} at {self.hub.factory.slug} ({self.status})"


class FactoryAccountEvent(StatusEvent):
    account = models.ForeignKey(FactoryAccount, on_delete=models.CASCADE, related_name="events")


class AccountLease(models.Model):
    """A pool's or robot's account in one person's hands. `public_id` is told to the factory, which cleans the home
    when it meets another one.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(FactoryAccount, on_delete=models.CASCADE, related_name="leases")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_leases"
    )
    is_exclusive = models.BooleanField(default=True)
    began_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-began_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(ended_at__isnull=True, is_exclusive=True),
                name="one_lease_per_account",
            ),
            models.UniqueConstraint(
                fields=["account", "user"],
                condition=Q(ended_at__isnull=True),
                name="one_lease_per_account_and_user",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account.name} for {self.user_id}"
