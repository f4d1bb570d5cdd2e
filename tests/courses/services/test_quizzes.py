import pytest

from courses.exceptions import RefusedError
from courses.models import Enrolment, QuizAttempt, Unit
from courses.services.quizzes import answer_quiz, attempts_of
from tests.factories import courses as make

RIGHT = {"q1": ["a"], "q2": ["a", "b"]}
WRONG = {"q1": ["b"], "q2": ["c"]}
HALF = {"q1": ["a"], "q2": ["c"]}


@pytest.fixture
def quiz(enrolment: Enrolment) -> Unit:
    return Unit.objects.get(release=enrolment.cohort.release, slug="check")


def test_right_answers_score_in_full_and_make_the_unit_done(enrolment: Enrolment, quiz: Unit) -> None:
    attempt = answer_quiz(enrolment, quiz, RIGHT)

    assert (attempt.score, attempt.max_score) == (2, 2)
    progress = enrolment.progress.get(unit_slug="check")
    assert (progress.score, progress.max_score) == (2, 2)
    assert progress.completed_at is not None


def test_too_few_points_are_kept_but_do_not_make_the_unit_done(enrolment: Enrolment, quiz: Unit) -> None:
    answer_quiz(enrolment, quiz, HALF)

    progress = enrolment.progress.get(unit_slug="check")
    assert progress.score == 1
    assert progress.completed_at is None


def test_every_attempt_is_kept_and_the_best_one_counts(enrolment: Enrolment, quiz: Unit) -> None:
    for answers in (HALF, RIGHT, WRONG):
        answer_quiz(enrolment, quiz, answers)

    assert [attempt.score for attempt in attempts_of(enrolment, "check")] == [0, 2, 1]
    assert enrolment.progress.get(unit_slug="check").score == 2


def test_the_same_answers_sent_twice_are_one_attempt(enrolment: Enrolment, quiz: Unit) -> None:
    first = answer_quiz(enrolment, quiz, RIGHT)
    second = answer_quiz(enrolment, quiz, {"q2": ["b", "a"], "q1": ["a"]})

    assert first == second
    assert QuizAttempt.objects.count() == 1


def test_what_the_quiz_does_not_have_is_dropped(enrolment: Enrolment, quiz: Unit) -> None:
    attempt = answer_quiz(
        enrolment, quiz, {"q1": ["a", "z"], "q9": ["a"], "csrfmiddlewaretoken": ["x"], "score": ["2"]}
    )

    assert attempt.answers == {"q1": ["a"]}
    assert attempt.score == 1


@pytest.mark.parametrize("answers", [{}, {"q9": ["a"]}, {"q1": ["z"]}, {"csrfmiddlewaretoken": ["x"]}])
def test_an_empty_sheet_is_refused_and_not_kept(
    enrolment: Enrolment, quiz: Unit, answers: dict[str, list[str]]
) -> None:
    with pytest.raises(RefusedError) as refusal:
        answer_quiz(enrolment, quiz, answers)

    assert refusal.value.reason == "unanswered"
    assert not QuizAttempt.objects.exists()


def test_the_attempts_of_others_neither_show_nor_count(enrolment: Enrolment, quiz: Unit) -> None:
    other = make.EnrolmentFactory.create(cohort=enrolment.cohort)
    answer_quiz(other, quiz, RIGHT)

    answer_quiz(enrolment, quiz, HALF)

    assert attempts_of(enrolment, "check").count() == 1
    assert enrolment.progress.get(unit_slug="check").score == 1
