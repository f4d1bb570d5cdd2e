"""A session that is a job of Slurm: what its hub is told, when it ends, and where it goes on."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import Cohort
from labs.models import AccountKind, AccountLease, Allocation, FactoryAccount, Flavour, LabSession, Partition
from labs.states import AccountStatus, SessionStatus
from labs.transitions import become_ready
from labs.work.spawning import end_session, ensure_spawned, make_options
from tests.factories import labs as make
from tests.fakes.hub import FakeHub

pytestmark = pytest.mark.django_db


@pytest.fixture
def job_session() -> LabSession:
    """Asked for where the cohort may use a flavour, as an account that is lent to its learner."""
    now = timezone.now()
    morning = {
        "name": "morning",
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=3)).isoformat(),
        "nodes": 1,
        "is_maintenance": False,
    }
    flavour = make.FlavourFactory.create(
        partition__name="small-g", partition__reservations=[morning], slug="one-gpu"
    )
    session = make.LabSessionFactory.create(hub=flavour.partition.hub, flavour=flavour)
    assert session.enrolment is not None
    session.allocation = make.AllocationFactory.create(
        cohort=session.enrolment.cohort,
        partition=flavour.partition,
        flavours=[flavour],
        qos="course",
        reservation="morning",
    )
    session.account = make.FactoryAccountFactory.create(hub=session.hub, name="train07")
    session.save()
    make.AccountLeaseFactory.create(account=session.account, user=session.learner)
    return session


def test_a_job_is_asked_for_by_what_its_factory_can_check(job_session: LabSession) -> None:
    fake = FakeHub()
    ensure_spawned(job_session.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]
    assert fake.user_options[job_session.learner.hub_name, job_session.server_name] == {
        "kind": "session",
        "tools": [],
        "partition": "small-g",
        "flavour": "one-gpu",
        "minutes": 120,
        "account": "course",
        "qos": "course",
        "reservation": "morning",
        "unix_account": "train07",
        "lease": str(AccountLease.objects.get().public_id),
    }


def test_no_more_minutes_are_asked_for_than_the_place_gives_by_now(job_session: LabSession) -> None:
    Flavour.objects.update(minutes_max=90)
    assert make_options(LabSession.objects.get())["minutes"] == 90


def test_an_own_account_has_no_lease(job_session: LabSession) -> None:
    AccountLease.objects.all().delete()
    Allocation.objects.all().delete()
    options = make_options(LabSession.objects.get())
    assert (options["lease"], options["account"], options["qos"], options["reservation"]) == ("", "", "", "")


@pytest.mark.parametrize(
    ("status", "days", "reason"),
    [
        (AccountStatus.VERIFIED, 90, ""),
        (AccountStatus.VERIFYING, 90, "own_account_not_verified"),
        (AccountStatus.INVITED, 90, "own_account_not_verified"),
        (AccountStatus.EXPIRED, 90, "own_account_expired"),
        (AccountStatus.VERIFIED, -1, "own_account_expired"),
    ],
)
def test_a_start_that_was_kept_runs_as_nobody_who_was_not_proved(
    job_session: LabSession, status: AccountStatus, days: int, reason: str
) -> None:
    """Else whoever told a classmate's name meanwhile would work as them."""
    job_session.account = make.FactoryAccountFactory.create(
        hub=job_session.hub,
        kind=AccountKind.OWN,
        user=job_session.learner,
        name="classmate",
        status=status,
        expires_at=timezone.now() + timedelta(days=days),
    )
    job_session.save()
    fake = FakeHub()

    ensure_spawned(job_session.pk, connect=lambda _hub: fake)  # type: ignore[arg-type, return-value]

    job_session.refresh_from_db()
    assert bool(fake.user_options) is not bool(reason)
    if reason:
        assert (job_session.status, job_session.reason) == (SessionStatus.FAILED, reason)


def test_a_jobs_time_began_when_slurm_started_it(job_session: LabSession) -> None:
    ends_at = timezone.now() + timedelta(minutes=70)
    make.SlurmJobFactory.create(session=job_session, hub=job_session.hub, ends_at=ends_at)
    LabSession.objects.update(status=SessionStatus.SPAWNING)
    job_session.refresh_from_db()
    become_ready(job_session, timezone.now())
    assert job_session.ends_at == ends_at


def restart(session: LabSession) -> LabSession | None:
    LabSession.objects.update(status=SessionStatus.STOPPING, is_restarting=True)
    session.refresh_from_db()
    assert end_session(session, SessionStatus.STOPPED, reason="server_gone")
    return LabSession.objects.filter(status=SessionStatus.REQUESTED).first()


def test_a_session_that_begins_anew_keeps_its_place_and_its_account(job_session: LabSession) -> None:
    make.FactoryAccountFactory.create(hub=job_session.hub)
    successor = restart(job_session)
    assert successor is not None
    fields = ("hub", "allocation", "flavour", "account")
    assert all(getattr(successor, name) == getattr(job_session, name) for name in fields)


@pytest.mark.parametrize("gone", ["flavour", "partition", "allocation"])
def test_a_session_whose_place_is_gone_begins_anew_at_the_next_best(
    job_session: LabSession, gone: str
) -> None:
    def add(wait: int, **fields: Any) -> Flavour:
        flavour = make.FlavourFactory.create(
            partition__hub__slurm_answered_at=timezone.now(), expected_wait_seconds=wait, **fields
        )
        make.FactoryAccountFactory.create(hub=flavour.partition.hub)
        cohort = Cohort.objects.get(allocations__partition__name="small-g")
        make.AllocationFactory.create(cohort=cohort, partition=flavour.partition, flavours=[flavour])
        return flavour

    add(wait=0, memory_gb=1)
    add(wait=60)
    best = add(wait=30)
    if gone == "flavour":
        Flavour.objects.filter(slug="one-gpu").update(is_offered=False)
    elif gone == "partition":
        Partition.objects.filter(name="small-g").update(is_up=False)
    else:
        Allocation.objects.filter(partition__name="small-g").delete()
    successor = restart(job_session)
    assert successor is not None
    assert (successor.flavour, successor.hub) == (best, best.partition.hub)
    assert successor.account is not None
    assert successor.account.hub == successor.hub


def test_a_session_that_can_go_on_nowhere_is_stopped_and_says_why(job_session: LabSession) -> None:
    AccountLease.objects.all().delete()
    FactoryAccount.objects.update(is_offered=False)
    assert restart(job_session) is None
    assert [event.reason for event in job_session.events.all()] == ["server_gone", "pool_empty"]
