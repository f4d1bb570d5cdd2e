"""Handing in a notebook file: known by name or cells, looked at before it costs anything, one attempt as any other."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from courses.models import Cohort, Enrolment, UnitProgress
from labs import tasks
from labs.blobs import read_files
from labs.exceptions import QueueDownError, RefusedError
from labs.models import GradingRun, LabUnit, Submission
from labs.nbgrader.outlines import MAX_NOTEBOOK_BYTES
from labs.services import uploads
from labs.services.submissions import submit_lab
from labs.services.uploads import submit_upload
from labs.states import GradingStatus, SubmissionStatus
from tests.factories import labs as make
from tests.labs.released import write_cell, write_notebook

pytestmark = pytest.mark.django_db

MINE = write_notebook(write_cell("mean", "mean = 2"))
OTHER = write_notebook(write_cell("mean", "mean = 3"))


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    return LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What workers were woken for."""
    factories: list[str] = []
    monkeypatch.setattr(tasks, "send_grading", lambda factory="": factories.append(factory))
    return factories


def bring(enrolment: Enrolment, lab_unit: LabUnit, *files: Any, **fields: Any) -> Submission:
    return submit_upload(
        enrolment, lab_unit, files, **{"press_key": uuid4(), "actor": enrolment.learner, **fields}
    )


def file(content: bytes = MINE, name: str = "lab.ipynb") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_file_is_an_attempt_at_once_for_who_never_started_the_lab(
    enrolment: Enrolment, lab_unit: LabUnit, woken: list[str], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        submission = bring(enrolment, lab_unit, file())
    submission.refresh_from_db()
    assert (submission.status, submission.attempt) == (SubmissionStatus.COLLECTED, 1)
    assert (submission.source, submission.saved_at) == (Submission.Source.UPLOAD, None)
    assert read_files(submission.files) == {"lab.ipynb": MINE}
    assert [event.after for event in submission.events.all()] == ["collecting", "collected"]
    assert [event.actor for event in submission.events.all()] == [enrolment.learner, None]
    assert GradingRun.objects.get(submission=submission).status == GradingStatus.QUEUED
    assert woken == [""]


def test_a_queue_that_is_down_costs_nothing(
    enrolment: Enrolment,
    lab_unit: LabUnit,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    def fail() -> None:
        raise QueueDownError

    monkeypatch.setattr(tasks, "send_grading", fail)
    with django_capture_on_commit_callbacks(execute=True):
        bring(enrolment, lab_unit, file())
    assert GradingRun.objects.get().status == GradingStatus.QUEUED


def test_one_press_is_one_attempt_however_often_it_arrives(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    key = uuid4()
    first = bring(enrolment, lab_unit, file(), press_key=key)
    assert bring(enrolment, lab_unit, file(OTHER), press_key=key) == first
    assert GradingRun.objects.count() == 1


def test_the_same_file_again_is_no_new_attempt(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    bring(enrolment, lab_unit, file())
    again = bring(enrolment, lab_unit, file(name="lab (1).ipynb"))
    assert (again.status, again.attempt) == (SubmissionStatus.UNCHANGED, None)
    assert bring(enrolment, lab_unit, file(OTHER)).attempt == 2


@pytest.mark.parametrize(
    "name", ["../../lab.ipynb", "C:\\work\\lab.ipynb", "/etc/lab.ipynb", "lab\x00.ipynb"]
)
def test_a_name_is_never_a_path(enrolment: Enrolment, lab_unit: LabUnit, name: str) -> None:
    hostile = ContentFile(MINE)
    hostile.name = name
    assert set(bring(enrolment, lab_unit, hostile).files) == {"lab.ipynb"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([], "upload_empty"),
        ([file(b"")], "upload_empty"),
        ([file(name=f"{number}.ipynb") for number in range(50)], "upload_too_many"),
        ([file(b"not JSON")], "upload_not_a_notebook"),
        ([file(b"[" * 100_000)], "upload_not_a_notebook"),
        ([file(b"{}")], "upload_not_a_notebook"),
        ([file(b"\x00" * 1000)], "upload_not_a_notebook"),
        ([file(write_notebook(write_cell("other")), "other.ipynb")], "notebook_not_known"),
    ],
)
def test_what_is_no_notebook_of_the_lab_is_refused_and_nothing_is_written(
    enrolment: Enrolment, lab_unit: LabUnit, files: list[Any], reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        bring(enrolment, lab_unit, *files)
    assert refused.value.reason == reason
    assert reason in uploads.REFUSALS
    assert not Submission.objects.exists()


class Unread(ContentFile[bytes]):
    """A file of that size, which nobody may read."""

    def __init__(self, size: int, name: str) -> None:
        super().__init__(b"", name)
        self.size = size

    def read(self, _count: int | None = None) -> bytes:
        pytest.fail("a file that is too large was read")


@pytest.mark.parametrize("sizes", [(MAX_NOTEBOOK_BYTES + 1,), (uploads.MAX_UPLOAD_BYTES // 2 + 1,) * 2])
def test_what_is_too_large_is_refused_unread(
    enrolment: Enrolment, lab_unit: LabUnit, sizes: tuple[int, ...]
) -> None:
    lab_unit.release.learner_files = {"a.ipynb": "", "b.ipynb": ""}
    lab_unit.release.save()
    with pytest.raises(RefusedError) as refused:
        bring(enrolment, lab_unit, *(Unread(size, f"{n}.ipynb") for n, size in enumerate(sizes)))
    assert refused.value.reason == "upload_too_large"


def test_two_files_of_one_name_are_refused(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    lab_unit.release.learner_files = {"lab.ipynb": "", "b.ipynb": ""}
    lab_unit.release.save()
    with pytest.raises(RefusedError) as refused:
        bring(enrolment, lab_unit, file(), file(OTHER))
    assert refused.value.reason == "notebook_twice"


def test_a_file_waits_for_an_attempt_that_is_being_collected(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.SnapshotFactory.create(workspace__owner=enrolment.learner, workspace__lab=lab_unit.release.lab)
    submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    with pytest.raises(RefusedError) as refused:
        bring(enrolment, lab_unit, file())
    assert refused.value.reason == "being_collected"


@pytest.mark.parametrize(
    ("grading", "reason"),
    [({"attempts": 1}, "no_attempts_left"), ({"pace_minutes": 60}, "too_soon")],
)
def test_a_file_is_an_attempt_that_the_lab_may_not_allow(
    enrolment: Enrolment, lab_unit: LabUnit, grading: dict[str, int], reason: str
) -> None:
    lab_unit.release.grading = grading
    lab_unit.release.save()
    bring(enrolment, lab_unit, file())
    GradingRun.objects.update(status=GradingStatus.RUNNING)
    with pytest.raises(RefusedError) as refused:
        bring(enrolment, lab_unit, file(OTHER))
    assert refused.value.reason == reason


def test_files_do_not_fill_the_queue_of_the_gradings(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    """However often somebody hands in, one of their attempts waits, in the place of the first."""
    for number in range(3):
        bring(enrolment, lab_unit, file(write_notebook(write_cell("mean", str(number)))))
    runs = GradingRun.objects.order_by("pk")
    assert [run.status for run in runs] == ["replaced", "replaced", "queued"]
    assert len({run.in_line_since for run in runs}) == 1


def test_a_practice_lab_is_done_by_a_file(enrolment: Enrolment, lab_unit: LabUnit, woken: list[str]) -> None:
    lab_unit.release.grade_cells = []
    lab_unit.release.save()
    assert bring(enrolment, lab_unit, file(write_notebook(), "mine.ipynb")).attempt == 1
    assert UnitProgress.objects.get(enrolment=enrolment).completed_at is not None
    assert woken == []


def test_nothing_is_taken_before_the_cohort_has_begun(
    enrolment: Enrolment, cohort: Cohort, lab_unit: LabUnit
) -> None:
    cohort.starts_at = timezone.now() + timedelta(days=1)
    cohort.save()
    enrolment.refresh_from_db()
    with pytest.raises(RefusedError) as refused:
        bring(enrolment, lab_unit, file())
    assert refused.value.reason == "cohort_not_begun"


def test_a_cohort_that_has_ended_takes_files_as_it_takes_what_was_saved(
    enrolment: Enrolment, cohort: Cohort, lab_unit: LabUnit
) -> None:
    cohort.starts_at, cohort.ends_at = (timezone.now() - timedelta(days=days) for days in (9, 1))
    cohort.save()
    enrolment.refresh_from_db()
    assert bring(enrolment, lab_unit, file()).attempt == 1
