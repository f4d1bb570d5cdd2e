"""The demo on the development Slurm: what its cohorts may use, and whose accounts run there."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from courses.management.commands.load_demo import ENDS_AT, FACTORIES
from courses.models import Cohort, User
from labs.models import Allocation, AllocationChange, FactoryAccount, FactoryAccountEvent, Flavour, Hub
from labs.services.shortfalls import find_shortfalls
from labs.states import AccountStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _demo(settings: Any) -> None:
    """What `load_demo` and `load_hubs` leave, as far as it matters here."""
    settings.DEVELOPMENT = True
    for slug in FACTORIES:
        cohort = make_courses.CohortFactory.create(factory=make_courses.FactoryFactory.create(slug=slug))
        make.HubFactory.create(factory=cohort.factory)
        for role in ("learner", "instructor", "staff"):
            make_courses.UserFactory.create(email=f"{role}.{slug}@paja.example")


def load(**options: str) -> None:
    call_command("load_slurm_demo", verbosity=0, **options)


def allowed(factory: str) -> list[tuple[str, str, str]]:
    rows = Allocation.objects.filter(cohort__factory__slug=factory)
    return list(rows.values_list("partition__name", "account_kind", "slurm_account"))


def test_each_cohort_may_use_what_its_factory_has_and_kajaani_athens_too() -> None:
    load()

    own, lent = ("own", "project_465000001"), ("pool", "training")
    assert allowed("kajaani") == [("small-g", *own), ("dev-g", *own), ("gpu", *lent)]
    assert allowed("athens") == [("gpu", *lent)]
    assert all(allocation.flavours.exists() for allocation in Allocation.objects.all())
    assert set(Hub.objects.values_list("has_slurm", flat=True)) == {True}


def test_its_people_have_accounts_as_the_development_slurm_names_them() -> None:
    load(suffix="b")

    verified = FactoryAccount.objects.filter(status=AccountStatus.VERIFIED, is_vouched=True)
    assert dict(verified.values_list("user__email", "name")) == {
        "learner.kajaani@paja.example": "csclrn01b",
        "learner.athens@paja.example": "csclrn02b",
        "instructor.kajaani@paja.example": "csclrn03b",
    }


def test_a_newcomer_has_yet_to_tell_a_name() -> None:
    load()

    newcomer = User.objects.get(email="newcomer.kajaani@paja.example")
    assert newcomer.check_password("paja-demo-2026")
    account = newcomer.factory_accounts.get()
    assert (account.status, account.name, account.is_vouched) == (AccountStatus.INVITED, "", False)
    assert Cohort.objects.get(factory__slug="kajaani").enrolments.get().learner == newcomer


def test_only_the_newcomer_keeps_the_cohort_from_being_planned() -> None:
    Cohort.objects.filter(factory__slug="kajaani").update(ends_at=ENDS_AT)
    cohort = Cohort.objects.get(factory__slug="kajaani")
    learner = User.objects.get(email="learner.kajaani@paja.example")
    make_courses.EnrolmentFactory.create(cohort=cohort, learner=learner)

    load()

    cohort.refresh_from_db()
    (shortfall,) = find_shortfalls(cohort, cohort.allocations.all(), timezone.now())
    assert [each.learner.email for each in shortfall.lacking] == ["newcomer.kajaani@paja.example"]
    assert shortfall.ending == ()


def test_an_end_that_somebody_chose_stays() -> None:
    chosen = timezone.now() + timedelta(days=400)
    Cohort.objects.filter(factory__slug="kajaani").update(ends_at=chosen)

    load()

    assert Cohort.objects.get(factory__slug="kajaani").ends_at == chosen


def test_a_second_time_changes_nothing_and_keeps_what_somebody_changed() -> None:
    load()
    Allocation.objects.filter(partition__name="dev-g").update(slurm_account="project_465000002")
    models = (AllocationChange, FactoryAccountEvent, Flavour, User)
    before = [model.objects.count() for model in models]

    load()

    assert [model.objects.count() for model in models] == before
    assert Allocation.objects.get(partition__name="dev-g").slurm_account == "project_465000002"


def test_outside_of_development_it_refuses(settings: Any) -> None:
    settings.DEVELOPMENT = False

    with pytest.raises(CommandError):
        load()
