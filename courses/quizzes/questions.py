"""What a quiz consists of, and how it is kept as JSON.

A further kind of question is a member of QuestionKind, a scorer in `scoring.SCORERS` and, when it needs more
than options, fields of Question that have a default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from django.utils.safestring import SafeString

from courses.markdown import render_inline, render_markdown


class QuestionKind(StrEnum):
    """How a question is answered. `true_false` is scored as `single`; a page may draw it otherwise."""

    SINGLE = "single"
    MULTIPLE = "multiple"
    TRUE_FALSE = "true_false"


@dataclass(frozen=True)
class Option:
    """One answer to choose. `id` is its place among the options (a, b, c), `line` its line in the source."""

    id: str
    text: str
    is_right: bool
    explanation: str = ""
    line: int = field(default=1, compare=False)

    @property
    def html(self) -> SafeString:
        return render_inline(self.text)

    @property
    def explanation_html(self) -> SafeString:
        return render_inline(self.explanation)


@dataclass(frozen=True)
class Question:
    """One question. `id` is its place in the quiz (q1, q2), so it is the same in every language."""

    id: str
    kind: QuestionKind
    text: str
    explanation: str
    options: tuple[Option, ...] = ()
    max_score: float = 1.0
    line: int = field(default=1, compare=False)

    @property
    def right_options(self) -> tuple[str, ...]:
        return tuple(option.id for option in self.options if option.is_right)

    @property
    def html(self) -> SafeString:
        return render_markdown(self.text, trusted=True, id_prefix=f"{self.id}-")

    @property
    def explanation_html(self) -> SafeString:
        return render_markdown(self.explanation, trusted=True, id_prefix=f"{self.id}-why-")


@dataclass(frozen=True)
class Quiz:
    """The questions of a unit in one language. `title` may be empty: the unit has its own."""

    title: str
    questions: tuple[Question, ...]

    @property
    def max_score(self) -> float:
        return sum(question.max_score for question in self.questions)

    def to_json(self) -> dict[str, Any]:
        """Everything but the lines, right answers included: not for a learner's eyes."""
        return {
            "title": self.title,
            "questions": [
                {
                    "id": question.id,
                    "kind": question.kind.value,
                    "text": question.text,
                    "explanation": question.explanation,
                    "max_score": question.max_score,
                    "options": [
                        {
                            "id": option.id,
                            "text": option.text,
                            "is_right": option.is_right,
                            "explanation": option.explanation,
                        }
                        for option in question.options
                    ],
                }
                for question in self.questions
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`; a KeyError or ValueError means that it was not made by it."""
        return cls(
            title=data["title"],
            questions=tuple(
                Question(
                    id=question["id"],
                    kind=QuestionKind(question["kind"]),
                    text=question["text"],
                    explanation=question["explanation"],
                    max_score=question["max_score"],
                    options=tuple(Option(**option) for option in question["options"]),
                )
                for question in data["questions"]
            ),
        )
