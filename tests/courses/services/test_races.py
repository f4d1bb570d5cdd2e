"""Two at once: what a row lock on PostgreSQL and the immediate transaction on SQLite must hold."""

import pytest

from courses.models import Cohort, Enrolment, QuizAttempt, Unit, User
from courses.services.enrolments import enrol
from courses.services.progress import complete_unit
from courses.services.quizzes import answer_quiz
from courses.states import EnrolmentStatus
from tests.factories import courses as make
from tests.racing import at_once, require_row_locks

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _row_locks() -> None:
    require_row_locks()


def test_the_last_place_is_given_once(cohort: Cohort) -> None:
    Cohort.objects.update(capacity=3)
    people = [make.UserFactory.create() for _ in range(8)]

    at_once(*[lambda person=person: enrol(cohort, person, actor=person) for person in people])

    statuses = list(Enrolment.objects.values_list("status", flat=True))
    assert statuses.count(EnrolmentStatus.ACTIVE) == 3
    assert statuses.count(EnrolmentStatus.WAITLISTED) == 5


def test_five_presses_at_once_are_one_enrolment(cohort: Cohort, ada: User) -> None:
    at_once(*[lambda: enrol(cohort, ada, actor=ada)] * 5)

    assert Enrolment.objects.get().events.count() == 1


def test_five_equal_sheets_at_once_are_one_attempt(enrolment: Enrolment) -> None:
    quiz = Unit.objects.get(slug="check")

    at_once(*[lambda: answer_quiz(enrolment, quiz, {"q1": ["a"]})] * 5)

    assert QuizAttempt.objects.count() == 1


def test_the_last_two_units_at_once_complete_the_course(enrolment: Enrolment) -> None:
    required = list(enrolment.cohort.release.units.filter(is_optional=False).values_list("slug", flat=True))
    for slug in required[2:]:
        complete_unit(enrolment, slug)
    both = [Enrolment.objects.get(pk=enrolment.pk) for _ in range(2)]

    at_once(lambda: complete_unit(both[0], required[0]), lambda: complete_unit(both[1], required[1]))

    enrolment.refresh_from_db()
    assert enrolment.status == EnrolmentStatus.COMPLETED
