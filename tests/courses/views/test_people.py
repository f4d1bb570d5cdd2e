import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.authtoken.models import Token

from courses.models import User

SignIn = Callable[[User], Client]
SETTINGS = {
    "full_name": "Ada L.",
    "language": "fi",
    "time_zone": "Europe/Athens",
    "organisation": "An institute",
    "country": "GR",
}


def test_settings_are_saved_and_the_language_takes_effect_at_once(ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)
    client.cookies["paja_language"] = "en"

    response = client.post(reverse("courses:settings"), SETTINGS, follow=True)

    ada.refresh_from_db()
    assert (ada.full_name, ada.language, ada.time_zone) == ("Ada L.", "fi", "Europe/Athens")
    assert (ada.organisation, ada.country) == ("An institute", "GR")
    assert '<html lang="fi"' in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value"), [("time_zone", "Mars/Base"), ("language", "xx"), ("country", "ZZ")]
)
def test_nonsense_is_not_saved(ada: User, sign_in: SignIn, field: str, value: str) -> None:
    response = sign_in(ada).post(reverse("courses:settings"), {**SETTINGS, field: value})

    assert response.status_code == 200
    assert response.context["form"].errors[field]
    ada.refresh_from_db()
    assert ada.full_name == "Ada"


def test_nobody_changes_what_the_form_does_not_have(ada: User, sign_in: SignIn) -> None:
    sign_in(ada).post(
        reverse("courses:settings"),
        {**SETTINGS, "is_superuser": "1", "hub_name": "p-1", "email": "x@y.example"},
    )

    before = (ada.is_superuser, ada.hub_name, ada.email)
    ada.refresh_from_db()
    assert (ada.is_superuser, ada.hub_name, ada.email) == before


def renew(client: Client) -> str:
    """Press for a new key and read it on the page."""
    page = client.post(reverse("courses:renew-token"), follow=True).content.decode()
    found = re.search(r"\b[0-9a-f]{40}\b", page)
    assert found
    return found[0]


def test_a_new_token_is_shown_once_and_kept_as_a_digest(ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)

    key = renew(client)
    again = client.get(reverse("courses:settings")).content.decode()

    kept = Token.objects.get(user=ada).key
    assert kept != key
    assert key not in again
    assert kept not in again


def test_the_token_before_stops_working_and_its_digest_never_did(ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)
    keys = [renew(client), renew(client), Token.objects.get(user=ada).key]

    answers = [
        Client().get("/api/v1/enrolments/", headers={"Authorization": f"Token {key}"}).status_code
        for key in keys
    ]

    assert answers == [401, 200, 401]


def test_a_token_is_not_made_by_a_link(ada: User, sign_in: SignIn) -> None:
    assert sign_in(ada).get(reverse("courses:renew-token")).status_code == 405


def test_switching_the_language_holds_for_the_browser_and_for_the_account(ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)

    response = client.post(
        reverse("courses:set-language"), {"language": "el", "next": "/courses/"}, follow=True
    )

    assert response.redirect_chain == [("/courses/", 302)]
    assert '<html lang="el"' in response.content.decode()
    ada.refresh_from_db()
    assert ada.language == "el"


def test_somebody_who_is_not_signed_in_can_switch_too(client: Client, db: None) -> None:
    client.post(reverse("courses:set-language"), {"language": "fi", "next": "/courses/"})

    assert '<html lang="fi"' in client.get("/courses/").content.decode()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "\\\\evil.example"]
)
def test_switching_the_language_never_leads_away(client: Client, target: str) -> None:
    response = client.post(reverse("courses:set-language"), {"language": "fi", "next": target})

    assert response["Location"] == "/"


def test_an_unknown_language_changes_nothing(ada: User, sign_in: SignIn) -> None:
    client = sign_in(ada)

    client.post(reverse("courses:set-language"), {"language": "xx", "next": "/"})

    assert "paja_language" not in client.cookies
    ada.refresh_from_db()
    assert ada.language == "en"
