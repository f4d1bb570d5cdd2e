"""Log-in on the way to a hub: the browser must be let through the redirects after the form."""

import pytest
from allauth.idp.oidc.models import Client as OidcClient
from django.test import Client
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def _hub() -> None:
    hub = OidcClient(id="hub-kajaani", name="Kajaani")
    hub.set_redirect_uris(["http://kajaani.localhost:8010/hub/oauth_callback"])
    hub.save()


@pytest.mark.usefixtures("_hub")
@pytest.mark.parametrize("name", ["account_login", "account_signup"])
def test_the_forms_may_lead_to_a_hub_and_nowhere_else(client: Client, name: str) -> None:
    policy = client.get(reverse(name)).headers["Content-Security-Policy"]
    (forms,) = [part.split() for part in policy.split("; ") if part.startswith("form-action")]
    assert forms == ["form-action", "'self'", "http://kajaani.localhost:8010"]


@pytest.mark.usefixtures("_hub")
def test_other_forms_lead_nowhere_else(client: Client) -> None:
    policy = client.get(reverse("account_reset_password")).headers["Content-Security-Policy"]
    assert "kajaani" not in policy
