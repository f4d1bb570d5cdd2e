"""A session's page on time: how long it has run and may run, and the warnings before it ends."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import User
from labs.models import LabSession
from tests.labs.views.conftest import MakeSession, session_page

pytestmark = pytest.mark.django_db


def test_a_ready_session_says_how_long_it_has_run_and_still_may(
    as_ada: Client, make_session: MakeSession
) -> None:
    now = timezone.now()
    session = make_session(
        ready_at=now - timedelta(minutes=18), ends_at=now + timedelta(minutes=102, seconds=30)
    )

    page = as_ada.get(session_page(session)).content.decode()

    assert "Running for 18 min" in page
    assert "1 h 42 min left, until" in page


def test_a_minute_that_passes_redraws_the_page_without_a_word(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=102, seconds=30))
    version = as_ada.get(session_page(session)).context["version"]

    LabSession.objects.filter(pk=session.pk).update(ends_at=timezone.now() + timedelta(minutes=99, seconds=9))
    redrawn = as_ada.get(session_page(session, "status"), {"seen": version})

    assert redrawn.status_code == 200
    assert redrawn.context["is_changed"] is False
    assert "HX-Trigger" not in redrawn.headers


def test_a_session_without_activity_can_be_kept(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    long_ago = timezone.now() - timedelta(minutes=55)
    session = make_session(active_at=long_ago, warned_at=timezone.now())
    assert "Keep it running" in as_ada.get(session_page(session)).content.decode()

    response = as_ada.post(session_page(session, "keep"))

    assert response.headers["Location"] == session_page(session)
    session.refresh_from_db()
    assert session.warned_at is None
    assert session.active_at is not None
    assert session.active_at > long_ago
    assert session.events.get().actor == ada
    assert "Keep it running" not in as_ada.get(session_page(session)).content.decode()


@pytest.mark.parametrize(("minutes", "words"), [(20, None), (14, "13 min left"), (4, "3 min left")])
def test_the_end_of_the_time_is_warned_of(
    as_ada: Client, make_session: MakeSession, minutes: int, words: str | None
) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=minutes) - timedelta(seconds=20))

    page = as_ada.get(session_page(session)).content.decode()

    assert ("Your lab’s time ends at" in page) == (words is not None)
    assert words is None or f"<strong>{words}.</strong>" in page


def test_a_warning_is_announced(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=20))
    version = as_ada.get(session_page(session)).context["version"]
    LabSession.objects.filter(pk=session.pk).update(ends_at=timezone.now() + timedelta(minutes=12, seconds=9))

    answer = as_ada.get(session_page(session, "status"), {"seen": version})

    assert answer.context["is_changed"] is True
    assert "12 min left" in answer.content.decode().partition("session-announcement")[2]
