"""Words for what a check finds in a draft and for what changes with it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from labs.models import LabDraft
from labs.nbgrader import advising, checking, rehearsing
from labs.views.draft_words import ADVICE, describe_changes, list_findings
from tests.labs.views.drafts import PROBLEM


def written_codes() -> Iterator[str]:
    """The codes that stand in the checks: of problems and hints, and of files that cannot be read."""
    texts = [
        Path(str(module.__file__)).read_text(encoding="utf-8") for module in (checking, advising, rehearsing)
    ]
    for node in ast.walk(ast.parse("\n".join(texts))):
        match node:
            case ast.Call(func=ast.Name("Hint"), args=[_, ast.Constant(value=str(code)), *_]):
                yield code
            case ast.Return(value=ast.Tuple(elts=[ast.Constant(value=str(code)), _])):
                yield code
            case ast.Call(func=ast.Attribute(attr="_problem"), args=[_, ast.Constant(value=str(code)), *_]):
                yield code
            case ast.Call(func=ast.Name("SourceProblem"), args=[_, _, _, ast.Constant(value=str(code)), _]):
                yield code
            case ast.Assign(targets=[ast.Name("messages")], value=ast.Dict(keys=keys)):
                yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


def test_every_problem_that_a_check_can_find_has_its_advice() -> None:
    regions = {"SOLUTION", "HIDDEN TESTS", "MARK SCHEME"}
    assert set(written_codes()) - regions == set(ADVICE)


def test_a_problem_that_nobody_thought_of_has_advice_too() -> None:
    unknown = {**PROBLEM, "code": "unknown", "notebook": "", "cell": None, "line": None}
    (finding,) = list_findings(LabDraft(problems=[unknown]))
    assert finding.advice
    assert finding.place == ""


def test_a_draft_that_was_not_compared_shows_no_changes() -> None:
    assert describe_changes({}) is None
