"""Grading runs: claimed once, recorded whole, tried again for our faults, never a zero for them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import UnitProgress
from labs import nbgrader
from labs.blobs import store_blob
from labs.exceptions import BoxUnavailableError
from labs.models import CellGrade, GradingRun, Submission
from labs.nbgrader import CellKind, CellResult, Damage, DamageKind, Evidence, GradingResult, NotebookResult
from labs.states import GradingOutcome, GradingStatus
from labs.work import grading
from labs.work.grading import (
    DAMAGE_KEPT,
    EXECUTIONS,
    MAX_NAME,
    MAX_TRIES,
    RESEND_AT_ONCE,
    SECONDS_BESIDES,
    grade,
    limits_of,
    longest_seconds,
    reconcile_gradings,
    released_lab,
    run_pipeline,
)
from labs.work.old_checks import KEPT, KEPT_FOR
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


def cell(grade_id: str, auto_score: float | None, max_score: float, **fields: Any) -> CellResult:
    values = {
        "grade_id": grade_id,
        "kind": "autograded",
        "auto_score": auto_score,
        "max_score": max_score,
        "extra_credit": None,
        "needs_manual_grade": False,
        "was_run": True,
        "message": "",
        **fields,
    }
    return CellResult(**values)


def result(*cells: CellResult, outcome: GradingOutcome = GradingOutcome.SCORED) -> GradingResult:
    notebook = NotebookResult(
        name="lab", outcome=outcome, reason="", faulty_cell=None, cells=tuple(cells), feedback=()
    )
    return GradingResult(outcome=outcome, notebooks=(notebook,), phase_seconds={"executed": 1.0})


@pytest.fixture
def run() -> GradingRun:
    queued = make.GradingRunFactory.create(
        status=GradingStatus.QUEUED, outcome="", score=None, max_score=None, finished_at=None
    )
    queued.submission.lab.slug = "practise"
    queued.submission.lab.save()
    return queued


@pytest.fixture(autouse=True)
def _box(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grading, "find_bubblewrap", lambda: None)


def answer(monkeypatch: pytest.MonkeyPatch, *results: GradingResult | Exception) -> None:
    answers = iter(results)

    def pipeline(_submission: Submission) -> GradingResult:
        given = next(answers)
        if isinstance(given, Exception):
            raise given
        return given

    monkeypatch.setattr(grading, "run_pipeline", pipeline)


def test_a_run_records_cells_score_and_progress(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = cell("explain", None, 2.0, needs_manual_grade=True)
    answer(monkeypatch, result(cell("mean", 3.0, 3.0), waits))
    grade(run.pk)
    run.refresh_from_db()
    assert (run.status, run.outcome, run.score, run.max_score) == ("finished", "scored", 3.0, 5.0)
    assert run.needs_manual_grade
    assert list(CellGrade.objects.values_list("grade_id", "auto_score")) == [("mean", 3.0), ("explain", None)]
    progress = UnitProgress.objects.get(enrolment=run.submission.enrolment)
    assert (progress.unit_slug, progress.score, progress.max_score) == ("practise", 3.0, 5.0)


def test_a_run_that_is_not_queued_is_left_alone(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch)
    GradingRun.objects.update(status=GradingStatus.RUNNING)
    grade(run.pk)
    run.refresh_from_db()
    assert run.status == GradingStatus.RUNNING


def test_without_a_box_nothing_is_claimed(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise BoxUnavailableError("install bubblewrap", reason="bubblewrap_missing")

    monkeypatch.setattr(grading, "find_bubblewrap", missing)
    grade(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason) == (GradingStatus.QUEUED, "box_unavailable")


def test_a_fault_of_ours_is_tried_again_and_never_a_zero(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, *[RuntimeError("ours")] * MAX_TRIES)
    for number in range(1, MAX_TRIES + 1):
        grade(GradingRun.objects.get(try_number=number).pk)
    last = GradingRun.objects.get(try_number=MAX_TRIES)
    assert GradingRun.objects.count() == MAX_TRIES
    assert (last.status, last.reason, last.score) == (GradingStatus.FAILED, "grading_failed", None)
    assert not UnitProgress.objects.exists()


def test_a_box_that_starts_no_kernel_uses_up_no_try(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, *[BoxUnavailableError("no kernel", reason="kernel_not_started")] * (MAX_TRIES + 1))
    for _ in range(MAX_TRIES + 1):
        grade(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason, run.heartbeat_at) == (GradingStatus.QUEUED, "box_unavailable", None)
    assert GradingRun.objects.count() == 1


def test_a_long_queue_is_not_sent_again_all_at_once(run: GradingRun) -> None:
    now = timezone.now() + timedelta(minutes=1)
    for _ in range(RESEND_AT_ONCE):
        make.GradingRunFactory.create(
            submission__release=run.submission.release,
            submission__enrolment=run.submission.enrolment,
            status=GradingStatus.QUEUED,
        )
    sent = reconcile_gradings(now)
    assert (len(sent), sent[0]) == (RESEND_AT_ONCE, run.pk)


def test_a_run_whose_worker_died_is_replaced(run: GradingRun) -> None:
    now = timezone.now()
    GradingRun.objects.update(status=GradingStatus.RUNNING, heartbeat_at=now - timedelta(minutes=1))
    sent = reconcile_gradings(now)
    run.refresh_from_db()
    assert (run.status, run.reason) == (GradingStatus.FAILED, "worker_lost")
    following = GradingRun.objects.get(try_number=2)
    assert (following.status, sent) == (GradingStatus.QUEUED, [following.pk])
    assert reconcile_gradings(now + timedelta(minutes=1)) == [following.pk]


def test_a_run_with_a_heartbeat_is_left_alone(run: GradingRun) -> None:
    now = timezone.now()
    GradingRun.objects.update(status=GradingStatus.RUNNING, heartbeat_at=now - timedelta(seconds=4))
    assert reconcile_gradings(now) == []
    assert GradingRun.objects.count() == 1


def test_a_result_that_comes_after_the_run_was_given_up_is_dropped(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up_first(_submission: Submission) -> GradingResult:
        reconcile_gradings(timezone.now() + timedelta(minutes=1))
        return result(cell("mean", 3.0, 3.0))

    monkeypatch.setattr(grading, "run_pipeline", give_up_first)
    grade(run.pk)
    run.refresh_from_db()
    assert run.status == GradingStatus.FAILED
    assert not CellGrade.objects.exists()


def test_the_best_attempt_counts(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)), result(cell("mean", 1.0, 3.0)))
    grade(run.pk)
    worse = make.SubmissionFactory.create(
        enrolment=run.submission.enrolment, release=run.submission.release, attempt=99
    )
    second = make.GradingRunFactory.create(
        submission=worse, status=GradingStatus.QUEUED, outcome="", score=None, finished_at=None
    )
    grade(second.pk)
    assert UnitProgress.objects.get().score == 3.0


def make_check(run: GradingRun, **fields: Any) -> GradingRun:
    """A check by the learner of a run, that waits for its turn."""
    check: GradingRun = make.GradingRunFactory.create(
        submission=make.CheckFactory.create(
            enrolment=run.submission.enrolment, release=run.submission.release
        ),
        **{"status": GradingStatus.QUEUED, "outcome": "", "score": None, "max_score": None, **fields},
    )
    return check


def test_a_check_gives_no_mark_and_completes_nothing(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = make_check(run)
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)), result(cell("mean", 1.0, 3.0)))
    grade(check.pk)
    check.refresh_from_db()
    assert (check.status, check.score, check.max_score) == (GradingStatus.FINISHED, 3.0, 3.0)
    assert list(check.cells.values_list("grade_id", "auto_score")) == [("mean", 3.0)]
    assert not UnitProgress.objects.exists()

    grade(run.pk)
    assert UnitProgress.objects.get().score == 1.0


def test_a_check_that_is_finished_makes_room(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = timezone.now() - 2 * KEPT_FOR
    for _ in range(KEPT + 1):
        older = make_check(run, status=GradingStatus.FINISHED).submission
        Submission.objects.filter(pk=older.pk).update(pressed_at=long_ago)
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)))
    grade(make_check(run).pk)
    assert Submission.objects.filter(purpose=Submission.Purpose.CHECK).count() == KEPT


def test_a_check_that_we_cannot_run_says_so(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    check = make_check(run, try_number=MAX_TRIES)
    answer(monkeypatch, RuntimeError("ours"))
    grade(check.pk)
    check.refresh_from_db()
    assert (check.status, check.reason) == (GradingStatus.FAILED, "check_failed")


@pytest.mark.parametrize(("purpose", "way"), [("attempt", "autograde"), ("check", "check_work")])
def test_hidden_tests_are_run_for_a_mark_and_for_nothing_else(
    monkeypatch: pytest.MonkeyPatch, purpose: str, way: str
) -> None:
    learners, hidden = store_blob(b"learner's"), store_blob(b"hidden")
    release = make.LabReleaseFactory.create(
        learner_files={"lab.ipynb": learners},
        source_files={"lab.ipynb": hidden},
        gradebook=hidden,
        grade_cells=[],
    )
    submission = make.SubmissionFactory.create(
        release=release, purpose=purpose, files={"lab.ipynb": learners}
    )
    asked: list[tuple[str, object]] = []
    for name in ("autograde", "check_work"):
        monkeypatch.setattr(
            nbgrader, name, lambda _lab, files, name=name, **_: asked.append((name, files)), raising=False
        )
    run_pipeline(make.GradingRunFactory.create(submission=submission))
    assert asked == [(way, {"lab.ipynb": b"learner's"})]


def test_what_a_release_keeps_of_its_grade_cells_is_of_their_kinds() -> None:
    blob = store_blob(b"")
    release = make.LabReleaseFactory.create(source_files={}, learner_files={}, gradebook=blob)
    assert [cell.kind for cell in released_lab(release).grade_cells] == [CellKind.AUTOGRADED, CellKind.MANUAL]
    assert all(isinstance(cell.kind, CellKind) for cell in released_lab(release).grade_cells)


def test_a_late_penalty_is_taken_off_and_no_mark_is_below_zero(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = replace(result(cell("mean", 3.0, 3.0)).notebooks[0], late_penalty=1.0)
    answer(
        monkeypatch, GradingResult(GradingOutcome.SCORED, (late, replace(late, name="b", late_penalty=9.0)))
    )
    grade(run.pk)
    run.refresh_from_db()
    assert (run.late_penalty, run.score) == (10.0, 0.0)


def test_of_names_that_a_learner_made_up_a_run_keeps_as_much_as_a_row_can_hold(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage = tuple(Damage(DamageKind.UNKNOWN_CELL, f"{number}{'x' * 9999}") for number in range(5000))
    found = result(cell("mean", 1.0, 3.0))
    answer(monkeypatch, replace(found, notebooks=(replace(found.notebooks[0], damage=damage),)))
    grade(run.pk)
    run.refresh_from_db()
    kept = run.notebooks[0]["damage"]
    assert (len(kept), len(kept[0]["grade_id"])) == (DAMAGE_KEPT, MAX_NAME)


def test_what_was_damaged_and_what_was_tampered_with_stand_in_the_run(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    tampered = cell("mean", None, 3.0, needs_manual_grade=True, is_tampered=True)
    found = result(tampered, cell("median", 1.0, 2.0), outcome=GradingOutcome.TAMPERED)
    notebook = replace(
        found.notebooks[0],
        damage=(Damage(DamageKind.CELL_DELETED, "median"),),
        evidence=(Evidence("mean", "assert mean() == 2", "assert mean() == 3"),),
    )
    answer(monkeypatch, replace(found, notebooks=(notebook,)))
    grade(run.pk)
    run.refresh_from_db()
    assert (run.outcome, run.score, run.needs_manual_grade) == (GradingOutcome.TAMPERED, 1.0, True)
    assert run.notebooks[0]["damage"] == [{"kind": "cell_deleted", "grade_id": "median"}]
    assert run.evidence == [
        {
            "notebook": "lab",
            "grade_id": "mean",
            "expected": "assert mean() == 2",
            "altered": "assert mean() == 3",
        }
    ]
    assert UnitProgress.objects.get().score == 1.0


def test_the_limits_of_a_lab_replace_the_defaults() -> None:
    release = make.LabReleaseFactory.create(limits={"cell_seconds": 7, "memory_mb": 512})
    limits = limits_of(release)
    assert limits.cell_seconds == 7
    assert limits.memory_bytes == 512 * 1024 * 1024


def test_a_run_that_hangs_is_ended_when_it_can_no_longer_be_at_work(run: GradingRun) -> None:
    release = run.submission.release
    release.learner_files = {"a.ipynb": "1" * 64, "b.ipynb": "1" * 64, "data.csv": "2" * 64}
    release.limits = {"total_seconds": 100}
    release.save()
    assert longest_seconds(run.pk) == 2 * 100 * EXECUTIONS + SECONDS_BESIDES
