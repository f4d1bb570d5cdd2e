"""Learners hear of their own accounts: once, in their language, and with a page that says the rest."""

from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from courses.models import User
from labs.models import AccountKind, FactoryAccount
from labs.states import AccountStatus
from labs.transitions import note_account
from labs.work.telling_learners import WARN_BEFORE, find_untold, tell_learner
from tests.factories import labs as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(ada: User) -> FactoryAccount:
    """Ada was just invited."""
    found: FactoryAccount = make.FactoryAccountFactory.create(
        kind=AccountKind.OWN,
        user=ada,
        name="",
        slurm_account="project_465",
        status=AccountStatus.INVITED,
        expires_at=timezone.now() + timedelta(days=90),
    )
    note_account(found, reason="account_invited")
    return found


def make_ending(account: FactoryAccount, days: float) -> None:
    ends_at = timezone.now() + timedelta(days=days)
    FactoryAccount.objects.update(status=AccountStatus.VERIFIED, expires_at=ends_at)


def test_who_is_invited_is_told_what_to_do(account: FactoryAccount, ada: User) -> None:
    assert find_untold(timezone.now(), most=9) == [account.pk]

    tell_learner(account.pk)

    (letter,) = mail.outbox
    assert letter.to == [ada.email]
    assert account.hub.factory.machine in letter.subject
    assert "project_465" in letter.body
    assert f"/labs/accounts/{account.hub.factory.slug}/" in letter.body


def test_nobody_is_told_twice(account: FactoryAccount) -> None:
    tell_learner(account.pk)
    tell_learner(account.pk)

    assert len(mail.outbox) == 1
    assert find_untold(timezone.now(), most=9) == []


def test_who_is_invited_again_is_told_again(account: FactoryAccount) -> None:
    tell_learner(account.pk)
    note_account(account, reason="account_invited")

    assert find_untold(timezone.now(), most=9) == [account.pk]


def test_the_letter_is_in_the_language_of_who_reads_it(account: FactoryAccount, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(language="fi")
    ends_at = timezone.now().replace(year=2026, month=12, day=24, hour=10)
    FactoryAccount.objects.update(expires_at=ends_at)

    tell_learner(account.pk)

    assert "24. joulukuuta 2026" in mail.outbox[0].body


@pytest.mark.parametrize(("days", "is_warned"), [(13, True), (15, False), (-1, False)])
def test_the_end_of_an_account_is_announced_some_days_before(
    account: FactoryAccount,
    days: int,
    is_warned: bool,
) -> None:
    make_ending(account, days)

    assert find_untold(timezone.now(), most=9) == ([account.pk] if is_warned else [])


def test_an_account_that_ends_is_announced_once_and_anew_after_it_was_prolonged(
    account: FactoryAccount,
) -> None:
    make_ending(account, 13)
    tell_learner(account.pk)
    assert "ends on" in mail.outbox[0].subject
    assert find_untold(timezone.now(), most=9) == []

    make_ending(account, 90)
    later = timezone.now() + timedelta(days=90) - WARN_BEFORE + timedelta(days=1)
    assert find_untold(later, most=9) == [account.pk]


def test_a_mail_server_that_fails_harms_nothing_and_is_noted(
    account: FactoryAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError("no mail today")

    monkeypatch.setattr(EmailBackend, "send_messages", fail)

    tell_learner(account.pk)

    newest = account.events.last()
    assert newest is not None
    assert newest.reason == "account_letter_failed"


def test_an_account_that_is_gone_or_needs_no_letter_gets_none(account: FactoryAccount) -> None:
    make_ending(account, 90)

    tell_learner(account.pk)
    tell_learner(10**6)

    assert mail.outbox == []
