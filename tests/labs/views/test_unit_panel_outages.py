"""The lab's part of a unit's page while a factory is down, or Paja itself is behind."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from labs.models import Hub, LabSession, LabUnit
from labs.states import SessionStatus
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (SessionStatus.REQUESTED, "The factory does not answer at the moment."),
        (SessionStatus.STOPPING, "longer than usual"),
    ],
)
def test_a_factory_that_keeps_somebody_waiting_is_explained(
    as_ada: Client, address: str, make_session: MakeSession, status: SessionStatus, words: str
) -> None:
    now = timezone.now()
    session = make_session(status, requested_at=now, stop_requested_at=now)
    assert words not in as_ada.get(f"{address}lab").content.decode()

    long_ago = now - timedelta(minutes=5)
    LabSession.objects.filter(pk=session.pk).update(requested_at=long_ago, stop_requested_at=long_ago)
    assert words in as_ada.get(f"{address}lab").content.decode()


def test_a_factory_that_is_down_says_that_a_start_is_kept(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    Hub.objects.update(down_since=timezone.now())
    before = as_ada.get(f"{address}lab").content.decode()
    make_session(SessionStatus.REQUESTED)
    after = as_ada.get(f"{address}lab").content.decode()

    assert "Kajaani has not answered since" in before
    assert "You can press Start: it is kept" in before
    assert 'id="lab-start"' in before
    assert "Your start is kept" in after


def test_a_stop_that_waits_for_its_factory_promises_no_seconds(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(SessionStatus.STOPPING)
    before = as_ada.get(f"{address}lab").content.decode()
    Hub.objects.update(down_since=timezone.now())
    after = as_ada.get(f"{address}lab").content.decode()

    assert "a few seconds" in before
    assert "a few seconds" not in after
    assert "Your work is safe." in after


def test_a_factory_that_comes_back_is_a_new_version_of_the_panel(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(SessionStatus.REQUESTED)
    Hub.objects.update(down_since=timezone.now())
    version = as_ada.get(f"{address}lab").context["lab"].version

    Hub.objects.update(down_since=None)
    assert "has not answered" not in as_ada.get(f"{address}lab", {"seen": version}).content.decode()


def test_work_that_waits_in_paja_itself_is_not_blamed_on_the_factory(
    as_ada: Client, address: str, lab_unit: LabUnit
) -> None:
    Hub.objects.update(answered_at=timezone.now() - timedelta(minutes=5))

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Paja itself is behind with its work since" in page
    assert "Kajaani" not in page
