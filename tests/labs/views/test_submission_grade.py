"""What an instructor sees of a submission beside its learner, and how they give points."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from courses.models import Cohort, CohortTeamMember, Enrolment, User
from labs.models import CellGrade, GradingRun, LabUnit, ScoreChange
from labs.states import GradingStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make
from tests.labs.views.conftest import MakeSubmission

pytestmark = pytest.mark.django_db

EVIDENCE = [
    {"notebook": "lab", "grade_id": "mean", "expected": "expected-secret", "altered": "altered-secret"}
]


@pytest.fixture
def run(make_submission: MakeSubmission) -> GradingRun:
    """A test that was tampered with (3 points), an answer that waits (2), a test that was passed (1)."""
    run: GradingRun = make.GradingRunFactory.create(
        submission=make_submission(attempt=1),
        score=1,
        max_score=6,
        needs_manual_grade=True,
        evidence=EVIDENCE,
    )
    waits = {"run": run, "auto_score": None, "needs_manual_grade": True}
    make.CellGradeFactory.create(grade_id="mean", position=0, is_tampered=True, **waits)
    make.CellGradeFactory.create(grade_id="explain", position=1, max_score=2, kind="manual", **waits)
    make.CellGradeFactory.create(run=run, grade_id="sum", position=2, max_score=1, auto_score=1)
    return run


def address_of(run: GradingRun, part: str = "") -> str:
    return f"/labs/submissions/{run.submission.public_id}/{part}"


def fields_of(
    run: GradingRun, grade_id: str, before: dict[str, str] | None = None, **entered: str
) -> dict[str, str]:
    """What a browser sends of a cell whose fields held `before`."""
    prefix = f"cell-{run.cells.get(grade_id=grade_id).position}"
    names = ("points", "comment") if grade_id != "explain" else ("points", "extra_credit", "comment")
    held = {name: (before or {}).get(name, "") for name in names}
    return {f"initial-{prefix}-{name}": text for name, text in held.items()} | {
        f"{prefix}-{name}": entered.get(name, text) for name, text in held.items()
    }


def save(client: Client, run: GradingRun, *cells: dict[str, str], seen: int = 0, **more: str) -> Any:
    data = {"run": str(run.public_id), "seen": str(seen), **more}
    for cell in cells:
        data |= cell
    return client.post(address_of(run, "grade"), data)


def cell(run: GradingRun, grade_id: str) -> CellGrade:
    return run.cells.get(grade_id=grade_id)


def test_an_instructor_sees_the_evidence_and_a_field_per_cell(as_ben: Client, run: GradingRun) -> None:
    response = as_ben.get(address_of(run))

    page = response.content.decode()
    assert "expected-secret" in page
    assert "altered-secret" in page
    assert [sheet.is_open for sheet in response.context["sheet"].cells.values()] == [True, True, False]
    assert 'name="cell-2-points" value="1"' in page


def test_staff_and_assistants_see_neither(
    run: GradingRun, staff: User, cohort: Cohort, sign_in: Callable[[User], Client]
) -> None:
    assistant = make_courses.UserFactory.create()
    CohortTeamMember.objects.create(cohort=cohort, user=assistant, role=CohortTeamMember.Role.ASSISTANT)

    for person in (staff, assistant):
        page = sign_in(person).get(address_of(run)).content.decode()
        assert "-secret" not in page
        assert "score-sheet" not in page
        assert save(sign_in(person), run, fields_of(run, "explain", points="2")).status_code == 404


def test_nobody_decides_about_their_own_work(
    as_ada: Client, ada: User, cohort: Cohort, run: GradingRun
) -> None:
    CohortTeamMember.objects.create(cohort=cohort, user=ada)

    assert "-secret" not in as_ada.get(address_of(run)).content.decode()
    assert save(as_ada, run, fields_of(run, "explain", points="2")).status_code == 404


def test_learners_and_strangers_cannot_grade(as_ada: Client, as_eve: Client, run: GradingRun) -> None:
    for client in (as_ada, as_eve):
        assert save(client, run, fields_of(run, "explain", points="2")).status_code == 404
    assert cell(run, "explain").manual_score is None


def test_grading_is_a_press(as_ben: Client, run: GradingRun) -> None:
    assert as_ben.get(address_of(run, "grade")).status_code == 405


def test_points_and_a_comment_are_saved_and_listed(as_ben: Client, as_ada: Client, run: GradingRun) -> None:
    answer = save(
        as_ben, run, fields_of(run, "explain", points="1.5", extra_credit="1", comment="Nearly\r\nthere")
    )

    assert answer.status_code == 302
    saved = cell(run, "explain")
    assert (saved.manual_score, saved.extra_credit, saved.comment) == (1.5, 1, "Nearly\nthere")
    assert "Ben: 2.5 of 2 points on explain, before –" in as_ben.get(address_of(run)).content.decode()
    page = as_ada.get(address_of(run)).content.decode()
    assert "Nearly<br>there" in page
    assert "3.5 of 6 points" in page


def test_what_was_not_touched_is_nobodys_decision(as_ben: Client, run: GradingRun) -> None:
    untouched = fields_of(run, "sum", before={"points": "1"})

    save(as_ben, run, untouched, fields_of(run, "mean"), fields_of(run, "explain", points="0"))

    assert list(ScoreChange.objects.values_list("cell__grade_id", flat=True)) == ["explain"]
    assert cell(run, "sum").manual_score is None


@pytest.mark.parametrize("points", ["2.5", "-1", "many", "nan"])
def test_points_that_the_cell_does_not_have_are_asked_for_again(
    as_ben: Client, run: GradingRun, points: str
) -> None:
    answer = save(as_ben, run, fields_of(run, "explain", points=points, comment="Kept"))

    assert answer.status_code == 422
    assert "Kept" in answer.content.decode()
    assert not ScoreChange.objects.exists()


@pytest.mark.parametrize(("has", "points", "score"), [(2 / 3, "0.67", None), (0.5, "0.67", 2 / 3)])
def test_all_of_two_thirds_of_a_point_can_be_given_and_kept(
    as_ben: Client, run: GradingRun, has: float, points: str, score: float | None
) -> None:
    run.cells.filter(grade_id="sum").update(max_score=2 / 3, auto_score=has)
    before = {"points": f"{has:.2f}".rstrip("0")}
    assert 'max="0.67"' in as_ben.get(address_of(run)).content.decode()

    save(as_ben, run, fields_of(run, "sum", before, points=points, comment="All of it."))

    cell = run.cells.get(grade_id="sum")
    assert (cell.comment, cell.manual_score) == ("All of it.", score)


def test_what_somebody_else_saved_meanwhile_is_shown_and_not_overwritten(
    as_ben: Client, run: GradingRun
) -> None:
    save(as_ben, run, fields_of(run, "explain", points="2", comment="Mine came first"))

    mine = fields_of(run, "explain", points="1")
    answer = save(as_ben, run, mine, fields_of(run, "mean", points="0"), seen=0)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Saved meanwhile by Ben: 2 points." in page
    assert "Mine came first" in page
    assert cell(run, "explain").score == 2
    assert cell(run, "mean").manual_score is None

    # Having seen it, a person may save all the same.
    seen = answer.context["sheet"].seen
    assert save(as_ben, run, mine, seen=seen).status_code == 302
    assert cell(run, "explain").score == 1


def test_points_for_a_run_that_is_not_the_newest_are_not_saved(as_ben: Client, run: GradingRun) -> None:
    make.GradingRunFactory.create(submission=run.submission)

    answer = save(as_ben, run, fields_of(run, "explain", points="1"))

    assert answer.status_code == 302
    assert not ScoreChange.objects.exists()


def test_what_is_not_graded_cannot_be_given_points(as_ben: Client, run: GradingRun) -> None:
    GradingRun.objects.update(status=GradingStatus.RUNNING)

    save(as_ben, run, fields_of(run, "explain", points="1"))

    assert not ScoreChange.objects.exists()


@pytest.mark.parametrize("seen", ["", "x", "-1", "²", "9" * 40])
def test_a_form_that_makes_no_sense_has_seen_nothing(as_ben: Client, run: GradingRun, seen: str) -> None:
    data = {"run": str(run.public_id), "seen": seen, **fields_of(run, "explain", points="1")}

    assert as_ben.post(address_of(run, "grade"), data).status_code == 302
    assert cell(run, "explain").score == 1


@pytest.fixture
def others(cohort: Cohort, lab_unit: LabUnit) -> list[GradingRun]:
    """Two learners after Ada whose attempts wait, and one whose attempt does not."""
    runs = []
    for name in ("Bea", "Cal", "Dan"):
        enrolment = make_courses.EnrolmentFactory.create(cohort=cohort, learner__full_name=name)
        submission = make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
        is_waiting = name != "Cal"
        run = make.GradingRunFactory.create(submission=submission, needs_manual_grade=is_waiting)
        score = None if is_waiting else 3
        make.CellGradeFactory.create(run=run, auto_score=score, needs_manual_grade=is_waiting)
        runs.append(run)
    return runs


def test_one_button_saves_and_goes_to_the_next_that_waits(
    as_ben: Client, run: GradingRun, others: list[GradingRun]
) -> None:
    bea, _cal, dan = others

    assert save(as_ben, run, next="1").url == address_of(bea)
    assert save(as_ben, bea, next="1").url == address_of(dan)
    assert save(as_ben, dan, next="1").url == address_of(run)
    assert save(as_ben, bea).url == address_of(bea)


def test_the_page_links_the_submissions_around_it(
    as_ben: Client, run: GradingRun, others: list[GradingRun]
) -> None:
    bea, _cal, dan = others

    neighbours = as_ben.get(address_of(bea)).context["neighbours"]

    assert (neighbours.count, neighbours.before, neighbours.after) == (2, run.submission, dan.submission)


def test_after_the_last_one_comes_the_list(
    as_ben: Client, run: GradingRun, cohort: Cohort, enrolment: Enrolment
) -> None:
    assert save(as_ben, run, next="1").url == f"/teach/{cohort.public_id}/labs/practise/"
    assert "No other submission of this lab waits." in as_ben.get(address_of(run)).content.decode()


def test_the_list_shows_what_waits_and_what_has_to_be_looked_at(
    as_ben: Client, run: GradingRun, others: list[GradingRun], cohort: Cohort
) -> None:
    answer = as_ben.get(f"/teach/{cohort.public_id}/labs/practise/?show=waiting")

    rows = answer.context["rows"]
    assert [row.enrolment.learner.full_name for row in rows] == ["Ada", "Bea", "Dan"]
    assert [row.is_tampered for row in rows] == [True, False, False]
    page = answer.content.decode()
    assert "Wait for a person (3)" in page
    assert page.count("Tests were passed in a way that has to be looked at.") == 1
    assert f'href="{address_of(run)}">Grade the first that waits' in page


def test_the_list_marks_nothing_that_was_decided(as_ben: Client, run: GradingRun, cohort: Cohort) -> None:
    save(as_ben, run, fields_of(run, "mean", points="0"), fields_of(run, "explain", points="2"))

    answer = as_ben.get(f"/teach/{cohort.public_id}/labs/practise/?show=waiting")

    assert answer.context["rows"] == []
    assert "Nothing waits for a person" in answer.content.decode()


def test_the_page_costs_the_same_however_many_learners_there_are(
    as_ben: Client,
    run: GradingRun,
    cohort: Cohort,
    lab_unit: LabUnit,
    count_queries: Callable[[Callable[[], object]], int],
) -> None:
    few = count_queries(lambda: as_ben.get(address_of(run)))
    for enrolment in make_courses.EnrolmentFactory.create_batch(5, cohort=cohort):
        submission = make.SubmissionFactory.create(enrolment=enrolment, release=lab_unit.release)
        waits = make.GradingRunFactory.create(submission=submission, needs_manual_grade=True)
        make.CellGradeFactory.create(run=waits, auto_score=None, needs_manual_grade=True)
    make.CellGradeFactory.create_batch(5, run=run)

    assert count_queries(lambda: as_ben.get(address_of(run))) == few
