import codecs
from collections.abc import Callable
from functools import partial

import pytest
from django.test import Client
from django.urls import reverse

from courses import unit_kinds
from courses.models import Cohort, Enrolment, Factory, User
from courses.services.progress import complete_unit, record_score
from courses.states import EnrolmentStatus
from courses.unit_kinds import Panel, UnitKind
from tests.factories import courses as make

SignIn = Callable[[User], Client]
CountQueries = Callable[[Callable[[], object]], int]


def shown(client: Client, name: str, *arguments: object) -> str:
    response = client.get(reverse(name, args=arguments))
    assert response.status_code == 200
    return response.content.decode()


def test_an_instructor_sees_the_cohorts_they_teach(ben: User, cohort: Cohort, sign_in: SignIn) -> None:
    make.CohortFactory.create(name="Elsewhere")

    page = shown(sign_in(ben), "courses:teaching")

    assert "Autumn" in page
    assert "Elsewhere" not in page


def test_somebody_who_teaches_nothing_is_told_what_to_do(ada: User, sign_in: SignIn) -> None:
    assert "You teach no cohort yet" in shown(sign_in(ada), "courses:teaching")


def test_a_cohort_shows_learners_by_units_with_progress_and_scores(
    ben: User, enrolment: Enrolment, sign_in: SignIn
) -> None:
    complete_unit(enrolment, "read")
    record_score(enrolment, "practise", 3.5, 5, is_complete=False)

    page = shown(sign_in(ben), "courses:cohort", enrolment.cohort.public_id)

    assert "ada@example.org" in page
    assert "1 / 3" in page
    assert "3.5 / 5" in page


def test_everybody_who_ever_enrolled_is_shown_with_their_status(
    ben: User, enrolment: Enrolment, sign_in: SignIn
) -> None:
    make.EnrolmentFactory.create(cohort=enrolment.cohort, status=EnrolmentStatus.WITHDRAWN)

    page = shown(sign_in(ben), "courses:cohort", enrolment.cohort.public_id)

    assert page.count("<tr>") == 3
    assert "Withdrawn" in page


def test_an_empty_cohort_leads_to_the_page_where_learners_enrol(
    ben: User, cohort: Cohort, sign_in: SignIn
) -> None:
    page = shown(sign_in(ben), "courses:cohort", cohort.public_id)

    assert "Nobody has enrolled yet" in page
    assert reverse("courses:course", args=["pipelines"]) in page


def test_staff_see_the_cohorts_of_their_own_factory_and_no_other(
    staff: User, enrolment: Enrolment, sign_in: SignIn
) -> None:
    other = make.CohortFactory.create(name="Elsewhere")
    client = sign_in(staff)

    page = shown(client, "courses:factory", "kajaani")

    assert "Autumn" in page
    assert "Elsewhere" not in page
    assert client.get(reverse("courses:factory", args=[other.factory.slug])).status_code == 404
    assert client.get(reverse("courses:cohort", args=[other.public_id])).status_code == 404
    shown(client, "courses:cohort", enrolment.cohort.public_id)


def test_an_administrator_sees_every_factory(administrator: User, kajaani: Factory, sign_in: SignIn) -> None:
    shown(sign_in(administrator), "courses:factory", "kajaani")


def test_kinds_of_unit_add_their_panels(
    ben: User, staff: User, cohort: Cohort, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = unit_kinds.registered_kinds()["reading"]
    panel = Panel(template="includes/progress.html", context={"value": 1, "max": 2, "label": "GPUs in use"})
    with_panels = UnitKind(
        slug="reading",
        template=kind.template,
        check=kind.check,
        import_unit=kind.import_unit,
        page_context=kind.page_context,
        cohort_panels=lambda _cohort: [panel],
        factory_panels=lambda _factory: [panel],
    )
    monkeypatch.setattr(unit_kinds, "_kinds", {**unit_kinds.registered_kinds(), "reading": with_panels})

    assert "GPUs in use" in shown(sign_in(ben), "courses:cohort", cohort.public_id)
    assert "GPUs in use" in shown(sign_in(staff), "courses:factory", "kajaani")


def test_the_csv_is_a_download_of_all_learners(ben: User, enrolment: Enrolment, sign_in: SignIn) -> None:
    response = sign_in(ben).get(reverse("courses:cohort-csv", args=[enrolment.cohort.public_id]))

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="pipelines-learners.csv"'
    content = response.getvalue()
    assert content.startswith(codecs.BOM_UTF8)
    lines = content.decode().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Ada,ada@example.org,active,")


def test_the_cohorts_page_takes_the_same_number_of_queries_however_many_learners(
    ben: User, enrolment: Enrolment, sign_in: SignIn, count_queries: CountQueries
) -> None:
    client = sign_in(ben)
    page = partial(shown, client, "courses:cohort", enrolment.cohort.public_id)
    make.UnitProgressFactory.create(enrolment=enrolment, unit_slug="read")
    with_one = count_queries(page)

    for _ in range(24):
        other = make.EnrolmentFactory.create(cohort=enrolment.cohort)
        make.UnitProgressFactory.create(enrolment=other, unit_slug="read")

    assert count_queries(page) == with_one <= 25


@pytest.mark.parametrize(("name", "arguments"), [("courses:teaching", []), ("courses:factory", ["kajaani"])])
def test_lists_of_cohorts_take_the_same_number_of_queries_however_long(
    staff: User,
    cohort: Cohort,
    sign_in: SignIn,
    name: str,
    arguments: list[str],
    count_queries: CountQueries,
) -> None:
    page = partial(shown, sign_in(staff), name, *arguments)
    with_one = count_queries(page)

    for _ in range(9):
        make.EnrolmentFactory.create(cohort__factory=cohort.factory)

    assert count_queries(page) == with_one <= 20


@pytest.mark.parametrize("name", ["courses:cohort", "courses:cohort-csv"])
def test_pages_of_a_cohort_take_no_post(ben: User, cohort: Cohort, sign_in: SignIn, name: str) -> None:
    assert sign_in(ben).post(reverse(name, args=[cohort.public_id])).status_code == 405
