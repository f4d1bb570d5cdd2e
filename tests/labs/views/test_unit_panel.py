"""The lab's part of a unit's page: what it offers and says about a session, and who sees it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Enrolment
from labs.models import LabSession, LabUnit, Workspace
from labs.states import SessionStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSession

pytestmark = pytest.mark.django_db


def test_a_new_learner_is_offered_the_start_and_nothing_else(as_ada: Client, address: str) -> None:
    page = as_ada.get(f"{address}lab").content.decode()

    assert "Start lab" in page
    assert 'id="lab-submit"' not in page
    assert 'id="lab-stop"' not in page


@pytest.mark.parametrize(
    ("status", "shown", "hidden"),
    [
        (SessionStatus.REQUESTED, ["lab-follow", "session-stop"], ["lab-start", "lab-submit", "lab-open"]),
        (SessionStatus.SPAWNING, ["lab-follow", "session-stop"], ["lab-start", "lab-submit", "lab-open"]),
        (SessionStatus.READY, ["lab-open", "lab-submit", "session-stop"], ["lab-start", "lab-follow"]),
        (SessionStatus.STOPPING, [], ["lab-start", "lab-submit", "lab-open", "session-stop"]),
        (SessionStatus.FAILED, ["lab-start"], ["lab-submit", "lab-open", "session-stop"]),
    ],
)
def test_the_panel_offers_what_its_session_allows(
    as_ada: Client,
    address: str,
    make_session: MakeSession,
    status: SessionStatus,
    shown: list[str],
    hidden: list[str],
) -> None:
    make_session(status)

    page = as_ada.get(f"{address}lab").content.decode()

    assert all(f'id="{name}"' in page for name in shown)
    assert not any(f'id="{name}"' in page for name in hidden)


def test_the_panel_says_when_the_work_was_saved_in_the_readers_zone(
    as_ada: Client, address: str, make_session: MakeSession, enrolment: Enrolment
) -> None:
    enrolment.learner.time_zone = "Europe/Athens"
    enrolment.learner.save()
    make_session(work_saved_at=timezone.now().replace(hour=0, minute=5) - timedelta(days=400))

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Your work was last saved at" in page
    assert "02:05\N{NO-BREAK SPACE}EET" in page or "03:05\N{NO-BREAK SPACE}EEST" in page


def test_development_is_said_plainly(as_ada: Client, address: str, enrolment: Enrolment) -> None:
    enrolment.cohort.factory.hub.is_development = True
    enrolment.cohort.factory.hub.save()

    assert "without a GPU" in as_ada.get(f"{address}lab").content.decode()


def test_the_reason_of_a_failure_is_a_sentence(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(SessionStatus.FAILED, reason="server_did_not_start")

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Your server did not start." in page
    assert "server_did_not_start" not in page


@pytest.mark.parametrize(
    ("fields", "words", "is_calm"),
    [
        ({"status": SessionStatus.STOPPED, "stop_reason": "idle"}, "Nothing ran and nothing was saved", True),
        ({"status": SessionStatus.FAILED, "reason": "server_lost"}, "Your server ended by itself", True),
        ({"status": SessionStatus.FAILED, "reason": "spawn_rejected"}, "refused to start", False),
    ],
)
def test_why_the_last_session_ended_is_said_where_the_learner_did_not_stop_it(
    as_ada: Client,
    address: str,
    make_session: MakeSession,
    fields: dict[str, Any],
    words: str,
    is_calm: bool,
) -> None:
    make_session(ready_at=timezone.now(), ended_at=timezone.now(), **fields)

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Your last session ended at" in page
    assert words in page
    assert ("notice-bad" not in page) == is_calm


def test_ones_own_stop_is_not_explained(as_ada: Client, address: str, make_session: MakeSession) -> None:
    make_session(SessionStatus.STOPPED, stop_reason="stop_requested", ended_at=timezone.now())

    assert "Your last session ended" not in as_ada.get(f"{address}lab").content.decode()


def test_the_start_is_followed_by_one_link(as_ada: Client, address: str, make_session: MakeSession) -> None:
    make_session(SessionStatus.REQUESTED)
    page = as_ada.get(f"{address}lab").content.decode()

    assert 'id="lab-follow"' in page
    assert 'id="lab-session"' not in page


def test_a_session_that_is_about_to_end_is_warned_of_and_can_be_kept_from_here(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    session = make_session(active_at=timezone.now() - timedelta(minutes=55), warned_at=timezone.now())

    page = as_ada.get(f"{address}lab").content.decode()

    assert "Nothing has happened in your lab for a while" in page
    kept = as_ada.post(f"/labs/sessions/{session.public_id}/keep", {"next": address})
    assert kept.headers["Location"] == address
    assert "Nothing has happened" not in as_ada.get(f"{address}lab").content.decode()


def test_a_ready_lab_says_how_long_it_still_runs(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    make_session(ends_at=timezone.now() + timedelta(minutes=102, seconds=30))

    assert "1 h 42 min left, until" in as_ada.get(f"{address}lab").content.decode()


def test_a_ready_lab_opens_where_its_learner_last_opened_one(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    session = make_session(status=SessionStatus.READY)
    assert "Open in JupyterLab" in as_ada.get(address).content.decode()
    as_ada.get(reverse("labs:session-open", args=[session.public_id]), {"app": "notebook"})
    for page in (address, f"{address}lab"):
        assert "Open in Notebook 7" in as_ada.get(page).content.decode()
    opened = as_ada.get(reverse("labs:session-open", args=[session.public_id]))
    assert "%2Fnotebooks%2F" in opened["Location"]


def test_work_that_cannot_be_copied_is_said(as_ada: Client, address: str, make_session: MakeSession) -> None:
    make_session()
    Workspace.objects.update(unsaved_reason="unsaved_too_large", unsaved_since=timezone.now())

    assert "not all of your work is copied" in as_ada.get(f"{address}lab").content.decode()


def test_a_newer_release_is_offered(
    as_ada: Client, address: str, make_session: MakeSession, lab_unit: LabUnit
) -> None:
    make_session(SessionStatus.STOPPED, ready_at=timezone.now())
    assert "new-files" not in as_ada.get(f"{address}lab").content.decode()

    lab_unit.release = make.LabReleaseFactory.create(
        lab=lab_unit.release.lab, learner_files={"lab.ipynb": "1" * 64, "more.csv": "2" * 64}
    )
    lab_unit.save()
    assert 'id="new-files-take"' in as_ada.get(f"{address}lab").content.decode()


def test_the_history_is_a_step_away_once_there_is_some(
    as_ada: Client, address: str, make_session: MakeSession
) -> None:
    assert "lab-history" not in as_ada.get(f"{address}lab").content.decode()

    make_session()
    assert f'href="{address}history/"' in as_ada.get(f"{address}lab").content.decode()


def test_a_lab_says_how_long_its_sessions_are_and_what_ends_them(
    as_ada: Client, address: str, lab_unit: LabUnit
) -> None:
    lab_unit.release.session = {"idle_minutes": 45}
    lab_unit.release.save()

    page = as_ada.get(address).content.decode()

    assert "Sessions of up to 2 h" in page
    assert "nothing runs and nothing is saved for 45 min" in page
    assert "your work is saved, and the next one goes on from there" in page


def test_a_stranger_sees_no_lab(as_eve: Client, address: str) -> None:
    assert as_eve.get(f"{address}lab").status_code == 404
    assert as_eve.post(f"{address}start").status_code == 404
    assert as_eve.post(f"{address}submit", {"press_key": str(uuid4())}).status_code == 404
    assert not LabSession.objects.exists()


def test_only_the_right_methods_are_answered(as_ada: Client, address: str) -> None:
    assert as_ada.post(f"{address}lab").status_code == 405
    assert as_ada.get(f"{address}start").status_code == 405
    assert as_ada.get(f"{address}submit").status_code == 405


def test_nobody_in_particular_is_asked_to_log_in(client: Client, address: str) -> None:
    assert client.get(f"{address}lab").headers["Location"].startswith("/accounts/login/")
