"""All that the first grading of a process would wait for, done before anybody waits: in no box, with no learner."""

import json
from pathlib import Path
from typing import Any, Final

from nbformat import NotebookNode

from labs.box import BoxEnvironment, BoxLimits, Execution
from labs.nbgrader.grading import autograde
from labs.nbgrader.release import make_release
from labs.states import GradingOutcome

_FLAGS: Final = {"schema_version": 3, "grade": False, "locked": False, "solution": False, "task": False}
_ANSWER: Final = "### BEGIN SOLUTION\nx = 1\n### END SOLUTION"
_TEST: Final = "assert x == 1, 'one'\n### BEGIN HIDDEN TESTS\nassert x != 2\n### END HIDDEN TESTS"


def warm_up() -> None:
    """Release and grade a small lab whose cells are not run: mappers, schemas and validators are made by then."""
    environment = BoxEnvironment(Path("python"))
    lab = make_release({"lab.ipynb": _write_notebook()}, name="warming", environment=environment)
    autograde(lab, lab.learner_files, limits=BoxLimits(), environment=environment, execute_with=_run_nothing)


def _run_nothing(notebook: NotebookNode, **_box: Any) -> Execution:
    return Execution(notebook, GradingOutcome.SCORED, None, (), 0.0)


def _write_notebook() -> bytes:
    answer = _write_cell(_ANSWER, grade_id="answer", solution=True)
    test = _write_cell(_TEST, grade_id="test", grade=True, locked=True, points=1)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": [answer, test],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 4,
    }
    return json.dumps(notebook).encode()


def _write_cell(source: str, **nbgrader: object) -> dict[str, object]:
    return {
        "cell_type": "code",
        "metadata": {"nbgrader": {**_FLAGS, **nbgrader}},
        "source": source,
        "execution_count": None,
        "outputs": [],
    }
