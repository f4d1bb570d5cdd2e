"""What a hub says of its batch system becomes rows, once, whatever it says and however often."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from courses.models import User
from labs.jupyterhub import FlavourModel, QueueAnswer, ReservationModel, UnixAccountModel
from labs.models import AccountKind, FactoryAccount, Flavour, Hub, Partition, SlurmJob
from labs.states import AccountStatus, SessionStatus
from labs.work.following_jobs import FOLLOW_EVERY, LOOK_FOR_SLURM_EVERY, follow_queue
from tests.factories import labs as make
from tests.fakes.hub import FakeHub, UnavailableHub
from tests.fakes.queue import SUBMITTED_AT, make_answer, make_flavour, make_job, make_partition

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


@pytest.fixture
def hub() -> Hub:
    return make.HubFactory.create(has_slurm=True)


def follow(hub: Hub, answer: QueueAnswer | None, *, at: datetime | None = None) -> QueueAnswer | None:
    """The hub gives this answer, or none, at a time at which it is asked."""
    fake = UnavailableHub() if answer is None else FakeHub()
    fake.queue = answer or QueueAnswer()
    hub.refresh_from_db()
    now = at or (hub.queue_read_at or timezone.now()) + FOLLOW_EVERY
    return follow_queue(hub, fake, now)  # type: ignore[arg-type]


# --- Partitions and accounts -----------------------------------------------------------------------------


def test_partitions_and_flavours_are_kept_as_the_hub_tells_them(hub: Hub) -> None:
    reservation = ReservationModel("course", SUBMITTED_AT, SUBMITTED_AT + MINUTE, 2, ("project",), False)
    follow(hub, make_answer(partitions=(make_partition(reservations=(reservation,)),)))
    first = Partition.objects.get()
    assert (first.name, first.gpus_free, first.is_offered) == ("small-g", 11, True)
    assert first.reservations[0]["name"] == "course"
    assert Flavour.objects.get().expected_wait_seconds == 360

    busy = make_flavour(expected_wait_seconds=None)
    follow(hub, make_answer(partitions=(make_partition(gpus_free=0, flavours=(busy,)),)))
    assert (Partition.objects.get().pk, Partition.objects.get().gpus_free) == (first.pk, 0)
    assert Flavour.objects.get().expected_wait_seconds is None


def test_what_is_named_no_more_is_offered_no_more_until_it_is_again(hub: Hub) -> None:
    both = make_partition(flavours=(make_flavour(), make_flavour("two-gpus")))
    follow(hub, make_answer(partitions=(both, make_partition("dev-g"))))
    follow(hub, make_answer())  # of partitions it has not heard yet
    assert Flavour.objects.filter(is_offered=True).count() == 3
    follow(hub, make_answer(partitions=(make_partition(),)))
    offered = Partition.objects.filter(is_offered=True)
    assert [each.name for each in offered] == ["small-g"]
    names = Flavour.objects.filter(is_offered=True).values_list("partition__name", "slug")
    assert set(names) == {("small-g", "one-gpu")}

    follow(hub, make_answer(partitions=(both,)))
    assert Flavour.objects.filter(is_offered=True, partition__name="small-g").count() == 2


def test_a_hub_whose_slurm_was_taken_away_offers_nothing(hub: Hub) -> None:
    follow(hub, make_answer(partitions=(make_partition(),)))
    follow(hub, QueueAnswer())
    hub.refresh_from_db()
    assert not hub.has_slurm
    assert not Partition.objects.get().is_offered


def test_accounts_that_are_lent_are_kept_and_a_persons_own_is_theirs(hub: Hub, ada: User) -> None:
    own = make.FactoryAccountFactory.create(hub=hub, kind=AccountKind.OWN, user=ada, name="ada")
    told = (UnixAccountModel("train01", "pool", False), UnixAccountModel("ada", "robot", True))
    follow(hub, make_answer(unix_accounts=told))
    pool = FactoryAccount.objects.get(name="train01")
    assert (pool.kind, pool.status, pool.is_offered) == (AccountKind.POOL, AccountStatus.VERIFIED, True)
    own.refresh_from_db()
    assert (own.kind, own.is_shared) == (AccountKind.OWN, False)

    follow(hub, make_answer())
    pool.refresh_from_db()
    own.refresh_from_db()
    assert (pool.is_offered, own.is_offered) == (False, True)


def test_a_name_that_somebody_only_says_to_have_keeps_no_account_of_a_pool_out(hub: Hub, ada: User) -> None:
    make.FactoryAccountFactory.create(
        hub=hub, kind=AccountKind.OWN, user=ada, name="train01", status=AccountStatus.INVITED
    )

    follow(hub, make_answer(unix_accounts=(UnixAccountModel("train01", "pool", False),)))

    assert FactoryAccount.objects.get(name="train01", kind=AccountKind.POOL).is_offered


# --- The ledger ------------------------------------------------------------------------------------------


def test_a_job_goes_from_waiting_to_its_end_in_one_row(hub: Hub) -> None:
    session = make.LabSessionFactory.create(hub=hub)
    assert session.enrolment is not None
    waiting = make_job(session.server_name)
    follow(hub, make_answer(jobs=(waiting,)))
    row = SlurmJob.objects.get()
    assert (row.session, row.place, row.state, row.weight) == (session, 3, "PENDING", Decimal("0.5"))
    assert row.cohort_id == session.enrolment.cohort_id

    running = replace(
        waiting,
        state="RUNNING",
        place=None,
        started_at=SUBMITTED_AT + MINUTE,
        ends_at=SUBMITTED_AT + 61 * MINUTE,
    )
    follow(hub, make_answer(jobs=(running,)))
    ended = replace(running, state="TIMEOUT", ends_at=None, ended_at=SUBMITTED_AT + 61 * MINUTE)
    follow(hub, make_answer(ended=(ended,)))
    row = SlurmJob.objects.get()
    assert (row.state, row.place, row.ran_for, row.ends_at) == ("TIMEOUT", None, 60 * MINUTE, running.ends_at)

    follow(hub, make_answer(jobs=(running,)))  # an answer that came late
    assert SlurmJob.objects.get().ended_at is not None


def test_a_job_that_came_and_went_while_nobody_asked_has_its_row(hub: Hub) -> None:
    ended = make_job("s-00000001", state="COMPLETED", started_at=SUBMITTED_AT, ended_at=SUBMITTED_AT + MINUTE)
    for _ in range(2):
        follow(hub, make_answer(ended=(ended,)))
    assert SlurmJob.objects.get().ran_for == MINUTE


def test_how_a_job_ended_may_be_told_after_that_it_has(hub: Hub) -> None:
    gone = make_job("s-00000001", state="UNKNOWN", started_at=SUBMITTED_AT, ended_at=SUBMITTED_AT + MINUTE)
    follow(hub, make_answer(ended=(gone,)))
    follow(hub, make_answer(ended=(replace(gone, state="NODE_FAIL", ended_at=SUBMITTED_AT + 2 * MINUTE),)))
    row = SlurmJob.objects.get()
    assert (row.state, row.ran_for) == ("NODE_FAIL", 2 * MINUTE)


def test_a_later_price_changes_no_account(hub: Hub) -> None:
    job = make_job("s-00000001")
    follow(hub, make_answer(jobs=(job,)))
    follow(hub, make_answer(jobs=(replace(job, state="RUNNING", weight=Decimal("9.000")),)))
    row = SlurmJob.objects.get()
    assert (row.state, row.weight) == ("RUNNING", Decimal("0.5"))


def test_a_number_that_slurm_uses_again_is_another_job(hub: Hub) -> None:
    follow(hub, make_answer(jobs=(make_job("s-00000001"),)))
    follow(hub, make_answer(jobs=(make_job("s-00000002", submitted_at=SUBMITTED_AT + 9 * MINUTE),)))
    assert SlurmJob.objects.count() == 2


def test_a_job_that_slurm_has_not_named_yet_has_no_row(hub: Hub) -> None:
    follow(hub, make_answer(jobs=(make_job("s-00000001", job_id=""), make_job("s-2", submitted_at=None))))
    assert not SlurmJob.objects.exists()


def test_of_what_ended_only_the_new_is_asked_for_and_a_day_is_caught_up_with(hub: Hub) -> None:
    fake = FakeHub()
    fake.queue = make_answer(ended_until=SUBMITTED_AT)
    follow_queue(hub, fake, SUBMITTED_AT)  # type: ignore[arg-type]
    day_later = SUBMITTED_AT + timedelta(days=1)
    old = make_job("s-00000001", ended_at=SUBMITTED_AT - MINUTE)
    new = make_job("s-00000002", job_id="1002", ended_at=SUBMITTED_AT + MINUTE)
    fake.queue = make_answer(ended=(old, new), ended_until=day_later)
    hub.refresh_from_db()
    follow_queue(hub, fake, day_later)  # type: ignore[arg-type]
    assert fake.asked_since == [None, SUBMITTED_AT]
    assert SlurmJob.objects.get().server_name == "s-00000002"
    hub.refresh_from_db()
    assert hub.jobs_read_until == day_later


def test_an_authors_job_is_paid_by_the_cohort_that_allowed_it_and_a_graders_by_none(hub: Hub) -> None:
    allocation = make.AllocationFactory.create()
    session = make.LabSessionFactory.create(hub=hub, allocation=allocation)
    type(session).objects.update(enrolment=None)
    grader = make_job("s-00000009", job_id="1002", kind="grading")
    follow(hub, make_answer(jobs=(make_job(session.server_name), grader)))
    session.delete()
    cohorts = dict(SlurmJob.objects.values_list("job_id", "cohort"))
    assert cohorts == {"1001": allocation.cohort_id, "1002": None}


# --- Answers, and none -----------------------------------------------------------------------------------


def test_no_answer_moves_nothing(hub: Hub) -> None:
    told = make_answer(jobs=(make_job("s-00000001"),), partitions=(make_partition(),))
    follow(hub, told)
    hub.refresh_from_db()
    before = hub.queue_read_at
    assert follow(hub, None) is None
    hub.refresh_from_db()
    assert (hub.has_slurm, hub.queue_read_at, hub.slurm_answered_at) == (True, before, SUBMITTED_AT)
    assert (SlurmJob.objects.get().place, Partition.objects.get().is_offered) == (3, True)


def test_a_hub_that_has_not_heard_of_slurm_since_its_start_moves_nothing(hub: Hub) -> None:
    follow(hub, make_answer(jobs=(make_job("s-00000001"),), partitions=(make_partition(),)))
    ended = make_job("s-00000002", job_id="1002", ended_at=SUBMITTED_AT)
    silent = make_answer(answered_at=None, is_answering=False, ended=(ended,), ended_until=SUBMITTED_AT)
    follow(hub, silent)
    hub.refresh_from_db()
    assert (hub.slurm_answered_at, hub.jobs_read_until) == (SUBMITTED_AT, None)
    assert (SlurmJob.objects.get().place, Partition.objects.get().is_up) == (3, True)
    assert Flavour.objects.get().is_offered


def test_a_hub_is_asked_at_its_pace(hub: Hub) -> None:
    now = timezone.now()
    assert follow(hub, make_answer(), at=now) is not None
    assert follow(hub, make_answer(), at=now + FOLLOW_EVERY / 2) is None
    assert follow(hub, QueueAnswer(), at=now + FOLLOW_EVERY) is not None
    assert follow(hub, make_answer(), at=now + 2 * FOLLOW_EVERY) is None
    assert follow(hub, make_answer(), at=now + FOLLOW_EVERY + LOOK_FOR_SLURM_EVERY) is not None


def test_a_session_ends_when_slurm_ends_its_job(hub: Hub) -> None:
    now = timezone.now()
    flavour = make.FlavourFactory.create(partition__hub=hub)
    fields = {"hub": hub, "flavour": flavour, "status": SessionStatus.READY, "ends_at": now + 60 * MINUTE}
    shorter, other = make.LabSessionFactory.create(**fields), make.LabSessionFactory.create(**fields)
    job = make_job(shorter.server_name, state="RUNNING", started_at=now, ends_at=now + 30 * MINUTE)
    follow(hub, make_answer(jobs=(job,)))
    for session, minutes in ((shorter, 30), (other, 60)):
        session.refresh_from_db()
        assert session.ends_at == now + minutes * MINUTE


def test_a_hub_moves_nothing_of_another_factorys(hub: Hub) -> None:
    """Whatever it calls its servers, partitions and accounts."""
    now = timezone.now()
    theirs = make.FlavourFactory.create(partition__hub__has_slurm=True, partition__name="small-g", gpus=4)
    ends_at = now + 60 * MINUTE
    session = make.LabSessionFactory.create(
        hub=theirs.partition.hub, flavour=theirs, status=SessionStatus.READY, ends_at=ends_at
    )
    account = make.FactoryAccountFactory.create(hub=session.hub, name="train01", kind=AccountKind.POOL)
    said = make_job(session.server_name, state="RUNNING", started_at=now, ends_at=now + MINUTE)
    over = make_job(session.server_name, job_id="9", state="CANCELLED", ended_at=now, started_at=now)
    told = (UnixAccountModel("train01", "robot", True),)

    follow(hub, make_answer(jobs=(said,), ended=(over,), partitions=(make_partition(),), unix_accounts=told))

    assert not SlurmJob.objects.exclude(session=None).exists()
    assert not SlurmJob.objects.exclude(hub=hub).exists()
    for row in (session, account, theirs):
        row.refresh_from_db()
    assert (session.status, session.ends_at) == (SessionStatus.READY, ends_at)
    assert (account.kind, account.is_shared, theirs.gpus) == (AccountKind.POOL, False, 4)


def test_a_hub_whose_clock_is_years_ahead_has_not_told_all_for_ever(hub: Hub) -> None:
    now = timezone.now()
    ahead = now + timedelta(days=365 * 900)
    follow(hub, make_answer(answered_at=ahead, ended_until=ahead), at=now)

    hub.refresh_from_db()

    assert (hub.slurm_answered_at, hub.jobs_read_until) == (now, now)


def test_how_many_queries_it_takes_does_not_grow(hub: Hub, count_queries: Any) -> None:
    def answer(count: int, state: str) -> QueueAnswer:
        numbers = range(1, count + 1)
        flavours: tuple[FlavourModel, ...] = tuple(make_flavour(f"f-{number}") for number in numbers)
        return make_answer(
            jobs=tuple(make_job(f"s-{number:08x}", job_id=str(number), state=state) for number in numbers),
            ended=tuple(
                make_job(f"s-1{number:07x}", job_id=f"9{number}", ended_at=SUBMITTED_AT, state=state)
                for number in numbers
            ),
            partitions=tuple(make_partition(f"p-{number}", flavours=flavours) for number in range(1, 4)),
            unix_accounts=tuple(UnixAccountModel(f"train{n}", "pool", False) for n in numbers),
        )

    few = count_queries(lambda: follow(hub, answer(2, "PENDING")))
    assert count_queries(lambda: follow(hub, answer(12, "RUNNING"))) == few
