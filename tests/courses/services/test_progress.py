from datetime import UTC, datetime, timedelta

import pytest

from courses.models import Cohort, Enrolment, Unit
from courses.services.progress import complete_unit, is_pass, open_unit, record_score
from courses.states import EnrolmentStatus

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def test_the_first_look_at_a_unit_is_noted_and_later_looks_are_not(enrolment: Enrolment) -> None:
    open_unit(enrolment, "read", now=NOON)
    open_unit(enrolment, "read", now=LATER)

    assert enrolment.progress.get().opened_at == NOON


def test_a_unit_that_is_done_stays_done_at_the_first_time(enrolment: Enrolment) -> None:
    complete_unit(enrolment, "read", now=NOON)
    complete_unit(enrolment, "read", now=LATER)

    assert enrolment.progress.get().completed_at == NOON


def test_a_score_is_kept_without_making_the_unit_done(enrolment: Enrolment) -> None:
    record_score(enrolment, "practise", 1, 5, is_complete=False, now=NOON)

    progress = enrolment.progress.get()
    assert (progress.score, progress.max_score, progress.completed_at) == (1, 5, None)


def test_a_lower_score_replaces_the_one_before_but_the_unit_stays_done(enrolment: Enrolment) -> None:
    record_score(enrolment, "practise", 5, 5, is_complete=True, now=NOON)
    record_score(enrolment, "practise", 2, 5, is_complete=False, now=LATER)

    progress = enrolment.progress.get()
    assert (progress.score, progress.completed_at) == (2, NOON)


@pytest.mark.parametrize(("score", "max_score"), [(-1, 5), (6, 5), (float("nan"), 5), (float("inf"), 5)])
def test_a_score_outside_its_range_is_never_kept(
    enrolment: Enrolment, score: float, max_score: float
) -> None:
    with pytest.raises(ValueError, match="points"):
        record_score(enrolment, "practise", score, max_score, is_complete=True)

    assert not enrolment.progress.exists()


def test_the_course_is_completed_with_its_last_unit_and_not_before(enrolment: Enrolment) -> None:
    complete_unit(enrolment, "read")
    complete_unit(enrolment, "check")
    assert enrolment.status == EnrolmentStatus.ACTIVE

    record_score(enrolment, "practise", 5, 5, is_complete=True)

    assert Enrolment.objects.get(pk=enrolment.pk).status == EnrolmentStatus.COMPLETED
    assert enrolment.events.get().reason == "every unit done"


def test_an_optional_unit_does_not_hold_up_the_course(enrolment: Enrolment, cohort: Cohort) -> None:
    Unit.objects.filter(release=cohort.release, slug="practise").update(is_optional=True)

    complete_unit(enrolment, "read")
    complete_unit(enrolment, "check")

    assert enrolment.status == EnrolmentStatus.COMPLETED


def test_a_learner_who_left_meanwhile_does_not_complete_the_course(enrolment: Enrolment) -> None:
    complete_unit(enrolment, "read")
    complete_unit(enrolment, "check")
    Enrolment.objects.filter(pk=enrolment.pk).update(status=EnrolmentStatus.WITHDRAWN)

    complete_unit(enrolment, "practise")  # `enrolment` still believes that it is active

    assert enrolment.status == EnrolmentStatus.WITHDRAWN
    assert enrolment.progress.filter(completed_at__isnull=False).count() == 3


@pytest.mark.parametrize(("score", "passes"), [(3, True), (2.9, False), (5, True), (0, False)])
def test_a_unit_is_passed_from_the_releases_share_of_its_points(
    enrolment: Enrolment, score: float, passes: bool
) -> None:
    assert is_pass(enrolment, score, 5) is passes
