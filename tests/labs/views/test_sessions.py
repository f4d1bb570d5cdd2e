"""A session's page: what can be pressed there, where it leads, and that its learner alone sees it."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import User
from labs.models import LabRelease, LabSession, Workspace
from labs.reasons import sentence_for
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession, session_page

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", SessionStatus)
def test_every_state_has_a_page(as_ada: Client, make_session: MakeSession, status: SessionStatus) -> None:
    response = as_ada.get(session_page(make_session(status)))

    assert response.status_code == 200
    assert "Practise" in response.content.decode()


@pytest.mark.parametrize("status", SessionStatus)
def test_polling_ends_with_the_session(
    as_ada: Client, make_session: MakeSession, status: SessionStatus
) -> None:
    session = make_session(status)

    assert as_ada.get(session_page(session, "status")).status_code == (200 if session.is_active else 286)


def test_a_ready_session_says_when_the_work_was_saved(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(work_saved_at=timezone.now())

    assert "less than a minute ago" in as_ada.get(session_page(session)).content.decode()


def test_a_look_at_a_ready_session_has_its_work_looked_at(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()

    as_ada.get(session_page(session, "status"))

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

    url = urlsplit(as_ada.get(session_page(session, "open"), {"app": app}).headers["Location"])

    name = session.learner.hub_name
    assert f"{url.scheme}://{url.netloc}{url.path}" == "http://kajaani.localhost:8010/hub/open"
    assert parse_qs(url.query)["next"] == [
        f"/user/{name}/{session.server_name}/{place}/pipelines/practise/%C3%B6l%20%26%20gas.ipynb"
    ]


def test_who_opens_the_lab_is_there(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.READY, warned_at=timezone.now())
    as_ada.get(session_page(session, "open"))
    session.refresh_from_db()
    assert session.warned_at is None


def test_the_last_choice_of_what_to_open_in_comes_first(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    assert as_ada.get(session_page(session)).context["app"] == "lab"

    as_ada.get(session_page(session, "open"), {"app": "notebook"})

    assert as_ada.get(session_page(session)).context["app"] == "notebook"
    assert "%2Fnotebooks%2F" in as_ada.get(session_page(session, "open")).headers["Location"]


@pytest.mark.parametrize("status", [status for status in SessionStatus if status != SessionStatus.READY])
def test_open_leads_back_while_there_is_nothing_to_open(
    as_ada: Client, make_session: MakeSession, status: SessionStatus
) -> None:
    session = make_session(status)

    assert as_ada.get(session_page(session, "open")).headers["Location"] == session_page(session)


def test_stop_stops_and_leads_back(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    session = make_session()

    response = as_ada.post(session_page(session, "stop"))

    session.refresh_from_db()
    assert response.headers["Location"] == session_page(session)
    assert session.status == SessionStatus.STOPPING
    assert session.events.get().actor == ada


def test_a_restart_that_has_no_place_is_refused_with_its_reason_and_the_session_goes_on(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.READY, flavour=make.FlavourFactory.create())

    page = as_ada.post(session_page(session, "restart"), follow=True)

    assert sentence_for("no_place_for_lab") in page.content.decode()
    session.refresh_from_db()
    assert (session.status, session.is_restarting) == (SessionStatus.READY, False)


def test_restart_stops_to_begin_anew(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    session = make_session()

    response = as_ada.post(session_page(session, "restart"))

    session.refresh_from_db()
    assert response.headers["Location"] == session_page(session)
    assert (session.status, session.is_restarting) == (SessionStatus.STOPPING, True)
    assert session.events.get().actor == ada
    assert "starting anew" in as_ada.get(session_page(session)).content.decode()


def test_work_that_cannot_be_copied_is_said(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    Workspace.objects.update(unsaved_reason="unsaved_too_large", unsaved_since=timezone.now())

    page = as_ada.get(session_page(session)).content.decode()

    assert "not all of your work is copied" in page
    assert "more than 50 MB" in page


@pytest.mark.parametrize("status", SessionStatus)
def test_an_authors_session_leads_back_to_the_source_and_knows_no_cohort(
    as_ben: Client, make_session: MakeSession, ben: User, status: SessionStatus
) -> None:
    learned = make_session(SessionStatus.STOPPED)
    workspace = make.WorkspaceFactory.create(owner=ben, lab=learned.lab, purpose=Workspace.Purpose.AUTHOR)
    session = LabSession.objects.create(
        workspace=workspace,
        learner=ben,
        lab=learned.lab,
        release=learned.release,
        hub=learned.hub,
        status=status,
        ready_at=timezone.now(),
    )

    page = as_ben.get(session_page(session)).content.decode()

    assert "Practise" in page
    assert "Submit" not in page
    assert "/learn/" not in page.partition("<main")[2]
    assert learned.enrolment is not None
    source = f"/teach/{learned.enrolment.cohort.public_id}/labs/practise/source/"
    assert f'href="{source}"' in page
    assert (f'action="{source}start"' in page) == (status in {SessionStatus.STOPPED, SessionStatus.FAILED})


def test_the_page_of_the_hub_leads_by_the_servers_name_to_the_session(
    as_ada: Client, as_eve: Client, make_session: MakeSession
) -> None:
    session = make_session()

    assert as_ada.get(f"/labs/servers/{session.server_name}/").headers["Location"] == session_page(session)
    assert as_eve.get(f"/labs/servers/{session.server_name}/").status_code == 404


@pytest.mark.parametrize(
    ("page", "goes_there"),
    [("/learn/x/y/", True), ("https://evil.example/", False), ("//evil.example", False)],
)
def test_a_press_leads_back_to_pages_of_ours_only(
    as_ada: Client, make_session: MakeSession, page: str, goes_there: bool
) -> None:
    session = make_session()

    for part in ("keep", "stop"):
        location = as_ada.post(session_page(session, part), {"next": page}).headers["Location"]
        assert location == (page if goes_there else session_page(session))


def test_the_page_costs_the_same_however_much_happened(
    as_ada: Client, make_session: MakeSession, ben: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    session = make_session()
    make.LabSessionEventFactory.create(session=session, actor=ben)
    few = count_queries(lambda: as_ada.get(session_page(session)))
    for _ in range(10):
        make.LabSessionEventFactory.create(session=session, actor=ben)

    assert count_queries(lambda: as_ada.get(session_page(session))) == few


def test_what_somebody_else_did_is_told_with_their_name(
    as_ada: Client, make_session: MakeSession, ben: User, ada: User
) -> None:
    session = make_session()
    make.LabSessionEventFactory.create(session=session, reason="stop_requested", actor=ada)
    assert [each.by for each in as_ada.get(session_page(session)).context["happenings"]] == [""]

    make.LabSessionEventFactory.create(session=session, reason="stop_requested", actor=ben)
    assert [each.by for each in as_ada.get(session_page(session)).context["happenings"]] == ["Ben", ""]


def test_what_happened_is_told_in_sentences(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    make.LabSessionEventFactory.create(session=session, after=SessionStatus.READY, reason="files_in_place")

    assert "Your files are in place." in as_ada.get(session_page(session)).content.decode()


@pytest.mark.parametrize("part", ["", "status", "open"])
def test_nobody_else_sees_a_session(
    as_eve: Client, as_ben: Client, make_session: MakeSession, part: str
) -> None:
    session = make_session()

    assert as_eve.get(session_page(session, part)).status_code == 404
    assert as_ben.get(session_page(session, part)).status_code == 404


@pytest.mark.parametrize("part", ["keep", "restart", "stop"])
def test_nobody_else_presses_the_buttons_of_a_session(
    as_eve: Client, as_ben: Client, make_session: MakeSession, part: str
) -> None:
    session = make_session()

    assert as_eve.post(session_page(session, part)).status_code == 404
    assert as_ben.post(session_page(session, part)).status_code == 404
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


def test_only_the_right_methods_are_answered(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()

    for part in ("keep", "restart", "stop"):
        assert as_ada.get(session_page(session, part)).status_code == 405
    for part in ("", "status", "open"):
        assert as_ada.post(session_page(session, part)).status_code == 405
