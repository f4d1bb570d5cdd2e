"""`manage.py load_demo`: two factories, the demo course with a cohort at each, and people to try it with."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from courses.models import Cohort, CohortTeamMember, CourseRelease, Factory, FactoryMembership, User
from courses.services.importing import PackageProblemsError, import_package
from courses.services.releasing import move_cohort

COURSE: Final = Path(__file__).resolve().parents[2] / "demo" / "ai-factory-essentials"
PASSWORD: Final = "paja-demo-2026"  # noqa: S105 - printed for everybody, and refused outside development
FACTORIES: Final[dict[str, dict[str, Any]]] = {
    "kajaani": {
        "name": "LUMI AI Factory",
        "machine": "LUMI",
        "city": "Kajaani",
        "country": "FI",
        "time_zone": "Europe/Helsinki",
        "languages": ["fi", "en"],
    },
    "athens": {
        "name": "Pharos AI Factory",
        "machine": "DAEDALUS",
        "city": "Athens",
        "country": "GR",
        "time_zone": "Europe/Athens",
        "languages": ["el", "en"],
    },
}
ROLES: Final = ("learner", "instructor", "staff")
ADMINISTRATOR: Final = "administrator@paja.example"
STARTS_AT: Final = datetime(2026, 9, 1, tzinfo=UTC)
ENDS_AT: Final = datetime(2030, 6, 30, tzinfo=UTC)


class Command(BaseCommand):
    """Idempotent, and quick when nothing has changed. Refuses outside development: the password is known."""

    help = "Load the demo: factories, course, cohorts and accounts. Only in development."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--accounts", action="store_true", help="print the demo accounts and do nothing")

    def handle(self, *, accounts: bool = False, **_options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError("The demo's password is known to everybody: set PAJA_DEVELOPMENT to load it.")
        if accounts:
            self._print_accounts()
            return
        with transaction.atomic():
            factories = [_ensure_factory(slug, fields) for slug, fields in FACTORIES.items()]
            people = _ensure_people()
        try:
            result = import_package(COURSE)
        except PackageProblemsError as error:
            raise CommandError(str(error)) from None
        with transaction.atomic():
            for factory in factories:
                _ensure_cohort(factory, result.release, people)
        self.stdout.write(
            f"The demo is loaded: {result.release}"
            + ("" if result.is_new else " (unchanged)")
            + f", cohorts at {', '.join(factory.slug for factory in factories)}."
        )

    def _print_accounts(self) -> None:
        width = max(len(email) for email, _name in _accounts())
        for email, name in _accounts():
            self.stdout.write(f"{email:<{width}}  {PASSWORD}  {name}")


def _accounts() -> list[tuple[str, str]]:
    """Address and name of everybody in the demo; they are called what they are."""
    people = [
        (f"{role}.{slug}@paja.example", f"{role.capitalize()} of {fields['city']}")
        for slug, fields in FACTORIES.items()
        for role in ROLES
    ]
    return [*people, (ADMINISTRATOR, "Administrator")]


def _ensure_factory(slug: str, fields: dict[str, Any]) -> Factory:
    factory, _ = Factory.objects.get_or_create(slug=slug, defaults=fields)
    return factory


def _ensure_people() -> dict[str, User]:
    """The accounts by address; a password that somebody changed stays as it is."""
    accounts = dict(_accounts())
    people = {user.email: user for user in User.objects.filter(email__in=accounts)}
    missing = [email for email in accounts if email not in people]
    if missing:
        password = make_password(PASSWORD)  # slow on purpose, so it is made once for all
        for email in missing:
            people[email] = _make_person(email, accounts[email], password)
    return people


def _make_person(email: str, full_name: str, password: str) -> User:
    is_administrator = email == ADMINISTRATOR
    slug = email.partition("@")[0].partition(".")[2]
    user = User.objects.create(
        email=email,
        full_name=full_name,
        password=password,
        time_zone=FACTORIES[slug]["time_zone"] if slug else "Europe/Helsinki",
        is_staff=is_administrator,
        is_superuser=is_administrator,
    )
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _ensure_cohort(factory: Factory, release: CourseRelease, people: dict[str, User]) -> None:
    """One open cohort for each factory, on the release that was loaded last, or what its instructors made of it."""
    cohort, _ = Cohort.objects.get_or_create(
        factory=factory,
        release__course=release.course,
        defaults={
            "release": release,
            "name": f"{factory.city} 2026",
            "language": factory.languages[0],
            "starts_at": STARTS_AT,
            "ends_at": ENDS_AT,
        },
    )
    if release.pk not in {cohort.release_id, cohort.release.origin_id}:
        move_cohort(cohort, release, expected=cohort.release, actor=None, reason="demo_loaded")
    CohortTeamMember.objects.get_or_create(
        cohort=cohort, user=people[f"instructor.{factory.slug}@paja.example"]
    )
    FactoryMembership.objects.get_or_create(
        factory=factory, user=people[f"staff.{factory.slug}@paja.example"]
    )
