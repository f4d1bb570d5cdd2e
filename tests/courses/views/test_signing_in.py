"""Log-in on the way to a hub, whose redirects the browser must follow; and how often it may be tried."""

import pytest
from allauth.idp.oidc.models import Client as OidcClient
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from courses.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_attempts_yet() -> None:
    cache.clear()


@pytest.fixture
def _hub() -> None:
    hub = OidcClient(id="hub-kajaani", name="Kajaani")
    hub.set_redirect_uris(["http://kajaani.localhost:8010/hub/oauth_callback"])
    hub.save()


@pytest.mark.usefixtures("_hub")
@pytest.mark.parametrize("name", ["account_login", "account_signup"])
def test_the_forms_may_lead_to_a_hub_and_its_labs_and_nowhere_else(client: Client, name: str) -> None:
    policy = client.get(reverse(name)).headers["Content-Security-Policy"]
    (forms,) = [part.split() for part in policy.split("; ") if part.startswith("form-action")]
    assert forms == [
        "form-action",
        "'self'",
        "http://*.kajaani.localhost:8010",
        "http://kajaani.localhost:8010",
    ]


@pytest.mark.usefixtures("_hub")
def test_other_forms_lead_nowhere_else(client: Client) -> None:
    policy = client.get(reverse("account_reset_password")).headers["Content-Security-Policy"]
    assert "kajaani" not in policy


def test_a_class_can_log_in_at_once_from_one_address(ada: User) -> None:
    ada.set_password("a-long-password")
    ada.save()
    for _ in range(40):
        entered = Client().post(reverse("account_login"), {"login": ada.email, "password": "a-long-password"})
        assert entered.status_code == 302


def test_guessing_one_accounts_password_is_stopped(ada: User, client: Client) -> None:
    ada.set_password("a-long-password")
    ada.save()
    for number in range(5):
        client.post(reverse("account_login"), {"login": ada.email, "password": f"guess-{number}"})

    client.post(reverse("account_login"), {"login": ada.email, "password": "a-long-password"})
    assert "_auth_user_id" not in client.session


def test_a_press_without_a_login_leads_back_to_the_page_of_the_button(client: Client) -> None:
    answer = client.post(reverse("courses:renew-token"), headers={"referer": "http://testserver/settings/"})
    assert answer.headers["Location"] == f"{reverse('account_login')}?next=/settings/"


def test_a_press_without_a_login_leads_to_no_other_site(client: Client) -> None:
    answer = client.post(
        reverse("courses:renew-token"), headers={"referer": "http://elsewhere.test/settings/"}
    )
    assert answer.headers["Location"] == f"{reverse('account_login')}?next=/"
