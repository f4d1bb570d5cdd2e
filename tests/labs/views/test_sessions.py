"""A session's page: followed from request to ready, opened, stopped, seen by its learner alone."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import User
from labs.models import LabRelease, LabSession
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db


def address_of(session: LabSession, part: str = "") -> str:
    return f"/labs/sessions/{session.public_id}/{part}"


@pytest.mark.parametrize("status", SessionStatus)
def test_every_state_has_a_page(as_ada: Client, make_session: MakeSession, status: SessionStatus) -> None:
    response = as_ada.get(address_of(make_session(status)))

    assert response.status_code == 200
    assert "Practise" in response.content.decode()


@pytest.mark.parametrize("status", SessionStatus)
def test_polling_ends_with_the_session(
    as_ada: Client, make_session: MakeSession, status: SessionStatus
) -> None:
    session = make_session(status)

    assert as_ada.get(address_of(session, "status")).status_code == (200 if session.is_active else 286)


@pytest.mark.parametrize(
    ("fields", "now"),
    [
        ({"status": SessionStatus.REQUESTED}, "Requested"),
        ({"status": SessionStatus.SPAWNING}, "Requested"),
        ({"status": SessionStatus.SPAWNING, "asked_at": 1}, "Starting at LUMI AI Factory"),
        (
            {"status": SessionStatus.SPAWNING, "asked_at": 1, "delivery_claimed_at": 1},
            "Putting your files in place",
        ),
    ],
)
def test_the_step_that_the_start_is_at_is_marked(
    as_ada: Client, make_session: MakeSession, fields: dict[str, object], now: str
) -> None:
    times = {name: timezone.now() if value == 1 else value for name, value in fields.items()}

    steps = as_ada.get(address_of(make_session(**times), "status")).context["steps"]

    assert [step.name for step in steps if step.state == "now"] == [now]


def test_a_request_that_the_factory_does_not_take_is_explained(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.SPAWNING, requested_at=timezone.now() - timedelta(minutes=1))

    page = as_ada.get(address_of(session)).content.decode()

    assert "The factory does not answer at the moment." in page


def test_a_stop_that_takes_long_is_explained(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.STOPPING, stop_requested_at=timezone.now() - timedelta(seconds=50))
    assert "longer than usual" not in as_ada.get(address_of(session)).content.decode()
    version = as_ada.get(address_of(session)).context["version"]

    LabSession.objects.update(stop_requested_at=timezone.now() - timedelta(seconds=70))

    assert (
        "longer than usual" in as_ada.get(address_of(session, "status"), {"seen": version}).content.decode()
    )


def test_a_failure_is_said_in_a_sentence_with_the_step_where_it_happened(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.FAILED, reason="server_did_not_start", asked_at=timezone.now())

    response = as_ada.get(address_of(session))

    assert "Your server did not start." in response.content.decode()
    assert [step.state for step in response.context["steps"]] == ["done", "failed", "todo", "todo"]


def test_a_ready_session_says_when_the_work_was_saved(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(work_saved_at=timezone.now())

    assert "less than a minute ago" in as_ada.get(address_of(session)).content.decode()


def test_the_title_changes_when_the_session_gets_ready(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    version = as_ada.get(address_of(session)).context["version"]

    assert "<title>Ready: Practise" in as_ada.get(address_of(session, "status")).content.decode()
    assert as_ada.get(address_of(session, "status"), {"seen": version}).status_code == 204


def test_a_look_at_a_ready_session_has_its_work_looked_at(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()

    as_ada.get(address_of(session, "status"))

    session.refresh_from_db()
    assert session.visited_at is not None


@pytest.mark.parametrize(
    ("app", "place"), [("", "lab/tree"), ("lab", "lab/tree"), ("notebook", "notebooks"), ("no", "lab/tree")]
)
def test_open_leads_through_the_hub_to_the_notebook(
    as_ada: Client, make_session: MakeSession, app: str, place: str
) -> None:
    session = make_session()
    LabRelease.objects.filter(pk=session.release_id).update(learner_files={"öl & gas.ipynb": "1" * 64})

    url = urlsplit(as_ada.get(address_of(session, "open"), {"app": app}).headers["Location"])

    name = session.learner.hub_name
    assert f"{url.scheme}://{url.netloc}{url.path}" == "http://kajaani.localhost:8010/hub/open"
    assert parse_qs(url.query)["next"] == [
        f"/user/{name}/{session.server_name}/{place}/pipelines/practise/%C3%B6l%20%26%20gas.ipynb"
    ]


def test_the_last_choice_of_what_to_open_in_comes_first(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    assert as_ada.get(address_of(session)).context["app"] == "lab"

    as_ada.get(address_of(session, "open"), {"app": "notebook"})

    assert as_ada.get(address_of(session)).context["app"] == "notebook"
    assert "%2Fnotebooks%2F" in as_ada.get(address_of(session, "open")).headers["Location"]


@pytest.mark.parametrize("status", [status for status in SessionStatus if status != SessionStatus.READY])
def test_open_leads_back_while_there_is_nothing_to_open(
    as_ada: Client, make_session: MakeSession, status: SessionStatus
) -> None:
    session = make_session(status)

    assert as_ada.get(address_of(session, "open")).headers["Location"] == address_of(session)


def test_stop_stops_and_leads_back(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    session = make_session()

    response = as_ada.post(address_of(session, "stop"))

    session.refresh_from_db()
    assert response.headers["Location"] == address_of(session)
    assert session.status == SessionStatus.STOPPING
    assert session.events.get().actor == ada


def test_what_happened_is_told_in_sentences(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    make.LabSessionEventFactory.create(session=session, after=SessionStatus.READY, reason="files_in_place")

    assert "Your files are in place." in as_ada.get(address_of(session)).content.decode()


@pytest.mark.parametrize("part", ["", "status", "open"])
def test_nobody_else_sees_a_session(
    as_eve: Client, as_ben: Client, make_session: MakeSession, part: str
) -> None:
    session = make_session()

    assert as_eve.get(address_of(session, part)).status_code == 404
    assert as_ben.get(address_of(session, part)).status_code == 404


def test_nobody_else_stops_a_session(as_eve: Client, as_ben: Client, make_session: MakeSession) -> None:
    session = make_session()

    assert as_eve.post(address_of(session, "stop")).status_code == 404
    assert as_ben.post(address_of(session, "stop")).status_code == 404
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


def test_only_the_right_methods_are_answered(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()

    assert as_ada.get(address_of(session, "stop")).status_code == 405
    for part in ("", "status", "open"):
        assert as_ada.post(address_of(session, part)).status_code == 405
