"""Notebooks in other languages than Python: which it is, and what stands in the place of a solution."""

import pytest
from nbformat import from_dict
from nbgrader.preprocessors import ClearSolutions
from traitlets.config import Config

from labs.nbgrader.languages import ClearEverySolution, find_language, make_stub
from tests.labs.nbgrader.writing import solution


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "python"),
        ({"kernelspec": {"name": "ir", "language": "R"}}, "r"),
        ({"kernelspec": {"name": "ir"}, "language_info": {"name": "R"}}, "r"),
        ({"kernelspec": {"language": None}}, "python"),
    ],
)
def test_a_notebook_says_its_language(metadata: dict[str, object], language: str) -> None:
    assert find_language(from_dict({"metadata": metadata})) == language


@pytest.mark.parametrize("name", sorted(ClearSolutions().code_stub))
def test_where_nbgrader_has_a_stub_it_is_hers(name: str) -> None:
    assert make_stub(name.lower()) == ClearSolutions().code_stub[name]


@pytest.mark.parametrize(
    ("language", "stub"),
    [
        ("bash", "# YOUR CODE HERE\nfalse"),
        ("julia", '# YOUR CODE HERE\nerror("No answer given")'),
        ("c++", "// YOUR CODE HERE"),
        ("sql", "-- YOUR CODE HERE"),
        ("perl", "# YOUR CODE HERE"),
    ],
)
def test_every_language_has_one(language: str, stub: str) -> None:
    assert make_stub(language) == stub


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "bash", "language": "bash"}},
        {"kernelspec": {"name": "bash"}, "language_info": {"name": "bash"}},
    ],
)
def test_solutions_are_cleared_in_any_language(metadata: dict[str, object]) -> None:
    cell = solution("f", "f() {\n  ### BEGIN SOLUTION\n  echo 1\n  ### END SOLUTION\n}")
    cell["source"] = "".join(cell["source"])
    notebook = from_dict({"metadata": metadata, "cells": [cell]})
    cleared, _resources = ClearEverySolution().preprocess(notebook, {})
    assert cleared.cells[0].source == "f() {\n  # YOUR CODE HERE\n  false\n}"


def test_a_course_may_have_a_stub_of_its_own() -> None:
    settings = Config({"ClearSolutions": {"code_stub": {"python": "raise Missing", "Bash": "exit 3"}}})
    for language, stub in [("python", "raise Missing"), ("bash", "exit 3")]:
        cell = {**solution("f", ""), "source": "the solution"}
        notebook = from_dict({"metadata": {"kernelspec": {"language": language}}, "cells": [cell]})
        cleared, _resources = ClearEverySolution(config=settings).preprocess(notebook, {})
        assert cleared.cells[0].source == stub
