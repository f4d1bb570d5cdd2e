"""A question as an author wrote it, and what may be wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from courses.quizzes.questions import QuestionKind

MAX_OPTIONS = 20

# In the languages of the factories' own pages; elsewhere an author writes `kind: true-false`.
TRUE_FALSE_WORDS = frozenset(
    {
        *("true", "false", "yes", "no"),
        *("totta", "tarua", "tosi", "epätosi", "oikein", "väärin", "kyllä", "ei"),
        *("σωστό", "λάθος", "αληθές", "ψευδές", "ναι", "όχι"),
    }
)
KIND_NAMES = {kind.value.replace("_", "-"): kind for kind in QuestionKind}


@dataclass(frozen=True)
class QuizFault:
    """Something wrong in a quiz; `line` counts from 1 in the text that holds it."""

    line: int
    code: str
    message: str


@dataclass
class Draft:
    """A question while its lines are being read."""

    line: int
    text: list[str]
    kind: str = ""
    kind_line: int = 0
    options: list["DraftOption"] = field(default_factory=list)
    explanation: list[str] = field(default_factory=list)

    @property
    def right_options(self) -> int:
        return sum(option.is_right for option in self.options)


@dataclass
class DraftOption:
    line: int
    is_right: bool
    text: list[str]
    explanation: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return " ".join(self.text).strip()


def find_kind(draft: Draft) -> QuestionKind | None:
    """The kind that the author wrote, else the one that the options show; None for one that there is not."""
    if draft.kind:
        return KIND_NAMES.get(draft.kind)
    if draft.right_options > 1:
        return QuestionKind.MULTIPLE
    words = [option.words.strip(" .").lower() for option in draft.options]
    if len(words) == 2 and TRUE_FALSE_WORDS.issuperset(words):
        return QuestionKind.TRUE_FALSE
    return QuestionKind.SINGLE


def check_draft(draft: Draft) -> list[QuizFault]:
    """Everything that is wrong with a question."""
    return [*_check_words(draft), *_check_kind(draft), *_check_number(draft), *_check_options(draft)]


def _check_words(draft: Draft) -> Iterator[QuizFault]:
    if not "".join(draft.text).strip():
        yield QuizFault(draft.line, "no-text", _("This question has no words."))
    if not "".join(draft.explanation).strip():
        message = _("This question has no explanation: a line that begins with “>”, after the options.")
        yield QuizFault(draft.line, "no-explanation", message)


def _check_kind(draft: Draft) -> Iterator[QuizFault]:
    kind = find_kind(draft)
    if kind is None:
        message = _("“%(kind)s” is no kind of question; known are %(known)s.")
        names = {"kind": draft.kind, "known": ", ".join(KIND_NAMES)}
        yield QuizFault(draft.kind_line, "unknown-kind", message % names)
    if kind is QuestionKind.TRUE_FALSE and len(draft.options) > 2:
        yield QuizFault(draft.line, "too-many-options", _("A true/false question has two options."))
    if kind in (QuestionKind.SINGLE, QuestionKind.TRUE_FALSE) and draft.right_options > 1:
        message = _("A question of this kind has one right option, not several.")
        yield QuizFault(draft.line, "several-right-answers", message)


def _check_number(draft: Draft) -> Iterator[QuizFault]:
    if len(draft.options) < 2:
        message = _("A question needs two options or more, each on a line that begins with “- [ ]”.")
        yield QuizFault(draft.line, "too-few-options", message)
    elif not draft.right_options:
        message = _("No option of this question is marked as right with “[x]”.")
        yield QuizFault(draft.line, "no-right-answer", message)
    if len(draft.options) > MAX_OPTIONS:
        message = _("A question has at most %(max)d options.")
        yield QuizFault(draft.line, "too-many-options", message % {"max": MAX_OPTIONS})


def _check_options(draft: Draft) -> Iterator[QuizFault]:
    seen: set[str] = set()
    for option in draft.options:
        if not option.words:
            yield QuizFault(option.line, "empty-option", _("This option has no words."))
        elif option.words in seen:
            yield QuizFault(option.line, "same-option", _("This option says the same as another one."))
        seen.add(option.words)
