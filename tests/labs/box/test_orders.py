"""Orders and answers there and back; and answers that a box never gave."""

import json
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from labs.box import BoxLimits, Execution
from labs.box.orders import (
    Order,
    WrongOrderError,
    execution_from_json,
    execution_to_json,
    most_answer_bytes,
    order_from_json,
    order_to_json,
    read_json,
)
from labs.box.outputs import DisplayPlaces, OutputBudget, OutputCollector
from labs.box.wire import Message
from labs.states import GradingOutcome


def make_notebook() -> NotebookNode:
    """A task with a grade id, text, a cell that is skipped, and one that is called by its number."""
    graded = new_code_cell("f(1)", id="a", metadata={"nbgrader": {"grade_id": "test-f"}})
    skipped = new_code_cell("never()", id="c", metadata={"tags": ["skip-execution"]})
    plain = new_code_cell("print(2)", id="d")
    notebook: NotebookNode = new_notebook(cells=[graded, new_markdown_cell("Text", id="b"), skipped, plain])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata.mine = {"anything": [float("nan")]}
    return notebook


@pytest.fixture
def notebook() -> NotebookNode:
    return make_notebook()


@pytest.fixture
def execution(notebook: NotebookNode) -> Execution:
    """Its run: the first cell was at fault, the last was not run."""
    ran = deepcopy(notebook)
    ran.cells[0].outputs = [new_output("error", ename="Timeout", evalue="", traceback=["Timeout"])]
    ran.cells[0].execution_count = 1
    ran.cells[3].outputs = [new_output("error", ename="CellNotRun", evalue="", traceback=["CellNotRun"])]
    return Execution(
        ran, GradingOutcome.TIMEOUT, "test-f", ("d",), seconds=1.5, reason="timeout", faults=("test-f",)
    )


def test_a_run_comes_back_as_it_was(notebook: NotebookNode, execution: Execution) -> None:
    told = json.loads(json.dumps(execution_to_json(execution)))

    assert execution_from_json(told, notebook) == execution
    assert not notebook.cells[0].outputs  # what was sent is left as it is


def test_an_order_holds_what_a_run_needs_and_nothing_else(notebook: NotebookNode) -> None:
    limits = BoxLimits(cell_seconds=1.5)
    order = Order(notebook, {"data/a.bin": b"\0\xff"}, limits, allow_errors=False, variables={"A": "b"})

    body = order_to_json(order)
    read = order_from_json(body)

    assert (read.files, read.limits, read.allow_errors, read.variables) == (
        {"data/a.bin": b"\0\xff"}, limits, False, {"A": "b"},
    )  # fmt: skip
    assert [cell.source for cell in read.notebook.cells] == ["f(1)", "", "never()", "print(2)"]
    assert [cell.id for cell in read.notebook.cells] == ["test-f", "b", "c", "d"]
    assert b"mine" not in body


@pytest.mark.parametrize(
    "change",
    [
        {"notebook": []},
        {"notebook": {"cells": [{"cell_type": "code"}], "metadata": {}}},
        {"files": {"../a": ""}},
        {"files": {"/a": ""}},
        {"files": {"a": "no base64!"}},
        {"files": {"a": 3}},
        {"limits": {}},
        {"limits": {**vars(BoxLimits()), "processes": -1}},
        {"limits": {**vars(BoxLimits()), "memory_bytes": "all"}},
        {"limits": {**vars(BoxLimits()), "memory_bytes": True}},
        {"variables": {"A": 1}},
    ],
)
def test_what_is_no_order_is_refused(notebook: NotebookNode, change: dict[str, object]) -> None:
    wire = json.loads(order_to_json(Order(notebook, {}, BoxLimits())))

    with pytest.raises(WrongOrderError):
        order_from_json(json.dumps({**wire, **change}).encode())


STREAM = {"output_type": "stream", "name": "stdout", "text": "2"}


def outputs_of(*outputs: object, count: object = 1) -> dict[str, object]:
    return {"execution_count": count, "outputs": list(outputs)}


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "tampered"},
        {"outcome": "full_marks"},
        {"outcome": ["scored"]},
        {"reason": "<script>"},
        {"reason": {}},
        {"seconds": -1},
        {"seconds": "1"},
        {"seconds": 1e12},
        {"faulty_cell": "nobody"},
        {"faulty_cell": ["test-f"]},
        {"faults": ["nobody"]},
        {"faults": "test-f"},
        {"not_run": [["d"]]},
        {"cells": {}},
        {"cells": []},
        {"cells": {"0": outputs_of(), "3": outputs_of(), "2": outputs_of()}},
        {"cells": {"0": outputs_of(), "7": outputs_of()}},
        {"cells": {"0": outputs_of(STREAM), "3": outputs_of()}},  # at fault and not run, without an error
        {"cells": {"0": outputs_of("text"), "3": outputs_of()}},
        {"cells": {"0": outputs_of({"output_type": "pyout"}), "3": outputs_of()}},
        {"cells": {"0": outputs_of({**STREAM, "name": "stdin"}), "3": outputs_of()}},
        {"cells": {"0": outputs_of({**STREAM, "text": ["2"]}), "3": outputs_of()}},
        {"cells": {"0": outputs_of({"output_type": ["stream"]}), "3": outputs_of()}},
        {"cells": {"0": outputs_of(count=-1), "3": outputs_of()}},
        {"cells": {"0": outputs_of(count=True), "3": outputs_of()}},
        {"cells": {"0": outputs_of(count="1"), "3": outputs_of()}},
    ],
    ids=str,
)
def test_what_no_box_would_say_is_refused(
    notebook: NotebookNode, execution: Execution, change: dict[str, Any]
) -> None:
    wire = json.loads(json.dumps(execution_to_json(execution)))

    with pytest.raises(WrongOrderError):
        execution_from_json({**wire, **change}, notebook)


@pytest.mark.parametrize("answer", [None, [], "text", 3])
def test_an_answer_that_is_no_object_is_refused(notebook: NotebookNode, answer: object) -> None:
    with pytest.raises(WrongOrderError):
        execution_from_json(answer, notebook)


def test_nothing_of_the_notebook_but_its_outputs_comes_back(
    notebook: NotebookNode, execution: Execution
) -> None:
    wire = json.loads(json.dumps(execution_to_json(execution)))
    display = {"output_type": "display_data", "data": {"text/plain": "\0"}, "metadata": {}, "extra": 1}
    wire["cells"]["3"] = {**outputs_of(*wire["cells"]["3"]["outputs"], display), "source": "answer = 42"}
    wire["notebook"] = {"cells": []}

    came_back = execution_from_json(wire, notebook)

    assert [cell.source for cell in came_back.notebook.cells] == [cell.source for cell in notebook.cells]
    assert came_back.notebook.cells[3].outputs[1] == {
        "output_type": "display_data", "data": {"text/plain": "\N{REPLACEMENT CHARACTER}"}, "metadata": {},
    }  # fmt: skip


def test_a_cell_of_another_ones_name_is_found_among_all_of_that_name(execution: Execution) -> None:
    execution.notebook.cells[3].metadata.nbgrader = {"grade_id": "test-f"}
    twice = replace(execution, not_run=(), faults=("test-f",))
    twice.notebook.cells[3].outputs = []

    came_back = execution_from_json(execution_to_json(twice), twice.notebook)

    assert came_back.faults == ("test-f",)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"NaN", b"{", b"\xff", b'{"a": 1' + b"0" * 10_000 + b"}"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(WrongOrderError):
        read_json(body)


def test_an_answer_of_the_smallest_outputs_is_still_an_honest_one() -> None:
    """A learner's code can send messages of its own: what the kernel may keep, an answer must have room for."""
    limits, content = BoxLimits(), b'{"data":{}}'
    message = Message("iopub", "execute_result", "", len(content), content)
    budget = OutputBudget(limits.output_bytes)
    notebook = new_notebook(cells=[new_code_cell("x") for _ in range(12)])
    for cell in notebook.cells:
        share = budget.open_share()
        collector = OutputCollector(share, DisplayPlaces())
        for _ in range(share.remaining // len(content)):
            collector.add(message)
        cell.outputs = collector.outputs
    execution = Execution(notebook, GradingOutcome.SCORED, None, (), 0.1)

    answer = {"status": "finished", "execution": execution_to_json(execution)}

    assert len(json.dumps(answer)) <= most_answer_bytes(notebook, limits)
