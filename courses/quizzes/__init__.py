"""Quizzes: reading them from Markdown, keeping them as JSON, scoring answers. No database."""

from courses.quizzes.drafts import QuizFault
from courses.quizzes.questions import Option, Question, QuestionKind, Quiz
from courses.quizzes.scoring import QuestionScore, QuizScore, score_answers
from courses.quizzes.syntax import QuizError, compare_quizzes, has_quiz, parse_quiz

__all__ = [
    "Option",
    "Question",
    "QuestionKind",
    "QuestionScore",
    "Quiz",
    "QuizError",
    "QuizFault",
    "QuizScore",
    "compare_quizzes",
    "has_quiz",
    "parse_quiz",
    "score_answers",
]
