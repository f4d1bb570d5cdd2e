"""Where a session stands in its partition's queue, before and after its hub has told of the job."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.models import Flavour, LabSession, SlurmJob
from labs.services.queue_places import SlurmPlace, find_slurm_place, find_slurm_places
from labs.states import SessionStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def flavour(db: None) -> Flavour:
    return make.FlavourFactory.create(partition__name="small-g")


def ask(flavour: Flavour, **fields: Any) -> LabSession:
    fields = {"status": SessionStatus.SPAWNING, "requested_at": NOW, **fields}
    return make.LabSessionFactory.create(flavour=flavour, hub=flavour.partition.hub, **fields)


def submit(session: LabSession, **fields: Any) -> SlurmJob:
    return make.SlurmJobFactory.create(hub=session.hub, server_name=session.server_name, **fields)


def place_of(session: LabSession, now: datetime = NOW) -> SlurmPlace:
    place = find_slurm_place(session, now)
    assert place is not None
    return place


def test_before_the_hub_has_told_the_place_is_that_of_our_own_rows(flavour: Flavour) -> None:
    other = make.FlavourFactory.create(partition=flavour.partition)
    ask(flavour, requested_at=NOW - timedelta(minutes=2))
    ask(other, requested_at=NOW - timedelta(minutes=1), status=SessionStatus.REQUESTED)
    session = ask(flavour)
    ask(flavour, requested_at=NOW + timedelta(seconds=1))

    assert place_of(session).place == 3


def test_of_presses_at_the_same_moment_each_has_a_place_of_its_own(flavour: Flavour) -> None:
    assert [place_of(ask(flavour)).place for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": SessionStatus.READY},
        {"status": SessionStatus.STOPPING},
        {"status": SessionStatus.FAILED},
        {"delivery_claimed_at": NOW},
    ],
)
def test_who_waits_no_more_takes_no_place(flavour: Flavour, fields: dict[str, Any]) -> None:
    done = ask(flavour, requested_at=NOW - timedelta(minutes=2), **fields)

    assert place_of(ask(flavour)).place == 1
    assert find_slurm_place(done, NOW) is None


def test_whose_job_runs_takes_no_place(flavour: Flavour) -> None:
    first = ask(flavour, requested_at=NOW - timedelta(minutes=2))
    submit(first, state="RUNNING", started_at=NOW)

    assert place_of(ask(flavour)).place == 1


def test_other_partitions_have_queues_of_their_own(flavour: Flavour) -> None:
    ask(make.FlavourFactory.create(), requested_at=NOW - timedelta(minutes=2))

    assert place_of(ask(flavour)).place == 1


def test_slurms_word_goes_before_our_own(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, place=7, reason="Priority")

    place = place_of(session)

    assert place.place == 7
    assert place.reason is not None
    assert "go before you" in str(place.reason.sentence)


def test_a_job_without_a_place_is_given_none(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, place=None)

    assert place_of(session).place is None


def test_a_job_of_another_hub_with_the_same_name_is_none_of_ours(flavour: Flavour) -> None:
    session = ask(flavour)
    make.SlurmJobFactory.create(server_name=session.server_name, place=9)

    assert place_of(session).place == 1


def test_of_several_jobs_the_newest_counts(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, place=2, submitted_at=NOW)
    submit(session, place=9, submitted_at=NOW - timedelta(minutes=5))

    assert place_of(session).place == 2


def test_a_session_without_slurm_has_no_place(flavour: Flavour) -> None:
    session = make.LabSessionFactory.create()

    assert find_slurm_place(session, NOW) is None


def test_a_job_that_has_ended_is_no_place(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, started_at=NOW, ended_at=NOW)

    assert find_slurm_place(session, NOW) is None


def test_a_job_that_has_begun_waits_for_nothing(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, state="CONFIGURING", started_at=NOW, place=1)

    place = place_of(session)

    assert place.has_begun
    assert (place.place, place.reason) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "is_known", "is_at_once", "minutes"),
    [
        (360, True, False, 6),
        (61, True, False, 1),
        (44, True, True, 1),
        (-100, True, True, 1),
        (-121, False, False, None),
    ],
)
def test_the_expected_start_is_slurms(
    flavour: Flavour, seconds: int, is_known: bool, is_at_once: bool, minutes: int | None
) -> None:
    session = ask(flavour)
    submit(session, expected_start_at=NOW + timedelta(seconds=seconds))

    place = place_of(session)

    assert (place.expected_at is not None) == is_known
    assert (place.is_at_once, place.minutes_left) == (is_at_once, minutes)


def test_what_slurm_does_not_know_is_not_known(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, expected_start_at=None)

    assert place_of(session).expected_at is None


def test_before_slurm_has_the_job_what_was_said_at_the_press_holds(flavour: Flavour) -> None:
    flavour.expected_wait_seconds = 300
    session = ask(flavour)

    assert place_of(session).expected_at == NOW + timedelta(seconds=300)
    assert place_of(session, NOW + timedelta(seconds=421)).expected_at is None

    flavour.expected_wait_seconds = None
    assert place_of(session).expected_at is None


def test_who_waits_in_vain_expects_nothing(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, reason="JobHeldAdmin", expected_start_at=NOW + timedelta(minutes=5))

    assert place_of(session).is_stuck
    assert place_of(session).expected_at is None


def test_nothing_is_expected_of_a_slurm_that_is_silent(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, expected_start_at=NOW + timedelta(minutes=5))
    session.hub.slurm_answered_at = NOW
    assert place_of(session).expected_at is not None

    assert place_of(session, NOW + timedelta(seconds=61)).expected_at is None


def test_the_bar_is_how_much_of_the_wait_is_over(flavour: Flavour) -> None:
    session = ask(flavour, requested_at=NOW - timedelta(minutes=3))
    submit(session, expected_start_at=NOW + timedelta(minutes=1))
    assert place_of(session).share == 75

    SlurmJob.objects.update(expected_start_at=None)
    assert place_of(session).share is None


def test_the_version_changes_with_what_is_said_and_not_with_the_clock(flavour: Flavour) -> None:
    session = ask(flavour)
    submit(session, expected_start_at=NOW + timedelta(minutes=6))
    before = place_of(session)
    assert place_of(session, NOW + timedelta(minutes=1)).version == before.version
    assert place_of(session, NOW + timedelta(minutes=1)).quiet_version != before.quiet_version

    for change in ({"place": 2}, {"reason": "Priority"}, {"state": "SUSPENDED"}, {"started_at": NOW}):
        said = place_of(session).version
        SlurmJob.objects.update(**change)
        assert place_of(session).version != said


@pytest.mark.parametrize(("minutes", "seconds"), [(11, 15), (9, 5), (0.1, None), (None, 5)])
def test_who_waits_for_long_asks_rarely(flavour: Flavour, minutes: float | None, seconds: int | None) -> None:
    session = ask(flavour)
    submit(session, expected_start_at=NOW + timedelta(minutes=minutes) if minutes else None)

    assert place_of(session).poll_seconds == seconds
    assert place_of(ask(flavour)).poll_seconds is None


def test_many_places_cost_as_many_queries_as_one(
    flavour: Flavour, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    sessions = [ask(flavour) for _ in range(6)]
    for session in sessions[::2]:
        submit(session)

    assert len(find_slurm_places(sessions, NOW)) == 6
    assert count_queries(lambda: find_slurm_places(sessions[:2], NOW)) == 2
    assert count_queries(lambda: find_slurm_places(sessions, NOW)) == 2
    assert count_queries(lambda: find_slurm_places([], NOW)) == 0
