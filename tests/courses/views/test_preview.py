from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from courses.models import Cohort, CourseRelease, QuizAttempt, UnitProgress, User
from tests.factories import courses as make

SignIn = Callable[[User], Client]


def url(release: CourseRelease, *arguments: str) -> str:
    name = "courses:preview-unit" if arguments else "courses:preview"
    return reverse(name, args=[release.public_id, *arguments])


def test_an_instructor_sees_the_course_as_a_learner_would(ben: User, cohort: Cohort, sign_in: SignIn) -> None:
    client = sign_in(ben)

    course_map = client.get(url(cohort.release)).content.decode()
    reading = client.get(url(cohort.release, "read")).content.decode()

    for shown in (course_map, reading):
        assert "Preview: nothing is kept." in shown
        assert url(cohort.release, "check") in shown
    assert "<p>Some <em>text</em>.</p>" in reading
    assert "Done, go on" not in reading


def test_looking_at_units_keeps_nothing(ben: User, cohort: Cohort, sign_in: SignIn) -> None:
    client = sign_in(ben)
    for slug in ("read", "check", "practise"):
        assert client.get(url(cohort.release, slug)).status_code == 200

    assert not UnitProgress.objects.exists()


def test_a_quiz_can_be_tried_and_is_marked_but_not_kept(ben: User, cohort: Cohort, sign_in: SignIn) -> None:
    response = sign_in(ben).get(url(cohort.release, "check"), {"q1": "a", "q2": ["a", "b"]})

    shown = response.content.decode()
    assert "2 / 2" in shown
    assert "Rows of one building are alike." in shown
    assert not QuizAttempt.objects.exists()


def test_the_newest_release_can_be_previewed_before_a_cohort_uses_it(
    ben: User, cohort: Cohort, sign_in: SignIn
) -> None:
    newest = make.CourseReleaseFactory.create(course=cohort.release.course, number=9_999)

    assert sign_in(ben).get(url(newest)).status_code == 200


def test_whoever_imported_a_release_may_preview_it(eve: User, sign_in: SignIn) -> None:
    own = make.CourseReleaseFactory.create(created_by=eve)

    assert sign_in(eve).get(url(own)).status_code == 200


def test_an_administrator_may_preview_everything(
    administrator: User, release: CourseRelease, sign_in: SignIn
) -> None:
    assert sign_in(administrator).get(url(release)).status_code == 200


@pytest.mark.usefixtures("enrolment")
def test_a_learner_may_not_look_behind_the_scenes(ada: User, cohort: Cohort, sign_in: SignIn) -> None:
    assert sign_in(ada).get(url(cohort.release)).status_code == 404


def test_a_preview_takes_no_post(ben: User, cohort: Cohort, sign_in: SignIn) -> None:
    assert sign_in(ben).post(url(cohort.release, "check"), {"q1": "a"}).status_code == 405
