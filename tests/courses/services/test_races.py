"""Two at once: what a row lock on PostgreSQL and the immediate transaction on SQLite must hold."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from courses.models import Cohort, Enrolment, QuizAttempt, Unit, User
from courses.services.enrolments import enrol
from courses.services.quizzes import answer_quiz
from courses.states import EnrolmentStatus
from tests.factories import courses as make

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _row_locks() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("set PAJA_DATABASE_URL to a PostgreSQL: SQLite's test database is one connection's alone")


def at_once(*actions: Callable[[], object]) -> None:
    """Run each in a thread with a connection of its own."""

    def run(action: Callable[[], object]) -> None:
        try:
            action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        list(pool.map(run, actions))


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
