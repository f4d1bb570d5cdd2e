"""A learner's own account at a factory: what they see of it, and telling their user name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from courses.models import Enrolment, User
from labs import tasks
from labs.models import AccountKind, FactoryAccount, Hub
from labs.reasons import SENTENCES
from labs.services.accounts import CHECKS_MAX
from labs.states import AccountStatus
from labs.transitions import note_account
from labs.work.account_codes import make_code, make_line
from tests.factories import courses as make_courses
from tests.factories import labs as make

pytestmark = pytest.mark.django_db

PAGE = "/labs/accounts/kajaani/"
DAY = timedelta(days=1)
SERVER = "v-1f00ba12"

MakeAccount = Callable[..., FactoryAccount]


@pytest.fixture(autouse=True)
def hub(enrolment: Enrolment) -> Hub:
    """Ada's cohort may use its factory with accounts that people have themselves."""
    found: Hub = make.HubFactory.create(factory=enrolment.cohort.factory, has_slurm=True)
    partition = make.PartitionFactory.create(hub=found, name="small-g")
    make.AllocationFactory.create(cohort=enrolment.cohort, partition=partition, account_kind=AccountKind.OWN)
    return found


@pytest.fixture
def as_ada(ada: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(ada)


@pytest.fixture
def make_account(hub: Hub, ada: User) -> MakeAccount:
    def make_account(status: AccountStatus, **fields: Any) -> FactoryAccount:
        fields = {"expires_at": timezone.now() + 90 * DAY, "name": "kaj001", **fields}
        found: FactoryAccount = make.FactoryAccountFactory.create(
            hub=hub, kind=AccountKind.OWN, user=ada, status=status, check_server_name=SERVER, **fields
        )
        return found

    return make_account


def shown(client: Client, address: str = PAGE, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return " ".join(response.content.decode().split())


def test_who_is_not_invited_yet_reads_what_comes(as_ada: Client) -> None:
    page = shown(as_ada)

    assert "You are not invited yet" in page
    assert 'name="name"' not in page


def test_who_is_invited_can_tell_a_name(as_ada: Client, make_account: MakeAccount) -> None:
    make_account(AccountStatus.INVITED, name="", slurm_account="project_465")

    page = shown(as_ada)

    assert "Tell your user name" in page
    assert "project_465" in page
    assert 'name="name"' in page


def test_a_name_that_is_told_is_to_be_shown_ones_own(
    as_ada: Client, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "send_account_check", lambda *_: None)
    account = make_account(AccountStatus.INVITED, name="")

    assert as_ada.post(f"{PAGE}name", {"name": "kvirtane"}).status_code == 302
    account.refresh_from_db()
    assert (account.status, account.name) == (AccountStatus.INVITED, "kvirtane")

    page = shown(as_ada)
    assert "Show that the account is yours" in page
    line = escape(make_line(make_code(account)))
    assert f"<code>{line}</code>" in page
    assert f'data-copy="{line}"' in page

    assert as_ada.post(f"{PAGE}check").status_code == 302
    account.refresh_from_db()
    assert (account.status, account.name) == (AccountStatus.VERIFYING, "kvirtane")


def test_a_name_that_was_mistyped_can_be_told_anew(as_ada: Client, make_account: MakeAccount) -> None:
    account = make_account(AccountStatus.INVITED, reason="account_code_missing")

    assert "This is not my user name" in shown(as_ada)
    as_ada.post(f"{PAGE}name", {"name": "kvirtane"})

    account.refresh_from_db()
    assert account.name == "kvirtane"
    assert "could not be tried out" not in shown(as_ada)


@pytest.mark.parametrize("reason", ["account_code_missing", "account_code_wrong"])
def test_who_has_not_shown_it_yet_reads_what_is_missing_beside_the_line(
    as_ada: Client, make_account: MakeAccount, reason: str
) -> None:
    account = make_account(AccountStatus.INVITED, reason=reason)

    page = shown(as_ada)

    assert escape(str(SENTENCES[reason])) in page
    assert "is not known to be yours yet" in page
    assert "could not be tried out" not in page
    assert escape(make_line(make_code(account))) in page


def test_too_many_checks_are_refused_on_the_page(
    as_ada: Client, make_account: MakeAccount, ada: User
) -> None:
    account = make_account(AccountStatus.INVITED)
    for _ in range(CHECKS_MAX):
        note_account(account, reason="account_check_requested", actor=ada)

    response = as_ada.post(f"{PAGE}check")

    assert response.status_code == 422
    assert escape(str(SENTENCES["account_checks_too_many"])) in response.content.decode()


@pytest.mark.parametrize(
    ("name", "reason"), [("Not A Name", "account_name_wrong"), ("train01", "account_name_taken")]
)
def test_a_name_that_cannot_be_hers_is_refused_and_kept_in_the_form(
    as_ada: Client, make_account: MakeAccount, hub: Hub, name: str, reason: str
) -> None:
    make.FactoryAccountFactory.create(hub=hub, name="train01")
    account = make_account(AccountStatus.INVITED, name="")

    response = as_ada.post(f"{PAGE}name", {"name": name})

    assert response.status_code == 422
    page = response.content.decode()
    assert str(SENTENCES[reason])[:30] in page
    assert f'value="{name}"' in page
    account.refresh_from_db()
    assert account.status == AccountStatus.INVITED


def test_whose_account_a_name_is_stays_unsaid(as_ada: Client, make_account: MakeAccount, hub: Hub) -> None:
    other = make_courses.UserFactory.create(full_name="Somebody Else")
    make.FactoryAccountFactory.create(hub=hub, kind=AccountKind.OWN, user=other, name="kvirtane")
    make_account(AccountStatus.INVITED, name="")

    page = as_ada.post(f"{PAGE}name", {"name": "kvirtane"}).content.decode()

    assert "Somebody" not in page
    assert other.email not in page


def test_who_was_never_invited_cannot_tell_a_name(as_ada: Client) -> None:
    assert as_ada.post(f"{PAGE}name", {"name": "kvirtane"}).status_code == 404
    assert as_ada.post(f"{PAGE}check").status_code == 404


def test_while_the_job_waits_the_page_follows_it(as_ada: Client, make_account: MakeAccount, hub: Hub) -> None:
    make_account(AccountStatus.VERIFYING, check_requested_at=timezone.now())
    assert "asked to run a job" in shown(as_ada)

    job = make.SlurmJobFactory.create(hub=hub, server_name=SERVER, place=3, partition_name="small-g")
    page = shown(as_ada)
    assert "at place 3" in page
    assert "small-g" in page
    assert f'hx-get="{PAGE}status' in page

    job.started_at = timezone.now()
    job.save()
    assert "The job runs" in shown(as_ada)


def test_the_page_is_asked_for_again_until_the_job_has_ended(
    as_ada: Client, make_account: MakeAccount
) -> None:
    account = make_account(AccountStatus.VERIFYING, check_requested_at=timezone.now())
    version = as_ada.get(PAGE).context["version"]
    assert as_ada.get(f"{PAGE}status?seen={version}").status_code == 204
    assert as_ada.get(f"{PAGE}status").status_code == 200

    FactoryAccount.objects.filter(pk=account.pk).update(status=AccountStatus.VERIFIED)

    assert "Your account is ready" in shown(as_ada, f"{PAGE}status?seen={version}", 286)


def test_what_went_wrong_and_what_to_do_stands_there_with_the_name(
    as_ada: Client, make_account: MakeAccount
) -> None:
    make_account(AccountStatus.INVITED, reason="account_not_in_project")

    page = shown(as_ada)

    assert "could not be tried out" in page
    assert str(SENTENCES["account_not_in_project"])[:40] in page
    assert 'value="kaj001"' in page


def test_a_verified_account_says_until_when_and_can_be_tried_again(
    as_ada: Client, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "send_account_check", lambda *_: None)
    account = make_account(AccountStatus.VERIFIED)
    page = shown(as_ada)
    assert "Your account is ready" in page
    assert "Valid until" in page

    assert escape(make_line(make_code(account))) in page

    as_ada.post(f"{PAGE}check")

    account.refresh_from_db()
    assert account.status == AccountStatus.VERIFYING


@pytest.mark.parametrize(
    ("days", "words"), [(13, "If you need it longer"), (30, None), (-1, "Your account has ended")]
)
def test_the_end_of_an_account_is_announced_some_days_before(
    as_ada: Client, enrolment: Enrolment, make_account: MakeAccount, days: int, words: str | None
) -> None:
    type(enrolment.cohort).objects.update(ends_at=timezone.now() + 20 * DAY)
    make_account(AccountStatus.VERIFIED, expires_at=timezone.now() + days * DAY)

    page = shown(as_ada)

    if words:
        assert words in page
    else:
        assert "notice-warn" not in page


def test_an_account_that_ends_before_its_cohort_is_told_of_without_haste(
    as_ada: Client, enrolment: Enrolment, make_account: MakeAccount
) -> None:
    type(enrolment.cohort).objects.update(ends_at=timezone.now() + 60 * DAY)
    make_account(AccountStatus.VERIFIED, expires_at=timezone.now() + 30 * DAY)

    assert "Nothing is wrong now" in shown(as_ada)
    assert "Your account at" not in shown(as_ada, "/")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (AccountStatus.INVITED, "is not ready yet"),
        (AccountStatus.EXPIRED, "has ended"),
        (None, "will need an account"),
    ],
)
def test_the_persons_own_page_leads_to_what_has_to_be_done(
    as_ada: Client, make_account: MakeAccount, status: AccountStatus | None, words: str
) -> None:
    if status:
        make_account(status)

    page = shown(as_ada, "/")

    assert words in page
    assert PAGE in page


def test_who_has_done_everything_is_left_in_peace(as_ada: Client, make_account: MakeAccount) -> None:
    make_account(AccountStatus.VERIFIED, expires_at=None)

    assert PAGE not in shown(as_ada, "/")
    assert "Verified" in shown(as_ada, "/labs/accounts/")


def test_the_settings_lead_to_the_list(as_ada: Client) -> None:
    assert "/labs/accounts/" in shown(as_ada, "/settings/")


def test_a_labs_page_warns_of_an_account_that_ends_soon(
    as_ada: Client, enrolment: Enrolment, make_account: MakeAccount
) -> None:
    make_account(AccountStatus.VERIFIED, expires_at=timezone.now() + 5 * DAY)

    assert PAGE in shown(as_ada, f"/learn/{enrolment.cohort.public_id}/practise/")


def test_who_needs_no_account_has_no_such_page(sign_in: Callable[[User], Client]) -> None:
    client = sign_in(make_courses.UserFactory.create())

    assert client.get(PAGE).status_code == 404
    assert client.get(f"{PAGE}status").status_code == 404
    assert "You need none" in shown(client, "/labs/accounts/")


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}status", "/labs/accounts/"])
def test_pages_are_only_read(as_ada: Client, address: str) -> None:
    assert as_ada.post(address).status_code == 405


def test_a_name_is_told_by_a_press(as_ada: Client) -> None:
    assert as_ada.get(f"{PAGE}name").status_code == 405
    assert as_ada.get(f"{PAGE}check").status_code == 405


def test_the_list_asks_as_often_for_many_as_for_one(
    as_ada: Client, ada: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    few = count_queries(lambda: as_ada.get("/labs/accounts/"))
    for _ in range(4):
        make.FactoryAccountFactory.create(kind=AccountKind.OWN, user=ada)

    assert count_queries(lambda: as_ada.get("/labs/accounts/")) == few


def test_a_name_that_the_factory_gave_is_only_to_be_tried_out(
    as_ada: Client, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "send_account_check", lambda *_: None)
    make_account(AccountStatus.INVITED, is_vouched=True, reason="account_named")

    page = shown(as_ada)
    assert "has told Paja that your user name is" in page
    assert 'type="text"' not in page.partition("account-status")[2]
    assert ".paja/code" not in page
    assert "Your code" not in page

    assert as_ada.post(f"{PAGE}name", {"name": "kaj002"}).status_code == 422
    assert as_ada.post(f"{PAGE}check").status_code == 302
