"""Checking units of kind quiz: each language by itself, then the translations against the first language."""

from courses.quizzes import Quiz, QuizError, compare_quizzes, parse_quiz
from courses.unit_kinds import Report, UnitSource


def check_quiz_unit(unit: UnitSource, report: Report) -> dict[str, Quiz]:
    """The quiz per language; reports every fault. An attempt counts the same in every language."""
    quizzes: dict[str, Quiz] = {}
    for language, text in unit.texts.items():
        try:
            quizzes[language] = parse_quiz(text)
        except QuizError as error:
            for fault in error.faults:
                report(f"{unit.path}.{language}.md", fault.message, line=fault.line, code=fault.code)
    source = quizzes.get(unit.languages[0]) if unit.languages else None
    for language, quiz in quizzes.items():
        if source is not None and language != unit.languages[0]:
            for fault in compare_quizzes(source, quiz):
                report(f"{unit.path}.{language}.md", fault.message, line=fault.line, code=fault.code)
    return quizzes
