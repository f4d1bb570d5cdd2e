"""Log-in and sign-up on the way to a hub. The pages themselves are allauth's."""

from urllib.parse import urlsplit

from allauth.account import views as account
from allauth.idp.oidc.models import Client
from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponseBase


def log_in(request: HttpRequest) -> HttpResponseBase:
    return csp_update({"form-action": hub_origins()})(account.login)(request)


def sign_up(request: HttpRequest) -> HttpResponseBase:
    return csp_update({"form-action": hub_origins()})(account.signup)(request)


def hub_origins() -> list[str]:
    """Where a log-in may lead: a hub that asked who somebody is, and the lab there that they wanted to open.

    Browsers hold `form-action` against every redirect that follows a form, and the last of them is to the
    learner's own origin under the hub's. Whose that is nobody knows before the log-in.
    """
    addresses = {urlsplit(uri) for client in Client.objects.all() for uri in client.get_redirect_uris()}
    hubs = {(address.scheme, address.netloc) for address in addresses}
    return sorted(f"{scheme}://{host}" for scheme, hub in hubs for host in (hub, f"*.{hub}"))
