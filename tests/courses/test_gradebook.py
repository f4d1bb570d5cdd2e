import csv
from datetime import UTC, datetime
from io import StringIO

import pytest

from courses.gradebook import BYTE_ORDER_MARK, enrolments_of, make_rows, write_csv
from courses.models import Enrolment, User
from courses.outline import Addresses, load_outlines, make_outline
from tests.factories import courses as make

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def csv_of(enrolment: Enrolment) -> list[dict[str, str]]:
    load_outlines([enrolment.cohort.release])
    outline = make_outline(enrolment.cohort.release, "en", Addresses(course="", unit=lambda _slug: ""))
    rows = make_rows(list(enrolments_of(enrolment.cohort)), outline)
    return list(csv.DictReader(StringIO("".join(write_csv(rows, outline)).removeprefix(BYTE_ORDER_MARK))))


def test_a_learner_is_a_line_with_three_columns_for_each_unit(enrolment: Enrolment) -> None:
    make.UnitProgressFactory.create(enrolment=enrolment, unit_slug="read", completed_at=NOON)
    make.UnitProgressFactory.create(enrolment=enrolment, unit_slug="check", score=1.5, max_score=2)

    (line,) = csv_of(enrolment)

    assert (line["name"], line["email"], line["status"]) == ("Ada", "ada@example.org", "active")
    assert (line["units_done"], line["units"], line["score"], line["max_score"]) == ("1", "3", "1.5", "2.0")
    assert line["read:completed_at"] == "2026-11-22T12:00:00+00:00"
    assert (line["check:completed_at"], line["check:score"], line["check:max_score"]) == ("", "1.5", "2.0")
    assert (line["practise:completed_at"], line["practise:score"]) == ("", "")


@pytest.mark.parametrize(
    "name", ["=1+1", "+358", "-2", "@SUM(A1)", "\t=1", "\r=1", " =1+1", '=HYPERLINK("http://x")']
)
def test_a_name_that_a_spreadsheet_would_run_becomes_text(enrolment: Enrolment, name: str) -> None:
    User.objects.filter(pk=enrolment.learner_id).update(full_name=name)

    (line,) = csv_of(enrolment)

    assert line["name"] == f"'{name}"


def test_learners_of_other_cohorts_are_left_out(enrolment: Enrolment) -> None:
    make.EnrolmentFactory.create()

    assert len(csv_of(enrolment)) == 1
