"""Starting a lab from its unit's page, also where a factory's limit of sessions is reached."""

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from courses.models import Enrolment
from labs.models import LabSession
from labs.states import SessionStatus
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db


def test_a_learner_with_as_many_labs_as_may_be_is_offered_their_stops(
    as_ada: Client, address: str, crowd: LabSession
) -> None:
    response = as_ada.get(f"{address}lab")
    page = response.content.decode()

    assert response.status_code == 200  # it looks again until one has stopped
    assert "Stop it to start this one" in page
    assert "Serve a model" in page
    assert f'action="/labs/sessions/{crowd.public_id}/stop"' in page
    assert 'id="lab-start"' not in page

    stopped = as_ada.post(f"/labs/sessions/{crowd.public_id}/stop", {"next": address})
    assert stopped.headers["Location"] == address
    assert "stopping" in as_ada.get(f"{address}lab").content.decode()

    LabSession.objects.update(status=SessionStatus.STOPPED)
    assert 'id="lab-start"' in as_ada.get(f"{address}lab").content.decode()


def test_a_lab_that_runs_itself_is_no_reason_to_stop_others(
    as_ada: Client, address: str, crowd: LabSession, make_session: MakeSession
) -> None:
    make_session()

    assert as_ada.get(f"{address}lab").context["lab"].crowd == ()


def test_a_start_beyond_the_limit_is_refused_with_what_to_do(
    as_ada: Client, address: str, crowd: LabSession
) -> None:
    response = as_ada.post(f"{address}start")

    assert response.headers["Location"] == address
    assert not LabSession.objects.exclude(pk=crowd.pk).exists()
    (message,) = get_messages(response.wsgi_request)
    assert message.level_tag == "warning"


def test_start_makes_one_session_and_leads_to_it(as_ada: Client, address: str) -> None:
    first = as_ada.post(f"{address}start")
    second = as_ada.post(f"{address}start")

    session = LabSession.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == f"/labs/sessions/{session.public_id}/"


def test_a_refused_start_leads_back_with_a_sentence(
    as_ada: Client, address: str, enrolment: Enrolment
) -> None:
    enrolment.cohort.ends_at = timezone.now() - timedelta(hours=1)
    enrolment.cohort.save()

    response = as_ada.post(f"{address}start")

    assert response.headers["Location"] == address
    (message,) = get_messages(response.wsgi_request)
    assert "This cohort has ended" in message.message
    assert not LabSession.objects.exists()


def test_a_unit_without_a_lab_cannot_be_started(as_ada: Client, enrolment: Enrolment) -> None:
    assert as_ada.post(f"/learn/{enrolment.cohort.public_id}/read/start").status_code == 404
