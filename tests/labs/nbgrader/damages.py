"""Ways in which honest work arrives damaged, each a function `(name, content) -> submitted files`.

`name` is a notebook of the release without `.ipynb`, `content` a learner's work on it as a file of format 4; what comes
back are the files handed in in its place, as `autograde` takes them. `DAMAGES` says what each must be named as. A way
takes the first cell of the kind that it needs and raises LookupError where the notebook has none.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from labs.nbgrader.results import DamageKind

Notebook = dict[str, Any]
Cell = dict[str, Any]
Files = dict[str, bytes]


@dataclass(frozen=True)
class Way:
    """`kinds` are named, whatever else is; `reason` is that of the refusal, empty where the notebook is graded.

    `keeps_points` says that the marks are those of the undamaged work.
    """

    damage: Callable[[str, bytes], Files]
    kinds: frozenset[DamageKind] = frozenset()
    reason: str = ""
    keeps_points: bool = True


def find_cells(notebook: Notebook, **flags: bool) -> list[int]:
    """The places of the cells whose nbgrader flags are these, those not told being False."""
    wanted = {"grade": False, "solution": False, "task": False, **flags}
    return [
        place
        for place, cell in enumerate(notebook["cells"])
        if (meta := cell["metadata"].get("nbgrader"))
        and all(bool(meta.get(flag, False)) is is_set for flag, is_set in wanted.items())
    ]


def _first(notebook: Notebook, **flags: bool) -> int:
    places = find_cells(notebook, **flags)
    if not places:
        raise LookupError(f"no cell with {flags}")
    return places[0]


def _edited(edit: Callable[[Notebook], None]) -> Callable[[str, bytes], Files]:
    """A way that changes the notebook's JSON."""

    def damage(name: str, content: bytes) -> Files:
        notebook = json.loads(content)
        edit(notebook)
        return {f"{name}.ipynb": json.dumps(notebook, indent=1).encode()}

    return damage


def _delete_test(notebook: Notebook) -> None:
    del notebook["cells"][_first(notebook, grade=True)]


def _delete_solution(notebook: Notebook) -> None:
    del notebook["cells"][_first(notebook, solution=True)]


def _delete_answer(notebook: Notebook) -> None:
    del notebook["cells"][_first(notebook, grade=True, solution=True)]


def _duplicate_test(notebook: Notebook) -> None:
    notebook["cells"].append(deepcopy(notebook["cells"][_first(notebook, grade=True)]))


def _duplicate_solution(notebook: Notebook) -> None:
    """Split in two in JupyterLab, which gives both halves the metadata."""
    place = _first(notebook, solution=True)
    half = deepcopy(notebook["cells"][place])
    half["source"] = "# the rest\n"
    notebook["cells"].insert(place, half)


def _retype_test(notebook: Notebook) -> None:
    _retype(notebook["cells"][_first(notebook, grade=True)], "markdown")


def _retype_solution(notebook: Notebook) -> None:
    _retype(notebook["cells"][_first(notebook, solution=True)], "raw")


def _retype(cell: Cell, kind: str) -> None:
    cell["cell_type"] = kind
    for name in ("outputs", "execution_count"):
        cell.pop(name, None)


def _move_test(notebook: Notebook) -> None:
    cells = notebook["cells"]
    cells.insert(0, cells.pop(_first(notebook, grade=True)))


def _change_test(notebook: Notebook) -> None:
    notebook["cells"][_first(notebook, grade=True)]["source"] = "assert True\n"


def _change_points(notebook: Notebook) -> None:
    _meta(notebook, grade=True)["points"] = 1000


def _swap_flags(notebook: Notebook) -> None:
    _meta(notebook, grade=True).update(grade=False, locked=False, solution=True)


def _break_types(notebook: Notebook) -> None:
    meta = _meta(notebook, grade=True)
    meta.update(grade="yes", points=["many"], schema_version="three", locked=None)
    meta.pop("solution", None)


def _meta(notebook: Notebook, **flags: bool) -> dict[str, Any]:
    found: dict[str, Any] = notebook["cells"][_first(notebook, **flags)]["metadata"]["nbgrader"]
    return found


def _strip_metadata(notebook: Notebook) -> None:
    """As tools do that know nothing of nbgrader."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id", None)


def _add_graded_cell(notebook: Notebook) -> None:
    meta = {"grade_id": "bonus", "grade": True, "points": 100, "solution": False, "locked": True}
    notebook["cells"].append(
        {
            "cell_type": "code",
            "metadata": {"nbgrader": {**meta, "task": False, "schema_version": 3}},
            "source": "100",
            "execution_count": None,
            "outputs": [],
        }
    )


def _age_schema(notebook: Notebook) -> None:
    """The metadata as nbgrader 0.5 wrote it."""
    for cell in notebook["cells"]:
        meta = cell["metadata"].get("nbgrader")
        if meta and not meta.get("task"):
            meta["schema_version"] = 1
            for name in ("task", "cell_type"):
                meta.pop(name, None)


def _add_nonsense(notebook: Notebook) -> None:
    notebook["cells"][1:1] = [None, 5, "text", [], {"cell_type": {}}]


def _fill_with_output(notebook: Notebook) -> None:
    """A hundred megabytes of output, in a loop that prints."""
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    line = {"output_type": "stream", "name": "stdout", "text": "0123456789" * 1000 + "\n"}
    cell["outputs"] = [line] * 10_000


def _age_format(name: str, content: bytes) -> Files:
    """As IPython 1 and 2 wrote notebooks: format 3, cells in a worksheet, code as `input`."""
    notebook = json.loads(content)
    cells = []
    for cell in notebook["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            old |= {"input": cell["source"], "outputs": [], "language": "python", "collapsed": False}
        else:
            old |= {"source": cell["source"]}
        cells.append(old)
    worksheets = [{"cells": cells, "metadata": {}}]
    aged = {"metadata": {"name": name}, "nbformat": 3, "nbformat_minor": 0, "worksheets": worksheets}
    return {f"{name}.ipynb": json.dumps(aged).encode()}


def _rename(name: str, content: bytes) -> Files:
    return {f"{name} (final version).ipynb": content}


def _cut(name: str, content: bytes) -> Files:
    """A disk that was full: all cells but the last were written, and half of that."""
    notebook = json.loads(content)
    ordered = {"cells": notebook["cells"]} | notebook
    text = json.dumps(ordered, indent=1)
    last = text.rindex(json.dumps(notebook["cells"][-1]["cell_type"]))
    return {f"{name}.ipynb": text[: last + 10].encode()}


def _append_nuls(name: str, content: bytes) -> Files:
    return {f"{name}.ipynb": content + b"\0" * 4096}


def _append_rest(name: str, content: bytes) -> Files:
    """A shorter file written over a longer one."""
    return {f"{name}.ipynb": content + content[len(content) // 2 :]}


def _recode(name: str, content: bytes) -> Files:
    """Opened and saved by an editor that writes UTF-16."""
    return {f"{name}.ipynb": json.dumps(json.loads(content), ensure_ascii=False).encode("utf-16")}


def _leave_out(_name: str, _content: bytes) -> Files:
    return {}


def _empty(name: str, _content: bytes) -> Files:
    return {f"{name}.ipynb": b""}


def _way(
    damage: Callable[[str, bytes], Files], *kinds: DamageKind, reason: str = "", keeps: bool = True
) -> Way:
    return Way(damage, frozenset(kinds), reason, keeps)


DAMAGES: Final[dict[str, Way]] = {
    "test_deleted": _way(_edited(_delete_test), DamageKind.CELL_DELETED),
    "solution_deleted": _way(_edited(_delete_solution), DamageKind.CELL_LOST, keeps=False),
    "answer_deleted": _way(_edited(_delete_answer), DamageKind.CELL_LOST, keeps=False),
    "test_duplicated": _way(_edited(_duplicate_test), DamageKind.CELL_DUPLICATED),
    "solution_duplicated": _way(_edited(_duplicate_solution), DamageKind.CELL_DUPLICATED),
    "test_retyped": _way(_edited(_retype_test), DamageKind.CELL_RETYPED),
    "solution_retyped": _way(_edited(_retype_solution), DamageKind.CELL_RETYPED),
    "test_moved": _way(_edited(_move_test), DamageKind.CELL_MOVED),
    "test_changed": _way(_edited(_change_test), DamageKind.CELL_CHANGED),
    "points_changed": _way(_edited(_change_points), DamageKind.METADATA_CHANGED),
    "flags_swapped": _way(_edited(_swap_flags), DamageKind.METADATA_CHANGED),
    "types_broken": _way(_edited(_break_types), DamageKind.METADATA_CHANGED),
    "metadata_stripped": _way(_edited(_strip_metadata), DamageKind.METADATA_CHANGED),
    "cell_invented": _way(_edited(_add_graded_cell), DamageKind.UNKNOWN_CELL),
    "schema_aged": _way(_edited(_age_schema), DamageKind.OLD_SCHEMA),
    "format_aged": _way(_age_format, DamageKind.OLD_SCHEMA),
    "nonsense_added": _way(_edited(_add_nonsense), DamageKind.NOTEBOOK_GARBLED),
    "output_flooded": _way(_edited(_fill_with_output), DamageKind.HUGE_OUTPUT),
    "renamed": _way(_rename, DamageKind.NOTEBOOK_RENAMED),
    "cut": _way(_cut, DamageKind.NOTEBOOK_CUT, keeps=False),
    "nuls_appended": _way(_append_nuls, DamageKind.NOTEBOOK_GARBLED),
    "rest_appended": _way(_append_rest, DamageKind.NOTEBOOK_GARBLED),
    "recoded": _way(_recode, DamageKind.NOTEBOOK_GARBLED),
    "missing": _way(_leave_out, reason="missing_notebook", keeps=False),
    "emptied": _way(_empty, reason="broken_json", keeps=False),
}
