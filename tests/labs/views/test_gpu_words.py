"""What a learner reads of a lab that needs a GPU: where it is graded, and that a place there takes time."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from labs.models import LabRelease, LabUnit
from labs.states import GradingStatus
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

pytestmark = pytest.mark.django_db

GRADED_THERE = "is graded at your factory and waits for a place there"
TAKES_TIME = "This lab is graded on a GPU of your factory"


@pytest.mark.parametrize("gpus", [0, 1])
def test_the_labs_page_says_where_it_is_graded(
    as_ada: Client, address: str, lab_unit: LabUnit, gpus: int
) -> None:
    LabRelease.objects.filter(pk=lab_unit.release_id).update(needs={"gpus": gpus})

    assert (GRADED_THERE in as_ada.get(address).content.decode()) is bool(gpus)


@pytest.mark.parametrize("is_there", [False, True])
def test_who_waits_for_a_factory_reads_why(
    as_ada: Client, make_submission: MakeSubmission, is_there: bool
) -> None:
    submission = make_submission()
    factory = submission.enrolment.cohort.factory if is_there else None
    long_ago = timezone.now() - timedelta(minutes=2)
    make.GradingRunFactory.create(
        submission=submission, status=GradingStatus.QUEUED, factory=factory, in_line_since=long_ago
    )

    page = as_ada.get(f"/labs/submissions/{submission.public_id}/").content.decode()

    assert (TAKES_TIME in page) is is_there
