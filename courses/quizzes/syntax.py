"""The ```quiz blocks of a Markdown text, as the LUMI AI Factory writes them.

    title: a title                        optional, once, before the first question
    Q: the question                       may go on over further lines, fenced code included
    kind: single | multiple | true-false  optional; else one right option means single, more mean multiple
    - [x] a right option                  may go on over indented lines
      > why it is right                   optional: the explanation of this option
    - [ ] a wrong option
    > the explanation of the question     one or more lines
    ---                                   optional, between questions

Two options that say "true" and "false" make a true/false question without `kind`.
"""

import re
from string import ascii_lowercase

from django.utils.translation import gettext as _

from courses.markdown import parse_markdown
from courses.quizzes.drafts import Draft, DraftOption, QuizFault, check_draft, find_kind
from courses.quizzes.questions import Option, Question, QuestionKind, Quiz

MAX_QUESTIONS = 100
_FENCE = re.compile(r"(`{3,}|~{3,})")
_OPTION = re.compile(r"[-*] \[(?P<mark>[ xX])\](?:\s+(?P<text>.*))?$")
_SETTING = re.compile(r"(?P<key>[A-Za-z][A-Za-z_-]*):\s*(?P<value>.*)$")
_RULE = re.compile(r"-{3,}\s*$")


class QuizError(ValueError):
    """A text's quiz cannot be used; `faults` has everything that is wrong with it."""

    reason = "quiz-faults"

    def __init__(self, faults: list[QuizFault]) -> None:
        super().__init__("; ".join(f"line {fault.line}: {fault.code}" for fault in faults))
        self.faults = tuple(faults)


def has_quiz(source: str) -> bool:
    """Whether a text has a quiz block, or one that is meant to be."""
    return any(
        token.type == "fence" and _block_name(token.info).startswith("quiz")
        for token in parse_markdown(source)
    )


def parse_quiz(source: str) -> Quiz:
    """The quiz in all ```quiz blocks of a Markdown text; QuizError with every fault when there is one."""
    reader = _Reader()
    first_line = 1
    for token in parse_markdown(source):
        if token.type == "fence" and _block_name(token.info).startswith("quiz"):
            line = token.map[0] + 1 if token.map else 1
            if token.info.strip() != "quiz":
                message = _("A quiz block begins with ```quiz and nothing else, this one with ```%(info)s.")
                reader.add_fault(line, "unknown-block", message % {"info": token.info.strip()})
            first_line = first_line if first_line > 1 else line
            reader.read_block(token.content, first_line=line + 1)
    if not reader.drafts:
        reader.add_fault(
            first_line, "no-questions", _("This quiz has no question. A question begins with “Q:”.")
        )
    if len(reader.drafts) > MAX_QUESTIONS:
        message = _("This quiz has %(count)d questions, more than %(max)d.")
        reader.add_fault(
            1, "too-many-questions", message % {"count": len(reader.drafts), "max": MAX_QUESTIONS}
        )
    for draft in reader.drafts:
        reader.faults += check_draft(draft)
    if reader.faults:
        raise QuizError(sorted(reader.faults, key=lambda fault: fault.line))
    questions = (_make_question(number, draft) for number, draft in enumerate(reader.drafts, start=1))
    return Quiz(title=reader.title, questions=tuple(questions))


def compare_quizzes(source: Quiz, translation: Quiz) -> list[QuizFault]:
    """What would make an attempt count otherwise in the translation; lines are the translation's."""
    if len(source.questions) != len(translation.questions):
        message = _("The source language has %(expected)d questions, this translation %(found)d.")
        found = {"expected": len(source.questions), "found": len(translation.questions)}
        return [QuizFault(translation.questions[-1].line, "different-questions", message % found)]
    faults = []
    for ours, theirs in zip(source.questions, translation.questions, strict=True):
        if len(ours.options) != len(theirs.options):
            message = _("In the source language this question has %(expected)d options, here %(found)d.")
            found = {"expected": len(ours.options), "found": len(theirs.options)}
            faults.append(QuizFault(theirs.line, "different-options", message % found))
        elif ours.right_options != theirs.right_options:
            message = _(
                "In the source language the right options of this question are %(expected)s, here %(found)s."
            )
            found_options = {
                "expected": ", ".join(ours.right_options),
                "found": ", ".join(theirs.right_options),
            }
            faults.append(QuizFault(theirs.line, "different-answers", message % found_options))
    return faults


class _Reader:
    """Reads blocks line by line into drafts; what a line means depends on what came before it."""

    def __init__(self) -> None:
        self.title = ""
        self.drafts: list[Draft] = []
        self.faults: list[QuizFault] = []
        self._fence = ""

    def add_fault(self, line: int, code: str, message: str) -> None:
        self.faults.append(QuizFault(line, code, message))

    def read_block(self, content: str, *, first_line: int) -> None:
        draft: Draft | None = None
        for number, line in enumerate(content.rstrip("\n").split("\n"), start=first_line):
            if draft is not None and self._is_code(draft, line):
                draft.text.append(line)
            elif line.startswith("Q:"):
                draft = Draft(line=number, text=[line[2:].strip()])
                self.drafts.append(draft)
            elif draft is None:
                self._read_heading(line, number)
            elif _RULE.match(line) and draft.options:
                continue
            else:
                self._read_line(draft, line, number)
        self._fence = ""

    def _is_code(self, draft: Draft, line: str) -> bool:
        """Whether the line belongs to fenced code within the words of the question."""
        fence = _FENCE.match(line.lstrip())
        if self._fence:
            if fence and fence[1].startswith(self._fence):
                self._fence = ""
            return True
        if fence and not draft.options:
            self._fence = fence[1]
            return True
        return False

    def _read_heading(self, line: str, number: int) -> None:
        setting = _SETTING.match(line)
        if not line.strip() or _RULE.match(line):
            return
        if setting and setting["key"] == "title":
            self.title = self.title or setting["value"].strip()
        else:
            self.add_fault(number, "unexpected-line", _("Before the first “Q:” only “title:” may stand."))

    def _read_line(self, draft: Draft, line: str, number: int) -> None:
        option = _OPTION.match(line)
        setting = _SETTING.match(line)
        if option:
            draft.options.append(DraftOption(number, option["mark"] != " ", [option["text"] or ""]))
        elif setting and setting["key"] == "kind" and not draft.options:
            draft.kind, draft.kind_line = setting["value"].strip(), number
        elif line.startswith(">"):
            draft.explanation.append(line[1:].removeprefix(" "))
        elif not draft.options:
            draft.text.append(line)
        elif line[:1] in (" ", "\t") and line.lstrip().startswith(">"):
            draft.options[-1].explanation.append(line.lstrip()[1:].strip())
        elif line[:1] in (" ", "\t") and not draft.explanation:
            draft.options[-1].text.append(line.strip())
        elif line.strip():
            message = _(
                "This line belongs to nothing: an option begins with “- [ ]”, an explanation with “>”."
            )
            self.add_fault(number, "unexpected-line", message)


def _block_name(info: str) -> str:
    words = info.split()
    return words[0].lower() if words else ""


def _make_question(number: int, draft: Draft) -> Question:
    return Question(
        id=f"q{number}",
        kind=find_kind(draft) or QuestionKind.SINGLE,
        text="\n".join(draft.text).strip(),
        explanation="\n".join(draft.explanation).strip(),
        options=tuple(
            Option(
                id=ascii_lowercase[place],
                text=option.words,
                is_right=option.is_right,
                explanation=" ".join(option.explanation).strip(),
                line=option.line,
            )
            for place, option in enumerate(draft.options)
        ),
        line=draft.line,
    )
