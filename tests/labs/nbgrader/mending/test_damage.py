"""Each way of damage: what is mended from the release, what is named, and what nobody waits for."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from nbformat import NotebookNode

from labs.nbgrader.mending.damage import mend_cells, sort_damage
from labs.nbgrader.mending.recognising import ReleasedNotebook, read_id
from labs.nbgrader.notebooks import read_source, read_submission
from labs.nbgrader.results import Damage, DamageKind
from tests.labs.nbgrader.damages import DAMAGES, Way
from tests.labs.nbgrader.preparing import KNOWN, SOURCE, list_ids, release_without_box, show_known, work_on
from tests.labs.nbgrader.writing import code, graded, markdown, solution, task, write

MENDED = [(name, way) for name, way in DAMAGES.items() if not way.reason and name != "renamed"]
PLAIN = ["# Double it", "import math", "double", "test-double", "## Halve it", "start = 8"]


@pytest.fixture(scope="module")
def work() -> bytes:
    return work_on(release_without_box({"lab.ipynb": SOURCE}))


@pytest.fixture(scope="module")
def released() -> ReleasedNotebook:
    return ReleasedNotebook(
        read_source(release_without_box({"lab.ipynb": SOURCE}).learner_files["lab.ipynb"])
    )


def mend(content: bytes, released: ReleasedNotebook) -> tuple[NotebookNode, tuple[Damage, ...]]:
    notebook, kinds = read_submission(content)
    damage = {Damage(kind) for kind in kinds} | mend_cells(notebook, released)
    return notebook, sort_damage(damage, released)


def edit_cells(
    content: bytes, edit: Callable[[dict[str, dict[str, Any]], list[dict[str, Any]]], None]
) -> bytes:
    """The notebook after `edit` of its cells, given by grade id and as they stand."""
    notebook = json.loads(content)
    cells = notebook["cells"]
    known = {
        cell["metadata"]["nbgrader"]["grade_id"]: cell for cell in cells if "nbgrader" in cell["metadata"]
    }
    edit(known, cells)
    return json.dumps(notebook).encode()


def name(damage: tuple[Damage, ...]) -> list[tuple[str, str]]:
    return [(each.kind.value, each.grade_id) for each in damage]


def test_undamaged_work_is_left_as_it_is(work: bytes, released: ReleasedNotebook) -> None:
    notebook, damage = mend(work, released)
    assert damage == ()
    assert list_ids(notebook) == [*PLAIN, *KNOWN[2:]]
    assert notebook.cells == read_submission(work)[0].cells


def test_there_are_at_least_fifteen_ways() -> None:
    assert len(DAMAGES) >= 15
    assert {kind for way in DAMAGES.values() for kind in way.kinds} == set(DamageKind)


@pytest.mark.parametrize("way", [way for _name, way in MENDED], ids=[name for name, _way in MENDED])
def test_damage_is_named_and_every_known_cell_stands_at_its_place(
    way: Way, work: bytes, released: ReleasedNotebook
) -> None:
    (content,) = way.damage("lab", work).values()
    notebook, damage = mend(content, released)
    assert way.kinds <= {each.kind for each in damage}
    assert [each for each in list_ids(notebook) if each in KNOWN] == KNOWN
    if way.keeps_points:
        assert show_known(notebook) == show_known(mend(work, released)[0])
        assert not any(each.kind is DamageKind.CELL_LOST for each in damage)


@pytest.mark.parametrize(
    ("way", "named"),
    [
        ("test_deleted", [("cell_deleted", "test-double")]),
        ("solution_deleted", [("cell_lost", "double")]),
        ("answer_deleted", [("cell_lost", "explain")]),
        ("test_duplicated", [("cell_duplicated", "test-double")]),
        ("solution_duplicated", [("cell_duplicated", "double")]),
        ("test_retyped", [("cell_retyped", "test-double")]),
        ("solution_retyped", [("cell_retyped", "double")]),
        ("test_moved", [("cell_moved", "test-double")]),
        ("test_changed", [("cell_changed", "test-double")]),
        ("flags_swapped", [("metadata_changed", "test-double")]),
        ("metadata_stripped", [("metadata_changed", grade_id) for grade_id in KNOWN]),
        ("cell_invented", [("unknown_cell", "bonus")]),
        ("schema_aged", [("old_schema", "")]),
        ("cut", [("notebook_cut", ""), ("cell_deleted", "plan")]),
        ("rest_appended", [("notebook_garbled", "")]),
        ("output_flooded", [("huge_output", "")]),
    ],
)
def test_what_is_wrong_is_named_and_nothing_else(
    way: str, named: list[tuple[str, str]], work: bytes, released: ReleasedNotebook
) -> None:
    (content,) = DAMAGES[way].damage("lab", work).values()
    assert name(mend(content, released)[1]) == named


def test_a_deleted_test_comes_back_behind_the_learners_own_cells(
    work: bytes, released: ReleasedNotebook
) -> None:
    def delete(known: dict[str, Any], cells: list[Any]) -> None:
        cells[cells.index(known["test-double"])] = code("print(double(2))")

    notebook, _damage = mend(edit_cells(work, delete), released)
    assert list_ids(notebook)[2:6] == ["double", "print(double(2))", "test-double", "## Halve it"]


@pytest.fixture(scope="module")
def functions() -> ReleasedNotebook:
    """Two functions, each with its test."""
    cells = [
        each
        for name in ("f", "g")
        for each in (
            solution(name, f"def {name}():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"),
            graded(f"test-{name}", f"assert {name}() == 1"),
        )
    ]
    content = release_without_box({"lab.ipynb": write(*cells)}).learner_files["lab.ipynb"]
    return ReleasedNotebook(read_source(content))


def test_what_was_written_into_another_answer_wins_over_the_lost_one(functions: ReleasedNotebook) -> None:
    merged = solution("f", "def f(): return 1\ndef g(): return 1")
    notebook, damage = mend(write(merged, graded("test-f", "assert f() == 1")), functions)
    assert ("cell_lost", "g") in name(damage)
    assert list_ids(notebook) == ["g", "f", "test-f", "test-g"]


def test_an_answer_without_metadata_is_known_by_what_it_defines(functions: ReleasedNotebook) -> None:
    own = [code("x = 1"), code("def g():\n    return 1"), code("print(g())")]
    known = [solution("f", "def f(): return 1"), graded("test-f", "assert f() == 1")]
    notebook, damage = mend(write(*own, *known), functions)
    assert name(damage) == [("cell_moved", "g"), ("metadata_changed", "g"), ("cell_deleted", "test-g")]
    assert list_ids(notebook) == ["x = 1", "print(g())", "f", "test-f", "g", "test-g"]


def test_a_cell_id_says_which_cell_lost_its_metadata(released: ReleasedNotebook) -> None:
    known = ReleasedNotebook(deepcopy(NotebookNode(cells=released.cells)))
    for cell in known.cells:
        cell["id"] = f"id-{read_id(cell)}"
    answers = [{**markdown(text), "id": f"id-{name}"} for name, text in (("compare", "B"), ("explain", "A"))]
    notebook, _kinds = read_submission(write(markdown("mine"), *answers))
    damage = mend_cells(notebook, known)
    assert {Damage(DamageKind.METADATA_CHANGED, name) for name in ("explain", "compare")} <= damage
    assert [cell.source for cell in notebook.cells if read_id(cell) in ("explain", "compare")] == ["A", "B"]


@pytest.mark.parametrize("answered", ["explain", "compare"])
def test_of_answers_that_read_alike_the_blank_one_is_not_taken_for_another(
    answered: str, work: bytes, released: ReleasedNotebook
) -> None:
    def strip(known: dict[str, Any], cells: list[Any]) -> None:
        for name in ("explain", "compare"):
            known[name]["source"] = "Mine." if name == answered else "YOUR ANSWER HERE"
        for cell in cells:
            cell["metadata"] = {}

    notebook, _damage = mend(edit_cells(work, strip), released)
    texts = {meta["grade_id"]: text for _type, text, meta in show_known(notebook)}
    assert {name for name in ("explain", "compare") if texts[name] == "Mine."} == {answered}


def test_moved_cells_are_as_few_as_possible(work: bytes, released: ReleasedNotebook) -> None:
    def move(known: dict[str, Any], cells: list[Any]) -> None:
        cells.append(cells.pop(cells.index(known["double"])))
        cells.append(markdown("mine"))

    notebook, damage = mend(edit_cells(work, move), released)
    assert name(damage) == [("cell_moved", "double")]
    assert list_ids(notebook) == [*PLAIN, *KNOWN[2:], "mine"]


def test_of_copies_an_answer_counts_rather_than_a_blank(work: bytes, released: ReleasedNotebook) -> None:
    def copy(known: dict[str, Any], cells: list[Any]) -> None:
        blank = {**known["explain"], "source": "YOUR ANSWER HERE  \n"}
        cells.insert(cells.index(known["explain"]) + 1, blank)

    notebook, damage = mend(edit_cells(work, copy), released)
    assert name(damage) == [("cell_duplicated", "explain")]
    assert [text for _type, text, meta in show_known(notebook) if meta["grade_id"] == "explain"] == [
        "Twice is two times."
    ]


def test_of_copies_the_last_counts_as_with_nbgrader(work: bytes, released: ReleasedNotebook) -> None:
    def copy(known: dict[str, Any], cells: list[Any]) -> None:
        place = cells.index(known["double"])
        cells.insert(place, {**known["double"], "source": "first = 1"})

    notebook, _damage = mend(edit_cells(work, copy), released)
    assert list_ids(notebook)[2:4] == ["first = 1", "double"]


def test_what_editors_do_at_the_ends_of_lines_is_no_damage(work: bytes, released: ReleasedNotebook) -> None:
    def strip(known: dict[str, Any], _cells: list[Any]) -> None:
        known["test-double"]["source"] = (
            "".join(known["test-double"]["source"]).replace("\n", "  \r\n") + "\n\n"
        )

    assert mend(edit_cells(work, strip), released)[1] == ()


@pytest.mark.parametrize(
    "meta",
    [
        {"points": 5},
        {"points": None},
        {"points": float("inf")},
        {"points": "much"},
        {"grade": False},
        {"solution": True},
        {"task": True},
        {"grade": "true"},
        {"schema_version": 4},
        {"schema_version": -1},
        {"schema_version": True},
        {"schema_version": "3"},
    ],
    ids=str,
)
def test_metadata_counts_as_released(meta: dict[str, Any], work: bytes, released: ReleasedNotebook) -> None:
    content = edit_cells(work, lambda known, _: known["test-double"]["metadata"]["nbgrader"].update(meta))
    notebook, damage = mend(content, released)
    assert name(damage) == [("metadata_changed", "test-double")]
    assert show_known(notebook) == show_known(mend(work, released)[0])


@pytest.mark.parametrize("version", [None, 0, 1, 2])
def test_old_schemas_are_brought_up_to_date_and_said_once(
    version: int | None, work: bytes, released: ReleasedNotebook
) -> None:
    def age(known: dict[str, Any], _cells: list[Any]) -> None:
        for grade_id, cell in known.items():
            meta = cell["metadata"]["nbgrader"]
            meta |= {"schema_version": version, "points": str(meta.get("points", ""))}
            for flag in ("schema_version", "locked", "task"):
                if not meta[flag] or (flag == "locked" and grade_id.startswith("test")):
                    meta.pop(flag) if version is None or flag != "schema_version" else None

    notebook, damage = mend(edit_cells(work, age), released)
    assert name(damage) == [("old_schema", "")]
    assert show_known(notebook) == show_known(mend(work, released)[0])


def test_metadata_without_a_role_is_nobodys_damage() -> None:
    plain = {"grade_id": "intro", "grade": False, "solution": False, "locked": False, "schema_version": 3}
    source = write(markdown("Read.", nbgrader=plain), solution("a", "x = 1"), graded("b", "assert x"))
    content = release_without_box({"lab.ipynb": source}).learner_files["lab.ipynb"]
    notebook, damage = mend(content, ReleasedNotebook(read_source(content)))
    assert damage == ()
    assert list_ids(notebook) == ["Read.", "a", "b"]


def test_a_notebook_without_any_cell_is_the_release_with_its_answers_lost(released: ReleasedNotebook) -> None:
    notebook, damage = mend(write(), released)
    assert [each for each in list_ids(notebook) if each] == KNOWN
    assert name(damage) == [
        ("cell_lost" if grade_id in ("double", "half", "explain", "compare") else "cell_deleted", grade_id)
        for grade_id in KNOWN
    ]


def test_a_task_that_is_not_locked_comes_back_too() -> None:
    source = write(code("x = 1"), {**task("plan", "Plan.", 4)})
    plan = json.loads(source)
    plan["cells"][1]["metadata"]["nbgrader"]["locked"] = False
    content = release_without_box({"lab.ipynb": json.dumps(plan).encode()}).learner_files["lab.ipynb"]
    notebook, damage = mend(write(code("x = 1")), ReleasedNotebook(read_source(content)))
    assert (name(damage), list_ids(notebook)) == ([("cell_deleted", "plan")], ["x = 1", "plan"])
