"""A job that Slurm no longer has, and of whose end nobody tells: no row stays open for ever."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from labs.jupyterhub import JobModel
from labs.models import Hub, SlurmJob
from labs.work.following_jobs import TELL_WITHIN, follow_queue
from labs.work.job_endings import find_ending
from tests.factories import labs as make
from tests.fakes.hub import FakeHub
from tests.fakes.queue import make_answer, make_job

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
START = timezone.now()
SEEN_AT = START + 5 * MINUTE
LONG_AFTER = SEEN_AT + TELL_WITHIN + MINUTE
JOB = make_job("s-00000001", state="RUNNING", started_at=START, ends_at=START + 60 * MINUTE)


@pytest.fixture
def hub() -> Hub:
    """It was told at SEEN_AT that JOB runs."""
    hub = make.HubFactory.create(has_slurm=True)
    follow(hub, SEEN_AT, JOB)
    return hub


def follow(
    hub: Hub, at: datetime, *jobs: JobModel, ended: JobModel | None = None, is_answering: bool = True
) -> None:
    fake = FakeHub()
    ends = (ended,) if ended else ()
    fake.queue = make_answer(jobs=jobs, ended=ends, answered_at=at, is_answering=is_answering)
    hub.refresh_from_db()
    assert follow_queue(hub, fake, at) is not None  # type: ignore[arg-type]


def test_a_job_that_is_gone_waits_nowhere_and_its_end_is_waited_for() -> None:
    hub = make.HubFactory.create(has_slurm=True)
    follow(hub, SEEN_AT, make_job("s-00000001", expected_start_at=START))
    follow(hub, SEEN_AT + MINUTE)
    follow(hub, SEEN_AT + TELL_WITHIN)
    row = SlurmJob.objects.get()
    assert (row.state, row.place, row.expected_start_at, row.ended_at) == ("UNKNOWN", None, None, None)
    follow(hub, LONG_AFTER)
    row.refresh_from_db()
    assert (row.ended_at, row.ran_for) == (SEEN_AT, None)


def test_one_whose_end_nobody_tells_ended_when_slurm_last_had_it(hub: Hub) -> None:
    for at in (SEEN_AT + MINUTE, LONG_AFTER):
        follow(hub, at)
    row = SlurmJob.objects.get()
    assert (row.state, row.ran_for) == ("UNKNOWN", SEEN_AT - START)
    assert find_ending(row) is None


def test_while_slurm_is_silent_nothing_is_closed(hub: Hub) -> None:
    follow(hub, SEEN_AT + MINUTE)
    follow(hub, LONG_AFTER, is_answering=False)
    assert SlurmJob.objects.get().ended_at is None


def test_what_the_accounting_tells_later_stands_instead(hub: Hub) -> None:
    for at in (SEEN_AT + MINUTE, LONG_AFTER):
        follow(hub, at)
    follow(hub, LONG_AFTER + MINUTE, ended=replace(JOB, state="NODE_FAIL", ended_at=START + 6 * MINUTE))
    row = SlurmJob.objects.get()
    assert (row.state, row.ran_for) == ("NODE_FAIL", 6 * MINUTE)


def test_one_that_slurm_has_after_all_goes_on(hub: Hub) -> None:
    for at in (SEEN_AT + MINUTE, LONG_AFTER):
        follow(hub, at)
    follow(hub, LONG_AFTER + MINUTE, JOB)
    row = SlurmJob.objects.get()
    assert (row.state, row.ended_at, row.started_at) == ("RUNNING", None, START)


def test_a_number_that_slurm_gives_to_another_job_keeps_no_row_open(hub: Hub) -> None:
    other = make_job("s-00000002", submitted_at=SEEN_AT)
    for at in (SEEN_AT + MINUTE, LONG_AFTER):
        follow(hub, at, other)
    assert SlurmJob.objects.get(server_name="s-00000001").ended_at == SEEN_AT
    assert SlurmJob.objects.get(server_name="s-00000002").ended_at is None
