"""What a cohort may use: seen by its team, planned by its factory's staff, never over people's heads."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus
from labs.models import AccountKind, Allocation, AllocationChange, Flavour, Partition
from labs.services.allocations import find_allocation, make_version
from labs.views.staff_panels import cohort_panels
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def partition(cohort: Cohort) -> Partition:
    now = timezone.now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=7)).isoformat()}
    found: Partition = make.PartitionFactory.create(
        hub=make.HubFactory.create(factory=cohort.factory, has_slurm=True),
        name="small-g",
        reservations=[{"name": "AI_workshop_1", "accounts": ["project_1"], **times}],
    )
    make.FlavourFactory.create(partition=found, slug="one-gcd")
    return found


@pytest.fixture
def overview(cohort: Cohort) -> str:
    return f"/teach/{cohort.public_id}/allocations/"


@pytest.fixture
def page(overview: str) -> str:
    return f"{overview}kajaani/small-g/"


@pytest.fixture
def as_staff(staff: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(staff)


@pytest.fixture
def as_ben(ben: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(ben)


@pytest.fixture
def plan(cohort: Cohort, partition: Partition) -> Callable[..., dict[str, Any]]:
    """What the form sends."""

    def plan(**more: Any) -> dict[str, Any]:
        return {
            "flavours": [Flavour.objects.get(partition=partition, slug="one-gcd").pk],
            "account_kind": "pool",
            "slurm_account": "project_1",
            "position": 1,
            "seen": make_version(find_allocation(cohort, partition)),
            **more,
        }

    return plan


def shown(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_partition_is_planned(as_staff: Client, page: str, plan: Any, staff: User, overview: str) -> None:
    assert "one-gcd" in shown(as_staff, page)

    sent = plan(qos="course", reservation="AI_workshop_1", gpu_hours="12.5")
    assert as_staff.post(page, sent).status_code == 302

    allocation = Allocation.objects.get()
    assert (allocation.qos, allocation.reservation, float(allocation.gpu_hours or 0)) == (
        "course",
        "AI_workshop_1",
        12.5,
    )
    assert [flavour.slug for flavour in allocation.flavours.all()] == ["one-gcd"]
    assert AllocationChange.objects.get().actor == staff
    assert "12.5" in shown(as_staff, overview)


def test_a_change_begins_with_what_stands(as_staff: Client, page: str, plan: Any) -> None:
    as_staff.post(page, plan(qos="course"))

    assert 'value="course"' in shown(as_staff, page)
    as_staff.post(page, plan(qos="other"))

    assert Allocation.objects.get().qos == "other"
    assert AllocationChange.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"flavours": []},
        {"account_kind": "root"},
        {"slurm_account": "a b"},
        {"qos": "--cmd"},
        {"reservation": "nobody’s"},
        {"gpu_hours": "-1"},
        {"position": "0"},
    ],
)
def test_what_makes_no_sense_is_shown_again(
    as_staff: Client, page: str, plan: Any, wrong: dict[str, Any]
) -> None:
    assert as_staff.post(page, plan(**wrong)).status_code == 422
    assert not Allocation.objects.exists()


def test_a_size_of_another_partition_cannot_be_chosen(as_staff: Client, page: str, plan: Any) -> None:
    other = make.FlavourFactory.create()

    assert as_staff.post(page, plan(flavours=[other.pk])).status_code == 422


def test_who_lacks_an_account_is_named_before_anything_is_planned(
    as_staff: Client, page: str, plan: Any, enrolment: Enrolment
) -> None:
    response = as_staff.post(page, plan(account_kind="own"))

    assert response.status_code == 422
    seen = response.content.decode()
    assert "Ada" in seen
    assert "is_planned_anyway" in seen
    assert not Allocation.objects.exists()


def test_planning_it_all_the_same_is_recorded(
    as_staff: Client, page: str, plan: Any, enrolment: Enrolment, overview: str
) -> None:
    as_staff.post(page, plan(account_kind="own", is_planned_anyway="1"))

    assert Allocation.objects.get().account_kind == AccountKind.OWN
    assert AllocationChange.objects.get().reason == "planned_without_accounts.1"
    seen = shown(as_staff, overview)
    assert "Planned although learners had no verified account" in seen
    assert "Learners: 1." in seen


def test_the_tick_alone_is_no_record_where_nobody_lacks_anything(
    as_staff: Client, page: str, plan: Any
) -> None:
    as_staff.post(page, plan(account_kind="own", is_planned_anyway="1"))

    assert AllocationChange.objects.get().reason == ""


def test_somebody_elses_change_is_shown_and_not_overwritten(as_staff: Client, page: str, plan: Any) -> None:
    old = plan(qos="mine")
    as_staff.post(page, plan(qos="theirs"))

    response = as_staff.post(page, old)

    assert response.status_code == 422
    assert "Somebody else has changed" in response.content.decode()
    assert 'value="theirs"' in response.content.decode()
    assert Allocation.objects.get().qos == "theirs"


def test_a_partition_can_be_removed(as_staff: Client, page: str, plan: Any, overview: str) -> None:
    as_staff.post(page, plan())

    assert as_staff.post(f"{page}remove").status_code == 302
    assert as_staff.post(f"{page}remove").status_code == 302

    assert not Allocation.objects.exists()
    assert "Removed" in shown(as_staff, overview)


def test_the_team_reads_and_changes_nothing(as_ben: Client, overview: str, page: str, plan: Any) -> None:
    assert "small-g" not in shown(as_ben, overview)
    assert as_ben.get(page).status_code == 404
    assert as_ben.post(page, plan()).status_code == 404
    assert as_ben.post(f"{page}remove").status_code == 404


def test_partitions_of_other_factories_are_for_who_is_staff_there_too(
    as_staff: Client, overview: str, staff: User
) -> None:
    there = make.PartitionFactory.create(name="elsewhere-g")
    address = f"{overview}{there.hub.factory.slug}/elsewhere-g/"
    assert "elsewhere-g" not in shown(as_staff, overview)
    assert as_staff.get(address).status_code == 404

    make_courses.FactoryMembershipFactory.create(factory=there.hub.factory, user=staff)

    assert "elsewhere-g" in shown(as_staff, overview)
    assert as_staff.get(address).status_code == 200


def test_staff_of_another_factory_decide_nothing(sign_in: Any, eve: User, overview: str, page: str) -> None:
    assert sign_in(eve).get(overview).status_code == 404
    assert sign_in(eve).get(page).status_code == 404


def test_a_reservation_that_is_over_can_be_kept(
    as_staff: Client, page: str, plan: Any, partition: Partition
) -> None:
    as_staff.post(page, plan(reservation="AI_workshop_1"))
    Partition.objects.filter(pk=partition.pk).update(reservations=[])

    assert "no longer names it" in shown(as_staff, page)
    assert as_staff.post(page, plan(reservation="AI_workshop_1", qos="course")).status_code == 302


def test_a_partition_that_is_offered_no_more_can_be_removed_and_not_added(
    as_staff: Client, overview: str, page: str, plan: Any
) -> None:
    Partition.objects.update(is_offered=False)
    assert page not in shown(as_staff, overview)

    as_staff.post(page, plan())

    assert page in shown(as_staff, overview)


@pytest.mark.parametrize(
    ("part", "method"), [("", "post"), ("kajaani/small-g/remove", "get"), ("kajaani/small-g/", "put")]
)
def test_each_address_takes_its_methods(as_staff: Client, overview: str, part: str, method: str) -> None:
    assert getattr(as_staff, method)(overview + part).status_code == 405


def render_panels(cohort: Cohort) -> str:
    return "".join(render_to_string(panel.template, dict(panel.context)) for panel in cohort_panels(cohort))


def test_the_cohorts_page_warns_as_long_as_somebody_lacks_an_account(
    cohort: Cohort, partition: Partition, enrolment: Enrolment
) -> None:
    assert "have not said yet which partitions" in render_panels(cohort)

    make.AllocationFactory.create(cohort=cohort, partition=partition, account_kind=AccountKind.OWN)
    assert "has no verified account" in render_panels(cohort)

    make.FactoryAccountFactory.create(hub=partition.hub, kind=AccountKind.OWN, user=enrolment.learner)
    assert "has no verified account" not in render_panels(cohort)


def test_a_cohort_without_slurm_has_no_such_panel(cohort: Cohort, partition: Partition) -> None:
    type(partition.hub).objects.update(has_slurm=False)

    assert "What the cohort may use" not in render_panels(cohort)


def test_many_partitions_and_learners_cost_as_many_queries_as_one(
    as_staff: Client,
    overview: str,
    cohort: Cohort,
    partition: Partition,
    enrolment: Enrolment,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    def allow(partition: Partition) -> None:
        flavour = make.FlavourFactory.create(partition=partition)
        make.AllocationFactory.create(
            cohort=cohort, partition=partition, account_kind=AccountKind.OWN, flavours=[flavour]
        )
        make.AllocationChangeFactory.create(cohort=cohort, partition=partition)

    allow(partition)
    pages = (overview, f"/teach/{cohort.public_id}/")
    few = [count_queries(lambda page=page: as_staff.get(page)) for page in pages]  # type: ignore[misc]
    for _ in range(3):
        allow(make.PartitionFactory.create(hub=partition.hub))
        make_courses.EnrolmentFactory.create(cohort=cohort, status=EnrolmentStatus.ACTIVE)

    assert [count_queries(lambda page=page: as_staff.get(page)) for page in pages] == few  # type: ignore[misc]
