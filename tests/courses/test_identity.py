"""What Paja tells the hubs about a person."""

from courses.identity import HubIdentityAdapter
from courses.models import User


def test_a_hub_learns_an_opaque_name_and_a_language_and_nothing_else(ada: User) -> None:
    ada.language = "el"

    claims = HubIdentityAdapter().get_claims("userinfo", ada, None, ["openid", "email", "profile"])

    assert claims == {"sub": str(ada.public_id), "preferred_username": ada.hub_name, "locale": "el"}
