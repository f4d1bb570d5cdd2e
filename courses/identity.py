"""Signing in, and the claims that Paja as OpenID Connect provider makes to the hubs."""

import uuid
from collections.abc import Iterable
from typing import Any, Literal

from allauth.account.adapter import DefaultAccountAdapter
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from django.conf import settings

from courses.models import User


class AccountAdapter(DefaultAccountAdapter):
    """E-mail addresses are kept in lower case, so that one address is one account."""

    def clean_email(self, email: str) -> str:
        return str(super().clean_email(email)).lower()


class HubIdentityAdapter(DefaultOIDCAdapter):
    """A hub learns the opaque `hub_name` and the language of its pages: no address, no name, no row id."""

    def get_issuer(self) -> str:
        return str(settings.ORIGIN)

    def get_claims(
        self,
        purpose: Literal["id_token", "userinfo"],
        user: User,
        client: object,
        scopes: Iterable[str],
        email: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        return {
            "sub": self.get_user_sub(client, user),
            "preferred_username": user.hub_name,
            "locale": user.language,
        }

    def get_user_sub(self, client: object, user: User) -> str:
        return str(user.public_id)

    def get_user_by_sub(self, client: object, sub: str) -> User | None:
        try:
            public_id = uuid.UUID(sub)
        except ValueError:
            return None
        return User.objects.filter(public_id=public_id, is_active=True).first()
