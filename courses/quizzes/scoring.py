"""Scoring the answers to a quiz, on the server only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from courses.quizzes.questions import Question, QuestionKind, Quiz


@dataclass(frozen=True)
class QuestionScore:
    """What came out for one question; `chosen` are the ids of options that it has."""

    question: Question
    score: float
    chosen: tuple[str, ...]

    @property
    def is_correct(self) -> bool:
        return self.score >= self.question.max_score

    @property
    def explanation(self) -> str:
        return self.question.explanation


@dataclass(frozen=True)
class QuizScore:
    """What came out for a quiz, question by question in its order."""

    score: float
    max_score: float
    questions: tuple[QuestionScore, ...]


def score_answers(quiz: Quiz, answers: Mapping[str, Sequence[str]]) -> QuizScore:
    """Score the answers: the ids of the chosen options by question id. Every question counts one point.

    One right option (single, true/false): the point when it alone is chosen, else nothing.
    Several right options (multiple): partial credit, (right options chosen - wrong options chosen) / right
    options, never below zero. So guessing wide does not pay, and choosing nothing is worth nothing.
    What the quiz does not have (another question, another option, the same option twice) counts for nothing.
    """
    scores = tuple(_score_question(question, answers.get(question.id, ())) for question in quiz.questions)
    return QuizScore(score=sum(each.score for each in scores), max_score=quiz.max_score, questions=scores)


def _score_question(question: Question, answer: Sequence[str]) -> QuestionScore:
    given = {answer} if isinstance(answer, str) else set(answer)
    chosen = tuple(option.id for option in question.options if option.id in given)
    return QuestionScore(question, SCORERS[question.kind](question, chosen) * question.max_score, chosen)


def _score_single(question: Question, chosen: tuple[str, ...]) -> float:
    return float(chosen == question.right_options)


def _score_multiple(question: Question, chosen: tuple[str, ...]) -> float:
    right = set(question.right_options)
    hits = len(right.intersection(chosen))
    return max(0.0, (hits - (len(chosen) - hits)) / len(right)) if right else 0.0


SCORERS: Mapping[QuestionKind, Callable[[Question, tuple[str, ...]], float]] = {
    QuestionKind.SINGLE: _score_single,
    QuestionKind.MULTIPLE: _score_multiple,
    QuestionKind.TRUE_FALSE: _score_single,
}
