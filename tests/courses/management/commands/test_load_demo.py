"""`manage.py load_demo`: what it makes, that it makes it once, and that it refuses outside development."""

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from pytest_django import DjangoAssertNumQueries, Settings

from courses import access
from courses.management.commands import load_demo
from courses.models import Cohort, CourseRelease, Enrolment, Factory, User
from courses.services.importing import ImportResult
from tests.factories import courses as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _development(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The course itself is tested where it is checked; here any release will do."""
    settings.DEVELOPMENT = True

    def import_package(_folder: object) -> ImportResult:
        found = CourseRelease.objects.first()
        return ImportResult(found or make.CourseReleaseFactory.create(), is_new=found is None)

    monkeypatch.setattr(load_demo, "import_package", import_package)


def test_it_makes_two_factories_with_a_running_cohort_each() -> None:
    call_command("load_demo")

    assert set(Factory.objects.values_list("slug", flat=True)) == {"kajaani", "athens"}
    for cohort in Cohort.objects.all():
        assert cohort.policy == Cohort.Policy.OPEN
        assert cohort.team.get().email == f"instructor.{cohort.factory.slug}@paja.example"
        assert cohort.factory.staff.get().email == f"staff.{cohort.factory.slug}@paja.example"


def test_the_accounts_work_and_see_what_their_role_sees() -> None:
    call_command("load_demo")

    assert User.objects.count() == EmailAddress.objects.filter(verified=True, primary=True).count() == 7
    assert all(user.check_password(load_demo.PASSWORD) for user in User.objects.all())
    staff = User.objects.get(email="staff.athens@paja.example")
    assert [factory.slug for factory in access.factories_for(staff)] == ["athens"]
    learner = User.objects.get(email="learner.athens@paja.example")
    assert not access.taught_cohorts_for(learner).exists()


def test_loading_again_changes_nothing_and_is_quick(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    call_command("load_demo")
    ada = make.UserFactory.create()
    make.EnrolmentFactory.create(cohort=Cohort.objects.first(), learner=ada)
    before = (User.objects.count(), Cohort.objects.count(), Factory.objects.count())

    with django_assert_max_num_queries(25):
        call_command("load_demo")

    assert (User.objects.count(), Cohort.objects.count(), Factory.objects.count()) == before
    assert Enrolment.objects.get().learner == ada


def test_a_password_that_somebody_changed_stays() -> None:
    call_command("load_demo")
    user = User.objects.get(email=load_demo.ADMINISTRATOR)
    user.set_password("another one entirely")
    user.save()

    call_command("load_demo")

    user.refresh_from_db()
    assert user.check_password("another one entirely")


def test_the_cohorts_move_to_the_newest_release_of_the_demo() -> None:
    call_command("load_demo")
    first = CourseRelease.objects.get()
    newest = make.CourseReleaseFactory.create(course=first.course, number=first.number + 1)

    call_command("load_demo")

    assert {cohort.release for cohort in Cohort.objects.all()} == {newest}


def test_what_an_instructor_released_to_a_cohort_stays() -> None:
    call_command("load_demo")
    loaded = CourseRelease.objects.get()
    changed = make.CourseReleaseFactory.create(course=loaded.course, number=0, origin=loaded)
    cohort = Cohort.objects.filter(factory__slug="kajaani").get()
    Cohort.objects.filter(pk=cohort.pk).update(release=changed)

    call_command("load_demo")

    cohort.refresh_from_db()
    assert (cohort.release, cohort.moves.count()) == (changed, 0)


def test_accounts_are_printed_with_their_password(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_demo", "--accounts")

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[0].split()[:2] == ["learner.kajaani@paja.example", load_demo.PASSWORD]
    assert not User.objects.exists()


@pytest.mark.parametrize("arguments", [[], ["--accounts"]])
def test_outside_development_it_refuses(settings: Settings, arguments: list[str]) -> None:
    settings.DEVELOPMENT = False

    with pytest.raises(CommandError):
        call_command("load_demo", *arguments)

    assert not User.objects.exists()
