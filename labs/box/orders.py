"""A run of a notebook on another machine as JSON: what is asked, and what came of it. Neither side trusts the other."""

import base64
import binascii
import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

from labs.box.execution import Execution, find_tags, is_run, name_cell
from labs.box.file_names import check_file_names
from labs.box.kernel import KernelStartError
from labs.box.limits import BoxLimits
from labs.box.outputs import remake_output
from labs.box.watching import Fault
from labs.box.wire import BrokenMessageError
from labs.states import GradingOutcome

if TYPE_CHECKING:
    from nbformat import NotebookNode

MAX_ORDER_BYTES: Final = (
    192 * 1024 * 1024
)  # a workspace of 50 MB and a notebook of 32 MB, with room for base64
_MAX_SECONDS: Final = 24 * 3600.0
_OUTCOMES: Final = frozenset(GradingOutcome) - {GradingOutcome.INVALID_NOTEBOOK, GradingOutcome.TAMPERED}
_REASONS: Final = frozenset({"", KernelStartError.reason, *(fault.value for fault in Fault)})
# JSON may write a byte of text as six, and a message of eleven bytes is an output of ninety; what cuts an output off,
# and an error for each cell, comes on top.
_GROWTH: Final = 9
_CELL_BYTES: Final = 32 * 1024
_FRAME_BYTES: Final = 1024 * 1024


class WrongOrderError(ValueError):
    """What came over the line is no order, or no answer to this one."""


@dataclass(frozen=True)
class Order:
    """What `execute_notebook` is asked, but for the environment, which is the other machine's own."""

    notebook: "NotebookNode"
    files: Mapping[str, bytes]
    limits: BoxLimits
    allow_errors: bool = True
    variables: Mapping[str, str] | None = None


def order_to_json(order: Order) -> bytes:
    wire = {
        "notebook": _reduce(order.notebook),
        "files": {name: base64.b64encode(content).decode("ascii") for name, content in order.files.items()},
        "limits": asdict(order.limits),
        "allow_errors": order.allow_errors,
        "variables": dict(order.variables or {}),
    }
    return json.dumps(wire).encode()


def _reduce(notebook: "NotebookNode") -> dict[str, object]:
    """What a run reads of a notebook: which kernel, and of each cell what it does and is called."""
    kernel = notebook.metadata.get("kernelspec", {})
    language = notebook.metadata.get("language_info", {})
    return {
        "metadata": {
            "kernelspec": {name: str(kernel[name]) for name in ("name", "language") if name in kernel},
            "language_info": {name: str(language[name]) for name in ("name",) if name in language},
        },
        "cells": [
            {
                "cell_type": cell.cell_type,
                "source": cell.source if cell.cell_type == "code" else "",
                "id": name_cell(cell, index),
                "metadata": {"tags": find_tags(cell)},
            }
            for index, cell in enumerate(notebook.cells)
        ],
    }


def order_from_json(body: bytes) -> Order:
    """Raises WrongOrderError for whatever `order_to_json` would not have written."""
    from nbformat import from_dict

    wire = _object(read_json(body))
    notebook = _object(wire.get("notebook"))
    cells = notebook.get("cells")
    if (
        not isinstance(cells, list)
        or not all(map(_is_cell, cells))
        or not _is_object(notebook.get("metadata"))
    ):
        raise WrongOrderError("no notebook")
    try:
        files = {
            name: base64.b64decode(_text(content), validate=True)
            for name, content in _object(wire.get("files")).items()
        }
    except binascii.Error:
        raise WrongOrderError("a file that is no base64") from None
    if check_file_names(files):
        raise WrongOrderError("a file outside of the working folder")
    variables = {name: _text(value) for name, value in _object(wire.get("variables")).items()}
    return Order(
        from_dict(notebook), files, _limits(wire.get("limits")), wire.get("allow_errors") is True, variables
    )


def _limits(value: object) -> BoxLimits:
    wire = _object(value)
    if set(wire) != {field.name for field in fields(BoxLimits)}:
        raise WrongOrderError("no limits")
    return BoxLimits(**{name: _size(told) for name, told in wire.items()})


def _size(value: object) -> Any:
    """A positive number, a whole one where it came as one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= 2**50:  # type: ignore[operator]
        raise WrongOrderError("a limit that is none")
    return value


def execution_to_json(execution: Execution) -> dict[str, Any]:
    """Only what the run has added to the notebook: the rest is known where the answer goes."""
    return {
        "outcome": execution.outcome.value,
        "faulty_cell": execution.faulty_cell,
        "not_run": list(execution.not_run),
        "seconds": execution.seconds,
        "reason": execution.reason,
        "faults": list(execution.faults),
        "cells": {
            str(index): {"execution_count": cell.execution_count, "outputs": cell.outputs}
            for index, cell in enumerate(execution.notebook.cells)
            if is_run(cell)
        },
    }


def execution_from_json(value: object, notebook: "NotebookNode") -> Execution:
    """The run of this notebook that an answer tells of. Nothing of the notebook but outputs comes from there.

    Raises WrongOrderError where a cell is missing or none of this notebook's, where one that was at fault or not
    run shows no error, and for everything that no box would have said.
    """
    wire = _object(value)
    ran = deepcopy(notebook)
    wanted = {str(index): cell for index, cell in enumerate(ran.cells) if is_run(cell)}
    told = _object(wire.get("cells"))
    if told.keys() != wanted.keys():
        raise WrongOrderError("other cells than were to be run")
    for index, cell in wanted.items():
        _take_results(cell, _object(told[index]))
    names: dict[str, list[Any]] = {}
    for index, cell in wanted.items():
        names.setdefault(name_cell(cell, int(index)), []).append(cell)
    not_run, faults = _names(wire.get("not_run"), names), _names(wire.get("faults"), names)
    if not all(any(map(_shows_error, names[name])) for name in {*not_run, *faults}):
        raise WrongOrderError("a cell that was not run, and shows no error")
    faulty = wire.get("faulty_cell")
    if faulty is not None and _text(faulty) not in names:
        raise WrongOrderError("a faulty cell that is none")
    outcome, reason, seconds = _text(wire.get("outcome")), _text(wire.get("reason")), wire.get("seconds")
    if outcome not in _OUTCOMES or reason not in _REASONS:
        raise WrongOrderError("no outcome")
    if not isinstance(seconds, int | float) or not 0 <= seconds < _MAX_SECONDS:
        raise WrongOrderError("no time")
    return Execution(
        ran,
        GradingOutcome(outcome),
        faulty,
        not_run,
        float(seconds),
        reason,
        faults,
    )


def most_answer_bytes(notebook: "NotebookNode", limits: BoxLimits) -> int:
    """What an honest answer cannot exceed."""
    return _GROWTH * limits.output_bytes + _CELL_BYTES * len(notebook.cells) + _FRAME_BYTES


def read_json(body: bytes) -> object:
    """JSON from outside; nesting and numbers that break the parser are refused like any other nonsense."""
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise WrongOrderError("no JSON") from None


def _refuse(name: str) -> object:
    raise WrongOrderError(f"{name} is not in JSON")


def _take_results(cell: Any, told: dict[str, Any]) -> None:
    from nbformat import from_dict

    count, outputs = told.get("execution_count"), told.get("outputs")
    if not isinstance(outputs, list) or not (count is None or (type(count) is int and 0 <= count < 2**31)):
        raise WrongOrderError("no results of a cell")
    try:
        cell.outputs = [from_dict(remake_output(output)) for output in outputs]
    except BrokenMessageError as error:
        raise WrongOrderError(f"no output: {error}") from None
    cell.execution_count = count


def _shows_error(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.outputs)


def _names(value: object, known: Mapping[str, object]) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name in known for name in value):
        raise WrongOrderError("names of no cells")
    return tuple(value)


def _is_cell(value: object) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("cell_type"), str)
        and isinstance(value.get("source"), str)
        and _is_object(value.get("metadata"))
    )


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongOrderError("no object")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise WrongOrderError("no text")
    return value
