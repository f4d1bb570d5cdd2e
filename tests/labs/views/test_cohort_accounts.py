"""The accounts of a cohort's learners: seen by its team, invited and ended by the factory's staff."""

import csv
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from courses.models import Cohort, Enrolment, User
from courses.states import EnrolmentStatus
from labs.models import AccountKind, FactoryAccount, Hub
from labs.states import AccountStatus
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def hub(cohort: Cohort) -> Hub:
    found: Hub = make.HubFactory.create(factory=cohort.factory, has_slurm=True)
    return found


@pytest.fixture
def page(cohort: Cohort) -> str:
    return f"/teach/{cohort.public_id}/accounts/kajaani/"


@pytest.fixture
def as_staff(staff: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(staff)


@pytest.fixture
def as_ben(ben: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(ben)


def shown(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def invitation(days: int = 90, **more: Any) -> dict[str, Any]:
    """Until so many days from now, as the staff's own clocks have it."""
    today = timezone.localdate(timezone=ZoneInfo("Europe/Helsinki"))
    return {"slurm_account": "project_1", "expires_on": str(today + days * DAY), **more}


def enrol(cohort: Cohort, **fields: Any) -> Enrolment:
    found: Enrolment = make_courses.EnrolmentFactory.create(
        cohort=cohort, status=EnrolmentStatus.ACTIVE, **fields
    )
    return found


def own(hub: Hub, user: User, status: AccountStatus, **fields: Any) -> FactoryAccount:
    found: FactoryAccount = make.FactoryAccountFactory.create(
        hub=hub, kind=AccountKind.OWN, user=user, status=status, **fields
    )
    return found


def test_the_team_sees_who_is_how_far_and_changes_nothing(
    as_ben: Client, page: str, hub: Hub, enrolment: Enrolment
) -> None:
    own(hub, enrolment.learner, AccountStatus.VERIFIED, name="kaj001")

    seen = shown(as_ben, page)

    assert "Ada" in seen
    assert "kaj001" in seen
    assert "Invite, or prolong" not in seen
    assert as_ben.post(f"{page}invite", invitation(who="lacking")).status_code == 404
    assert as_ben.post(f"{page}end", {"learner": enrolment.public_id}).status_code == 404


def test_all_who_lack_one_are_invited_at_once(
    as_staff: Client, page: str, hub: Hub, cohort: Cohort, enrolment: Enrolment, staff: User
) -> None:
    ready = enrol(cohort)
    own(hub, ready.learner, AccountStatus.VERIFIED, slurm_account="theirs")

    response = as_staff.post(f"{page}invite", invitation(who="lacking"))

    assert response.status_code == 302
    account = FactoryAccount.objects.get(user=enrolment.learner)
    assert (account.status, account.slurm_account) == (AccountStatus.INVITED, "project_1")
    assert account.events.get().actor == staff
    assert FactoryAccount.objects.get(user=ready.learner).slurm_account == "theirs"


def test_those_who_are_marked_are_invited_and_nobody_else(
    as_staff: Client, page: str, cohort: Cohort, enrolment: Enrolment
) -> None:
    enrol(cohort)

    as_staff.post(f"{page}invite", invitation(learner=[str(enrolment.public_id)]))

    assert [account.user for account in FactoryAccount.objects.all()] == [enrolment.learner]


def test_who_was_marked_stays_marked_where_the_form_is_shown_again(
    as_staff: Client, page: str, cohort: Cohort, enrolment: Enrolment
) -> None:
    enrol(cohort)
    marked = str(enrolment.public_id)

    response = as_staff.post(f"{page}invite", invitation(days=-1, who="marked", learner=[marked]))

    assert response.content.decode().count(" checked>") == 1
    assert f'value="{marked}" checked>' in response.content.decode()


def test_somebody_of_another_cohort_cannot_be_invited_here(
    as_staff: Client, page: str, enrolment: Enrolment
) -> None:
    stranger = make_courses.EnrolmentFactory.create()

    response = as_staff.post(f"{page}invite", invitation(learner=[str(stranger.public_id)]))

    assert response.status_code == 422
    assert "Nobody is marked" in response.content.decode()
    assert not FactoryAccount.objects.exists()


def test_the_last_day_counts_as_a_whole_at_the_factory(
    as_staff: Client, page: str, hub: Hub, enrolment: Enrolment
) -> None:
    type(hub.factory).objects.filter(pk=hub.factory_id).update(time_zone="Europe/Helsinki")

    as_staff.post(f"{page}invite", invitation(days=30, who="lacking"))

    ends_at = FactoryAccount.objects.get().expires_at
    assert ends_at is not None
    assert ends_at.utctimetuple().tm_min == 59
    assert ends_at.utctimetuple().tm_hour in (20, 21)


@pytest.mark.parametrize(
    "wrong",
    [{"slurm_account": "two words"}, {"slurm_account": ""}, {"expires_on": "soon"}],
)
def test_an_invitation_that_makes_no_sense_is_shown_again(
    as_staff: Client, page: str, enrolment: Enrolment, wrong: dict[str, str]
) -> None:
    response = as_staff.post(f"{page}invite", {**invitation(who="lacking"), **wrong})

    assert response.status_code == 422
    assert not FactoryAccount.objects.exists()


@pytest.mark.parametrize(("days", "is_taken"), [(0, False), (1, True), (183, True), (184, False)])
def test_an_account_is_for_half_a_year_at_most(
    as_staff: Client,
    page: str,
    enrolment: Enrolment,
    days: int,
    is_taken: bool,
) -> None:
    as_staff.post(f"{page}invite", invitation(days=days, who="lacking"))

    assert FactoryAccount.objects.exists() is is_taken


def test_an_account_can_be_marked_as_expired(
    as_staff: Client, page: str, hub: Hub, enrolment: Enrolment, staff: User
) -> None:
    account = own(hub, enrolment.learner, AccountStatus.VERIFIED)

    assert as_staff.post(f"{page}end", {"learner": enrolment.public_id}).status_code == 302

    account.refresh_from_db()
    assert account.status == AccountStatus.EXPIRED
    assert account.events.get().actor == staff


def test_an_account_that_is_not_there_cannot_be_ended(
    as_staff: Client, page: str, enrolment: Enrolment
) -> None:
    assert as_staff.post(f"{page}end", {"learner": enrolment.public_id}).status_code == 404
    assert as_staff.post(f"{page}end", {"learner": "nonsense"}).status_code == 404


def test_who_lacks_one_stands_in_the_list_for_the_centre(
    as_ben: Client, page: str, hub: Hub, cohort: Cohort, enrolment: Enrolment
) -> None:
    own(hub, enrol(cohort).learner, AccountStatus.VERIFIED)
    type(enrolment.learner).objects.filter(pk=enrolment.learner_id).update(full_name="=Ada")

    response = as_ben.get(f"{page}lacking.csv")

    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    head, *rows = csv.reader(text.splitlines())
    assert head == ["name", "email", "account", "user_name", "valid_until"]
    assert rows == [["'=Ada", "ada@example.org", "none", "", ""]]


def test_a_cohort_without_learners_says_what_comes(as_ben: Client, page: str) -> None:
    assert "Nobody has enrolled yet" in shown(as_ben, page)


def test_a_hub_that_the_cohort_has_nothing_to_do_with_has_no_page(as_staff: Client, cohort: Cohort) -> None:
    other = make.HubFactory.create(has_slurm=True)

    assert as_staff.get(f"/teach/{cohort.public_id}/accounts/{other.factory.slug}/").status_code == 404


def test_at_another_factory_only_its_staff_invite(
    as_staff: Client, cohort: Cohort, enrolment: Enrolment
) -> None:
    partition = make.PartitionFactory.create()
    make.AllocationFactory.create(cohort=cohort, partition=partition, account_kind=AccountKind.OWN)
    there = f"/teach/{cohort.public_id}/accounts/{partition.hub.factory.slug}/"

    assert "Invite, or prolong" not in shown(as_staff, there)
    assert as_staff.post(f"{there}invite", invitation(who="lacking")).status_code == 404


@pytest.mark.parametrize(
    ("part", "method"), [("", "post"), ("lacking.csv", "post"), ("invite", "get"), ("end", "get")]
)
def test_each_address_takes_one_method(as_staff: Client, page: str, part: str, method: str) -> None:
    assert getattr(as_staff, method)(page + part).status_code == 405


def test_many_learners_cost_as_many_queries_as_one(
    as_staff: Client,
    page: str,
    hub: Hub,
    cohort: Cohort,
    enrolment: Enrolment,
    count_queries: Callable[..., int],
) -> None:
    few = count_queries(lambda: as_staff.get(page))
    for _ in range(5):
        own(hub, enrol(cohort).learner, AccountStatus.VERIFIED)

    assert count_queries(lambda: as_staff.get(page)) == few


def test_who_is_named_is_invited_with_that_name(as_staff: Client, page: str, enrolment: Enrolment) -> None:
    as_staff.post(f"{page}invite", invitation(user_names="Ada@example.org, kaj001\n\n"))

    account = FactoryAccount.objects.get()
    assert (account.user, account.name) == (enrolment.learner, "kaj001")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("ada@example.org", "no e-mail with a user name"),
        ("ada@example.org rm;-rf", "no e-mail with a user name"),
        ("eve@example.org kaj001", "Nobody in this cohort"),
        ("ada@example.org train01", "Somebody else has"),
    ],
)
def test_a_name_that_cannot_be_is_shown_again(
    as_staff: Client, page: str, hub: Hub, enrolment: Enrolment, lines: str, words: str
) -> None:
    make.FactoryAccountFactory.create(hub=hub, name="train01")

    response = as_staff.post(f"{page}invite", invitation(who="lacking", user_names=lines))

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not FactoryAccount.objects.filter(kind=AccountKind.OWN).exists()
