"""What is said to an author about their notebooks: all at once, with the cell and the line in the file."""

import json
from pathlib import Path

import pytest

from labs.box import BoxEnvironment
from labs.exceptions import InvalidNotebookError
from labs.nbgrader import SourceProblem, check_source, make_release
from tests.labs.nbgrader.writing import answer, code, graded, markdown, solution, task, write

SOUND = [
    markdown("# Title"),
    solution("f", "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"),
    graded("test-f", "assert f() == 1\n### BEGIN HIDDEN TESTS\nassert f() != 2\n### END HIDDEN TESTS"),
    answer("why", "Because."),
    task("plan", "Plan.\n=== BEGIN MARK SCHEME ===\nDid they?\n=== END MARK SCHEME ==="),
    code("%matplotlib inline\nfiles = !ls\nf?\nawait thing()"),
]


def check(*cells: object, **changes: object) -> list[SourceProblem]:
    return check_source({"lab.ipynb": write(*cells, **changes)})  # type: ignore[arg-type]


def line_of(content: bytes, text: str) -> int:
    return next(number for number, line in enumerate(content.decode().splitlines(), 1) if text in line)


def test_a_sound_notebook_has_no_problems() -> None:
    assert check(*SOUND) == []


def test_a_notebook_of_more_cells_than_anybody_writes_is_refused() -> None:
    (problem,) = check(*[markdown("x")] * 5001)
    assert problem.code == "not_a_notebook"
    assert "5001 cells" in problem.message


@pytest.mark.parametrize("nested", ["-" * 100_000 + "1", "a" + ".b" * 100_000, "(" * 100_000])
def test_code_that_is_nested_too_deep_ends_no_check(nested: str) -> None:
    (problem,) = check(*SOUND, code(nested))
    assert (problem.code, problem.cell) == ("syntax_error", len(SOUND))
    assert not problem.message.endswith(": ")


@pytest.mark.parametrize(
    ("cell", "code", "text"),
    [
        (graded("f", "x"), "duplicate_grade_id", '"grade_id": "f"'),
        (graded("", "x"), "missing_grade_id", '"nbgrader"'),
        (graded("a b", "x"), "bad_grade_id", '"grade_id": "a b"'),
        (graded("x", "x", points=-1), "bad_points", '"points": -1'),
        (graded("x", "x", points="many"), "bad_points", '"points": "many"'),  # type: ignore[arg-type]
        (graded("x", "x", points=None), "missing_points", '"grade_id": "x"'),  # type: ignore[arg-type]
        (graded("x", "x", schema_version=10), "schema_too_new", '"schema_version": 10'),
        (solution("x", "a\n### BEGIN SOLUTION\nb"), "open_region", "### BEGIN SOLUTION\\nb"),
        (code("### BEGIN SOLUTION\nb\n### END SOLUTION"), "misplaced_region", "BEGIN SOLUTION"),
        (code("### BEGIN HIDDEN TESTS\nb\n### END HIDDEN TESTS"), "misplaced_region", "BEGIN HIDDEN"),
        (markdown("BEGIN MARK SCHEME\nb\nEND MARK SCHEME"), "misplaced_region", "BEGIN MARK"),
        (solution("x", "### BEGIN SOLUTION\n### BEGIN SOLUTION #2\n### END SOLUTION"), "nested_region", "#2"),
        (graded("x", "y = 1\nif x\n    pass"), "syntax_error", "if x"),
        (graded("x", "### AUTOTEST f()"), "missing_autotests", "AUTOTEST"),
        (markdown("x", nbgrader={**graded("x", "")["metadata"]["nbgrader"]}), "bad_metadata", '"nbgrader"'),
        (markdown("x", nbgrader=[]), "bad_metadata", '"nbgrader"'),
    ],
)
def test_a_problem_is_named_with_its_cell_and_line(cell: dict[str, object], code: str, text: str) -> None:
    content = write(*SOUND, cell)
    wanted = [problem for problem in check_source({"lab.ipynb": content}) if problem.cell == len(SOUND)]
    assert [problem.code for problem in wanted] == [code]
    if "\\n" in text:
        text = text.split("\\n", maxsplit=1)[0]
    lines = content.decode().splitlines()
    assert wanted[0].line is not None
    assert text in lines[wanted[0].line - 1]
    assert wanted[0].message


def test_every_problem_of_every_notebook_is_said_at_once() -> None:
    problems = check_source(
        {
            "a.ipynb": write(graded("x", "1"), graded("x", "1", points=-1)),
            "b.ipynb": b'{\n "cells": [\n  {"cell_type" "code"}\n ]\n}',
            "c.ipynb": b'{"nbformat": 4}',
            "data/d.ipynb": b"below the top level it is a file like any other",
        }
    )
    said = [(problem.notebook, problem.cell, problem.code) for problem in problems]
    assert said == [
        ("a.ipynb", 0, "duplicate_grade_id"),
        ("a.ipynb", 1, "duplicate_grade_id"),
        ("a.ipynb", 1, "bad_points"),
        ("b.ipynb", None, "broken_json"),
        ("c.ipynb", None, "not_a_notebook"),
    ]
    assert problems[3].line == 3


IN_R = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}


@pytest.fixture
def environment(tmp_path: Path) -> BoxEnvironment:
    return BoxEnvironment(tmp_path / "bin" / "python")


def install(prefix: Path, name: str, language: str) -> None:
    folder = prefix / "share" / "jupyter" / "kernels" / name
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({"argv": [name], "language": language}))


def test_a_notebook_whose_kernel_labs_do_not_have_is_refused_with_those_that_they_have(
    environment: BoxEnvironment, tmp_path: Path
) -> None:
    install(tmp_path, "bash", "bash")
    (problem,) = check_source({"lab.ipynb": write(*SOUND, metadata=IN_R)}, environment=environment)
    assert (problem.code, problem.is_hint) == ("unknown_kernel", False)
    assert problem.message == "Labs have no kernel “ir” for r here; there are python3, bash."
    with pytest.raises(InvalidNotebookError, match="labs have no kernel 'ir' for r"):
        make_release({"lab.ipynb": write(*SOUND, metadata=IN_R)}, name="lab", environment=environment)


def test_any_kernel_that_labs_have_will_do_and_its_code_is_not_read_as_python(
    environment: BoxEnvironment, tmp_path: Path
) -> None:
    install(tmp_path, "ir", "R")
    cells = [solution("f", "f <- function(x) 2 * x"), graded("test", "stopifnot(f(1) == 2)")]
    source = {"lab.ipynb": write(*cells, metadata=IN_R)}
    assert check_source(source, environment=environment) == []
    released = make_release(source, name="lab", environment=environment)
    cell = json.loads(released.learner_files["lab.ipynb"])["cells"][0]
    assert "".join(cell["source"]) == "# YOUR CODE HERE\nfail()"


def test_what_a_notebook_leaves_out_of_its_language_its_kernel_knows(
    environment: BoxEnvironment, tmp_path: Path
) -> None:
    install(tmp_path, "ir", "R")
    cells = [solution("f", "f <- function(x) 2 * x"), graded("test", "stopifnot(f(1) == 2)")]
    silent = {"kernelspec": {"name": "ir", "display_name": "R"}}
    source = {"lab.ipynb": write(*cells, metadata=silent)}
    assert check_source(source, environment=environment) == []
    released = json.loads(
        make_release(source, name="lab", environment=environment).learner_files["lab.ipynb"]
    )
    assert "".join(released["cells"][0]["source"]) == "# YOUR CODE HERE\nfail()"
    assert released["metadata"]["kernelspec"]["language"] == "R"


@pytest.mark.parametrize("path", ["more/lab.ipynb", ".lab.ipynb"])
def test_a_notebook_that_would_reach_learners_with_its_solution_is_named(path: str) -> None:
    source = {"lab.ipynb": write(*SOUND), path: write(*SOUND), "data/plain.ipynb": write(code("1"))}
    (problem,) = check_source(source)
    assert (problem.notebook, problem.code, problem.is_hint) == (path, "nested_notebook", False)


def test_where_no_lab_runs_another_kernel_is_no_error(environment: BoxEnvironment) -> None:
    (problem,) = check(*SOUND[:1], graded("test", "x <- 1"), metadata=IN_R)
    assert (problem.code, problem.is_hint) == ("kernel_not_seen", True)


def test_autotests_are_for_the_kernels_that_nbgrader_has_them_for(
    environment: BoxEnvironment, tmp_path: Path
) -> None:
    install(tmp_path, "ir", "R")
    install(tmp_path, "bash", "bash")
    tests = {"autotests.yml": b""}
    in_bash = {"kernelspec": {"name": "bash", "display_name": "Bash", "language": "bash"}}
    for metadata, codes in [(IN_R, []), (in_bash, ["no_autotests"])]:
        source = {**tests, "lab.ipynb": write(graded("test", "### AUTOTEST f 3"), metadata=metadata)}
        assert [problem.code for problem in check_source(source, environment=environment)] == codes


def test_a_source_without_notebooks_is_a_problem() -> None:
    assert [problem.code for problem in check_source({"data.csv": b""})] == ["no_notebooks"]


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_lines_are_found_however_the_file_is_indented(indent: int | None) -> None:
    content = json.dumps(
        json.loads(write(markdown("a"), graded("x", "x = (", points=1))), indent=indent
    ).encode()
    problem = check_source({"lab.ipynb": content})[0]
    assert problem.line == line_of(content, "x = (")
