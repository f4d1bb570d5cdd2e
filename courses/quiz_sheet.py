"""A quiz as a page draws it: to be answered, or answered with what was right and why."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from courses.quizzes import Option, Question, QuestionKind, QuestionScore, Quiz, score_answers


@dataclass(frozen=True)
class SheetOption:
    option: Option
    is_chosen: bool


@dataclass(frozen=True)
class SheetQuestion:
    """A question with its options; `result` is None while it is to be answered."""

    number: int
    question: Question
    options: tuple[SheetOption, ...]
    result: QuestionScore | None

    @property
    def takes_several(self) -> bool:
        return self.question.kind == QuestionKind.MULTIPLE

    @property
    def is_partly_right(self) -> bool:
        return self.result is not None and 0 < self.result.score < self.question.max_score


@dataclass(frozen=True)
class Sheet:
    """All questions; `score` is None while they are to be answered."""

    questions: tuple[SheetQuestion, ...]
    score: float | None
    max_score: float

    @property
    def is_answered(self) -> bool:
        return self.score is not None


def make_sheet(quiz: Quiz, answers: Mapping[str, Sequence[str]] | None) -> Sheet:
    """The sheet of a quiz, marked when there are answers."""
    score = score_answers(quiz, answers) if answers is not None else None
    results = score.questions if score else (None,) * len(quiz.questions)
    questions = tuple(
        SheetQuestion(
            number=number,
            question=question,
            options=tuple(
                SheetOption(option, is_chosen=result is not None and option.id in result.chosen)
                for option in question.options
            ),
            result=result,
        )
        for number, (question, result) in enumerate(zip(quiz.questions, results, strict=True), start=1)
    )
    return Sheet(questions, score.score if score else None, quiz.max_score)
