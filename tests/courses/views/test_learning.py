from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from courses.models import Cohort, Enrolment, QuizAttempt, Unit, UnitProgress, User
from courses.services.progress import complete_unit
from courses.services.quizzes import answer_quiz
from courses.states import EnrolmentStatus
from tests.factories import courses as make

SignIn = Callable[[User], Client]
CountQueries = Callable[[Callable[[], object]], int]


@pytest.fixture
def reader(enrolment: Enrolment, ada: User, sign_in: SignIn) -> Client:
    """ada, signed in and enrolled."""
    return sign_in(ada)


def url(enrolment: Enrolment, name: str, slug: str) -> str:
    return reverse(f"courses:{name}", args=[enrolment.cohort.public_id, slug])


def unit_page(client: Client, enrolment: Enrolment, slug: str, query: str = "") -> str:
    response = client.get(url(enrolment, "unit", slug) + query)
    assert response.status_code == 200
    return response.content.decode()


# --- The course map --------------------------------------------------------------------------------


def test_the_map_shows_every_unit_and_what_is_done(reader: Client, enrolment: Enrolment) -> None:
    complete_unit(enrolment, "read")

    response = reader.get(reverse("courses:learn", args=[enrolment.cohort.public_id]))

    shown = response.content.decode()
    for slug in ("read", "check", "practise"):
        assert url(enrolment, "unit", slug) in shown
    assert "1 of 3 units" in shown


def test_before_the_cohort_starts_the_map_has_no_links_and_units_lead_back(
    reader: Client, enrolment: Enrolment
) -> None:
    Cohort.objects.update(starts_at=timezone.now() + timedelta(days=1))
    course_map = reverse("courses:learn", args=[enrolment.cohort.public_id])

    assert url(enrolment, "unit", "read") not in reader.get(course_map).content.decode()
    for response in (
        reader.get(url(enrolment, "unit", "read")),
        reader.post(url(enrolment, "unit-done", "read")),
        reader.post(url(enrolment, "quiz-answers", "check"), {"q1": "a"}),
    ):
        assert response["Location"] == course_map
    assert not UnitProgress.objects.exists()


def test_after_the_end_everything_can_still_be_read(reader: Client, enrolment: Enrolment) -> None:
    now = timezone.now()
    Cohort.objects.update(starts_at=now - timedelta(days=9), ends_at=now - timedelta(days=1))

    shown = reader.get(reverse("courses:learn", args=[enrolment.cohort.public_id])).content.decode()

    assert "This cohort ended" in shown
    unit_page(reader, enrolment, "read")


def test_map_and_unit_take_the_same_number_of_queries_however_many_units(
    reader: Client, enrolment: Enrolment, count_queries: CountQueries
) -> None:
    def ask() -> None:
        reader.get(reverse("courses:learn", args=[enrolment.cohort.public_id]))
        unit_page(reader, enrolment, "read")

    ask()  # the first look is written down
    with_three = count_queries(ask)
    module = enrolment.cohort.release.modules.get()
    for _ in range(9):
        make.UnitFactory.create(module=module)

    assert count_queries(ask) == with_three <= 30


# --- Reading ---------------------------------------------------------------------------------------


def test_a_reading_shows_its_text_and_notes_that_it_was_opened(reader: Client, enrolment: Enrolment) -> None:
    shown = unit_page(reader, enrolment, "read")

    assert "<p>Some <em>text</em>.</p>" in shown
    assert enrolment.progress.get().unit_slug == "read"


def test_a_unit_that_is_not_translated_says_so_and_names_its_language(
    reader: Client, enrolment: Enrolment
) -> None:
    reader.cookies["paja_language"] = "el"

    shown = unit_page(reader, enrolment, "read")

    assert '<div class="prose" lang="en">' in shown
    assert "notice-plain" in shown


def test_a_unit_is_in_the_readers_language_where_it_is_translated(
    reader: Client, enrolment: Enrolment
) -> None:
    unit = Unit.objects.get(slug="read")
    make.UnitTextFactory.create(unit=unit, language="fi", title="Lue tämä", html="<p>Suomeksi</p>")
    reader.cookies["paja_language"] = "fi"

    shown = unit_page(reader, enrolment, "read")

    assert '<h1 lang="fi">Lue tämä</h1>' in shown
    assert "Suomeksi" in shown
    assert "notice-plain" not in shown


def test_marking_as_done_leads_to_the_next_unit(reader: Client, enrolment: Enrolment) -> None:
    response = reader.post(url(enrolment, "unit-done", "read"))

    assert response["Location"] == url(enrolment, "unit", "check")
    assert enrolment.progress.get().completed_at is not None


def test_marking_twice_changes_nothing(reader: Client, enrolment: Enrolment) -> None:
    reader.post(url(enrolment, "unit-done", "read"))
    first = enrolment.progress.get().completed_at
    reader.post(url(enrolment, "unit-done", "read"))

    assert enrolment.progress.get().completed_at == first


@pytest.mark.parametrize("slug", ["check", "practise"])
def test_what_is_done_by_its_score_cannot_be_marked_as_done(
    reader: Client, enrolment: Enrolment, slug: str
) -> None:
    assert reader.post(url(enrolment, "unit-done", slug)).status_code == 404
    assert not UnitProgress.objects.exists()


def test_the_last_unit_completes_the_course(reader: Client, enrolment: Enrolment) -> None:
    complete_unit(enrolment, "check")
    complete_unit(enrolment, "practise")

    reader.post(url(enrolment, "unit-done", "read"))

    enrolment.refresh_from_db()
    assert enrolment.status == EnrolmentStatus.COMPLETED


# --- Quizzes ---------------------------------------------------------------------------------------


def test_a_quiz_shows_neither_answers_nor_explanations_before_it_is_answered(
    reader: Client, enrolment: Enrolment
) -> None:
    shown = unit_page(reader, enrolment, "check")

    assert "How should the data be split?" in shown
    assert "Rows of one building are alike." not in shown
    assert "is-right" not in shown


def test_answering_shows_the_score_what_was_right_and_why(reader: Client, enrolment: Enrolment) -> None:
    response = reader.post(
        url(enrolment, "quiz-answers", "check"), {"q1": "b", "q2": ["a", "b"]}, follow=True
    )

    shown = response.content.decode()
    assert "1 / 2" in shown
    assert "Rows of one building are alike." in shown
    assert "is-wrong" in shown
    assert QuizAttempt.objects.get().answers == {"q1": ["b"], "q2": ["a", "b"]}


def test_answering_again_hides_the_answers_until_it_is_done(reader: Client, enrolment: Enrolment) -> None:
    answer_quiz(enrolment, Unit.objects.get(slug="check"), {"q1": ["b"]})

    shown = unit_page(reader, enrolment, "check", "?again=1")

    assert "Rows of one building are alike." not in shown
    assert "Check my answers" in shown
    assert "Your attempts" in shown


def test_an_empty_sheet_gets_a_sentence(reader: Client, enrolment: Enrolment) -> None:
    response = reader.post(url(enrolment, "quiz-answers", "check"), {}, follow=True)

    assert "Answer at least one question first." in response.content.decode()
    assert not QuizAttempt.objects.exists()


def test_only_a_quiz_takes_answers(reader: Client, enrolment: Enrolment) -> None:
    assert reader.post(url(enrolment, "quiz-answers", "read"), {"q1": "a"}).status_code == 404


# --- Files -----------------------------------------------------------------------------------------


def file_url(enrolment: Enrolment, path: str) -> str:
    return reverse("courses:unit-file", args=[enrolment.cohort.public_id, "basics", path])


def test_a_picture_is_shown_and_can_run_nothing(reader: Client, enrolment: Enrolment) -> None:
    make.UnitFileFactory.create(
        module=enrolment.cohort.release.modules.get(), path="images/a.svg", content_type="image/svg+xml"
    )

    response = reader.get(file_url(enrolment, "images/a.svg"))

    assert response["Content-Type"] == "image/svg+xml"
    assert response["Content-Disposition"].startswith("inline")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/pdf", "text/csv"])
def test_any_other_file_is_a_download(reader: Client, enrolment: Enrolment, content_type: str) -> None:
    make.UnitFileFactory.create(
        module=enrolment.cohort.release.modules.get(), path="data.x", content_type=content_type
    )

    response = reader.get(file_url(enrolment, "data.x"))

    assert response["Content-Disposition"] == 'attachment; filename="data.x"'


@pytest.mark.parametrize("path", ["nothing.png", "../basics/a.png", "a/../../x"])
def test_a_file_that_the_release_does_not_have_is_not_there(
    reader: Client, enrolment: Enrolment, path: str
) -> None:
    assert reader.get(file_url(enrolment, path)).status_code == 404


def test_files_of_another_release_are_not_there(reader: Client, enrolment: Enrolment) -> None:
    other = make.UnitFileFactory.create(module__slug="basics", path="images/a.png")

    assert reader.get(file_url(enrolment, other.path)).status_code == 404


# --- Methods ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "method"),
    [("unit", "post"), ("unit-done", "get"), ("quiz-answers", "get")],
)
def test_each_page_takes_one_method(reader: Client, enrolment: Enrolment, name: str, method: str) -> None:
    assert getattr(reader, method)(url(enrolment, name, "check")).status_code == 405
