"""What a graded submission's page says to its learner: what to look at first, what waits, what was damaged."""

import json
from typing import Any

import pytest
from django.test import Client

from labs.blobs import store_blob
from labs.models import GradingRun, Submission
from labs.states import GradingOutcome
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

pytestmark = pytest.mark.django_db

# Words that stand nowhere but in the evidence.
EVIDENCE = [
    {"notebook": "lab", "grade_id": "mean", "expected": "expected-secret", "altered": "altered-secret"}
]


def make_run(submission: Submission, *cells: dict[str, Any], **fields: Any) -> GradingRun:
    run: GradingRun = make.GradingRunFactory.create(submission=submission, **fields)
    source = [
        {"grade_id": cell["grade_id"], "cell_type": "code", "source": "x = 1", "outputs": []}
        for cell in cells
    ]
    blob = json.dumps({"notebooks": [{"name": "lab", "cells": source}]}).encode()
    make.FeedbackFactory.create(run=run, content=store_blob(blob))
    for position, cell in enumerate(cells):
        make.CellGradeFactory.create(run=run, position=position, **cell)
    return run


def read(client: Client, submission: Submission) -> str:
    """The page as it comes, since what is hidden must not be in it either."""
    return client.get(f"/labs/submissions/{submission.public_id}/").content.decode()


def test_the_worst_cells_are_linked_with_points_and_message(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    make_run(submission, {"grade_id": "mean", "auto_score": 1, "message": "Mind the empty rows."})

    first = read(as_ada, submission).partition("Look at these first")[2].partition("</section>")[0]

    assert '<a href="#cell-1-1">mean</a>' in first
    assert "1 of 3 points" in first
    assert "Mind the empty rows." in first


def test_a_hidden_test_that_failed_without_a_word_is_named_at_the_list_and_at_the_cell(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    make_run(submission, {"grade_id": "mean", "auto_score": 0})

    assert read(as_ada, submission).count("one that cannot be seen does not") == 2


def test_a_cell_that_is_looked_at_says_so_and_shows_no_evidence(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    tampered = {"grade_id": "mean", "auto_score": None, "needs_manual_grade": True, "is_tampered": True}
    make_run(
        submission, tampered, outcome=GradingOutcome.TAMPERED, needs_manual_grade=True, evidence=EVIDENCE
    )

    page = read(as_ada, submission)

    assert "Waiting for a person" in page
    assert "Up to 3 points more" in page
    assert "A person looks at this cell before it gets points." in page
    for word in ("expected-secret", "altered-secret", "tampered", "score-sheet"):
        assert word not in page


def test_damage_is_said_in_words_with_the_cell(as_ada: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission()
    notebooks = [
        {"name": "lab", "outcome": "scored", "damage": [{"kind": "cell_deleted", "grade_id": "mean"}]}
    ]
    make_run(submission, {"grade_id": "mean"}, notebooks=notebooks)

    page = read(as_ada, submission)

    assert "What was damaged in lab" in page
    assert "They were put back as the lab has them" in page
    assert page.count('<a href="#cell-1-1">mean</a>') == 1


def test_a_persons_comment_and_points_are_shown_without_a_name(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    run = make_run(submission, {"grade_id": "explain", "manual_score": 2, "comment": "Good <b>work</b>"})
    make.ScoreChangeFactory.create(cell=run.cells.get(), actor__full_name="Ben Teacher")

    page = read(as_ada, submission)

    assert "Graded by a person" in page
    assert "Good &lt;b&gt;work&lt;/b&gt;" in page
    assert "Ben Teacher" not in page


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_unanswered": True}, "You left this cell as it was."),
        ({"was_run": False}, "This cell could not be run after what happened earlier"),
    ],
)
def test_a_cell_without_points_says_why(
    as_ada: Client, make_submission: MakeSubmission, fields: dict[str, bool], words: str
) -> None:
    submission = make_submission()
    make_run(submission, {"grade_id": "mean", "auto_score": 0, **fields})

    assert words in read(as_ada, submission)


def test_what_being_late_cost_is_said(as_ada: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission()
    make_run(submission, {"grade_id": "mean"}, late_penalty=2)

    assert "Handed in late: 2 points were taken off." in read(as_ada, submission)


@pytest.mark.parametrize(
    ("detail", "words"),
    [("points", "points only in this lab"), ("messages", "points and messages in this lab")],
)
def test_less_feedback_is_the_authors_choice(
    as_ada: Client, make_submission: MakeSubmission, detail: str, words: str
) -> None:
    submission = make_submission()
    make_run(submission, {"grade_id": "mean"})
    assert "The author shows" not in read(as_ada, submission)

    submission.release.grading = {"feedback": detail}
    submission.release.save()

    assert words in read(as_ada, submission)


def test_a_check_says_what_passes_and_gives_no_mark(as_ada: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission(purpose=Submission.Purpose.CHECK, attempt=None)
    submission.release.grade_cells = [
        {"notebook": "lab", "grade_id": grade_id, "kind": "autograded"}
        for grade_id in ("mean", "sum", "hidden")
    ]
    submission.release.save()
    make_run(submission, {"grade_id": "mean", "auto_score": 0}, {"grade_id": "sum"}, score=3, max_score=6)

    page = read(as_ada, submission)

    assert "Check of your work" in page
    assert "1 of 2 visible tests pass" in page
    assert "1 more cell is tested only when you submit." in page
    assert "Tests that you cannot see run only when you submit." in page
    assert "Does not pass" in page
    assert "of 6 points" not in page
    assert "Your mark" not in page
    assert "Attempt" not in page


def test_a_check_is_nobody_elses(as_ben: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission(purpose=Submission.Purpose.CHECK, attempt=None)

    assert as_ben.get(f"/labs/submissions/{submission.public_id}/").status_code == 404


def test_a_practice_lab_is_handed_in(as_ada: Client, make_submission: MakeSubmission) -> None:
    submission = make_submission()
    submission.release.grade_cells = []
    submission.release.save()

    page = read(as_ada, submission)

    assert "This lab has no graded cells" in page
    assert go_on(submission) in page


def go_on(submission: Submission) -> str:
    """The button that leads past the lab."""
    return f'href="/learn/{submission.enrolment.cohort.public_id}/">Go on with the course'


@pytest.mark.parametrize(
    ("score", "most", "words", "is_done"),
    [
        (6, None, "Your mark", True),
        (2, None, "submit again: the best attempt counts", False),
        (2, 2, "1 of 2 attempts left.", False),
        (2, 1, "You have used the one attempt that this lab allows.", True),
    ],
)
def test_the_next_step_is_one_that_is_possible(
    as_ada: Client,
    make_submission: MakeSubmission,
    score: int,
    most: int | None,
    words: str,
    *,
    is_done: bool,
) -> None:
    submission = make_submission()
    submission.release.grading = {"attempts": most} if most else {}
    submission.release.save()
    make_run(submission, {"grade_id": "mean", "auto_score": score}, score=score, max_score=6)

    page = read(as_ada, submission)

    assert words in page
    assert (go_on(submission) in page, "Back to the lab’s page" in page) == (is_done, not is_done)
    assert ("You can go on working" in page) == (not is_done)


def test_a_long_list_of_cells_has_a_table_and_the_rest_can_be_folded_away(
    as_ada: Client, make_submission: MakeSubmission
) -> None:
    submission = make_submission()
    run = make_run(submission, *({"grade_id": f"cell-{number}"} for number in range(4)))
    page = read(as_ada, submission)
    assert "Its graded cells" in page
    assert "Show the whole notebook" not in page

    blob = json.dumps(
        {"notebooks": [{"name": "lab", "cells": [{"cell_type": "markdown", "source": "Hello"}]}]}
    )
    run.feedback.content = store_blob(blob.encode())
    run.feedback.save()

    assert "(1 more cell)" in read(as_ada, submission)
