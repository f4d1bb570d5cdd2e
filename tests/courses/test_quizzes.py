"""Reading quiz blocks, scoring answers, and quizzes as JSON."""

import json
from pathlib import Path

import pytest

from courses.quizzes import (
    Option,
    Question,
    QuestionKind,
    Quiz,
    QuizError,
    compare_quizzes,
    has_quiz,
    parse_quiz,
    score_answers,
)

LUMI = Path(__file__).parents[3] / "shared" / "data" / "lumi-aif-onboarding" / "content"

SOURCE = """\
Some words.

```quiz
title: Keys

Q: What is *private*?
- [ ] The public key
  > It is for others.
- [x] The private key
> It stays with you.

---

Q: Which are partitions
of LUMI?
- [x] `small-g`
- [X] standard-g
  with whole nodes
- [ ] large-g
- [ ] huge-g
> Two of them.
> The others are made up.

Q: The Earth is flat.
- [ ] True
- [x] False.
> It is not.
```
"""


def make_quiz(*right: str, options: str = "abcd") -> Quiz:
    """A quiz of one question with these right options."""
    kind = QuestionKind.MULTIPLE if len(right) > 1 else QuestionKind.SINGLE
    made = tuple(Option(id=each, text=each, is_right=each in right) for each in options)
    return Quiz("", (Question(id="q1", kind=kind, text="?", explanation="!", options=made),))


def faults_of(source: str) -> list[tuple[int, str]]:
    with pytest.raises(QuizError) as error:
        parse_quiz(source)
    return [(fault.line, fault.code) for fault in error.value.faults]


def test_a_quiz_is_read_from_its_block() -> None:
    quiz = parse_quiz(SOURCE)
    assert quiz.title == "Keys"
    assert [(question.id, question.kind.value, question.line) for question in quiz.questions] == [
        ("q1", "single", 6),
        ("q2", "multiple", 14),
        ("q3", "true_false", 24),
    ]
    first, second, _third = quiz.questions
    assert first.text == "What is *private*?"
    assert first.html == "<p>What is <em>private</em>?</p>\n"
    assert first.options == (
        Option("a", "The public key", is_right=False, explanation="It is for others."),
        Option("b", "The private key", is_right=True),
    )
    assert second.text == "Which are partitions\nof LUMI?"
    assert second.explanation == "Two of them.\nThe others are made up."
    assert [option.text for option in second.options][:2] == ["`small-g`", "standard-g with whole nodes"]
    assert second.options[0].html == "<code>small-g</code>"
    assert second.right_options == ("a", "b")


def test_several_blocks_are_one_quiz() -> None:
    block = "```quiz\nQ: A\n- [x] B\n- [ ] C\n> D\n```\n"
    quiz = parse_quiz(f"{block}\nText between.\n\n{block}")
    assert [(question.id, question.line) for question in quiz.questions] == [("q1", 2), ("q2", 11)]


def test_a_question_may_hold_code_that_looks_like_a_quiz() -> None:
    source = "````quiz\nQ: What does this say?\n```python\nQ: 1\n- [x] 2\n---\n> 3\n```\n- [x] A\n- [ ] B\n> C\n````\n"
    (question,) = parse_quiz(source).questions
    assert question.text == "What does this say?\n```python\nQ: 1\n- [x] 2\n---\n> 3\n```"
    assert len(question.options) == 2


def test_an_author_can_say_the_kind() -> None:
    first = "Q: A\nkind: multiple\n- [x] B\n- [ ] C\n> D\n"
    source = f"```quiz\n{first}\nQ: E\nkind: true-false\n- [x] On\n- [ ] Off\n> F\n```"
    assert [question.kind for question in parse_quiz(source).questions] == [
        QuestionKind.MULTIPLE,
        QuestionKind.TRUE_FALSE,
    ]


def test_a_text_without_a_block_has_no_quiz() -> None:
    assert has_quiz(SOURCE)
    assert not has_quiz("```python\nquiz\n```\n\n    ```quiz\n")


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("", [(1, "no-questions")]),
        ("Q: A\n- [ ] B\n- [ ] C\n> D", [(2, "no-right-answer")]),
        ("Q: A\n- [x] B\n- [ ] C", [(2, "no-explanation")]),
        ("Q: A\n- [x] B\n> D", [(2, "too-few-options")]),
        ("Q:\n- [x] B\n- [ ] C\n> D", [(2, "no-text")]),
        ("Q: A\nkind: essay\n- [x] B\n- [ ] C\n> D", [(3, "unknown-kind")]),
        ("Q: A\nkind: single\n- [x] B\n- [x] C\n> D", [(2, "several-right-answers")]),
        ("Q: A\nkind: true-false\n- [x] B\n- [ ] C\n- [ ] E\n> D", [(2, "too-many-options")]),
        ("Q: A\n- [x] B\n- [ ] B\n- [ ]\n> D", [(4, "same-option"), (5, "empty-option")]),
        ("Q: A\n" + "".join(f"- [x] {n}\n" for n in range(21)) + "> D", [(2, "too-many-options")]),
        ("hello: you\nQ: A\n- [x] B\n- [ ] C\n> D", [(2, "unexpected-line")]),
        ("Q: A\n- [x] B\n- [ ] C\n> D\nwhat", [(6, "unexpected-line")]),
        (
            "Q: A\n- [ ] B\n\n---\n\nQ: E\n- [ ] F\n- [ ] G",
            [(2, "no-explanation"), (2, "too-few-options"), (7, "no-explanation"), (7, "no-right-answer")],
        ),
        ("Q: A\n- [x] B\n- [ ] C\n> D\n" * 101, [(1, "too-many-questions")]),
    ],
)
def test_faults_are_found_all_at_once(block: str, expected: list[tuple[int, str]]) -> None:
    assert faults_of(f"```quiz\n{block}\n```\n") == expected


def test_a_block_of_another_kind_is_a_fault() -> None:
    assert faults_of("\n```quiz-poll\nQ: A\n- [x] B\n- [ ] C\n> D\n```") == [(2, "unknown-block")]
    assert faults_of("No block.") == [(1, "no-questions")]


@pytest.mark.parametrize(
    ("right", "chosen", "score"),
    [
        ("b", ["b"], 1),
        ("b", ["a"], 0),
        ("b", [], 0),
        ("b", ["a", "b"], 0),
        ("b", ["b", "b"], 1),
        ("b", ["b", "z"], 1),
        ("ab", ["a", "b"], 1),
        ("ab", ["a"], 0.5),
        ("ab", ["a", "c"], 0),
        ("ab", ["a", "b", "c"], 0.5),
        ("ab", ["a", "b", "c", "d"], 0),
        ("ab", ["c", "d"], 0),
        ("ab", [], 0),
        ("abc", ["a", "b"], 2 / 3),
    ],
)
def test_answers_are_scored_with_partial_credit(right: str, chosen: list[str], score: float) -> None:
    result = score_answers(make_quiz(*right), {"q1": chosen})
    assert result.score == pytest.approx(score)
    assert result.max_score == 1
    assert result.questions[0].is_correct == (score == 1)


def test_scores_add_up_and_carry_the_explanations() -> None:
    result = score_answers(parse_quiz(SOURCE), {"q1": ["b"], "q2": ["a"], "q9": ["a"]})
    assert (result.score, result.max_score) == (1.5, 3)
    assert [each.is_correct for each in result.questions] == [True, False, False]
    assert [each.chosen for each in result.questions] == [("b",), ("a",), ()]
    assert result.questions[2].explanation == "It is not."


def test_a_quiz_survives_json() -> None:
    quiz = parse_quiz(SOURCE)
    assert Quiz.from_json(json.loads(json.dumps(quiz.to_json()))) == quiz


def test_a_translation_must_count_the_same() -> None:
    source = parse_quiz(SOURCE)
    assert (
        compare_quizzes(source, parse_quiz(SOURCE.replace("True", "Totta").replace("False", "Tarua"))) == []
    )
    shorter = SOURCE.replace("- [ ] huge-g\n", "")
    assert [(fault.line, fault.code) for fault in compare_quizzes(source, parse_quiz(shorter))] == [
        (14, "different-options")
    ]
    other = SOURCE.replace("- [ ] True\n- [x] False", "- [x] False\n- [ ] True")
    assert [(fault.line, fault.code) for fault in compare_quizzes(source, parse_quiz(other))] == [
        (24, "different-answers")
    ]
    fewer = SOURCE[: SOURCE.index("Q: The Earth")] + "```\n"
    assert [fault.code for fault in compare_quizzes(source, parse_quiz(fewer))] == ["different-questions"]


@pytest.mark.skipif(not LUMI.is_dir(), reason="the LUMI AI Factory's course is not beside this project")
def test_all_quizzes_of_the_lumi_course_are_read() -> None:
    chapters = [path.read_text() for path in sorted(LUMI.glob("*.md")) if has_quiz(path.read_text())]
    quizzes = [parse_quiz(chapter) for chapter in chapters]
    assert len(quizzes) == 8
    for chapter, quiz in zip(chapters, quizzes, strict=True):
        block = chapter[chapter.index("```quiz") :]
        assert len(quiz.questions) == block.count("\nQ:")
        assert sum(len(question.options) for question in quiz.questions) == block.count("\n- [")
        assert sum(len(question.right_options) for question in quiz.questions) == block.count("\n- [x]")
        answers = {question.id: question.right_options for question in quiz.questions}
        assert score_answers(quiz, answers).score == quiz.max_score
