"""Texts of Django and allauth come in our words where theirs are missing or faulty."""

from datetime import timedelta

import pytest
from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.exceptions import ValidationError
from django.utils import timezone, translation


def test_a_password_that_is_too_short_is_refused_in_greek() -> None:
    with translation.override("el"), pytest.raises(ValidationError) as caught:
        MinimumLengthValidator(10).validate("short")

    assert caught.value.messages == [
        "Αυτό το συνθηματικό είναι πολύ σύντομο. Πρέπει να έχει τουλάχιστον 10 χαρακτήρες."
    ]


def test_a_failed_log_in_is_spelt_right_in_greek() -> None:
    with translation.override("el"):
        said = str(DefaultAccountAdapter.error_messages["email_password_mismatch"])

    assert said == "Η διεύθυνση e-mail ή το συνθηματικό δεν είναι σωστά."


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=1, seconds=1), "πριν από ένα λεπτό"),
        (timedelta(hours=5), "πριν από 5\N{NO-BREAK SPACE}ώρες"),
        (timedelta(days=3), "πριν από 3\N{NO-BREAK SPACE}ημέρες"),
    ],
)
def test_how_long_ago_it_was_is_said_in_greek(age: timedelta, words: str) -> None:
    with translation.override("el"):
        assert naturaltime(timezone.now() - age) == words
