"""Make the development hubs known: where each is, and that it may sign people in through Paja."""

from typing import Any
from urllib.parse import urlsplit

from allauth.idp.oidc.models import Client
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.env import env_secrets_by_suffix
from courses.models import Factory
from labs.models import Hub

PORT_OFFSETS = {"kajaani": 10, "athens": 20}


class Command(BaseCommand):
    help = (
        "Register the hubs of the demo factories on the ports that follow from PAJA_PORT. Development only."
    )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError(
                "load_hubs registers development hubs; it refuses to run when PAJA_DEVELOPMENT is off."
            )
        secrets = env_secrets_by_suffix("PAJA_HUB_OIDC_SECRET_")
        for slug, offset in PORT_OFFSETS.items():
            self.load_hub(Factory.objects.get(slug=slug), settings.PORT + offset, secrets.get(slug, ""))

    def load_hub(self, factory: Factory, port: int, oidc_secret: str) -> None:
        host = urlsplit(settings.ORIGIN).hostname
        public_url = f"http://{factory.slug}.{host}:{port}"
        Hub.objects.update_or_create(
            factory=factory,
            defaults={
                "api_url": f"http://127.0.0.1:{port}/hub/api",
                "public_url": public_url,
                "is_development": True,
            },
        )
        if not oidc_secret:
            return
        client, _ = Client.objects.get_or_create(id=f"hub-{factory.slug}", defaults={"name": factory.name})
        if not client.check_secret(oidc_secret):
            client.set_secret(oidc_secret)
        client.skip_consent = True
        client.set_scopes(["openid"])
        client.set_redirect_uris([f"{public_url}/hub/oauth_callback"])
        client.save()
