"""Writing down what came out of a run: grades, feedback, the score, and the attempt that counts."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from django.db import transaction
from django.utils import timezone

from courses.models import Enrolment
from courses.services.progress import is_pass, record_score
from labs.blobs import store_blob
from labs.models import CellGrade, Feedback, GradingRun, ScoreChange, Submission
from labs.nbgrader import GradingResult, NotebookResult
from labs.states import GradingStatus
from labs.transitions import move_grading
from labs.work.old_checks import forget_old_checks

MAX_NAME: Final = 255
DAMAGE_KEPT: Final = 300  # of a notebook; names that learners made up come last, and may be of any length


def record_result(run: GradingRun, result: GradingResult) -> None:
    """Write grades, feedback and score, and finish the run; all of it or nothing. The feedback's blob comes first.

    A check's points are those of its visible tests: they stand in its run, and nowhere else. Of an attempt that is
    graded once more, the new run stands from now on, with what people gave its cells before.
    """
    digest = store_feedback(result)
    is_check = run.submission.purpose == Submission.Purpose.CHECK
    late_penalty = sum(notebook.late_penalty for notebook in result.notebooks)
    with transaction.atomic():
        Enrolment.objects.select_for_update().get(pk=run.submission.enrolment_id)
        cells = cell_grades(run, result.notebooks)
        carried = [] if is_check else carry_over(run.submission, cells)
        CellGrade.objects.bulk_create(cells)
        ScoreChange.objects.bulk_create(carried)
        Feedback.objects.create(run=run, content=digest)
        move_grading(
            run,
            GradingStatus.FINISHED,
            reason="graded",
            outcome=result.outcome,
            finished_at=timezone.now(),
            score=max(0.0, sum(cell.score or 0.0 for cell in cells) - late_penalty),
            max_score=sum(cell.max_score for cell in cells) if is_check else run.release.max_score,
            needs_manual_grade=any(cell.needs_manual_grade for cell in cells),
            notebooks=[describe_notebook(notebook) for notebook in result.notebooks],
            evidence=[
                {"notebook": notebook.name, **asdict(found)}
                for notebook in result.notebooks
                for found in notebook.evidence
            ],
            late_penalty=late_penalty,
            phase_seconds={"queued": waited_seconds(run), **result.phase_seconds},
        )
        if is_check:
            forget_old_checks(run.submission)
        else:
            record_best_score(run.submission)


def waited_seconds(run: GradingRun) -> float:
    """How long a run stood in the queue until a worker took it."""
    claimed_at = run.claimed_at or run.queued_at
    return max(0.0, (claimed_at - run.queued_at).total_seconds())


def store_feedback(result: GradingResult) -> str:
    """The digest of the notebooks as the learner may see them again."""
    content = {
        "notebooks": [
            {"name": notebook.name, "cells": [asdict(cell) for cell in notebook.feedback]}
            for notebook in result.notebooks
        ]
    }
    return store_blob(json.dumps(content).encode())


def describe_notebook(notebook: NotebookResult) -> dict[str, object]:
    """What a run keeps of a notebook beside its points."""
    return {
        "name": notebook.name,
        "outcome": notebook.outcome,
        "reason": notebook.reason,
        "faulty_cell": notebook.faulty_cell,
        "damage": [
            {"kind": damage.kind, "grade_id": damage.grade_id[:MAX_NAME]}
            for damage in notebook.damage[:DAMAGE_KEPT]
        ],
    }


def cell_grades(run: GradingRun, notebooks: Sequence[NotebookResult]) -> list[CellGrade]:
    results = [(notebook.name, cell) for notebook in notebooks for cell in notebook.cells]
    return [
        CellGrade(run=run, notebook=name, position=position, **asdict(cell))
        for position, (name, cell) in enumerate(results)
    ]


def find_standing_run(submission: Submission) -> GradingRun | None:
    """The run whose points are the mark of a submission: its newest that has finished."""
    finished = GradingRun.objects.filter(submission=submission, status=GradingStatus.FINISHED)
    return finished.order_by("-queued_at", "-pk").first()


def carry_over(submission: Submission, cells: Sequence[CellGrade]) -> list[ScoreChange]:
    """Give new cells what people gave the same ones in earlier runs at last; a change for each, unsaved.

    Where a cell has other points or is of another kind now, a person has to decide again: also when it is graded
    once more before anybody has.
    """
    decided = CellGrade.objects.filter(
        run__submission=submission, run__status=GradingStatus.FINISHED, changes__isnull=False
    ).distinct()
    oldest_first = decided.order_by("run__queued_at", "run__pk")
    before = {(cell.notebook, cell.grade_id): cell for cell in oldest_first}
    changes = []
    for cell in cells:
        own = before.get((cell.notebook, cell.grade_id))
        if own is None:
            continue
        if (own.max_score, own.kind) == (cell.max_score, cell.kind):
            changes.append(_carry(own, cell))
        elif own.manual_score is not None:
            cell.needs_manual_grade = True
    return changes


def _carry(own: CellGrade, cell: CellGrade) -> ScoreChange:
    """It stays the decision of who made it."""
    score = None if cell.needs_manual_grade else cell.score
    cell.manual_score, cell.extra_credit, cell.comment = own.manual_score, own.extra_credit, own.comment
    cell.needs_manual_grade = cell.needs_manual_grade and cell.manual_score is None
    last = own.changes.select_related("actor").last()
    actor = last.actor if last else None
    return ScoreChange(
        cell=cell, before=score, after=cell.score, comment=cell.comment, reason="carried_over", actor=actor
    )


def record_best_score(submission: Submission) -> None:
    """The best graded attempt counts for the unit, so that trying again never costs a learner anything.

    Of an attempt that was graded more than once the newest run does. Two attempts that are graded at once would each
    not see the other: the enrolment's row is their lock.
    """
    Enrolment.objects.select_for_update().get(pk=submission.enrolment_id)
    finished = GradingRun.objects.filter(
        submission__enrolment=submission.enrolment,
        submission__lab=submission.lab,
        submission__purpose=Submission.Purpose.ATTEMPT,
        status=GradingStatus.FINISHED,
    )
    scores = finished.order_by("queued_at", "pk").values_list("submission", "score", "max_score")
    standing = {pk: (score or 0.0, max_score or 0.0) for pk, score, max_score in scores}
    score, max_score = max(standing.values(), key=lambda points: points[0] / (points[1] or 1.0))
    score = min(score, max_score)  # extra credit counts in the lab, not beyond it
    record_score(
        submission.enrolment,
        submission.lab.slug,
        score=score,
        max_score=max_score,
        is_complete=is_pass(submission.enrolment, score, max_score),
    )
