"""Where a lab starts: the recommended place by one press, another one by choice, and nobody else's."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Enrolment
from labs.models import AccountKind, Flavour, Hub, LabSession, LabUnit, Partition
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, session_page

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_no_queue")]


@pytest.fixture
def small(enrolment: Enrolment, lab_unit: LabUnit) -> Flavour:
    """At the cohort's own factory; a start waits for six minutes."""
    now = timezone.now()
    Hub.objects.update(has_slurm=True, slurm_answered_at=now, answered_at=now)
    return allow(enrolment, Hub.objects.get(), "small-g", wait=360)


@pytest.fixture
def gpu(enrolment: Enrolment, small: Flavour) -> Flavour:
    """At another factory; a start begins at once."""
    now = timezone.now()
    hub = make.HubFactory.create(
        factory__slug="athens", factory__city="Athens", has_slurm=True, slurm_answered_at=now, answered_at=now
    )
    return allow(enrolment, hub, "gpu", wait=0)


def allow(enrolment: Enrolment, hub: Hub, name: str, *, wait: int | None, **fields: Any) -> Flavour:
    flavour: Flavour = make.FlavourFactory.create(
        partition__hub=hub, partition__name=name, slug="one", expected_wait_seconds=wait
    )
    make.AllocationFactory.create(
        cohort=enrolment.cohort, partition=flavour.partition, flavours=[flavour], **fields
    )
    make.FactoryAccountFactory.create(hub=hub)
    return flavour


def read(client: Client, address: str) -> str:
    return client.get(f"{address}lab").content.decode()


def test_one_press_starts_at_the_recommended_place_which_is_said(
    as_ada: Client, address: str, gpu: Flavour
) -> None:
    page = read(as_ada, address)
    assert "Athens gpu</strong>: 1 GPU, starts now." in page
    assert 'value="athens/gpu/one" form="lab-start-form" checked' in page

    response = as_ada.post(f"{address}start")

    session = LabSession.objects.get()
    assert response.headers["Location"] == session_page(session)
    assert (session.flavour, session.hub) == (gpu, gpu.partition.hub)


def test_the_only_place_is_said_and_pressed_without_a_choice(
    as_ada: Client, address: str, small: Flavour
) -> None:
    page = read(as_ada, address)

    assert "Kajaani small-g</strong>: 1 GPU, starts in about 6 min." in page
    assert 'id="lab-places"' not in page
    assert '<input type="hidden" name="place" value="kajaani/small-g/one">' in page


def test_another_place_can_be_chosen(as_ada: Client, address: str, small: Flavour, gpu: Flavour) -> None:
    page = read(as_ada, address)
    assert "Other places" in page
    assert "about 6 min</span>" in page

    as_ada.post(f"{address}start", {"place": "kajaani/small-g/one"})

    assert LabSession.objects.get().flavour == small


@pytest.mark.parametrize(
    "key", ["kajaani/small-g/two", "kajaani/standard-g/one", "nowhere", "kajaani/small-g/one' --", "//"]
)
def test_what_is_not_the_cohorts_is_not_found(as_ada: Client, address: str, small: Flavour, key: str) -> None:
    other = make.FlavourFactory.create(partition=small.partition, slug="two")
    make.AllocationFactory.create(
        partition=make.PartitionFactory.create(hub=small.partition.hub, name="standard-g"), flavours=[other]
    )

    assert as_ada.post(f"{address}start", {"place": key}).status_code == 404
    assert not LabSession.objects.exists()


def test_a_place_that_is_blocked_says_why_and_cannot_be_pressed(
    as_ada: Client, address: str, small: Flavour, gpu: Flavour
) -> None:
    Partition.objects.filter(pk=small.partition_id).update(is_up=False)

    page = read(as_ada, address)
    assert "The factory starts nothing in this partition at the moment." in page
    assert 'value="kajaani/small-g/one" form="lab-start-form" disabled' in page

    as_ada.post(f"{address}start", {"place": "kajaani/small-g/one"})
    assert not LabSession.objects.exists()
    assert "starts nothing in this partition" in as_ada.get(address).content.decode()


def test_who_needs_an_account_of_their_own_is_led_to_its_page(
    as_ada: Client, address: str, small: Flavour
) -> None:
    small.partition.allocations.update(account_kind=AccountKind.OWN)

    page = read(as_ada, address)

    assert "You need an account of your own at this factory" in page
    assert 'href="/labs/accounts/kajaani/"' in page
    assert 'id="lab-start"' not in page


def test_when_it_opens_again_is_said(as_ada: Client, address: str, small: Flavour) -> None:
    now = timezone.now()
    reservation = {
        "name": "care",
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=1)).isoformat(),
        "nodes": 2,
        "accounts": [],
        "is_maintenance": True,
    }
    Partition.objects.update(reservations=[reservation])

    page = read(as_ada, address)

    assert "The factory is being maintained" in page
    assert "on it can be chosen again" in page


def test_a_cohort_without_any_place_is_told_so(as_ada: Client, address: str, small: Flavour) -> None:
    small.partition.allocations.all().delete()

    page = read(as_ada, address)

    assert "Your cohort has no place at a factory" in page
    assert 'id="lab-start"' not in page


def test_without_slurm_nothing_is_said_of_places(as_ada: Client, address: str) -> None:
    page = read(as_ada, address)

    assert 'id="lab-start"' in page
    assert "lab-place" not in page
    assert 'name="place"' not in page


def test_the_page_is_drawn_anew_when_a_wait_has_changed(
    as_ada: Client, address: str, enrolment: Enrolment, small: Flavour
) -> None:
    before = as_ada.get(f"{address}lab").context["lab"].version
    assert as_ada.get(f"{address}lab").context["lab"].version == before

    Flavour.objects.update(expected_wait_seconds=0)

    assert as_ada.get(f"{address}lab").context["lab"].version != before


@pytest.fixture
def waiting(make_session: MakeSession, small: Flavour) -> LabSession:
    return make_session(SessionStatus.SPAWNING, flavour=small, asked_at=timezone.now())


def test_who_waits_can_go_elsewhere_in_two_presses(
    as_ada: Client, waiting: LabSession, small: Flavour, gpu: Flavour
) -> None:
    page = as_ada.get(session_page(waiting)).content.decode()
    assert "Athens gpu" in page
    assert 'value="athens/gpu/one"' in page
    assert 'value="kajaani/small-g/one"' not in page

    response = as_ada.post(session_page(waiting, "move"), {"place": "athens/gpu/one"})

    waiting.refresh_from_db()
    assert response.headers["Location"] == session_page(waiting)
    assert waiting.status == SessionStatus.STOPPING


def test_what_was_chosen_is_offered_when_the_place_is_given_up(
    as_ada: Client, address: str, waiting: LabSession, small: Flavour, gpu: Flavour
) -> None:
    Flavour.objects.filter(pk=gpu.pk).update(expected_wait_seconds=9999)
    as_ada.post(session_page(waiting, "move"), {"place": "athens/gpu/one"})
    LabSession.objects.update(status=SessionStatus.STOPPED, ended_at=timezone.now())

    for page in (as_ada.get(session_page(waiting)).content.decode(), read(as_ada, address)):
        assert "Athens gpu</strong>: 1 GPU, starts in about 2 h 47 min." in page
        assert 'value="athens/gpu/one" form="lab-start-form" checked' in page


def test_one_can_only_go_where_the_cohort_may(
    as_ada: Client, as_eve: Client, waiting: LabSession, gpu: Flavour
) -> None:
    assert as_ada.post(session_page(waiting, "move"), {"place": "athens/gpu/all"}).status_code == 404
    assert as_ada.post(session_page(waiting, "move")).status_code == 404
    assert as_eve.post(session_page(waiting, "move"), {"place": "athens/gpu/one"}).status_code == 404
    assert as_ada.get(session_page(waiting, "move")).status_code == 405
    waiting.refresh_from_db()
    assert waiting.status == SessionStatus.SPAWNING


def test_many_places_cost_the_page_as_many_queries_as_one(
    as_ada: Client,
    address: str,
    enrolment: Enrolment,
    small: Flavour,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    one = count_queries(lambda: read(as_ada, address))
    for number in range(5):
        allow(enrolment, small.partition.hub, f"other-{number}", wait=number * 100)

    assert count_queries(lambda: read(as_ada, address)) == one
