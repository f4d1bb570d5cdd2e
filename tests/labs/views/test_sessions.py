"""A session's page: followed from request to ready, opened, stopped, seen by its learner alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import User
from labs.models import Hub, LabRelease, LabSession, Workspace
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


def test_who_opens_the_lab_is_there(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.READY, warned_at=timezone.now())
    as_ada.get(address_of(session, "open"))
    session.refresh_from_db()
    assert session.warned_at is None


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

    assert f"<title>{words}" in as_ada.get(address_of(session)).content.decode()
    assert f"<title>{words}" in as_ada.get(address_of(session, "status")).content.decode()


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
    page = as_ada.get(address_of(make_session(**fields), "status")).content.decode()

    assert words in page
    assert re.search(r"<progress value=", page)


def test_a_ready_session_says_how_long_it_has_run_and_still_may(
    as_ada: Client, make_session: MakeSession
) -> None:
    now = timezone.now()
    session = make_session(
        ready_at=now - timedelta(minutes=18), ends_at=now + timedelta(minutes=102, seconds=30)
    )

    page = as_ada.get(address_of(session)).content.decode()

    assert "Running for 18 min" in page
    assert "1 h 42 min left, until" in page


def test_a_minute_that_passes_redraws_the_page_without_a_word(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=102, seconds=30))
    version = as_ada.get(address_of(session)).context["version"]

    LabSession.objects.filter(pk=session.pk).update(ends_at=timezone.now() + timedelta(minutes=99, seconds=9))
    redrawn = as_ada.get(address_of(session, "status"), {"seen": version})

    assert redrawn.status_code == 200
    assert redrawn.context["is_changed"] is False
    assert "HX-Trigger" not in redrawn.headers


def test_news_of_a_session_have_the_top_bar_look_again(as_ada: Client, make_session: MakeSession) -> None:
    answer = as_ada.get(address_of(make_session(), "status"), {"seen": "x.y"})

    assert answer.headers["HX-Trigger"] == "paja:sessions"


def test_a_session_without_activity_can_be_kept(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    long_ago = timezone.now() - timedelta(minutes=55)
    session = make_session(active_at=long_ago, warned_at=timezone.now())
    assert "Keep it running" in as_ada.get(address_of(session)).content.decode()

    response = as_ada.post(address_of(session, "keep"))

    assert response.headers["Location"] == address_of(session)
    session.refresh_from_db()
    assert session.warned_at is None
    assert session.active_at is not None
    assert session.active_at > long_ago
    assert session.events.get().actor == ada
    assert "Keep it running" not in as_ada.get(address_of(session)).content.decode()


@pytest.mark.parametrize(("minutes", "words"), [(20, None), (14, "13 min left"), (4, "3 min left")])
def test_the_end_of_the_time_is_warned_of(
    as_ada: Client, make_session: MakeSession, minutes: int, words: str | None
) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=minutes) - timedelta(seconds=20))

    page = as_ada.get(address_of(session)).content.decode()

    assert ("Your lab’s time ends at" in page) == (words is not None)
    assert words is None or f"<strong>{words}.</strong>" in page


def test_a_warning_is_announced(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(ends_at=timezone.now() + timedelta(minutes=20))
    version = as_ada.get(address_of(session)).context["version"]
    LabSession.objects.filter(pk=session.pk).update(ends_at=timezone.now() + timedelta(minutes=12, seconds=9))

    answer = as_ada.get(address_of(session, "status"), {"seen": version})

    assert answer.context["is_changed"] is True
    assert "12 min left" in answer.content.decode().partition("session-announcement")[2]


def test_restart_stops_to_begin_anew(as_ada: Client, make_session: MakeSession, ada: User) -> None:
    session = make_session()

    response = as_ada.post(address_of(session, "restart"))

    session.refresh_from_db()
    assert response.headers["Location"] == address_of(session)
    assert (session.status, session.is_restarting) == (SessionStatus.STOPPING, True)
    assert session.events.get().actor == ada
    assert "starting anew" in as_ada.get(address_of(session)).content.decode()


def test_a_page_that_follows_a_restart_goes_on_to_the_new_session(
    as_ada: Client, make_session: MakeSession
) -> None:
    old = make_session(SessionStatus.STOPPED, is_restarting=True, ended_at=timezone.now())
    new = make_session(SessionStatus.REQUESTED)

    assert as_ada.get(address_of(old, "status")).headers["HX-Redirect"] == address_of(new)
    page = as_ada.get(address_of(old)).content.decode()
    assert f'href="{address_of(new)}"' in page
    assert "Start lab again" not in page


def test_a_stop_is_no_restart(as_ada: Client, make_session: MakeSession) -> None:
    old = make_session(SessionStatus.STOPPED, ended_at=timezone.now())
    make_session(SessionStatus.REQUESTED)

    assert "HX-Redirect" not in as_ada.get(address_of(old, "status")).headers


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

    page = as_ada.get(address_of(session)).content.decode()

    assert words in page
    assert ("notice-bad" not in page) == is_calm


def test_ones_own_stop_needs_no_explanation(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.STOPPED, stop_reason="stop_requested", ended_at=timezone.now())

    assert as_ada.get(address_of(session)).context["ending"].sentence == ""


def test_a_session_that_has_ended_says_what_paja_kept(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session(SessionStatus.FAILED, reason="server_lost", ready_at=timezone.now())
    make.SnapshotFactory.create(workspace=session.workspace)

    assert "Paja keeps your work as it was saved at" in as_ada.get(address_of(session)).content.decode()


def test_work_that_cannot_be_copied_is_said(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()
    Workspace.objects.update(unsaved_reason="unsaved_too_large", unsaved_since=timezone.now())

    page = as_ada.get(address_of(session)).content.decode()

    assert "not all of your work is copied" in page
    assert "more than 50 MB" in page


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

    page = as_ada.get(address_of(session)).content.decode()

    assert "Kajaani has not answered since" in page
    assert words in page


@pytest.mark.parametrize("status", [SessionStatus.SPAWNING, SessionStatus.STOPPING])
def test_a_factory_that_is_down_lets_nobody_promise_how_long_it_takes(
    as_ada: Client, make_session: MakeSession, status: SessionStatus
) -> None:
    session = make_session(status, asked_at=timezone.now())
    assert "This usually takes" in as_ada.get(address_of(session)).content.decode()

    Hub.objects.update(down_since=timezone.now())
    assert "usually" not in as_ada.get(address_of(session)).content.decode()


def test_a_browser_can_be_asked_to_tell_while_the_lab_starts(
    as_ada: Client, make_session: MakeSession
) -> None:
    session = make_session(SessionStatus.SPAWNING)
    assert f'data-tell="{session.public_id}"' in as_ada.get(address_of(session)).content.decode()
    assert "data-news=" not in as_ada.get(address_of(session)).content.decode()

    LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.READY, ready_at=timezone.now())
    page = as_ada.get(address_of(session)).content.decode()
    assert "data-tell=" not in page
    assert f'data-news="{session.public_id}" data-news-title="Ready: Practise"' in page


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

    page = as_ben.get(address_of(session)).content.decode()

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

    assert as_ada.get(f"/labs/servers/{session.server_name}/").headers["Location"] == address_of(session)
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
        location = as_ada.post(address_of(session, part), {"next": page}).headers["Location"]
        assert location == (page if goes_there else address_of(session))


def test_the_page_costs_the_same_however_much_happened(
    as_ada: Client, make_session: MakeSession, ben: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    session = make_session()
    make.LabSessionEventFactory.create(session=session, actor=ben)
    few = count_queries(lambda: as_ada.get(address_of(session)))
    for _ in range(10):
        make.LabSessionEventFactory.create(session=session, actor=ben)

    assert count_queries(lambda: as_ada.get(address_of(session))) == few


def test_what_somebody_else_did_is_told_with_their_name(
    as_ada: Client, make_session: MakeSession, ben: User, ada: User
) -> None:
    session = make_session()
    make.LabSessionEventFactory.create(session=session, reason="stop_requested", actor=ada)
    assert [each.by for each in as_ada.get(address_of(session)).context["happenings"]] == [""]

    make.LabSessionEventFactory.create(session=session, reason="stop_requested", actor=ben)
    assert [each.by for each in as_ada.get(address_of(session)).context["happenings"]] == ["Ben", ""]


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


@pytest.mark.parametrize("part", ["keep", "restart", "stop"])
def test_nobody_else_presses_the_buttons_of_a_session(
    as_eve: Client, as_ben: Client, make_session: MakeSession, part: str
) -> None:
    session = make_session()

    assert as_eve.post(address_of(session, part)).status_code == 404
    assert as_ben.post(address_of(session, part)).status_code == 404
    session.refresh_from_db()
    assert session.status == SessionStatus.READY


def test_only_the_right_methods_are_answered(as_ada: Client, make_session: MakeSession) -> None:
    session = make_session()

    for part in ("keep", "restart", "stop"):
        assert as_ada.get(address_of(session, part)).status_code == 405
    for part in ("", "status", "open"):
        assert as_ada.post(address_of(session, part)).status_code == 405
