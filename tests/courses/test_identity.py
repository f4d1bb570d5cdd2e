"""What Paja tells the hubs about a person."""

import uuid

import pytest

from courses.identity import HubIdentityAdapter
from courses.models import User


def test_a_hub_learns_an_opaque_name_and_a_language_and_nothing_else(ada: User) -> None:
    ada.language = "el"

    claims = HubIdentityAdapter().get_claims("userinfo", ada, None, ["openid", "email", "profile"])

    assert claims == {"sub": str(ada.public_id), "preferred_username": ada.hub_name, "locale": "el"}


def test_a_subject_is_the_one_active_person_whom_paja_named(ada: User) -> None:
    adapter = HubIdentityAdapter()
    named = adapter.get_user_sub(None, ada)

    assert adapter.get_user_by_sub(None, named) == ada
    ada.is_active = False
    ada.save()
    assert adapter.get_user_by_sub(None, named) is None


@pytest.mark.django_db
@pytest.mark.parametrize("sub", ["", "1", "ada", str(uuid.UUID(int=1))])
def test_any_other_subject_is_nobody(sub: str) -> None:
    assert HubIdentityAdapter().get_user_by_sub(None, sub) is None
