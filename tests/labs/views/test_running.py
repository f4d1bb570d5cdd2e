"""Running sessions in the top bar of every page: counted, named, asked for gently, announced once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Enrolment, User
from labs.models import LabSession, Workspace
from labs.states import SessionStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db

ADDRESS = "/labs/running/"


def seen_by(client: Client) -> str:
    """The version that a page has now."""
    version: str = client.get("/courses/").context["running"].version
    return version


def test_a_person_without_sessions_is_not_shown_any(as_ada: Client, enrolment: Enrolment) -> None:
    page = as_ada.get("/courses/").content.decode()

    assert "running-chip" not in page
    assert "/labs/running/" not in page


def test_every_page_shows_where_a_lab_runs_and_the_ways_to_it(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=102, seconds=30))

    page = as_ada.get("/courses/").content.decode()

    assert "Practise" in page
    assert "Kajaani · ready" in page
    assert "1 h 42 min left" in page
    assert f'href="/labs/sessions/{session.public_id}/"' in page
    assert session.enrolment is not None
    assert f'href="/learn/{session.enrolment.cohort.public_id}/practise/"' in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": SessionStatus.REQUESTED}, "starting"),
        ({"status": SessionStatus.SPAWNING}, "starting"),
        ({"status": SessionStatus.STOPPING}, "stopping"),
        ({"status": SessionStatus.STOPPING, "is_restarting": True}, "restarting"),
        ({}, "ready"),
    ],
)
def test_a_session_is_said_in_a_word(
    as_ada: Client, make_session: MakeSession, fields: dict[str, Any], words: str
) -> None:
    make_session(**fields)

    assert f"Kajaani · {words}" in as_ada.get("/courses/").content.decode()


def test_an_end_that_is_near_stands_in_the_bar(as_ada: Client, make_session: MakeSession) -> None:
    make_session(ends_at=timezone.now() + timedelta(minutes=12, seconds=30))

    assert "Lab: </span>12 min left" in as_ada.get("/courses/").content.decode()


def test_a_stop_for_want_of_activity_stands_in_the_bar_too(as_ada: Client, make_session: MakeSession) -> None:
    now = timezone.now()
    make_session(
        active_at=now - timedelta(minutes=53, seconds=30),
        warned_at=now - timedelta(minutes=4),
        ends_at=now + timedelta(minutes=50),
    )

    page = as_ada.get("/courses/").content.decode()

    assert "Lab: </span>6 min left" in page
    assert "Nothing happens in it. It stops at" in page


def test_several_labs_are_counted(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    make_session()
    make.LabSessionFactory.create(enrolment__learner=ada)

    assert "2 labs, 1 ready" in as_ada.get("/courses/").content.decode()


def test_the_sessions_of_others_are_theirs(as_eve: Client, make_session: MakeSession) -> None:
    make_session()

    assert "Practise" not in as_eve.get("/courses/").content.decode()


def test_an_author_has_no_lab_page_to_go_to(as_ben: Client, make_session: MakeSession, ben: User) -> None:
    learned = make_session(SessionStatus.STOPPED)
    workspace = make.WorkspaceFactory.create(owner=ben, lab=learned.lab, purpose=Workspace.Purpose.AUTHOR)
    LabSession.objects.create(
        workspace=workspace, learner=ben, lab=learned.lab, release=learned.release, hub=learned.hub
    )

    page = as_ben.get("/courses/").content.decode()

    assert "Practise" in page
    assert "Lab’s page" not in page


def test_a_page_costs_the_same_however_many_sessions_run(
    as_ada: Client, make_session: MakeSession, ada: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    make_session(warned_at=timezone.now(), active_at=timezone.now())
    with_one = count_queries(lambda: as_ada.get("/courses/"))
    for _ in range(4):
        enrolment = make_courses.EnrolmentFactory.create(learner=ada)
        make.LabSessionFactory.create(
            enrolment=enrolment,
            status=SessionStatus.READY,
            warned_at=timezone.now(),
            active_at=timezone.now(),
        )

    assert count_queries(lambda: as_ada.get("/courses/")) == with_one


def test_it_is_asked_for_more_often_while_something_starts(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.SPAWNING)
    assert "every 5s" in as_ada.get(ADDRESS).content.decode()

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.READY)
    assert "every 30s" in as_ada.get(ADDRESS).content.decode()


def test_asking_ends_when_nothing_runs(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    version = seen_by(as_ada)
    assert as_ada.get(ADDRESS, {"seen": version}).status_code == 204

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.STOPPED)
    ended = as_ada.get(ADDRESS, {"seen": version})
    assert ended.status_code == 286
    assert "hx-get" not in ended.content.decode()


def test_a_session_that_becomes_ready_is_announced_once(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.SPAWNING)
    before = seen_by(as_ada)
    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.READY, ready_at=timezone.now())

    told = as_ada.get(ADDRESS, {"seen": before})
    again = as_ada.get(ADDRESS, {"seen": seen_by(as_ada).replace(".", ".0")})

    assert [item.session for item in told.context["news"]] == [session]
    assert "Practise: ready" in told.content.decode()
    assert again.context["news"] == []


def test_a_session_that_is_about_to_end_is_announced(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=20))
    before = seen_by(as_ada)
    LabSession.objects.filter(pk=session.pk).update(ends_at=timezone.now() + timedelta(minutes=14))

    assert [item.session for item in as_ada.get(ADDRESS, {"seen": before}).context["news"]] == [session]


def test_a_session_that_stops_is_not_announced(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    before = seen_by(as_ada)
    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.STOPPING)

    assert as_ada.get(ADDRESS, {"seen": before}).context["news"] == []


def test_the_sessions_own_page_and_its_labs_tell_their_news_themselves(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session()
    assert session.enrolment is not None
    pages = (
        f"/labs/sessions/{session.public_id}/",
        f"/learn/{session.enrolment.cohort.public_id}/practise/",
    )

    for page in pages:
        asked = as_ada.get(ADDRESS, {"seen": "x"}, headers={"HX-Current-URL": f"http://testserver{page}"})
        assert asked.context["news"] == []


def test_only_get_is_answered(as_ada: Client) -> None:
    assert as_ada.post(ADDRESS).status_code == 405
