"""What an author changed, cell by cell and file by file."""

import json
from typing import Any

import pytest

from labs.nbgrader import comparing
from labs.nbgrader.comparing import compare_lines, compare_sources, is_unchanged, name_cell
from tests.labs.nbgrader.writing import KERNEL, Cell, answer, code, graded, markdown, solution, task, write

INTRO = markdown("# Means\n\nCompute a mean.")
SOLUTION = solution("mean", "def mean(xs):\n    return sum(xs) / len(xs)")
TESTS = graded("test-mean", "assert mean([1]) == 1", points=3)
ANSWER = answer("explain", "Because.", points=2)


def compare(old: list[Cell], new: list[Cell]) -> dict[str, Any]:
    (notebook,) = compare_sources({"lab.ipynb": write(*old)}, {"lab.ipynb": write(*new)})["notebooks"]
    return dict(notebook)


def changes(old: list[Cell], new: list[Cell]) -> list[tuple[Any, ...]]:
    cells = compare(old, new)["cells"]
    return [(cell["change"], cell["name"], cell["number_before"], cell["number_after"]) for cell in cells]


def test_nothing_changed_is_nothing_shown() -> None:
    notebook = compare([INTRO, SOLUTION, TESTS], [INTRO, SOLUTION, TESTS])
    assert (notebook["change"], notebook["cells"], notebook["same_count"]) == ("same", [], 3)


def test_outputs_are_no_change() -> None:
    run = {
        **TESTS,
        "execution_count": 7,
        "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}],
    }
    assert compare([TESTS], [run])["change"] == "same"


def test_a_changed_line_is_shown_with_those_around_it() -> None:
    changed = solution("mean", "def mean(xs):\n    return 0")
    notebook = compare([INTRO, SOLUTION, TESTS], [INTRO, changed, TESTS])
    assert notebook["change"] == "changed"
    (cell,) = notebook["cells"]
    assert (cell["change"], cell["name"], cell["is_moved"]) == ("changed", "mean", False)
    assert cell["lines"] == [
        [" ", "def mean(xs):"],
        ["-", "    return sum(xs) / len(xs)"],
        ["+", "    return 0"],
    ]


def test_tags_and_the_kernel_are_content_and_how_a_file_is_written_is_not() -> None:
    tagged = {**INTRO, "metadata": {"tags": ["b", "a"], "trusted": True}}
    (cell,) = compare([INTRO], [tagged])["cells"]
    assert (cell["tags_before"], cell["tags_after"], cell["lines"]) == ([], ["a", "b"], [])
    before = {"lab.ipynb": write(INTRO)}
    kernel = {"kernelspec": {**KERNEL, "name": "other"}}
    found = compare_sources(before, {"lab.ipynb": write(INTRO, metadata=kernel)})
    assert not is_unchanged(found)
    assert (found["notebooks"][0]["change"], found["notebooks"][0]["kernel_after"]) == ("changed", "other")
    rewritten = json.dumps(json.loads(write(INTRO)), separators=(",", ":")).encode()
    assert is_unchanged(compare_sources(before, {"lab.ipynb": rewritten}))
    assert not is_unchanged(compare_sources(before, {"lab.ipynb": b"{"}))
    assert not is_unchanged(compare_sources(before, {**before, "a.csv": b""}))


def test_points_and_kinds_are_told() -> None:
    notebook = compare([TESTS, ANSWER], [graded("test-mean", "assert mean([1]) == 1", points=5), ANSWER])
    (cell,) = notebook["cells"]
    assert (cell["points_before"], cell["points_after"], cell["lines"]) == (3, 5, [])
    assert (notebook["points_before"], notebook["points_after"]) == (5, 7)
    (cell,) = compare([solution("a", "x = 1")], [graded("a", "x = 1")])["cells"]
    assert (cell["kind_before"], cell["kind_after"]) == ("solution", "tests")
    (cell,) = compare([answer("a", "Say.")], [task("a", "Say.")])["cells"]
    assert (cell["kind_before"], cell["kind_after"]) == ("manual", "task")


def test_added_and_removed_cells_stand_where_they_are() -> None:
    extra = code("print(1)")
    assert changes([INTRO, SOLUTION, TESTS], [INTRO, extra, SOLUTION, TESTS]) == [("added", "", None, 2)]
    assert changes([INTRO, SOLUTION, TESTS], [SOLUTION, TESTS]) == [("removed", "", 1, None)]
    assert changes([INTRO, SOLUTION, TESTS], [INTRO, SOLUTION]) == [("removed", "test-mean", 3, None)]


def test_a_renamed_grade_id_is_two_cells_where_both_are_graded() -> None:
    renamed = graded("test-means", "assert mean([1]) == 1", points=3)
    assert [change[:2] for change in changes([TESTS], [renamed])] == [("changed", "test-means")]
    other = graded("other", "assert False", points=3)
    assert {change[:2] for change in changes([TESTS], [other])} == {
        ("added", "other"),
        ("removed", "test-mean"),
    }


def test_a_moved_cell_is_called_moved_and_the_others_are_not() -> None:
    moved = changes([INTRO, SOLUTION, TESTS, ANSWER], [ANSWER, INTRO, SOLUTION, TESTS])
    assert moved == [("moved", "explain", 4, 1)]


def test_a_rewritten_text_is_one_change() -> None:
    rewritten = markdown("# Means, anew")
    assert changes([INTRO, SOLUTION], [rewritten, SOLUTION]) == [("changed", "", 1, 1)]


def test_whole_notebooks_and_other_files() -> None:
    before = {"a.ipynb": write(TESTS), "data.csv": b"1", "same.csv": b"1", "gone/x.txt": b"12"}
    after = {"b.ipynb": write(TESTS, ANSWER), "data.csv": b"123", "same.csv": b"1"}
    found = compare_sources(before, after)
    assert [(notebook["path"], notebook["change"]) for notebook in found["notebooks"]] == [
        ("a.ipynb", "removed"),
        ("b.ipynb", "added"),
    ]
    assert found["files"] == [
        {"path": "data.csv", "change": "changed", "bytes_before": 1, "bytes_after": 3},
        {"path": "gone/x.txt", "change": "removed", "bytes_before": 2, "bytes_after": None},
    ]
    assert (found["points_before"], found["points_after"]) == (3, 5)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"cells": 3, "nbformat": 4}', b"\xff\xfe", b"[" * 99_999]
)
def test_what_is_no_notebook_is_said_and_breaks_nothing(content: bytes) -> None:
    found = compare_sources({"lab.ipynb": write(TESTS)}, {"lab.ipynb": content})
    assert found["notebooks"][0]["change"] == "unreadable"
    assert found["points_after"] is None


def test_what_is_kept_is_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_CELLS", 3)
    notebook = compare([INTRO], [INTRO, *(code(f"x = {number}") for number in range(9))])
    assert (len(notebook["cells"]), notebook["is_cut"]) == (3, True)
    lines, is_cut = compare_lines("", "\n".join(str(number) for number in range(5000)))
    assert (len(lines), is_cut) == (comparing.MAX_LINES, True)
    lines, is_cut = compare_lines("a", "b" * 5000)
    assert ([len(line) for _sign, line in lines], is_cut) == ([1, comparing.MAX_LINE], True)
    json.dumps(notebook)


def test_a_cell_is_named_by_its_grade_id_or_its_first_words() -> None:
    content = write(INTRO, TESTS)
    assert [name_cell(content, index) for index in range(3)] == ["Means", "test-mean", ""]
    assert name_cell(b"{", 0) == ""
