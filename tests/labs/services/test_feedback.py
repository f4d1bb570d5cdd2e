"""The feedback of a run: its blob joined with its grades, whatever the blob holds."""

import json
from typing import Any

import pytest

from labs.blobs import store_blob
from labs.models import GradingRun
from labs.services.feedback import find_feedback
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


def make_run(content: object = None, blob: bytes | None = None, **fields: Any) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(**fields)
    stored = blob if blob is not None else json.dumps(content).encode()
    make.FeedbackFactory.create(run=run, content=store_blob(stored))
    return run


def notebook(*cells: dict[str, Any], name: str = "lab") -> dict[str, Any]:
    return {"notebooks": [{"name": name, "cells": list(cells)}]}


def cell(grade_id: str = "", source: str = "x = 1", **fields: Any) -> dict[str, Any]:
    return {"grade_id": grade_id, "cell_type": "code", "source": source, "outputs": [], **fields}


def test_cells_are_joined_with_their_grades() -> None:
    run = make_run(notebook(cell(), cell("mean")))
    make.CellGradeFactory.create(run=run, grade_id="mean", auto_score=3, message="Good")

    (found,) = find_feedback(run)

    assert [item.mark and item.mark.grade.message for item in found.cells] == [None, "Good"]
    assert found.points == "3 of 3 points"
    assert found.lost == ()


@pytest.mark.parametrize(
    ("grade", "shown", "detail", "is_said"),
    [
        ({}, {}, "full", True),
        ({"auto_score": 1}, {}, "full", False),
        ({"auto_score": None, "needs_manual_grade": True}, {}, "full", False),
        ({"manual_score": 0}, {}, "full", False),
        ({"message": "Mind the rows."}, {}, "full", False),
        ({"was_run": False}, {}, "full", False),
        ({"kind": "manual"}, {}, "full", False),
        ({"max_score": 0}, {}, "full", False),
        ({}, {"outputs": [{"output_type": "stream", "name": "stderr", "text": "careful"}]}, "full", False),
        ({}, {}, "messages", False),
        ({}, {}, "points", False),
    ],
)
def test_points_that_only_an_unseen_test_took_are_explained(
    grade: dict[str, Any], shown: dict[str, Any], detail: str, is_said: bool
) -> None:
    run = make_run(notebook(cell("mean", **shown)))
    run.submission.release.grading = {"feedback": detail}
    make.CellGradeFactory.create(run=run, grade_id="mean", **{"auto_score": 0, **grade})

    (found,) = find_feedback(run)

    assert ["cannot be seen" in place.mark.remark for place in found.graded] == [is_said]
    assert not any(place.mark.fails_unseen for place in find_feedback(run, is_check=True)[0].graded)


def test_a_grade_cell_that_was_deleted_is_still_listed() -> None:
    run = make_run(notebook(cell()))
    make.CellGradeFactory.create(run=run, grade_id="mean", auto_score=0)

    (found,) = find_feedback(run)

    assert [place.mark.grade.grade_id for place in found.lost] == ["mean"]


def test_a_copied_grade_id_does_not_show_its_points_twice() -> None:
    run = make_run(notebook(cell("mean"), cell("mean")))
    make.CellGradeFactory.create(run=run, grade_id="mean")

    (found,) = find_feedback(run)

    assert [item.mark is not None for item in found.cells] == [True, False]


def test_grades_of_another_notebook_are_not_mixed_in() -> None:
    run = make_run(notebook(cell("mean")))
    make.CellGradeFactory.create(run=run, notebook="lab", grade_id="mean", auto_score=1)
    make.CellGradeFactory.create(run=run, notebook="more", grade_id="mean", auto_score=2)

    found = find_feedback(run)

    assert [item.name for item in found] == ["lab", "more"]
    assert [item.points for item in found] == ["1 of 3 points", "2 of 3 points"]


def test_the_cell_at_fault_is_marked_and_linked() -> None:
    notebooks = [{"name": "lab", "outcome": "timeout", "reason": "", "faulty_cell": "mean"}]
    run = make_run(notebook(cell(), cell("mean")), outcome="timeout", notebooks=notebooks)

    (found,) = find_feedback(run)

    assert "longer than it may" in found.sentence
    assert [item.is_faulty for item in found.cells] == [False, True]
    assert found.faulty_anchor == found.cells[1].anchor


@pytest.mark.parametrize(
    ("outcome", "reason", "words"),
    [
        ("kernel_died", "too_much_output", "printed more than the lab allows"),
        ("kernel_died", "kernel_died", "Restart the kernel"),
        ("invalid_notebook", "missing_notebook", "was not among the files"),
        ("invalid_notebook", "broken_json", "not a notebook that can be graded"),
    ],
)
def test_the_reason_says_more_than_the_outcome(outcome: str, reason: str, words: str) -> None:
    notebooks = [{"name": "lab", "outcome": outcome, "reason": reason, "faulty_cell": None}]

    (found,) = find_feedback(make_run(notebook(), outcome=outcome, notebooks=notebooks))

    assert words in found.sentence
    assert ("kept their points" in found.sentence) == (outcome == "kernel_died")


def test_what_was_tampered_with_is_said_until_a_person_has_decided() -> None:
    notebooks = [{"name": "lab", "outcome": "tampered", "reason": "tampered", "faulty_cell": None}]
    run = make_run(notebook(), outcome="tampered", notebooks=notebooks)
    grade = make.CellGradeFactory.create(run=run, auto_score=None, needs_manual_grade=True, is_tampered=True)
    assert "A person looks at these cells" in find_feedback(run)[0].sentence

    grade.manual_score, grade.needs_manual_grade = 0, False
    grade.save()
    assert find_feedback(run)[0].sentence == ""


def test_a_notebook_that_ran_to_its_end_needs_no_sentence() -> None:
    notebooks = [{"name": "lab", "outcome": "scored", "reason": "", "faulty_cell": None}]

    (found,) = find_feedback(make_run(notebook(cell()), notebooks=notebooks))

    assert found.sentence == ""


def test_a_notebook_that_the_lab_does_not_have_is_left_out() -> None:
    run = make_run(notebook(cell(), name="../../etc/passwd"))

    assert find_feedback(run) == []


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"x"',
        b'{"notebooks": 7}',
        b'{"notebooks": [7, {"cells": {}}]}',
        b'{"notebooks": [{"name": "lab", "cells": [7, {"grade_id": [], "outputs": 7}]}]}',
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_damaged_blob_costs_the_text_and_not_the_points(blob: bytes) -> None:
    run = make_run(blob=blob)
    make.CellGradeFactory.create(run=run, grade_id="mean", auto_score=3)

    (found,) = find_feedback(run)

    assert found.points == "3 of 3 points"


def test_a_blob_that_is_gone_costs_the_text_and_not_the_points() -> None:
    run = make.GradingRunFactory.create()
    make.FeedbackFactory.create(run=run, content="f" * 64)
    make.CellGradeFactory.create(run=run, auto_score=3)

    (found,) = find_feedback(run)

    assert found.cells == ()
    assert len(found.lost) == 1


def test_a_notebook_of_very_many_cells_is_cut() -> None:
    run = make_run(notebook(*[cell() for _ in range(2_000)]), notebooks=[{"name": "lab"}])

    (found,) = find_feedback(run)

    assert len(found.cells) == 500


def test_damage_is_named_with_its_cells_where_they_stand() -> None:
    damage = [
        {"kind": "old_schema", "grade_id": ""},
        {"kind": "cell_deleted", "grade_id": "mean"},
        {"kind": "cell_deleted", "grade_id": "gone"},
        {"kind": "something new", "grade_id": "mean"},
    ]
    run = make_run(notebook(cell("mean")), notebooks=[{"name": "lab", "damage": damage}])
    make.CellGradeFactory.create(run=run, grade_id="gone")

    (found,) = find_feedback(run)

    named = [[(each.name, each.anchor) for each in note.cells] for note in found.damage]
    mean, gone = ("mean", found.cells[0].anchor), ("gone", found.lost[0].anchor)
    assert named == [[], [mean, gone], [mean]]
    assert "older version" in found.damage[0].sentence
    assert "were missing" in found.damage[1].sentence


@pytest.mark.parametrize("damage", [7, ["x"], [{"kind": ["x"], "grade_id": {}}]])
def test_damage_that_makes_no_sense_breaks_no_page(damage: object) -> None:
    (found,) = find_feedback(make_run(notebook(cell()), notebooks=[{"name": "lab", "damage": damage}]))

    assert all(note.sentence for note in found.damage)


def test_grade_cells_are_listed_in_the_labs_order_with_where_they_stand() -> None:
    run = make_run(notebook(cell("second"), cell("first")))
    for position, grade_id in enumerate(["first", "second", "gone"]):
        make.CellGradeFactory.create(run=run, grade_id=grade_id, position=position)

    (found,) = find_feedback(run)

    assert [place.mark.grade.grade_id for place in found.graded] == ["first", "second", "gone"]
    anchors = [found.cells[1].anchor, found.cells[0].anchor, found.lost[0].anchor]
    assert [place.anchor for place in found.graded] == anchors
    assert len(set(anchors)) == 3


def test_cells_in_which_nothing_happened_can_be_folded_away() -> None:
    printed = [{"output_type": "stream", "name": "stdout", "text": "42"}]
    notebooks = [{"name": "lab", "outcome": "timeout", "reason": "", "faulty_cell": "slow"}]
    run = make_run(
        notebook(
            cell(), cell(cell_type="markdown"), cell(outputs=printed), cell("own"), cell("slow"), cell("mean")
        ),
        notebooks=notebooks,
    )
    make.CellGradeFactory.create(run=run, grade_id="mean")

    (found,) = find_feedback(run)

    assert [item.is_aside for item in found.cells] == [True, True, False, False, False, False]
    assert found.aside_count == 2


def test_cells_of_a_check_pass_or_not_and_give_no_points() -> None:
    run = make_run(notebook(cell("mean")))
    make.CellGradeFactory.create(run=run, grade_id="mean", auto_score=0)

    (found,) = find_feedback(run, is_check=True)

    assert found.points == ""
    assert [item.mark and item.mark.words for item in found.cells] == ["Does not pass"]
