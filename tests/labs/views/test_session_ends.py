"""A session's page after its end: why it ended, what Paja kept, and the session that follows."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, session_page

pytestmark = pytest.mark.django_db


def test_a_page_that_follows_a_restart_goes_on_to_the_new_session(
    as_ada: Client, make_session: MakeSession
) -> None:
    old = make_session(SessionStatus.STOPPED, is_restarting=True, ended_at=timezone.now())
    new = make_session(SessionStatus.REQUESTED)

    assert as_ada.get(session_page(old, "status")).headers["HX-Redirect"] == session_page(new)
    page = as_ada.get(session_page(old)).content.decode()
    assert f'href="{session_page(new)}"' in page
    assert "Start lab again" not in page


def test_a_stop_is_no_restart(as_ada: Client, make_session: MakeSession) -> None:
    old = make_session(SessionStatus.STOPPED, ended_at=timezone.now())
    make_session(SessionStatus.REQUESTED)

    assert "HX-Redirect" not in as_ada.get(session_page(old, "status")).headers


@pytest.mark.parametrize(
    ("fields", "words", "is_calm"),
    [
        ({"status": SessionStatus.STOPPED, "stop_reason": "idle"}, "Nothing ran and nothing was saved", True),
        ({"status": SessionStatus.STOPPED, "stop_reason": "time_over"}, "The time of your session", True),
        ({"status": SessionStatus.FAILED, "reason": "server_lost"}, "Your server ended by itself", True),
        ({"status": SessionStatus.FAILED, "reason": "spawn_rejected"}, "refused to start", False),
    ],
)
def test_an_end_that_nobody_pressed_for_is_explained_and_alarms_only_where_it_should(
    as_ada: Client, make_session: MakeSession, fields: dict[str, Any], words: str, is_calm: bool
) -> None:
    session = make_session(ready_at=timezone.now(), ended_at=timezone.now(), **fields)

    page = as_ada.get(session_page(session)).content.decode()

    assert words in page
    assert ("notice-bad" not in page) == is_calm


def test_ones_own_stop_needs_no_explanation(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.STOPPED, stop_reason="stop_requested", ended_at=timezone.now())

    assert as_ada.get(session_page(session)).context["ending"].sentence == ""


def test_a_session_that_has_ended_says_what_paja_kept(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.FAILED, reason="server_lost", ready_at=timezone.now())
    make.SnapshotFactory.create(workspace=session.workspace)

    assert "Paja keeps your work as it was saved at" in as_ada.get(session_page(session)).content.decode()
