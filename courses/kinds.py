"""The kinds of unit that courses itself has: reading and quiz."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.http import HttpRequest

from courses.models import Enrolment, Unit
from courses.package.quiz_units import check_quiz_unit
from courses.quiz_sheet import make_sheet
from courses.quizzes import Quiz
from courses.services.quizzes import attempts_of, find_quiz
from courses.unit_kinds import Report, UnitKind, UnitSource, register

if TYPE_CHECKING:
    from courses.package import PackageUnit


def register_kinds() -> None:
    """Register them; called once, when Django starts."""
    register(
        UnitKind(
            slug="reading",
            template="courses/_unit_reading.html",
            check=check_reading,
            import_unit=import_reading,
            page_context=reading_context,
            is_marked_by_learner=True,
        )
    )
    register(
        UnitKind(
            slug="quiz",
            template="courses/_unit_quiz.html",
            check=check_quiz_unit,
            import_unit=import_quiz,
            page_context=quiz_context,
        )
    )


def check_reading(_source: UnitSource, _report: Report) -> object:
    """Nothing more: the package's own check has read the text."""
    return None


def import_reading(_unit: Unit, _contents: "PackageUnit", _prepared: object) -> None:
    """Nothing more: the import itself keeps the text."""


def reading_context(
    _request: HttpRequest, _unit: Unit, _enrolment: Enrolment | None, _language: str
) -> dict[str, object]:
    return {}


def import_quiz(unit: Unit, _contents: "PackageUnit", prepared: object) -> None:
    """Keep the quiz of each language beside the text in that language."""
    if not isinstance(prepared, Mapping):
        raise TypeError(f"unit {unit.slug} was not checked")
    for text in unit.texts.all():
        quiz = prepared[text.language]
        if not isinstance(quiz, Quiz):
            raise TypeError(f"unit {unit.slug} has no quiz in {text.language}")
        text.quiz = quiz.to_json()
        text.save(update_fields=["quiz"])


def quiz_context(
    request: HttpRequest, unit: Unit, enrolment: Enrolment | None, language: str
) -> dict[str, object]:
    """The questions, with what came of the newest attempt unless the reader wants to answer again.

    In a preview the answers come with the address, so that nothing is kept.
    """
    quiz = find_quiz(unit, language)
    if enrolment is None:
        answers = dict(request.GET.lists())
        return {"sheet": make_sheet(quiz, answers or None), "attempts": []}
    attempts = list(attempts_of(enrolment, unit.slug))
    is_answered = bool(attempts) and "again" not in request.GET
    return {
        "sheet": make_sheet(quiz, attempts[0].answers if is_answered else None),
        "attempts": attempts,
        "best": max(attempts, key=lambda each: each.score, default=None),
    }
