"""A factory's GPUs as its staff see them."""

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Cohort, User
from labs.models import Hub, LabUnit, Partition
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db

ADDRESS = "/factories/kajaani/gpus/"
PARTS = [ADDRESS, f"{ADDRESS}now", f"{ADDRESS}usage"]


@pytest.fixture
def slurm(lab_unit: LabUnit) -> Hub:
    now = timezone.now()
    hub = Hub.objects.get(factory__slug="kajaani")
    Hub.objects.filter(pk=hub.pk).update(has_slurm=True, slurm_answered_at=now, queue_read_at=now)
    hub.refresh_from_db()
    return hub


@pytest.fixture
def partition(slurm: Hub) -> Partition:
    partition: Partition = make.PartitionFactory.create(
        hub=slurm, name="small-g", gpus_total=16, gpus_used=7, gpus_free=9
    )
    return partition


@pytest.fixture
def as_staff(staff: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(staff)


def show(client: Client, address: str = ADDRESS) -> str:
    return html.unescape(client.get(address).content.decode())


def charts(page: str) -> list[dict[str, object]]:
    return [json.loads(found) for found in re.findall(r'data-chart="({.*?})"', page)]


@pytest.mark.parametrize("address", PARTS)
def test_it_is_for_the_staff_of_the_factory_and_administrators(
    slurm: Hub,
    ben: User,
    eve: User,
    staff: User,
    administrator: User,
    sign_in: Callable[[User], Client],
    address: str,
) -> None:
    seen = {person: sign_in(person).get(address).status_code for person in (ben, eve, staff, administrator)}

    assert seen == {ben: 404, eve: 404, staff: 200, administrator: 200}


@pytest.mark.parametrize("address", PARTS)
def test_it_is_only_looked_at(slurm: Hub, as_staff: Client, address: str) -> None:
    assert as_staff.post(address).status_code == 405


def test_a_partition_is_shown_as_a_table_and_a_chart(partition: Partition, as_staff: Client) -> None:
    make.SlurmJobFactory.create(hub=partition.hub, gpus=3, started_at=timezone.now())

    page = show(as_staff)

    chart, *_ = charts(page)
    assert chart["labels"] == ["small-g"]
    assert [each["values"] for each in chart["series"]] == [[3], [4], [9], [0]]  # type: ignore[attr-defined]
    row = page.partition('<th scope="row">small-g')[2].partition("</tr>")[0]
    assert re.findall(r'<td class="num">(\d+)</td>', row)[:4] == ["7", "3", "9", "16"]


def test_what_the_site_has_not_confirmed_is_marked(partition: Partition, as_staff: Client) -> None:
    assert "not confirmed by the site" not in show(as_staff)
    Partition.objects.update(is_unconfirmed=True, is_up=False)

    assert "not confirmed by the site" in show(as_staff)
    assert "badge-bad" in show(as_staff)


def test_sizes_that_are_offered_are_listed_with_their_wait(partition: Partition, as_staff: Client) -> None:
    make.FlavourFactory.create(partition=partition, slug="one", expected_wait_seconds=None)
    make.FlavourFactory.create(partition=partition, slug="two", expected_wait_seconds=600)
    make.FlavourFactory.create(partition=partition, slug="gone", is_offered=False)

    page = show(as_staff)

    assert "<td>one</td>" in page
    assert "10 min" in page
    assert "gone" not in page


def test_reservations_are_listed_and_maintenance_is_said(partition: Partition, as_staff: Client) -> None:
    assert "None is on, and none is announced." in show(as_staff)
    now, hour = timezone.now(), timedelta(hours=1)
    times = {"starts_at": (now - hour).isoformat(), "ends_at": (now + hour).isoformat()}
    kept = {"name": "upgrade", "nodes": 2, "accounts": [], "is_maintenance": True, **times}
    Partition.objects.update(reservations=[kept])

    page = show(as_staff)

    assert "upgrade" in page
    assert "There is maintenance now." in page


def test_who_waits_is_named_with_place_reason_and_expected_start(
    slurm: Hub, cohort: Cohort, make_session: MakeSession, as_staff: Client
) -> None:
    session = make_session(SessionStatus.SPAWNING)
    make.SlurmJobFactory.create(hub=slurm, session=session, place=4, reason="Priority")

    row = show(as_staff).partition('<th scope="row">Ada</th>')[2].partition("</tr>")[0]

    assert '<td class="num">4</td>' in row
    assert cohort.name in row
    assert "Priority" in row
    assert "not known yet" in row


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Slurm answers: this is its word of"),
        ({"slurm_answered_at": timedelta(minutes=5)}, "Slurm last answered at"),
        ({"slurm_answered_at": None}, "Slurm has never answered this hub."),
        ({"down_since": timedelta()}, "The hub has not answered since"),
        ({"has_slurm": False}, "This factory’s hub has no Slurm."),
    ],
)
def test_how_old_the_word_of_hub_and_slurm_is_comes_first(
    slurm: Hub, as_staff: Client, changes: dict[str, object], words: str
) -> None:
    """A time is said as how long ago it was: a table of tests is read long before they run."""
    now = timezone.now()
    Hub.objects.filter(pk=slurm.pk).update(
        **{name: now - value if isinstance(value, timedelta) else value for name, value in changes.items()}
    )

    assert words in show(as_staff)


def test_what_a_page_shows_already_is_not_sent_again(partition: Partition, as_staff: Client) -> None:
    address = re.findall(r'hx-get="([^"]+now[^"]+)"', show(as_staff))[0]
    assert as_staff.get(address).status_code == 204

    Partition.objects.update(is_up=False)
    answer = as_staff.get(address)
    assert answer.status_code == 200
    assert "The state of a partition has changed." in answer.content.decode()


def test_new_figures_are_shown_and_not_read_out(partition: Partition, as_staff: Client) -> None:
    address = re.findall(r'hx-get="([^"]+now[^"]+)"', show(as_staff))[0]
    Hub.objects.update(slurm_answered_at=timezone.now() + timedelta(seconds=15))

    answer = as_staff.get(address)

    assert answer.status_code == 200
    assert "gpus-announcement" not in answer.content.decode()


def test_hours_waits_and_failures_are_told(
    slurm: Hub, cohort: Cohort, make_session: MakeSession, as_staff: Client
) -> None:
    now = timezone.now()
    session = make_session(SessionStatus.FAILED, reason="server_lost", ended_at=now)
    make.SlurmJobFactory.create(
        hub=slurm,
        session=session,
        weight=2,
        submitted_at=now - timedelta(minutes=75),
        started_at=now - timedelta(minutes=60),
        ended_at=now,
    )

    page = show(as_staff)

    assert "15 min" in page
    assert ">2.0</td>" in page
    assert f'/teach/{cohort.public_id}/">{cohort.name}</a>' in page
    assert "The server ended by itself" in page
    assert len(charts(page)) == 2  # of GPUs over time, of GPU-hours by cohort


def test_the_factory_page_leads_to_it(slurm: Hub, as_staff: Client) -> None:
    assert f'href="{ADDRESS}"' in show(as_staff, "/factories/kajaani/")
