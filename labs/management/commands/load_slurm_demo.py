"""`manage.py load_slurm_demo`: what the demo may use of the development Slurm, and whose accounts run there."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from courses.management.commands.load_demo import ENDS_AT, PASSWORD
from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus
from labs.models import AccountKind, FactoryAccount, Flavour, Hub, Partition
from labs.models.accounts import make_check_name
from labs.services.accounts import invite_learners
from labs.services.allocations import Plan, find_allocation, make_version, save_allocation
from labs.states import AccountStatus
from labs.transitions import move_account

PROJECT: Final = "project_465000001"
TRAINING: Final = "training"
OFFERED: Final = {
    ("kajaani", "small-g"): ("1-gcd", "2-gcd"),
    ("kajaani", "dev-g"): ("1-gcd",),
    ("athens", "gpu"): ("gpu", "slice"),
}
"""Partitions and their sizes, by the names that deploy/slurm/factories has; the hubs report their numbers."""

ALLOWED: Final = {
    "kajaani": (("kajaani", "small-g"), ("kajaani", "dev-g"), ("athens", "gpu")),
    "athens": (("athens", "gpu"),),
}
OWN: Final = {
    "learner.kajaani@paja.example": "csclrn01",
    "learner.athens@paja.example": "csclrn02",
    "instructor.kajaani@paja.example": "csclrn03",
}
"""People with a verified account at Kajaani, and its name there before the development Slurm's suffix."""

NEWCOMER: Final = ("newcomer.kajaani@paja.example", "Newcomer of Kajaani")
NEWCOMERS_NAME: Final = "csclrn04"
VALID_FOR: Final = timedelta(days=180)
COHORT_LASTS: Final = timedelta(days=150)
"""Less than accounts are valid for: else every page of the cohort begins with learners whose accounts end before it."""


class Command(BaseCommand):
    """Idempotent: what is there stays as somebody made it. Refuses outside development, as `load_demo` does."""

    help = (
        "Load the demo's allocations and accounts for the development Slurm, after load_demo and load_hubs."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--suffix", default="", help="that of the development Slurm's Unix accounts")

    def handle(self, *, suffix: str = "", **_options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError("The demo's password is known to everybody: set PAJA_DEVELOPMENT to load it.")
        with transaction.atomic():
            hubs = {hub.factory.slug: hub for hub in Hub.objects.select_related("factory")}
            Hub.objects.filter(factory__slug__in=ALLOWED).update(has_slurm=True)
            partitions = {key: ensure_partition(hubs[key[0]], *key) for key in OFFERED}
            for slug, keys in ALLOWED.items():
                ensure_allocations(slug, [partitions[key] for key in keys])
            shorten_cohort("kajaani")
            newcomer = ensure_newcomer()
            for email, name in OWN.items():
                ensure_verified(hubs["kajaani"], User.objects.get(email=email), f"{name}{suffix}")
            ensure_invited(hubs["kajaani"], newcomer)
        self.stdout.write(
            f"The demo may use the development Slurm. {NEWCOMER[0]} has not told a user name yet: "
            f"{NEWCOMERS_NAME}{suffix} is theirs. What their page then says to type on the supercomputer, "
            f"type here behind: sudo -H -u {NEWCOMERS_NAME}{suffix} -- sh -c '…'"
        )


def ensure_partition(hub: Hub, factory: str, name: str) -> Partition:
    """Rows by name; the hub's first answer says the rest."""
    partition, _ = Partition.objects.get_or_create(hub=hub, name=name)
    for position, slug in enumerate(OFFERED[factory, name]):
        Flavour.objects.get_or_create(
            partition=partition, slug=slug, defaults={"gpus": 1, "position": position}
        )
    return partition


def ensure_allocations(factory: str, partitions: list[Partition]) -> None:
    cohort = Cohort.objects.filter(factory__slug=factory).order_by("pk")[0]
    staff = find_staff(factory)
    for position, partition in enumerate(partitions, start=1):
        if find_allocation(cohort, partition) is not None:
            continue
        is_own = partition.hub.factory.slug == "kajaani"
        plan = Plan(
            flavours=list(
                partition.flavours.filter(slug__in=OFFERED[partition.hub.factory.slug, partition.name])
            ),
            account_kind=AccountKind.OWN if is_own else AccountKind.POOL,
            slurm_account=PROJECT if is_own else TRAINING,
            position=position,
        )
        save_allocation(cohort, partition, plan, seen=make_version(None), actor=staff)


def shorten_cohort(factory: str) -> None:
    """Ends while the accounts are valid, unless somebody has chosen another end than `load_demo`."""
    cohorts = Cohort.objects.filter(factory__slug=factory, ends_at=ENDS_AT)
    cohorts.update(ends_at=timezone.now() + COHORT_LASTS)


def ensure_newcomer() -> User:
    """Somebody in Kajaani's cohort without an account there, to see how one comes by it."""
    email, full_name = NEWCOMER
    person = User.objects.filter(email=email).first()
    if person is None:
        person = User.objects.create(email=email, full_name=full_name, password=make_password(PASSWORD))
        EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    cohort = Cohort.objects.filter(factory__slug="kajaani").order_by("pk")[0]
    Enrolment.objects.get_or_create(
        cohort=cohort, learner=person, defaults={"status": EnrolmentStatus.ACTIVE}
    )
    return person


def ensure_invited(hub: Hub, person: User, name: str = "") -> FactoryAccount | None:
    """A new account in `invited`, with the name that the factory gives; None where there is one already."""
    if FactoryAccount.objects.filter(hub=hub, user=person).exists():
        return None
    ends_at = timezone.now() + VALID_FOR
    invite_learners(
        hub,
        [person],
        slurm_account=PROJECT,
        expires_at=ends_at,
        actor=find_staff("kajaani"),
        names={person.pk: name} if name else {},
    )
    return FactoryAccount.objects.get(hub=hub, user=person)


def ensure_verified(hub: Hub, person: User, name: str) -> None:
    account = ensure_invited(hub, person, name)
    if account is None:
        return
    now = timezone.now()
    asked = {"check_server_name": make_check_name(), "check_requested_at": now}
    move_account(account, AccountStatus.VERIFYING, reason="account_check_requested", actor=person, **asked)
    move_account(account, AccountStatus.VERIFIED, reason="account_verified", verified_at=now)


def find_staff(factory: str) -> User:
    return User.objects.get(email=f"staff.{factory}@paja.example")
