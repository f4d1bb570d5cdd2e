"""What keeps a lab waiting, told by the cause that explains it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from courses.models import Factory
from labs.models import Hub, LabSession, Workspace
from labs.services.troubles import BEHIND_AFTER, find_trouble, find_unsaved
from labs.states import SessionStatus

NOW = timezone.now()


def hub(**fields: object) -> Hub:
    return Hub(factory=Factory(city="Kajaani"), **{"answered_at": NOW, **fields})


def session(status: SessionStatus, at: Hub, **fields: object) -> LabSession:
    return LabSession(status=status, hub=at, **{"requested_at": NOW, "asked_at": NOW, **fields})


def test_a_factory_that_answers_is_no_trouble() -> None:
    fine = hub()

    assert find_trouble(fine, None, NOW) is None
    assert find_trouble(fine, session(SessionStatus.SPAWNING, fine), NOW) is None


def test_a_factory_that_is_down_is_named_with_its_time() -> None:
    trouble = find_trouble(hub(down_since=NOW - timedelta(hours=1)), None, NOW)

    assert trouble is not None
    assert (trouble.kind, trouble.city, trouble.since) == ("hub_down", "Kajaani", NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("status", "stage"),
    [
        (SessionStatus.REQUESTED, "starting"),
        (SessionStatus.SPAWNING, "starting"),
        (SessionStatus.READY, "ready"),
        (SessionStatus.STOPPING, "stopping"),
        (SessionStatus.STOPPED, "before"),
        (SessionStatus.FAILED, "before"),
    ],
)
def test_what_it_means_depends_on_where_the_session_is(status: SessionStatus, stage: str) -> None:
    down = hub(down_since=NOW)

    trouble = find_trouble(down, session(status, down), NOW)

    assert trouble is not None
    assert trouble.stage == stage


def test_nobody_asking_the_hubs_is_trouble_of_ours_and_not_of_the_factory() -> None:
    trouble = find_trouble(hub(answered_at=NOW - BEHIND_AFTER - timedelta(seconds=1)), None, NOW)

    assert trouble is not None
    assert trouble.kind == "paja_behind"


def test_a_hub_that_was_never_asked_is_no_trouble_yet() -> None:
    assert find_trouble(hub(answered_at=None), None, NOW) is None


def test_a_stop_that_takes_long_has_its_sentence() -> None:
    fine = hub()
    stopping = session(SessionStatus.STOPPING, fine, stop_requested_at=NOW - timedelta(minutes=5))

    trouble = find_trouble(fine, stopping, NOW)

    assert trouble is not None
    assert "longer than usual" in trouble.sentence


def test_work_that_cannot_be_copied_is_told_with_its_time_and_reason() -> None:
    trouble = find_unsaved(Workspace(unsaved_reason="unsaved_too_large", unsaved_since=NOW))

    assert trouble is not None
    assert trouble.since == NOW
    assert "50 MB" in trouble.sentence


def test_work_that_is_copied_is_no_trouble() -> None:
    assert find_unsaved(Workspace()) is None
    assert find_unsaved(None) is None
