"""Where a lab can run: what is enough, and what is recommended."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import AccountKind, Allocation, Flavour, Hub, LabRelease
from labs.work.choices import Choice, find_choice, get_recommended, list_choices
from labs.work.refused_places import REFUSALS
from tests.factories import labs as make
from tests.labs.work.places import Allow

pytestmark = pytest.mark.django_db


def only(enrolment: Enrolment, lab: LabRelease) -> Choice:
    [choice] = list_choices(enrolment, lab)
    return choice


def test_what_is_too_small_is_no_choice(enrolment: Enrolment, lab: LabRelease, allow: Allow) -> None:
    allow(gpus=0)
    allow(memory_gb=31)
    enough = allow(gpus=2, memory_gb=32)

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [enough]


def test_what_another_cohort_may_use_is_no_choice(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    flavour = allow()
    other = make.AllocationFactory.create(partition=make.PartitionFactory.create(hub=flavour.partition.hub))
    theirs = make.FlavourFactory.create(partition=other.partition)
    other.flavours.add(theirs)

    assert only(enrolment, lab).flavour == flavour
    key = f"{flavour.partition.hub.factory.slug}/{theirs.partition.name}/{theirs.slug}"
    assert find_choice(enrolment, lab, key) is None


def test_what_the_hub_offers_no_more_is_no_choice(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    allow()
    Flavour.objects.update(is_offered=False)

    assert list_choices(enrolment, lab) == []


def test_the_shortest_wait_is_recommended_also_at_another_factory(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, athens: Hub
) -> None:
    unknown, slow, quick = allow(wait=None), allow(wait=300), allow(wait=60, at=athens, position=9)

    choices = list_choices(enrolment, lab)

    assert [choice.flavour for choice in choices] == [quick, slow, unknown]
    assert [choice.is_recommended for choice in choices] == [True, False, False]
    assert get_recommended(enrolment, lab) == choices[0]
    assert find_choice(enrolment, lab, choices[1].key) == choices[1]


def test_of_equal_waits_staffs_order_decides_and_then_the_price(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    last, dear, cheap = (
        allow(position=2),
        allow(position=1, weight=Decimal(2)),
        allow(position=1, weight=Decimal(1)),
    )

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [cheap, dear, last]


def test_a_hub_without_slurm_has_no_choices(enrolment: Enrolment, lab: LabRelease, allow: Allow) -> None:
    allow()
    Hub.objects.update(has_slurm=False)

    assert list_choices(enrolment, lab) == []


def test_a_hub_that_is_down_is_the_last_resort_and_no_refusal(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, athens: Hub, hub: Hub
) -> None:
    down, up = allow(wait=0), allow(wait=999, at=athens)
    Hub.objects.filter(pk=hub.pk).update(down_since=timezone.now())

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [up, down]
    assert list_choices(enrolment, lab)[1].blocked_reason == ""
    assert list_choices(enrolment, lab)[1].expected_wait_seconds is None


def test_what_slurm_said_long_ago_is_no_expectation(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    allow(wait=0)
    assert only(enrolment, lab).expected_wait_seconds == 0

    Hub.objects.update(slurm_answered_at=timezone.now() - timedelta(minutes=4))

    assert only(enrolment, lab).expected_wait_seconds is None


def test_what_can_be_had_is_recommended_before_what_cannot(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    blocked, free = allow(wait=0, minutes_max=5), allow(wait=None)

    assert [choice.flavour for choice in list_choices(enrolment, lab)] == [free, blocked]
    assert get_recommended(enrolment, lab).flavour == free


def test_a_start_without_any_place_is_refused_with_the_reason(
    enrolment: Enrolment, lab: LabRelease, allow: Allow
) -> None:
    with pytest.raises(RefusedError) as nothing:
        get_recommended(enrolment, lab)
    assert nothing.value.reason == "no_place_for_lab"

    allow(minutes_max=5)
    with pytest.raises(RefusedError) as blocked:
        get_recommended(enrolment, lab)
    assert blocked.value.reason == "place_too_short" in REFUSALS


def test_many_places_cost_as_many_queries_as_one(
    enrolment: Enrolment, lab: LabRelease, allow: Allow, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    allow()
    without_limit = count_queries(lambda: list_choices(enrolment, lab))
    Allocation.objects.update(gpu_hours=10)
    one = count_queries(lambda: list_choices(enrolment, lab))
    for _ in range(5):
        allow(at=make.HubFactory.create(has_slurm=True), account_kind=AccountKind.OWN, gpu_hours=10)

    assert len(list_choices(enrolment, lab)) == 6
    assert count_queries(lambda: list_choices(enrolment, lab)) == one == without_limit + 1 == 6
