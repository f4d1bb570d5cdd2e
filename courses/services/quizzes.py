"""Answering a quiz: scored here and nowhere else, every attempt kept, the best one counts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from courses.exceptions import RefusedError
from courses.models import Enrolment, QuizAttempt, Unit
from courses.quizzes import Quiz, score_answers
from courses.services.progress import is_pass, record_score
from courses.texts import pick_text

Answers = Mapping[str, Sequence[str]]


def find_quiz(unit: Unit, language: str) -> Quiz:
    """The quiz of a unit in a language, else in the one it was written in."""
    text = pick_text(unit.texts.all(), language, unit.release.source_language)
    if text.quiz is None:
        raise ValueError(f"unit {unit.slug} has no quiz in {text.language}")
    return Quiz.from_json(text.quiz)


@transaction.atomic(durable=True)
def answer_quiz(
    enrolment: Enrolment, unit: Unit, answers: Answers, *, now: datetime | None = None
) -> QuizAttempt:
    """Score and keep an attempt; the same answers as in the attempt before are that attempt, sent again.

    Refuses (RefusedError) when nothing was answered. Answers to questions that the quiz does not have are dropped.
    """
    now = now or timezone.now()
    quiz = find_quiz(unit, unit.release.source_language)  # ids are the same in all languages
    kept = keep_known(answers, quiz)
    if not kept:
        raise RefusedError(reason="unanswered")
    # Two clicks at once: the second sees the first.
    Enrolment.objects.select_for_update().get(pk=enrolment.pk)
    last = attempts_of(enrolment, unit.slug).first()
    if last is not None and last.answers == kept:
        return last
    result = score_answers(quiz, kept)
    attempt = QuizAttempt.objects.create(
        enrolment=enrolment,
        unit_slug=unit.slug,
        answers=kept,
        score=result.score,
        max_score=result.max_score,
        created_at=now,
    )
    best = max(attempts_of(enrolment, unit.slug), key=lambda each: each.score / (each.max_score or 1))
    record_score(
        enrolment,
        unit.slug,
        best.score,
        best.max_score,
        is_complete=is_pass(enrolment, best.score, best.max_score),
        now=now,
    )
    return attempt


def keep_known(answers: Answers, quiz: Quiz) -> dict[str, list[str]]:
    """The answers to the quiz’s own questions, by options that these have."""
    known = {question.id: {option.id for option in question.options} for question in quiz.questions}
    chosen = {question: set(options) & known.get(question, set()) for question, options in answers.items()}
    return {question: sorted(options) for question, options in chosen.items() if options}


def attempts_of(enrolment: Enrolment, unit_slug: str) -> QuerySet[QuizAttempt]:
    """A learner's attempts at a quiz, newest first."""
    return QuizAttempt.objects.filter(enrolment=enrolment, unit_slug=unit_slug)
