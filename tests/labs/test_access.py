"""Who may see what in labs, where no view's own test says it."""

import pytest

from courses.models import Enrolment, User
from labs.access import submissions_for
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


def test_a_check_of_ones_own_work_is_nobody_elses(
    enrolment: Enrolment, ada: User, ben: User, staff: User, administrator: User
) -> None:
    check = make.CheckFactory.create(enrolment=enrolment)
    attempt = make.SubmissionFactory.create(enrolment=enrolment)
    assert set(submissions_for(ada)) == {check, attempt}
    assert [list(submissions_for(person)) for person in (ben, staff, administrator)] == [[attempt]] * 3
