"""What a learner sees of the grading queue: their place, a pause, and that newer work took a place over."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labs.models import GradingPause, GradingRun, LabUnit, Submission
from labs.states import GradingStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

SECOND = timedelta(seconds=1)


def wait(submission: Submission, **fields: Any) -> GradingRun:
    fields = {"in_line_since": timezone.now() - 10 * SECOND, **fields}
    return make.GradingRunFactory.create(
        submission=submission,
        status=GradingStatus.QUEUED,
        outcome="",
        score=None,
        max_score=None,
        finished_at=None,
        **fields,
    )


@pytest.fixture
def busy_worker(lab_unit: LabUnit) -> None:
    """One that ends a run every ten seconds."""
    now = timezone.now()
    make.GradingRunFactory.create(
        submission__release=lab_unit.release,
        claimed_at=now - 11 * SECOND,
        finished_at=now - SECOND,
        worker="a",
    )


def make_others(lab_unit: LabUnit, count: int) -> list[GradingRun]:
    """Runs of other learners that came before."""
    since = timezone.now() - 60 * SECOND
    others = [make.SubmissionFactory.create(release=lab_unit.release) for _ in range(count)]
    return [wait(other, in_line_since=since) for other in others]


def pages(client: Client, address: str, submission: Submission) -> list[str]:
    """Those on which a learner follows their work."""
    wanted = (f"/labs/submissions/{submission.public_id}/", address, f"{address}lab")
    return [client.get(page).content.decode() for page in wanted]


@pytest.mark.usefixtures("busy_worker")
def test_a_place_and_a_time_stand_on_both_pages(
    as_ada: Client, address: str, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    make_others(lab_unit, 3)
    submission = make_submission()
    wait(submission)
    for page in pages(as_ada, address, submission):
        assert "3 others are before you" in page
        assert "Your mark should be here in about 40 seconds." in page
        assert '<progress value="' in page
        assert "every 3s" in page


def test_a_wait_that_has_just_begun_is_not_explained(
    as_ada: Client, address: str, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    wait(submission, in_line_since=timezone.now())
    for page in pages(as_ada, address, submission):
        assert "Waiting to be graded" in page
        assert "Your work is next" not in page


def test_a_pause_is_explained_with_what_staff_say(
    as_ada: Client, as_ben: Client, address: str, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    wait(submission)
    GradingPause.objects.create(lab=submission.lab, note="A test is <wrong>")
    for page in pages(as_ada, address, submission):
        assert "The grading of this lab has been paused since" in page
        assert "“A test is &lt;wrong&gt;”" in page
        assert "every 10s" in page
    assert (
        "has been paused since"
        not in as_ben.get(f"/labs/submissions/{submission.public_id}/").content.decode()
    )


@pytest.mark.usefixtures("busy_worker")
def test_a_page_is_told_when_the_place_has_changed(
    as_ada: Client, lab_unit: LabUnit, make_submission: MakeSubmission
) -> None:
    others = make_others(lab_unit, 3)
    submission = make_submission()
    wait(submission)
    page = f"/labs/submissions/{submission.public_id}/"
    version = as_ada.get(page).context["version"]
    assert as_ada.get(f"{page}status?seen={version}").status_code == 204
    others[0].delete()
    changed = as_ada.get(f"{page}status?seen={version}")
    assert "2 others are before you" in changed.content.decode()
    assert not changed.context["is_changed"]  # nothing that is worth being read out


def test_what_was_replaced_says_so_and_leads_to_the_newer_attempt(
    as_ada: Client, as_ben: Client, make_submission: MakeSubmission, address: str
) -> None:
    long_ago = timezone.now() - 60 * SECOND
    older = make_submission(attempt=1, pressed_at=long_ago)
    between = make_submission(attempt=2, pressed_at=long_ago + SECOND)
    for replaced in (older, between):
        make.GradingRunFactory.create(
            submission=replaced, status=GradingStatus.REPLACED, reason="replaced", score=None, outcome=""
        )
    newer = make_submission(attempt=3)
    wait(newer)
    page = as_ada.get(f"/labs/submissions/{older.public_id}/").content.decode()
    assert "Replaced by a newer attempt" in page
    assert "costs you no attempt" in page
    assert f'href="/labs/submissions/{newer.public_id}/"' in page
    assert "See attempt 3" in page
    assert "hx-get" not in page.partition('id="submission-status"')[2].partition(">")[0]
    assert as_ada.get(address).content.decode().count("Replaced by a newer attempt") == 2
    of_team = as_ben.get(f"/labs/submissions/{older.public_id}/").content.decode()
    assert "See attempt 3" in of_team
    assert "costs you no attempt" not in of_team


def test_who_waits_is_told_that_newer_work_takes_over(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    run = wait(submission)
    page = f"/labs/submissions/{submission.public_id}/"
    assert "takes over this place and costs no further attempt" in as_ada.get(page).content.decode()
    GradingRun.objects.filter(pk=run.pk).update(status=GradingStatus.RUNNING)
    assert "takes over this place" not in as_ada.get(page).content.decode()
