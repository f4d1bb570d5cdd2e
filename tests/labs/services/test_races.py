"""Many presses at the same moment, on connections of their own. Needs a database with real concurrency."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from courses.models import Enrolment, UnitProgress, User
from labs.exceptions import RefusedError, StaleStateError
from labs.models import GradingPause, GradingRun, Hub, LabSession, LabUnit, Snapshot, Submission, Workspace
from labs.nbgrader import CellKind, CellResult, GradingResult, NotebookResult
from labs.services.grading_pauses import pause_grading, resume_grading
from labs.services.sessions import create_session, request_session
from labs.services.submissions import check_lab, submit_lab
from labs.services.uploads import submit_upload
from labs.services.workspaces import lock, restore_snapshot
from labs.states import GradingOutcome, GradingStatus, SessionStatus
from labs.transitions import move_session
from labs.work.delivering import Delivery, finish_delivery
from labs.work.grading_queue import claim_next_run
from labs.work.grading_retries import put_back, try_again_or_fail
from labs.work.recording_grades import record_result
from labs.work.spawning import end_session
from tests.factories import labs as make
from tests.labs.released import show_tests, write_cell, write_notebook
from tests.racing import at_once, require_row_locks

PRESSES = 8


@pytest.fixture(autouse=True)
def _postgresql(transactional_db: None) -> None:
    require_row_locks()


pytestmark = pytest.mark.postgres


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    make.HubFactory.create(factory=enrolment.cohort.factory)
    return LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labs.tasks.send_start", lambda *_: None)
    monkeypatch.setattr("labs.tasks.send_collect", lambda *_: None)
    monkeypatch.setattr("labs.tasks.send_grading", lambda *_: None)


def test_starts_at_once_are_one_session(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    sessions = at_once(*[lambda: request_session(enrolment, lab_unit, actor=enrolment.learner)] * PRESSES)
    assert len({session.pk for session in sessions}) == 1
    assert LabSession.objects.count() == 1


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("sessions_per_learner", "learner_limit"), ("sessions_max", "factory_full"), ("lab", "lab_full")],
)
def test_of_starts_at_once_only_as_many_are_taken_as_there_are_places(
    enrolment: Enrolment, lab_unit: LabUnit, limit: str, reason: str
) -> None:
    """Of one learner in many labs; of many learners in as many labs; of many learners in one lab."""
    hub = Hub.objects.get()
    if limit == "lab":
        lab_unit.release.session = {"sessions_max": 2}
    else:
        setattr(hub, limit, 2)
        hub.save()
    releases = [
        lab_unit.release if limit == "lab" else make.LabReleaseFactory.create() for _ in range(PRESSES)
    ]
    workspaces = [
        make.WorkspaceFactory.create(lab=release.lab, owner=enrolment.learner)
        if limit == "sessions_per_learner"
        else make.WorkspaceFactory.create(lab=release.lab)
        for release in releases
    ]
    presses = iter(zip(workspaces, releases, strict=True))

    def press() -> str:
        workspace, release = next(presses)
        try:
            create_session(workspace, release, hub, actor=workspace.owner)
        except RefusedError as refusal:
            return refusal.reason
        return ""

    answers = at_once(*[press] * PRESSES)
    assert sorted(answers) == sorted([""] * 2 + [reason] * (PRESSES - 2))
    assert LabSession.objects.count() == 2


def test_submits_at_once_are_one_submission(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.LabSessionFactory.create(
        enrolment=enrolment, release=lab_unit.release, lab=lab_unit.release.lab, status=SessionStatus.READY
    )
    submissions = at_once(
        *[lambda: submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)] * PRESSES
    )
    assert len({submission.pk for submission in submissions}) == 1
    assert Submission.objects.count() == 1


def test_checks_at_once_are_one_check(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    show_tests(lab_unit.release)
    make.LabSessionFactory.create(
        enrolment=enrolment, release=lab_unit.release, lab=lab_unit.release.lab, status=SessionStatus.READY
    )
    checks = at_once(
        *[lambda: check_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)] * PRESSES
    )
    assert len({check.pk for check in checks}) == 1


def test_of_files_handed_in_at_once_one_waits_and_the_others_are_replaced(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    lab_unit.release.grading = {"attempts": 1}
    lab_unit.release.save()
    contents = iter([write_notebook(write_cell("mean", str(number))) for number in range(PRESSES)])

    def press() -> int | None:
        files = [SimpleUploadedFile("lab.ipynb", next(contents))]
        return submit_upload(enrolment, lab_unit, files, press_key=uuid4(), actor=enrolment.learner).attempt

    attempts = at_once(*[press] * PRESSES)
    assert sorted(number for number in attempts if number) == list(range(1, PRESSES + 1))
    waiting = GradingRun.objects.exclude(status=GradingStatus.REPLACED)
    assert [(run.status, run.submission.attempt) for run in waiting] == [(GradingStatus.QUEUED, PRESSES)]


def test_work_that_a_worker_takes_at_that_moment_is_not_replaced(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    """One of both wins: the older attempt is graded and the newer one refused, or it is replaced."""
    lab_unit.release.grading = {"attempts": 1}
    lab_unit.release.save()
    notebooks = [write_notebook(write_cell("mean", str(number))) for number in range(PRESSES)]
    for number, notebook in enumerate(notebooks):
        files = [SimpleUploadedFile("lab.ipynb", notebook)]
        press = partial(submit_upload, enrolment, lab_unit, files, press_key=uuid4(), actor=enrolment.learner)
        if number == 0:
            press()
            continue
        actions: list[Callable[[], object]] = [
            partial(try_to, press),
            partial(claim_next_run, factory=None, worker="x"),
        ]
        at_once(*actions)
        statuses = sorted(GradingRun.objects.values_list("status", flat=True))
        assert statuses in (["queued", "replaced"], ["replaced", "running"], ["running"])
        GradingRun.objects.filter(status=GradingStatus.REPLACED).delete()
        GradingRun.objects.update(status=GradingStatus.QUEUED)


def try_to(press: Callable[[], object]) -> object:
    with suppress(RefusedError):
        return press()
    return None


@pytest.mark.parametrize("end_try", [partial(try_again_or_fail, reason="worker_lost"), put_back])
def test_a_try_ends_under_the_lock_under_which_attempts_are_counted(
    enrolment: Enrolment, end_try: Callable[[GradingRun], object]
) -> None:
    """Else newer work finds an attempt neither at work, which counts, nor waiting, which it replaces."""
    run = make.GradingRunFactory.create(submission__enrolment=enrolment, status=GradingStatus.RUNNING)
    with CaptureQueriesContext(connection) as queries:
        end_try(run)
    locks = [row["sql"] for row in queries if "FOR UPDATE" in row["sql"]]
    assert any(f'"{Enrolment._meta.db_table}"' in lock for lock in locks)


def test_one_of_many_movers_wins_and_writes_the_only_event(enrolment: Enrolment) -> None:
    session = make.LabSessionFactory.create(enrolment=enrolment, status=SessionStatus.READY)

    believers = iter([LabSession.objects.get(pk=session.pk) for _ in range(PRESSES)])

    def move() -> bool:
        try:
            move_session(next(believers), SessionStatus.STOPPING)
        except StaleStateError:
            return False
        return True

    assert sum(at_once(*[move] * PRESSES)) == 1
    assert session.events.count() == 1


def result_of(points: float) -> GradingResult:
    cell = CellResult("mean", CellKind.AUTOGRADED, points, 3.0, 0.0, needs_manual_grade=False, was_run=True)
    notebook = NotebookResult("lab", GradingOutcome.SCORED, "", None, (cell,), ())
    return GradingResult(GradingOutcome.SCORED, (notebook,))


def test_of_attempts_graded_at_once_the_best_counts(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    runs = [
        make.GradingRunFactory.create(
            submission__enrolment=enrolment,
            submission__release=lab_unit.release,
            status=GradingStatus.RUNNING,
            score=None,
        )
        for _ in range(PRESSES)
    ]
    results = iter([(run, result_of(number / 4)) for number, run in enumerate(runs, start=1)])
    at_once(*[lambda: record_result(*next(results))] * PRESSES)
    assert UnitProgress.objects.get(enrolment=enrolment).score == PRESSES / 4


def test_restores_pressed_at_once_are_one(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    snapshot = make.SnapshotFactory.create(
        workspace__owner=enrolment.learner, workspace__lab=lab_unit.release.lab
    )
    made = at_once(*[lambda: restore_snapshot(snapshot, actor=enrolment.learner)] * PRESSES)
    assert len({each.pk for each in made}) == 1
    assert snapshot.workspace.snapshots.count() == 2


def test_a_restore_pressed_while_a_delivery_ends_is_delivered_or_restarts_the_lab(
    enrolment: Enrolment, lab_unit: LabUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labs.tasks.send_stop", lambda *_: None)
    for _ in range(PRESSES):
        session = make.LabSessionFactory.create(
            enrolment=enrolment, release=lab_unit.release, status=SessionStatus.SPAWNING
        )
        snapshot = make.SnapshotFactory.create(workspace=session.workspace)
        at_once(
            partial(finish_delivery, session, Delivery(wanted=None)),
            partial(ask_for, snapshot, enrolment.learner),
        )
        session.refresh_from_db()
        session.workspace.refresh_from_db()
        assert session.workspace.wanted is not None
        is_delivered_again = session.status == SessionStatus.SPAWNING
        assert is_delivered_again or (session.status, session.is_restarting) == (SessionStatus.STOPPING, True)
        LabSession.objects.filter(pk=session.pk).update(status=SessionStatus.STOPPED)
        Workspace.objects.update(wanted=None)


def test_a_session_begins_anew_while_somebody_asks_for_a_version(enrolment: Enrolment) -> None:
    """One holds the workspace and wants the session, the other the other way round: neither waits for both."""
    session = make.LabSessionFactory.create(
        enrolment=enrolment, status=SessionStatus.STOPPING, is_restarting=True
    )
    with transaction.atomic():
        lock(session.workspace_id)
        at_once(partial(end_without_waiting, session))
    assert LabSession.objects.filter(status=SessionStatus.REQUESTED).count() == 1


def end_without_waiting(session: LabSession) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '2s'")
    end_session(session, SessionStatus.STOPPED, reason="server_gone")


def ask_for(snapshot: Snapshot, actor: User) -> bool:
    return restore_snapshot(snapshot, actor=actor).pk > 0


def test_presses_to_pause_at_once_are_one_pause(lab_unit: LabUnit, ada: User) -> None:
    lab = lab_unit.release.lab
    pauses = at_once(*[lambda: pause_grading(lab, note="", actor=ada)] * PRESSES)
    assert {pause.pk for pause in pauses} == {GradingPause.objects.get().pk}


def test_presses_to_go_on_at_once_end_a_pause_once(lab_unit: LabUnit, ada: User) -> None:
    lab = lab_unit.release.lab
    pause_grading(lab, note="", actor=ada)
    ended = at_once(*[lambda: resume_grading(lab, actor=ada)] * PRESSES)
    assert [each for each in ended if each is not None] == [0]
