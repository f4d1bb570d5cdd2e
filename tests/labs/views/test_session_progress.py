"""A session's page on the way to a lab and to its end: steps, a bar, what hinders it, what the tab says."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labs.models import Hub, LabSession
from labs.states import SessionStatus
from tests.labs.views.conftest import MakeSession, session_page

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(days=1)


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

    steps = as_ada.get(session_page(make_session(**times), "status")).context["steps"]

    assert [step.name for step in steps if step.state == "now"] == [now]


def test_a_request_that_the_factory_does_not_take_is_explained(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.SPAWNING, requested_at=timezone.now() - timedelta(minutes=1))

    page = as_ada.get(session_page(session)).content.decode()

    assert "The factory does not answer at the moment." in page


def test_a_stop_that_takes_long_is_explained(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.STOPPING, stop_requested_at=timezone.now() - timedelta(seconds=50))
    assert "longer than usual" not in as_ada.get(session_page(session)).content.decode()
    version = as_ada.get(session_page(session)).context["version"]

    LabSession.objects.update(stop_requested_at=timezone.now() - timedelta(seconds=70))

    assert (
        "longer than usual" in as_ada.get(session_page(session, "status"), {"seen": version}).content.decode()
    )


def test_a_failure_is_said_in_a_sentence_with_the_step_where_it_happened(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.FAILED, reason="server_did_not_start", asked_at=timezone.now())

    response = as_ada.get(session_page(session))

    assert "Your server did not start." in response.content.decode()
    assert [step.state for step in response.context["steps"]] == ["done", "failed", "todo", "todo"]


def test_the_title_changes_when_the_session_gets_ready(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    version = as_ada.get(session_page(session)).context["version"]

    assert "<title>Ready: Practise" in as_ada.get(session_page(session, "status")).content.decode()
    assert as_ada.get(session_page(session, "status"), {"seen": version}).status_code == 204


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": SessionStatus.REQUESTED}, "Starting: Practise"),
        ({"status": SessionStatus.SPAWNING}, "Starting: Practise"),
        ({"status": SessionStatus.READY}, "Ready: Practise"),
        ({"status": SessionStatus.STOPPING}, "Stopping: Practise"),
        ({"status": SessionStatus.STOPPING, "is_restarting": True}, "Restarting: Practise"),
        ({"status": SessionStatus.STOPPED}, "Ended: Practise"),
        ({"status": SessionStatus.FAILED}, "Ended: Practise"),
    ],
)
def test_the_tab_says_how_the_session_is(
    as_ada: Client, make_session: MakeSession, fields: dict[str, Any], words: str
) -> None:
    session = make_session(**fields)

    assert f"<title>{words}" in as_ada.get(session_page(session)).content.decode()
    assert f"<title>{words}" in as_ada.get(session_page(session, "status")).content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": SessionStatus.REQUESTED}, "Step 1 of 4"),
        ({"status": SessionStatus.SPAWNING, "asked_at": timezone.now()}, "Step 2 of 4"),
        ({"status": SessionStatus.STOPPING}, "Step 2 of 3"),
    ],
)
def test_a_way_that_is_under_way_has_a_bar_with_words(
    as_ada: Client, make_session: MakeSession, fields: dict[str, Any], words: str
) -> None:
    page = as_ada.get(session_page(make_session(**fields), "status")).content.decode()

    assert words in page
    assert re.search(r"<progress value=", page)


def test_news_of_a_session_have_the_top_bar_look_again(as_ada: Client, make_session: MakeSession) -> None:
    answer = as_ada.get(session_page(make_session(), "status"), {"seen": "x.y"})

    assert answer.headers["HX-Trigger"] == "paja:sessions"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (SessionStatus.REQUESTED, "Your start is kept and goes on by itself when Kajaani is back."),
        (SessionStatus.READY, "What is open in JupyterLab may go on working."),
        (SessionStatus.STOPPING, "It is saved and your lab is stopped when Kajaani is back."),
        (SessionStatus.STOPPED, "You can press Start: it is kept"),
    ],
)
def test_a_factory_that_is_down_is_said_with_what_it_means(
    as_ada: Client, make_session: MakeSession, status: SessionStatus, words: str
) -> None:
    session = make_session(status)
    Hub.objects.update(down_since=timezone.now())

    page = as_ada.get(session_page(session)).content.decode()

    assert "Kajaani has not answered since" in page
    assert words in page


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"down_since": timezone.now()}, "your lab starts anew when Kajaani is back."),
        ({"answered_at": LONG_AGO}, "your lab starts anew as soon as Paja has caught up."),
    ],
)
def test_a_restart_that_has_to_wait_is_still_a_restart(
    as_ada: Client, make_session: MakeSession, trouble: dict[str, datetime], words: str
) -> None:
    session = make_session(SessionStatus.STOPPING, is_restarting=True)
    Hub.objects.update(**trouble)

    assert words in as_ada.get(session_page(session)).content.decode()


@pytest.mark.parametrize("status", [SessionStatus.SPAWNING, SessionStatus.STOPPING])
def test_a_factory_that_is_down_lets_nobody_promise_how_long_it_takes(
    as_ada: Client, make_session: MakeSession, status: SessionStatus
) -> None:
    session = make_session(status, asked_at=timezone.now())
    assert "This usually takes" in as_ada.get(session_page(session)).content.decode()

    Hub.objects.update(down_since=timezone.now())
    assert "usually" not in as_ada.get(session_page(session)).content.decode()


def test_a_browser_can_be_asked_to_tell_while_the_lab_starts(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.SPAWNING)
    assert f'data-tell="{session.public_id}"' in as_ada.get(session_page(session)).content.decode()
    assert "data-news=" not in as_ada.get(session_page(session)).content.decode()

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.READY, ready_at=timezone.now())
    page = as_ada.get(session_page(session)).content.decode()
    assert "data-tell=" not in page
    assert f'data-news="{session.public_id}" data-news-title="Ready: Practise"' in page
