"""Handing in: one press is one submission however often it arrives."""

from uuid import uuid4

import pytest

from courses.models import Enrolment
from labs.exceptions import RefusedError
from labs.models import LabUnit, Submission
from labs.services.submissions import MAX_WAITING, submit_lab
from labs.states import GradingStatus, SessionStatus, SubmissionStatus
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab_unit(enrolment: Enrolment) -> LabUnit:
    return LabUnit.objects.select_related("release__lab").get(unit__release=enrolment.cohort.release)


@pytest.fixture
def _session(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.LabSessionFactory.create(
        enrolment=enrolment, release=lab_unit.release, lab=lab_unit.release.lab, status=SessionStatus.READY
    )


@pytest.mark.usefixtures("_session")
def test_the_same_press_twice_is_one_submission(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    key = uuid4()
    first = submit_lab(enrolment, lab_unit, press_key=key, actor=enrolment.learner)
    Submission.objects.update(status=SubmissionStatus.COLLECTED)
    assert submit_lab(enrolment, lab_unit, press_key=key, actor=enrolment.learner) == first


@pytest.mark.usefixtures("_session")
def test_presses_in_two_tabs_are_one_submission_while_it_is_collected(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    first = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner) == first


@pytest.mark.usefixtures("_session")
def test_a_later_press_is_another_submission(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    first = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    Submission.objects.update(status=SubmissionStatus.COLLECTED)
    assert submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner) != first


def test_without_a_session_and_saved_work_there_is_nothing_to_submit(
    enrolment: Enrolment, lab_unit: LabUnit
) -> None:
    with pytest.raises(RefusedError) as refused:
        submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert refused.value.reason == "nothing_to_submit"


def test_saved_work_can_be_submitted_without_a_session(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    make.SnapshotFactory.create(workspace__owner=enrolment.learner, workspace__lab=lab_unit.release.lab)
    submission = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert submission.status == SubmissionStatus.COLLECTING


@pytest.mark.usefixtures("_session")
def test_nobody_fills_the_queue_of_the_gradings_alone(enrolment: Enrolment, lab_unit: LabUnit) -> None:
    runs = [
        make.GradingRunFactory.create(
            submission__enrolment=enrolment,
            submission__release=lab_unit.release,
            status=GradingStatus.QUEUED,
        )
        for _ in range(MAX_WAITING)
    ]
    with pytest.raises(RefusedError) as refused:
        submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert refused.value.reason == "attempts_waiting"

    runs[0].status = GradingStatus.FINISHED
    runs[0].save()
    submission = submit_lab(enrolment, lab_unit, press_key=uuid4(), actor=enrolment.learner)
    assert submission.status == SubmissionStatus.COLLECTING
