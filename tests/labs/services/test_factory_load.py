"""How full a factory is, and who waits."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from labs.models import Hub
from labs.services.factory_load import FactoryLoad, PartitionLoad, find_factory_load
from labs.states import SessionStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = timezone.now()
MINUTE = timedelta(minutes=1)


@pytest.fixture
def hub() -> Hub:
    hub: Hub = make.HubFactory.create(has_slurm=True, slurm_answered_at=NOW)
    return hub


def load_of(hub: Hub, *, most: int = 10) -> FactoryLoad:
    return find_factory_load(hub, NOW, most=most)


def only(load: FactoryLoad) -> PartitionLoad:
    (partition,) = load.partitions
    return partition


def test_gpus_are_paja_s_or_others_or_free_or_not_there(hub: Hub) -> None:
    make.PartitionFactory.create(hub=hub, name="small-g", gpus_total=16, gpus_used=7, gpus_free=5)
    make.SlurmJobFactory.create(hub=hub, gpus=2, started_at=NOW)
    make.SlurmJobFactory.create(hub=hub, gpus=1, started_at=NOW)
    make.SlurmJobFactory.create(hub=hub, gpus=4)
    make.SlurmJobFactory.create(hub=hub, gpus=8, started_at=NOW - MINUTE, ended_at=NOW)
    make.SlurmJobFactory.create(gpus=8, started_at=NOW)

    row = only(load_of(hub))

    assert (row.own_gpus, row.other_gpus, row.gpus_away) == (3, 4, 4)
    assert (row.own_running, row.own_waiting) == (2, 1)


def test_a_job_that_began_after_the_partitions_were_counted_makes_no_negative_numbers(hub: Hub) -> None:
    make.PartitionFactory.create(hub=hub, name="small-g", gpus_total=8, gpus_used=0, gpus_free=8)
    make.SlurmJobFactory.create(hub=hub, gpus=2, started_at=NOW)

    assert (only(load_of(hub)).other_gpus, only(load_of(hub)).gpus_away) == (0, 0)


def test_a_partition_that_is_no_longer_reported_is_not_shown(hub: Hub) -> None:
    make.PartitionFactory.create(hub=hub, is_offered=False)

    assert load_of(hub).partitions == ()


def reservation(start: timedelta, end: timedelta, **more: object) -> dict[str, Any]:
    times = {"starts_at": (NOW + start).isoformat(), "ends_at": (NOW + end).isoformat()}
    return {"name": "course", "nodes": 2, "accounts": ["project"], "is_maintenance": False, **times, **more}


def test_reservations_that_are_on_or_to_come_are_told_in_their_order(hub: Hub) -> None:
    told = [
        reservation(5 * MINUTE, 9 * MINUTE, name="later"),
        reservation(-5 * MINUTE, 9 * MINUTE, name="now"),
        reservation(-5 * MINUTE, -MINUTE, name="over"),
        {"name": "without times"},
    ]
    make.PartitionFactory.create(hub=hub, name="dev-g", reservations=told)
    make.PartitionFactory.create(hub=hub, name="small-g", reservations=told[:1])

    kept = load_of(hub).reservations

    assert [(each.name, each.is_on) for each in kept] == [("now", True), ("later", False)]
    assert [each.partitions for each in kept] == [("dev-g",), ("dev-g", "small-g")]
    assert kept[0].accounts == ("project",)


@pytest.mark.parametrize(
    ("start", "is_maintenance", "is_now"), [(-1, True, True), (1, True, False), (-1, False, False)]
)
def test_maintenance_is_said_while_it_is_on(hub: Hub, start: int, is_maintenance: bool, is_now: bool) -> None:
    told = [reservation(start * MINUTE, 9 * MINUTE, is_maintenance=is_maintenance)]
    make.PartitionFactory.create(hub=hub, reservations=told)

    assert load_of(hub).is_in_maintenance is is_now


def waiting_job(hub: Hub, place: int | None, **more: object) -> None:
    session = make.LabSessionFactory.create(hub=hub, status=SessionStatus.SPAWNING)
    make.SlurmJobFactory.create(
        hub=hub, session=session, server_name=session.server_name, place=place, **more
    )


def test_who_waits_stands_by_place_and_who_has_none_comes_last(hub: Hub) -> None:
    waiting_job(hub, None)
    waiting_job(hub, 2, submitted_at=NOW - 7 * MINUTE)
    waiting_job(hub, 1, submitted_at=NOW - MINUTE)
    waiting_job(hub, None, started_at=NOW)
    make.SlurmJobFactory.create(hub=hub, server_name="g-1")  # nobody's: a grader

    load = load_of(hub)

    assert [job.place for job in load.waiting.shown] == [1, 2, None]
    assert (load.waiting.count, load.waiting.since) == (3, NOW - 7 * MINUTE)
    assert load.longest_wait_minutes == 7
    assert len(load_of(hub, most=2).waiting.shown) == 2


def test_a_press_that_slurm_has_not_heard_of_is_counted_apart(hub: Hub) -> None:
    make.LabSessionFactory.create(hub=hub, status=SessionStatus.REQUESTED)
    make.LabSessionFactory.create(hub=hub, status=SessionStatus.READY)
    waiting_job(hub, 1)

    assert (load_of(hub).waiting.unsent, load_of(hub).waiting.count) == (1, 1)


@pytest.mark.parametrize(
    ("changes", "is_answering"),
    [
        ({}, True),
        ({"slurm_answered_at": NOW - 2 * MINUTE}, False),
        ({"slurm_answered_at": None}, False),
        ({"down_since": NOW}, False),
    ],
)
def test_slurm_answers_where_its_word_is_young_and_the_hub_is_there(
    hub: Hub, changes: dict[str, object], is_answering: bool
) -> None:
    for name, value in changes.items():
        setattr(hub, name, value)

    assert load_of(hub).is_slurm_answering is is_answering


def test_it_costs_the_same_however_much_there_is(
    hub: Hub, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    make.FlavourFactory.create(partition__hub=hub)
    waiting_job(hub, 1)
    few = count_queries(lambda: load_of(hub))
    make.FlavourFactory.create_batch(3, partition__hub=hub)
    for place in range(2, 5):
        waiting_job(hub, place)

    assert count_queries(lambda: load_of(hub)) == few
