"""What JupyterLab tells a learner."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from labs.models import LabSession
from labs.states import SessionStatus
from labs.work.notices import make_notice
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def session() -> LabSession:
    return make.LabSessionFactory.create(
        status=SessionStatus.READY,
        ready_at=NOW - 60 * MINUTE,
        active_at=NOW,
        ends_at=NOW + 60 * MINUTE,
        work_saved_at=NOW - MINUTE,
        enrolment__learner__time_zone="Europe/Athens",
    )


def test_a_quiet_notice_leads_back_and_tells_the_times(session: LabSession) -> None:
    notice = make_notice(session, NOW)
    assert str(notice["paja_url"]).endswith(f"/labs/sessions/{session.public_id}/")
    assert (notice["ends_at"], notice["saved_at"]) == (
        "2026-11-22T13:00:00+00:00",
        "2026-11-22T11:59:00+00:00",
    )
    assert (notice["message"], notice["level"]) == ("", "info")
    json.dumps(notice)


def test_the_end_is_told_twice_in_other_words_and_in_the_learners_time(session: LabSession) -> None:
    session.ends_at = NOW + 15 * MINUTE
    first = make_notice(session, NOW)
    second = make_notice(session, NOW + 10 * MINUTE)
    assert "14:15 (EET)" in str(first["message"])
    assert "14:15 (EET)" in str(second["message"])
    assert first["message"] != second["message"]
    assert first["level"] == "warning"


def test_a_stop_for_want_of_activity_is_told_with_its_time(session: LabSession) -> None:
    session.active_at, session.warned_at = NOW - 51 * MINUTE, NOW - MINUTE
    assert "14:09 (EET)" in str(make_notice(session, NOW)["message"])


def test_what_comes_first_is_told(session: LabSession) -> None:
    session.active_at, session.warned_at, session.ends_at = NOW - 51 * MINUTE, NOW - MINUTE, NOW + 5 * MINUTE
    assert "14:05" in str(make_notice(session, NOW)["message"])


def test_work_that_cannot_be_copied_is_told(session: LabSession) -> None:
    session.workspace.unsaved_reason = "unsaved_too_large"
    assert "50 MB" in str(make_notice(session, NOW)["message"])


def test_a_session_that_is_being_stopped_says_why(session: LabSession) -> None:
    session.status, session.stop_reason = SessionStatus.STOPPING, "idle"
    assert "stopped" in str(make_notice(session, NOW)["message"])


def test_a_learner_without_a_limit_is_told_none(session: LabSession) -> None:
    session.ends_at = session.work_saved_at = None
    notice = make_notice(session, NOW)
    assert (notice["ends_at"], notice["saved_at"], notice["message"]) == (None, None, "")


def test_a_gpu_that_is_missing_is_told_where_nothing_presses_more(session: LabSession) -> None:
    session.release.needs = {"gpus": 1}
    session.hub.is_development = True
    assert "This lab needs a GPU" in str(make_notice(session, NOW)["message"])

    assert "ends at" in str(make_notice(session, NOW + 50 * MINUTE)["message"])
