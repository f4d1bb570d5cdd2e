"""Grading runs: claimed once, recorded whole, tried again for our faults, never a zero for them."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from courses.models import UnitProgress
from labs import nbgrader
from labs.blobs import store_blob
from labs.exceptions import BoxUnavailableError
from labs.models import CellGrade, GradingRun, Submission
from labs.nbgrader import Damage, DamageKind, Evidence, GradingResult
from labs.states import GradingOutcome, GradingStatus
from labs.work import grading
from labs.work.grading import (
    EXECUTIONS,
    GRADES_ON,
    SECONDS_BESIDES,
    Rest,
    grade_next,
    grade_waiting,
    limits_of,
    longest_seconds,
    reconcile_gradings,
    run_pipeline,
)
from labs.work.grading_retries import MAX_TRIES
from labs.work.old_checks import KEPT, KEPT_FOR
from labs.work.recording_grades import DAMAGE_KEPT, MAX_NAME
from tests.factories import labs as make
from tests.labs.work.results import cell, result

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)


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
    """A machine that has one, and no memory of what earlier tests could not box."""
    monkeypatch.setattr(grading, "find_bubblewrap", lambda: None)
    monkeypatch.setattr(grading, "rest", Rest())


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
    grade_next()
    run.refresh_from_db()
    assert (run.status, run.outcome, run.score, run.max_score) == ("finished", "scored", 3.0, 5.0)
    assert run.needs_manual_grade
    assert list(CellGrade.objects.values_list("grade_id", "auto_score")) == [("mean", 3.0), ("explain", None)]
    progress = UnitProgress.objects.get(enrolment=run.submission.enrolment)
    assert (progress.unit_slug, progress.score, progress.max_score) == ("practise", 3.0, 5.0)


def test_a_run_that_is_not_queued_is_left_alone(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch)
    GradingRun.objects.update(status=GradingStatus.RUNNING)
    assert not grade_next()
    run.refresh_from_db()
    assert run.status == GradingStatus.RUNNING


def test_a_run_says_who_took_it_and_how_long_it_waited(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    GradingRun.objects.update(queued_at=timezone.now() - timedelta(seconds=90))
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)))
    grade_next()
    run.refresh_from_db()
    assert run.worker.endswith(f":{os.getpid()}")
    assert run.phase_seconds["executed"] == 1.0
    assert 90 <= run.phase_seconds["queued"] < 100


def make_waiting(run: GradingRun, count: int) -> None:
    for _ in range(count):
        make.GradingRunFactory.create(
            submission__release=run.submission.release,
            submission__enrolment=run.submission.enrolment,
            status=GradingStatus.QUEUED,
            finished_at=None,
        )


def test_one_message_is_enough_for_all_who_wait(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    make_waiting(run, 4)
    monkeypatch.setattr(grading, "run_pipeline", lambda _run: result())
    grade_waiting()
    assert set(GradingRun.objects.values_list("status", flat=True)) == {GradingStatus.FINISHED}


def test_other_messages_have_their_turn_too(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    make_waiting(run, 4)
    clock = iter([100.0, 100.0, 101.0, 101.0, 100.0 + GRADES_ON, *[999.0] * 9])
    monkeypatch.setattr("labs.work.grading.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(grading, "run_pipeline", lambda _run: result())
    grade_waiting()
    assert GradingRun.objects.filter(status=GradingStatus.FINISHED).count() == 2


def test_without_a_box_nothing_is_claimed(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise BoxUnavailableError("install bubblewrap", reason="bubblewrap_missing")

    monkeypatch.setattr(grading, "find_bubblewrap", missing)
    grade_next()
    run.refresh_from_db()
    assert (run.status, run.reason) == (GradingStatus.QUEUED, "box_unavailable")


def test_a_fault_of_ours_is_tried_again_and_never_a_zero(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, *[RuntimeError("ours")] * MAX_TRIES)
    GradingRun.objects.update(in_line_since=LONG_AGO)
    while grade_next():
        continue
    last = GradingRun.objects.get(try_number=MAX_TRIES)
    assert GradingRun.objects.count() == MAX_TRIES
    assert (last.status, last.reason, last.score) == (GradingStatus.FAILED, "grading_failed", None)
    assert set(GradingRun.objects.values_list("in_line_since", flat=True)) == {LONG_AGO}
    assert not UnitProgress.objects.exists()


NO_KERNEL = BoxUnavailableError("no kernel", reason="kernel_not_started")


def test_a_machine_that_starts_no_kernel_leaves_the_queue_to_others_for_a_while(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, NO_KERNEL)
    grade_next()
    run.refresh_from_db()
    assert (run.status, run.reason, run.heartbeat_at) == (GradingStatus.QUEUED, "box_unavailable", None)
    assert not grade_next()  # the pipeline has no second answer
    assert GradingRun.objects.count() == 1


def test_a_run_that_no_machine_can_box_is_given_up_after_as_many_tries(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, *[NO_KERNEL] * MAX_TRIES)
    for _ in range(MAX_TRIES):
        grading.rest.until = 0.0
        grade_next()
    run.refresh_from_db()
    assert (run.status, run.reason) == (GradingStatus.FAILED, "grading_failed")
    assert GradingRun.objects.count() == 1


def test_faults_of_all_kinds_count_together(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, NO_KERNEL, RuntimeError("ours"), NO_KERNEL)
    for _ in range(MAX_TRIES):
        grading.rest.until = 0.0
        grade_next()
    tries = GradingRun.objects.order_by("try_number").values_list("try_number", "status")
    assert list(tries) == [(1, GradingStatus.FAILED), (3, GradingStatus.FAILED)]


def test_a_run_whose_worker_died_is_replaced(run: GradingRun) -> None:
    now = timezone.now()
    GradingRun.objects.update(status=GradingStatus.RUNNING, heartbeat_at=now - timedelta(minutes=1))
    woken = reconcile_gradings(now)
    run.refresh_from_db()
    assert (run.status, run.reason) == (GradingStatus.FAILED, "worker_lost")
    following = GradingRun.objects.get(try_number=2)
    assert (following.status, woken) == (GradingStatus.QUEUED, 1)
    assert following.release == run.release
    assert following.in_line_since == run.in_line_since
    assert reconcile_gradings(now) == 0
    assert reconcile_gradings(now + timedelta(minutes=1)) == 1


def test_a_run_with_a_heartbeat_is_left_alone(run: GradingRun) -> None:
    now = timezone.now()
    GradingRun.objects.update(status=GradingStatus.RUNNING, heartbeat_at=now - timedelta(seconds=4))
    assert reconcile_gradings(now) == 0
    assert GradingRun.objects.count() == 1


def test_a_result_that_comes_after_the_run_was_given_up_is_dropped(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up_first(_submission: Submission) -> GradingResult:
        reconcile_gradings(timezone.now() + timedelta(minutes=1))
        return result(cell("mean", 3.0, 3.0))

    monkeypatch.setattr(grading, "run_pipeline", give_up_first)
    grade_next()
    run.refresh_from_db()
    assert run.status == GradingStatus.FAILED
    assert not CellGrade.objects.exists()


def test_the_best_attempt_counts(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)), result(cell("mean", 1.0, 3.0)))
    grade_next()
    worse = make.SubmissionFactory.create(
        enrolment=run.submission.enrolment, release=run.submission.release, attempt=99
    )
    make.GradingRunFactory.create(
        submission=worse, status=GradingStatus.QUEUED, outcome="", score=None, finished_at=None
    )
    grade_next()
    assert UnitProgress.objects.get().score == 3.0


def make_check(run: GradingRun, **fields: Any) -> GradingRun:
    """A check by the learner of a run, that waits and is the next."""
    check: GradingRun = make.GradingRunFactory.create(
        submission=make.CheckFactory.create(
            enrolment=run.submission.enrolment, release=run.submission.release
        ),
        **{
            "status": GradingStatus.QUEUED,
            "in_line_since": LONG_AGO,
            "outcome": "",
            "score": None,
            "max_score": None,
            **fields,
        },
    )
    return check


def test_a_check_gives_no_mark_and_completes_nothing(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = make_check(run)
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)), result(cell("mean", 1.0, 3.0)))
    grade_next()
    check.refresh_from_db()
    assert (check.status, check.score, check.max_score) == (GradingStatus.FINISHED, 3.0, 3.0)
    assert list(check.cells.values_list("grade_id", "auto_score")) == [("mean", 3.0)]
    assert not UnitProgress.objects.exists()

    grade_next()
    assert UnitProgress.objects.get().score == 1.0


def test_a_check_that_is_finished_makes_room(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = timezone.now() - 2 * KEPT_FOR
    for _ in range(KEPT + 1):
        older = make_check(run, status=GradingStatus.FINISHED).submission
        Submission.objects.filter(pk=older.pk).update(pressed_at=long_ago)
    answer(monkeypatch, result(cell("mean", 3.0, 3.0)))
    make_check(run)
    grade_next()
    assert Submission.objects.filter(purpose=Submission.Purpose.CHECK).count() == KEPT


def test_a_check_that_we_cannot_run_says_so(run: GradingRun, monkeypatch: pytest.MonkeyPatch) -> None:
    check = make_check(run, try_number=MAX_TRIES)
    answer(monkeypatch, RuntimeError("ours"))
    grade_next()
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


def test_a_late_penalty_is_taken_off_and_no_mark_is_below_zero(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = replace(result(cell("mean", 3.0, 3.0)).notebooks[0], late_penalty=1.0)
    answer(
        monkeypatch, GradingResult(GradingOutcome.SCORED, (late, replace(late, name="b", late_penalty=9.0)))
    )
    grade_next()
    run.refresh_from_db()
    assert (run.late_penalty, run.score) == (10.0, 0.0)


def test_of_names_that_a_learner_made_up_a_run_keeps_as_much_as_a_row_can_hold(
    run: GradingRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage = tuple(Damage(DamageKind.UNKNOWN_CELL, f"{number}{'x' * 9999}") for number in range(5000))
    found = result(cell("mean", 1.0, 3.0))
    answer(monkeypatch, replace(found, notebooks=(replace(found.notebooks[0], damage=damage),)))
    grade_next()
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
    grade_next()
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
    assert longest_seconds(run) == 2 * 100 * EXECUTIONS + SECONDS_BESIDES
